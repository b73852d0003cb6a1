"""Order does not matter: shuffled, duplicated, split and late histories give identical findings and figures.

`COLDCHAIN_TEST_FUZZ=10000` asks for that many histories, or for as many as `LONG_S` seconds allow.
"""

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from engine_house import House, sample
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import DAWN

from coldchain.domain.finding import Findings, Subject, SubjectKind
from coldchain.domain.reading import Reading
from coldchain.domain.track import Track
from coldchain.registry.recorded import OnRecord
from coldchain.registry.running import as_it_runs
from coldchain.telemetry.embedded import compact
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import shipped_profile
from compliance.twin import differences

BOX = Subject(SubjectKind.SHIPMENT, "box")
PROFILES = ("refrigerated-2-8", "refrigerated-2-8-freeze-sensitive", "cct-2-8", "crt-20-25", "below-25", "frozen-25-15")
STEP_MS = 300_000
HISTORIES = int(os.environ.get("COLDCHAIN_TEST_FUZZ", "150"))
LONG_S = 75


@st.composite
def histories(draw: st.DrawFn, longest: int = 80) -> list[Reading]:
    """A random walk in and out of the range, with holes, faults and changes of pace."""
    level = draw(st.integers(1_000, 9_000))
    found: list[Reading] = []
    time = DAWN
    for seq in range(draw(st.integers(2, longest))):
        level += draw(st.sampled_from((-1_500, -400, -50, 0, 50, 400, 1_500, 4_000, -4_000)))
        level = max(-20_000, min(level, 45_000))
        faulty = draw(st.integers(0, 20)) == 0
        found.append(
            Reading(
                "LG-1", "internal", time, time + draw(st.sampled_from((0, 300, 3_600_000))), "device", boot=1, seq=seq,
                temperature_mc=None if faulty else level, humidity_mpct=None if faulty else 50_000 + seq,
                latitude_e7=480_000_000 + seq, longitude_e7=110_000_000, offset=seq + 1,
            )
        )  # fmt: skip
        time += draw(st.sampled_from((STEP_MS, STEP_MS, STEP_MS, STEP_MS, 60_000, 1_234_567, 5_400_000)))
    return found


def inputs(readings: Sequence[Reading], profile: str) -> Inputs:
    track = Track.of("LG-1", "internal", list(readings))
    return Inputs(BOX, shipped_profile(profile), (Bound(track, (Span(DAWN, None),), interval_ms=STEP_MS),))


def judged(readings: Sequence[Reading], profile: str) -> Findings:
    return findings(inputs(readings, profile), max(item.event_time_ms for item in readings))


