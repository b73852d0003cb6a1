"""Stays of a batch in a store: what the store's loggers measure counts, with who and why, by API and by hand."""

import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN
from web_cast import NOON, NORTH, Web, installed

from coldchain.domain.finding import Subject
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import facts, stays
from coldchain.registry.batches import BatchKey
from coldchain.registry.viewer import SYSTEM, Viewer
from compliance import derivation_batch
from compliance.batch_list import load_many
from compliance.batches import BatchLedger, inputs_of_parts, load
from compliance.ledger_document import json_schema
from compliance.ledger_twin import ledger_differences
from compliance.read_once import CHUNK_MS, ReadOnce
from dashboard.pages.batches import listing
from dashboard.parts.stay_blocks import act

BATCH = ("A4711", "04012345678901")
ID = BatchKey.of(*BATCH, None).id
Json = dict[str, Any]


def cold_room(house: House, logger: str | None = "LG-S", name: str = "Cold room 2") -> Subject:
    return house.store(logger, name=name, kind="cold_room", zone="Europe/Brussels", site="Puurs")


def stayed(house: House, room: Subject, first: int, last: int | None, by: Viewer = SYSTEM) -> int:
    until = None if last is None else DAWN + last * STEP_MS
    with house.registry.write() as connection:
        return stays.put(connection, ID, room.id, DAWN + first * STEP_MS, until, reason="put away", by=by,
                         now_ms=house.clock.now_ms())  # fmt: skip


def loaded(house: House, viewer: Viewer = SYSTEM) -> BatchLedger:
    """The batch, after the twin, the schema and every derivation agreed with it."""
    with house.registry.read() as connection:
        found = load(connection, house.history, viewer, ID, house.clock.now_ms())
        inputs = inputs_of_parts(connection, house.history, found)
    document = found.as_json()
    jsonschema.validate(document, json_schema())
    assert ledger_differences(inputs, document) == []
    for figure in derivation_batch.figures_of(document):
        said = derivation_batch.derive(found, figure)
        assert said["agrees"], (figure, said["printed"], said["stated"])
    return found


def used_min(found: BatchLedger) -> float:
    return round(float(found.as_json()["bands"][0]["used_s"]) / 60, 2)


def test_time_in_a_store_counts_against_the_budget_while_the_batch_is_there_and_only_then(house: House) -> None:
    house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    room = cold_room(house)
    house.live(*(sample(k, 11.0 if 2 <= k < 6 else 5.0) for k in range(12)))
    alone = used_min(loaded(house))
    house.live(*(sample(k, 11.0 if 20 <= k < 24 or 40 <= k < 50 else 5.0, "LG-S") for k in range(13, 60)))
    assert used_min(loaded(house)) == alone
    stayed(house, room, 14, 30)
    found = loaded(house)
    assert used_min(found) > alone + 15
    assert [line["store"] for line in found.as_json()["ledger"]] == [None, room.id]
    assert found.as_json()["parts"][1]["profile"]["id"] == "cct-2-8"
    with house.registry.write() as connection:
        [stay] = stays.of_batch(connection, BatchKey.from_id(ID))
        stays.end(connection, ID, stay.fact.id, DAWN + 55 * STEP_MS, reason="picked later", by=SYSTEM,
                  now_ms=house.clock.now_ms())  # fmt: skip
    assert used_min(loaded(house)) > used_min(found) + 45
    with house.registry.write() as connection:
        [stay] = stays.of_batch(connection, BatchKey.from_id(ID))
        stays.withdraw(connection, ID, stay.fact.id, reason="another batch", by=SYSTEM, now_ms=house.clock.now_ms())
    assert used_min(loaded(house)) == alone
    assert house.actions("fact.stay") == [
        "fact.stay.added", "fact.stay.added", "fact.stay.superseded", "fact.stay.superseded"
    ]  # fmt: skip


