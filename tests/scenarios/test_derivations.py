"""Derivations of stores, legs and parts from what is on record, over HTTP: each agrees and leads to its readings."""

from typing import Any

import jsonschema
import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN

from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import stores
from coldchain.registry.shipments import NewMilestone, add_milestone, change
from coldchain.registry.viewer import SYSTEM, Viewer
from compliance import shipment_budget
from compliance.derivation import figures_of
from compliance.derivation_record import Asked, of_shipment, of_store
from compliance.inputs import Span
from compliance.legs import legs_of_shipment
from compliance.schemas_published import SCHEMAS, schema_of

Json = dict[str, Any]
WARM = [sample(k, 11.0 if 8 <= k < 12 else 5.0) for k in range(24)]


def fridge(house: House) -> str:
    return house.store("LG-1", name="Fridge 1", kind="fridge", zone="UTC").id


def test_every_figure_of_a_store_is_derived_and_agrees(house: House) -> None:
    store = fridge(house)
    house.live(*WARM)
    with house.registry.read() as connection:
        document = stores.shown(connection, SYSTEM, store)["document"]
        for figure in figures_of(document["channels"][0]):
            said = of_store(connection, house.history, SYSTEM, store, Asked(figure))
            assert said["agrees"], (figure, said["printed"], said["stated"])
        jsonschema.validate(said, schema_of("coldchain.derivation-1"))
        assert "logger=LG-1" in said["readings"]
        customer = Viewer("someone", "Someone", "viewer", customer="North")
        with pytest.raises(NotFound):
            of_store(connection, house.history, customer, store, Asked("mkt.value_c"))


def test_a_figure_of_a_stretch_of_a_stores_time_is_derived_from_that_stretch_alone(house: House) -> None:
    store = fridge(house)
    house.live(*WARM)
    within = Span(DAWN, DAWN + 10 * STEP_MS)
    with house.registry.read() as connection:
        asked = Asked("temperature.time_above_s", within=within)
        part = of_store(connection, house.history, SYSTEM, store, asked)
        whole = of_store(connection, house.history, SYSTEM, store, Asked("temperature.time_above_s"))
        with pytest.raises(InvalidValue, match="to: does not lie after from"):
            of_store(connection, house.history, SYSTEM, store, asked._replace(within=Span(DAWN, DAWN)))
    assert (part["agrees"], part["exact"], whole["exact"]) == (True, "750", "1200")
    assert part["inputs"]["within"]["to"] == "2026-01-05T00:50:00.000Z"


def test_every_figure_of_a_leg_is_derived_and_agrees(house: House) -> None:
    subject = house.shipment("SHP-1", "LG-1")
    with house.registry.write() as connection:
        for kind, name, step in (("departure", "Departed", 0), ("leg", "Took off", 10), ("arrival", "Arrived", 20)):
            happened = DAWN + step * STEP_MS
            add_milestone(connection, subject.id, NewMilestone(kind, name, happened_ms=happened), by=SYSTEM,
                          now_ms=happened)  # fmt: skip
    house.live(*WARM)
    with house.registry.read() as connection:
        legs = legs_of_shipment(connection, house.history, subject.id)
        assert [leg.name for leg in legs] == ["Departed", "Took off"]
        for place, leg in enumerate(legs):
            for figure in figures_of(leg.document or {}):
                said = of_shipment(connection, house.history, SYSTEM, subject.id, Asked(figure, leg=place))
                assert (said["agrees"], said["part"]) == (True, leg.name), (figure, said["printed"], said["stated"])
        with pytest.raises(NotFound, match="leg: 2 is none of the 2 legs"):
            of_shipment(connection, house.history, SYSTEM, subject.id, Asked("mkt.value_c", leg=2))


def test_how_long_a_shipments_own_budget_lasts_is_derived_and_listed_among_its_figures(house: House) -> None:
    subject = house.shipment("SHP-1", "LG-1", "cct-2-8")
    with house.registry.write() as connection:
        change(connection, subject.id, {"state": "in_transit"}, version=None, by=SYSTEM, now_ms=house.clock.now_ms())
    house.live(*[sample(k, 11.0 if k >= 8 else 5.0) for k in range(24) if k not in (12, 13, 14)])
    now = house.clock.now_ms() + 60_000
    with house.registry.read() as connection:
        found = dict(shipment_budget.figures(connection, SYSTEM, subject.id, now))
        assert set(found) >= {"budget.time_left.lower_s", "budget.bands.0.time_left.upper_s"}
        for figure, value in found.items():
            said = shipment_budget.derive(connection, SYSTEM, subject.id, figure, now)
            assert (said["agrees"], said["stated"], said["figure"]) == (True, value, figure)
            jsonschema.validate(said, schema_of("coldchain.derivation-1"))
        assert 0 < found["budget.time_left.lower_s"] < found["budget.time_left.upper_s"] < 86_400
        with pytest.raises(NotFound):
            shipment_budget.derive(connection, SYSTEM, subject.id, "budget.moon", now)
        stranger = Viewer("someone", "Someone", "viewer", customer="North")
        with pytest.raises(NotFound):
            shipment_budget.derive(connection, stranger, subject.id, "budget.time_left.upper_s", now)


def test_before_it_was_judged_a_shipments_budget_has_no_figures(house: House) -> None:
    subject = house.shipment("SHP-1", "LG-1", "cct-2-8")
    with house.registry.read() as connection:
        assert list(shipment_budget.figures(connection, SYSTEM, subject.id, house.clock.now_ms())) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_published_schema_is_a_schema_and_names_its_document(name: str) -> None:
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"] == {"const": name}
    with pytest.raises(NotFound, match=r"coldchain\.batch/1"):
        schema_of("coldchain.nothing/1")
