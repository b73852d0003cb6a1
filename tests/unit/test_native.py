"""What the native carrier believes, what it refuses by name, and what rides on which row."""

import json
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.domain.quantity import ms_from_iso
from coldchain.domain.reading import Reading, shard_of
from sensors.carriers.native import NAME, Native, _thorough, decode
from sensors.carriers.native_plain import plain

ARRIVAL = ms_from_iso("2026-01-05T10:00:01Z")
TEN = "2026-01-05T10:00:00Z"


def message(**changed: Any) -> dict[str, Any]:
    """A message of one good reading, with `changed` in place of its fields (None: leave out)."""
    whole = {
        "v": 1,
        "device": "LG-0042",
        "boot": 7,
        "seq": 1893,
        "readings": [{"ts": TEN, "values": {"temperature_c": 4.62, "humidity_pct": 51.0}}],
    }
    return {name: value for name, value in {**whole, **changed}.items() if value is not None}


def envelope(payload: Any, topic: str = "cc/LG-0042/up", user: str | None = None) -> Envelope:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Envelope("mqtt", topic, data, ARRIVAL, qos=1, user=user)


def one(payload: Any) -> Decoded:
    [decoded] = decode(envelope(payload))
    return decoded


def with_temperature(text: str) -> bytes:
    return json.dumps(message()).replace("4.62", text).encode()


def reason(arrival: Arrival) -> str:
    refusals = [arrival.refusal] if arrival.refusal else [r for m in arrival.messages for r in m.refusals]
    [refusal] = refusals
    assert refusal is not None
    return refusal.reason


def test_a_message_becomes_integers_with_the_devices_own_time() -> None:
    decoded = one(message(oldest={"boot": 7, "seq": 1800}, interval_s=300))
    assert decoded.readings == (
        Reading(
            "LG-0042", "internal", ms_from_iso(TEN), ARRIVAL, "device", TEN, 7, 1893, temperature_mc=4620,
            humidity_mpct=51000,
        ),
    )  # fmt: skip
    assert (decoded.key, decoded.boot, decoded.seq) == ("7:1893", 7, 1893)
    assert (decoded.oldest, decoded.interval_ms, decoded.refusals) == ((7, 1800), 300_000, ())


@pytest.mark.parametrize(
    ("received", "stored"),
    [
        ("4.6225", 4622),
        ("4.6235", 4624),
        ("8.0005", 8000),
        ("8.00050000000000000000001", 8001),
        ("-0.0625", -62),
        ("4620e-3", 4620),
        ("8", 8000),
    ],
)
def test_the_received_decimal_text_decides_to_which_thousandth_a_value_rounds(received: str, stored: int) -> None:
    assert one(with_temperature(received)).readings[0].temperature_mc == stored


@given(st.decimals(min_value=-200, max_value=150, places=6))
def test_every_number_rounds_as_its_decimal_text_does(number: Decimal) -> None:
    expected = int((number * 1000).to_integral_value(ROUND_HALF_EVEN))
    [reading] = one(with_temperature(f"{number:f}")).readings
    if reading.fault is None:
        assert reading.temperature_mc == expected


@pytest.mark.parametrize("bad", ["NaN", "-Infinity", "1e999", "9" * 5000, '"4.6"', "true", "[4.6]", "999", "-201"])
def test_an_impossible_value_is_refused_by_name_and_the_rest_of_its_reading_stays(bad: str) -> None:
    decoded = one(with_temperature(bad))
    [refusal] = decoded.refusals
    assert (refusal.field, refusal.channel, refusal.event_time_ms) == ("temperature_c", "internal", ms_from_iso(TEN))
    assert refusal.value is not None
    assert refusal.value.strip('"…') in bad.strip('"')
    assert refusal.value in refusal.reason
    assert [(r.temperature_mc, r.humidity_mpct) for r in decoded.readings] == [(None, 51000)]


def test_a_key_that_stands_twice_is_refused_instead_of_resolved() -> None:
    decoded = one(with_temperature('4.62,"temperature_c":5.0'))
    assert "twice" in decoded.refusals[0].reason
    assert decoded.readings[0].temperature_mc is None


def test_a_number_repeated_under_another_spacing_is_found_too() -> None:
    decoded = one(with_temperature('4.62,"temperature_c" : 5.0'))
    assert "twice" in decoded.refusals[0].reason


@pytest.mark.parametrize(
    ("code", "fault"), [("327.67", "probe_open"), ("-327.68", "probe_open"), ("-127", "sensor_error")]
)
def test_a_sentinel_is_a_fault_and_no_temperature(code: str, fault: str) -> None:
    decoded = one(with_temperature(code))
    assert [(r.temperature_mc, r.fault) for r in decoded.readings] == [(None, fault)]
    assert decoded.refusals == ()


