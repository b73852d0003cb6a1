"""The ledger of a batch as it was known at an earlier moment equals what was said of it at that moment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN
from web_cast import HOUR, NOON, NORTH, SOUTH, Web, installed

from coldchain.domain.finding import Subject
from coldchain.domain.shipment import FactKind
from coldchain.errors import NotFound
from coldchain.registry import facts, stays
from coldchain.registry.batches import BatchKey
from coldchain.registry.shipments import NewMilestone, add_milestone, change
from coldchain.registry.viewer import SYSTEM
from compliance import derivation_batch
from compliance.batch_as_known import load_as_known
from compliance.batches import inputs_of_parts, load
from compliance.ledger_document import json_schema
from compliance.ledger_twin import ledger_differences

BATCH = ("A4711", "04012345678901")
KEY = BatchKey.of(*BATCH, None)
Json = dict[str, Any]


def told(house: House) -> tuple[int, Json]:
    """The moment, and what the batch's ledger says at it."""
    now = house.clock.now_ms()
    with house.registry.read() as connection:
        return now, load(connection, house.history, SYSTEM, KEY.id, now).as_json()


def known(house: House, moment_ms: int) -> Json:
    """The ledger of that moment, after schema, twin and every derivation agreed with it."""
    with house.registry.read() as connection:
        found = load_as_known(connection, house.journal, house.history, SYSTEM, KEY.id, moment_ms)
        inputs = inputs_of_parts(connection, house.history, found)
    document = found.as_json()
    jsonschema.validate(document, json_schema())
    assert ledger_differences(inputs, document) == []
    assert all(derivation_batch.derive(found, one)["agrees"] for one in derivation_batch.figures_of(document))
    return document


def settled(house: House) -> tuple[int, Json]:
    """What is told once the engine has looked at this very moment."""
    house.clock.set(house.clock.now_ms() + 1)
    now = house.clock.now_ms()
    with house.registry.write() as connection:
        for one in set(house_subjects(house)):
            facts.mark_dirty(connection, one, 0, "look now", now)
    house.settle()
    return told(house)


def house_subjects(house: House) -> list[Subject]:
    with house.registry.read() as connection:
        found = facts.known(connection, kinds=[FactKind.BINDING])
    return [one.subject for one in found if one.subject is not None]


def cold_room(house: House) -> Subject:
    return house.store("LG-S", name="Cold room 2", kind="cold_room", zone="UTC", site="Puurs")


def write(house: House, act: Callable[[Any, int], object]) -> None:
    house.clock.set(house.clock.now_ms() + 1000)
    with house.registry.write() as connection:
        act(connection, house.clock.now_ms())


def test_every_moment_is_answered_as_it_was_answered_then(house: House) -> None:
    seen: list[tuple[int, Json]] = []
    first = house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    room = cold_room(house)
    house.live(*(sample(k, 11.0 if 3 <= k < 6 else 5.0) for k in range(12) if k not in (7, 8, 9)))
    seen.append(settled(house))
    house.clock.set(house.clock.now_ms() + 1000)
    house.shipment("SHP-2", "LG-2", "cct-2-8", batches=[BATCH])
    house.live(*(sample(k, 12.0 if k > 15 else 5.0, "LG-2") for k in range(13, 19)))
    seen.append(settled(house))
    house.live(*(sample(k, 9.0 if k > 22 else 5.0, "LG-S") for k in range(20, 28)))
    write(house, lambda connection, now: stays.put(
        connection, KEY.id, room.id, DAWN + 20 * STEP_MS, None, reason="put away", by=SYSTEM, now_ms=now))  # fmt: skip
    seen.append(settled(house))
    leg = NewMilestone("leg", "Took off", "air", "Polar Express", happened_ms=DAWN + 4 * STEP_MS)
    write(house, lambda connection, now: add_milestone(connection, first.id, leg, by=SYSTEM, now_ms=now))
    house.send(*(sample(k, 10.0) for k in (7, 8, 9)))  # what was a gap, from the logger's memory
    seen.append(settled(house))
    [stay] = _stays(house)
    until = DAWN + 25 * STEP_MS
    write(house, lambda connection, now: stays.end(
        connection, KEY.id, stay.fact.id, until, reason="picked", by=SYSTEM, now_ms=now))  # fmt: skip
    write(house, lambda connection, now: change(
        connection, first.id, {"state": "arrived"}, version=None, by=SYSTEM, now_ms=now))  # fmt: skip
    seen.append(settled(house))
    said = [document for _, document in seen]
    assert len({str(document["bands"]) for document in said}) >= 4, "each step moves the ledger"
    for moment, document in seen:
        then = known(house, moment)
        assert then.pop("known_as_of") == then["as_of"] == document["as_of"]
        assert then == document


def _stays(house: House) -> list[stays.Stay]:
    with house.registry.read() as connection:
        return stays.of_batch(connection, KEY)


def test_a_shipment_carried_what_was_recorded_then_whatever_was_corrected_since(house: House) -> None:
    other = ("OTHER", None)
    boxes = [house.shipment(f"SHP-{n}", f"LG-{n}", "cct-2-8", batches=[BATCH if n == 1 else other]) for n in (1, 2)]
    house.live(*(sample(k, 11.0) for k in range(6)))
    moment = house.clock.now_ms()
    for box, name in zip(boxes, (other, BATCH), strict=True):
        write(house, lambda connection, now, box=box, name=name: change(
            connection, box.id, {"batches": [name]}, version=None, by=SYSTEM, now_ms=now))  # fmt: skip
    assert [part["name"] for part in known(house, moment)["parts"]] == ["SHP-1"]
    assert [part["name"] for part in known(house, house.clock.now_ms())["parts"]] == ["SHP-2"]


def test_before_any_shipment_of_it_was_on_record_the_batch_was_not_known(house: House) -> None:
    house.clock.set(DAWN + 1000)
    house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    with pytest.raises(NotFound, match="later time"):
        known(house, DAWN)


def test_over_http_a_moment_is_answered_for_whom_may_see_the_batch_and_a_bad_one_is_named(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        client = _shipped(web)
        web.clock.set(NOON + HOUR)
        at = f"/api/v1/batches/{KEY.id}"
        then = {"known_as_of": "2026-11-22T12:30:00Z"}
        found = client.get(at, params=then)
        assert (found.status_code, found.json()["known_as_of"]) == (200, "2026-11-22T12:30:00.000Z")
        jsonschema.validate(found.json(), json_schema())
        assert "known_as_of" not in client.get(at).json()
        figure = client.get(f"{at}/derivation", params={**then, "figure": "bands.0.used_s"})
        assert (figure.status_code, figure.json()["inputs"]["as_of"]) == (200, found.json()["as_of"])
        for moment, status, says in (
            ("2026-11-22T11:59:59Z", 404, "later time"),
            ("2026-11-22T23:00:00Z", 422, "future"),
            ("yesterday", 422, "known_as_of"),
        ):
            refused = client.get(at, params={"known_as_of": moment})
            assert (refused.status_code, says in refused.text) == (status, True), refused.text
        stranger = web.client(Authorization=f"Bearer {web.key('viewer', scope_customer=SOUTH)}")
        assert stranger.get(at, params=then).status_code == 404


def _shipped(web: Web) -> Any:
    client = web.as_role("operator")
    new = {"reference": "SHP-1", "product_profile": "cct-2-8", "customer": NORTH,
           "batches": [{"batch": BATCH[0], "gtin": BATCH[1]}]}  # fmt: skip
    assert client.post("/api/v1/shipments", json=new).status_code == 201
    return client
