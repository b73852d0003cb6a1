"""Stores and shipments by day, week and month: in their own zone, and further back than findings reach."""

from pathlib import Path

import jsonschema
import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN
from web_cast import Web, installed

from coldchain.domain.finding import Subject
from coldchain.errors import NotFound
from coldchain.registry import stores
from compliance.calendar import Unit
from compliance.subject_windows import windows_of_subject
from compliance.windows_of import json_schema

DAY_MS = 86_400_000


def fridge(house: House) -> Subject:
    return house.store("LG-1", name="Fridge 1", kind="fridge", zone="Europe/Berlin")


def test_a_store_is_judged_by_day_long_after_its_findings_have_left_that_day(house: House) -> None:
    store = fridge(house)
    house.declare("LG-1", STEP_MS)
    warm = [sample(k, 12.0 if 100 <= k < 112 else 5.0) for k in range(576)]
    house.send(*warm)
    later = 60 * 288
    house.clock.set(DAWN + later * STEP_MS)
    house.send(*[sample(k, 5.0) for k in range(later - 3, later)])
    house.settle()
    [standing] = [house.record(store).state]
    assert standing is not None
    assert standing.document["excursions"] == []  # 60 days ago: settled
    with house.registry.read() as connection:
        found = windows_of_subject(connection, house.history, store, Unit.DAY, DAWN, DAWN + 2 * DAY_MS)
    jsonschema.validate(found, json_schema())
    assert found["zone"] == "Europe/Berlin"
    assert [window["name"] for window in found["windows"]] == ["2026-01-05", "2026-01-06", "2026-01-07"]
    first, second, third = (window["channels"][0] for window in found["windows"])
    # Twelve readings at 12 °C: 55 min, and the parts of two ramps above 8 °C, 4/7 of 5 min each.
    assert first["temperature"]["time_above_s"] == pytest.approx(55 * 60 + 2 * 300 * 4 / 7, abs=0.01)
    assert [item["severity"] for item in first["excursions"]] == ["major"]
    assert second["temperature"]["time_above_s"] == 0
    assert first["temperature"]["time_in_range_s"] + first["temperature"]["time_above_s"] == 23 * 3600
    assert third["temperature"]["time_unknown_s"] > 0


def test_what_was_never_judged_has_no_figures(house: House) -> None:
    store = fridge(house)
    with house.registry.read() as connection, pytest.raises(NotFound, match="bind a logger"):
        windows_of_subject(connection, house.history, store, Unit.DAY, DAWN, DAWN + 1)


@pytest.mark.parametrize("noun", ["shipments", "stores"])
def test_the_api_names_what_is_wrong(tmp_path: Path, noun: str) -> None:
    with installed(tmp_path) as web:
        id_ = _subject(web, noun)
        client = web.as_role("viewer")
        url = f"/api/v1/{noun}/{id_}/windows"
        assert "bind a logger" in client.get(url).text
        for params, says in (({"unit": "year"}, "unit"), ({"from": "now"}, "from")):
            refused = client.get(url, params=params)
            assert (refused.status_code, says in refused.text) == (422, True), refused.text
        assert client.get(f"/api/v1/{noun}/none/windows").status_code == 404


def _subject(web: Web, noun: str) -> str:
    if noun == "shipments":
        return web.shipment("S-1")
    with web.registry.write() as connection:
        now = web.clock.now_ms()
        return stores.create(connection, name="F", kind="fridge", zone="UTC", who="test", now_ms=now)
