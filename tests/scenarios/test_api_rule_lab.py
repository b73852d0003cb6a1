"""The rule lab over the API: who may, what is refused, and a run from its beginning to both documents."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from servers import wait_until
from web_cast import HOUR, MINUTE, NOON, NORTH, SOUTH, Web, installed

from compliance.document import json_schema
from compliance.loop import EngineLoop

AT = "/api/v1/rule-lab"
SAVED = {"product_profile": "refrigerated-2-8"}


class Silent:
    """A planner for a house without people."""

    def plan(self, *_: Any) -> None:
        """Tell nobody."""


@pytest.fixture
def web(tmp_path: Path):
    with installed(tmp_path) as web:
        yield web


def judged_shipment(web: Web, reference: str, customer: str = NORTH) -> str:
    shipment = web.shipment(reference, customer)
    web.depart(shipment)
    web.bind(shipment, reference, NOON - HOUR)
    web.send(reference, *((NOON - HOUR + k * 5 * MINUTE, 9.0 if 4 <= k < 9 else 5.0) for k in range(12)))
    engine = EngineLoop(web.registry, web.journal, web.services.history, Silent(), web.clock)
    while engine.step():
        pass
    return shipment


def draft(web: Web, **changes: Any) -> dict[str, Any]:
    body = web.as_role("quality").get("/api/v1/product-profiles/refrigerated-2-8").json()
    return {**body, "version": 2, **changes}


def finished(web: Web, run: str) -> dict[str, Any]:
    ask = web.as_role("quality")
    wait_until(lambda: ask.get(f"{AT}/{run}").json()["state"] != "running", 60, "the run's end")
    found: dict[str, Any] = ask.get(f"{AT}/{run}").json()
    return found


def test_only_the_quality_unit_has_a_lab(web: Web) -> None:
    judged_shipment(web, "S-1")
    for role in ("viewer", "operator", "auditor", "device"):
        for reply in (web.as_role(role).get(AT), web.as_role(role).post(AT, json=SAVED)):
            assert reply.status_code == 403
    assert web.client().get(AT).status_code == 401


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "product_profile"),
        ({**SAVED, "toml": "id = 1"}, "product_profile and toml"),
        ({"toml": "id = ["}, "neither TOML nor JSON"),
        ({"toml": 'id = "x"'}, "label_range"),
        ({"draft": {"id": "x", "label_range": {"low_c": 9, "high_c": 2}}}, "label_range"),
        ({"product_profile": "no-such"}, "no-such"),
        ({**SAVED, "version": 9}, "version 9"),
        ({**SAVED, "departed_from": "yesterday"}, "departed_from"),
        ({**SAVED, "departed_to": "2001-01-01T00:00:00Z"}, "another period"),
        ({**SAVED, "shipments": ["no-such-shipment"]}, "no-such-shipment"),
        ({**SAVED, "limit": 0}, "limit"),
        ({**SAVED, "limt": 3}, "limt"),
    ],
)
def test_what_cannot_be_replayed_is_refused_by_name(web: Web, body: dict[str, Any], names: str) -> None:
    judged_shipment(web, "S-1")
    reply = web.as_role("quality").post(AT, json=body)
    assert reply.status_code in (404, 422), reply.text
    assert names in reply.text
    assert web.as_role("quality").get(AT).json()["items"] == []


def test_a_run_says_what_changes_and_gives_both_documents(web: Web) -> None:
    shipment = judged_shipment(web, "S-1")
    ask = web.as_role("quality")
    body = {"draft": draft(web, label_range={"low_c": 2, "high_c": 10}), "judged_by": "refrigerated-2-8"}
    reply = ask.post(AT, json=body)
    assert reply.status_code == 202, reply.text
    run = reply.json()["id"]
    assert reply.headers["location"] == f"{AT}/{run}"
    done = finished(web, run)
    assert (done["state"], done["done"], done["total"]) == ("done", 1, 1)
    assert done["summary"]["not_as_recorded"] == 0
    line = done["items"][0]
    assert (line["shipment"], line["changed"]) == (shipment, True)
    assert {"kind": "excursion", "change": "cleared"}.items() <= line["changes"][0].items()
    both = ask.get(f"{AT}/{run}/shipments/{shipment}").json()
    recorded = ask.get(f"/api/v1/shipments/{shipment}/compliance").json()
    assert both["before"]["document"] == recorded
    assert both["after"]["document"]["excursions"] == []
    jsonschema.validate(both["after"]["document"], json_schema())


def test_nothing_but_the_run_is_written(web: Web) -> None:
    shipment = judged_shipment(web, "S-1")
    ask = web.as_role("quality")
    was = [ask.get(path).json() for path in (f"/api/v1/shipments/{shipment}", "/api/v1/alarms", "/api/v1/excursions",
                                             "/api/v1/product-profiles", "/api/v1/audit")]  # fmt: skip
    made = ask.post(AT, json={"draft": draft(web, label_range={"low_c": 2, "high_c": 5})}).json()
    assert finished(web, made["id"])["state"] == "done"
    now = [ask.get(path).json() for path in (f"/api/v1/shipments/{shipment}", "/api/v1/alarms", "/api/v1/excursions",
                                             "/api/v1/product-profiles", "/api/v1/audit")]  # fmt: skip
    assert now == was


def test_a_run_is_its_owners_alone_and_sees_what_the_owner_sees(web: Web) -> None:
    north, south = judged_shipment(web, "S-1"), judged_shipment(web, "S-2", SOUTH)
    key = web.key("quality", scope_customer=NORTH)
    scoped = web.client(Authorization=f"Bearer {key}")
    run = scoped.post(AT, json=SAVED).json()["id"]
    wait_until(lambda: scoped.get(f"{AT}/{run}").json()["state"] == "done", 60, "the run's end")
    assert [line["shipment"] for line in scoped.get(f"{AT}/{run}").json()["items"]] == [north]
    assert scoped.get(f"{AT}/{run}/shipments/{south}").status_code == 404
    assert scoped.post(AT, json={**SAVED, "shipments": [south]}).status_code == 422
    other = web.as_role("admin")
    assert other.get(f"{AT}/{run}").status_code == 404
    assert other.post(f"{AT}/{run}/cancel").status_code == 404
    assert other.get(AT).json()["items"] == []


def test_a_run_that_is_over_stays_what_it_is_when_it_is_cancelled(web: Web) -> None:
    judged_shipment(web, "S-1")
    ask = web.as_role("quality")
    run = ask.post(AT, json=SAVED).json()["id"]
    assert finished(web, run)["state"] == "done"
    assert ask.post(f"{AT}/{run}/cancel").json()["state"] == "done"
    assert [one["id"] for one in ask.get(AT).json()["items"]] == [run]
