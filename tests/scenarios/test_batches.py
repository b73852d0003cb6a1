"""A batch over several shipments: late data moves its ledger, stages take readings out, and viewers see their own."""

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from engine_house import House, sample
from judging import DAWN
from web_cast import NOON, NORTH, SOUTH, Web, installed

from coldchain.domain.finding import Subject
from coldchain.domain.reading import Reading
from coldchain.registry import stages
from coldchain.registry.batches import BatchKey
from coldchain.registry.viewer import SYSTEM, Viewer
from compliance.batches import load
from compliance.ledger_twin import ledger_differences
from compliance.subjects import cases_of, inputs_of

BATCH = ("A4711", "04012345678901")
ID = BatchKey.of(*BATCH, None).id
Json = dict[str, Any]


def batch_of(house: House, viewer: Viewer = SYSTEM, id_: str = ID) -> Json:
    with house.registry.read() as connection:
        return load(connection, house.history, viewer, id_, house.clock.now_ms()).as_json()


def checked(house: House, subjects: list[Subject]) -> Json:
    """The ledger, after the twin agreed with it."""
    figures = batch_of(house)
    now = house.clock.now_ms()
    with house.registry.read() as connection:
        cases = cases_of(connection, subjects, now)
    inputs = [inputs_of(case, house.history, house.journal.head(), now) for case in cases]
    assert ledger_differences(inputs, figures) == []
    return figures


def used_min(figures: Json) -> float:
    return round(figures["bands"][0]["used_s"] / 60, 2)


def test_a_batch_over_two_shipments_sums_both_and_late_data_moves_its_ledger(house: House) -> None:
    first = house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    second = house.shipment("SHP-2", "LG-2", "cct-2-8", batches=[BATCH, ("OTHER", None)])
    house.live(*(sample(k, 11.0 if 4 <= k < 8 else 5.0) for k in range(16)))
    one = checked(house, [first, second])
    assert [line["name"] for line in one["ledger"]] == ["SHP-1"]
    assert one["bands"][0]["allowed_s"] == 86_400
    alone = used_min(one)
    house.live(*(sample(k, 11.0 if 20 <= k < 23 else 5.0, "LG-2") for k in (*range(18, 20), *range(24, 28))))
    before = checked(house, [first, second])
    assert used_min(before) == alone
    assert before["bands"][0]["used_upper_s"] > before["bands"][0]["used_s"]
    house.send(*(sample(k, 11.0, "LG-2") for k in range(20, 24)))
    house.settle()
    after = checked(house, [first, second])
    assert [line["name"] for line in after["ledger"]] == ["SHP-1", "SHP-2"]
    with house.registry.read() as connection:
        parts = load(connection, house.history, SYSTEM, ID, 0).ledger.parts
    documents = [(part.document or {})["stability_budget"]["bands"][0]["used_s"] for part in parts]
    assert after["bands"][0]["used_s"] == sum(documents)
    assert used_min(after) > alone


def test_the_order_in_which_readings_arrive_does_not_matter_to_the_ledger(tmp_path: Path) -> None:
    parts: list[list[Reading]] = [
        [sample(k, 11.0 if k % 4 == 1 else 5.0) for k in range(10)],
        [sample(k, 12.0) for k in range(10, 13)],
        [sample(k, 5.0, "LG-2") for k in range(20, 24)] + [sample(k, 18.0, "LG-2") for k in range(24, 28)],
    ]
    seen = []
    for number, order in enumerate(permutations(parts)):
        house = House(tmp_path / str(number))
        subjects = [house.shipment(f"SHP-{n}", f"LG-{n}", "cct-2-8", batches=[BATCH]) for n in (1, 2)]
        house.clock.set(DAWN + 40 * 300_000)
        for some in order:
            house.send(*some)
            house.settle()
        figures = checked(house, subjects)
        seen.append((figures["bands"], [{k: v for k, v in line.items() if k != "part"} for line in figures["ledger"]]))
        house.close()
    assert all(one == seen[0] for one in seen)
    assert seen[0][0][0]["used_s"] > 0


