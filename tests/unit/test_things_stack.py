"""The Things Stack: uplinks, normalized or not, positions that count, and what must not become evidence."""

import json
from typing import Any

import pytest
from carrier_conformance import conform, mutations
from lorawan_messages import ARRIVED, FRAME, LOGGER, SHIPPED, TOPICS, assigned, only, posted, published, things_stack

from coldchain.domain.message import Decoded, Envelope
from coldchain.domain.quantity import ms_from_iso
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.things_stack import ThingsStack

UP = TOPICS["things-stack"]
CARRIER = ThingsStack()
HEARD_MS = ms_from_iso("2026-01-05T10:00:00.123Z")
EM300 = {"brand_id": "milesight-iot", "model_id": "em300-th"}


def uplink(fields: Any = None, context: Context = SHIPPED, **more: Any) -> Decoded:
    return only(CARRIER, published(things_stack(fields, **more), UP), context)


def other(kind: str, said: dict[str, Any], topic: str) -> Decoded:
    tree = things_stack()
    del tree["uplink_message"]
    return only(CARRIER, published({**tree, kind: said}, UP.replace("/up", topic)))


def test_an_uplink_is_read_through_the_profile_that_its_version_ids_name() -> None:
    message = uplink({"temperature": 4.6, "humidity": 51, "battery": 92}, version_ids=EM300)
    [row] = message.readings
    assert (message.logger, message.seq, message.device_profile) == (LOGGER, 12, "milesight-em300-th@1")
    assert (row.temperature_mc, row.humidity_mpct, row.battery_mpct) == (4600, 51_000, 92_000)
    assert (row.event_time_ms, row.time_source) == (HEARD_MS, "network")
    assert (row.latitude_e7, row.longitude_e7) == (None, None)


def test_a_frame_counter_that_is_missing_is_zero() -> None:
    assert uplink({"temperature": 4.6}, version_ids=EM300, f_cnt=None).seq == 0


def test_one_uplink_has_one_key_whichever_gateways_stand_around_it() -> None:
    once = uplink({"temperature": 4.6}, version_ids=EM300)
    again = uplink(
        {"temperature": 4.6}, version_ids=EM300, rx_metadata=[{"gateway_ids": {"gateway_id": "packetbroker"}}]
    )
    assert once.key == again.key
    assert once.key.startswith("heard:AY2v0aXQ2mRkq1JH0oVq4g==:12:")
    assert uplink({"temperature": 4.6}, session_key_id="BB==").key != once.key


def test_an_uplink_inside_an_event_of_the_servers_console_is_the_same_message() -> None:
    plain = things_stack({"temperature": 4.6}, version_ids=EM300)
    event = {"name": "as.up.data.forward", "time": "2026-01-05T10:00:00.7Z", "identifiers": [{}], "data": plain}
    assert CARRIER.recognises(posted(event, "auto"))
    inside = only(CARRIER, posted(event, "things-stack"), SHIPPED)
    [row] = inside.readings
    assert (inside.logger, inside.key) == (LOGGER, only(CARRIER, published(plain, UP), SHIPPED).key)
    assert row.temperature_mc == 4600


def test_without_a_session_the_servers_time_tells_one_join_from_the_next() -> None:
    assert uplink({"temperature": 4.6}, session_key_id=None).key.startswith("heard:2026-01-05T10:00:00.5Z:12:")


def test_measurements_under_normal_names_need_no_profile_and_each_has_its_own_time() -> None:
    measured = [
        {"time": "2026-01-04T08:00:00Z", "air": {"temperature": 4.5, "relativeHumidity": 43.9, "pressure": 1003}},
        {"air": {"temperature": 5}},
        {"battery": 3.6},
    ]
    stored, live = uplink(normalized_payload=measured, context=PLAIN).readings
    assert (stored.temperature_mc, stored.humidity_mpct, stored.pressure_mhpa) == (4500, 43_900, 1_003_000)
    assert (stored.time_source, stored.historical) == ("device", True)
    assert (live.temperature_mc, live.time_source, live.historical, live.battery_mv) == (5000, "network", False, 3600)