def test_while_the_batch_lies_in_a_warm_store_the_budget_burns_down_and_says_for_how_long(house: House) -> None:
    house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    room = cold_room(house)
    house.live(*(sample(k, 5.0) for k in range(6)))
    house.live(*(sample(k, 12.0, "LG-S") for k in range(7, 20)))
    stayed(house, room, 8, None)
    found = loaded(house)
    document = found.as_json()
    assert (document["newest"]["store"], document["bands"][0]["charging"]) == (room.id, True)
    assert document["time_left"]["upper_s"] == 86_400 - 11 * 300
    assert found.status == "excursion"


def test_a_store_that_nobody_watches_makes_the_whole_stay_unknown_never_harmless(house: House) -> None:
    house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    room = cold_room(house, logger=None)
    house.live(*(sample(k, 5.0) for k in range(30)))
    stayed(house, room, 4, 28)
    document = loaded(house).as_json()
    assert document["parts"][1]["unknown_s"] == 24 * 300
    assert document["bands"][0]["remaining_lower_s"] == 86_400 - 24 * 300


def test_the_part_of_a_stay_that_no_logger_watched_is_unknown(house: House) -> None:
    house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    room = cold_room(house, logger=None)
    with house.registry.write() as connection:
        facts.bind(connection, room, "LG-S", from_ms=DAWN + 10 * STEP_MS, who="test", now_ms=DAWN)
    house.live(*(sample(k, 5.0, "LG-S") for k in range(10, 30)))
    stayed(house, room, 4, 28)
    part = next(one for one in loaded(house).as_json()["parts"] if one["kind"] == "store")
    assert part["unknown_s"] == 6 * 300
    # The last reading inside is at step 27, so what is known ends there.
    assert part["coverage_pct"] == pytest.approx(100 * 17 / 23)


def test_the_newest_batches_are_listed_with_those_that_lie_in_a_store(house: House) -> None:
    house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    room = cold_room(house)
    house.live(*(sample(k, 12.0, "LG-S") for k in range(7, 20)))
    stayed(house, room, 8, None)
    services: Any = SimpleNamespace(registry=house.registry, history=house.history, clock=house.clock)
    said = str(listing(services, SYSTEM, None))
    assert BATCH[0] in said
    assert "excursion" in said


def test_a_stay_is_refused_with_the_field_and_the_remedy(house: House) -> None:
    house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    room = cold_room(house)
    house.live(*(sample(k, 5.0) for k in range(30)))
    stayed(house, room, 2, 8)
    with pytest.raises(InvalidValue, match=r"from: the batch is on record in Cold room 2 .* end or take back"):
        stayed(house, room, 7, None)
    with pytest.raises(InvalidValue, match="to: ends at or before it begins"):
        stayed(house, room, 12, 10)
    with pytest.raises(InvalidValue, match=r"from: .* has not come yet"):
        stayed(house, room, 99, None)
    stayed(house, room, 8, None)
    customer = Viewer("someone", "Someone", "operator", customer=NORTH)
    with pytest.raises(NotFound):
        stayed(house, room, 20, None, by=customer)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as made:
        yield made


def at(minute: int) -> str:
    return iso(NOON + minute * 60_000)


