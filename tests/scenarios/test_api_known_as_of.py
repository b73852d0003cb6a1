"""`known_as_of` over HTTP: the figures of an earlier moment, in the published form, for whom may see the shipment."""

from pathlib import Path

import jsonschema
import pytest
from web_cast import HOUR, NOON, NORTH, SOUTH, Web, installed

from compliance.document import json_schema

NEW = {"reference": "SHP-1", "product_profile": "refrigerated-2-8", "customer": NORTH}
BINDING = {"logger": "LG-1", "from": "2026-11-22T09:00:00Z", "reason": "certificate follows"}


@pytest.fixture
def web(tmp_path: Path):
    with installed(tmp_path) as web:
        yield web


def test_a_moment_is_answered_in_the_published_form_and_a_bad_one_is_named(web: Web) -> None:
    client = web.as_role("operator")
    at = client.post("/api/v1/shipments", json=NEW).headers["location"]
    assert client.post(f"{at}/bindings", json=BINDING).status_code == 201
    web.clock.set(NOON + HOUR)
    url = f"{at}/compliance"
    found = client.get(url, params={"known_as_of": "2026-11-22T12:30:00Z"})
    assert found.status_code == 200
    assert found.json()["known_as_of"] == "2026-11-22T12:30:00.000Z"
    jsonschema.validate(found.json(), json_schema())
    for moment, status, says in (
        ("2026-11-22T11:59:59Z", 404, "later time"),
        ("2026-11-22T23:00:00Z", 422, "future"),
        ("yesterday", 422, "known_as_of"),
    ):
        refused = client.get(url, params={"known_as_of": moment})
        assert (refused.status_code, says in refused.text) == (status, True), refused.text


def test_what_a_customer_may_not_see_it_could_not_see_then(web: Web) -> None:
    at = web.as_role("operator").post("/api/v1/shipments", json=NEW).headers["location"]
    stranger = web.client(Authorization=f"Bearer {web.key('viewer', scope_customer=SOUTH)}")
    assert stranger.get(f"{at}/compliance", params={"known_as_of": "2026-11-22T12:00:00Z"}).status_code == 404
