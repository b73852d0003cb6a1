"""From what a carrier understood to rows: strict numbers, sentinels, ranges, and where each value belongs."""

from decimal import Decimal
from typing import Any

import pytest

from coldchain.domain.message import Decoded
from sensors.carriers.sample import Head, Sample, Stamp, decoded

NOW = 1_767_607_200_000
MINUTE = 60_000


def made(*samples: Sample, **more: Any) -> Decoded:
    head = Head("LG-1", "7", "test@1", Stamp(NOW, "network", "now"), NOW + 500, **more)
    return decoded(head, samples, b"payload")


def test_each_channel_of_a_moment_is_a_row_and_the_battery_rides_on_the_internal_one() -> None:
    message = made(
        Sample({"temperature_c": 4.6}, "probe-1"),
        Sample({"temperature_c": "5.125", "humidity_pct": 51}, "internal"),
        Sample({"battery_v": Decimal("3.06")}, position=(48.1371, 11.5754)),
        seq=9,
    )
    probe, internal = message.readings
    assert (probe.channel, probe.temperature_mc, probe.battery_mv, probe.seq) == ("probe-1", 4600, None, 9)
    assert (internal.temperature_mc, internal.humidity_mpct, internal.battery_mv) == (5125, 51_000, 3060)
    assert (internal.latitude_e7, internal.longitude_e7, internal.time_source) == (481371000, 115754000, "network")
    assert message.clock == (NOW, "network")
    assert message.refusals == ()


def test_a_code_for_a_fault_is_a_fault_and_an_impossible_value_is_refused() -> None:
    message = made(
        Sample({"temperature_c": 327.67}, "probe-1"), Sample({"temperature_c": 500, "humidity_pct": 40}, "internal")
    )
    probe, internal = message.readings
    assert (probe.temperature_mc, probe.fault) == (None, "probe_open")
    assert (internal.temperature_mc, internal.humidity_mpct, internal.fault) == (None, 40_000, None)
    [refusal] = message.refusals
    assert (refusal.field, refusal.value, refusal.channel) == ("temperature_c", "500", "internal")


@pytest.mark.parametrize("odd", ["nan", "inf", "1_000", "４", "", True, float("inf"), float("nan"), [], 10**16])
def test_what_is_no_number_is_refused_and_named(odd: Any) -> None:
    message = made(Sample({"temperature_c": odd, "humidity_pct": 50}, "internal"))
    [row] = message.readings
    assert (row.temperature_mc, row.humidity_mpct) == (None, 50_000)
    assert message.refusals[0].field == "temperature_c"


def test_a_probe_that_measured_nothing_is_a_fault() -> None:
    [row] = made(Sample({"temperature_c": None}, "probe-1")).readings
    assert row.fault == "sensor_error"


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"temperature_c": 4.6, "humidity_pct": None, "pressure_hpa": None}, None),
        ({"temperature_c": None, "humidity_pct": 51}, "sensor_error"),
        ({"temperature_c": None, "humidity_pct": None, "battery_v": 3}, "sensor_error"),
        ({"humidity_pct": None, "pressure_hpa": 1000}, None),
    ],
)
def test_a_probe_without_a_sensor_for_humidity_is_sound_and_one_without_its_temperature_is_not(
    values: dict[str, Any], fault: str | None, together: bool
) -> None:
    parts = [values] if together else [{name: value} for name, value in values.items()]
    [row] = made(*(Sample(part, "probe-1") for part in parts)).readings
    assert row.fault == fault
    assert row.temperature_mc == (4600 if values.get("temperature_c") else None)


def test_a_status_alone_is_no_reading() -> None:
    message = made(Sample({"battery_pct": 87, "door_open": False}))
    assert message.readings == ()
    assert message.status == {"battery_pct": 87.0, "door_open": False}


def test_a_battery_of_a_moment_of_its_own_is_a_row_of_the_device() -> None:
    earlier = Stamp(NOW - MINUTE, "device", "a minute ago")
    message = made(Sample({"temperature_c": 5}, "internal"), Sample({"battery_pct": 98}, stamp=earlier))
    assert [(row.channel, row.battery_mpct) for row in message.readings] == [("internal", None), ("device", 98_000)]


def test_a_position_of_another_moment_is_a_row_of_the_device() -> None:
    earlier = Stamp(NOW - MINUTE, "device", "a minute ago")
    message = made(Sample({"temperature_c": 5}, "internal"), Sample(position=(48, 11), stamp=earlier))
    assert [(row.channel, row.event_time_ms, row.latitude_e7) for row in message.readings] == [
        ("internal", NOW, None),
        ("device", NOW - MINUTE, 480_000_000),
    ]


@pytest.mark.parametrize("nowhere", [(0, 0), (4294.9673, 4294.9673), (91, 5), ("here", 5)])
def test_a_position_that_is_no_place_is_refused_and_the_temperature_stays(nowhere: tuple[Any, Any]) -> None:
    message = made(Sample({"temperature_c": 5}, "internal", position=nowhere))
    assert [row.latitude_e7 for row in message.readings] == [None]
    assert [refusal.field for refusal in message.refusals] == ["position"]


def test_two_samples_of_one_channel_and_moment_are_one_row_and_may_not_contradict_each_other() -> None:
    message = made(
        Sample({"temperature_c": 5}, "internal"),
        Sample({"humidity_pct": 40}, "internal"),
        Sample({"temperature_c": 6}, "internal"),
    )
    [row] = message.readings
    assert (row.temperature_mc, row.humidity_mpct) == (5000, 40_000)
    assert "given twice" in message.refusals[0].reason


@pytest.mark.parametrize(("interval_ms", "minutes", "late"), [(None, 11, True), (None, 9, False), (MINUTE, 3, True)])
def test_a_stamp_well_before_the_servers_own_time_is_historical(
    interval_ms: int | None, minutes: int, late: bool
) -> None:
    stamp = Stamp(NOW - minutes * MINUTE, "device")
    [row] = made(Sample({"temperature_c": 5}, "internal", stamp=stamp), server_ms=NOW, interval_ms=interval_ms).readings
    assert row.historical is late


def test_the_battery_of_now_beside_stored_records_is_no_reading_of_now() -> None:
    earlier = Stamp(NOW - MINUTE, "device", "a minute ago")
    message = made(Sample({"temperature_c": 5}, "internal", stamp=earlier), Sample({"battery_pct": 87}))
    assert [(row.channel, row.event_time_ms, row.battery_mpct) for row in message.readings] == [
        ("internal", NOW - MINUTE, None)
    ]
    assert message.status == {"battery_pct": 87.0}
    placed = made(
        Sample({"temperature_c": 5}, "internal", stamp=earlier),
        Sample({"battery_pct": 87}),
        Sample(position=(48, 11)),
    )
    assert [(row.channel, row.battery_mpct) for row in placed.readings] == [("internal", None), ("device", 87_000)]
