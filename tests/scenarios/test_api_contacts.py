"""Contacts over HTTP: addresses proved, drills sent and answered, groups acknowledged, programs and parties told."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update
from web_cast import NOON, Web, installed

from alerts import ack_link, callbacks, contact_link
from coldchain.registry.schema import outbox, person
from coldchain.registry.schema_people import drill
from coldchain.registry.store import new_id
from coldchain.registry.viewer import Viewer
from dashboard.parts import contact_acts

KEY = b"k" * 32
HOUR = 3600_000


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as web:
        yield web


def queued(web: Web, form: str) -> list[dict[str, str]]:
    with web.registry.read() as connection:
        rows = connection.execute(select(outbox).where(outbox.c.reason == form)).all()
    return [{"channel": row.channel, "address": row.address, "code": row.code or ""} for row in rows]


def test_somebody_proves_an_address_by_the_code_that_came_to_it(web: Web) -> None:
    someone = web.person("operator", phone="+4915100000009")
    browser = web.signed_in(someone)
    assert browser.post("/api/v1/people/me/proofs", json={"channel": "sms"}).status_code == 202
    [message] = queued(web, "proof")
    assert message["address"] == "+4915100000009"
    wrong = browser.post("/api/v1/people/me/proofs", json={"code": "000000"})
    assert (wrong.status_code, "ask for a new one" in wrong.text) == (422, True)
    assert browser.post("/api/v1/people/me/proofs", json={"code": message["code"]}).json() == {"proved": True}
    [known] = [p for p in web.as_role("admin").get("/api/v1/people").json()["items"] if p["id"] == someone]
    assert known["phone_verified"] is True
    assert browser.get("/api/v1/people/me/proofs").json()["items"][0]["proved"] is not None


def test_the_link_of_a_proof_shows_on_get_and_proves_on_post(web: Web) -> None:
    someone = web.person("operator")
    made = web.as_role("admin").post(f"/api/v1/people/{someone}/proofs", json={"channel": "email"}).json()
    token = contact_link.make(KEY, contact_link.Asked("proof", made["id"], NOON + HOUR))
    assert web.client(Accept="text/html").get(f"/api/v1/proofs/{token}").status_code == 200
    with web.registry.read() as connection:
        assert connection.execute(select(person.c.email_verified_ms)).scalar_one() is None
    assert web.client().post(f"/api/v1/proofs/{token}").status_code == 200
    with web.registry.read() as connection:
        assert connection.execute(select(person.c.email_verified_ms)).scalar_one() == NOON
    assert web.client().post(f"/api/v1/proofs/{token[:-4]}AAAA").status_code == 403


def test_a_drill_is_sent_now_and_answered_by_its_link(web: Web) -> None:
    someone = web.person("operator")
    admin = web.as_role("admin")
    sent = admin.post("/api/v1/drills", json={"person": someone, "channel": "email"})
    assert (sent.status_code, sent.json()["state"]) == (202, "open")
    again = admin.post("/api/v1/drills", json={"person": someone, "channel": "email"})
    assert (again.status_code, "waits for its answer" in again.text) == (422, True)
    token = contact_link.make(KEY, contact_link.Asked("drill", sent.json()["id"], NOON + HOUR))
    assert "Answered" in web.client(Accept="text/html").post(f"/api/v1/proofs/{token}").text
    [listed] = web.as_role("viewer").get("/api/v1/drills").json()["items"]
    assert (listed["state"], listed["answered_via"], listed["name"]) == ("answered", "link", "Operator")
    with web.registry.read() as connection:
        assert connection.execute(select(drill.c.answered_ms)).scalar_one() == NOON


def group(web: Web, someone: str, alarms: list[str]) -> str:
    """A message that told this person of several alarms; the row that it is named after."""
    lead = new_id()
    with web.registry.write() as connection:
        for n, alarm in enumerate(alarms):
            row = {"id": lead if n == 0 else new_id(), "alarm": alarm, "occasion": 1, "step": 0, "reason": "raised"}
            connection.execute(
                outbox.insert().values(
                    **row, recipient=someone, channel="sms", address="+49151", state="accepted", content={},
                    created_ms=NOON, attempts=1, lead=None if n == 0 else lead, code="4711",
                )
            )  # fmt: skip
    return lead


def test_one_link_shows_every_alarm_of_its_message_and_acknowledges_what_was_shown(web: Web) -> None:
    someone = web.person("operator")
    alarms = [web.alarm(web.shipment(f"S-{n}"), severity=2 + n % 2) for n in range(3)]
    stranger = web.alarm(web.shipment("S-9"))
    token = ack_link.make_group(KEY, ack_link.GroupClaim(group(web, someone, alarms), someone, NOON + HOUR))
    page = web.client(Accept="text/html").get(f"/api/v1/ack/{token}").text
    assert all(name in page for name in ("S-0", "S-1", "S-2"))
    assert "Acknowledge all 3" in page
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen is not None
    changed = web.client(Accept="text/html").post(f"/api/v1/ack/{token}", data={"seen": "0" * 32})
    assert "changed since" in changed.text
    done = web.client(Accept="text/html").post(f"/api/v1/ack/{token}", data={"seen": seen.group(1), "comment": "seen"})
    assert "Acknowledged: 3 of 3" in done.text
    viewer = web.as_role("viewer")
    for alarm in alarms:
        about = viewer.get(f"/api/v1/alarms/{alarm}").json()
        assert (about["acknowledged_by"], about["acknowledged_via"]) == ("Operator", "link")
    assert "acknowledged" not in viewer.get(f"/api/v1/alarms/{stranger}").json()
    assert "Already acknowledged" in web.client(Accept="text/html").get(f"/api/v1/ack/{token}").text


def test_the_page_behind_a_short_message_lists_what_it_told_of_to_who_may_see_it(web: Web) -> None:
    someone = web.person("operator")
    lead = group(web, someone, [web.alarm(web.shipment(f"S-{n}")) for n in range(3)])
    page = web.signed_in(someone).get(f"/told/{lead[:8]}").text
    assert all(name in page for name in ("S-0", "S-1", "S-2"))
    assert web.client().get(f"/told/{lead[:8]}").status_code == 401
    assert web.signed_in(someone).get("/told/00000000").status_code == 404


def test_an_answer_by_sms_acknowledges_over_the_providers_callback(web: Web) -> None:
    someone = web.person("operator", phone="+4915100000009")
    alarm = web.alarm(web.shipment("S-1"))
    group(web, someone, [alarm])
    with web.registry.write() as connection:
        connection.execute(update(outbox).values(address="+4915100000009"))
    params = {"From": "+4915100000009", "Body": "Ack 4711", "MessageSid": "SM7"}
    path = "/api/v1/callbacks/sms"
    signed = callbacks.signature("secret", f"http://127.0.0.1:8050{path}", params)
    assert web.client().post(path, data=params, headers={"X-Twilio-Signature": "forged"}).status_code == 403
    for _ in range(2):  # replayed
        assert web.client().post(path, data=params, headers={"X-Twilio-Signature": signed}).status_code == 200
    about = web.as_role("viewer").get(f"/api/v1/alarms/{alarm}").json()
    assert (about["acknowledged_by"], about["acknowledged_via"]) == ("Operator", "sms")


def test_the_address_of_an_endpoint_of_apprise_is_never_shown(web: Web) -> None:
    admin = web.as_role("admin")
    address = "json://alice:hunter22@127.0.0.1:9/sesame"
    made = admin.post("/api/v1/endpoints", json={"name": "Chat", "kind": "apprise", "url": address})
    assert (made.status_code, made.json()["url"], made.json()["kind"]) == (201, "json://…", "apprise")
    assert "secret" not in made.json()
    tried = admin.post(f"/api/v1/endpoints/{made.json()['id']}/test")
    assert (tried.json()["taken"], tried.json()["code"]) == (False, "address")
    shown = made.text + tried.text + admin.get("/api/v1/endpoints").text + admin.get("/api/v1/audit").text
    assert not any(secret in shown for secret in ("hunter22", "sesame", "alice"))
    assert admin.post(f"/api/v1/endpoints/{made.json()['id']}/rotate").status_code == 422
    for kind, url in (("apprise", "syslog://"), ("pigeon", "https://example.org/")):
        refused = admin.post("/api/v1/endpoints", json={"name": "Other", "kind": kind, "url": url})
        assert refused.status_code == 422
        assert "reaches only this machine" in refused.text or "webhook, apprise" in refused.text


def test_the_secret_of_an_endpoint_is_shown_once(web: Web) -> None:
    admin = web.as_role("admin")
    made = admin.post("/api/v1/endpoints", json={"name": "Pager", "url": "https://127.0.0.1:9/x"}).json()
    assert made["secret"].startswith("whsec_")
    rotated = admin.post(f"/api/v1/endpoints/{made['id']}/rotate").json()["secret"]
    assert rotated != made["secret"]
    [listed] = admin.get("/api/v1/endpoints").json()["items"]
    assert (listed["name"], listed["secrets"]) == ("Pager", 2)
    assert made["secret"] not in admin.get("/api/v1/endpoints").text + admin.get("/api/v1/audit").text
    tried = admin.post(f"/api/v1/endpoints/{made['id']}/test").json()
    assert (tried["taken"], tried["code"]) == (False, "address")
    on_the_page = contact_acts.do(web.services, Viewer("a", "Ada", "admin"), f"endpoint:{made['id']}:test")
    assert on_the_page == ("Not taken", tried["detail"])
    assert admin.patch(f"/api/v1/endpoints/{made['id']}", json={"disabled": True}).json()["disabled"] is not None
    refused = admin.post("/api/v1/endpoints", json={"name": "Other", "url": "http://example.org/"})
    assert (refused.status_code, "https://" in refused.text) == (422, True)


def test_a_partys_contact_is_informed_until_it_is_ended(web: Web) -> None:
    admin = web.as_role("admin")
    new = {"party": "Helvetia", "name": "Quality desk", "email": "q@helvetia.example", "phone": "+41 44 123 45 67"}
    made = admin.post("/api/v1/parties", json=new).json()
    assert (made["phone"], made["language"]) == ("+41441234567", "en")
    assert admin.post("/api/v1/parties", json={**new, "phone": "044 123"}).status_code == 422
    assert admin("DELETE", f"/api/v1/parties/{made['id']}").json()["ended"] is True
    assert admin.get("/api/v1/parties").json()["items"] == []


def test_a_partys_contact_proves_the_address_by_the_link_alone(web: Web) -> None:
    admin = web.as_role("admin")
    made = admin.post(
        "/api/v1/parties", json={"party": "Helvetia", "name": "Desk", "email": "q@helvetia.example"}
    ).json()
    assert made["email_verified"] is False
    asked = admin.post(f"/api/v1/parties/{made['id']}/proofs")
    assert asked.status_code == 202
    assert queued(web, "proof") == [{"channel": "email", "address": "q@helvetia.example", "code": ""}]
    assert admin.post(f"/api/v1/parties/{made['id']}/proofs").status_code == 422, "one a minute"
    token = contact_link.make(KEY, contact_link.Asked("proof", asked.json()["id"], NOON + HOUR))
    assert "Desk" in web.client(Accept="text/html").get(f"/api/v1/proofs/{token}").text
    assert admin.get("/api/v1/parties").json()["items"][0]["email_verified"] is False, "a scanner opens links too"
    assert web.client().post(f"/api/v1/proofs/{token}").status_code == 200
    assert admin.get("/api/v1/parties").json()["items"][0]["email_verified"] is True
    assert admin.post(f"/api/v1/parties/{new_id()}/proofs").status_code == 404
    assert web.as_role("viewer").post(f"/api/v1/parties/{made['id']}/proofs").status_code == 403
