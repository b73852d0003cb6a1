"""Alarm quality over HTTP: figures of a period, the alarms behind each, and who may ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from web_cast import HOUR, MINUTE, NOON, NORTH, Web, installed

from coldchain.registry.schema import outbox
from coldchain.registry.store import new_id

QUALITY = "/api/v1/alarm-quality"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as web:
        web.clock.set(NOON + HOUR)
        yield web


def a_nuisance(web: Web) -> str:
    """Told of, and over after two minutes without anybody."""
    over = {"condition": "returned", "end_ms": NOON + 2 * MINUTE}
    id_ = web.alarm(web.shipment("S-1"), raised_ms=NOON, **over)
    someone = web.person("operator")
    with web.registry.write() as connection:
        connection.execute(outbox.insert().values(
            id=new_id(), alarm=id_, occasion=1, reason="raised", step=0, recipient=someone, channel="email",
            address="a@example.org", state="accepted", content={}, created_ms=NOON, accepted_ms=NOON + 1500,
        ))  # fmt: skip
    return id_


def test_the_figures_and_the_alarms_behind_them(web: Web) -> None:
    id_ = a_nuisance(web)
    web.alarm(web.shipment("S-2"), raised_ms=NOON - HOUR)
    found = web.as_role("quality").get(QUALITY).json()
    assert (found["raised"], found["announced"]) == (2, 1)
    assert found["nuisance"] == {"alarms": 1, "share_pct": 100.0, "within_min": 5}
    assert [row["name"] for row in found["people"]] == ["Operator"]
    assert found["people"][0]["fullest"] == "2026-11-22T12:00:00.000Z"
    assert found["channels"][0]["to_accept_median_s"] == 1.5
    behind = web.as_role("quality").get(f"{QUALITY}/alarms", params={"figure": "nuisance"}).json()
    assert [one["id"] for one in behind["items"]] == [id_]
    shorter = web.as_role("quality").get(QUALITY, params={"nuisance_min": 1}).json()
    assert shorter["nuisance"]["alarms"] == 0


def test_a_period_is_what_it_says(web: Web) -> None:
    a_nuisance(web)
    asked = {"from": "2026-11-22T12:00:00.001Z", "to": "2026-11-22T13:00:00Z"}
    assert web.as_role("quality").get(QUALITY, params=asked).json()["raised"] == 0
    for wrong in ({"from": "2026-11-23T00:00:00Z", "to": "2026-11-22T00:00:00Z"}, {"from": "2020-01-01T00:00:00Z"}):
        reply = web.as_role("quality").get(QUALITY, params=wrong)
        assert reply.status_code == 422
        assert "by a year at most" in reply.json()["detail"]
    assert web.as_role("quality").get(f"{QUALITY}/alarms", params={"figure": "nothing"}).status_code == 422


def test_load_per_person_is_for_who_assesses_the_whole_installation(web: Web) -> None:
    for role, status in (("quality", 200), ("admin", 200), ("operator", 403), ("auditor", 403), ("viewer", 403)):
        assert web.as_role(role).get(QUALITY).status_code == status, role
    scoped = web.client(Authorization=f"Bearer {web.key('quality', scope_customer=NORTH)}")
    assert scoped.get(QUALITY).status_code == 403
