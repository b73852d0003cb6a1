"""What a device profile makes of a message: units, sentinels, faults, families, records, positions; never a guess."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coldchain.domain.message import Decoded
from coldchain.domain.reading import reading_json
from sensors.device_profiles.examples import decode_alone
from sensors.device_profiles.format import parse
from sensors.device_profiles.read import MOST_RECORDS, channels_of

HEAD = 'id = "x"\nname = "X"\n'
VALUES = (
    "temperature_c", "humidity_pct", "battery_pct", "battery_v", "light_lux", "door_open", "shock_g", "pressure_hpa",
    "latitude", "longitude", "fault", "device_alarm",
)  # fmt: skip


def message(profile: str, tree: Any, zone: str | None = None) -> Decoded:
    return decode_alone(parse(HEAD + profile), tree, zone=None if zone is None else ZoneInfo(zone))


def rows(profile: str, tree: Any, zone: str | None = None) -> dict[str, dict[str, Any]]:
    """By channel, what came out."""
    found = [reading_json(reading) for reading in message(profile, tree, zone).readings]
    return {row["channel"]: {name: row[name] for name in VALUES if name in row} for row in found}


def refusals(profile: str, tree: Any) -> list[str]:
    return [refusal.reason for refusal in message(profile, tree).refusals]


T = 'channels.internal.temperature_c = { path = "t", %s }'


@pytest.mark.parametrize(
    ("how", "sent", "celsius"),
    [
        ("", 4.62, 4.62),
        ("", "4.62", 4.62),
        ("", " 4.62 ", 4.62),
        ("", Decimal("4.6205"), 4.62),
        ('unit = "C"', 4, 4.0),
        ('unit = "F"', 41, 5.0),
        ('unit = "F"', "40.28", 4.6),
        ('unit = "K"', 277.77, 4.62),
        ('unit = "mC"', 4620, 4.62),
        ("scale = 0.01", 462, 4.62),
        ("scale = 0.1, offset = -40", 446, 4.6),
        ("scale = 0.1", "46.5", 4.65),
    ],
)
def test_a_value_is_scaled_and_converted_as_declared_in_decimals(how: str, sent: object, celsius: float) -> None:
    assert rows(T % how if how else 'channels.internal.temperature_c = "t"', {"t": sent}) == {
        "internal": {"temperature_c": celsius}
    }


@pytest.mark.parametrize("sent", ["1_000", "４", "inf", "0x10", "4,6", "1e999", True, [4], {"v": 4}, float("inf")])
def test_what_is_no_plain_number_is_refused_with_its_field_and_value(sent: object) -> None:
    for how in ("scale = 1", 'nothing = "absent"'):
        assert rows(T % how, {"t": sent}) == {}
        [reason] = refusals(T % how, {"t": sent})
        assert reason.startswith(("t ", "temperature_c "))


@pytest.mark.parametrize("sent", [None, "", "null", "NaN", "--.-", "n/a"])
def test_a_probe_that_measured_nothing_is_at_fault_unless_the_profile_says_what_nothing_means(sent: object) -> None:
    plain = 'channels.internal.temperature_c = "t"\n'
    assert rows(plain, {"t": sent}) == {"internal": {"fault": "sensor_error"}}
    assert rows(T % 'nothing = "absent"', {"t": sent}) == {}
    assert rows(T % 'nothing = "probe_open"', {"t": sent}) == {"internal": {"fault": "probe_open"}}


def test_a_missing_field_says_nothing_unless_the_profile_says_it_does() -> None:
    assert rows('channels.internal.temperature_c = "t"\nbattery_v = "b"', {"b": 3.1}) == {}
    text = T % 'missing = "probe_open"' + '\nbattery_v = "b"'
    assert rows(text, {"b": 3.1}) == {"internal": {"fault": "probe_open", "battery_v": 3.1}}
    assert message(text, {"q": 1}).undecoded


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        (327.67, {"fault": "probe_open"}),
        ("327.67", {"fault": "probe_open"}),
        ("327.670", {"fault": "probe_open"}),
        (-1, {"fault": "not_ready"}),
        ("ERR", {"fault": "sensor_error"}),
        ("err", {"fault": "sensor_error"}),
        (0, {"temperature_c": 0.0}),
        ("0.00", {}),
        ("0.0", {"temperature_c": 0.0}),
    ],
)
def test_a_sentinel_stands_for_what_the_profile_says(sent: object, what: dict[str, Any]) -> None:
    marks = 'sentinels = { probe_open = [327.67], not_ready = [-1], sensor_error = ["ERR"], absent = ["0.00"] }'
    assert rows(T % marks, {"t": sent}) == ({"internal": what} if what else {})


def test_a_list_of_sentinels_means_the_fault_that_stands_beside_it() -> None:
    assert rows(T % 'sentinels = [3000], fault = "probe_open", scale = 0.01', {"t": 3000}) == {
        "internal": {"fault": "probe_open"}
    }


def test_codes_that_every_sensor_uses_are_faults_without_being_named() -> None:
    plain = 'channels.probe-1.temperature_c = "t"\n'
    assert rows(plain, {"t": 327.67}) == {"probe-1": {"fault": "probe_open"}}
    assert rows(plain + "range.temperature_c = [-55, 125]", {"t": -127}) == {"probe-1": {"fault": "sensor_error"}}
    assert rows(plain + "range.temperature_c = [-196, 50]", {"t": -127}) == {"probe-1": {"temperature_c": -127.0}}


@pytest.mark.parametrize("sent", [4, 4.6, 4.6205, 4.62049999, 0.0005, 125, 125.0004, 125.0006, -55.0005, 327.67, 85.0])
@pytest.mark.parametrize("how", ['unit = "C"', "range = [-55, 125]", "sentinels = [327.67, 85]", 'fault_when = "bad"'])
def test_a_number_means_the_same_whether_sent_as_a_number_or_as_its_text(sent: float, how: str) -> None:
    profile = T % how
    assert rows(profile, {"t": sent}) == rows(profile, {"t": str(sent)})
    assert len(refusals(profile, {"t": sent})) == len(refusals(profile, {"t": str(sent)}))


def test_what_the_sensor_cannot_measure_is_refused_and_the_rest_stays() -> None:
    text = (
        'channels.internal.temperature_c = "t"\nchannels.internal.humidity_pct = "h"\nrange.temperature_c = [-40, 85]'
    )
    assert rows(text, {"t": 85.001, "h": 50}) == {"internal": {"humidity_pct": 50.0}}
    [reason] = refusals(text, {"t": 85.001, "h": 50})
    assert "85.001 is outside what such a sensor can measure, -40 to 85 °C" in reason
    assert rows(T % "range = [-40, 85]", {"t": 85}) == {"internal": {"temperature_c": 85.0}}
    [reason] = refusals(T % "range = [-40, 85]", {"t": "90"})
    assert "t 90 is outside" in reason


def test_a_unit_that_the_message_says_counts_and_none_is_guessed() -> None:
    text = T % 'unit = { path = "u" }'
    assert rows(text, {"t": 41, "u": "°F"}) == {"internal": {"temperature_c": 5.0}}
    assert rows(text, {"t": 5, "u": "Cel"}) == {"internal": {"temperature_c": 5.0}}
    assert rows(text, {"t": 41}) == {}
    [reason] = refusals(text, {"t": 41, "u": "R"})
    assert "none is guessed" in reason


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("collection failure", {"fault": "sensor_error"}),
        ("OUT OF RANGE", {"fault": "out_of_range"}),
        ("normal", {"temperature_c": 5.0}),
    ],
)
def test_another_field_may_tell_of_a_fault(said: str, what: dict[str, Any]) -> None:
    words = (
        'fault_when = { path = "e", is = { sensor_error = ["collection failure"], out_of_range = ["out of range"] } }'
    )
    assert rows(T % words, {"t": 5, "e": said}) == {"internal": what}
    if "fault" in what:
        assert rows(T % words, {"e": said}) == {"internal": what}


@pytest.mark.parametrize(
    ("said", "bad"), [(True, True), ("low", True), (3, True), (0, False), ("ok", False), ("", False)]
)
def test_without_words_anything_but_nothing_tells_of_a_fault(said: object, bad: bool) -> None:
    found = rows(T % 'fault_when = "e", fault = "not_ready"', {"t": 5, "e": said})
    assert found == {"internal": {"fault": "not_ready"} if bad else {"temperature_c": 5.0}}


def test_battery_words_and_codes_are_no_percentage_and_no_fault() -> None:
    text = (
        'battery_pct = { path = "b", sentinels = { absent = ["CHARGING", 101, 255] } }\n'
        'battery_v = { path = "v", unit = "mV" }\nchannels.internal.temperature_c = "t"'
    )
    for code in ("CHARGING", "charging", 101, 255, "255"):
        assert rows(text, {"t": 5, "b": code, "v": 3426}) == {"internal": {"temperature_c": 5.0, "battery_v": 3.426}}
    assert rows(text, {"t": 5, "b": 87}) == {"internal": {"temperature_c": 5.0, "battery_pct": 87.0}}


@pytest.mark.parametrize(
    ("said", "door"), [("open", True), ("closed", False), (True, True), (False, False), (1, True), (0, False)]
)
def test_a_door_is_open_or_closed_in_the_words_of_the_profile(said: object, door: bool) -> None:
    text = 'channels.internal.temperature_c = "t"\ndoor_open = "d"'
    assert rows(text, {"t": 5, "d": said}) == {"internal": {"temperature_c": 5.0, "door_open": door}}


def test_a_word_for_the_door_that_nobody_named_is_refused_and_null_says_nothing() -> None:
    text = 'channels.internal.temperature_c = "t"\ndoor_open = { path = "d", open = ["auf"], closed = ["zu"] }'
    assert rows(text, {"t": 5, "d": "auf"})["internal"]["door_open"] is True
    assert "d ajar is no state of the door" in refusals(text, {"t": 5, "d": "ajar"})[0]
    assert refusals(text, {"t": 5, "d": None}) == []


def test_the_loggers_own_alarm_is_kept_and_its_words_for_none_are_not() -> None:
    text = 'channels.internal.temperature_c = "t"\ndevice_alarm = { path = "a", none = ["cleared"] }'
    assert rows(text, {"t": 9, "a": "high"})["internal"]["device_alarm"] == "high"
    assert rows(text, {"t": 9, "a": True})["internal"]["device_alarm"] == "a"
    for quiet in ("cleared", "normal", False, None, ""):
        assert "device_alarm" not in rows(text, {"t": 9, "a": quiet})["internal"]


def test_a_family_of_channels_takes_what_is_there() -> None:
    text = 'channels."probe-{n}".numbers = [0, 9]\nchannels."probe-{n}".temperature_c = \'"temp#{n}"\''
    assert rows(text, {"temp#0": 1, "temp#7": 7.5}) == {
        "probe-0": {"temperature_c": 1.0}, "probe-7": {"temperature_c": 7.5},
    }  # fmt: skip
    assert len([*channels_of(parse(HEAD + text))]) == 10


def test_stored_records_have_their_own_times_and_a_bad_one_does_not_cost_the_others() -> None:
    text = """
