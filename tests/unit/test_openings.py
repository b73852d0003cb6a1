"""Light, door and shock beside the goods: told with their stage, joined to what the temperature did, never judged."""

from typing import Any

from judging import at

from coldchain.domain.profile import BesideTheGoods
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading
from compliance.inputs import Span
from compliance.openings import openings


def row(minute: float, **values: Any) -> Reading:
    return Reading("LG-1", "internal", at(minute), at(minute), "device", **values)


def excursion(id_: str, onset: float, end: float | None) -> dict[str, Any]:
    return {"id": id_, "onset": iso(at(onset)), "end": None if end is None else iso(at(end))}


def test_a_door_has_a_duration_and_the_temperature_its_time_to_recover() -> None:
    rows = [row(0, door_open=False), row(10, door_open=True), row(20, door_open=True), row(30, door_open=False)]
    beside = [excursion("during", 15, 40), excursion("soon after", 55, 70), excursion("much later", 61, 80),
              excursion("before", 5, 12)]  # fmt: skip
    [door] = [one.as_json() for one in openings(rows, (), beside)]
    assert (door["from"], door["to"], door["duration_s"]) == (iso(at(10)), iso(at(30)), 1200)
    assert door["excursions"] == ["during", "soon after"]
    assert door["recovery_s"] == 40 * 60


def test_while_a_door_or_an_excursion_goes_on_nothing_is_said_of_recovery() -> None:
    rows = [row(10, door_open=True), row(20, door_open=True)]
    [door] = [one.as_json() for one in openings(rows, (), [excursion("a", 12, 18)])]
    assert (door["to"], door["duration_s"], door["recovery_s"]) == (None, None, None)
    shut = [*rows, row(30, door_open=False)]
    [door] = [one.as_json() for one in openings(shut, (), [excursion("a", 12, None)])]
    assert (door["duration_s"], door["recovery_s"]) == (1200, None)


def test_light_is_told_under_way_and_where_no_stage_is_known_but_not_at_loading_or_after_arrival() -> None:
    stages = (
        ("loading", Span(at(0), at(30))),
        ("in_transit", Span(at(30), at(90))),
        ("arrived", Span(at(90), at(200))),
    )
    rows = [row(m, light_mlux=lux * 1000) for m, lux in ((10, 400), (20, 0), (40, 400), (50, 80), (60, 0), (100, 400),
                                                         (110, 0), (210, 50), (220, 0))]  # fmt: skip
    told = [one.as_json() for one in openings(rows, stages, ())]
    assert [(one["from"], one["stage"], one["peak"]) for one in told] == [
        (iso(at(40)), "in_transit", 400), (iso(at(210)), None, 50),
    ]  # fmt: skip


def test_a_blow_is_told_with_its_peak_from_the_limit_on() -> None:
    rows = [row(0, shock_mg=4_999), row(10, shock_mg=5_000), row(11, shock_mg=9_500), row(20, shock_mg=0)]
    [blow] = [one.as_json() for one in openings(rows, (), ())]
    assert (blow["kind"], blow["peak"], blow["unit"], blow["duration_s"]) == ("shock", 9.5, "g", 600)
    assert openings(rows, (), (), BesideTheGoods(shock_mg=10_000)) == []


def test_readings_that_say_nothing_of_it_change_nothing() -> None:
    rows = [row(0, door_open=True), row(10, temperature_mc=5000), row(20, door_open=False)]
    [door] = openings(rows, (), ())
    assert door.to_ms == at(20)
    assert openings([row(0, temperature_mc=5000)], (), ()) == []
