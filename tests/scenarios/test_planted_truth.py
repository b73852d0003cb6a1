"""What the simulator planted is what the engine finds: every excursion, none invented, and begun when it really began.

A fleet is walked through with its sensors' noise; the truth at each sample is known. `COLDCHAIN_TEST_FUZZ=10000` walks
300 shipments, the default a few.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from coldchain.domain.finding import Excursion, Subject, SubjectKind
from coldchain.domain.reading import Reading
from coldchain.domain.track import Track
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import shipped_profile
from sensors.fleet.device import Model
from sensors.fleet.fleet import Fleet
from sensors.fleet.journey import Journey, Setup
from sensors.fleet.truth import LABEL_RANGES, Outside

END_MS = 1_795_363_200_000  # 2026-11-22T16:00Z
MINUTE_MS = 60_000
LONG = int(os.environ.get("COLDCHAIN_TEST_FUZZ", "0")) >= 10_000
SHIPMENTS = 300 if LONG else 30
PLANTED_MC = 200  # two samples this far outside are an excursion that nobody may miss
OFFSET_C = 0.06  # a calibrated channel's own error, one standard deviation
BOX = Subject(SubjectKind.SHIPMENT, "box")


class True_(NamedTuple):  # noqa: N801  `True` is taken
    """A sample as it really was: how far beyond a limit the sensor's tip stood, in milli-degrees."""

    time_ms: int
    true_mc: int


class Walked(NamedTuple):
    """One channel of one shipment: what was so, what was measured, and what the engine says of that."""

    name: str
    profile: str
    interval_ms: int
    error_mc: int  # of the sensor, at most
    measured: list[True_]
    planted: list[Outside]
    found: list[Excursion]


def walked(fleet: Fleet, setup: Setup) -> Iterator[Walked]:
    """Take a shipment's loggers along its way."""
    model = fleet.models[setup.logger]
    journey = Journey(setup, fleet.weather)
    samples = [one for one in journey.samples() if "silent" not in one.going_on]
    draw = random.Random(f"{fleet.seed}/{setup.logger}/{setup.from_ms}")
    for watch in journey.watches:
        offset_c = max(-3 * OFFSET_C, min(draw.gauss(0.0, OFFSET_C), 3 * OFFSET_C))
        measured, readings = [], []
        for one in samples:
            celsius = one.internal_c if watch.channel == "internal" else one.probe_c
            faulty = "probe_fault" in one.going_on
            if not faulty:
                measured.append(True_(one.time_ms, round(celsius * 1000)))
            readings.append(taken(model, setup.logger, watch.channel, one.time_ms, None if faulty else celsius, draw,
                                  offset_c))  # fmt: skip
        interval_ms = model.interval_s * 1000
        error_mc = round(1000 * (abs(offset_c) + 5 * model.noise_c + 0.5 * 10**-model.decimals))
        found = judged(readings, setup.product_profile, interval_ms)
        yield Walked(f"{setup.subject}/{setup.logger}/{watch.channel}", setup.product_profile, interval_ms, error_mc,
                     measured, watch.outside, found)  # fmt: skip


def taken(
    model: Model, logger: str, channel: str, time_ms: int, celsius: float | None, draw: random.Random, offset_c: float
) -> Reading:
    """What the sensor makes of a temperature; nothing where it is faulty."""
    if celsius is None:
        return Reading(logger, channel, time_ms, time_ms, "device", fault="probe_open")
    seen = round(celsius + offset_c + draw.gauss(0.0, model.noise_c), model.decimals)
    return Reading(logger, channel, time_ms, time_ms, "device", temperature_mc=round(seen * 1000))


def judged(readings: list[Reading], profile: str, interval_ms: int) -> list[Excursion]:
    """The engine's excursions of one channel, once its shipment has arrived."""
    track = Track.of(readings[0].logger, readings[0].channel, readings)
    last_ms = int(track.time_ms[-1])
    span = Span(int(track.time_ms[0]), last_ms + 1)
    inputs = Inputs(BOX, shipped_profile(profile), (Bound(track, (span,), interval_ms=interval_ms),), silence=False,
                    ended_ms=last_ms)  # fmt: skip
    return list(findings(inputs, last_ms).excursions)


@pytest.fixture(scope="module")
def walks() -> list[Walked]:
    """Every channel of enough shipments, over as many fleets as that takes."""
    made: list[Walked] = []
    subjects: set[str] = set()
    seed = 100
    while len(subjects) < SHIPMENTS:
        fleet = Fleet.of(seed, END_MS, days=30)
        setups = [one for some in fleet.setups.values() for one in some if not one.fixed and one.to_ms < END_MS]
        for setup in setups:
            name = f"{seed}/{setup.subject}"
            if len(subjects) < SHIPMENTS or name in subjects:
                subjects.add(name)
                made += walked(fleet, setup)
        seed += 1
    return made