records = [{ path = "history[]", historical = true, time = { path = "ts", format = "unix_s" } }]
channels.internal.temperature_c = "t"
range.temperature_c = [-40, 85]
"""
    tree = {
        "t": 4,
        "history": [{"ts": 1767600000, "t": 5}, {"t": 6}, {"ts": "x", "t": 7}, {"ts": 1767600600, "t": 999}],
    }
    made = message(text, tree)
    assert [(r.temperature_mc, r.historical, r.time_source) for r in made.readings] == [
        (4000, False, "arrival"), (5000, True, "device"),
    ]  # fmt: skip
    assert [refusal.reason.split(" ")[0] for refusal in made.refusals][:2] == ["history[1].ts", "history[2].ts"]
    assert len(made.refusals) == 3


def test_records_may_have_other_names_than_the_message() -> None:
    text = """
channels.internal.temperature_c = "temperature"
[[records]]
path = "log"
time = { path = "at" }
channels.internal.temperature_c = "t"
channels.probe-1.temperature_c = "p"
"""
    made = message(text, {"temperature": 4, "log": [{"at": "2026-01-05T09:00:00Z", "t": 5, "p": 6}]})
    assert [(r.channel, r.temperature_mc) for r in made.readings] == [
        ("internal", 4000), ("internal", 5000), ("probe-1", 6000),
    ]  # fmt: skip


def test_a_list_of_named_values_becomes_one_row_for_each_moment() -> None:
    text = """
