"""The engine by its own entry point, `compliance.engine.findings`, with the full default product profile.

Loggers that measured for thirty days, with noise, excursions and gaps, judged as goods that have arrived. The peers get
the same readings in columns and the same profile in plain numbers, and give equal output; that it is equal, to within
the rounding of floats, is checked before anything is measured: time inside, above, below and unknown by interpolated
edges, extremes, mean and coverage; the mean kinetic temperature with its bounds for gaps; every excursion with its
edges, durations, peak, mean, area, coverage and severity by rules and matrix; every rule's firings by hold, cumulative
hold, hysteresis, confirmed return, and the excursion that each belongs to; with `cct-2-8` also the stability budget's
charges, the worst and the trailing 24 h window around each hot excursion, and the headroom and budget rules. Peers try
the windows that begin or end at a reading; the engine also those between, which here are up to 0.001 °C hotter.

pandas works on one frame of all loggers (shift, cumsum, groupby on what lies outside), and once more on a logger at a
time, as shipments are judged when their readings come; DuckDB in one statement a table and rule; Polars by expressions
over all loggers. All of them compute in floats and hand over their own frames. The engine is asked for one shipment at
a time, computes in whole numbers, and makes the alarms, the suggestion with its reasons and the whole JSON document
beside that. Seconds are those of the CPU, of one thread, measured in turns: other work on the machine does not count.

Where pandas has all loggers in one frame the mark is missed. Its price of a call is then spread over all of them, while
the engine pays its own for each shipment: about a millisecond of Python for excursions, rules, alarms and the document,
beside about half of one in which NumPy passes over the readings. A frame of one logger costs pandas over a hundred.
"""

import gc
import os
import time
import tracemalloc
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from statistics import median

import numpy as np

from bench.asked import Columns, asked_of, outcome, same
from bench.table import Anchor, absent
from coldchain.domain.finding import Findings, Subject, SubjectKind
from coldchain.domain.profile import ProductProfile
from coldchain.domain.profile_format import profile_from
from coldchain.domain.track import ABSENT, Track
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import shipped_bodies

PROFILE = "refrigerated-2-8"
STEP_MS, DAYS, BEGUN_MS = 300_000, 30, 1_767_571_200_000
EACH = DAYS * 86_400_000 // STEP_MS
TURNS = 3
BOX = Subject(SubjectKind.SHIPMENT, "box")
PEERS = (("pandas, all loggers in one frame", "pandas", ">= 15"), ("DuckDB windows", "duckdb", ">= 5"),
         ("Polars", "polars", ">= 1"))  # fmt: skip
os.environ.setdefault("POLARS_MAX_THREADS", "1")


def measure(scale: float) -> list[Anchor]:
    tracks = [track(number) for number in range(max(5, round(100 * scale)))]
    return [*_batch(tracks), *_recompute(tracks), _streaming(tracks[0], scale), _memory(tracks)]


def track(number: int) -> Track:
    """Thirty days of one logger: a slow swing with noise, two excursions and two gaps."""
    draw = np.random.default_rng(number)
    steps = np.arange(EACH, dtype=np.int64)
    value = np.rint(5_000 + 900 * np.sin(steps / 70) + draw.normal(0, 60, EACH)).astype(np.int64)
    for start in draw.integers(500, EACH - 500, 2):
        value[start : start + 14] += int(draw.choice((4_000, -4_500)))
    kept = np.ones(EACH, dtype=bool)
    for start in draw.integers(100, EACH - 100, 2):
        kept[start : start + 12] = False
    time_ms = (BEGUN_MS + steps * STEP_MS + draw.integers(0, 900, EACH))[kept]
    number_of = len(time_ms)
    nothing = np.full(number_of, ABSENT)
    return Track(
        f"L{number:03d}", "probe", time_ms, value[kept], nothing, nothing, nothing,
        np.arange(1, number_of + 1, dtype=np.int64), time_ms + 400,
    )  # fmt: skip


@cache
def shipped() -> dict[str, ProductProfile]:
    """The shipped profiles, read once, as the product reads them from its registry."""
    return {body["id"]: profile_from(body) for body in shipped_bodies()}


def judged(one: Track, profile: str = PROFILE) -> Findings:
    last_ms = int(one.time_ms[-1])
    bound = Bound(one, (Span(int(one.time_ms[0]), last_ms + 1),), interval_ms=STEP_MS)
    return findings(Inputs(BOX, shipped()[profile], (bound,), silence=False, ended_ms=last_ms), last_ms)