def test_readings_of_conditioning_are_taken_out_of_the_budget_with_who_and_why_and_come_back(house: House) -> None:
    subject = house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    house.live(*(sample(k, 20.0 if k < 6 else 5.0) for k in range(20)))
    assert used_min(checked(house, [subject])) > 20
    with house.registry.write() as connection:
        stages.put(
            connection, subject.id, "conditioning", DAWN, DAWN + 7 * 300_000, reason="box without goods", by=SYSTEM,
            now_ms=house.clock.now_ms(),
        )  # fmt: skip
    house.settle()
    assert used_min(checked(house, [subject])) == 0
    with house.registry.read() as connection:
        [held] = stages.of_shipment(connection, SYSTEM, subject.id)
        [out] = stages.unjudged(connection, subject.id)
    assert (out.what, out.who, out.reason) == ("conditioning", "system", "box without goods")
    with house.registry.write() as connection:
        stages.withdraw(
            connection, subject.id, held.fact.id, reason="goods were in", by=SYSTEM, now_ms=house.clock.now_ms()
        )
    house.settle()
    assert used_min(checked(house, [subject])) > 20


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as made:
        yield made


def put(web: Web, shipment: str, role: str = "operator", **body: Any) -> Any:
    return web.as_role(role).post(f"/api/v1/shipments/{shipment}/stages", json=body)


def at(minute: int) -> str:
    from coldchain.domain.quantity import iso

    return iso(NOON + minute * 60_000)


def held(web: Web, shipment: str) -> list[tuple[str, str, str | None]]:
    items = web.as_role("viewer").get(f"/api/v1/shipments/{shipment}/stages").json()["items"]
    return [(one["stage"], one["from"], one["to"]) for one in items]


def test_a_stage_by_hand_replaces_what_was_there_and_what_was_there_goes_on_after_it(web: Web) -> None:
    shipment = web.shipment("S-1")
    assert put(web, shipment, stage="in_transit", **{"from": at(0)}, reason="left").status_code == 201
    assert put(web, shipment, stage="handover", **{"from": at(60)}, to=at(90), reason="at the hub").status_code == 201
    assert held(web, shipment) == [
        ("in_transit", at(0), at(60)), ("handover", at(60), at(90)), ("in_transit", at(90), None),
    ]  # fmt: skip
    assert put(web, shipment, stage="arrived", **{"from": at(200)}, reason="unloaded").status_code == 201
    assert put(web, shipment, stage="loading", **{"from": at(-60)}, to=at(70), reason="late start").status_code == 201
    assert held(web, shipment) == [
        ("loading", at(-60), at(70)), ("handover", at(70), at(90)), ("in_transit", at(90), at(200)),
        ("arrived", at(200), None),
    ]  # fmt: skip


def test_what_takes_readings_out_of_judgement_needs_the_quality_unit_and_a_reason(web: Web) -> None:
    shipment = web.shipment("S-1")
    body = {"stage": "post_removal", "from": at(0), "reason": "unpacked"}
    refused = put(web, shipment, **body)
    assert (refused.status_code, "assess" in refused.json()["detail"]) == (403, True)
    assert put(web, shipment, "quality", **{**body, "reason": "  "}).status_code == 422
    assert put(web, shipment, "quality", **{**body, "stage": "frozen"}).status_code == 422
    assert put(web, shipment, "quality", **body, to=at(-5)).status_code == 422
    assert held(web, shipment) == []
    made = put(web, shipment, "quality", **body).json()
    assert (made["judged"], made["reason"], made["source"]) == (False, "unpacked", "hand")
    assert put(web, shipment, "viewer", **body).status_code == 403
    gone = web.as_role("operator").post(
        f"/api/v1/shipments/{shipment}/stages/{made['id']}/withdraw", json={"reason": "was not"}
    )
    assert gone.json()["items"] == []