records = [{ path = "data[]", name = "variable", value = "value", time = { path = "date" } }]
battery_v = "battery"
channels.internal.temperature_c = { path = "temperature", missing = "probe_open" }
channels.internal.humidity_pct = "humidity"
"""
    at, later = "2026-01-05T09:00:00.000Z", "2026-01-05T09:10:00.000Z"
    made = message(text, {"data": [
        {"variable": "temperature", "value": 5, "date": at}, {"variable": "humidity", "value": "40", "date": at},
        {"variable": "battery", "value": 3.6, "date": later}, {"variable": "unknown", "value": 1, "date": at},
        {"variable": 5, "value": 1, "date": at}, 17,
    ]})  # fmt: skip
    found = [
        row for row in map(reading_json, made.readings) if row["channel"] == "internal" and row["event_time"] == at
    ]
    assert [(row["temperature_c"], row["humidity_pct"]) for row in found] == [(5.0, 40.0)]


def test_more_records_than_a_message_may_have_are_counted_and_said() -> None:
    text = (
        'records = [{ path = "h[]", time = { path = "a", format = "unix_s" } }]\nchannels.internal.temperature_c = "t"'
    )
    made = message(text, {"h": [{"a": 1767600000 + n, "t": 5} for n in range(MOST_RECORDS + 1)]})
    assert len(made.readings) == MOST_RECORDS
    assert f"holds {MOST_RECORDS + 1} records" in made.refusals[0].reason


@pytest.mark.parametrize(
    ("clock", "sent", "zone", "at"),
    [
        ('format = "unix_s"', 1767600000, None, "2026-01-05T08:00:00.000Z"),
        ('format = "unix_s"', "1767600000", None, "2026-01-05T08:00:00.000Z"),
        ('format = "unix_ms"', 1767600000500, None, "2026-01-05T08:00:00.500Z"),
        ('format = "iso"', "2026-01-05T09:00:00.123456789+01:00", None, "2026-01-05T08:00:00.123Z"),
        ('zone = "UTC"', "2026-01-05 08:00:00", None, "2026-01-05T08:00:00.000Z"),
        ('format = "iso"', "2026-01-05T09:00:00", "Europe/Berlin", "2026-01-05T08:00:00.000Z"),
        ('format = "%d.%m.%Y %H:%M:%S"', "5.1.2026 09:00:00", "Europe/Berlin", "2026-01-05T08:00:00.000Z"),
        ('format = "%m/%d/%Y %H:%M", zone = "America/New_York"', "1/5/2026 3:00", None, "2026-01-05T08:00:00.000Z"),
    ],
)
def test_a_time_is_read_as_the_profile_says_and_a_local_one_in_the_loggers_zone(
    clock: str, sent: object, zone: str | None, at: str
) -> None:
    text = f'time = {{ path = "ts", {clock} }}\nchannels.internal.temperature_c = "t"'
    [row] = [reading_json(reading) for reading in message(text, {"t": 5, "ts": sent}, zone).readings]
    assert (row["event_time"], row["time_source"]) == (at, "device")


@pytest.mark.parametrize(
    ("clock", "sent", "told"),
    [
        ('format = "iso"', "2026-01-05T09:00:00", 0),  # local, and nobody said where the logger is
        ('zone = "Europe/Berlin"', "2026-10-25T02:30:00", 0),  # the clocks showed it twice
        ('zone = "Europe/Berlin"', "2026-03-29T02:30:00", 0),  # and never
        ('format = "iso"', None, 0),
        ('format = "iso"', "2020-0327T12:39:05Z", 1),
        ('format = "unix_s"', "soon", 1),
        ('format = "unix_s"', -5, 1),
        ('format = "%d.%m.%Y %H:%M", zone = "UTC"', "2026-01-05", 1),
        ('format = "%d.%m.%Y %H:%M", zone = "UTC"', "31.02.2026 10:00", 1),
    ],
)
def test_where_the_devices_time_cannot_be_placed_the_envelopes_counts(clock: str, sent: object, told: int) -> None:
    text = f'time = {{ path = "ts", {clock} }}\nchannels.internal.temperature_c = "t"'
    made = message(text, {"t": 5, "ts": sent})
    assert [(row.time_source, row.temperature_mc) for row in made.readings] == [("arrival", 5000)]
    assert len(made.refusals) == told


def test_a_clock_that_is_not_trusted_never_counts() -> None:
    text = 'clock = "untrusted"\ntime = { path = "ts", format = "unix_s" }\nchannels.internal.temperature_c = "t"'
    [row] = message(text, {"t": 5, "ts": 1767600000}).readings
    assert row.time_source == "arrival"


POSITION = 'channels.internal.temperature_c = "t"\n[position]\nlatitude = "lat"\nlongitude = "lon"\n'


@pytest.mark.parametrize(
    ("more", "tree", "placed"),
    [
        ("", {}, True),
        ('valid = "ok"', {"ok": True}, True),
        ('valid = "ok"', {"ok": False}, False),
        ('valid = "ok"', {}, False),
        ('valid = { path = "fix", is = ["2D", "3D"] }', {"fix": "3d"}, True),
        ('valid = { path = "fix", is = ["2D", "3D"] }', {"fix": "none"}, False),
        ("sentinels = [48.1]", {}, False),
        ('age_s = "age"', {"age": 30}, True),
        ('age_s = "age"', {"age": 3600}, False),
        ("", {"lat": None}, False),
        ("", {"lat": "null", "lon": "null"}, False),
        ("", {"lat": 0, "lon": 0}, False),
        ("", {"lat": 91}, False),
        ("", {"lat": 4294.9673, "lon": 4294.9673}, False),
    ],
)
def test_a_position_counts_only_where_the_logger_was_there(more: str, tree: dict[str, Any], placed: bool) -> None:
    found = rows(POSITION + more, {"t": 5, "lat": 48.1, "lon": 11.5} | tree)["internal"]
    assert (found.get("latitude") == 48.1) is placed
    assert found["temperature_c"] == 5.0


def test_the_age_of_a_fix_moves_its_time_where_the_record_has_one() -> None:
    text = 'time = { path = "ts", format = "unix_s" }\n' + POSITION + 'age_s = "age"'
    made = message(text, {"t": 5, "lat": 48.1, "lon": 11.5, "age": 3600, "ts": 1767607200})
    assert {(row.channel, row.event_time_ms // 1000) for row in made.readings} == {
        ("internal", 1767607200), ("device", 1767603600),
    }  # fmt: skip


def test_fields_without_measurements_are_known_and_others_are_not() -> None:
    text = 'other = ["firmware"]\nchannels.internal.temperature_c = "t"'
    assert not message(text, {"firmware": "1.2"}).undecoded
    assert message(text, {"q": 1}).undecoded
    for tree in (None, 5, "t", [], [{"t": 5}]):
        assert message(text, tree).undecoded


def test_the_fields_may_begin_below_what_the_carrier_hands_over() -> None:
    text = 'root = "payload.data"\nchannels.internal.temperature_c = "t"'
    assert rows(text, {"payload": {"data": {"t": 5}}}) == {"internal": {"temperature_c": 5.0}}
    assert message(text, {"payload": None}).undecoded


def test_a_path_that_chooses_by_name_is_a_path_too() -> None:
    text = """channels.internal.temperature_c = "sensors[?type=='temp'] | [0].value"\n"""
    tree = {"sensors": [{"type": "hum", "value": 50}, {"type": "temp", "value": 5}]}
    assert rows(text, tree) == {"internal": {"temperature_c": 5.0}}
    assert message(text, {"sensors": [{"type": 5}]}).undecoded


def test_the_same_message_gives_the_same_result_for_ever() -> None:
    text, tree = POSITION, {"t": "4.6", "lat": 48.1, "lon": 11.5}
    assert message(text, tree) == message(text, tree)
