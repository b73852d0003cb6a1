"""`coldchain decode`: what would become of a message, in the words of its contract."""

import json
from pathlib import Path
from typing import Any

import pytest

from coldchain.clock import HandClock
from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from ingest.decode import decode

NOW = ms_from_iso("2026-01-05T12:00:00Z")
TOPIC = "cc/LG-0042/up"
GOOD = {
    "v": 1, "device": "LG-0042", "boot": 7, "seq": 1,
    "readings": [{"ts": "2026-01-05T10:00:00Z", "values": {"temperature_c": 4.62, "humidity_pct": 51.0}}],
}  # fmt: skip


def mqtt(payload: Any, **rest: Any) -> dict[str, Any]:
    described = {"received_at": None, "transport": "mqtt", "topic": TOPIC, "qos": 1, "retain": False}
    return described | rest | {"payload_json": payload}


def run(*messages: dict[str, Any], folder: Path = Path()) -> list[dict[str, Any]]:
    return list(decode([json.dumps(message) for message in messages], folder, HandClock(NOW)))


def test_a_message_gives_its_rows_and_the_newest_declared_time_as_arrival() -> None:
    [result] = run(mqtt(GOOD))
    [row] = result["readings"]
    assert (result["line"], result["outcome"], result["reason"]) == (1, "readings", None)
    assert (result["adapter"], result["device_profile"]) == ("native@1", "native@1")
    assert (row["temperature_c"], row["humidity_pct"], row["logger"]) == (4.62, 51.0, "LG-0042")
    assert row["event_time"] == row["record_time"] == "2026-01-05T10:00:00.000Z"
    assert "latitude" not in row


def test_the_stated_arrival_counts_where_there_is_one() -> None:
    [result] = run(mqtt(GOOD, received_at="2026-01-05T09:00:00Z"))
    [row] = result["readings"]
    assert row["event_time"] == "2026-01-05T09:00:00.000Z"
    assert row["flags"] == ["clock_suspect"]


def test_the_same_message_twice_is_a_duplicate_and_adds_nothing() -> None:
    first, second = run(mqtt(GOOD), mqtt(GOOD))
    assert (first["outcome"], second["outcome"], second["readings"]) == ("readings", "duplicate", [])


def test_a_fault_is_no_value_and_is_visible() -> None:
    faulty = GOOD | {
        "readings": [{"ts": "2026-01-05T10:00:00Z", "values": {"temperature_c": None}, "fault": "probe_open"}]
    }
    [result] = run(mqtt(faulty))
    assert (result["outcome"], result["readings"]) == ("fault", [])
    assert result["faults"] == [
        {"channel": "internal", "event_time": "2026-01-05T10:00:00.000Z", "fault": "probe_open"}
    ]


def test_one_bad_element_is_quarantined_by_name_and_the_good_one_stays() -> None:
    rows = [{"ts": "2026-01-05T10:00:00Z", "values": {"temperature_c": value}} for value in (4.6, 400)]
    rows[1]["ts"] = "2026-01-05T10:05:00Z"
    [result] = run(mqtt(GOOD | {"readings": rows}))
    [refused] = result["quarantined"]
    assert (result["outcome"], len(result["readings"])) == ("readings", 1)
    assert refused["event_time"] == "2026-01-05T10:05:00.000Z"
    assert refused["channel"] == "internal"
    assert "temperature_c" in refused["field"]
    assert refused["value"] == "400"


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        (mqtt({"v": 1, "device": "OTHER", "readings": GOOD["readings"]}), "quarantined"),
        (mqtt(GOOD, topic="somebody/else"), "undecoded"),
        (mqtt({"v": 1, "device": "LG-0042", "battery": {"pct": 87}}), "no_reading"),
        ({"transport": "http", "source": "native", "payload_json": GOOD}, "readings"),
        ({"transport": "http", "source": "auto", "payload_json": GOOD}, "readings"),
        ({"transport": "http", "source": "native", "payload_text": "{"}, "quarantined"),
    ],
)
def test_every_outcome_has_its_word(message: dict[str, Any], outcome: str) -> None:
    [result] = run(message)
    assert result["outcome"] == outcome
    assert (result["reason"] is None) == (outcome in ("readings", "no_reading"))


def test_a_status_is_shown_and_is_no_reading() -> None:
    [result] = run(mqtt({"v": 1, "device": "LG-0042", "battery": {"pct": 87}}))
    assert (result["status"], result["readings"]) == ({"battery_pct": 87.0}, [])


def test_a_file_is_read_in_utc_and_says_that_no_zone_was_stated(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Device: X\nConf:\n Serial: 42\nData:\n\t2026-01-05 10:00\t4.6\t\n")
    line = {"transport": "file", "path": "a.txt"}
    first, again, local = run(line, line, line | {"zone": "Europe/Berlin"}, folder=tmp_path)
    assert (first["outcome"], first["adapter"], len(first["readings"])) == ("file", "berlinger-txt@1", 1)
    assert "UTC" in first["reason"]
    assert (again["outcome"], again["readings"]) == ("duplicate", [])
    assert local["outcome"] == "duplicate"


NO_MESSAGES = [
    "{",
    "17",
    "{}",
    '{"transport": "mqtt"}',
    '{"transport": "tcp"}',
    '{"transport": "file", "path": "absent"}',
    '{"transport": "mqtt", "topic": "a", "payload_b64": "?"}',
]


@pytest.mark.parametrize("line", NO_MESSAGES)
def test_a_line_that_is_no_message_is_named(line: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="line 2"):
        list(decode(["", line], tmp_path, HandClock(NOW)))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"received_at": 5}, "line 1: received_at = 5 is not a text"),
        ({"topic": 7}, "line 1: topic = 7 is not a text"),
        ({"transport": "http", "source": None}, "line 1: source = None is not a text"),
        ({"transport": "file", "path": ["a"]}, r"line 1: path = \['a'\] is not a text"),
    ],
)
def test_a_field_of_another_kind_is_named_with_its_value(said: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        run(mqtt(GOOD, **said))