def test_the_api_records_ends_and_takes_back_a_stay_and_says_who_may(web: Web) -> None:
    web.shipment("N-1", NORTH, batches=[BATCH])
    admin, operator, quality = web.as_role("admin"), web.as_role("operator"), web.as_role("quality")
    made = admin.post("/api/v1/stores", json={"name": "Cold room 2", "kind": "cold_room", "zone": "UTC"})
    where = made.json()["id"]
    address = f"/api/v1/batches/{ID}/stays"
    body = {"store": where, "from": at(-600), "reason": "put away"}
    refused = operator.post(address, json={**body, "reason": " "})
    assert (refused.status_code, "reason" in refused.json()["detail"]) == (422, True)
    assert operator.post(address, json={**body, "store": "none"}).status_code == 404
    assert web.as_role("viewer").post(address, json=body).status_code == 403
    assert operator.get(address).json()["items"] == []
    stay = operator.post(address, json=body).json()
    assert (stay["name"], stay["to"], stay["reason"]) == ("Cold room 2", None, "put away")
    ended = operator.post(f"{address}/{stay['id']}/end", json={"to": at(-60), "reason": "picked"}).json()
    assert ended["to"] == at(-60)
    earlier = {"to": at(-90), "reason": "picked earlier"}
    assert operator.post(f"{address}/{ended['id']}/end", json=earlier).status_code == 403
    assert quality.post(f"{address}/{ended['id']}/end", json=earlier).status_code == 200
    [now] = operator.get(address).json()["items"]
    assert operator.post(f"{address}/{now['id']}/withdraw", json={"reason": "no"}).status_code == 403
    scoped = web.client(Authorization=f"Bearer {web.key('viewer', scope_customer=NORTH)}")
    assert scoped.get(address).json()["items"] == []
    part = scoped.get(f"/api/v1/batches/{ID}").json()
    assert (part["hidden_stays"], part["time_left"]) == (1, None)
    assert "not yours to see" in part["notes"][-1]
    assert quality.post(f"{address}/{now['id']}/withdraw", json={"reason": "wrong batch"}).json()["items"] == []


def test_the_form_of_the_page_asks_for_what_is_missing_and_does_what_was_pressed(house: House) -> None:
    house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    room = cold_room(house)
    house.live(*(sample(k, 5.0) for k in range(30)))
    now = house.clock.now_ms()
    start, end = iso(DAWN + 2 * STEP_MS)[:16], iso(DAWN + 9 * STEP_MS)[:16]
    with house.registry.write() as connection:
        for given in (["", start, "", "x"], [room.id, "", "", "x"]):
            with pytest.raises(InvalidValue, match="Store, From"):
                act(connection, SYSTEM, ID, "stay-send", given, now)
        with pytest.raises(InvalidValue, match="From: choose a day"):
            act(connection, SYSTEM, ID, "stay-send", [room.id, "soon", "", "x"], now)
        assert "Recorded" in act(connection, SYSTEM, ID, "stay-send", [room.id, start, "", "put away"], now)
        [stay] = stays.of_batch(connection, BatchKey.from_id(ID))
        with pytest.raises(InvalidValue, match="To: say below when"):
            act(connection, SYSTEM, ID, {"stay-end": stay.fact.id}, ["", "", "", "left"], now)
        assert "Ended" in act(connection, SYSTEM, ID, {"stay-end": stay.fact.id}, ["", "", end, "left"], now)
        [stay] = stays.of_batch(connection, BatchKey.from_id(ID))
        assert (stay.to_ms or 0) // 60_000 == (DAWN + 9 * STEP_MS) // 60_000
        assert "Taken back" in act(connection, SYSTEM, ID, {"stay-withdraw": stay.fact.id}, ["", "", "", "no"], now)


def test_a_list_of_batches_says_what_their_pages_say_also_after_the_store_was_judged_anew(house: House) -> None:
    house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    room = cold_room(house)
    house.live(*(sample(k, 11.0 if 2 <= k < 6 else 5.0, "LG-S") for k in range(12)))
    stayed(house, room, 1, None)
    seen = []
    for step, celsius in ((12, 12.0), (13, 12.0), (14, 5.0)):
        for _ in range(2):
            with house.registry.read() as connection:
                now = house.clock.now_ms()
                listed = load_many(connection, house.history, SYSTEM, [ID], now)[ID].as_json()
            assert listed == loaded(house).as_json()
        seen.append(listed["bands"][0]["used_s"])
        house.live(sample(step, celsius, "LG-S"))
    assert seen == sorted(set(seen)), "each judgement of the store moves the ledger in the list too"