@pytest.mark.parametrize("name", ["battery", "battVolt"])
def test_a_percentage_in_the_place_of_volts_is_refused_and_the_temperature_stays(name: str) -> None:
    message = uplink(normalized_payload=[{"air": {"temperature": 5}}, {name: 50}], context=PLAIN)
    [row] = message.readings
    assert (row.temperature_mc, row.battery_mv) == (5000, None)
    assert [refusal.field for refusal in message.refusals] == [name]


def test_where_a_profile_knows_the_models_own_fields_it_comes_before_the_normalized_copy() -> None:
    message = uplink(
        {"temperature": 4.6, "humidity": 51, "battery": 50}, version_ids=EM300,
        normalized_payload=[{"air": {"temperature": 4.6}}, {"battVolt": 50}],
    )  # fmt: skip
    [row] = message.readings
    assert (row.battery_mpct, row.battery_mv, message.refusals) == (50_000, None, ())


def test_where_the_profile_does_not_know_them_the_normalized_copy_counts() -> None:
    message = uplink({"t": 46}, version_ids=EM300, normalized_payload=[{"air": {"temperature": 4.6}}])
    assert [row.temperature_mc for row in message.readings] == [4600]


def test_several_temperatures_of_one_moment_are_several_probes() -> None:
    rows = uplink(
        normalized_payload=[{"air": {"temperature": 4}}, {"air": {"temperature": -18}}], context=PLAIN
    ).readings
    assert [(row.channel, row.temperature_mc) for row in rows] == [("internal", 4000), ("probe-2", -18_000)]


def test_one_wrong_measurement_does_not_cost_the_others() -> None:
    message = uplink(
        normalized_payload=[{"time": "yesterday", "air": {"temperature": 4}}, 7, {"air": {"temperature": 5}}],
        context=PLAIN,
    )
    assert [row.temperature_mc for row in message.readings] == [5000]
    assert len(message.refusals) == 2


@pytest.mark.parametrize(
    ("measured", "channel"),
    [({"soil": {"temperature": 9}}, "soil"), ({"water": {"temperature": {"current": 9}}}, "water")],
)
def test_soil_and_water_are_not_called_cargo(measured: dict[str, Any], channel: str) -> None:
    assert [row.channel for row in uplink(normalized_payload=[measured], context=PLAIN).readings] == [channel]


def test_light_door_and_position_under_normal_names_ride_on_the_temperature() -> None:
    measured = [
        {"air": {"temperature": 4, "lightIntensity": 120}, "action": {"contactState": "open"}},
        {"position": {"latitude": 48.1371, "longitude": 11.5754}},
    ]
    [row] = uplink(normalized_payload=measured, context=PLAIN).readings
    assert (row.light_mlux, row.door_open, row.latitude_e7) == (120_000, True, 481371000)


def test_a_normalized_uplink_is_one_measurement() -> None:
    tree = things_stack()
    said = {**tree.pop("uplink_message"), "normalized_payload": {"air": {"temperature": 4.6}}}
    envelope = published({**tree, "uplink_normalized": said}, f"{UP}/normalized")
    assert [row.temperature_mc for row in only(CARRIER, envelope, PLAIN).readings] == [4600]


def test_a_decoder_that_failed_leaves_a_frame_that_is_kept_undecoded() -> None:
    message = uplink(version_ids=EM300)
    assert (message.undecoded, message.readings) == (True, ())


def test_a_simulated_uplink_is_no_evidence_and_says_so() -> None:
    message = uplink({"temperature": 4.6}, version_ids=EM300, top={"simulated": True})
    assert (message.readings, message.status) == ((), {"simulated": True})


def test_a_model_that_introduces_itself_has_measured_nothing() -> None:
    said = {"device_status": "on", "firmware_version": "v1.2", "sn": "6745e27566240008"}
    message = uplink(said, context=assigned("milesight-at101"))
    assert (message.readings, message.undecoded, message.status) == ((), False, said)


GPS = {"latitude": 48.1371, "longitude": 11.5754, "source": "SOURCE_GPS"}


