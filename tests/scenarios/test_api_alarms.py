"""What programs and browsers do to alarms over HTTP: two persons for a critical shelf, hand-over, and lists."""

from pathlib import Path

import pytest
from web_cast import Web

from coldchain.domain.finding import Severity

UNTIL = {"until": "2026-11-22T12:30:00Z", "reason": "unloading"}


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def test_a_critical_alarm_is_set_aside_when_a_second_person_agrees(web: Web) -> None:
    at = f"/api/v1/alarms/{web.alarm(web.shipment('S-1'), severity=int(Severity.CRITICAL))}"
    first, second = web.signed_in(web.person("operator")), web.signed_in(web.person("quality"))
    asked = first.post(f"{at}/shelve", json=UNTIL).json()
    assert (asked["act"], asked["suppression"]) == ("shelf_asked", "none")
    assert first.post(f"{at}/shelve/agree").status_code == 403
    assert web.as_role("operator").post(f"{at}/shelve/agree").status_code == 403
    assert second.post(f"{at}/shelve/agree").json()["suppression"] == "shelved"
    assert [one["id"] for one in first.get("/api/v1/alarms?shelved=true").json()["items"]] == [asked["id"]]
    assert first.post(f"{at}/unshelve", json={"reason": "done"}).json()["act"] == "unshelved"


def test_a_critical_alarm_cannot_be_set_aside_for_longer_than_an_hour(web: Web) -> None:
    at = f"/api/v1/alarms/{web.alarm(web.shipment('S-1'), severity=int(Severity.CRITICAL))}"
    reply = web.as_role("operator").post(f"{at}/shelve", json={**UNTIL, "until": "2026-11-22T13:00:01Z"})
    assert reply.status_code == 422
    assert "2026-11-22T13:00:00.000Z" in reply.json()["detail"]


def test_an_alarm_is_handed_to_a_person_who_may_see_to_it(web: Web) -> None:
    at = f"/api/v1/alarms/{web.alarm(web.shipment('S-1'))}"
    operator, viewer = web.person("operator"), web.person("viewer")
    client = web.as_role("quality")
    assert client.post(f"{at}/assign", json={"person": operator}).json()["assigned_to"] == "Operator"
    assert client.post(f"{at}/assign", json={"person": viewer}).status_code == 422
    assert len(client.get(f"/api/v1/alarms?assigned={operator}").json()["items"]) == 1
    assert client.get(f"/api/v1/alarms?assigned={viewer}").json()["items"] == []


def test_lists_of_stale_and_chattering_alarms_can_be_asked_for(web: Web) -> None:
    web.alarm(web.shipment("S-1"))
    for query in ("stale=true", "chattering=true"):
        assert web.as_role("viewer").get(f"/api/v1/alarms?{query}").json()["items"] == []
