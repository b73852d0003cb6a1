"""Who is on duty when."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.policy import Known
from alerts.rota import Duty, Holiday, Layer, Override, Rota, Turn, calendar, holes, on_duty
from alerts.rota_format import rota_from
from coldchain.domain.tables import InvalidTable

HOUR, DAY = 3_600_000, 86_400_000
ZONES = ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "UTC", "Africa/Cairo"]
PEOPLE = ("ann", "ben", "cem")
JANUARY, DECEMBER = (datetime.fromisoformat(day) for day in ("2026-01-01", "2026-12-01"))


def ms(text: str, zone: str = "Europe/Berlin") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def weekly(**changes: Any) -> dict[str, Any]:
    layer = {
        "name": "primary", "people": list(PEOPLE), "turn": "weekly", "from": "2026-03-23T08:00", "handover": "08:00",
    }  # fmt: skip
    return {"name": "On call", "zone": "Europe/Berlin", "layers": [layer | changes], "holidays": []}


def person(rota: Rota, at: str, overrides: tuple[Override, ...] = ()) -> str | None:
    return on_duty(rota, overrides, ms(at))["primary"].person


def test_a_week_goes_from_hand_over_to_hand_over_also_when_the_clocks_change() -> None:
    rota = rota_from("lab", 1, weekly())
    assert person(rota, "2026-03-23T08:00") == "ann"
    assert person(rota, "2026-03-30T07:59") == "ann"  # the clocks went forward on the 29th
    assert person(rota, "2026-03-30T08:00") == "ben"
    assert person(rota, "2026-04-13T08:00") == "ann"


def test_a_daily_turn_has_23_or_25_hours_when_the_clocks_change() -> None:
    rota = rota_from("lab", 1, weekly(turn="daily"))
    turns = calendar(rota, [], ms("2026-03-28T08:00"), ms("2026-03-31T08:00"))
    assert [(s.to_ms - s.from_ms) // HOUR for s in turns] == [23, 24, 24]
    turns = calendar(rota, [], ms("2026-10-24T08:00"), ms("2026-10-26T08:00"))
    assert [(s.to_ms - s.from_ms) // HOUR for s in turns] == [25, 24]


def test_turns_of_hours_keep_to_the_clock_on_the_wall() -> None:
    body = weekly(turn="12h")
    del body["layers"][0]["handover"]
    rota = rota_from("lab", 1, body)
    edges = [s.from_ms for s in calendar(rota, [], ms("2026-03-28T20:00"), ms("2026-03-30T08:00"))]
    assert edges == [ms(t) for t in ("2026-03-28T20:00", "2026-03-29T08:00", "2026-03-29T20:00")]


def test_outside_its_hours_a_layer_has_nobody_and_that_is_a_hole_before_it_happens() -> None:
    rota = rota_from("lab", 1, weekly(restrict={"mon": [["08:00", "17:00"]], "tue": [["00:00", "24:00"]]}))
    found = holes(rota, [], ms("2026-03-30T00:00"), ms("2026-04-01T12:00"))
    assert [(h.from_ms, h.to_ms, h.why) for h in found] == [
        (ms("2026-03-30T00:00"), ms("2026-03-30T08:00"), "out_of_hours"),
        (ms("2026-03-30T17:00"), ms("2026-03-31T00:00"), "out_of_hours"),
        (ms("2026-04-01T00:00"), ms("2026-04-01T12:00"), "out_of_hours"),
    ]


def test_somebody_who_left_makes_a_hole_of_the_turns_to_come() -> None:
    rota = rota_from("lab", 1, weekly())
    [hole] = holes(rota, [], ms("2026-03-23T08:00"), ms("2026-04-13T08:00"), frozenset({"ben"}))
    assert (hole.from_ms, hole.to_ms, hole.why) == (ms("2026-03-30T08:00"), ms("2026-04-06T08:00"), "gone")


def test_a_layer_that_has_not_begun_has_nobody() -> None:
    rota = rota_from("lab", 1, weekly())
    assert on_duty(rota, [], ms("2026-03-23T07:59"))["primary"] == Duty(None, "not_begun")


def test_a_holiday_puts_its_own_people_in_and_one_without_people_changes_nothing() -> None:
    body = weekly()
    body["holidays"] = [
        {"date": "2026-04-03", "name": "Good Friday", "people": ["cem"]},
        {"date": "2026-04-06", "name": "Easter Monday", "people": None},
    ]
    rota = rota_from("lab", 1, body)
    assert on_duty(rota, [], ms("2026-04-03T00:00"))["primary"] == Duty("cem", "holiday")
    assert person(rota, "2026-04-04T00:00") == "ben"
    assert person(rota, "2026-04-06T12:00") == "cem"  # whose turn it is


def test_an_override_fills_in_and_the_later_one_has_the_last_word() -> None:
    rota = rota_from("lab", 1, weekly(restrict={"mon": [["08:00", "17:00"]]}))
    first = Override("o1", None, "ben", None, ms("2026-03-23T10:00"), ms("2026-03-24T10:00"))
    second = Override("o2", "primary", "cem", None, ms("2026-03-23T12:00"), ms("2026-03-23T14:00"))
    assert on_duty(rota, [first, second], ms("2026-03-23T13:00"))["primary"] == Duty("cem", "override", "o2")
    assert person(rota, "2026-03-23T14:00", (first, second)) == "ben"
    assert person(rota, "2026-03-23T22:00", (first, second)) == "ben"  # outside the layer's hours as well
    assert person(rota, "2026-03-24T10:00", (first, second)) is None


def test_a_swap_counts_only_while_it_would_be_that_persons_turn() -> None:
    rota = rota_from("lab", 1, weekly())
    away = Override("o1", None, "ben", "ann", ms("2026-03-28T08:00"), ms("2026-04-02T08:00"), swap="o2")
    back = Override("o2", None, "ann", "ben", ms("2026-04-02T08:00"), ms("2026-04-04T08:00"), swap="o1")
    assert on_duty(rota, [away, back], ms("2026-03-29T00:00"))["primary"] == Duty("ben", "swap", "o1")
    assert person(rota, "2026-04-01T00:00", (away, back)) == "ben"  # whose own turn it is by then
    assert person(rota, "2026-04-03T00:00", (away, back)) == "ann"
    assert person(rota, "2026-04-05T00:00", (away, back)) == "ben"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"turn": "monthly"}, ["layers[0].turn", "monthly", "12h"]),
        ({"turn": "0h"}, ["layers[0].turn", "0h"]),
        ({"people": []}, ["layers[0].people", "empty"]),
        ({"people": ["zed"]}, ["layers[0].people", "zed", "on record"]),
        ({"people": "ann"}, ["layers[0].people", "'ann'", "list"]),
        ({"from": "2026-03-23T08:00Z"}, ["layers[0].from", "2026-03-23T08:00Z", "without offset"]),
        ({"from": None}, ["layers[0].from", "None"]),
        ({"handover": "8"}, ["layers[0].handover", "'8'", "08:00"]),
        ({"turn": "8h"}, ["layers[0].handover", "remove"]),
        ({"restrict": {"mo": [["08:00", "17:00"]]}}, ["layers[0].restrict", "'mo'", "mon"]),
        ({"restrict": {"mon": [["17:00", "08:00"]]}}, ["restrict.mon", "17:00", "later"]),
        ({"restrict": {"mon": ["08:00"]}}, ["restrict.mon", "pairs"]),
        ({"names": "x"}, ["layers[0].names", "known key"]),
    ],
    ids=str,
)
def test_a_mistake_in_a_rota_names_field_value_and_remedy(change: dict[str, Any], names: list[str]) -> None:
    body = weekly()
    body["layers"][0].update({"handover": "09:00"} if change.get("turn") == "8h" else {}, **change)
    with pytest.raises(InvalidTable) as refused:
        rota_from("lab", 1, body, Known(people=frozenset(PEOPLE)))
    assert all(name in str(refused.value) for name in names), str(refused.value)


def test_mistakes_of_the_whole_rota_are_told_together() -> None:
    body = weekly() | {"zone": "Mars/Base", "holidays": [{"date": "2026-13-01", "name": "x", "people": ["ann", "ben"]}]}
    body["layers"] *= 2
    with pytest.raises(InvalidTable) as refused:
        rota_from("Lab 1", 1, body)
    said = str(refused.value)
    assert all(word in said for word in ("'Lab 1'", "Mars/Base", "two layers", "2026-13-01"))
    assert len(refused.value.problems) == 4


clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))
starts = st.datetimes(JANUARY, DECEMBER).map(lambda d: d.replace(second=0, microsecond=0))
windows = st.lists(
    st.tuples(clocks, st.one_of(st.none(), clocks)).filter(lambda w: w[1] is None or w[1] > w[0]), max_size=2
).map(tuple)
layers = st.builds(
    Layer,
    st.just(""),
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4).map(tuple),
    st.one_of(st.just(Turn(days=1)), st.just(Turn(days=7)), st.integers(1, 40).map(lambda n: Turn(hours=n))),
    starts,
    clocks,
    st.one_of(st.none(), st.tuples(*[windows] * 7)),
)
holidays = st.builds(
    Holiday,
    st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    st.just("day"),
    st.one_of(st.none(), st.just(("cem",)), st.just(("ben", "ann"))),
)


@st.composite
def rotas(draw: st.DrawFn) -> Rota:
    made = draw(st.lists(layers, min_size=1, max_size=2))
    named = tuple(Layer(f"l{n}", x.people, x.turn, x.start, x.handover, x.hours) for n, x in enumerate(made))
    return Rota("r", 1, "r", draw(st.sampled_from(ZONES)), named, tuple(draw(st.lists(holidays, max_size=3))))


@st.composite
def stretches(draw: st.DrawFn) -> tuple[int, int]:
    start = draw(st.datetimes(JANUARY, DECEMBER))
    from_ms = round(start.replace(tzinfo=UTC).timestamp() * 1000)
    return from_ms, from_ms + draw(st.integers(1, 10 * DAY))


overrides = st.builds(
    lambda n, layer, person, replaces, span: Override(f"o{n}", layer, person, replaces, *span),
    st.integers(0, 99),
    st.sampled_from([None, "l0", "l1"]),
    st.sampled_from(PEOPLE),
    st.sampled_from([None, *PEOPLE]),
    stretches(),
)


@settings(max_examples=150, deadline=None)
@given(rotas(), st.lists(overrides, max_size=3), stretches(), st.data())
def test_every_moment_belongs_to_one_person_or_a_hole_and_the_calendar_says_what_is_true(
    rota: Rota, given_overrides: list[Override], stretch: tuple[int, int], data: st.DataObject
) -> None:
    spans = calendar(rota, given_overrides, *stretch)
    empty = holes(rota, given_overrides, *stretch)
    for layer in rota.layers:
        own = [span for span in spans if span.layer == layer.name]
        assert (own[0].from_ms, own[-1].to_ms) == stretch
        assert all(a.to_ms == b.from_ms and a.duty != b.duty for a, b in pairwise(own))
        edges = {m + d for s in own for m in (s.from_ms, s.to_ms) for d in (-1, 0, 1)}
        chance = data.draw(st.lists(st.integers(stretch[0], stretch[1] - 1), max_size=20))
        for moment in [*chance, *(m for m in sorted(edges)[:40] if stretch[0] <= m < stretch[1])]:
            [here] = [span for span in own if span.from_ms <= moment < span.to_ms]
            assert here.duty == on_duty(rota, given_overrides, moment)[layer.name]
            in_hole = [h for h in empty if h.layer == layer.name and h.from_ms <= moment < h.to_ms]
            assert bool(in_hole) == (here.duty.person is None)


def test_a_skipped_day_loses_no_moment() -> None:
    start = datetime.fromisoformat("2011-12-28T08:00")
    layer = Layer("l0", PEOPLE, Turn(hours=8), start, time(8))
    rota = Rota("r", 1, "r", "Pacific/Apia", (layer,))
    from_ms = round(datetime(2011, 12, 29, tzinfo=UTC).timestamp() * 1000)
    spans = calendar(rota, [], from_ms, from_ms + 4 * DAY)
    for span in spans:
        assert on_duty(rota, [], span.from_ms)["l0"] == on_duty(rota, [], span.to_ms - 1)["l0"] == span.duty
    assert spans[-1].to_ms - spans[0].from_ms == timedelta(days=4) // timedelta(milliseconds=1)
