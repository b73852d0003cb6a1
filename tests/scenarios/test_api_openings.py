"""Openings over HTTP: of a shipment's own loggers inside their bindings, for who may see it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN
from web_cast import NOON, NORTH, SOUTH, Web, installed

from coldchain.domain.quantity import iso
from coldchain.registry import facts, profiles
from compliance.openings_record import openings_of
from dashboard.api.request import period


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as made:
        yield made


def test_only_what_happened_inside_the_binding_is_told_with_the_excursion_beside_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        box = house.shipment("S-1", "LG-1")
        house.declare("LG-1", STEP_MS)
        house.live(*(sample(k, 12.0 if 7 <= k < 14 else 5.0, door_open=5 <= k < 7, light_mlux=90_000 * (5 <= k < 7))
                     for k in range(24)))  # fmt: skip
        with house.registry.read() as connection:
            found = openings_of(connection, house.history, box, 0, DAWN + 99 * STEP_MS)
            later = openings_of(connection, house.history, box, DAWN + 8 * STEP_MS, DAWN + 99 * STEP_MS)
        [excursion] = house.record(box).excursions
        assert [(one["kind"], one["duration_s"], one["excursions"]) for one in found["items"]] == [
            ("door", 600, [excursion.excursion.id]), ("light", 600, [excursion.excursion.id]),
        ]  # fmt: skip
        assert found["items"][0]["recovery_s"] > 30 * 60
        assert later["items"] == []
    finally:
        house.close()


def test_the_product_profile_says_from_when_on_light_and_shock_are_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        box = house.shipment("S-1", "LG-1")
        house.live(*(sample(k, 5.0, light_mlux=40_000 * (k == 3), shock_mg=7_000 * (k == 5)) for k in range(8)))
        before = house.record(box).state
        with house.registry.write() as connection:
            now = house.clock.now_ms()
            own = {**profiles.get(connection, "refrigerated-2-8").body, "version": 2,
                   "context": {"light_from_lux": 50, "shock_from_g": 6.5}}  # fmt: skip
            profiles.add(connection, own, who="quality", reason="a translucent box", now_ms=now)
            usual = openings_of(connection, house.history, box, 0, now)
            facts.assign_profile(connection, box, "refrigerated-2-8", 2, who="quality", reason="so", now_ms=now)
            said = openings_of(connection, house.history, box, 0, now)
            asked = openings_of(connection, house.history, box, 0, now, light_mlux=20_000)
        assert [one["kind"] for one in usual["items"]] == ["light", "shock"]
        assert (usual["light_from_lux"], usual["shock_from_g"]) == (10, 5)
        assert [one["kind"] for one in said["items"]] == ["shock"]
        assert (said["light_from_lux"], said["shock_from_g"]) == (50, 6.5)
        assert [one["kind"] for one in asked["items"]] == ["light", "shock"]
        house.settle()
        after = house.record(box).state
        assert before is not None
        assert after is not None
        assert after.document["profile"]["version"] == 2
        for name in ("temperature", "mkt", "excursions", "suggestion"):
            assert after.document[name] == before.document[name], "context judges nothing"
    finally:
        house.close()


def test_a_stranger_sees_none_and_limits_are_checked(web: Web) -> None:
    mine = web.shipment("N-1", NORTH)
    scoped = web.client(Authorization=f"Bearer {web.key('viewer', scope_customer=SOUTH)}")
    assert scoped.get(f"/api/v1/shipments/{mine}/openings").status_code == 404
    found = web.as_role("viewer").get(f"/api/v1/shipments/{mine}/openings?light_lux=3&shock_g=2").json()
    assert (found["light_from_lux"], found["shock_from_g"], found["items"]) == (3, 2, [])
    refused = web.as_role("viewer").get(f"/api/v1/shipments/{mine}/openings?light_lux=-1")
    assert (refused.status_code, "light_lux" in refused.text) == (422, True)
    store = (
        web.as_role("admin").post("/api/v1/stores", json={"name": "F", "kind": "fridge", "zone": "UTC"}).json()["id"]
    )
    assert web.as_role("viewer").get(f"/api/v1/stores/{store}/openings?from={iso(NOON)}").json()["items"] == []
    assert scoped.get(f"/api/v1/stores/{store}/openings").status_code == 404


def test_a_question_without_a_period_is_about_the_last_31_days(web: Web) -> None:
    month_ms, epoch = 31 * 86_400_000, "1970-01-01T00:00:00Z"
    assert period(web.services, None, None) == (NOON - month_ms, NOON)
    assert period(web.services, None, iso(DAWN)) == (DAWN - month_ms, DAWN)
    assert period(web.services, iso(DAWN), None) == (DAWN, NOON)
    assert period(web.services, epoch, epoch) == (0, 0)
