"""Webhooks of Tive, Sigfox, Monnit, Efento and Samsara: nulls, texts, labels, state flags, and whose position it is."""

from typing import Any
from urllib.parse import quote_plus

import pytest
from vendor_examples import EFENTO, MONNIT, MONNIT_SENSOR, NOW, NOW_S, SAMSARA, SIGFOX, TIVE, posted

from coldchain.domain.message import Arrival, Decoded
from sensors.carriers.efento import Efento
from sensors.carriers.monnit import Monnit
from sensors.carriers.port import Context
from sensors.carriers.samsara import Samsara
from sensors.carriers.sigfox import Sigfox
from sensors.carriers.tive import Tive
from sensors.device_profiles.catalogue import Snapshot
from sensors.device_profiles.library import shipped

SHIPPED = Context(Snapshot(shipped()))
MINUTE = 60_000


def tive(**changes: Any) -> Decoded:
    [message] = Tive().decode(posted({**TIVE, **changes}, "tive")).messages
    return message


def sigfox(**changes: Any) -> Decoded:
    body = {name: value for name, value in {**SIGFOX, **changes}.items() if value is not ...}
    [message] = Sigfox().decode(posted(body, "sigfox"), SHIPPED).messages
    return message


def monnit(**changes: Any) -> Decoded:
    [message] = Monnit().decode(posted({**MONNIT, "sensorMessages": [{**MONNIT_SENSOR, **changes}]}, "monnit")).messages
    return message


def efento(*params: dict[str, Any], **changes: Any) -> Decoded:
    one = {**EFENTO["measurements"][0], "params": list(params), **changes}
    [message] = Efento().decode(posted({"measurements": [one]}, "efento")).messages
    return message


# --- Tive ---------------------------------------------------------------------------------------------------------


def test_a_tive_entry_gives_the_tracker_its_probe_and_how_good_the_place_is() -> None:
    message = tive()
    inner, probe = message.readings
    assert (inner.channel, inner.temperature_mc, inner.humidity_mpct, inner.light_mlux) == (
        "internal",
        5312,
        38_700,
        3500,
    )
    assert (inner.shock_mg, inner.battery_mpct, inner.latitude_e7) == (1250, 65_000, 481_371_000)
    assert (probe.channel, probe.temperature_mc, probe.latitude_e7) == ("probe-1", -18_500, None)
    assert {row.event_time_ms for row in message.readings} == {NOW - MINUTE}
    assert message.status == {"position_method": "wifi", "position_accuracy_m": 40}


def test_objects_that_are_null_say_nothing() -> None:
    nothing = dict.fromkeys(("Humidity", "Light", "Battery", "ProbeTemperature", "Shock", "Location", "Pressure"))
    [row] = tive(**nothing).readings
    assert (row.temperature_mc, row.humidity_mpct, row.battery_mpct, row.latitude_e7) == (5312, None, None, None)


def test_a_temperature_in_fahrenheit_alone_is_converted_and_a_bare_number_refused() -> None:
    assert tive(Temperature={"Fahrenheit": 41}).readings[0].temperature_mc == 5000
    message = tive(Temperature=41, ProbeTemperature=None)
    assert [row.temperature_mc for row in message.readings] == [None]
    assert "without a unit" in (message.refusals[0].value or "")


def test_impossible_values_are_refused_one_by_one() -> None:
    place = {"Latitude": 0, "Longitude": 0}
    message = tive(Temperature={"Celsius": -273.15}, Battery={"Percentage": 101}, Location=place)
    assert [refusal.field for refusal in message.refusals] == ["temperature_c", "battery_pct", "position"]
    assert [row.temperature_mc for row in message.readings] == [None, -18_500]


def test_zero_is_a_value() -> None:
    row = tive(Temperature={"Celsius": 0}, Humidity={"Percentage": 0}, Light={"Lux": 0}).readings[0]
    assert (row.temperature_mc, row.humidity_mpct, row.light_mlux) == (0, 0, 0)


@pytest.mark.parametrize("name", ["DeviceName", "EntityName"])
def test_a_template_without_device_id_names_the_tracker_by_its_label(name: str) -> None:
    body = {"EntryTimeUtc": "2026-01-05T09:59:00.8229403", name: "VD0001", "Temperature": {"Celsius": 4}}
    [message] = Tive().decode(posted(body)).messages
    assert (message.logger, message.readings[0].event_time_ms) == ("VD0001", NOW - MINUTE + 822)


# --- Sigfox -------------------------------------------------------------------------------------------------------


def test_text_numbers_are_read_and_the_text_null_is_nothing() -> None:
    [row] = sigfox().readings
    assert (row.temperature_mc, row.battery_mv, row.battery_mpct, row.seq) == (4500, 3600, None, 912)
    assert (row.latitude_e7, row.event_time_ms, row.time_source) == (481_371_000, NOW - MINUTE, "device")
    assert row.device_profile == "sigfox-tracker-callback@1"


