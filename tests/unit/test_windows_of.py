"""Figures over calendar windows and legs: exact at their edges, in the site's zone, checked by the decimal twin."""

import random
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import BOX, MINUTE, at, judged, profile, rule, track

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from compliance.calendar import Unit, Window, calendar_windows
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import shipped_profile
from compliance.twin_windows import window_differences
from compliance.windows_of import figures_over, json_schema, legs_of

BERLIN = "Europe/Berlin"


def moment(text: str, zone: str = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("unit", "first", "last", "names", "hours"),
    [
        (Unit.DAY, "2026-03-28T12:00", "2026-03-30T01:00", ["2026-03-28", "2026-03-29", "2026-03-30"], [24, 23, 24]),
        (Unit.DAY, "2026-10-25T00:00", "2026-10-26T00:00", ["2026-10-25"], [25]),
        (Unit.WEEK, "2026-01-01T00:00", "2026-01-06T00:00", ["2026-W01", "2026-W02"], [168, 168]),
        (Unit.MONTH, "2026-02-10T00:00", "2026-04-01T00:00", ["2026-02", "2026-03"], [672, 743]),
    ],
)
def test_windows_follow_the_calendar_of_the_zone(
    unit: Unit, first: str, last: str, names: list[str], hours: list[int]
) -> None:
    found = calendar_windows(BERLIN, unit, moment(first), moment(last))
    assert [window.name for window in found] == names
    assert [(window.end_ms - window.start_ms) / 3_600_000 for window in found] == hours


@pytest.mark.parametrize(
    ("zone", "first", "last", "hours"),
    [
        ("America/Santiago", "2026-09-05T12:00:00", "2026-09-07T12:00:00", [24, 23, 24]),  # midnight does not exist
        ("America/Santiago", "2026-04-04T12:00:00", "2026-04-05T12:00:00", [25, 24]),
        ("Australia/Lord_Howe", "2026-04-04T20:00:00", "2026-04-05T20:00:00", [24.5, 24]),
        ("Australia/Lord_Howe", "2026-10-03T20:00:00", "2026-10-04T20:00:00", [23.5, 24]),
        ("Pacific/Apia", "2011-12-29T12:00:00", "2011-12-31T12:00:00", [24, 24, 24]),  # the 30th does not exist
    ],
)
def test_days_are_as_long_as_their_zone_has_them(zone: str, first: str, last: str, hours: list[float]) -> None:
    found = calendar_windows(zone, Unit.DAY, moment(first, "UTC"), moment(last, "UTC"))
    assert [(window.end_ms - window.start_ms) / 3_600_000 for window in found] == hours
    assert all(a.end_ms == b.start_ms for a, b in pairwise(found))


def test_too_many_windows_or_none_are_refused_with_the_field() -> None:
    with pytest.raises(InvalidValue, match="from, to: more than 800"):
        calendar_windows("UTC", Unit.DAY, 0, 900 * 86_400_000)
    with pytest.raises(InvalidValue, match="to: does not lie after from"):
        calendar_windows("UTC", Unit.DAY, 5, 5)


def history(seed: int, name: str) -> tuple[Inputs, int]:
    chance = random.Random(seed)
    minute, level, samples = 0, 6.0, []
    for _ in range(240):
        level = max(-4.0, min(26.0, level + chance.choice((-2, -0.3, 0, 0.3, 2))))
        samples.append((minute, round(level, 3)))
        minute += chance.choice((5, 5, 5, 5, 5, 7, 40, 90))
    judged_spans = (Span(at(-30), at(600)), Span(at(700), None))
    bound = Bound(track(*samples), judged_spans, interval_ms=5 * MINUTE)
    return Inputs(BOX, shipped_profile(name), (bound,), silence=False), at(minute + 60)


