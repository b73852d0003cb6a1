"""Order does not matter: shuffled, duplicated, split and late histories give identical findings and figures.

`COLDCHAIN_TEST_HISTORIES=10000` is the long run; a failure names the history's number and its shortest form.
"""

import json
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from engine_house import House, sample
from histories import PROFILES, STEP_MS, all_checked, batches, broken, case_of, inputs, shortest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import DAWN

from coldchain.domain.finding import Findings
from coldchain.domain.reading import Reading
from coldchain.registry.recorded import OnRecord
from coldchain.registry.running import as_it_runs
from coldchain.telemetry.embedded import compact
from compliance.engine import findings
from compliance.inputs import Inputs
from compliance.twin import differences

HISTORIES = int(os.environ.get("COLDCHAIN_TEST_HISTORIES", "500"))


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


@pytest.mark.timeout(900)  # of ten thousand, on a machine that does much else
def test_every_history_gives_the_same_findings_and_figures_however_it_comes() -> None:
    """Permuted, duplicated, split, delayed, replayed from a checkpoint; as known before; the twin in every digit."""
    held, failures = all_checked(HISTORIES)
    assert not failures, failures[0]
    assert held == HISTORIES


@pytest.mark.parametrize("number", range(max(2, HISTORIES // 1000)))
def test_a_history_leaves_the_same_record_however_it_comes(number: int) -> None:
    """A sample of them through journal, engine and registry."""
    case = case_of(number)
    came = batches(case.history, random.Random(f"arrival/{number}"))
    assert on_record(came, case.now_ms + STEP_MS) == on_record([case.history], case.now_ms + STEP_MS), case.told()


def test_an_engine_that_minds_the_order_is_caught_in_the_fewest_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this the ten thousand could pass by looking at nothing."""
    monkeypatch.setattr("coldchain.domain.track._order", lambda _: 0)
    number = next(number for number in range(100) if broken(case_of(number)) is not None)
    small = shortest(case_of(number), lambda case: broken(case) is not None)
    assert str(broken(small)).startswith(("another order of arrival", "as known", "it raises"))
    assert len(small.history) < len(case_of(number).history)
    assert small.told().startswith(f"history {number}, {small.profile}, judged at ")
    assert len(small.told().splitlines()) == 1 + len(small.history)


def test_a_figure_that_is_off_by_a_hundredth_is_caught_by_the_twin() -> None:
    def careless(given: Inputs, now_ms: int) -> Findings:
        said = findings(given, now_ms)
        channels = json.loads(json.dumps(said.document["channels"]))
        for channel in channels:
            channel["temperature"]["max_c"] = (channel["temperature"]["max_c"] or 0) + 0.01
        return replace(said, document={**said.document, "channels": channels})

    assert broken(case_of(1)) is None
    assert str(broken(case_of(1), careless)).startswith("the decimal twin differs: internal ")