def test_an_export_flags_the_readings_that_were_not_judged(web: Web) -> None:
    shipment = web.shipment("S-1")
    web.bind(shipment, "L1", NOON - 3_600_000)
    web.send("L1", *((NOON + minute * 60_000, 5.0) for minute in (-30, -20, -10)))
    put(web, shipment, "quality", stage="conditioning", **{"from": at(-25)}, to=at(-15), reason="empty")
    rows = web.as_role("viewer").get(f"/api/v1/readings?shipment={shipment}&format=csv").text.splitlines()
    place = rows[0].split(",").index("flags")
    assert [row.split(",")[place] for row in rows[1:4]] == ["", "excluded", ""]
    items = web.as_role("viewer").get(f"/api/v1/shipments/{shipment}/readings").json()["items"]
    assert ["excluded" in item.get("flags", []) for item in items] == [False, True, False]
    assert "flags" not in web.as_role("viewer").get("/api/v1/readings?logger=L1").json()["items"][1]


def test_a_customer_sees_its_own_part_of_a_batch_and_is_told_that_the_rest_is_not_its_own(web: Web) -> None:
    mine, others = web.shipment("N-1", NORTH, batches=[BATCH]), web.shipment("S-1", SOUTH, batches=[BATCH])
    band = {"range": {"low_c": 8.0, "high_c": 15.0}, "allowed_s": 100.0, "used_s": 0.0, "charges": []}
    document = {"profile": {"id": "cct-2-8", "version": 1}, "stability_budget": {"bands": [band]}, "gaps": [],
                "period": {"from": at(0), "to": at(9)}}  # fmt: skip
    web.judged(mine, document=document)
    web.judged(others, document=document)
    whole = web.as_role("quality").get(f"/api/v1/batches/{ID}").json()
    assert [one["reference"] for one in whole["shipments"]] == ["N-1", "S-1"]
    assert whole["bands"][0]["remaining_s"] == 86_400
    scoped = web.client(Authorization=f"Bearer {web.key('viewer', scope_customer=NORTH)}")
    part = scoped.get(f"/api/v1/batches/{ID}").json()
    assert [one["reference"] for one in part["shipments"]] == ["N-1"]
    assert (part["hidden_shipments"], part["bands"][0]["remaining_s"]) == (1, None)
    assert "not yours to see" in part["notes"][-1]
    assert [one["shipments"] for one in scoped.get("/api/v1/batches").json()["items"]] == [1]
    nobody = web.client(Authorization=f"Bearer {web.key('viewer', scope_customer='Else')}")
    assert nobody.get(f"/api/v1/batches/{ID}").status_code == 404
    assert nobody.get("/api/v1/batches").json()["items"] == []


def test_a_number_without_gtin_is_another_batch_for_each_customer(web: Web) -> None:
    web.shipment("N-1", NORTH, batches=[("A1", None)])
    web.shipment("N-2", NORTH, batches=[("A1", None)])
    web.shipment("S-1", SOUTH, batches=[("A1", None)])
    items = web.as_role("viewer").get("/api/v1/batches?sort=batch&q=a1").json()["items"]
    assert sorted((one["customer"], one["shipments"]) for one in items) == [(NORTH, 2), (SOUTH, 1)]
    north = next(one for one in items if one["customer"] == NORTH)
    assert len(web.as_role("viewer").get(f"/api/v1/batches/{north['id']}").json()["shipments"]) == 2


def test_the_list_comes_in_pages_and_a_false_id_is_no_batch(web: Web) -> None:
    for number in range(5):
        web.shipment(f"S-{number}", batches=[(f"B{number}", None)])
    seen, cursor = [], ""
    while cursor is not None:
        page = web.as_role("viewer").get(f"/api/v1/batches?limit=2&sort=batch{cursor and '&cursor=' + cursor}").json()
        seen += [one["batch"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [f"B{number}" for number in range(5)]
    for false in ("nonsense", "W10", "WzEsMiwzXQ", "a" * 300, "%C3%A4", BatchKey("none", None, None).id):
        assert web.as_role("viewer").get(f"/api/v1/batches/{false}").status_code == 404
