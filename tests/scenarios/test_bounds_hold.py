"""Bounds over gaps against the simulated fleet: they hold what the logger would have told, and they are narrow."""

import json
import random
from collections import defaultdict
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pytest

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.profile import DAY_MS
from coldchain.domain.quantity import milli_from_float, ms_from_iso
from coldchain.domain.reading import Reading
from coldchain.domain.track import Track
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import shipped_profile
from sensors.fleet.fleet import Fleet

END_MS = 1_795_363_200_000  # 2026-11-22T16:00Z
GAP_MS = 30 * 60_000
PROFILE = shipped_profile("refrigerated-2-8")
BOX = Subject(SubjectKind.SHIPMENT, "box")
Samples = list[tuple[int, int]]


class Case(NamedTuple):
    """A day of one channel: the document with a gap in it, and the one without."""

    bounded: dict[str, Any]
    truth: dict[str, Any]


def series(seed: int) -> dict[tuple[str, str], Samples]:
    """Every reading that the loggers of a fleet took, in order of time; what froze has no mean to be bounded."""
    fleet = Fleet.of(seed, END_MS, days=10)
    found: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for sent in fleet.messages(fleet.start_ms, END_MS):
        whole = json.loads(sent.payload)
        for message in whole if isinstance(whole, list) else [whole]:
            for reading in message["readings"]:
                celsius = reading["values"].get("temperature_c")
                if celsius is not None and celsius > -5:
                    channel = (message["device"], reading.get("channel", "internal"))
                    found[channel][ms_from_iso(reading["ts"])] = milli_from_float(celsius)
    return {name: sorted(values.items()) for name, values in found.items()}


def document(samples: Samples, step_ms: int) -> dict[str, Any]:
    readings = [Reading("L", "internal", time, time, "device", temperature_mc=value) for time, value in samples]
    span = Span(samples[0][0], samples[-1][0] + 1)
    bound = Bound(Track.of("L", "internal", readings), (span,), interval_ms=step_ms)
    return findings(Inputs(BOX, PROFILE, (bound,), silence=False), samples[-1][0]).document


def cases(seed: int, each: int) -> list[Case]:
    chance, found = random.Random(seed), []
    for samples in series(seed).values():
        step = int(np.median(np.diff([time for time, _ in samples])))
        for _ in range(each):
            start = chance.choice(samples)[0]
            day = [sample for sample in samples if start <= sample[0] <= start + DAY_MS]
            if day[-1][0] - start < DAY_MS - 2 * step or max(np.diff([time for time, _ in day])) > 2 * step:
                continue  # the fleet lost something here itself: then nobody knows the truth
            begin = chance.choice(day[1:-2])[0]
            holed = [sample for sample in day if not begin < sample[0] < begin + GAP_MS]
            with_gap = document(holed, step)
            if with_gap["gaps"]:
                found.append(Case(with_gap, document(day, step)))
    return found


@pytest.fixture(scope="module")
def simulated() -> list[Case]:
    return [case for seed in (3, 7, 19) for case in cases(seed, 24)]


def test_there_are_enough_gaps_to_speak_of_one_in_a_hundred(simulated: list[Case]) -> None:
    assert len(simulated) >= 400


def test_the_mean_kinetic_temperature_lies_within_its_bounds(simulated: list[Case]) -> None:
    held = [c.bounded["mkt"]["lower_c"] <= c.truth["mkt"]["value_c"] <= c.bounded["mkt"]["upper_c"] for c in simulated]
    assert sum(held) / len(held) >= 0.99


def test_the_bounds_of_a_day_with_one_gap_are_narrower_than_a_degree(simulated: list[Case]) -> None:
    widths = [case.bounded["mkt"]["upper_c"] - case.bounded["mkt"]["lower_c"] for case in simulated]
    assert median(widths) <= 1
    assert max(widths) > 0


def test_minutes_outside_lie_within_their_bounds(simulated: list[Case]) -> None:
    held = [
        bounded[f"time_{side}_s"] <= truth[f"time_{side}_s"] <= bounded[f"time_{side}_upper_s"]
        for bounded, truth in ((case.bounded["temperature"], case.truth["temperature"]) for case in simulated)
        for side in ("above", "below", "in_range")
    ]
    assert sum(held) / len(held) >= 0.99
    assert any(case.truth["temperature"]["time_above_s"] for case in simulated)