def _batch(tracks: Sequence[Track]) -> list[Anchor]:
    found = []
    for profile in (PROFILE, "cct-2-8"):
        for name, module, hold in PEERS:
            label = f"batch, {profile}: engine / {name}"
            try:
                found.append(_beside(tracks, profile, label, module, hold))
            except ImportError:
                found.append(absent(label, "not measured: pip install duckdb polars", hold))
        found.append(_one_by_one(tracks[:5], profile))
    return found


def _beside(tracks: Sequence[Track], profile: str, label: str, module: str, hold: str) -> Anchor:
    """Both over all loggers: the engine one after the other, the peer at once."""
    run, told = import_module(f"bench.peer_{module}").prepared(columns(tracks), asked_of(shipped()[profile], STEP_MS))
    same(outcome([judged(one, profile) for one in tracks]), told(run()))
    ours, theirs = _turns(lambda: [judged(one, profile) for one in tracks], run)
    readings = sum(len(one) for one in tracks)
    note = f"{len(tracks)} loggers, {readings:,} readings, equal output"
    return Anchor(label, _rate(readings, ours), _rate(readings, theirs), theirs / ours, hold, note)


def _one_by_one(tracks: Sequence[Track], profile: str) -> Anchor:
    """A shipment at a time, as both would be asked when its readings come."""
    prepared, asked = import_module("bench.peer_pandas").prepared, asked_of(shipped()[profile], STEP_MS)
    peers = [prepared(columns([one]), asked)[0] for one in tracks]
    ours, theirs = _turns(lambda: [judged(one, profile) for one in tracks], lambda: [run() for run in peers])
    readings = sum(len(one) for one in tracks)
    label = f"batch, {profile}: engine / pandas, vectorised, a logger at a time"
    note = f"{len(tracks)} loggers, {readings:,} readings, equal output"
    return Anchor(label, _rate(readings, ours), _rate(readings, theirs), theirs / ours, ">= 15", note)


def columns(tracks: Sequence[Track]) -> Columns:
    """The readings of all loggers, one after the other."""
    return Columns(
        np.concatenate([np.full(len(one), one.logger) for one in tracks]),
        np.concatenate([one.time_ms for one in tracks]),
        np.concatenate([one.temperature_mc for one in tracks]),
    )


def _turns(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    pairs = [(_took(ours), _took(theirs)) for _ in range(TURNS)]
    return median(a for a, _ in pairs), median(b for _, b in pairs)


def _took(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _rate(readings: int, seconds: float) -> str:
    return f"{readings / seconds:,.0f} readings/s"


def _recompute(tracks: Sequence[Track]) -> list[Anchor]:
    """One shipment of thirty days from the beginning, as after a late reading."""
    found = []
    for profile in (PROFILE, "cct-2-8", "crt-20-25"):
        took_ms = 1000 * median(_took(partial(judged, one, profile)) for one in tracks[:5])
        note = f"{len(tracks[0]):,} readings; ms"
        found.append(Anchor(f"recompute of 30 days, {profile}", f"{took_ms:.1f} ms", "", took_ms, "<= 25", note))
    return found


def _streaming(one: Track, scale: float) -> Anchor:
    """A logger's readings as they come, the whole shipment judged again after each batch of them."""
    batch = 5000  # what the engine's loop takes in one step
    parts = [_until(one, end) for end in (*range(batch, len(one), batch), len(one))] * max(1, round(10 * scale))
    seconds = median(_took(lambda: [judged(part) for part in parts]) for _ in range(TURNS))
    readings = len(one) * max(1, round(10 * scale))
    rate = readings / seconds
    note = f"readings/s of one core; judged again every {batch:,} readings, as one step of the loop takes them in"
    return Anchor("streaming", f"{rate:,.0f} readings/s", "", rate, ">= 300000", note)


def _until(one: Track, end: int) -> Track:
    names = ("time_ms", "temperature_mc", "humidity_mpct", "latitude_e7", "longitude_e7", "offset", "record_time_ms")
    return Track(one.logger, one.channel, **{name: getattr(one, name)[:end] for name in names})


def _memory(tracks: Sequence[Track]) -> Anchor:
    """What the engine holds on to after judging everything twenty times more."""
    for one in tracks:
        judged(one)
    gc.collect()
    tracemalloc.start()
    judged(tracks[0])
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20):
        for one in tracks[:5]:
            judged(one)
    gc.collect()
    grown = (tracemalloc.get_traced_memory()[0] - before) / 1024
    tracemalloc.stop()
    return Anchor("memory kept after 100 more judgements", f"{grown:.0f} KiB", "", grown, "<= 64", "KiB; flat")
