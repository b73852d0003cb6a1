"""Phone numbers and e-mail addresses are for their owners and for who administers, on every road."""

from dataclasses import replace
from pathlib import Path

import pytest
from alert_cast import HIGH, store_alarm
from web_cast import NOON, Web

from alerts.planner import AlertPlanner
from coldchain.domain.finding import AlarmChange, Subject, SubjectKind

PHONE, EMAIL = "+4915100000001", "operator@example.org"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def raised(web: Web) -> str:
    """An alarm that somebody was told of."""
    condition = replace(HIGH, subject=Subject(SubjectKind.SHIPMENT, web.shipment("S-1")))
    with web.registry.write() as connection:
        id_ = store_alarm(connection, condition, NOON)
        AlertPlanner().plan(connection, [AlarmChange(id_, None, condition)], NOON)
    return id_


@pytest.mark.parametrize("role", ["viewer", "operator", "quality", "auditor"])
def test_nobody_learns_a_colleagues_number_from_an_alarm_or_a_simulation(web: Web, role: str) -> None:
    web.person("operator", on_call=True, phone=PHONE)
    alarm = web.as_role(role).get(f"/api/v1/alarms/{raised(web)}")
    imagined = web.as_role(role).post("/api/v1/policies/simulate", json={"severity": "critical"})
    assert alarm.json()["notifications"]
    assert imagined.json()["messages"]
    for reply in (alarm, imagined, web.as_role(role).get("/api/v1/people")):
        assert PHONE not in reply.text
        assert EMAIL not in reply.text


def test_people_see_where_they_are_reached_themselves_and_administrators_where_everybody_is(web: Web) -> None:
    me, id_ = web.person("operator", on_call=True, phone=PHONE), raised(web)
    for client in (web.signed_in(me), web.as_role("admin")):
        imagined = client.post("/api/v1/policies/simulate", json={"severity": "critical"})
        for reply in (client.get(f"/api/v1/alarms/{id_}"), imagined):
            assert PHONE in reply.text
            assert EMAIL in reply.text


@pytest.mark.parametrize("email", ["jörg@example.org", "ann@exämple.org", "<ann@example.org>", "ann@.example.org"])
def test_an_address_that_no_mail_server_would_take_is_refused_when_it_is_entered(web: Web, email: str) -> None:
    admin = web.as_role("admin")
    person = admin.post("/api/v1/people", json={"name": "Ann", "email": email, "role": "operator"})
    party = admin.post("/api/v1/parties", json={"party": "Helvetia", "name": "Desk", "email": email})
    for reply in (person, party):
        assert reply.status_code == 422
        assert reply.json()["detail"].startswith("email:")