def many(house: House) -> list[str]:
    """Five batches that lay in two cold rooms for weeks: with gaps, moments that came twice, and a logger exchanged."""
    hour, chance = 3_600_000, random.Random(11)
    rooms = [cold_room(house, None, name) for name in ("Cold room 2", "Cold room 3")]
    with house.registry.write() as connection:
        for logger, room, ends in (("LG-S", rooms[0], 200), ("LG-T", rooms[0], None), ("LG-U", rooms[1], None)):
            start = DAWN if logger != "LG-T" else DAWN + 190 * hour
            facts.bind(connection, room, logger, from_ms=start, to_ms=None if ends is None else DAWN + ends * hour,
                       who="test", now_ms=DAWN)  # fmt: skip
    ids = []
    for number in range(5):
        key = (f"B{number}", "04012345678901")
        house.shipment(f"SHP-{number}", f"LG-{number}", "cct-2-8", batches=[key], customer=(NORTH, "Other")[number % 2])
        ids.append(BatchKey.of(*key, None).id)
    house.shipment("SHP-9", "LG-9", "cct-2-8", batches=[("B0", "04012345678901")], customer="Other")
    house.clock.set(DAWN + 600 * hour)
    for logger in ("LG-S", "LG-T", "LG-U"):
        hours = [k for k in range(600) if not 300 < k < 320]
        values = [11.0 if k % 97 < 5 else 5.0 + chance.random() for k in hours]
        house.send(*(sample(12 * k, value, logger) for k, value in zip(hours, values, strict=True)))
        house.send(*(sample(12 * k, 9.0, logger)._replace(boot=2) for k in (50, 192, 194)))
    for number in range(5):
        house.send(*(sample(12 * k, 9.0 if k < 4 else 5.0, f"LG-{number}") for k in range(30)))
    house.settle()
    with house.registry.write() as connection:
        for number, id_ in enumerate(ids[:4]):
            for first, last, place in ((40, 180 + number, 0), (185, 330, 1), (340, None if number else 500, 0)):
                until = None if last is None else DAWN + last * hour
                stays.put(connection, id_, rooms[place].id, DAWN + first * hour + number, until, reason="put away",
                          by=SYSTEM, now_ms=house.clock.now_ms())  # fmt: skip
    return ids


def test_a_list_of_many_batches_says_of_each_what_its_page_says_whoever_asks(house: House) -> None:
    ids, now = many(house), house.clock.now_ms()
    for viewer in (SYSTEM, Viewer("someone", "Someone", "viewer", customer=NORTH)):
        with house.registry.read() as connection:
            listed = load_many(connection, house.history, viewer, ids, now)
            pages = {
                id_: load(connection, house.history, viewer, id_, now).as_json()
                for id_ in ids
                if not viewer.scoped or id_ in listed
            }
        assert {id_: one.as_json() for id_, one in listed.items()} == pages
    assert list(pages) == [ids[0], ids[2], ids[4]]
    assert (pages[ids[0]]["hidden_shipments"], pages[ids[0]]["hidden_stays"]) == (1, 3)


def test_readings_that_are_read_once_are_those_of_each_stretch(house: House) -> None:
    many(house)
    once, chance, through = ReadOnce(house.history), random.Random(4), house.journal.head()
    assert once.channels("LG-S") == house.history.channels("LG-S")
    edges = [DAWN, DAWN + 50 * 3_600_000, DAWN + 50 * 3_600_000 + 1, -(-DAWN // CHUNK_MS) * CHUNK_MS]
    edges += [DAWN + chance.randrange(-CHUNK_MS, 4 * CHUNK_MS) for _ in range(30)]
    for start in edges:
        for end in chance.sample(edges, 6):
            ours, theirs = (one.track_through("LG-S", "internal", start, end, through) for one in (once, house.history))
            for name in ("time_ms", "temperature_mc", "humidity_mpct", "offset", "record_time_ms"):
                assert (getattr(ours, name).tolist(), name) == (getattr(theirs, name).tolist(), name)
