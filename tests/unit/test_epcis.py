"""EPCIS 2.0: whose clock and device count, which units are temperatures, and what is no reading at all."""

from typing import Any

import pytest
from vendor_examples import EPCIS, EPCIS_EVENT, NOW, posted

from coldchain.domain.message import Arrival, Decoded
from sensors.carriers.epcis import Epcis

MINUTE = 60_000
DEVICE = "urn:epc:id:giai:4000001.111"
SSCC = "https://id.gs1.org/00/340123450000000018"


def decoded(body: Any) -> Arrival:
    return Epcis().decode(posted(body, "epcis", kind="application/ld+json"))


def event(*reports: dict[str, Any], metadata: dict[str, Any] | None = None, **changes: Any) -> Decoded:
    elements = [{"sensorMetadata": metadata or {}, "sensorReport": list(reports)}]
    body = {**EPCIS, "epcisBody": {"eventList": [{**EPCIS_EVENT, "sensorElementList": elements, **changes}]}}
    [message] = decoded(body).messages
    return message


def warm(value: Any = 5, unit: str | None = "CEL", **more: Any) -> dict[str, Any]:
    return {"type": "Temperature", "value": value, **({} if unit is None else {"uom": unit}), **more}


def test_a_document_gives_the_readings_of_its_devices_and_what_they_are_about() -> None:
    [message] = decoded(EPCIS).messages
    [row] = message.readings
    assert (message.logger, row.temperature_mc, row.humidity_mpct, row.light_mlux) == (DEVICE, 5100, 41_000, 12_000)
    assert (row.event_time_ms, row.time_source) == (NOW - 5 * MINUTE, "device")
    assert message.status == {"object": SSCC, "AbsoluteHumidity": "12.1 A93"}


@pytest.mark.parametrize(
    ("value", "unit", "milli"),
    [(5, "CEL", 5000), ("41", "FAH", 5000), (278.15, "KEL", 5000), (-196, "CEL", -196_000), (0, "CEL", 0)],
)
def test_units_are_converted_as_declared(value: Any, unit: str, milli: int) -> None:
    assert event(warm(value, unit)).readings[0].temperature_mc == milli


@pytest.mark.parametrize("unit", [None, "", "DEG", "P1", "cel"])
def test_a_temperature_without_a_known_unit_is_refused(unit: str | None) -> None:
    message = event(warm(5, unit))
    assert message.readings == ()
    assert message.refusals[0].field == "uom"


@pytest.mark.parametrize(
    ("report", "metadata", "at_ms"),
    [
        ({"time": "2026-01-05T09:58:00Z"}, {"time": "2026-01-05T09:57:00Z"}, NOW - 2 * MINUTE),
        ({}, {"time": "2026-01-05T10:57:00+01:00"}, NOW - 3 * MINUTE),
        ({}, {}, NOW - MINUTE),
    ],
)
def test_the_time_nearest_to_the_value_counts(report: dict[str, Any], metadata: dict[str, Any], at_ms: int) -> None:
    assert event(warm(**report), metadata=metadata).readings[0].event_time_ms == at_ms


def test_a_time_without_zone_is_not_believed() -> None:
    message = event(warm(time="2026-01-05T09:58:00"))
    assert message.readings[0].time_source == "arrival"
    assert message.refusals[0].field == "time"


def test_each_report_may_name_its_own_device() -> None:
    reports = [warm(5, deviceID="urn:epc:id:giai:4000001.111"), warm(6, deviceID="https://id.gs1.org/8004/4000001222")]
    body = {**EPCIS_EVENT, "sensorElementList": [{"sensorReport": reports}]}
    first, second = decoded(body).messages
    assert [first.logger, second.logger] == [DEVICE, "https:id.gs1.org:8004:4000001222"]
    assert [message.readings[0].temperature_mc for message in (first, second)] == [5000, 6000]


@pytest.mark.parametrize(
    ("changes", "logger"),
    [
        ({}, "urn:epc:id:sgln:4012345.00005.0"),
        ({"readPoint": None}, "https:id.gs1.org:00:340123450000000018"),
        ({"readPoint": {"id": "geo:48.1,11.5"}}, "https:id.gs1.org:00:340123450000000018"),
    ],
)
def test_without_a_device_the_place_measured_else_the_object(changes: dict[str, Any], logger: str) -> None:
    assert event(warm(), **changes).logger == logger


def test_an_event_that_names_nobody_is_refused_and_its_neighbours_stay() -> None:
    nobody = {**EPCIS_EVENT, "readPoint": None, "epcList": [], "sensorElementList": [{"sensorReport": [warm()]}]}
    body = {**EPCIS, "epcisBody": {"eventList": [nobody, EPCIS_EVENT]}}
    [message] = decoded(body).messages
    assert len(message.readings) == 1
    assert message.refusals[0].field == "deviceID"


@pytest.mark.parametrize(
    "word", ["Temperature", "gs1:Temperature", "gs1:MT-Temperature", "https://gs1.org/voc/Temperature"]
)
def test_the_standards_words_are_known_with_and_without_prefix(word: str) -> None:
    assert event({**warm(), "type": word}).readings[0].temperature_mc == 5000


