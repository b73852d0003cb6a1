"""A shipment keeps the product profile that it began with; another one judges it again, and both results stay."""

from pathlib import Path
from typing import Any

import pytest
from engine_house import House, sample
from judging import at

from coldchain.domain.finding import Subject
from coldchain.registry import facts, past_documents, profiles, recorded, shipments
from coldchain.registry.past_documents import PastDocument
from coldchain.registry.viewer import SYSTEM


@pytest.fixture
def house(tmp_path: Path):
    made = House(tmp_path)
    yield made
    made.close()


def warm_hour(house: House) -> Subject:
    """A shipment that was at 7.8 °C for an hour: inside 2 … 8, outside 2 … 7."""
    box = house.shipment("S-1", "LG-1")
    house.live(*[sample(k, 7.8 if 20 <= k < 32 else 5.0) for k in range(40)])
    return box


def stricter(house: House, version: int, high_c: float) -> None:
    with house.registry.write() as connection:
        body = {**profiles.get(connection, "refrigerated-2-8").body, "version": version}
        body["label_range"] = {"low_c": 2, "high_c": high_c}
        profiles.add(connection, body, who="quality", reason="stability data", now_ms=house.clock.now_ms())


def change(house: House, box: Subject, version: int, reason: str = "stability data") -> None:
    with house.registry.write() as connection:
        wanted = {"product_profile_version": version}
        shipments.change(connection, box.id, wanted, version=None, by=SYSTEM, now_ms=house.clock.now_ms(),
                         reason=reason)  # fmt: skip


def document(house: House, box: Subject) -> dict[str, Any]:
    with house.registry.read() as connection:
        state = recorded.on_record(connection, [box])[box].state
    assert state is not None
    return state.document


def past(house: House, box: Subject) -> list[PastDocument]:
    with house.registry.read() as connection:
        return past_documents.listed(connection, SYSTEM, box)


def test_a_new_version_alone_changes_nothing(house: House) -> None:
    box = warm_hour(house)
    before = document(house, box)
    stricter(house, 2, 7)
    house.live(sample(40, 5.0))
    assert document(house, box)["profile"] == before["profile"] == {"id": "refrigerated-2-8", "version": 1}
    assert past(house, box) == []


def test_another_version_judges_again_and_both_results_stay(house: House) -> None:
    box = warm_hour(house)
    before = document(house, box)
    assert before["excursions"] == []
    stricter(house, 2, 7)
    house.clock.set(at(300))
    change(house, box, 2, "change control 26-114")
    [kept] = past(house, box)
    assert (kept.profile, kept.version, kept.reason) == ("refrigerated-2-8", 1, "change control 26-114")
    assert kept.document == before
    house.settle()
    after = document(house, box)
    assert after["profile"] == {"id": "refrigerated-2-8", "version": 2}
    assert len(after["excursions"]) == 1
    assert past(house, box) == [kept]


def test_a_way_back_keeps_every_result(house: House) -> None:
    box = warm_hour(house)
    stricter(house, 2, 7)
    for step, version in enumerate((2, 1, 2)):
        house.clock.set(at(300 + step))
        change(house, box, version, f"change {step}")
        house.settle()
    assert [(one.version, one.reason) for one in past(house, box)] == [
        (1, "change 2"), (2, "change 1"), (1, "change 0"),
    ]  # fmt: skip
    assert [len(one.document["excursions"]) for one in past(house, box)] == [0, 1, 0]


def test_a_change_before_the_engine_came_leaves_no_result_of_what_never_judged(house: House) -> None:
    box = warm_hour(house)
    stricter(house, 2, 7)
    stricter(house, 3, 6)
    change(house, box, 2)
    change(house, box, 3)
    house.settle()
    assert [one.version for one in past(house, box)] == [1]
    assert document(house, box)["profile"]["version"] == 3
    with house.registry.read() as connection:
        assert facts.profile_of(connection, box) == ("refrigerated-2-8", 3)
