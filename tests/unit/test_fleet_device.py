"""A simulated logger speaks the canonical payload, keeps what is not stored yet, and errs as real ones do."""

import json
from dataclasses import replace

from sensors.fleet.device import Device, bundle
from sensors.fleet.journey import Sample
from sensors.fleet.mishaps import Happening
from sensors.fleet.models import PARCEL, TRUCK
from sensors.fleet.route import Point

START = 1_767_268_800_000
BOTH = ("internal", "probe-1")


def sample(minute: int, celsius: float = 5.0, **changes) -> Sample:
    values = {
        "time_ms": START + minute * 60_000, "internal_c": celsius, "probe_c": celsius, "humidity_pct": 60.0,
        "door_open": False, "light_lux": 0.0, "point": Point(48.1, 11.5), "radio": True, "going_on": {},
    }  # fmt: skip
    return Sample(**(values | changes))


def logger(model=TRUCK, channels=BOTH) -> Device:
    device = Device("LG-0042", model, channels, seed=1)
    device.switch_on(START)
    return device


def down(boot: int, seq: int, resend=()) -> bytes:
    return json.dumps({"v": 1, "committed_through": {"boot": boot, "seq": seq}, "resend": list(resend)}).encode()


def test_a_message_has_every_part_of_the_canonical_payload() -> None:
    device = logger()
    assert device.take(sample(5, 4.62))
    message = json.loads(device.memory[0].payload)
    assert message["v"] == 1
    assert (message["device"], message["boot"], message["seq"]) == ("LG-0042", 1, 0)
    assert message["oldest"] == {"boot": 1, "seq": 0}
    assert [r.get("channel", "internal") for r in message["readings"]] == list(BOTH)
    assert all(r["ts"] == "2026-01-01T12:05:00Z" for r in message["readings"])
    assert abs(message["readings"][0]["values"]["temperature_c"] - 4.62) < 0.4
    assert message["position"]["source"] == "gnss"
    assert 80 < message["battery"]["pct"] <= 100
    assert message["state"] == {"door_open": False, "light_lux": 0}


def test_boots_number_messages_from_zero_and_grow() -> None:
    device = logger()
    for minute in range(3):
        device.take(sample(minute))
    device.switch_on(START + 3_600_000)
    device.take(sample(60))
    assert [(kept.boot, kept.seq) for kept in device.memory] == [(1, 0), (1, 1), (1, 2), (2, 0)]


def test_what_the_watermark_covers_is_forgotten_and_nothing_else() -> None:
    device = logger()
    for minute in range(5):
        device.take(sample(minute))
    assert device.heard(down(1, 2)) == []
    assert [kept.seq for kept in device.memory] == [3, 4]
    device.take(sample(6))
    assert json.loads(device.memory[-1].payload)["oldest"] == {"boot": 1, "seq": 3}


def test_a_requested_range_is_sent_again_byte_for_byte() -> None:
    device = logger()
    for minute in range(6):
        device.take(sample(minute))
    before = {kept.seq: kept.payload for kept in device.memory}
    asked = device.heard(down(1, 1, [{"boot": 1, "from": 3, "to": 4}]))
    assert [(kept.seq, kept.payload) for kept in asked] == [(3, before[3]), (4, before[4])]


def test_what_is_no_down_message_changes_nothing() -> None:
    device = logger()
    device.take(sample(0))
    for payload in (b"", b"{", b"[]", b'{"committed_through":{"boot":"x","seq":1}}', b"\xff\xfe"):
        assert device.heard(payload) == []
    assert len(device.memory) == 1


def test_a_watermark_beyond_what_was_ever_sent_is_not_believed() -> None:
    device = logger()
    for minute in range(3):
        device.take(sample(minute))
    for boot, seq in ((1, 3), (2, 0), (900, 5)):
        assert device.heard(down(boot, seq, [{"boot": 1, "from": 0, "to": 2}])) == []
    assert [kept.seq for kept in device.memory] == [0, 1, 2]


def test_a_full_memory_loses_its_oldest_message_and_says_so() -> None:
    device = logger(replace(TRUCK, memory=4))
    for minute in range(10):
        device.take(sample(minute))
    assert [kept.seq for kept in device.memory] == [6, 7, 8, 9]
    assert device.lost == 6
    assert json.loads(device.memory[-1].payload)["oldest"] == {"boot": 1, "seq": 6}


def test_several_samples_share_a_message_if_the_model_says_so() -> None:
    device = logger(replace(TRUCK, samples_per_message=3))
    assert [device.take(sample(minute)) for minute in range(6)] == [False, False, True, False, False, True]
    assert len(json.loads(device.memory[0].payload)["readings"]) == 6


def test_an_open_probe_measures_nothing_and_the_other_channel_goes_on() -> None:
    device = logger()
    broken = {"probe_fault": Happening("probe_fault", START, START + 1)}
    device.take(sample(0, going_on=broken))
    internal, probe = json.loads(device.memory[0].payload)["readings"]
    assert probe["values"] == {"temperature_c": None}
    assert probe["fault"] == "probe_open"
    assert internal["values"]["temperature_c"] is not None


def test_after_a_brown_out_the_clock_counts_from_1970_until_it_is_set() -> None:
    device = logger()
    device.take(sample(0))
    device.lose_power(START + 600_000)
    device.take(sample(15))
    device.synchronise(START + 1_200_000)
    device.take(sample(25))
    stamps = [json.loads(kept.payload)["readings"][0]["ts"] for kept in device.memory]
    assert stamps == ["2026-01-01T12:00:00Z", "1970-01-01T00:05:00Z", "2026-01-01T12:25:00Z"]
    assert [(kept.boot, kept.seq) for kept in device.memory] == [(1, 0), (2, 0), (2, 1)]


def test_a_clock_drifts_by_seconds_in_a_week_not_by_minutes() -> None:
    device = logger(replace(TRUCK, drift_ppm=12.0))
    week_ms = 7 * 86_400_000
    drift_ms = device.clock_ms(START + week_ms) - (START + week_ms)
    assert 1_000 <= abs(drift_ms) <= 30_000


def test_the_battery_falls_faster_in_the_cold() -> None:
    warm, cold = logger(), logger()
    for hour in range(24 * 20):
        warm.take(sample(hour * 60, 20.0))
        cold.take(sample(hour * 60, -20.0))
    last = [json.loads(device.memory[-1].payload)["battery"]["pct"] for device in (warm, cold)]
    assert 75 < last[0] < 95
    assert last[1] < last[0] - 5


def test_values_have_the_resolution_of_the_model() -> None:
    device = logger(PARCEL, ("internal",))
    for minute in range(40):
        device.take(sample(minute, 5.0 + minute / 37))
    readings = [json.loads(kept.payload)["readings"][0]["values"]["temperature_c"] for kept in device.memory]
    assert all(round(value, 1) == value for value in readings)
    assert len(set(readings)) > 5


def test_without_sky_there_is_no_position() -> None:
    device = logger()
    device.take(sample(0, point=None))
    assert "position" not in json.loads(device.memory[0].payload)


def test_a_bundle_is_an_array_whose_elements_are_the_messages_themselves() -> None:
    device = logger()
    for minute in range(3):
        device.take(sample(minute))
    together = bundle(device.memory)
    assert json.loads(together) == [json.loads(kept.payload) for kept in device.memory]
    assert all(kept.payload in together for kept in device.memory)
    assert bundle(device.memory[:1]) == device.memory[0].payload
