"""Stages from EPCIS events over HTTP: taken in once, all or none, after a person's word, and taken back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_cast import NOON, NORTH, SOUTH, Web, installed

from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from coldchain.registry.stage_events import MOST, events_of

Json = dict[str, Any]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as made:
        yield made


def at(minute: int) -> str:
    return iso(NOON + minute * 60_000)


def event(step: str, minute: int, **more: Any) -> Json:
    return {"type": "ObjectEvent", "eventID": f"urn:uuid:{step}-{minute}", "eventTime": at(minute),
            "eventTimeZoneOffset": "+00:00", "bizStep": step, **more}  # fmt: skip


def sent(web: Web, shipment: str, body: object, role: str = "operator") -> Any:
    return web.as_role(role).post(f"/api/v1/shipments/{shipment}/events", json=body)


def held(web: Web, shipment: str) -> list[tuple[str, str, str | None, str]]:
    items = web.as_role("viewer").get(f"/api/v1/shipments/{shipment}/stages").json()["items"]
    return [(one["stage"], one["from"], one["to"], one["source"]) for one in items]


def test_a_document_tells_the_stages_in_order_of_time_and_again_changes_nothing(web: Web) -> None:
    shipment = web.shipment("S-1", NORTH)
    told = [event("https://ref.gs1.org/cbv/BizStep-arriving", 300), event("loading", 0),
            event("urn:epcglobal:cbv:bizstep:departing", 60), event("inspecting", 30)]  # fmt: skip
    document = {"type": "EPCISDocument", "schemaVersion": "2.0", "epcisBody": {"eventList": told}}
    first = sent(web, shipment, document).json()["items"]
    assert [(one["step"], one["outcome"]) for one in first] == [
        ("loading", "stage"), ("inspecting", "ignored"), ("departing", "stage"), ("arriving", "stage"),
    ]  # fmt: skip
    stages = [("loading", at(0), at(60), "event"), ("in_transit", at(60), at(300), "event"),
              ("arrived", at(300), None, "event")]  # fmt: skip
    assert held(web, shipment) == stages
    again = sent(web, shipment, document).json()["items"]
    assert {one["outcome"] for one in again} == {"known", "ignored"}
    assert held(web, shipment) == stages


def test_an_event_that_was_declared_erroneous_is_taken_back(web: Web) -> None:
    shipment = web.shipment("S-1", NORTH)
    sent(web, shipment, event("departing", 0))
    wrong = event("departing", 0, errorDeclaration={"declarationTime": at(5), "reason": "did_not_occur"})
    assert [one["outcome"] for one in sent(web, shipment, [wrong]).json()["items"]] == ["withdrawn"]
    assert held(web, shipment) == []
    assert [one["outcome"] for one in sent(web, shipment, [wrong]).json()["items"]] == ["ignored"]


def test_a_persons_word_comes_first(web: Web) -> None:
    shipment = web.shipment("S-1", NORTH)
    body = {"stage": "handover", "from": at(0), "to": at(90), "reason": "seen at the hub"}
    web.as_role("operator").post(f"/api/v1/shipments/{shipment}/stages", json=body)
    [told] = sent(web, shipment, event("departing", 30)).json()["items"]
    assert (told["outcome"], told["reason"]) == ("ignored", "somebody set handover for that time")
    assert held(web, shipment) == [("handover", at(0), at(90), "hand")]


def test_what_takes_readings_out_of_judgement_needs_the_quality_unit_and_then_nothing_is_taken_in(web: Web) -> None:
    shipment = web.shipment("S-1", NORTH)
    both = [event("departing", 0), event("unpacking", 60)]
    refused = sent(web, shipment, both)
    assert (refused.status_code, held(web, shipment)) == (403, [])
    assert [one["outcome"] for one in sent(web, shipment, both, "quality").json()["items"]] == ["stage", "stage"]
    assert sent(web, shipment, both, "viewer").status_code == 403
    scoped = web.client(Authorization=f"Bearer {web.key('operator', scope_customer=SOUTH)}")
    assert scoped.post(f"/api/v1/shipments/{shipment}/events", json=both).status_code == 404


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ([], "events: there is none"),
        ("text", "events: there is none"),
        ({"epcisBody": {"eventList": "x"}}, "events: there is none"),
        ([event("departing", 0), 7], "events[1]: is no event"),
        ([{"bizStep": "departing"}], "events[0].eventTime: missing"),
        ([{"eventTime": "yesterday"}], "events[0].eventTime: 'yesterday'"),
        ([{"eventTime": "2026-01-05T06:00:00"}], "events[0].eventTime"),
        ([{"eventTime": "0001-01-01T00:00:00Z", "bizStep": "unpacking"}], "events[0].eventTime"),
        ([event("departing", 0)] * (MOST + 1), f"at most {MOST}"),
    ],
)
def test_what_is_no_event_is_refused_with_its_place(body: object, names: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        events_of(body)
    assert names in str(refused.value)
