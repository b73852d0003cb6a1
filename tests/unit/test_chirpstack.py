"""ChirpStack v4 and v3: who, when and what an event says, and what it must not be taken for."""

import base64
import json
from typing import Any

import pytest
from carrier_conformance import conform, mutations
from lorawan_messages import ARRIVED, EUI, LOGGER, SHIPPED, TOPICS, chirpstack, only, posted, published

from coldchain.domain.message import Envelope
from coldchain.domain.quantity import ms_from_iso
from sensors.carriers.chirpstack import ChirpStack
from sensors.carriers.things_stack import ThingsStack

UP = TOPICS["chirpstack"]
CARRIER = ChirpStack()
HEARD_MS = ms_from_iso("2026-01-05T10:00:00.123Z")


def event(kind: str, **fields: Any) -> Envelope:
    base = {name: chirpstack()[name] for name in ("deduplicationId", "time", "deviceInfo")}
    return published({**base, **fields}, UP.replace("/up", f"/{kind}"))


def test_an_uplink_is_read_through_the_profile_that_its_device_profile_names() -> None:
    message = only(CARRIER, published(chirpstack({"temperature": 4.6, "humidity": 51, "battery": 92}), UP))
    [row] = message.readings
    assert (message.logger, message.seq, message.key) == (LOGGER, 12, "6f0c3f6e-61f6-4f6f-9d0a-2f1f8ad5a001:12")
    assert (row.temperature_mc, row.humidity_mpct, row.battery_mpct) == (4600, 51_000, 92_000)
    assert (row.event_time_ms, row.time_source) == (HEARD_MS, "network")
    assert row.device_time == "2026-01-05T10:00:00.123456789+00:00"
    assert message.device_profile == "milesight-em300-th@1"


def test_the_place_of_the_gateway_is_not_the_place_of_the_logger() -> None:
    [row] = only(CARRIER, published(chirpstack({"temperature": 4.6}), UP)).readings
    assert (row.latitude_e7, row.longitude_e7) == (None, None)


def test_a_frame_counter_that_is_missing_is_zero() -> None:
    assert only(CARRIER, published(chirpstack({"temperature": 4.6}, fCnt=None), UP)).seq == 0


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_frame_that_nobody_decoded_is_undecoded_and_keeps_its_bytes(nothing: Any) -> None:
    envelope = published(chirpstack(nothing), UP)
    message = only(CARRIER, envelope)
    assert message.undecoded
    assert message.readings == ()
    assert message.payload == envelope.payload


def test_a_frame_for_the_network_alone_says_nothing() -> None:
    message = only(CARRIER, published(chirpstack(data=None), UP))
    assert (message.readings, message.refusals, message.undecoded) == ((), (), False)


def test_the_clock_of_one_gateway_does_not_count_against_the_servers_own() -> None:
    [row] = only(CARRIER, published(chirpstack({"temperature": 4.6}, time="2026-01-03T10:00:00Z"), UP)).readings
    assert (row.event_time_ms, row.time_source) == (ms_from_iso("2026-01-05T10:00:00.400Z"), "network")


def test_without_any_stamp_of_the_server_a_gateways_counts_and_then_the_arrival() -> None:
    heard = [{"gatewayId": "00", "gwTime": "2026-01-05T09:59:59Z"}]
    by_gateway = only(CARRIER, published(chirpstack({"temperature": 4.6}, time=None, rxInfo=heard), UP))
    assert [(row.event_time_ms, row.time_source) for row in by_gateway.readings] == [
        (ms_from_iso("2026-01-05T09:59:59Z"), "gateway")
    ]
    by_arrival = only(CARRIER, published(chirpstack({"temperature": 4.6}, time=None, rxInfo=[]), UP))
    assert [(row.event_time_ms, row.time_source) for row in by_arrival.readings] == [(ms_from_iso(ARRIVED), "arrival")]


def test_what_the_logger_had_stored_comes_under_its_own_time_and_is_historical() -> None:
    fields = {"temperature": 5, "history": [{"timestamp": 1767600000, "temperature": 4.2, "humidity": 52}]}
    live, stored = only(CARRIER, published(chirpstack(fields), UP)).readings
    assert (live.historical, live.time_source) == (False, "network")
    assert (stored.event_time_ms, stored.historical, stored.time_source) == (1767600000_000, True, "device")


def test_a_location_event_is_a_position_and_nothing_else() -> None:
    [row] = only(CARRIER, event("location", location={"latitude": 48.1371, "longitude": 11.5754})).readings
    assert (row.latitude_e7, row.longitude_e7, row.temperature_mc) == (481371000, 115754000, None)


