"""LORIOT, ThingPark and Milesight gateways: the other envelopes of LoRaWAN uplinks."""

import base64
import json
from typing import Any

import pytest
from carrier_conformance import conform, mutations
from lorawan_messages import ARRIVED, EUI, LOGGER, SHIPPED, assigned, only, posted, published

from coldchain.domain.message import Envelope
from coldchain.domain.quantity import ms_from_iso
from sensors.carriers.loriot import Loriot
from sensors.carriers.milesight_gateway import MilesightGateway
from sensors.carriers.port import PLAIN, Carrier
from sensors.carriers.thingpark import ThingPark, point_samples

HEARD_MS = ms_from_iso("2026-01-05T10:00:00Z")
CAYENNE_HEX = "036700 2e056700ff".replace(" ", "")


def loriot(**more: Any) -> dict[str, Any]:
    return {"cmd": "rx", "EUI": LOGGER, "ts": HEARD_MS, "fcnt": 3, "port": 1, "bat": 143, "data": CAYENNE_HEX, **more}


def thingpark(kind: str = "DevEUI_uplink", **more: Any) -> dict[str, Any]:
    tree = {
        "Time": "2026-01-05T11:00:00.000+01:00", "DevEUI": LOGGER, "FPort": "1", "FCntUp": "1174",
        "payload_hex": CAYENNE_HEX, "LrrLAT": "48.2", "LrrLON": "11.6",
        "CustomerData": {"loc": {"lat": "48.3", "lon": "11.7"}}, **more,
    }  # fmt: skip
    return {kind: tree}


def milesight(**more: Any) -> dict[str, Any]:
    return {
        "applicationID": 1, "deviceName": "room 7", "devEUI": EUI, "time": "2026-01-05T10:00:00.000000Z",
        "rxInfo": [{"mac": "24e124fffef54092", "latitude": 48.2, "longitude": 11.6}], "fCnt": 7, "fPort": 85,
        "data": base64.b64encode(bytes.fromhex(CAYENNE_HEX)).decode(), **more,
    }  # fmt: skip


ENVELOPES: list[tuple[Carrier, Any, str]] = [
    (Loriot(), loriot(), f"loriot/uplink/{LOGGER}"),
    (ThingPark(), thingpark(), f"mqtt/things/{LOGGER}/uplink"),
    (MilesightGateway(), milesight(), "milesight/uplink"),
]


@pytest.mark.parametrize(("carrier", "tree", "topic"), ENVELOPES)
def test_a_frame_that_nobody_decoded_is_undecoded_under_its_logger(carrier: Carrier, tree: Any, topic: str) -> None:
    message = only(carrier, published(tree, topic))
    assert (message.logger, message.undecoded, message.readings) == (LOGGER, True, ())


@pytest.mark.parametrize(("carrier", "tree", "topic"), ENVELOPES)
def test_a_profile_that_declares_its_codec_reads_the_frame(carrier: Carrier, tree: Any, topic: str) -> None:
    message = only(carrier, published(tree, topic), assigned("cayenne-lpp"))
    assert [(row.channel, row.temperature_mc, row.event_time_ms, row.time_source) for row in message.readings] == [
        ("probe-3", 4600, HEARD_MS, "network"),
        ("probe-5", 25_500, HEARD_MS, "network"),
    ]
    assert [(row.latitude_e7, row.battery_mpct) for row in message.readings] == [(None, None)] * 2


@pytest.mark.parametrize(("carrier", "tree", "topic"), ENVELOPES)
def test_each_claims_its_own_and_knows_its_bodies(carrier: Carrier, tree: Any, topic: str) -> None:
    assert carrier.claims(published(tree, topic))
    assert carrier.claims(posted(tree, carrier.source))
    assert not carrier.claims(posted(tree, "auto"))
    others = [one for one, _, _ in ENVELOPES]
    assert [one.name for one in others if one.recognises(posted(tree, "auto"))] == [carrier.name]


@pytest.mark.parametrize(("carrier", "tree", "topic"), ENVELOPES)
def test_a_message_without_its_device_is_refused(carrier: Carrier, tree: Any, topic: str) -> None:
    bodies: tuple[Any, ...] = ([], {}, {"DevEUI_uplink": {}}, {"cmd": "rx"})
    for bare in bodies:
        assert carrier.decode(published(bare, topic), SHIPPED).refusal is not None


