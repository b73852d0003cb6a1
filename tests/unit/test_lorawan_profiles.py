"""Which shipped device profile reads a LoRaWAN model, and how the awkward models of the field come out."""

from typing import Any

import pytest
from lorawan_messages import LOGGER, SHIPPED, TOPICS, assigned, chirpstack, only, published

from coldchain.domain.message import Decoded
from sensors.carriers.chirpstack import ChirpStack

UP = TOPICS["chirpstack"]


def read(profile: str, fields: dict[str, Any]) -> Decoded:
    return only(ChirpStack(), published(chirpstack(fields), UP), assigned(profile))


@pytest.mark.parametrize(
    ("hints", "profile"),
    [
        ({"tts.brand_id": "milesight-iot", "tts.model_id": "em300-th"}, "milesight-em300-th"),
        ({"tts.brand_id": "milesight-iot", "tts.model_id": "em300-zld"}, "milesight-em300-sld"),
        ({"tts.brand_id": "milesight-iot", "tts.model_id": "ts302"}, "milesight-ts302"),
        ({"tts.brand_id": "milesight-iot", "tts.model_id": "am319"}, "milesight-am308"),
        ({"tts.brand_id": "dragino", "tts.model_id": "lht65"}, "dragino-lht65"),
        ({"tts.brand_id": "dragino", "tts.model_id": "lht65n-temp-hum-ext"}, "dragino-lht65n"),
        ({"tts.brand_id": "dragino", "tts.model_id": "lsn50v2-d20"}, "dragino-d20"),
        ({"tts.brand_id": "dragino", "tts.model_id": "lsn50v2-s31"}, "dragino-s31"),
        ({"tts.brand_id": "dragino", "tts.model_id": "lsn50-v2"}, "dragino-lsn50"),
        ({"tts.brand_id": "elsys", "tts.model_id": "ers-co2"}, "elsys-ers"),
        ({"tts.brand_id": "elsys", "tts.model_id": "elt-2"}, "elsys-elt"),
        ({"tts.brand_id": "decentlab", "tts.model_id": "dl-sht35"}, "decentlab-dl-sht35"),
        ({"tts.brand_id": "tektelic", "tts.model_id": "t0007379-tundra"}, None),
        ({"tts.brand_id": "sensative", "tts.model_id": "strips"}, "sensative-strips"),
        ({"tts.brand_id": "browan", "tts.model_id": "tbhh100"}, "browan-tbhh100"),
        ({"tts.brand_id": "abeeway", "tts.model_id": "abeeway-micro-tracker"}, "abeeway-tracker"),
        ({"tts.brand_id": "netvox", "tts.model_id": "r718ab"}, "netvox-r718"),
        ({"chirpstack.deviceProfileName": "Milesight EM300-TH"}, "milesight-em300-th"),
        ({"chirpstack.deviceProfileName": "Dragino LHT65N EU868"}, "dragino-lht65n"),
        ({"chirpstack.deviceProfileName": "ELSYS ERS2"}, "elsys-ers"),
        ({"chirpstack.deviceProfileName": "ERS"}, "elsys-ers"),
        ({"chirpstack.tags.model": "AT101"}, "milesight-at101"),
        ({"chirpstack.deviceName": "ltc2-freezer"}, "dragino-ltc2"),
        ({"thingpark.producer": "abeeway", "thingpark.model": "micro"}, "abeeway-tracker"),
        ({"chirpstack.deviceProfileName": "External sensors of other makers"}, None),
        ({"chirpstack.deviceProfileName": "Temperature systems"}, None),
        ({"chirpstack.deviceProfileName": "default"}, None),
    ],
)
def test_what_the_envelope_says_of_the_model_chooses_the_profile(hints: dict[str, str], profile: str | None) -> None:
    found = SHIPPED.profiles.of(LOGGER, hints)
    assert (found.label.partition("@")[0] if found else None) == profile


def test_common_names_of_fields_never_choose_a_profile() -> None:
    info = {**chirpstack()["deviceInfo"], "deviceProfileName": "class A", "deviceName": "7"}
    message = only(ChirpStack(), published(chirpstack({"temperature": 4, "humidity": 50}, deviceInfo=info), UP))
    assert message.undecoded
    assert "class A" in message.refusals[0].reason


@pytest.mark.parametrize(
    ("fields", "profile"),
    [
        ({"temperature": 4, "vdd": 3400}, "elsys-ers"),
        ({"externalTemperature": 4, "vdd": 3400}, "elsys-elt"),
        ({"BatV": 3, "Bat_status": 3, "TempC_SHT": 4, "Hum_SHT": 50}, "dragino-lht65n"),
        ({"Temp_Channel1": 4, "Temp_Channel2": 5}, "dragino-ltc2"),
        ({"device_id": 7, "protocol_version": 2, "temperature": {"value": 4, "unit": "°C"}}, "decentlab"),
        ({"ambient_temperature": 4, "relative_humidity": 50}, "tektelic-comfort"),
        ({"temperature_chn2": 4}, "milesight-ts302"),
    ],
)
def test_distinctive_names_of_fields_choose_where_nothing_else_is_told(fields: dict[str, Any], profile: str) -> None:
    info = {**chirpstack()["deviceInfo"], "deviceProfileName": "class A", "deviceName": "7"}
    message = only(ChirpStack(), published(chirpstack(fields, deviceInfo=info), UP))
    assert (message.device_profile.partition("@")[0], message.undecoded) == (profile, False)