def test_null_with_a_fault_keeps_the_moment_and_the_fault() -> None:
    decoded = one(
        message(readings=[{"ts": TEN, "channel": "probe-1", "values": {"temperature_c": None}, "fault": "probe_open"}])
    )
    assert [(r.channel, r.temperature_mc, r.fault) for r in decoded.readings] == [("probe-1", None, "probe_open")]


def test_null_without_a_fault_is_a_sensor_error() -> None:
    assert one(message(readings=[{"ts": TEN, "values": {"temperature_c": None}}])).readings[0].fault == "sensor_error"


def test_one_bad_reading_does_not_lose_the_good_ones() -> None:
    good = {"ts": TEN, "values": {"temperature_c": 5}}
    bad: list[Any] = [
        {"ts": "2026-01-05 10:00", "values": {"temperature_c": 5}},
        {"ts": TEN, "values": {"temperature_f": 41}},
        {"ts": TEN, "values": {"temperature_c": None}, "fault": "melted"},
        {"ts": TEN, "channel": "a\x00b", "values": {"temperature_c": 5}},
        {"ts": TEN, "historical": "yes", "values": {"temperature_c": 5}},
        17,
    ]
    decoded = one(message(readings=[good, *bad]))
    assert [r.temperature_mc for r in decoded.readings] == [5000]
    assert [r.field for r in decoded.refusals] == ["ts", "values", "fault", "channel", "historical", "readings[6]"]
    assert "2026-01-05 10:00" in decoded.refusals[0].reason


def test_a_batch_loses_neither_the_bytes_nor_the_neighbours_of_its_bad_message() -> None:
    first, last = json.dumps(message(seq=1)), json.dumps(message(seq=3))
    broken = json.dumps(message(seq=2)).replace("4.62", "NaN")
    decoded = decode(envelope(f"[ {first},{broken} ,\n{last} ]".encode()))
    assert [m.payload.decode() for m in decoded] == [first, broken, last]
    assert [r.temperature_mc for m in decoded for r in m.readings] == [4620, None, 4620]


def test_a_batch_that_breaks_off_keeps_what_came_whole() -> None:
    first = json.dumps(message(seq=1))
    decoded = decode(envelope(f'[{first},{{"v":1,"dev'.encode()))
    assert [len(m.readings) for m in decoded] == [1, 0]
    assert decoded[1].payload == b'{"v":1,"dev'
    assert decoded[1].refusals


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[",
        b"[]",
        b"{}",
        b"null",
        b"17",
        b"\xff\xfe",
        b'{"device":"\xff"}',
        b"[" * 60_000,
        b'{"a":' * 9000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_message_is_refused_with_its_bytes(payload: bytes) -> None:
    arrival = Native().decode(envelope(payload))
    assert reason(arrival)
    assert arrival.envelope.payload == payload


@pytest.mark.parametrize("field", ["boot", "seq"])
@pytest.mark.parametrize("bad", [-1, 1.5, "7", True, 2**53, 10**40])
def test_a_number_that_cannot_count_messages_refuses_the_message(field: str, bad: Any) -> None:
    decoded = one(message(**{field: bad}))
    assert (decoded.readings, decoded.refusals[0].field) == ((), field)


@pytest.mark.parametrize("version", [2, "1", True, 1.5])
def test_a_message_of_another_version_is_refused_whole_and_its_number_still_counts(version: Any) -> None:
    decoded = one(message(v=version))
    assert (decoded.readings, decoded.refusals[0].field) == ((), "v")
    assert (decoded.key, decoded.boot, decoded.seq) == ("7:1893", 7, 1893)


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("oldest", {"boot": 7, "seq": 1894}),
        ("oldest", {"boot": 8, "seq": 0}),
        ("oldest", {"boot": 7}),
        ("oldest", [7, 1]),
        ("interval_s", -300),
        ("interval_s", "300"),
        ("historical", "yes"),
        ("device_alarm", "x" * 65),
    ],
)
def test_a_declaration_that_cannot_be_true_is_refused_by_name_and_the_readings_stay(field: str, bad: Any) -> None:
    decoded = one(message(**{field: bad}))
    assert [reading.temperature_mc for reading in decoded.readings] == [4620]
    assert len(decoded.refusals) == 1
    assert field in decoded.refusals[0].reason
    assert (decoded.key, decoded.oldest, decoded.interval_ms) == ("7:1893", None, None)