def test_a_place_that_somebody_typed_is_no_position() -> None:
    place = {"latitude": 48.1371, "longitude": 11.5754, "source": "CONFIG"}
    assert only(CARRIER, event("location", location=place)).readings == ()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"margin": 10, "batteryLevel": 75.5}, {"battery_pct": 75.5}),
        ({"margin": 10}, {"battery_pct": 0}),
        ({"margin": 10, "batteryLevelUnavailable": True}, None),
        ({"margin": 10, "externalPowerSource": True}, None),
    ],
)
def test_a_status_event_tells_the_battery_alone(fields: dict[str, Any], status: Any) -> None:
    message = only(CARRIER, event("status", **fields))
    assert (message.readings, message.status) == ((), status)


@pytest.mark.parametrize(
    ("kind", "fields", "status"),
    [
        ("join", {"devAddr": "01ab23cd"}, {"joined": True}),
        ("ack", {"queueItemId": "9", "acknowledged": True}, None),
        ("txack", {"downlinkId": 7, "gatewayId": "00"}, None),
        ("log", {"level": "ERROR", "code": "UPLINK_CODEC"}, {"log": "UPLINK_CODEC"}),
        ("integration", {"integrationName": "loracloud", "object": {"temperature": 99}}, None),
    ],
)
def test_other_events_are_no_readings(kind: str, fields: dict[str, Any], status: Any) -> None:
    by_topic = only(CARRIER, event(kind, **fields))
    assert (by_topic.readings, by_topic.undecoded, by_topic.status) == ((), False, status)
    tree = json.loads(event(kind, **fields).payload)
    by_body = only(CARRIER, posted(tree, "chirpstack"))
    assert (by_body.readings, by_body.undecoded, by_body.status) == ((), False, status)


def test_version_three_writes_its_ids_in_base64_and_its_object_as_text() -> None:
    tree = {
        "applicationID": "4", "deviceName": "room 7", "devEUI": base64.b64encode(bytes.fromhex(EUI)).decode(),
        "deviceProfileName": "EM300-TH", "fCnt": 9, "fPort": 85, "data": FRAME_TEXT,
        "rxInfo": [{"gatewayID": "ABbAAfFQAAE=", "time": "2026-01-05T09:59:59Z", "loRaSNR": 7}],
        "objectJSON": '{"temperature": 4.6, "humidity": 51}', "publishedAt": "2026-01-05T10:00:00.2Z",
    }  # fmt: skip
    message = only(CARRIER, published(tree, f"application/4/device/{EUI}/event/up"))
    [row] = message.readings
    assert (message.logger, row.temperature_mc, row.event_time_ms) == (
        LOGGER,
        4600,
        ms_from_iso("2026-01-05T10:00:00.2Z"),
    )
    assert message.key == "2026-01-05T10:00:00.2Z:9"


FRAME_TEXT = chirpstack()["data"]


def test_a_topic_that_names_another_device_is_refused_with_both() -> None:
    arrival = CARRIER.decode(published(chirpstack({"temperature": 4.6}), UP.replace(EUI, "a84041000000beef")), SHIPPED)
    assert arrival.messages == ()
    assert arrival.refusal is not None
    assert "a84041000000beef" in arrival.refusal.reason
    assert EUI in arrival.refusal.reason


@pytest.mark.parametrize(
    "tree", [[], 5, {}, {"deviceInfo": {"devEui": ""}}, chirpstack(data="%%%"), chirpstack(fCnt=-1)]
)
def test_what_nobody_can_have_sent_is_refused(tree: Any) -> None:
    assert CARRIER.decode(published(tree, UP), SHIPPED).refusal is not None


def test_it_claims_its_topics_and_its_webhook_and_knows_its_bodies() -> None:
    assert CARRIER.claims(published({}, UP))
    assert CARRIER.claims(posted({}, "chirpstack"))
    assert not CARRIER.claims(published({}, "application/0d7b/device/00/command/down"))
    assert not CARRIER.claims(posted({}, "things-stack"))
    assert CARRIER.recognises(posted(chirpstack(), "auto"))
    assert not CARRIER.recognises(posted({"devEUI": EUI, "gatewaySN": "6438", "applicationID": 1}, "auto"))
    assert not ThingsStack().recognises(posted(chirpstack(), "auto"))


def test_it_keeps_the_promises_of_a_carrier_whatever_arrives() -> None:
    fields = {"temperature": 4.6, "humidity": 51, "history": [{"timestamp": 1767600000, "temperature": 4.2}]}
    seeds = [
        json.dumps(chirpstack(fields)).encode(),
        event("location", location={"latitude": 1, "longitude": 2}).payload,
    ]
    samples = [*seeds, *mutations(seeds, 1500)]
    assert (
        conform(CARRIER, samples, lambda text: Envelope("http", "chirpstack", text, ms_from_iso(ARRIVED)), SHIPPED)
        > 500
    )


def test_an_event_in_protocol_buffers_is_refused_with_what_to_set() -> None:
    envelope = published({}, UP)._replace(payload=bytes.fromhex("0a2436663063"))
    refusal = CARRIER.decode(envelope, SHIPPED).refusal
    assert refusal is not None
    assert "JSON" in refusal.reason
