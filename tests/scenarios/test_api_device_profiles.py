"""Device profiles over HTTP: saved, refused with what to do, given to loggers, and kept messages read again by them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from web_cast import NOON, Web, installed

from coldchain import audit
from coldchain.registry.device_profiles import SavedProfiles
from dashboard.app import build_app
from ingest.pipeline import Pipeline
from sensors.carriers.shipped import carriers
from sensors.device_profiles.library import Library

AT = NOON // 1000 - 3600
BODY = {
    "id": "acme-duo", "version": 1, "name": "Acme Duo",
    "source": {"topics": ["acme/+/up"], "webhook": "acme", "device": "who", "key": "id"},
    "time": {"path": "at", "format": "unix_s"},
    "channels": {"internal": {"temperature_c": {"path": "t", "range": [-40, 60.5]}}},
}  # fmt: skip
TOML = """
id = "acme-duo"
version = 2
name = "Acme Duo"
[source]
webhook = "acme"
device = "who"
key = "id"
[time]
path = "at"
format = "unix_s"
[channels.internal]
temperature_c = { path = "t", unit = "F" }
"""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as web:
        library = Library(None, SavedProfiles(web.registry))
        pipeline = Pipeline(web.journal, web.clock, carriers=carriers("main", library.now), profiles=library.now)
        web.services = replace(web.services, pipeline=pipeline, library=library)
        web.app = build_app(web.services, None)
        yield web


def sent(web: Web, number: int, shown: object) -> str:
    body = {"who": "LG-7", "id": number, "at": AT + number * 300, "t": shown}
    answer = web.as_role("device").post("/api/v1/ingest/acme", json=body)
    assert answer.status_code == 202, answer.text
    return answer.text


def test_a_saved_profile_connects_its_webhook_at_once_and_a_second_version_reads_the_kept_messages(web: Web) -> None:
    admin, quality = web.as_role("admin"), web.as_role("quality")
    assert web.as_role("device").post("/api/v1/ingest/acme", json={}).status_code == 404
    made = admin.post("/api/v1/device-profiles", json=BODY | {"reason": "a new make"})
    assert (made.status_code, made.json()["label"], made.json()["origin"]) == (201, "acme-duo@1", "saved")
    for number in range(3):
        sent(web, number, 41)
    rows = quality.get("/api/v1/loggers/LG-7/readings").json()["items"]
    assert [(row["temperature_c"], row["device_profile"]) for row in rows] == [(41.0, "acme-duo@1")] * 3
    saved = admin.post(
        "/api/v1/device-profiles?reason=it sends Fahrenheit", content=TOML, headers={"content-type": "application/toml"}
    )
    assert saved.status_code == 201, saved.text
    at = "/api/v1/loggers/LG-7/decode-again"
    would = quality.post(at, json={"dry_run": True}).json()
    assert (would["changed"], would["decision"]) == (3, None)
    assert [one["after"][0]["temperature_c"] for one in would["differences"]] == [5.0] * 3
    done = quality.post(at, json={"reason": "it sends Fahrenheit"}).json()
    assert done["decision"] is not None
    rows = quality.get("/api/v1/loggers/LG-7/readings").json()["items"]
    assert [(row["temperature_c"], row["interpretation"]) for row in rows] == [(5.0, 2)] * 3
    versions = quality.get("/api/v1/device-profiles/acme-duo").json()["versions"]
    assert [(one["version"], one["reason"]) for one in versions] == [(1, "a new make"), (2, "it sends Fahrenheit")]
    with web.registry.read() as connection:
        assert audit.verify(connection) is None


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"channels": {"internal": {"temperature_c": {"path": "t", "unit": "X"}}}}, ["temperature_c.unit", "'X'", "f"]),
        ({"colour": "red"}, ["colour", "not a known key"]),
        ({"examples": [{"in": {"t": 5}, "out": {"internal": 6}}]}, ["example 1", "5.0", "6"]),
        ({"version": 7}, ["version = 7", "send version = 1"]),
        ({"reason": ""}, ["reason"]),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_right_is_refused_with_what_to_do(
    web: Web, change: dict[str, object], names: list[str]
) -> None:
    refused = web.as_role("admin").post("/api/v1/device-profiles", json=BODY | {"reason": "a try"} | change)
    assert refused.status_code in (409, 422), refused.text
    assert all(name in refused.json()["detail"] for name in names), refused.text
    assert web.as_role("viewer").get("/api/v1/device-profiles/acme-duo").status_code == 404


def test_the_list_has_what_ships_and_says_where_each_comes_from(web: Web) -> None:
    items = web.as_role("viewer").get("/api/v1/device-profiles").json()["items"]
    assert {item["origin"] for item in items} == {"shipped"}
    assert len({item["id"] for item in items}) == len(items) > 0
    one = web.as_role("viewer").get(f"/api/v1/device-profiles/{items[0]['id']}").json()
    assert one["text"].lstrip().startswith(("id", "#"))


def test_giving_a_logger_a_profile_needs_one_that_exists_a_zone_that_exists_and_a_reason(web: Web) -> None:
    admin, at = web.as_role("admin"), "/api/v1/loggers/LG-7/device-profile"
    known = web.as_role("viewer").get("/api/v1/device-profiles").json()["items"][0]["id"]
    for body, named in (
        ({"device_profile": "no-such", "reason": "x"}, "no-such"),
        ({"device_profile": known, "zone": "Mars/Base", "reason": "x"}, "Mars/Base"),
        ({"device_profile": known, "reason": ""}, "reason"),
    ):
        refused = admin.post(at, json=body)
        assert refused.status_code == 422
        assert named in refused.text
    given = admin.post(at, json={"device_profile": known, "zone": "Europe/Berlin", "reason": "its label says so"})
    assert given.status_code == 201
    assert web.services.library.now().assignments["LG-7"].zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("quality", "device-profiles"),
        ("quality", "loggers/LG-7/device-profile"),
        ("operator", "loggers/LG-7/decode-again"),
    ],
)
def test_who_may_not_is_told_so(web: Web, role: str, path: str) -> None:
    assert web.as_role(role).post(f"/api/v1/{path}", json={}).status_code == 403