def test_a_message_without_numbers_has_no_key() -> None:
    assert one(message(boot=None)).key == ""


def test_more_than_a_thousand_readings_are_refused() -> None:
    decoded = one(message(readings=[{"ts": TEN, "values": {"temperature_c": 5}}] * 1001))
    assert "1001" in decoded.refusals[0].reason


def test_battery_and_door_ride_on_the_newest_internal_reading() -> None:
    readings = [
        {"ts": TEN, "channel": "probe-1", "values": {"temperature_c": 5}},
        {"ts": "2026-01-05T09:50:00Z", "values": {"temperature_c": 6}},
        {"ts": "2026-01-05T09:55:00Z", "values": {"temperature_c": 7}},
    ]
    decoded = one(message(readings=readings, battery={"pct": 87}, state={"door_open": False, "light_lux": 0}))
    assert [(r.battery_mpct, r.door_open, r.light_mlux) for r in decoded.readings] == [
        (None, None, None), (None, None, None), (87000, False, 0),
    ]  # fmt: skip


def test_without_an_internal_channel_they_ride_on_the_first_one() -> None:
    readings = [{"ts": TEN, "channel": name, "values": {"temperature_c": 5}} for name in ("b", "a")]
    decoded = one(message(readings=readings, battery={"v": 3.6}))
    assert [(r.channel, r.battery_mv) for r in decoded.readings] == [("b", 3600), ("a", None)]


def test_a_position_of_the_same_time_rides_and_one_of_its_own_time_is_a_row_of_the_device() -> None:
    place = {"lat": 48.1371, "lon": 11.5754}
    same = one(message(position={**place, "ts": TEN}))
    assert [(r.channel, r.latitude_e7, r.longitude_e7) for r in same.readings] == [("internal", 481371000, 115754000)]
    own = one(message(position={**place, "ts": "2026-01-05T09:59:40Z"}))
    assert [(r.channel, r.latitude_e7, r.event_time_ms) for r in own.readings] == [
        ("internal", None, ms_from_iso(TEN)), ("device", 481371000, ms_from_iso("2026-01-05T09:59:40Z")),
    ]  # fmt: skip


def test_a_position_alone_is_a_reading_and_a_status_alone_is_none() -> None:
    position = one(message(readings=None, position={"lat": 1, "lon": 2, "ts": TEN}, battery={"pct": 50}))
    assert [(r.channel, r.latitude_e7, r.battery_mpct) for r in position.readings] == [("device", 10_000_000, 50000)]
    status = one(message(readings=None, battery={"pct": 50}, state={"door_open": True}))
    assert (status.readings, status.refusals) == ((), ())
    assert status.status == {"battery_pct": 50.0, "door_open": True}


@pytest.mark.parametrize(
    "place", [{"lat": 0, "lon": 0}, {"lat": -171.13, "lon": 4}, {"lat": 4294.9673, "lon": 4294.9673}]
)
def test_a_position_that_is_none_is_refused_and_the_temperature_stays(place: dict[str, float]) -> None:
    decoded = one(message(position=place))
    assert [(r.temperature_mc, r.latitude_e7) for r in decoded.readings] == [(4620, None)]
    assert decoded.refusals[0].field == "position"


def test_the_place_of_a_gateway_is_not_the_place_of_the_logger() -> None:
    decoded = one(message(position={"lat": 48, "lon": 11, "source": "gateway"}))
    assert [r.latitude_e7 for r in decoded.readings] == [None]


def test_what_the_device_says_of_history_and_alarm_is_kept() -> None:
    decoded = one(message(historical=True, device_alarm="HI", readings=[{"ts": TEN, "values": {"temperature_c": 9}}]))
    assert [(r.historical, r.device_alarm) for r in decoded.readings] == [(True, "HI")]


NAMES = ["LG-0042", "LG-0043"]


@pytest.mark.parametrize("payload_id", NAMES)
@pytest.mark.parametrize("user", [*NAMES, None])
@pytest.mark.parametrize("topic_id", NAMES)
def test_a_logger_speaks_for_itself_only(topic_id: str, user: str | None, payload_id: str) -> None:
    arrival = Native().decode(envelope(message(device=payload_id), f"cc/{topic_id}/up", user))
    stored = [r.logger for m in arrival.messages for r in m.readings]
    if payload_id == topic_id and user in (topic_id, None):
        assert stored == [topic_id]
    else:
        assert stored == []
        assert (topic_id if user in (topic_id, None) else user) in reason(arrival)