def test_the_loggers_own_receiver_counts_where_this_very_message_brought_the_place() -> None:
    locations = {"frm-payload": GPS, "user": {"latitude": 1, "longitude": 2, "source": "SOURCE_REGISTRY"}}
    fresh = uplink(
        {"lat": 48.1371, "lon": 11.5754}, normalized_payload=[{"air": {"temperature": 4}}], locations=locations,
        context=PLAIN,
    )  # fmt: skip
    assert [(row.latitude_e7, row.longitude_e7) for row in fresh.readings] == [(481371000, 115754000)]
    remembered = uplink(normalized_payload=[{"air": {"temperature": 4}}], locations=locations, context=PLAIN)
    assert [row.latitude_e7 for row in remembered.readings] == [None]


def test_a_solved_location_is_a_position_and_a_typed_one_is_none() -> None:
    place = {"latitude": 48.1371, "longitude": 11.5754, "accuracy": 900, "source": "SOURCE_LORA_TDOA"}
    [row] = other("location_solved", {"service": "tdoa", "location": place}, "/location/solved").readings
    assert (row.latitude_e7, row.temperature_mc) == (481371000, None)
    typed = {"location": {**place, "source": "SOURCE_REGISTRY"}}
    assert other("location_solved", typed, "/location/solved").readings == ()


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        ("join_accept", "/join"),
        ("downlink_queued", "/down/queued"),
        ("downlink_ack", "/down/ack"),
        ("service_data", "/service/data"),
    ],
)
def test_other_messages_are_no_readings(kind: str, topic: str) -> None:
    message = other(kind, {"session_key_id": "AA=="}, topic)
    assert (message.readings, message.refusals, message.undecoded) == ((), (), False)


def test_without_an_eui_the_device_id_is_the_loggers_name() -> None:
    tree = things_stack({"temperature": 4.6})
    del tree["end_device_ids"]["dev_eui"]
    assert only(CARRIER, published(tree, UP)).logger == "room-7"


def test_a_topic_that_names_another_device_is_refused() -> None:
    arrival = CARRIER.decode(published(things_stack({"temperature": 4.6}), UP.replace("room-7", "room-8")), SHIPPED)
    assert arrival.refusal is not None
    assert "room-8" in arrival.refusal.reason


@pytest.mark.parametrize(
    "tree",
    [[], {}, {"end_device_ids": {"dev_eui": LOGGER}}, things_stack(frm_payload="?"), things_stack(f_cnt="12.5")],
)
def test_what_nobody_can_have_sent_is_refused(tree: Any) -> None:
    assert CARRIER.decode(published(tree, UP), SHIPPED).refusal is not None


def test_it_claims_its_topics_and_its_webhook_and_knows_its_bodies() -> None:
    assert CARRIER.claims(published({}, "v3/cold-rooms/devices/room-7/up"))
    assert CARRIER.claims(posted({}, "things-stack"))
    assert not CARRIER.claims(published({}, "v3/cold-rooms@nordlager/gateways/dock/status"))
    assert CARRIER.recognises(posted(things_stack(), "auto"))
    assert not CARRIER.recognises(posted({"end_device_ids": 5}, "auto"))


def test_it_keeps_the_promises_of_a_carrier_whatever_arrives() -> None:
    measured = [
        {"time": "2026-01-04T08:00:00Z", "air": {"temperature": 4.5, "relativeHumidity": 43.9}},
        {"battery": 3.6},
    ]
    trees = [
        things_stack({"temperature": 4.6, "humidity": 51, "battery": 92}, version_ids=EM300),
        things_stack(normalized_payload=measured),
        things_stack({"temperature_3": 4.6, "gps_1": {"latitude": 48.1, "longitude": 11.5}}),
        things_stack(frm_payload=FRAME),
    ]
    seeds = [json.dumps(tree).encode() for tree in trees]
    samples = [*seeds, *mutations(seeds, 1500)]
    envelope = Envelope("http", "things-stack", b"", ms_from_iso(ARRIVED))
    assert conform(CARRIER, samples, lambda text: envelope._replace(payload=text), SHIPPED) > 200
