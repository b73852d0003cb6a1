"""The HTTP API noun by noun: what goes in comes out, refusals say why, and its own description is true."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
from web_cast import HOUR, MINUTE, NOON, NORTH, Web, installed

from alerts import ack_link, callbacks
from coldchain import audit
from coldchain.registry import loggers
from coldchain.registry.schema import person as people_table
from dashboard.app import endpoints


@pytest.fixture
def web(tmp_path: Path):
    with installed(tmp_path) as web:
        yield web


NEW = {
    "reference": "SHP-1", "product_profile": "refrigerated-2-8", "customer": NORTH,
    "origin": {"name": "Puurs", "latitude": 51.08, "longitude": 4.29, "zone": "Europe/Brussels"},
    "destination": {"name": "Hamburg"}, "batches": [{"batch": "A1", "gtin": "04012345678901"}],
    "planned_departure": "2026-11-22T06:00:00+01:00", "planned_arrival": "2026-11-22T18:00:00Z",
}  # fmt: skip


def test_a_shipment_is_planned_bound_under_way_and_arrives(web: Web) -> None:
    client = web.as_role("operator")
    made = client.post("/api/v1/shipments", json=NEW)
    assert made.status_code == 201
    shipment = made.json()
    assert (shipment["lane"], shipment["planned_departure"]) == ("Puurs → Hamburg", "2026-11-22T05:00:00.000Z")
    at = made.headers["location"]
    binding = {"logger": "00:11:22:33:44:55:66:77", "from": "2026-11-22T05:00:00Z", "reason": "certificate follows"}
    assert client.post(f"{at}/bindings", json=binding).json()["logger"] == "0011223344556677"
    for version, state in enumerate(("in_transit", "arrived", "closed"), start=1):
        changed = client.patch(at, json={"version": version, "state": state})
        assert (changed.status_code, changed.json()["state"]) == (200, state)
    shown = client.get(at).json()
    assert shown["departed"] == shown["closed"] == "2026-11-22T12:00:00.000Z"
    with web.registry.read() as connection:
        assert audit.verify(connection) is None


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"product_profile": "warm"}, ["product_profile", "warm", "refrigerated-2-8"]),
        ({"reference": ""}, ["reference"]),
        ({"reference": "a\x00b"}, ["reference", "control"]),
        ({"origin": {"name": "X", "latitude": 91, "longitude": 0}}, ["origin.latitude", "91"]),
        ({"origin": {"name": "X", "latitude": 9}}, ["origin", "both"]),
        ({"origin": {"name": "X", "zone": "Mars/Base"}}, ["zone", "Mars/Base"]),
        ({"planned_departure": "2026-11-22 06:00"}, ["planned_departure", "2026-11-22 06:00", "Z"]),
        ({"planned_departure": "2026-11-23T00:00:00Z"}, ["planned_arrival"]),
        ({"batches": [{"batch": "A", "gtin": "12"}]}, ["gtin", "12"]),
        ({"referense": "typo"}, ["referense"]),
        ({"customer": 5}, ["customer", "5"]),
    ],
    ids=str,
)
def test_a_refusal_names_field_and_value(web: Web, change: dict, names: list[str]) -> None:
    reply = web.as_role("operator").post("/api/v1/shipments", json={**NEW, **change})
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert all(name in problem["detail"] for name in names), problem["detail"]


def test_a_reference_is_used_once(web: Web) -> None:
    client = web.as_role("operator")
    assert client.post("/api/v1/shipments", json=NEW).status_code == 201
    assert "SHP-1" in client.post("/api/v1/shipments", json=NEW).json()["detail"]


def test_who_read_an_old_version_does_not_overwrite_a_newer_one(web: Web) -> None:
    client, shipment = web.as_role("operator"), web.shipment("S-1")
    assert client.patch(f"/api/v1/shipments/{shipment}", json={"version": 1, "carrier": "A"}).status_code == 200
    late = client.patch(f"/api/v1/shipments/{shipment}", json={"version": 1, "carrier": "B"})
    assert late.status_code == 409
    assert client.get(f"/api/v1/shipments/{shipment}").json()["carrier"] == "A"


def test_going_back_and_another_profile_need_a_reason(web: Web) -> None:
    client, shipment = web.as_role("operator"), web.shipment("S-1")
    at = f"/api/v1/shipments/{shipment}"
    client.patch(at, json={"version": 1, "state": "arrived"})
    assert "reason" in client.patch(at, json={"version": 2, "state": "in_transit"}).json()["detail"]
    client = web.as_role("quality")
    assert "reason" in client.patch(at, json={"version": 2, "product_profile": "below-25"}).json()["detail"]
    changed = client.patch(at, json={"version": 2, "product_profile": "below-25", "reason": "label change"})
    assert changed.json()["product_profile"] == "below-25"


def test_an_uncalibrated_logger_needs_a_reason_and_a_calibrated_one_does_not(web: Web) -> None:
    at = f"/api/v1/shipments/{web.shipment('S-1')}/bindings"
    bare = {"logger": "L1", "from": "2026-11-22T05:00:00Z"}
    assert "reason" in web.as_role("operator").post(at, json=bare).json()["detail"]
    certificate = {"certificate": "C-1", "calibrated": "2026-01-01T00:00:00Z", "due": "2027-01-01T00:00:00Z"}
    made = web.as_role("admin").post(
        "/api/v1/loggers", json={"logger": "L1", "interval_s": 60, "calibration": certificate}
    )
    assert made.status_code == 201
    assert web.as_role("operator").post(at, json=bare).status_code == 201


def test_a_loggers_password_is_shown_once_and_works(web: Web) -> None:
    secret = web.as_role("admin").post("/api/v1/loggers", json={"logger": "L1"}).json()["mqtt_password"]
    assert secret not in web.as_role("admin").get("/api/v1/loggers/L1").text
    with web.registry.read() as connection:
        assert loggers.password_is(connection, "L1", secret)
        assert not loggers.password_is(connection, "L1", secret[:-1])
        assert not loggers.password_is(connection, "L2", secret)


def test_a_logger_that_nobody_registered_is_listed_as_seen_and_not_assigned(web: Web) -> None:
    web.send("STRANGER", (NOON - MINUTE, 4.0))
    [row] = web.as_role("viewer").get("/api/v1/loggers?unassigned=true").json()["items"]
    assert (row["logger"], row["registered"], row["assigned"], row["readings"]) == ("STRANGER", False, False, 1)
    web.bind(web.shipment("S-1"), "STRANGER")
    assert web.as_role("viewer").get("/api/v1/loggers?unassigned=true").json()["items"] == []


@pytest.mark.parametrize("sort", ["-created", "reference", "-reference", "customer", "-departed", "urgency"])
def test_pages_of_a_list_show_every_row_once_in_any_order(web: Web, sort: str) -> None:
    made = {web.shipment(f"S-{n}", customer="ABC"[n % 3]) for n in range(7)}
    for shipment in list(made)[:3]:
        web.depart(shipment)
    seen, cursor = [], ""
    while cursor is not None:
        query = f"?limit=2&sort={sort}" + (f"&cursor={cursor}" if cursor else "")
        page = web.as_role("viewer").get(f"/api/v1/shipments{query}").json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "cursor=xyz", "sort=password", "cursor=W10"])
def test_a_list_refuses_what_it_does_not_know(web: Web, query: str) -> None:
    assert web.as_role("viewer").get(f"/api/v1/shipments?{query}").status_code == 422


# --- messages ------------------------------------------------------------------------------------------------------


def test_everything_sent_is_stored_a_duplicate_or_quarantined_with_its_bytes(web: Web) -> None:
    client, viewer = web.as_role("device"), web.as_role("viewer")
    good = {
        "v": 1,
        "device": "L1",
        "boot": 1,
        "seq": 0,
        "readings": [{"ts": "2026-11-22T11:00:00Z", "values": {"temperature_c": 4}}],
    }
    outcomes = [
        client.post("/api/v1/ingest/native", content=body).json()["receipts"][0]["outcome"]
        for body in (json.dumps(good), json.dumps(good), b"{not json", json.dumps({**good, "seq": 1, "readings": []}))
    ]
    assert outcomes[:2] == ["readings", "duplicate"]
    refused = viewer.get("/api/v1/quarantine").json()["items"] + viewer.get("/api/v1/undecoded").json()["items"]
    [broken] = [one for one in refused if one["begins"] == "{not json"]
    assert broken["refused"][0]["reason"]
    original = viewer.get(f"/api/v1/messages/{broken['message']}")
    assert original.content == b"{not json"
    assert original.headers["content-type"] == "application/octet-stream"


def test_an_unknown_source_says_which_there_are(web: Web) -> None:
    reply = web.as_role("device").post("/api/v1/ingest/nonsense", content=b"{}")
    assert reply.status_code == 404
    assert "native" in reply.json()["detail"]


# --- alarms --------------------------------------------------------------------------------------------------------


def test_an_alarm_is_acknowledged_once_commented_and_set_aside(web: Web) -> None:
    client, alarm = web.as_role("operator"), web.alarm(web.shipment("S-1"))
    first = client.post(f"/api/v1/alarms/{alarm}/acknowledge", json={"comment": "driver called", "version": 1})
    assert (first.status_code, first.json()["act"]) == (200, "acknowledged")
    assert client.post(f"/api/v1/alarms/{alarm}/acknowledge").json()["act"] == "already_acknowledged"
    assert client.post(f"/api/v1/alarms/{alarm}/comment", json={"comment": "ice added"}).status_code == 200
    until = {"until": "2026-11-22T13:00:00Z", "reason": "unloading"}
    assert client.post(f"/api/v1/alarms/{alarm}/shelve", json=until).json()["suppression"] == "shelved"
    kinds = [entry["kind"] for entry in client.get(f"/api/v1/alarms/{alarm}").json()["timeline"]]
    assert kinds == ["acknowledged", "commented", "shelved"]
    with web.registry.read() as connection:
        assert audit.verify(connection) is None


def test_an_alarm_that_changed_since_it_was_seen_is_not_acknowledged(web: Web) -> None:
    alarm = web.alarm(web.shipment("S-1"), version=2)
    reply = web.as_role("operator").post(f"/api/v1/alarms/{alarm}/acknowledge", json={"version": 1})
    assert reply.status_code == 409


def test_the_link_in_a_mail_shows_on_get_and_acknowledges_on_post(web: Web) -> None:
    alarm, someone = web.alarm(web.shipment("S-<b>1</b>")), web.person("operator")
    token = ack_link.make(b"k" * 32, ack_link.Claim(alarm, someone, 1, NOON + HOUR))
    shown = web.client(Accept="text/html").get(f"/api/v1/ack/{token}")
    assert shown.status_code == 200
    assert "S-&lt;b&gt;1&lt;/b&gt;" in shown.text
    assert "acknowledged" not in web.as_role("viewer").get(f"/api/v1/alarms/{alarm}").json()
    done = web.client().post(f"/api/v1/ack/{token}", data={"comment": "on my way"})
    assert done.status_code == 200
    after = web.as_role("viewer").get(f"/api/v1/alarms/{alarm}").json()
    assert (after["acknowledged_by"], after["acknowledged_via"]) == ("Operator", "link")


@pytest.mark.parametrize("token", ["x", "A" * 103, ""])
def test_a_forged_link_does_nothing(web: Web, token: str) -> None:
    assert web.client().post(f"/api/v1/ack/{token}", data={}).status_code in (403, 404, 405)


def test_a_delivery_receipt_is_believed_only_with_the_providers_signature(web: Web) -> None:
    path = "/api/v1/callbacks/sms?notification=none"
    params = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    signed = callbacks.signature("secret", f"http://127.0.0.1:8050{path}", params)
    for signature, status in ((signed, 204), ("no", 403), ("", 403)):
        reply = web.client().post(path, data=params, headers={"X-Twilio-Signature": signature})
        assert reply.status_code == status


# --- people, summary, audit ----------------------------------------------------------------------------------------


def test_addresses_are_shown_to_administrators_only(web: Web) -> None:
    body = {
        "name": "Bob",
        "email": "bob@example.org",
        "phone": "+49 151 123 456 78",
        "role": "operator",
        "on_call": True,
    }
    assert web.as_role("admin").post("/api/v1/people", json=body).json()["phone"] == "+4915112345678"
    assert "bob@example.org" in web.as_role("admin").get("/api/v1/people").text
    seen = web.as_role("quality").get("/api/v1/people").text
    assert "Bob" in seen
    assert "bob@" not in seen
    assert "+4915" not in seen


def test_an_api_key_works_until_it_is_revoked_and_is_stored_by_its_hash(web: Web) -> None:
    made = web.as_role("admin").post("/api/v1/api-keys", json={"name": "ERP", "role": "viewer"}).json()
    client = web.client(Authorization=f"Bearer {made['key']}")
    assert client.get("/api/v1/shipments").status_code == 200
    assert web.as_role("admin")("DELETE", f"/api/v1/api-keys/{made['id']}").status_code == 200
    assert client.get("/api/v1/shipments").status_code == 401
    assert made["key"] not in web.as_role("admin").get("/api/v1/api-keys").text


def test_the_summary_adds_up_the_figures_that_the_shipments_show(web: Web) -> None:
    times = {"time_in_range_s": 5400.0, "time_above_s": 1800.0, "time_below_s": 0.0, "time_unknown_s": 0.0}
    document = {"coverage_pct": 100, "mkt": {"value_c": 5.5}, "temperature": times}
    lane = {"origin": {"name": "A"}, "destination": {"name": "B"}}
    first, second = web.shipment("S-1", **lane), web.shipment("S-2", **lane)
    web.judged(first, document=document)
    web.judged(second, document={**document, "mkt": {"value_c": None}})
    web.excursion(first)
    web.alarm(first, acknowledged_ms=NOON + 120_000)
    web.clock.advance(MINUTE)
    [row] = web.as_role("viewer").get("/api/v1/summary").json()["items"]
    assert (row["lane"], row["shipments"], row["excursions"], row["without_excursion"]) == ("A → B", 2, 1, 1)
    assert (row["in_range_pct"], row["mkt_worst_c"], row["acknowledged_within_s"]) == (75.0, 5.5, 120.0)


def test_excursions_are_listed_by_period_and_shown_with_their_versions(web: Web) -> None:
    shipment = web.shipment("S-1")
    excursion = web.excursion(shipment, end_ms=NOON - 30 * MINUTE)
    viewer = web.as_role("viewer")
    assert viewer.get("/api/v1/excursions?to=2026-11-22T11:00:00Z").json()["items"] == []
    assert viewer.get("/api/v1/excursions?from=2026-11-22T11:30:00Z").json()["items"] == []
    [row] = viewer.get("/api/v1/excursions?from=2026-11-22T11:29:00Z&open=false").json()["items"]
    assert (row["reference"], row["peak_c"], row["area_c_min"], row["severity"]) == ("S-1", 9.1, 11.0, "major")
    assert viewer.get(f"/api/v1/excursions/{excursion}").json()["versions"][0]["version"] == 1


def test_the_trail_says_who_did_what_and_checks_itself(web: Web) -> None:
    operator = web.signed_in(web.person("operator"))
    made = operator.post("/api/v1/shipments", json=NEW).json()
    quality = web.as_role("quality")
    [entry] = quality.get(f"/api/v1/audit?kind=shipment&id={made['id']}").json()["items"]
    assert (entry["who_name"], entry["action"]) == ("Operator", "shipment created")
    assert quality.get("/api/v1/audit/check").json()["intact"] is True
    with web.registry.write() as connection:
        connection.exec_driver_sql("update audit set reason = 'x' where number = 2")
    assert quality.get("/api/v1/audit/check").json()["broken"]["number"] == 2


def test_a_product_profile_is_added_with_its_exact_numbers(web: Web) -> None:
    body = web.as_role("admin").get("/api/v1/product-profiles/below-25").json()
    drop = ("version", "who", "recorded", "approved", "approved_by", "reason")
    new = {name: value for name, value in body.items() if name not in drop} | {"id": "below-25-own", "version": 1}
    made = web.as_role("admin").post("/api/v1/product-profiles", json=new)
    assert made.status_code == 201, made.text
    assert web.as_role("viewer").get("/api/v1/product-profiles/below-25-own").json()["version"] == 1
    assert web.as_role("admin").post("/api/v1/product-profiles", json=new).status_code == 409


def test_a_registry_that_takes_no_writes_is_not_ready(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    total, used, _ = shutil.disk_usage("/")
    full = type(shutil.disk_usage("/"))(total, used, 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: full)
    reply = web.client().get("/readyz")
    assert (reply.status_code, reply.json()["reasons"]) == (503, ["registry: cannot be written: the disk is full"])
    assert web.client()("HEAD", "/readyz").status_code == 503
    assert web.client()("HEAD", "/healthz").status_code == 200


def test_who_exported_by_a_key_is_named(web: Web) -> None:
    client = web.as_role("quality")
    assert client.get("/api/v1/excursions?format=csv").status_code == 200
    [made] = client.get("/api/v1/exports").json()["items"]
    assert made["who"].startswith("key:")
    assert made["who_name"].endswith("(API key)")


def test_ready_names_what_does_not_work(web: Web) -> None:
    assert web.client().get("/readyz").json() == {"ready": True, "reasons": []}
    web.app.state.troubles = lambda: ["engine: silent for 20 s"]
    reply = web.client().get("/readyz")
    assert (reply.status_code, reply.json()["reasons"]) == (503, ["engine: silent for 20 s"])


def test_metrics_are_in_prometheus_format_for_who_has_credentials(web: Web) -> None:
    assert "coldchain_event_streams" in web.as_role("viewer").get("/metrics").text


# --- the description of the API ------------------------------------------------------------------------------------


def test_the_openapi_document_describes_every_route_with_its_permission(web: Web) -> None:
    document = web.as_role("viewer").get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    hidden = {"/api/v1/openapi.json", "/api/v1/docs"}
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    ours = {(e.method, e.path) for e in endpoints() if e.path.startswith("/api/") and e.path not in hidden}
    assert ours - {("HEAD", "/api/v1/events")} == described
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    assert all(operation["x-permission"] and operation["description"] for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_every_example_body_of_the_document_fits_its_schema_and_is_accepted(web: Web) -> None:
    admin = web.as_role("admin")
    document = admin.get("/api/v1/openapi.json").json()
    examples = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" in content and "schema" in content:
                jsonschema.validate(content["example"], {**content["schema"], "components": document["components"]})
            if "example" in content and method == "post":
                examples[path] = content["example"]
    shipment = admin.post("/api/v1/shipments", json=examples["/api/v1/shipments"]).json()["id"]
    alarm = web.alarm(shipment)
    web.clock.set(1_767_610_500_000)  # 2026-01-05T10:55:00Z: the examples' own day
    certificate = examples.pop("/api/v1/loggers/{logger}/calibrations")
    # What needs a password, a second person, or a person of this installation has tests of its own.
    acts = ("reset", "shelve", "shelve/agree", "unshelve", "assign")
    withdrawn = "/api/v1/shipments/{shipment}/stages/{stage}/withdraw"  # of a stage that is on record: test_batches
    # Of a person of this house: test_api_contacts.
    contacts = {"/api/v1/drills", "/api/v1/people/{person}/proofs", "/api/v1/people/me/proofs"}
    lab = "/api/v1/rule-lab"  # over shipments that were judged: test_api_rule_lab
    stays = [path for path in examples if path.startswith("/api/v1/batches")]  # in a store: test_batch_stays
    # Of people and stores of this house: test_api_rules, test_api_maintenance.
    house = ("/api/v1/policies/{", "/api/v1/rotas", "/api/v1/routing", "/api/v1/maintenance",
             "/api/v1/people/{person}/hours")  # fmt: skip
    rules = [path for path in examples if path.startswith(house)]
    skipped = {
        "/api/v1/shipments",
        "/api/v1/files/{sha256}/again",  # needs an imported file: test_files_in
        "/api/v1/product-profiles/{profile}/approve",  # a second person with a password: test_api_product_profiles
        withdrawn,
        lab,
        *contacts,
        *stays,
        *rules,
        *(f"/api/v1/alarms/{{alarm}}/{act}" for act in acts),
    }
    for path, example in examples.items():
        if path not in skipped:
            at = path.replace("{shipment}", shipment).replace("{alarm}", alarm).replace("{source}", "native")
            at = at.replace("{logger}", "LOG-0042").replace("{profile}", "cct-2-8")
            reply = admin.post(at, json=example)
            assert reply.status_code in (200, 201, 202), f"{path}: {reply.text}"
            assert "quarantined" not in reply.text or '"readings"' in reply.text, f"{path}: {reply.text}"
    assert admin.post("/api/v1/loggers/LOG-0042/calibrations", json=certificate).status_code == 201


def test_the_reference_page_asks_nothing_of_anybody_else(web: Web) -> None:
    text = web.as_role("viewer").get("/api/v1/docs").text
    assert "/api/v1/shipments" in text
    assert "<script" not in text
    assert 'src="http' not in text
    assert "http://" not in text.replace("http://127.0.0.1:8050", "")


def test_nothing_hostile_in_a_name_reaches_a_page_unescaped(web: Web) -> None:
    nasty = "<script>alert(1)</script>"
    someone = web.person("operator", email="x@example.org")
    with web.registry.write() as connection:
        connection.execute(people_table.update().values(name=nasty))
    alarm = web.alarm(web.shipment(nasty), logger=nasty)
    token = ack_link.make(b"k" * 32, ack_link.Claim(alarm, someone, 1, NOON + HOUR))
    for text in (
        web.client(Accept="text/html").get(f"/api/v1/ack/{token}").text,
        web.client(Accept="text/html").get(f"/{nasty}").text,
        web.client().get(f"/sign-in?next={nasty}").text,
    ):
        assert nasty not in text
