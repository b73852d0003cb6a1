"""A program that ships a newer text of a product profile offers it as the next version, and changes nothing by it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_house import House, sample

from coldchain.registry import profiles, recorded
from coldchain.registry.profiles import StoredProfile
from compliance.shipped import shipped_bodies

ID = "refrigerated-2-8"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def newer(**keys: Any) -> list[dict[str, Any]]:
    """What a later program ships: the same nine, one of them with another text."""
    return [{**body, **keys} if body["id"] == ID else body for body in shipped_bodies()]


def seeded(house: House, bodies: list[dict[str, Any]]) -> int:
    with house.registry.write() as connection:
        return profiles.seed_profiles(connection, bodies, house.clock.now_ms())


def versions(house: House) -> list[StoredProfile]:
    with house.registry.read() as connection:
        return profiles.history(connection, ID)


def begun_with(house: House) -> int:
    with house.registry.read() as connection:
        return profiles.version_for(connection, ID)


def test_a_newer_text_is_offered_once_as_a_proposal_of_the_program_with_the_reason(house: House) -> None:
    text = newer(gap_warming_c_per_min=0.25)
    assert [seeded(house, text), seeded(house, text)] == [1, 0]
    offer, first = versions(house)
    assert (offer.profile.version, offer.state, offer.who, offer.offered) == (2, "proposal", "system", True)
    assert "ships a newer text" in str(offer.reason)
    assert (first.profile.gap_warming_mc_per_min, offer.profile.gap_warming_mc_per_min) == (500, 250)
    assert not first.offered


def test_the_same_text_is_no_news_and_neither_is_an_older_program_that_is_started_again(house: House) -> None:
    assert seeded(house, shipped_bodies()) == 0
    assert seeded(house, newer(gap_warming_c_per_min=0.25)) == 1
    assert seeded(house, shipped_bodies()) == 0
    assert seeded(house, newer(gap_warming_c_per_min=0.25)) == 0
    assert seeded(house, newer(gap_warming_c_per_min=0.125)) == 1
    assert [one.profile.version for one in versions(house)] == [3, 2, 1]


def test_goods_keep_their_version_and_new_ones_begin_with_the_offer_only_once_it_is_approved(house: House) -> None:
    box = house.shipment("S-1", "LG-1", profile=ID)
    house.live(*[sample(k, 9.0 if 4 <= k < 9 else 5.0) for k in range(12)])
    before = house.record(box)
    assert seeded(house, newer(label_range={"low_c": 2, "high_c": 10})) == 1
    house.live(sample(12, 5.0))
    with house.registry.read() as connection:
        after = recorded.on_record(connection, [box])[box]
    assert before.state is not None
    assert after.state is not None
    assert after.state.document["profile"] == before.state.document["profile"] == {"id": ID, "version": 1}
    assert [one.excursion.id for one in after.excursions] == [one.excursion.id for one in before.excursions] != []
    assert begun_with(house) == 1
    with house.registry.write() as connection:
        profiles.approve(connection, ID, 2, who="quality", reason="CC-118", now_ms=house.clock.now_ms())
    assert begun_with(house) == 2


def test_it_follows_the_customers_own_versions_and_does_not_take_their_place(house: House) -> None:
    with house.registry.write() as connection:
        own = {**profiles.get(connection, ID).body, "version": 2, "name": "Ours"}
        profiles.add(connection, own, who="quality", reason="our name", now_ms=house.clock.now_ms())
    assert seeded(house, newer(gap_warming_c_per_min=0.25)) == 1
    assert [(one.profile.version, one.who) for one in versions(house)] == [(3, "system"), (2, "quality"), (1, "system")]
    assert begun_with(house) == 2


def test_nothing_is_offered_for_a_retired_profile_or_for_one_that_never_came_from_the_program(house: House) -> None:
    with house.registry.write() as connection:
        profiles.retire(connection, ID, who="quality", reason="not our goods", now_ms=house.clock.now_ms())
        own = {**profiles.get(connection, "cct-2-8").body, "id": "ours", "version": 1}
        profiles.add(connection, own, who="quality", reason=None, now_ms=house.clock.now_ms())
    later = [*newer(gap_warming_c_per_min=0.25), {**newer()[0], "id": "ours"}]
    assert seeded(house, later) == 0
    assert [one.state for one in versions(house)] == ["retired"]
