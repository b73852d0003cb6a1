"""Recordings become messages again: whose they are, when they were, and what must be told first."""

import json
from pathlib import Path

import pytest

from coldchain.domain.message import Envelope
from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from sensors.carriers.files.berlinger import LogRow
from sensors.carriers.native import Native
from sensors.recordings import Fix, Recorded, Told, native_messages, read_recording

NOON = ms_from_iso("2026-01-05T12:00:00Z")
POINTS = [
    {"point": "POINT(11.564388282625075 48.16350662940509)", "time": "2014-09-10 06:54:08+0200", "id": "a"},
    {"point": "POINT(11.56 -48.1)", "time": "2014-09-10 06:54:07+0200", "id": "a"},
]


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "recording"
    path.write_text(content)
    return path


def test_vectors_give_their_mqtt_messages_in_order(tmp_path: Path) -> None:
    transports = [
        {"kind": "mqtt", "topic": "a", "qos": 1, "retain": True, "payload_text": "4.6"},
        {"kind": "http", "payload_json": {}},
        {"kind": "mqtt-sequence", "messages": [{"topic": "b", "payload_b64": "/w=="}]},
        {"kind": "mqtt", "topic": "c", "payload_json": {"a": 1}},
    ]
    path = written(
        tmp_path, json.dumps({"format": "x", "vectors": [{"transport": one} for one in transports]}, indent=1)
    )
    assert read_recording(path) == [
        Recorded("a", b"4.6", 1, retain=True),
        Recorded("b", b"\xff", 0),
        Recorded("c", b'{"a":1}', 0),
    ]


def test_lines_of_messages_keep_their_arrival(tmp_path: Path) -> None:
    line = {"received_at": "2026-01-05T12:00:00Z", "transport": "mqtt", "topic": "a", "qos": 1, "payload_text": "x"}
    path = written(tmp_path, json.dumps(line) + "\n\n" + json.dumps(line | {"received_at": None}) + "\n")
    assert read_recording(path) == [Recorded("a", b"x", at_ms=NOON), Recorded("a", b"x")]


def test_a_track_is_told_its_logger_and_read_longitude_first(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(POINTS))
    with pytest.raises(InvalidValue, match="state the logger"):
        read_recording(path)
    south, north = read_recording(path, Told(logger="TRUCK"))
    assert (south.topic, south.at_ms) == ("cc/TRUCK/up", ms_from_iso("2014-09-10T04:54:07Z"))
    [message] = Native().decode(Envelope("mqtt", north.topic, north.payload, NOON)).messages
    [row] = message.readings
    assert (row.latitude_e7, row.longitude_e7) == (481_635_066, 115_643_883)


def test_a_curve_and_a_track_are_one_growing_sequence_moved_by_one_offset() -> None:
    rows = [LogRow("", NOON, 4620, out_of_limits=False), LogRow("", NOON + 300_000, None, out_of_limits=False)]
    messages = native_messages("LG", rows, [Fix(NOON + 1000, "48.1", "-11.5")], 60_000)
    decoded = [Native().decode(Envelope("mqtt", one.topic, one.payload, NOON)).messages[0] for one in messages]
    assert [one.key for one in decoded] == ["1:0", "1:1", "1:2"]
    readings = [one.readings[0] for one in decoded]
    assert [one.event_time_ms - NOON for one in readings] == [60_000, 61_000, 360_000]
    assert [one.temperature_mc for one in readings] == [4620, None, None]
    assert [one.fault for one in readings] == [None, None, "sensor_error"]
    assert readings[1].longitude_e7 == -115_000_000


def test_an_export_needs_its_zone(tmp_path: Path) -> None:
    content = "Device: X\nConf:\n Serial: 42\nData:\n\t2026-01-05 13:00\t4.6\t\n"
    path = written(tmp_path, content)
    with pytest.raises(InvalidValue, match="zone"):
        read_recording(path)
    [message] = read_recording(path, Told(zone="Europe/Berlin"))
    assert (message.topic, message.at_ms) == ("cc/42/up", NOON)


@pytest.mark.parametrize("content", ["", "[]", "{}", "17", '{"transport"', '[{"point": "POINT(1)", "time": "x"}]'])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(InvalidValue):
        read_recording(written(tmp_path, content), Told(logger="A"))