@pytest.mark.parametrize("name", ["cct-2-8", "refrigerated-2-8-freeze-sensitive", "crt-20-25", "frozen-25-15"])
@pytest.mark.parametrize("seed", range(3))
def test_the_twin_prints_the_same_over_every_part(seed: int, name: str) -> None:
    inputs, now = history(seed, name)
    cuts = sorted(random.Random(seed).sample(range(-20, 4000), 9))
    windows = [Window(f"{a}", at(a), at(b)) for a, b in pairwise(cuts)]
    found = figures_over(inputs, windows, now)
    assert window_differences(inputs, found) == []
    jsonschema.validate(found, json_schema())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(-40, 3000), min_size=1, max_size=5, unique=True))
def test_times_of_parts_that_join_add_up_to_the_whole(seed: int, cuts: list[int]) -> None:
    inputs, now = history(seed, "cct-2-8")
    edges = [at(-100), *sorted(at(cut) for cut in cuts), now]
    windows = [Window(str(k), a, b) for k, (a, b) in enumerate(pairwise(edges))]
    parts = [window["channels"][0] for window in figures_over(inputs, windows, now)["windows"]]
    whole = findings(inputs, now).document["channels"][0]  # type: ignore[index]
    for name in ("time_in_range_s", "time_above_s", "time_below_s", "time_unknown_s"):
        total = sum(part["temperature"][name] for part in parts)
        # A value at a cut is rounded to a milli-degree, which may move a crossing beside it by some milliseconds.
        assert total == pytest.approx(whole["temperature"][name], abs=0.5 * len(cuts)), name
    assert (
        min(p["temperature"]["min_c"] for p in parts if p["temperature"]["min_c"] is not None)
        == (whole["temperature"]["min_c"])
    )


def test_a_piece_of_an_excursion_keeps_its_name_and_severity_and_has_figures_of_its_own() -> None:
    samples = [(10.0 * k, 9.0 if 6 <= k <= 18 else 5.0) for k in range(30)]
    made = track(*samples)
    by = profile(rule(hold_min=60))
    inputs = Inputs(BOX, by, (Bound(made, (Span(at(0), None),), interval_ms=10 * MINUTE),), silence=False)
    now = at(300)
    found = figures_over(inputs, [Window("a", at(0), at(100)), Window("b", at(100), at(290))], now)
    pieces = [window["channels"][0]["excursions"] for window in found["windows"]]
    [whole] = judged(*samples, by=by, as_of_min=300).excursions
    assert [[piece["id"] for piece in part] for part in pieces] == [[whole.id], [whole.id]]
    assert {piece["severity"] for part in pieces for piece in part} == {"major"}
    assert [ms_from_iso(pieces[0][0]["end"]), ms_from_iso(pieces[1][0]["onset"])] == [at(100), at(100)]
    assert sum(piece["duration_s"] for part in pieces for piece in part) == whole.duration_ms / 1000


def test_a_gap_is_divided_where_it_is_cut_and_nothing_is_made_up_inside() -> None:
    made = track((0, 5.0), (10, 5.0), (70, 9.0), (80, 9.0))
    inputs = Inputs(BOX, profile(), (Bound(made, (Span(at(0), None),), interval_ms=10 * MINUTE),), silence=False)
    windows = [Window("a", at(0), at(20)), Window("b", at(20), at(30)), Window("c", at(30), at(80))]
    parts = [window["channels"][0] for window in figures_over(inputs, windows, at(80))["windows"]]
    assert [part["temperature"]["time_unknown_s"] for part in parts] == [600, 600, 2400]
    assert [part["temperature"]["max_c"] for part in parts] == [5.0, None, 9.0]
    assert [part["coverage_pct"] for part in parts] == [50, 0, 20]


def test_legs_are_windows_too_and_the_one_that_lasts_ends_now() -> None:
    legs = (("to port", Span(at(0), at(60))), ("sea", Span(at(60), None)))
    inputs = Inputs(BOX, profile(), (), legs=legs)
    assert legs_of(inputs, at(200)) == [Window("to port", at(0), at(60)), Window("sea", at(60), at(200))]
