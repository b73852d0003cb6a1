"""The engine by its own entry point, `compliance.engine.findings`, with the full default product profile.

Loggers that measured for thirty days, with noise, excursions and gaps. The peers get the same readings in columns and
make figures and excursions only; that these are equal is checked before anything is measured. Rules, alarms,
severities, suggestions and the document are the engine's extra work, and it counts exactly, in whole numbers. Seconds
are those of the CPU, of one thread, measured in turns: other work on the machine does not count.

The marks of 15, 5 and 1 are for peers that do all that the engine does. These do less, over all loggers at once and in
floats, so the ratios say what the rest costs, and they miss the marks.
"""

import gc
import time
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from bench import engine_peers
from bench.engine_peers import Columns, Outcome
from bench.table import Anchor, absent
from coldchain.domain.finding import Findings, Subject, SubjectKind
from coldchain.domain.track import ABSENT, Track
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import shipped_profile

PROFILE = "refrigerated-2-8"
STEP_MS, DAYS, BEGUN_MS = 300_000, 30, 1_767_571_200_000
EACH = DAYS * 86_400_000 // STEP_MS
TURNS = 5
BOX = Subject(SubjectKind.SHIPMENT, "box")


def measure(scale: float) -> list[Anchor]:
    tracks = [track(number) for number in range(max(5, round(40 * scale)))]
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


def judged(one: Track, profile: str = PROFILE) -> Findings:
    last_ms = int(one.time_ms[-1])
    bound = Bound(one, (Span(int(one.time_ms[0]), last_ms + 1),), interval_ms=STEP_MS)
    return findings(Inputs(BOX, shipped_profile(profile), (bound,), silence=False, ended_ms=last_ms), last_ms)


def _batch(tracks: Sequence[Track]) -> list[Anchor]:
    columns = Columns(
        np.concatenate([np.full(len(one), one.logger) for one in tracks]),
        np.concatenate([one.time_ms for one in tracks]),
        np.concatenate([one.temperature_mc for one in tracks]),
        2 * STEP_MS,
    )
    readings = len(columns.time_ms)
    anchors = []
    for name, make, hold in (
        ("pandas, vectorised", engine_peers.by_pandas, ">= 15"),
        ("DuckDB windows", engine_peers.by_duckdb, ">= 5"),
        ("Polars", engine_peers.by_polars, ">= 1"),
    ):
        try:
            peer = make(columns)
        except ImportError:
            anchors.append(absent(f"batch: engine / {name}", "not measured: pip install duckdb polars", hold))
            continue
        same(outcome(tracks), peer())
        ours, theirs = _turns(lambda: [judged(one) for one in tracks], peer)
        note = f"{len(tracks)} loggers, {readings:,} readings; figures and excursions equal, no rules in the peer"
        anchors.append(
            Anchor(f"batch: engine / {name}", _rate(readings, ours), _rate(readings, theirs), theirs / ours, hold, note)
        )
    return anchors


def outcome(tracks: Sequence[Track]) -> Outcome:
    """The engine's answer in the form of the peers'."""
    figures: dict[str, tuple[float, ...]] = {}
    found: list[tuple[Any, ...]] = []
    for one in tracks:
        said = judged(one)
        document: dict[str, Any] = said.document
        seen = document["temperature"]
        figures[one.logger] = (
            seen["min_c"] * 1000, seen["max_c"] * 1000, seen["mean_c"] * 1000, seen["time_above_s"] * 1000,
            seen["time_below_s"] * 1000, seen["time_unknown_s"] * 1000, document["mkt"]["value_c"],
        )  # fmt: skip
        found += [
            (item.logger, item.direction, item.onset_ms, item.end_ms, item.duration_ms,
             abs(item.peak_mc - item.limit_mc), item.area_mc_ms)
            for item in said.excursions
        ]  # fmt: skip
    return figures, sorted(found)


def same(ours: Outcome, theirs: Outcome) -> None:
    """Refuse to measure two that say different things.

    Raises:
        AssertionError: names the first difference.
    """
    assert ours[0].keys() == theirs[0].keys()
    for name, figures in ours[0].items():
        assert np.allclose(figures, theirs[0][name], rtol=1e-9, atol=1e-6), (name, figures, theirs[0][name])
    assert [row[:2] for row in ours[1]] == [row[:2] for row in theirs[1]]
    assert ours[1], "nothing was outside, so nothing is compared"
    for mine, other in zip(ours[1], theirs[1], strict=True):
        assert np.allclose(mine[2:], other[2:], rtol=1e-9, atol=1.0), (mine, other)


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
        took_ms = 1000 * median(_took(partial(judged, one, profile)) for one in tracks[:TURNS])
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