def test_a_temperature_that_is_the_text_null_is_a_fault_and_not_0() -> None:
    [row] = sigfox(temperature="null", newPosition=False).readings
    assert (row.temperature_mc, row.fault, row.latitude_e7) == (None, "sensor_error", None)


def test_a_place_that_sigfox_computed_is_not_the_devices() -> None:
    body = {"device": "1F2E3D", "time": NOW_S, "location": {"lat": 48.1, "lng": 11.5, "radius": 1983, "status": 1}}
    [message] = Sigfox().decode(posted(body)).messages
    assert message.readings == ()
    assert message.status == {"computed_location": body["location"]}


def test_fields_without_a_known_layout_wait_for_a_device_profile() -> None:
    body = {"device": "1F2E3D", "time": str(NOW_S), "seqNumber": 5, "temp": "41.2", "deviceTypeId": "5ecb"}
    [message] = Sigfox().decode(posted(body), SHIPPED).messages
    assert (message.undecoded, message.readings, message.seq) == (True, (), 5)
    assert "sigfox.fields temp" in message.refusals[0].reason
    assert message.clock == (NOW, "network")


def test_raw_bytes_that_nobody_decoded_are_kept() -> None:
    body = {"device": "1F2E3D", "time": NOW_S, "data": "10297eb01e62", "seqNumber": 8, "ack": False}
    [message] = Sigfox().decode(posted(body), SHIPPED).messages
    assert message.undecoded
    assert "no decoder" in message.refusals[0].reason


def test_a_callback_sent_as_a_form_is_read() -> None:
    text = '{"device": "1F2E3D", "time": 1767607200, "data": "00", "seqNumber": 8}'
    body = quote_plus(text).encode() + b"="
    assert Sigfox().recognises(posted(body))
    [message] = Sigfox().decode(posted(body)).messages
    assert (message.logger, message.payload) == ("1F2E3D", body)


# --- Monnit -------------------------------------------------------------------------------------------------------


def test_labels_say_which_value_is_what_and_in_which_unit() -> None:
    [row] = monnit().readings
    assert (row.channel, row.temperature_mc, row.humidity_mpct, row.battery_mpct) == ("internal", 5100, 41_500, 100_000)
    assert (row.battery_mv, row.device_alarm, row.event_time_ms) == (3210, "aware", NOW - 75_000)
    [row] = monnit(plotLabels="Celsius", plotValues="-19.5", state="0").readings
    assert (row.temperature_mc, row.humidity_mpct, row.device_alarm) == (-19_500, None, None)


def test_several_probes_of_one_sensor_are_several_channels() -> None:
    rows = monnit(plotLabels="Celsius|Celsius", plotValues="4.5|5.5").readings
    assert [(row.channel, row.temperature_mc) for row in rows] == [("probe-1", 4500), ("probe-2", 5500)]


@pytest.mark.parametrize("labels", [None, "", "Celsius"])
def test_values_without_a_label_for_each_are_refused(labels: Any) -> None:
    message = monnit(plotLabels=labels)
    assert message.readings == ()
    assert message.refusals


@pytest.mark.parametrize(("labels", "value"), [("Celsius", "-999.7"), ("Fahrenheit", "-1767.46")])
def test_the_code_of_a_failed_sensor_is_a_fault(labels: str, value: str) -> None:
    [row] = monnit(plotLabels=labels, plotValues=value).readings
    assert (row.temperature_mc, row.fault) == (None, "sensor_error")


def test_mains_power_is_no_battery() -> None:
    message = monnit(batteryLevel="101")
    assert (message.readings[0].battery_mpct, message.status) == (None, {"power": "mains", "device_alarm": "aware"})


def test_the_message_id_is_the_key_and_a_door_is_no_reading() -> None:
    message = monnit(dataType="DoorData", dataValue="False", plotValues="0", plotLabels="DoorData")
    assert (message.key, message.readings) == (MONNIT_SENSOR["dataMessageGUID"], ())
    assert message.status == {"battery_pct": 100.0, "battery_v": 3.21, "device_alarm": "aware"}


@pytest.mark.parametrize(
    ("text", "at_ms"), [("1/5/2026 9:58:45 AM", NOW - 75_000), ("1/5/2026 12:00:00 PM", NOW + 120 * MINUTE)]
)
def test_american_dates_of_older_webhooks_are_utc_too(text: str, at_ms: int) -> None:
    assert monnit(messageDate=text).readings[0].event_time_ms == at_ms


