"""Out of service and explanations by the API."""

from pathlib import Path

import pytest
from web_cast import NOON, NORTH, Web, installed

from coldchain.registry.schema import alarm_event


@pytest.fixture
def web(tmp_path: Path):
    with installed(tmp_path) as web:
        yield web


def test_something_goes_out_of_service_and_comes_back(web: Web) -> None:
    quality = web.as_role("quality")
    shipment = web.shipment("SHP-1")
    alarm = web.alarm(shipment)
    work = {"shipment": shipment, "work_order": "WO-1", "reason": "defrost", "until": "2026-11-22T18:00:00Z"}
    made = quality.post("/api/v1/maintenance", json=work)
    assert made.status_code == 201, made.text
    assert (made.json()["until"], made.json()["ended"]) == ("2026-11-22T18:00:00.000Z", None)
    shown = quality.get(f"/api/v1/alarms/{alarm}").json()
    assert (shown["suppression"], shown["suppressed_until"]) == ("out_of_service", "2026-11-22T18:00:00.000Z")
    [listed] = web.as_role("viewer").get("/api/v1/maintenance?now=true").json()["items"]
    assert listed["work_order"] == "WO-1"
    ended = quality.post(f"/api/v1/maintenance/{made.json()['id']}/end", json={"reason": "done"})
    assert ended.json()["ended"] == "2026-11-22T12:00:00.000Z"
    assert quality.get("/api/v1/maintenance?now=true").json()["items"] == []
    again = quality.post(f"/api/v1/maintenance/{made.json()['id']}/end", json={})
    assert (again.status_code, "has ended" in again.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"until": "2026-11-21T00:00:00Z"}, ["until", "past"]),
        ({"until": None}, ["until"]),
        ({"work_order": ""}, ["work_order", "empty"]),
        ({"shipment": "zed"}, ["subject", "zed"]),
        ({"logger": "L1"}, ["subject", "name either"]),
    ],
    ids=str,
)
def test_work_without_an_end_or_an_order_is_refused(web: Web, change: dict, names: list[str]) -> None:
    work = {"shipment": web.shipment("SHP-1"), "work_order": "WO-1", "reason": "x", "until": "2026-11-22T18:00:00Z"}
    answer = web.as_role("quality").post("/api/v1/maintenance", json=work | change)
    assert answer.status_code == 422
    assert all(name in answer.json()["detail"] for name in names), answer.json()["detail"]


def test_an_alarm_explains_why_nobody_was_told(web: Web) -> None:
    alarm = web.alarm(web.shipment("SHP-1"))
    body = {"reason": "recorded_only", "condition": "active", "severity": "minor", "monitoring_ended": False}
    with web.registry.write() as connection:
        connection.execute(alarm_event.insert().values(alarm=alarm, at_ms=NOON, kind="not_told", body=body))
    said = web.as_role("viewer").get(f"/api/v1/alarms/{alarm}/explanation").json()
    [silence] = said["silences"]
    assert (silence["who"], silence["why"]["code"]) == ("everybody", "recorded_only")
    assert web.as_role("viewer").get("/api/v1/alarms/zed/explanation").status_code == 404
    key = web.key("viewer", scope_customer=NORTH)
    scoped = web.client(Authorization=f"Bearer {key}").get(f"/api/v1/alarms/{alarm}/explanation")
    assert scoped.status_code == 403