def beyond(walk: Walked, direction: str, one: True_) -> int:
    """How far a sample really was beyond the limit of a side; negative inside."""
    low_c, high_c = LABEL_RANGES[walk.profile]
    limit_c = high_c if direction == "high" else low_c
    assert limit_c is not None
    return one.true_mc - round(limit_c * 1000) if direction == "high" else round(limit_c * 1000) - one.true_mc


def within(walk: Walked, planted: Outside) -> list[True_]:
    end_ms = END_MS if planted.end_ms is None else planted.end_ms
    return [one for one in walk.measured if planted.onset_ms <= one.time_ms <= end_ms]


def certain(walk: Walked, planted: Outside) -> bool:
    """Whether two samples lie so far outside that no sensor error hides both."""
    return sum(beyond(walk, planted.direction, one) >= PLANTED_MC for one in within(walk, planted)) >= 2


def overlapping(walk: Walked, planted: Outside, slack_ms: int = 0) -> list[Excursion]:
    end_ms = END_MS if planted.end_ms is None else planted.end_ms
    return [
        one
        for one in walk.found
        if one.direction == planted.direction
        and one.onset_ms <= end_ms + slack_ms
        and (one.end_ms or END_MS) >= planted.onset_ms - slack_ms
    ]


def test_the_fleet_has_something_to_find(walks: list[Walked]) -> None:
    sides = Counter(one.direction for walk in walks for one in walk.planted if certain(walk, one))
    assert sides["high"] >= SHIPMENTS // 15
    assert sides["low"] >= SHIPMENTS // 100
    depths = [
        max(beyond(walk, one.direction, sample) for sample in within(walk, one))
        for walk in walks
        for one in walk.planted
        if certain(walk, one)
    ]
    assert min(depths) < 2_000 or not LONG


def test_every_planted_excursion_is_found(walks: list[Walked]) -> None:
    missed = [
        (walk.name, planted)
        for walk in walks
        for planted in walk.planted
        if certain(walk, planted) and not overlapping(walk, planted)
    ]
    assert missed == []


def test_nothing_is_invented_beyond_the_sensors_error(walks: list[Walked]) -> None:
    invented = [
        (walk.name, one)
        for walk in walks
        for one in walk.found
        if abs(one.peak_mc - one.limit_mc) > walk.error_mc
        and not any(one in overlapping(walk, planted, walk.interval_ms) for planted in walk.planted)
    ]
    assert invented == []


def test_each_begins_within_one_sampling_interval_of_the_truth(walks: list[Walked]) -> None:
    """Where a sensor error could hide the crossing for longer: from the last sure inside to the first sure outside."""
    steep, late = 0, []
    for walk in walks:
        for planted in (one for one in walk.planted if certain(walk, one)):
            sure = [(one.time_ms, beyond(walk, planted.direction, one)) for one in walk.measured]
            inside = [at for at, by in sure if at <= planted.onset_ms and by < -walk.error_mc]
            outside = [at for at, by in sure if at >= planted.onset_ms and by > walk.error_mc]
            if not inside or not outside:
                continue
            found = [one for one in overlapping(walk, planted, walk.interval_ms) if one.onset_ms >= inside[-1]]
            if not found or not inside[-1] <= found[0].onset_ms <= outside[0]:
                late.append((walk.name, planted, found[:1]))
            if outside[0] - inside[-1] <= walk.interval_ms and found:
                steep += 1
                assert abs(found[0].onset_ms - planted.onset_ms) <= walk.interval_ms
    assert late == []
    assert steep >= SHIPMENTS // 60


@pytest.mark.parametrize("seed", range(300 if LONG else 40))
def test_two_samples_at_a_fifth_of_a_degree_are_enough(seed: int) -> None:
    draw = random.Random(f"plateau/{seed}")
    profile = draw.choice(sorted(LABEL_RANGES))
    low_c, high_c = LABEL_RANGES[profile]
    assert high_c is not None
    high = low_c is None or draw.random() < 0.5
    middle_c = high_c - 4.0 if low_c is None else (low_c + high_c) / 2
    reach_c = (high_c + 0.2 if high else low_c - 0.2) if low_c is not None else high_c + 0.2
    interval_ms = draw.choice((1, 5, 10, 15)) * MINUTE_MS
    starts = [draw.randrange(20, 60), draw.randrange(90, 130)]
    readings = []
    for k in range(160):
        planted = any(start <= k < start + 2 for start in starts)
        celsius = (reach_c if planted else middle_c) + draw.gauss(0.0, 0.03)
        at = END_MS + k * interval_ms
        readings.append(Reading("LG", "probe", at, at, "device", temperature_mc=round(celsius * 1000)))
    found = judged(readings, profile, interval_ms)
    assert [one.direction for one in found] == ["high" if high else "low"] * 2
    for one, start in zip(found, starts, strict=True):
        assert one.onset_sample_ms == END_MS + start * interval_ms
        assert END_MS + (start - 1) * interval_ms <= one.onset_ms <= END_MS + start * interval_ms
