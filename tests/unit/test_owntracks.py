"""OwnTracks: a place and its own time, whoever else is mentioned; everything but a location is no place."""

import json
from typing import Any

import pytest
from carrier_conformance import conform, mutations

from coldchain.domain.message import Arrival, Decoded, Envelope
from ingest.timing import timed
from sensors.carriers.owntracks import OwnTracks
from sensors.carriers.port import PLAIN

NOW = 1_767_607_200_000
PLACE = {"_type": "location", "lat": 48.1371, "lon": 11.5754, "tst": 1_767_607_100, "tid": "T7"}


def envelope(body: Any, topic: str = "owntracks/fleet/truck-7", *, retain: bool = False) -> Envelope:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Envelope("mqtt", topic, payload, NOW, retain=retain)


def message(body: Any, topic: str = "owntracks/fleet/truck-7") -> Decoded:
    [decoded] = OwnTracks().decode(envelope(body, topic)).messages
    return decoded


def test_a_location_is_where_the_device_was_at_its_own_time() -> None:
    more = {"created_at": 1_767_607_190, "acc": 12, "alt": 519, "vel": 63, "cog": 271, "batt": 80, "bs": 1, "conn": "m"}
    [row] = message(PLACE | more).readings
    assert (row.logger, row.event_time_ms, row.time_source) == ("truck-7", 1_767_607_100_000, "device")
    assert (row.latitude_e7, row.longitude_e7, row.battery_mpct) == (481_371_000, 115_754_000, 80_000)
    assert (row.temperature_mc, row.shock_mg, row.historical) == (None, None, False)


def test_integers_are_degrees_and_a_missing_battery_is_absent() -> None:
    [row] = message(PLACE | {"lat": 37, "lon": -122}).readings
    assert (row.latitude_e7, row.longitude_e7, row.battery_mpct) == (370_000_000, -1_220_000_000, None)


@pytest.mark.parametrize("kind", ["transition", "waypoint", "waypoints", "beacon", "steps", "card", "cmd", "status"])
def test_no_other_type_is_a_place(kind: str) -> None:
    decoded = message(PLACE | {"_type": kind, "event": "enter", "desc": "depot"})
    assert decoded.readings == ()
    assert not decoded.undecoded


def test_the_last_will_is_a_state_and_not_a_place() -> None:
    decoded = message({"_type": "lwt", "tst": 1_767_600_000})
    assert (decoded.readings, decoded.status) == ((), {"online": False})


@pytest.mark.parametrize(("kind", "said"), [("encrypted", "encrypted"), ("tour", "_type"), (None, "_type")])
def test_what_cannot_be_read_is_undecoded(kind: str | None, said: str) -> None:
    decoded = message({"_type": kind, "data": "Uh2kZmlsbHQ"})
    assert decoded.undecoded
    assert said in decoded.refusals[0].reason


@pytest.mark.parametrize("place", [{"lat": 0, "lon": 0}, {"lat": 91, "lon": 1}, {"lat": None}, {"lat": "north"}])
def test_what_is_no_place_is_refused(place: dict[str, Any]) -> None:
    decoded = message(PLACE | place)
    assert [row for row in decoded.readings if row.latitude_e7 is not None] == []
    assert decoded.refusals != ()


def test_a_retained_place_counts_by_its_own_time_and_again_with_the_same_key() -> None:
    [decoded] = OwnTracks().decode(envelope(PLACE, retain=True)).messages
    kept = timed(decoded, NOW, retained=True)
    assert [row.event_time_ms for row in kept.readings] == [1_767_607_100_000]
    assert decoded.key == message(PLACE).key
    assert decoded.key != message(PLACE | {"t": "u"}).key


def test_a_place_without_a_time_is_of_the_arrival_and_not_of_when_it_was_written() -> None:
    without = {name: value for name, value in PLACE.items() if name != "tst"} | {"created_at": 1_767_600_000}
    assert [(row.event_time_ms, row.time_source) for row in message(without).readings] == [(NOW, "arrival")]


def test_a_queue_of_old_places_keeps_each_ones_time() -> None:
    times = [
        message(PLACE | {"tst": tst}).readings[0].event_time_ms for tst in (1_767_607_100, 1_767_500_000, 1_767_550_000)
    ]
    assert times == [1_767_607_100_000, 1_767_500_000_000, 1_767_550_000_000]


def test_a_body_may_not_name_another_topic() -> None:
    assert message(PLACE | {"topic": "owntracks/fleet/truck-7"}).readings != ()
    arrival = OwnTracks().decode(envelope(PLACE | {"topic": "owntracks/fleet/truck-8"}))
    assert arrival.messages == ()
    assert arrival.refusal is not None
    assert "truck-8" in arrival.refusal.reason


def test_two_users_cannot_share_one_device_name() -> None:
    first = OwnTracks().decode(envelope(PLACE))
    context = PLAIN._replace(memory=dict(first.memory))
    again = OwnTracks().decode(envelope(PLACE), context)
    other = OwnTracks().decode(envelope(PLACE, "owntracks/bob/truck-7"), context)
    assert (len(again.messages), again.memory) == (1, ())
    assert other.messages == ()
    assert other.refusal is not None
    assert "fleet's device" in other.refusal.reason


def test_over_http_the_body_says_who_it_is() -> None:
    def posted(body: dict[str, Any]) -> Arrival:
        return OwnTracks().decode(Envelope("http", "owntracks", json.dumps(body).encode(), NOW))

    assert [one.logger for one in posted(PLACE | {"topic": "owntracks/fleet/truck-7"}).messages] == ["truck-7"]
    assert [one.logger for one in posted(PLACE).messages] == ["T7"]
    assert posted({"_type": "location", "lat": 1, "lon": 2}).messages == ()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"C2,561ebac3,v,50123456,65987654,0,0,11,0,5232", PLACE | {"tst": "soon"}]
)
def test_what_is_no_message_of_it_is_refused(body: Any) -> None:
    arrival = OwnTracks().decode(envelope(body))
    assert arrival.messages == ()
    assert arrival.refusal is not None


def test_damaged_bodies_never_raise_and_never_give_an_impossible_place() -> None:
    whole = [
        json.dumps(PLACE | {"batt": 67, "acc": 5}).encode(),
        json.dumps({"_type": "lwt", "tst": 1_767_600_000}).encode(),
    ]
    assert conform(OwnTracks(), [*whole, *mutations(whole, 2500)], envelope) > 100