def test_an_alias_of_the_context_counts_only_if_it_is_the_standards() -> None:
    aliased = {
        **EPCIS, "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"v": "https://gs1.org/voc/"}],
    }  # fmt: skip
    for prefix, count in (("v", 1), ("ex", 0)):
        one = {**EPCIS_EVENT, "sensorElementList": [{"sensorReport": [{**warm(), "type": f"{prefix}:Temperature"}]}]}
        [message] = decoded({**aliased, "epcisBody": {"eventList": [one]}}).messages
        assert len(message.readings) == count
        [again] = Epcis().decode(posted(message.payload, "epcis")).messages
        assert (again.key, again.readings) == (message.key, message.readings)


def test_words_of_drafts_are_read() -> None:
    body = {
        "@context": [], "isA": "EPCISDocument", "schemaVersion": 2.0,
        "epcisBody": {"eventList": [{
            "isA": "ObjectEvent", "action": "OBSERVE", "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"],
            "eventTime": "2026-01-05T10:00:00.000Z", "eventTimeZoneOffset": "+00:00",
            "sensorElementList": [{
                "isA": "epcis:SensorElement",
                "sensorMetaData": {"time": "2026-01-05T09:59:00.000Z", "deviceID": DEVICE},
                "sensorReport": [{"type": "gs1:Temperature", "value": 5, "uom": "CEL"}],
            }],
        }]},
    }  # fmt: skip
    [message] = decoded(body).messages
    assert (message.logger, message.readings[0].temperature_mc) == (DEVICE, 5000)


def test_keys_may_carry_the_standards_prefix() -> None:
    prefixed = {
        "epcis:type": "ObjectEvent", "epcis:eventTime": "2026-01-05T10:00:00Z", "@context": [],
        "epcis:readPoint": {"@id": "urn:epc:id:sgln:4012345.00005.0"},
        "epcis:sensorElementList": [{"epcis:sensorReport": [{f"epcis:{key}": one for key, one in warm().items()}]}],
    }  # fmt: skip
    assert Epcis().recognises(posted(prefixed))
    [message] = decoded(prefixed).messages
    assert (message.logger, message.readings[0].temperature_mc) == ("urn:epc:id:sgln:4012345.00005.0", 5000)


def test_features_are_channels() -> None:
    message = event(warm(20.9, **{"ex:feature": "ex:ambiance"}), warm(20.7, **{"ex:feature": "ex:outerPackage"}))
    assert [(row.channel, row.temperature_mc) for row in message.readings] == [
        ("ambiance", 20_900), ("outerPackage", 20_700),
    ]  # fmt: skip


def test_components_of_one_measurement_are_channels_unless_a_feature_says_more() -> None:
    reports = warm(4, component="ex:inner"), warm(5, component="outer"), warm(6, component="x", **{"ex:feature": "lid"})
    found = {row.channel: row.temperature_mc for row in event(*reports).readings}
    assert found == {"inner": 4000, "outer": 5000, "lid": 6000}


def test_two_values_of_one_channel_and_moment_are_not_averaged() -> None:
    message = event(warm(20.9), warm(20.7))
    assert [row.temperature_mc for row in message.readings] == [20_900]
    assert "given twice" in message.refusals[0].reason


@pytest.mark.parametrize(
    ("report", "metadata"),
    [
        ({"type": "Temperature", "minValue": 3.9, "maxValue": 9.2, "meanValue": 5.1, "uom": "CEL"}, {}),
        ({"type": "Temperature", "meanValue": 5.1, "uom": "CEL", "percRank": 50, "percValue": 5}, {}),
        (warm(), {"startTime": "2026-01-05T08:00:00Z", "endTime": "2026-01-05T09:00:00Z"}),
    ],
)
def test_statistics_of_an_interval_are_kept_and_are_no_readings(report: dict[str, Any], metadata: Any) -> None:
    message = event(report, metadata=metadata)
    assert (message.aggregate, message.readings) == (True, ())
    [told] = (message.status or {})["statistics"]
    assert told["type"] == "Temperature"


def test_a_report_that_says_nothing_is_a_fault_alone_and_a_refusal_beside_statistics() -> None:
    empty = {"type": "Temperature", "uom": "CEL"}
    [row] = event(empty).readings
    assert (row.temperature_mc, row.fault) == (None, "sensor_error")
    message = event(empty, {"type": "Temperature", "minValue": 1, "maxValue": 2, "uom": "CEL"})
    assert (message.aggregate, message.readings) == (True, ())
    assert message.refusals[0].field == "value"


def test_an_error_is_a_fault_and_an_alarm_is_told() -> None:
    message = event(
        {"type": "Temperature", "exception": "ERROR_CONDITION", "uriValue": "https://example.com/E-1"},
        {"type": "AbsoluteHumidity", "exception": "ALARM_CONDITION", "booleanValue": True},
    )
    [row] = message.readings
    assert (row.fault, row.temperature_mc) == ("sensor_error", None)
    assert (message.status or {})["device_alarm"] == "AbsoluteHumidity ALARM_CONDITION"