@pytest.mark.parametrize("topic", [f"loriot/uplink/{'0' * 15}1", "mqtt/things/0000000000000001/uplink"])
def test_a_topic_that_names_another_device_is_refused(topic: str) -> None:
    carrier, tree = (Loriot(), loriot()) if topic.startswith("loriot") else (ThingPark(), thingpark())
    refusal = carrier.decode(published(tree, topic), SHIPPED).refusal
    assert refusal is not None
    assert "0000000000000001" in refusal.reason


def test_the_frame_with_its_list_of_gateways_is_the_same_message() -> None:
    first = only(Loriot(), published(loriot(), "loriot/up"))
    again = only(Loriot(), published(loriot(cmd="gw", gws=[{"gweui": "10"}, {"gweui": "11"}]), "loriot/up"))
    assert first.key == again.key
    assert first.key.startswith("heard:")


def test_a_command_of_loriot_that_is_no_uplink_says_nothing() -> None:
    message = only(Loriot(), published({"cmd": "txd", "EUI": LOGGER, "ts": HEARD_MS}, "loriot/up"))
    assert (message.readings, message.undecoded) == ((), False)


def test_a_stamp_that_is_no_time_is_shown_and_the_arrival_counts() -> None:
    envelope = published(milesight(time="2020-0327T12:39:05.547336Z", rxInfo=[{"mac": "24e1"}]), "milesight/up")
    message = only(MilesightGateway(), envelope, assigned("cayenne-lpp"))
    assert {(row.event_time_ms, row.time_source, row.device_time) for row in message.readings} == {
        (ms_from_iso(ARRIVED), "arrival", "2020-0327T12:39:05.547336Z")
    }
    assert [refusal.field for refusal in message.refusals] == ["time"]


POINTS = {
    "temperature": {"unitId": "Cel", "record": 4.6},
    "humidity": {"unitId": "%RH", "record": 51},
    "boardTemperature": {"unitId": "Cel", "record": 9.5},
    "location": {"unitId": "GPS", "record": [11.5754, 48.1371]},
    "batteryVoltage": {"unitId": "mV", "record": 3017},
    "batteryLevel": {"unitId": "%", "record": 81.5},
    "co2": {"unitId": "ppm", "record": 400},
}


def test_the_points_of_a_driver_say_their_unit_and_need_no_profile() -> None:
    message = only(ThingPark(), published(thingpark(points=POINTS), "thingpark/up"), PLAIN)
    internal, board = message.readings
    assert (internal.channel, internal.temperature_mc, internal.humidity_mpct) == ("internal", 4600, 51_000)
    assert (internal.battery_mv, internal.battery_mpct) == (3017, 81_500)
    assert (internal.latitude_e7, internal.longitude_e7) == (481371000, 115754000)
    assert (board.channel, board.temperature_mc) == ("boardTemperature", 9500)


def test_points_with_records_have_a_time_each_and_a_wrong_one_does_not_cost_the_others() -> None:
    records = [{"eventTime": "2026-01-05T09:00:00Z", "value": 4.5}, {"eventTime": "2026-01-05T09:10:00Z", "value": 4.7}]
    samples, refusals = point_samples({
        "temperature:1": {"unitId": "Cel", "records": records}, "batteryVoltage": {"unitId": "mV", "record": "full"},
    })  # fmt: skip
    assert [(one.channel, one.stamp.at_ms if one.stamp else None) for one in samples] == [
        ("probe-1", ms_from_iso("2026-01-05T09:00:00Z")),
        ("probe-1", ms_from_iso("2026-01-05T09:10:00Z")),
    ]
    assert [refusal.field for refusal in refusals] == ["batteryVoltage"]


def test_a_location_of_thingpark_is_a_position_and_its_other_documents_say_nothing() -> None:
    place = thingpark("DevEUI_location", DevLAT="48.1371", DevLON="11.5754")
    [row] = only(ThingPark(), published(place, "thingpark/up")).readings
    assert (row.latitude_e7, row.longitude_e7, row.temperature_mc) == (481371000, 115754000, None)
    sent = only(ThingPark(), published(thingpark("DevEUI_downlink_Sent"), "thingpark/up"))
    assert (sent.readings, sent.undecoded) == ((), False)


@pytest.mark.parametrize(("carrier", "tree", "topic"), ENVELOPES)
def test_they_keep_the_promises_of_a_carrier_whatever_arrives(carrier: Carrier, tree: Any, topic: str) -> None:
    seeds = [json.dumps(tree).encode(), json.dumps(thingpark(points=POINTS)).encode()]
    envelope = Envelope("http", carrier.source, b"", ms_from_iso(ARRIVED))
    samples = [*seeds, *mutations(seeds, 600)]
    assert conform(carrier, samples, lambda text: envelope._replace(payload=text), assigned("cayenne-lpp")) > 50