def test_one_spelling_of_an_address_speaks_for_another() -> None:
    arrival = Native().decode(envelope(message(device="aa:bb:cc:dd:ee:ff"), "cc/AABBCCDDEEFF/up", "aa-bb-cc-dd-ee-ff"))
    assert [r.logger for m in arrival.messages for r in m.readings] == ["AABBCCDDEEFF"]


def test_the_wrong_shard_is_told_the_right_topic_and_still_counts_as_committed() -> None:
    right = shard_of("LG-0042")
    [good] = decode(envelope(message(), f"cc/v1/main/{right}/LG-0042/up"))
    assert len(good.readings) == 1
    [bad] = decode(envelope(message(), f"cc/v1/main/{right + 1}/LG-0042/up"))
    assert (bad.readings, bad.key) == ((), "7:1893")
    assert f"cc/v1/main/{right}/LG-0042/up" in bad.refusals[0].reason


@pytest.mark.parametrize(
    "topic", ["cc/v1/other/1/LG-0042/up", "cc/LG-0042/down", "cc/a/b/c/up", "cc//up", "cc/\x00/up"]
)
def test_a_topic_that_is_not_ours_is_refused_whole(topic: str) -> None:
    arrival = Native().decode(envelope(message(), topic))
    assert arrival.refusal is not None
    assert arrival.refusal.field == "topic"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(message())) | st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=300)
@given(JSON)
def test_any_json_is_answered_and_never_raises(tree: Any) -> None:
    arrival = Native().decode(envelope(json.dumps(tree).encode()))
    assert arrival.refusal or all(m.readings or m.refusals or m.status is not None for m in arrival.messages)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_answered_and_never_raise(payload: bytes) -> None:
    arrival = Native().decode(envelope(payload))
    assert arrival.refusal or all(m.refusals for m in arrival.messages)


MAYBE = st.sampled_from
SOME_TIME = MAYBE(
    [TEN, "2026-01-05T10:00:00+01:00", "2026-01-05T23:59:60Z", "2026-02-30T10:00:00Z", "2026-01-05T24:00:00Z"]
)
SOME_NUMBER = st.floats(-300, 300).map(lambda n: round(n, 4)) | MAYBE(
    [-127, 327.67, 0, 150, "4.6", None, 1e300, 0.0625]
)
ORDINARY = st.fixed_dictionaries(
    {
        "device": MAYBE(["LG-0042", "LG-0042", "LG-0042", "lg-0042"]),
        "boot": MAYBE([0, 7, 2**53 - 1, 2**53, 7.0, True]),
        "seq": st.integers(0, 10**6),
        "readings": st.lists(
            st.fixed_dictionaries(
                {
                    "ts": SOME_TIME,
                    "values": st.fixed_dictionaries(
                        {"temperature_c": SOME_NUMBER}, optional={"humidity_pct": SOME_NUMBER}
                    ),
                },
                optional={
                    "channel": MAYBE(["internal", "probe-1", "e\u0301", "", "x" * 65, "a\n"]),
                    "fault": MAYBE(["probe_open"]),
                },
            ),
            max_size=3,
        ),
    },
    optional={
        "v": MAYBE([1, 1, 2, True, 1.0]),
        "oldest": MAYBE([{"boot": 1, "seq": 2}, {"boot": 1}]),
        "battery": MAYBE([{"pct": 87}, {"v": 3.6, "pct": 50.5}, {"pct": 101}, {}, {"pct": None}]),
        "position": MAYBE(
            [{"lat": 48.1, "lon": 11.5, "ts": TEN}, {"lat": 48.1, "lon": 11.5}, {"lat": 0, "lon": 0, "ts": TEN}]
        ),
        "historical": MAYBE([True]),
    },
)


@settings(max_examples=1500)
@given(ORDINARY, st.sampled_from([(",", ":"), (", ", ": "), (", ", " : ")]))
def test_the_quick_reader_reads_what_the_thorough_one_reads(tree: dict[str, Any], separators: tuple[str, str]) -> None:
    payload = json.dumps(tree, separators=separators).encode()
    quickly = plain(payload, envelope(payload), "LG-0042", NAME)
    assert quickly is None or quickly == _thorough(payload, envelope(payload), "LG-0042")


def test_the_ordinary_message_takes_the_quick_road() -> None:
    for more in (
        {},
        {"battery": {"pct": 87}},
        {"position": {"lat": 48.1371, "lon": 11.5754, "ts": TEN}},
        {"oldest": {"boot": 1, "seq": 2}},
    ):
        payload = json.dumps(message(**more)).encode()
        assert plain(payload, envelope(payload), "LG-0042", NAME) is not None