def test_a_place_of_a_monnit_device_is_a_position() -> None:
    place = {
        "deviceID": "10000", "locationMessageGUID": "g-1", "locationDate": "2026-01-05 09:47:11", "state": "0",
        "latitude": "48.1371", "longitude": "11.5754",
    }  # fmt: skip
    body = {"gatewayMessage": MONNIT["gatewayMessage"], "sensorMessages": [], "locationMessages": [place]}
    [message] = Monnit().decode(posted(body, "monnit")).messages
    [row] = message.readings
    assert (message.logger, message.key, row.latitude_e7, row.channel) == ("10000", "g-1", 481_371_000, "device")
    assert row.historical


def test_a_gateway_alone_is_a_status() -> None:
    [message] = Monnit().decode(posted({"gatewayMessage": MONNIT["gatewayMessage"]}, "monnit")).messages
    assert (message.logger, message.readings, message.status) == ("10001", (), {"power": "mains"})


# --- Efento -------------------------------------------------------------------------------------------------------


def test_each_measurement_is_a_message_of_its_logger() -> None:
    first, second = Efento().decode(posted(EFENTO, "efento")).messages
    [row] = first.readings
    assert (row.temperature_mc, row.humidity_mpct, first.status) == (5100, 41_000, {"battery": "ok"})
    assert [(row.channel, row.temperature_mc, row.door_open) for row in second.readings] == [
        ("probe-1", -18_200, True), ("probe-2", 4400, None),
    ]  # fmt: skip
    assert (first.interval_ms, second.logger) == (180_000, "282C024FFF02")


def test_a_measurement_sent_again_among_others_is_the_same_message() -> None:
    first = Efento().decode(posted(EFENTO, "efento")).messages
    alone = {"measurements": [EFENTO["measurements"][1]]}
    [again] = Efento().decode(posted(alone, "efento")).messages
    assert (again.key, again.payload) == (first[1].key, first[1].payload)
    [bare] = Efento().decode(posted([EFENTO["measurements"][1]], "efento")).messages
    assert bare.payload == again.payload


@pytest.mark.parametrize("value", [None, "error", "sensor failure"])
def test_a_failed_efento_sensor_is_a_fault(value: Any) -> None:
    [row] = efento({"channel": 1, "type": "temperature", "value": value}).readings
    assert (row.temperature_mc, row.fault) == (None, "sensor_error")


def test_a_declared_unit_counts() -> None:
    [row] = efento({"channel": 1, "type": "temperature", "value": 41, "unit": "°F"}).readings
    assert row.temperature_mc == 5000


def test_parameters_of_other_kinds_are_no_readings() -> None:
    assert efento({"channel": 1, "type": "pressure_diff", "value": 21}, {"channel": 2}, "odd").readings == ()


# --- Samsara ------------------------------------------------------------------------------------------------------


def samsara(body: Any) -> Arrival:
    return Samsara().decode(posted(body, "samsara"))


def test_an_alert_is_a_status_of_whom_it_is_about_and_no_reading() -> None:
    [message] = samsara(SAMSARA).messages
    assert (message.logger, message.readings) == ("494123", ())
    assert message.status == {
        "device_alarm": "Temperature above 8 °C", "resolved": False, "event": SAMSARA["eventId"],
    }  # fmt: skip


def test_an_alert_of_the_first_version_is_read_too() -> None:
    body = {
        "eventId": "bf72", "eventMs": NOW, "eventType": "Alert",
        "event": {"alertConditionDescription": "Sensor too warm", "device": {"id": 1, "serial": "G9A1-XYZ"}},
    }  # fmt: skip
    [message] = samsara(body).messages
    assert (message.logger, (message.status or {})["device_alarm"]) == ("G9A1-XYZ", "Sensor too warm")


def test_a_ping_says_that_the_webhook_works() -> None:
    arrival = samsara({"eventId": "8928", "eventMs": NOW, "eventType": "Ping", "event": {"text": "Ping"}})
    assert arrival.refusal is not None
    assert "webhook works" in arrival.refusal.reason


def test_sensors_passed_on_by_a_bridge_are_thousandths_of_a_degree() -> None:
    one = {
        "id": 122, "name": "Freezer", "probeTemperature": -20_145, "probeTemperatureTime": "2026-01-05T09:55:00Z",
        "ambientTemperature": 18_300, "ambientTemperatureTime": "2026-01-05T09:56:00Z",
    }  # fmt: skip
    [message] = samsara({"groupId": 1, "sensors": [one]}).messages
    assert [(row.channel, row.temperature_mc) for row in message.readings] == [
        ("probe-1", -20_145),
        ("ambient", 18_300),
    ]
    assert [row.event_time_ms for row in message.readings] == [NOW - 5 * MINUTE, NOW - 4 * MINUTE]