def test_a_template_without_a_sample_asks_before_its_readings_count() -> None:
    info = {**chirpstack()["deviceInfo"], "deviceProfileName": "Efento logger"}
    envelope = published(chirpstack({"temperature": 4, "humidity": 50}, deviceInfo=info), UP)
    assert "untested" in only(ChirpStack(), envelope).refusals[0].reason
    assert len(only(ChirpStack(), envelope, assigned("efento-lorawan")).readings) == 1


def test_a_frame_without_its_sensors_block_is_a_fault_with_the_battery() -> None:
    message = read("decentlab-dl-sht35", {"device_id": 7, "battery_voltage": {"value": 3.1, "unit": "V"}})
    assert [(row.fault, row.temperature_mc, row.battery_mv) for row in message.readings] == [
        ("sensor_error", None, 3100)
    ]


def test_a_unit_that_the_message_does_not_say_is_not_guessed() -> None:
    message = read(
        "decentlab-dl-sht35", {"air_temperature": {"value": 40.2}, "battery_voltage": {"value": 3, "unit": "V"}}
    )
    assert all(row.temperature_mc is None for row in message.readings)
    assert message.refusals != ()


def test_dew_point_surface_and_board_are_not_the_air() -> None:
    fields = {
        name: {"value": value, "unit": "°C"}
        for name, value in {
            "air_temperature": 3.19, "surface_temperature": 4.57, "dew_point": 3.11, "head_temperature": 3.04,
        }.items()
    }  # fmt: skip
    assert [row.temperature_mc for row in read("decentlab-dl-cws2", fields).readings if row.temperature_mc] == [3190]


def test_the_boards_temperature_is_called_so_and_only_where_there_is_no_other() -> None:
    assert [row.channel for row in read("tektelic-tundra", {"mcu_temperature": 3.9}).readings] == ["board"]
    both = read("tektelic-tundra", {"mcu_temperature": 3.9, "ambient_temperature": 0})
    assert [(row.channel, row.temperature_mc) for row in both.readings] == [("internal", 0)]
    assert [
        row.channel for row in read("tektelic-comfort", {"mcu_temperature": 3, "ambient_temperature": 4}).readings
    ] == ["internal"]


def test_a_probe_that_is_off_is_a_fault_and_the_built_in_sensor_goes_on() -> None:
    message = read("dragino-lht65n", {"BatV": 3.014, "TempC_SHT": 1.3, "Hum_SHT": 24.2, "TempC_DS": 327.67})
    assert [(row.channel, row.temperature_mc, row.fault) for row in message.readings] == [
        ("internal", 1300, None),
        ("probe-1", None, "probe_open"),
    ]


def test_garbage_in_a_stored_record_is_refused_and_the_live_reading_stays() -> None:
    history = [{"timestamp": 214578533, "temperature": 5760.0, "humidity": 14080.0}]
    message = read("milesight-am308", {"temperature": 23.8, "humidity": 62, "history": history})
    assert [row.temperature_mc for row in message.readings] == [23_800]
    assert len(message.refusals) == 2


def test_a_tracker_without_a_fix_keeps_its_temperature() -> None:
    message = read("milesight-at101", {"temperature": 6.5, "latitude": 4294.9673, "longitude": 4294.9673})
    assert [(row.temperature_mc, row.latitude_e7) for row in message.readings] == [(6500, None)]


def test_a_place_that_cannot_be_is_refused_and_a_word_for_a_battery_is_no_number() -> None:
    fields = {"gpsLatitude": -171.13, "gpsLongitude": 7.1, "batteryLevel": "CHARGING", "temperatureMeasure": 20}
    message = read("abeeway-tracker", fields)
    assert [(row.channel, row.latitude_e7, row.battery_mpct) for row in message.readings] == [("board", None, None)]
    assert [refusal.field for refusal in message.refusals] == ["position"]


def test_an_alarm_of_the_logger_stands_beside_the_reading() -> None:
    [row] = read("milesight-ts201", {"temperature": 9.2, "temperature_alarm": "threshold alarm"}).readings
    assert (row.temperature_mc, row.device_alarm) == (9200, "threshold alarm")


def test_a_batch_places_each_value_at_its_own_time() -> None:
    batch = [
        {"variable": "temperature_1", "value": 5.1, "date": "2026-01-05T09:50:00Z"},
        {"variable": "temperature_1", "value": 5.3, "date": "2026-01-05T09:55:00Z"},
        {"variable": "temperature_2", "value": -18.4, "date": "2026-01-05T09:55:00Z"},
        {"variable": "battery_voltage", "value": 3.6, "date": "2026-01-05T09:55:00Z"},
        {"variable": "temperature_1", "value": 6, "date": "soon"},
    ]
    message = read("watteco", {"data": batch})
    assert [(row.channel, row.temperature_mc, row.battery_mv) for row in message.readings] == [
        ("probe-1", 5100, None),
        ("probe-1", 5300, 3600),
        ("probe-2", -18_400, None),
    ]
    assert len(message.refusals) == 1


@pytest.mark.parametrize("fields", [{"Temp": 4.5}, {"temperature": None, "Temp": 4.5}, {"temperature": 4.5, "Temp": 9}])
def test_the_name_of_another_version_of_the_decoder_counts_where_the_first_says_nothing(fields: dict[str, Any]) -> None:
    assert [row.temperature_mc for row in read("netvox-r718", fields).readings] == [4500]


@pytest.mark.parametrize(
    ("history", "stored"),
    [([{"timestamp": 1767600000, "temperature": 4}, None], 1), ([[{"timestamp": 1767600000, "temperature": 4}]], 1),
     ([], 0), ("none", 0), (None, 0)],
)  # fmt: skip
def test_stored_records_are_found_in_a_list_and_nowhere_else(history: Any, stored: int) -> None:
    assert len(read("milesight-em300-th", {"battery": 90, "history": history}).readings) == stored
