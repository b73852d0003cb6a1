"""Policies, rotas and routes by the API: who may change them, what is refused, and who would hear of an alarm."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from web_cast import NOON, Web, installed

from alerts import configuration
from coldchain import audit
from coldchain.registry import people
from coldchain.registry.schema import shipment, signal
from coldchain.registry.schema_people import party_contact

TODAY, TOMORROW = "2026-11-22T08:00", "2026-11-23T08:00"


@pytest.fixture
def web(tmp_path: Path):
    with installed(tmp_path) as web:
        yield web


@pytest.fixture
def cast(web: Web) -> dict[str, str]:
    """Ann and Ben, who take turns; Cem, whose phone nobody knows."""
    ids = {}
    with web.registry.write() as connection:
        for name, phone in (("Ann", "+4915100000001"), ("Ben", "+4915100000002"), ("Cem", None)):
            ids[name] = people.create(
                connection, email=f"{name.lower()}@example.org", name=name, role="operator", who="test", now_ms=NOON,
                phone=phone, on_call=name == "Cem",
            )  # fmt: skip
    return ids


def rota(cast: dict[str, str], **changes: Any) -> dict[str, Any]:
    layer = {"name": "primary", "people": [cast["Ann"], cast["Ben"]], "turn": "daily", "from": TODAY}
    return {"name": "Laboratory", "zone": "UTC", "layers": [layer | changes], "holidays": []}


def policy(*steps: dict[str, Any]) -> dict[str, Any]:
    first = {"after_min": 0, "targets": [{"kind": "rota", "id": "lab", "layer": "primary"}], "channel_mode": "first"}
    return {"name": "Critical", "steps": [first, *steps], "repeat_last_min": 15}


def set_up(web: Web, cast: dict[str, str]) -> Any:
    quality = web.as_role("quality")
    assert quality.post("/api/v1/rotas/lab", json=rota(cast)).status_code == 201
    second = {"after_min": 10, "targets": [{"kind": "on_call"}]}
    made = quality.post("/api/v1/policies/critical", json=policy(second))
    assert made.status_code == 201, made.text
    routes = {"routes": [{"match": {"severity": ["critical"]}, "policy": "critical", "inform": ["consignor"]}]}
    assert quality.post("/api/v1/routing", json=routes).status_code == 201
    return quality


def test_a_simulation_says_who_hears_of_it_when_by_what_and_why(web: Web, cast: dict[str, str]) -> None:
    quality = set_up(web, cast)
    said = quality.post("/api/v1/policies/simulate", json={"severity": "critical", "cause": "high"}).json()
    lines = [(m["after_s"], m["step"], m["round"], m["name"], m["channel"]) for m in said["messages"]]
    assert lines == [
        (0, 0, 0, "Ann", "email"), (60, 0, 0, "Ann", "sms"), (600, 1, 0, "Cem", "email"),
        (1500, 1, 1, "Cem", "email"), (2400, 1, 2, "Cem", "email"), (3300, 1, 3, "Cem", "email"),
    ]  # fmt: skip
    first, second = said["messages"][:2]
    assert (first["duty"], first["target"]["layer"], first["only_if"], first["verified"]) == (
        "turn", "primary", None, False,
    )  # fmt: skip
    assert "not accepted within 60 s" in second["only_if"]
    assert said["policy"]["version"] == 1
    assert said["route"] == {"version": 1, "number": 0, "inform": ["consignor"]}
    assert said["silences"][0] == {
        "after_s": 0, "step": None, "who": "consignor", "why": "no_party",
        "target": {"kind": "party", "role": "consignor"},
    }  # fmt: skip
    assert any("Cem gets critical alarms by email only" in one for one in said["problems"])


def test_a_simulation_of_a_shipment_takes_what_is_on_record(web: Web, cast: dict[str, str]) -> None:
    quality = set_up(web, cast)
    with web.registry.write() as connection:
        row = {"id": "s1", "reference": "SHP-9", "consignor": "Helvetia", "state": "in_transit", "created_ms": NOON}
        connection.execute(shipment.insert().values(**row))
        there = {"id": "c1", "party": "Helvetia", "name": "Night desk", "email": "desk@helvetia.example"}
        connection.execute(party_contact.insert().values(**there, zone="UTC", language="en", created_ms=NOON))
    said = quality.post("/api/v1/policies/simulate", json={"shipment": "s1"}).json()
    [informed] = [m for m in said["messages"] if m["step"] is None]
    assert (informed["name"], informed["recipient_kind"], informed["target"]) == (
        "Night desk", "party", {"kind": "inform", "role": "consignor"},
    )  # fmt: skip


def test_a_step_that_reaches_nobody_hands_on_at_once_and_the_last_one_to_everybody(
    web: Web, cast: dict[str, str]
) -> None:
    quality = set_up(web, cast)
    quality.post("/api/v1/rotas/lab", json=rota(cast, **{"from": "2026-12-01T08:00"}) | {"reason": "later"})
    said = quality.post("/api/v1/policies/simulate", json={}).json()
    assert next((m["after_s"], m["step"], m["name"]) for m in said["messages"]) == (0, 1, "Cem")
    assert ("lab/primary", "not_begun") in [(s["who"], s["why"]) for s in said["silences"]]
    last = policy() | {"reason": "one step is enough"}
    quality.post("/api/v1/policies/critical", json=last)
    said = quality.post("/api/v1/policies/simulate", json={}).json()
    assert {m["name"] for m in said["messages"]} == {"Cem"}


def test_without_any_rules_everybody_on_call_hears_at_once(web: Web, cast: dict[str, str]) -> None:
    said = web.as_role("viewer").post("/api/v1/policies/simulate", json={"severity": "major"}).json()
    assert [(m["after_s"], m["name"], m["channel"]) for m in said["messages"]] == [
        (0, "Cem", "email"), (3600, "Cem", "email"),
    ]  # fmt: skip
    assert said["policy"] is None
    minor = web.as_role("viewer").post("/api/v1/policies/simulate", json={"severity": "minor"}).json()
    assert (minor["messages"], minor["silences"][0]["who"]) == ([], "everybody")


def test_every_version_is_kept_with_its_reason_and_in_the_trail(web: Web, cast: dict[str, str]) -> None:
    quality = set_up(web, cast)
    without = quality.post("/api/v1/policies/critical", json=policy())
    assert (without.status_code, "reason is missing" in without.json()["detail"]) == (422, True)
    stale = quality.post("/api/v1/policies/critical", json=policy() | {"reason": "x", "version": 5})
    assert stale.status_code == 409
    changed = quality.post("/api/v1/policies/critical", json=policy() | {"reason": "simpler", "version": 2})
    assert (changed.status_code, changed.json()["version"]) == (201, 2)
    items = quality.get("/api/v1/policies/critical/versions").json()["items"]
    assert [(one["version"], one["reason"], len(one["steps"])) for one in items] == [(2, "simpler", 1), (1, None, 2)]
    assert len(quality.get("/api/v1/policies/critical?version=1").json()["steps"]) == 2
    sent_back = quality.get("/api/v1/rotas/lab").json() | {"reason": "same again", "version": 2}
    assert quality.post("/api/v1/rotas/lab", json=sent_back).status_code == 201
    assert [one["version"] for one in quality.get("/api/v1/routing/versions").json()["items"]] == [1]
    with web.registry.read() as connection:
        assert audit.verify(connection) is None


def test_what_is_in_use_cannot_be_taken_away(web: Web, cast: dict[str, str]) -> None:
    quality = set_up(web, cast)
    refused = quality.post("/api/v1/policies/critical/retire", json={"reason": "old"})
    assert (refused.status_code, "routes[0]" in refused.json()["detail"]) == (422, True)
    refused = quality.post("/api/v1/rotas/lab/retire", json={"reason": "old"})
    assert "policy critical" in refused.json()["detail"]
    refused = quality.post("/api/v1/rotas/lab", json=rota(cast, name="night") | {"reason": "renamed"})
    assert "'primary' is missing" in refused.json()["detail"]
    quality.post("/api/v1/routing", json={"routes": [], "otherwise": None, "reason": "none"})
    assert quality.post("/api/v1/policies/critical/retire", json={"reason": "old"}).json()["retired"] is not None
    assert quality.get("/api/v1/policies").json()["items"] == []
    assert len(quality.get("/api/v1/policies?retired=true").json()["items"]) == 1
    assert quality.post("/api/v1/rotas/lab/retire", json={"reason": "old"}).status_code == 200


def test_what_is_wrong_with_the_rules_is_known_after_each_change_of_them(web: Web, cast: dict[str, str]) -> None:
    def wrong() -> list[str]:
        with web.registry.read() as connection:
            found = select(signal.c.detail).where(signal.c.kind == configuration.SIGNAL, signal.c.cleared_ms.is_(None))
            return [detail.partition(":")[0] for detail in connection.execute(found).scalars()]

    quality = web.as_role("quality")
    quality.post("/api/v1/rotas/lab", json=rota(cast, **{"from": TOMORROW}))
    assert wrong() == []  # no policy needs it
    quality.post("/api/v1/policies/critical", json=policy())
    assert wrong() == ["rota lab, layer primary"]
    quality.post("/api/v1/rotas/lab", json=rota(cast) | {"reason": "from today"})
    assert wrong() == []
    quality.post("/api/v1/rotas/lab", json=rota(cast, **{"from": TOMORROW}) | {"reason": "after all"})
    assert wrong() == ["rota lab, layer primary"]
    quality.post("/api/v1/policies/critical/retire", json={"reason": "nobody needs it"})
    assert wrong() == []
    assert quality.post("/api/v1/rotas/lab/retire", json={"reason": "nor this"}).status_code == 200
    assert quality.post("/api/v1/policies/critical", json=policy() | {"reason": "again"}).status_code == 422
    assert wrong() == []


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("policies/critical", {"name": "x", "steps": [], "repeat_last_min": 5}, ["steps", "empty"]),
        ("policies/critical", {"name": "x", "steps": [{"after_min": 0, "targets": [{"kind": "on_call"}]}]},
         ["repeat_last_min", "missing", "repeat until somebody answers"]),
        ("rotas/lab", {"name": "x", "zone": "Mars", "layers": []}, ["zone", "Mars", "layers"]),
        ("routing", {"routes": [{"policy": "zed"}]}, ["routes[0].policy", "zed"]),
        ("routing", {"routes": [], "reason": 5}, ["reason"]),
        ("routing", [], ["body", "object"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_refusal_names_field_value_and_remedy(web: Web, path: str, body: Any, names: list[str]) -> None:
    answer = web.as_role("quality").post(f"/api/v1/{path}", json=body)
    assert answer.status_code == 422
    assert all(name in answer.json()["detail"] for name in names), answer.json()["detail"]


def as_person(web: Web, person: str) -> Any:
    """A client that is signed in as this person."""
    return web.signed_in(person)


def test_a_calendar_shows_turns_and_holes_and_who_stands_in(web: Web, cast: dict[str, str]) -> None:
    quality = set_up(web, cast)
    dentist = {
        "person": cast["Cem"], "replaces": cast["Ann"], "layer": "primary", "from": "2026-11-22T14:00:00Z",
        "to": "2026-11-22T16:00:00Z", "reason": "dentist",
    }  # fmt: skip
    made = quality.post("/api/v1/rotas/lab/overrides", json=dentist)
    assert (made.status_code, made.json()["name"], made.json()["replaces_name"]) == (201, "Cem", "Ann")
    asked = "/api/v1/rotas/lab/calendar?from=2026-11-22T07:00:00Z&to=2026-11-23T09:00:00Z"
    shown = quality.get(asked).json()
    assert [(one["name"], one["why"]) for one in shown["items"]] == [
        (None, "not_begun"), ("Ann", "turn"), ("Cem", "override"), ("Ann", "turn"), ("Ben", "turn"),
    ]  # fmt: skip
    assert len(shown["holes"]) == 1
    ended = quality.post(f"/api/v1/rotas/lab/overrides/{made.json()['id']}/end", json={"reason": "cancelled"})
    assert ended.json()["ended"] is not None
    assert "Cem" not in [one["name"] for one in quality.get(asked).json()["items"]]


def test_who_is_on_call_swaps_their_own_turns_and_nobody_elses(web: Web, cast: dict[str, str]) -> None:
    set_up(web, cast)
    ann, cem = as_person(web, cast["Ann"]), as_person(web, cast["Cem"])
    body = {
        "mine": {"person": cast["Ann"], "from": "2026-11-24T08:00:00Z", "to": "2026-11-25T08:00:00Z"},
        "theirs": {"person": cast["Ben"], "from": "2026-11-25T08:00:00Z", "to": "2026-11-26T08:00:00Z"},
        "reason": "a wedding",
    }  # fmt: skip
    assert cem.post("/api/v1/rotas/lab/swaps", json=body).status_code == 403
    made = ann.post("/api/v1/rotas/lab/swaps", json=body)
    assert made.status_code == 201, made.text
    asked = "/api/v1/rotas/lab/calendar?from=2026-11-24T08:00:00Z&to=2026-11-26T08:00:00Z"
    assert [(one["name"], one["why"]) for one in ann.get(asked).json()["items"]] == [("Ben", "swap"), ("Ann", "swap")]
    first = made.json()["items"][0]["id"]
    assert cem.post(f"/api/v1/rotas/lab/overrides/{first}/end", json={}).status_code == 403
    assert ann.post(f"/api/v1/rotas/lab/overrides/{first}/end", json={}).status_code == 200
    assert [one["name"] for one in ann.get(asked).json()["items"]] == ["Ann", "Ben"]


@pytest.mark.parametrize(
    ("change", "status", "names"),
    [
        ({"person": "zed"}, 422, ["person", "zed"]),
        ({"layer": "night"}, 422, ["layer", "night", "primary"]),
        ({"to": "2026-11-22T10:00:00Z"}, 422, ["to", "past"]),
        ({"from": "tomorrow"}, 422, ["from", "tomorrow"]),
    ],
    ids=str,
)
def test_an_override_that_cannot_be_is_refused(
    web: Web, cast: dict[str, str], change: dict[str, Any], status: int, names: list[str]
) -> None:
    quality = set_up(web, cast)
    body = {"person": cast["Cem"], "from": "2026-11-22T09:00:00Z", "to": "2026-11-22T16:00:00Z"} | change
    answer = quality.post("/api/v1/rotas/lab/overrides", json=body)
    assert answer.status_code == status
    assert all(name in answer.json()["detail"] for name in names), answer.json()["detail"]


def test_everybody_sets_their_own_hours_and_nobody_elses(web: Web, cast: dict[str, str]) -> None:
    ann = as_person(web, cast["Ann"])
    hours = {"digest_at": "07:30", "working_hours": {"mon": ["08:00", "17:00"]}, "quiet_hours": ["22:00", "06:00"]}
    assert ann.post("/api/v1/people/me/hours", json=hours).json()["name"] == "Ann"
    assert ann.get(f"/api/v1/people/{cast['Ann']}/hours").json() == hours
    assert ann.post(f"/api/v1/people/{cast['Ben']}/hours", json=hours).status_code == 403
    admin = web.as_role("admin")
    assert admin.post(f"/api/v1/people/{cast['Ben']}/hours", json={}).json()["digest_at"] is None
    assert admin.post("/api/v1/people/zed/hours", json={}).status_code == 404


@pytest.mark.parametrize(
    ("hours", "names"),
    [
        ({"digest_at": "7"}, ["digest_at", "'7'", "07:30"]),
        ({"working_hours": {"mo": ["08:00", "17:00"]}}, ["working_hours", "'mo'", "mon"]),
        ({"working_hours": {"mon": ["17:00", "08:00"]}}, ["working_hours.mon", "17:00", "later"]),
        ({"quiet_hours": ["22:00"]}, ["quiet_hours", "pair"]),
    ],
    ids=str,
)
def test_hours_that_cannot_be_kept_are_refused(
    web: Web, cast: dict[str, str], hours: dict[str, Any], names: list[str]
) -> None:
    answer = as_person(web, cast["Ann"]).post("/api/v1/people/me/hours", json=hours)
    assert answer.status_code == 422
    assert all(name in answer.json()["detail"] for name in names), answer.json()["detail"]


def test_a_hole_ahead_is_an_alarm_of_the_rules_until_somebody_fills_it(web: Web, cast: dict[str, str]) -> None:
    quality = set_up(web, cast)
    with web.registry.write() as connection:
        people.change(connection, cast["Ben"], who="test", now_ms=NOON, disabled_ms=NOON)
    wrong = [one["words"] for one in quality.get("/api/v1/routing").json()["problems"]]
    assert any("access of whose turn it is has ended" in words for words in wrong), wrong
    fill = {"person": cast["Cem"], "from": "2026-11-23T08:00:00Z", "to": "2026-12-20T08:00:00Z", "reason": "Ben left"}
    assert quality.post("/api/v1/rotas/lab/overrides", json=fill).status_code == 201
    wrong = [one["words"] for one in quality.get("/api/v1/routing").json()["problems"]]
    assert not any("nobody is on duty" in words for words in wrong), wrong