@settings(max_examples=300, deadline=None)
@given(histories(), st.sampled_from(PROFILES), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(history: list[Reading], profile: str, chance: Any) -> None:
    shuffled = list(history)
    chance.shuffle(shuffled)
    assert judged(shuffled, profile) == judged(history, profile)


@settings(max_examples=80, deadline=None)
@given(histories(), st.sampled_from(PROFILES))
def test_another_value_anywhere_outside_the_first_reading_does_change_something(
    history: list[Reading], profile: str
) -> None:
    """Without this the other tests could pass by looking at nothing."""
    measured = [item for item in history if item.temperature_mc is not None]
    if len(measured) < 2:
        return
    hotter = [item._replace(temperature_mc=60_000) if item is measured[-1] else item for item in history]
    assert judged(hotter, profile) != judged(history, profile)


@settings(max_examples=80, deadline=None)
@given(histories(longest=40), st.sampled_from(PROFILES))
def test_the_decimal_twin_agrees_in_every_printed_digit(history: list[Reading], profile: str) -> None:
    document = judged(history, profile).document
    assert differences(inputs(history, profile), document) == []


@settings(max_examples=25, deadline=None)
@given(histories(longest=24), st.sampled_from(PROFILES))
def test_what_was_fired_by_the_readings_stays_fired_as_time_goes_on(history: list[Reading], profile: str) -> None:
    """Step by step as of each reading's own time, the last step says what one look at everything says.

    Silence is left out: how often a logger reports is known only after its first dozen arrivals.
    """
    whole = judged(history, profile)
    final = {(item.rule, item.fired_ms) for item in whole.breaches if item.cause != "silence"}
    last: Findings | None = None
    for count in range(1, len(history) + 1):
        now = history[count - 1].event_time_ms
        last = findings(inputs(history[:count], profile), now)
        fired = {(item.rule, item.fired_ms) for item in last.breaches if item.cause != "silence"}
        assert {item for item in fired if item[1] < now} <= final
    assert last == whole


def content(stands: OnRecord) -> tuple[Any, ...]:
    """What stands on record without ids, versions and the marks of how it came there."""
    document = stands.state.document if stands.state else {}
    figures = {name: document.get(name) for name in ("temperature", "humidity", "suggestion", "gaps", "coverage_pct")}
    mkt = {name: document["mkt"][name] for name in ("value_c", "lower_c", "upper_c")}
    running = {item["id"]: item for channel in document.get("channels", []) for item in channel["excursions"]}
    found = [as_it_runs(item.excursion, running) for item in stands.excursions]
    return (
        figures,
        mkt,
        [(e.direction, e.onset_ms, e.end_ms, e.duration_ms, e.peak_mc, e.area_mc_ms, e.severity) for e in found],
        sorted((b.rule, b.fired_ms, b.cause, b.severity) for b, _ in stands.breaches.values()),
        [
            (a.condition.cause, a.condition.condition, a.condition.severity, a.condition.onset_ms, a.condition.end_ms)
            for a in stands.alarms
            if a.condition.cause == "high" and a.condition.rules
        ],
    )


def on_record(
    batches: Sequence[Sequence[Reading]], now_ms: int, *, compacting: bool = False, declared: bool = True
) -> tuple[Any, ...]:
    """Send batches one after another through journal and engine; what stands on record afterwards."""
    with TemporaryDirectory() as folder:
        house = House(Path(folder))
        try:
            box = house.shipment("S-1", "LG-1")
            if declared:
                house.declare("LG-1", STEP_MS)
            house.clock.set(now_ms)
            for number, batch in enumerate(batches):
                house.send(*batch)
                house.settle()
                house.settle()  # what a step notes of intervals is for the next one
                if compacting and number == len(batches) // 2:
                    compact(house.journal, house.journal.head(), now_ms + 3 * 86_400_000)
            return content(house.record(box))
        finally:
            house.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_split_duplicated_and_late_batches_leave_the_same_record(seed: int) -> None:
    chance = random.Random(seed)
    level, history = 5.0, []
    for k in range(60):
        level = max(0.0, min(level + chance.choice((-3.0, -0.5, 0.0, 0.5, 3.0)), 18.0))
        history.append(sample(k, level))
    now_ms = DAWN + 61 * STEP_MS
    twice = [*history, *chance.choices(history, k=20)]
    chance.shuffle(twice)
    cuts = sorted(chance.sample(range(1, len(twice)), 4))
    batches = [twice[a:b] for a, b in zip([0, *cuts], [*cuts, len(twice)], strict=True)]
    assert on_record(batches, now_ms) == on_record([history], now_ms)


def test_compaction_in_the_middle_changes_nothing() -> None:
    history = [sample(k, 9.5 if 20 <= k < 30 else 5.0) for k in range(60)]
    random.Random(4).shuffle(history)
    now_ms = DAWN + 61 * STEP_MS
    assert on_record([history[:30], history[30:]], now_ms, compacting=True) == on_record([history], now_ms)


@pytest.mark.parametrize("seed", range(6))
def test_an_estimated_interval_does_not_depend_on_the_order_either(seed: int) -> None:
    """It goes by the readings that happened first, so one that comes late corrects it, and what was judged by it."""
    chance = random.Random(f"pace/{seed}")
    history, step = [], 0
    for k in range(60):
        step += chance.choice((1, 1, 2, 3)) if k < 20 else 1
        history.append(sample(step, 9.5 if 25 <= k < 32 else 5.0)._replace(seq=k))
    now_ms = DAWN + (step + 1) * STEP_MS
    shuffled = list(history)
    chance.shuffle(shuffled)
    late_first = [history[30:], history[:30]]
    expected = on_record([history], now_ms, declared=False)
    assert on_record([shuffled[:14], shuffled[14:40], shuffled[40:]], now_ms, declared=False) == expected
    assert on_record(late_first, now_ms, declared=False) == expected


def replayed(history: Sequence[Reading], chance: random.Random) -> list[Reading]:
    """The history as it may arrive: repeated and replayed from a checkpoint, in some order."""
    checkpoint = chance.randrange(len(history))
    came = [*history, *chance.choices(history, k=len(history) // 4), *history[checkpoint:]]
    chance.shuffle(came)
    return list({(item.event_time_ms, item.seq): item for item in came}.values())


def test_any_history_gives_the_same_findings_and_figures_however_it_comes() -> None:
    """Permuted, duplicated, delayed, split, replayed from a checkpoint; the decimal twin agrees with every figure."""
    began, twins, seed = time.monotonic(), 0, 0
    while seed < HISTORIES and time.monotonic() - began < LONG_S:
        chance = random.Random(f"history/{seed}")
        history, profile = random_history(chance), chance.choice(PROFILES)
        now_ms = max(item.event_time_ms for item in history) + chance.choice((0, 60_000, 7_200_000))
        whole = findings(inputs(history, profile), now_ms)
        assert findings(inputs(replayed(history, chance), profile), now_ms) == whole, f"history/{seed}"
        if seed % 3 == 0:
            cut = chance.randrange(1, len(history) + 1)
            known = [item for item in replayed(history, chance) if item.offset <= cut]
            assert findings(inputs(known, profile), now_ms) == findings(inputs(history[:cut], profile), now_ms), seed
        if seed % 20 == 0:
            twins += 1
            assert differences(inputs(history, profile), whole.document) == [], f"history/{seed}"
        seed += 1
    assert seed >= min(HISTORIES, 100)
    assert twins >= seed // 20


def random_history(chance: random.Random) -> list[Reading]:
    """As `histories`, from a seed: thousands of them cost less than hypothesis needs to choose a hundred."""
    level, time_ms = chance.randrange(1_000, 9_000), DAWN
    found: list[Reading] = []
    for seq in range(chance.randrange(2, 30)):
        level = max(-20_000, min(level + chance.choice((-1_500, -400, -50, 0, 50, 400, 1_500, 4_000, -4_000)), 45_000))
        faulty = chance.random() < 0.05
        found.append(
            Reading(
                "LG-1", "internal", time_ms, time_ms + chance.choice((0, 300, 3_600_000)), "device", boot=1, seq=seq,
                temperature_mc=None if faulty else level, humidity_mpct=None if faulty else 50_000 + seq,
                latitude_e7=480_000_000 + seq, longitude_e7=110_000_000, offset=seq + 1,
            )
        )  # fmt: skip
        time_ms += chance.choice((STEP_MS, STEP_MS, STEP_MS, STEP_MS, 60_000, 1_234_567, 5_400_000))
    return found