def test_a_value_that_alarms_is_a_reading_and_what_a_failed_sensor_says_is_none() -> None:
    alarming = event(warm(9, exception="ALARM_CONDITION"))
    assert [(row.temperature_mc, row.device_alarm) for row in alarming.readings] == [(9000, "ALARM_CONDITION")]
    [row] = event(warm(9, exception="ERROR_CONDITION")).readings
    assert (row.temperature_mc, row.fault) == (None, "sensor_error")


def test_statistics_beside_an_alarm_stay_statistics() -> None:
    statistic = {"type": "Temperature", "minValue": 3.9, "maxValue": 9.2, "uom": "CEL"}
    alarm = {"type": "Temperature", "exception": "ALARM_CONDITION", "time": "2026-01-05T09:30:00Z"}
    message = event(statistic, alarm)
    assert (message.aggregate, message.readings, message.refusals) == (True, (), ())
    assert (message.status or {})["device_alarm"] == "Temperature ALARM_CONDITION"


def angle(component: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Angle", "value": value, "component": component, "uom": "DD", **more}


def test_two_angles_are_a_position() -> None:
    [row] = event(angle("latitude", 48.1371), angle("longitude", 11.5754)).readings
    assert (row.latitude_e7, row.longitude_e7, row.temperature_mc) == (481_371_000, 115_754_000, None)


def test_angles_of_another_system_are_no_position() -> None:
    system = {"coordinateReferenceSystem": "http://www.opengis.net/def/crs/EPSG/0/27700"}
    assert event(angle("latitude", 48, **system), angle("longitude", 11, **system)).readings == ()


@pytest.mark.parametrize("unit", [{"code": "DD"}, ["DD"], 7, True])
def test_angles_whose_unit_is_no_text_are_no_position(unit: Any) -> None:
    message = event(angle("latitude", 48, uom=unit), angle("longitude", 11, uom=unit), warm())
    assert [row.latitude_e7 for row in message.readings] == [None]
    assert "coordinateReferenceSystem" in message.refusals[0].reason


@pytest.mark.parametrize(
    "report",
    [
        {"type": "Mass", "value": 25, "uom": "KGM"},
        {"type": "Speed", "value": 4.5, "component": "ex:x", "uom": "MTS"},
        {"type": "Humidity", "value": 12.1, "uom": "A93"},
        {"type": "ex:Temperature", "value": 5, "uom": "CEL"},
        {"type": "Length", "value": -477979.89, "component": "northing", "uom": "MTR"},
        {"type": "ex:Flag", "booleanValue": True},
    ],
)
def test_what_is_no_quantity_of_ours_is_no_reading_and_not_refused(report: dict[str, Any]) -> None:
    message = event(report)
    assert (message.readings, message.refusals) == ((), ())


def test_an_event_that_was_declared_erroneous_adds_no_reading() -> None:
    message = event(warm(), errorDeclaration={"declarationTime": "2026-01-05T10:30:00Z", "reason": "did_not_occur"})
    assert message.readings == ()
    assert (message.status or {})["erroneous"] == "did_not_occur"
    assert "erroneous" in message.refusals[0].reason


def test_a_correction_under_the_same_event_id_is_another_message() -> None:
    assert event(warm()).key != event(warm(), errorDeclaration={"declarationTime": "2026-01-05T10:30:00Z"}).key


@pytest.mark.parametrize("step", ["sensor_reporting", "urn:epcglobal:cbv:bizstep:sensor_reporting", "shipping", None])
def test_a_moving_read_point_is_a_position_only_where_sensors_report(step: str | None) -> None:
    body = {**EPCIS_EVENT, "bizStep": step, "readPoint": {"id": "geo:48.1371,11.5754"}, "sensorElementList": None}
    [message] = decoded(body).messages
    assert [row.latitude_e7 for row in message.readings] == ([481_371_000] if step and "sensor" in step else [])


def test_parents_come_first_among_the_objects() -> None:
    quantities = [{"epcClass": "urn:epc:class:lgtin:4012345.011111.1234", "quantity": 52, "uom": "KGM"}]
    message = event(
        warm(), type="AggregationEvent", parentID="urn:epc:id:sscc:4012345.0111", childQuantityList=quantities
    )
    told = message.status or {}
    assert told["object"] == "urn:epc:id:sscc:4012345.0111"
    assert told["objects"] == ["urn:epc:id:sscc:4012345.0111", SSCC, "urn:epc:class:lgtin:4012345.011111.1234"]


def test_query_results_single_events_and_lists_are_read() -> None:
    results = {
        "type": "EPCISQueryDocument",
        "epcisBody": {"queryResults": {"resultsBody": {"eventList": [EPCIS_EVENT]}}},
    }
    for body in (results, EPCIS_EVENT, [EPCIS_EVENT]):
        assert Epcis().recognises(posted(body))
        [message] = decoded(body).messages
        assert message.readings[0].temperature_mc == 5100
