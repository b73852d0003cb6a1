"""Product profiles over the API: copied, changed with a reason, approved, compared, retired, and who uses them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_cast import Web, installed

from coldchain.registry import facts, passwords, past_documents, people, profiles, shipments
from coldchain.registry.viewer import SYSTEM

AT = "/api/v1/product-profiles"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as web:
        yield web


def next_version(web: Web, id_: str = "cct-2-8", reason: str = "stability data", **changes: Any) -> dict[str, Any]:
    quality = web.as_role("quality")
    body = quality.get(f"{AT}/{id_}").json()
    reply = quality.post(AT, json={**body, **changes, "version": body["version"] + 1, "reason": reason})
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


PASSWORD = "correct horse battery"


def approver(web: Web, email: str = "q@example.org") -> str:
    with web.registry.read() as connection:
        known = [one.id for one in people.listed(connection, SYSTEM) if one.email == email]
    return known[0] if known else web.person("quality", email=email, hashed=passwords.hashed(PASSWORD))


def approved(web: Web, id_: str, version: int, *, by: str | None = None, **more: str) -> Any:
    body = {"version": version, "reason": "reviewed", "password": PASSWORD, **more}
    return web.signed_in(by or approver(web)).post(f"{AT}/{id_}/approve", json=body)


def test_a_version_is_approved_by_a_second_person_who_gives_reason_and_password(web: Web) -> None:
    author = approver(web, "author@example.org")
    body = web.as_role("viewer").get(f"{AT}/cct-2-8").json()
    sent = {**body, "version": 2, "gap_warming_c_per_min": 0.4, "reason": "stability data"}
    assert web.signed_in(author).post(AT, json=sent).status_code == 201
    alone = approved(web, "cct-2-8", 2, by=author)
    assert alone.status_code == 403
    assert "add a second person with the role quality" in alone.json()["detail"]
    second = approver(web)
    own = approved(web, "cct-2-8", 2, by=author)
    assert (own.status_code, "Quality may approve it" in own.json()["detail"]) == (403, True)
    wrong = approved(web, "cct-2-8", 2, by=second, password="not this one")
    assert (wrong.status_code, "password" in wrong.json()["detail"]) == (403, True)
    assert approved(web, "cct-2-8", 2, by=second, reason="  ").status_code == 422
    links = web.person("quality", email="links@example.org")
    assert "you have no password" in approved(web, "cct-2-8", 2, by=links).json()["detail"]
    program = web.as_role("quality").post(
        f"{AT}/cct-2-8/approve", json={"version": 2, "reason": "x", "password": PASSWORD}
    )
    assert (program.status_code, "a person has to do this" in program.json()["detail"]) == (403, True)
    assert web.as_role("viewer").get(f"{AT}/cct-2-8").json()["state"] == "proposal"
    assert approved(web, "cct-2-8", 2, by=second).json()["state"] == "approved"


def test_who_is_not_of_the_quality_unit_reads_and_changes_nothing(web: Web) -> None:
    body = web.as_role("viewer").get(f"{AT}/cct-2-8").json()
    for role in ("viewer", "operator", "auditor"):
        client = web.as_role(role)
        assert client.get(AT).status_code == 200
        for path, sent in (
            ("", {**body, "version": 2, "reason": "x"}), ("/cct-2-8/copy", {"id": "mine"}),
            ("/cct-2-8/approve", {"version": 1, "reason": "x", "password": "x"}),
            ("/cct-2-8/retire", {"reason": "x"}), ("/check", body),
        ):  # fmt: skip
            assert (role, path, client.post(f"{AT}{path}", json=sent).status_code) == (role, path, 403)
    assert [one["version"] for one in web.as_role("viewer").get(f"{AT}/cct-2-8").json()["versions"]] == [1]


def test_versions_tell_who_made_them_when_and_why(web: Web) -> None:
    made = next_version(web, gap_warming_c_per_min=0.4)
    newest, first = made["versions"]
    assert (newest["version"], newest["reason"], newest["who_name"]) == (2, "stability data", "quality (API key)")
    assert (first["version"], first["state"], first["who_name"]) == (1, "proposal", "Coldchain")
    again = web.as_role("quality").post(AT, json={**made, "version": 3, "reason": None})
    assert again.status_code == 422
    assert "reason" in again.json()["detail"]


def test_a_copy_is_a_proposal_of_its_own(web: Web) -> None:
    quality = web.as_role("quality")
    approved(web, "cct-2-8", 1)
    made = quality.post(f"{AT}/cct-2-8/copy", json={"id": "cct-mabs", "name": "Antibodies"})
    assert made.status_code == 201
    copied = made.json()
    shown = tuple(copied[name] for name in ("id", "version", "name", "state"))
    assert shown == ("cct-mabs", 1, "Antibodies", "proposal")
    assert copied["reason"] == "copied from cct-2-8@1"
    taken = quality.post(f"{AT}/cct-2-8/copy", json={"id": "cct-mabs"})
    assert taken.status_code == 422
    assert "cct-mabs" in taken.json()["detail"]
    wrong = quality.post(f"{AT}/cct-2-8/copy", json={"id": "no spaces please"})
    assert "no spaces please" in wrong.json()["detail"]


def test_approval_names_who_and_makes_new_shipments_begin_with_it(web: Web) -> None:
    quality = web.as_role("quality")
    first = quality.get(f"{AT}/cct-2-8").json()
    assert (first["state"], first["proposal"], first["approved_by"]) == ("proposal", True, None)
    made = approved(web, "cct-2-8", 1, reason="change control 7").json()
    assert (made["state"], made["proposal"], made["approved_by_name"]) == ("approved", False, "Quality")
    again = approved(web, "cct-2-8", 1)
    assert (again.status_code, "approved already" in again.json()["detail"]) == (422, True)
    next_version(web, gap_warming_c_per_min=0.4)
    assert _made(web, "S-1")["product_profile_version"] == 1
    assert approved(web, "cct-2-8", 2).status_code == 200
    assert _made(web, "S-2")["product_profile_version"] == 2
    trail = quality.get("/api/v1/audit?kind=product_profile&id=cct-2-8@1").json()["items"]
    assert {one["action"] for one in trail} == {"product_profile.added", "product_profile.approved"}
    assert "change control 7" in {one["reason"] for one in trail}


def _made(web: Web, reference: str, profile: str = "cct-2-8") -> dict[str, Any]:
    reply = web.as_role("operator").post("/api/v1/shipments", json={"reference": reference, "product_profile": profile})
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


def test_two_versions_are_compared_field_by_field(web: Web) -> None:
    next_version(web, label_range={"low_c": 2, "high_c": 7.5})
    told = web.as_role("viewer").get(f"{AT}/cct-2-8/compare?from=1&to=2").json()
    assert told["differences"] == [{"field": "label_range.high_c", "old": 8, "new": 7.5}]
    other = web.as_role("viewer").get(f"{AT}/cct-2-8/compare?from=1&to=1&with=crt-20-25").json()
    assert {"field": "label_range.low_c", "old": 2, "new": 20} in other["differences"]
    assert web.as_role("viewer").get(f"{AT}/cct-2-8/compare?from=1&to=9").status_code == 404


def test_a_body_is_checked_without_being_stored(web: Web) -> None:
    quality = web.as_role("quality")
    body = quality.get(f"{AT}/cct-2-8").json()
    told = quality.post(f"{AT}/check", json={**body, "label_range": {"low_c": 8, "high_c": 2}}).json()
    assert any(one.startswith("label_range is crossed") for one in told["problems"])
    told = quality.post(f"{AT}/check?interval_s=600", json={**body, "gap_warming_c_per_min": 0.4}).json()
    assert told["problems"] == []
    assert told["differences"] == [{"field": "gap_warming_c_per_min", "old": 0.5, "new": 0.4}]
    assert any(one["field"] == "alarm_profile.rules[0].hold" for one in told["warnings"])
    assert quality.get(f"{AT}/cct-2-8").json()["version"] == 1


def test_a_retired_profile_judges_nothing_new_and_its_next_version_brings_it_back(web: Web) -> None:
    quality = web.as_role("quality")
    kept = _made(web, "S-1")
    assert quality.post(f"{AT}/cct-2-8/retire", json={"reason": " "}).status_code == 422
    retired = quality.post(f"{AT}/cct-2-8/retire", json={"reason": "nobody ships it"}).json()
    assert (retired["state"], retired["retired_reason"]) == ("retired", "nobody ships it")
    refused = web.as_role("operator").post("/api/v1/shipments", json={"reference": "S-2", "product_profile": "cct-2-8"})
    assert refused.status_code == 422
    assert "retired" in refused.json()["detail"]
    assert approved(web, "cct-2-8", 1).status_code == 422
    assert quality.get(f"/api/v1/shipments/{kept['id']}").json()["product_profile"] == "cct-2-8"
    next_version(web)
    assert _made(web, "S-2")["product_profile_version"] == 2


def test_uses_are_those_that_the_viewer_may_see(web: Web) -> None:
    web.shipment("S-1")
    web.shipment("S-2", customer="Southwind Pharma")
    used = web.as_role("quality").get(f"{AT}/refrigerated-2-8/uses").json()
    assert {one["reference"] for one in used["shipments"]} == {"S-1", "S-2"}
    key = web.key("viewer", scope_customer="Southwind Pharma")
    scoped = web.client(Authorization=f"Bearer {key}").get(f"{AT}/refrigerated-2-8/uses?version=1").json()
    assert [one["reference"] for one in scoped["shipments"]] == ["S-2"]
    assert web.as_role("quality").get(f"{AT}/refrigerated-2-8/uses?version=2").status_code == 404


def test_another_version_for_goods_under_way_needs_the_quality_unit_and_a_reason(web: Web) -> None:
    shipment = web.shipment("S-1")
    web.depart(shipment)
    next_version(web, "refrigerated-2-8", gap_warming_c_per_min=0.4)
    at = f"/api/v1/shipments/{shipment}"
    wanted = {"product_profile_version": 2, "reason": "stability data"}
    assert web.as_role("operator").patch(at, json=wanted).status_code == 403
    assert "reason" in web.as_role("quality").patch(at, json={"product_profile_version": 2}).json()["detail"]
    missing = web.as_role("quality").patch(at, json={**wanted, "product_profile_version": 7})
    assert "product_profile_version: 7 is none of" in missing.json()["detail"]
    assert web.as_role("quality").patch(at, json=wanted).json()["product_profile_version"] == 2


def test_the_figures_by_the_earlier_version_stay_on_record(web: Web) -> None:
    shipment = web.shipment("S-1")
    web.depart(shipment)
    document = {"schema": "coldchain.compliance/1", "profile": {"id": "refrigerated-2-8", "version": 1}}
    web.judged(shipment, status="excursion", document=document)
    next_version(web, "refrigerated-2-8", gap_warming_c_per_min=0.4)
    at = f"/api/v1/shipments/{shipment}"
    quality = web.as_role("quality")
    quality.patch(at, json={"product_profile_version": 2, "reason": "stability data"})
    [past] = quality.get(f"{at}/compliance/past").json()["items"]
    assert (past["profile"], past["status"], past["reason"]) == (document["profile"], "excursion", "stability data")
    assert quality.get(f"{at}/compliance/past/{past['id']}").json() == document
    assert quality.get(f"{at}/compliance/past/{past['id'] + 1}").status_code == 404
    stranger = web.client(Authorization=f"Bearer {web.key('viewer', scope_customer='Southwind Pharma')}")
    assert stranger.get(f"{at}/compliance/past").status_code == 404
    assert stranger.get(f"{at}/compliance/past/{past['id']}").status_code == 404


def test_what_nobody_judged_yet_leaves_no_earlier_figures(web: Web) -> None:
    shipment = shipments.subject(web.shipment("S-1"))
    with web.registry.write() as connection:
        profiles.get(connection, "below-25")
        facts.assign_profile(connection, shipment, "below-25", 1, who="quality", reason="wrong goods", now_ms=2)
        assert past_documents.listed(connection, SYSTEM, shipment) == []
