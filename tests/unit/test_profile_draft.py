"""A device profile made by clicking fields: what is said becomes the tables of the format, and nothing is guessed."""

import json
from typing import Any

import pytest

from coldchain.errors import InvalidValue
from dashboard.parts.field_tree import across, leaves, step
from dashboard.parts.message_bytes import dump, indented, plain, visible
from dashboard.parts.profile_draft import (
    Said,
    begun,
    continued,
    read,
    roles_of,
    tables,
    text_of,
    with_field,
    without_path,
)
from sensors.device_profiles.paths import getter
from sensors.device_profiles.read import read as apply

TREE: Any = {"t": 4.6, "probe.1": {"v": [327.67, "x"]}, "a b": {'"q"': 7}, "on": True, "at": 1767607200, "é": 1}
EMPTY = begun("barn", "Barn", {"topics": ["barn/+/t"], "device": "topic[1]"})


def said(path: str, role: str, **more: str) -> dict[str, Any]:
    return with_field(EMPTY, Said(path, role, **{"channel": "internal", **more}))


def test_every_leaf_is_found_again_by_the_path_that_it_is_clicked_with() -> None:
    found = leaves(TREE)
    assert len(found) == 7
    assert all(getter(path)(TREE) == value for path, value in found)
    assert leaves(4.6) == [("@", 4.6)]


def test_names_that_are_no_identifiers_stand_in_quotes() -> None:
    assert step("a", "b.c") == 'a."b.c"'
    assert step(step("", "x"), 3) == "x[3]"


def test_a_unit_is_asked_for_and_never_guessed() -> None:
    with pytest.raises(InvalidValue, match="in which unit the temperature is"):
        said("t", "temperature_c")
    assert said("t", "temperature_c", unit="F")["channels"]["internal"]["temperature_c"] == {"path": "t", "unit": "F"}


def test_a_channel_has_to_be_named() -> None:
    with pytest.raises(InvalidValue, match="Name the channel"):
        said("t", "temperature_c", unit="C", channel="")


def test_special_values_need_a_meaning_and_keep_their_kind() -> None:
    with pytest.raises(InvalidValue, match="what the special values mean"):
        said("t", "temperature_c", unit="C", sentinels="327.67")
    made = said("t", "temperature_c", unit="C", sentinels="327.67, -127, CHARGING", means="probe_open")
    assert made["channels"]["internal"]["temperature_c"]["sentinels"] == [327.67, -127, "CHARGING"]
    absent = said("t", "battery_pct", unit="%", sentinels="101", means="absent")
    assert absent["battery_pct"]["sentinels"] == {"absent": [101]}


def test_a_range_has_two_ends() -> None:
    with pytest.raises(InvalidValue, match="Highest"):
        said("t", "temperature_c", unit="C", low="-40")
    made = said("t", "temperature_c", unit="C", low="-40", high="85.5")
    assert made["channels"]["internal"]["temperature_c"]["range"] == [-40, 85.5]


def test_what_a_field_was_before_is_forgotten_when_it_is_taken_for_something_else() -> None:
    made = said("t", "temperature_c", unit="C")
    again = with_field(made, Said("t", "humidity_pct", unit="%", channel="internal"))
    assert again["channels"] == {"internal": {"humidity_pct": {"path": "t", "unit": "%"}}}
    assert "channels" not in without_path(again, "t")
    assert without_path(again, "t")["source"] == EMPTY["source"]


def test_a_probes_fault_needs_the_probe_first() -> None:
    with pytest.raises(InvalidValue, match="Choose first what channel probe-1 measures"):
        said("on", "fault", channel="probe-1")
    made = with_field(said("t", "temperature_c", unit="C", channel="probe-1"), Said("on", "fault", channel="probe-1"))
    assert made["channels"]["probe-1"]["temperature_c"]["fault_when"] == "on"


def test_the_whole_draft_is_a_profile_that_reads_the_message() -> None:
    made = said("t", "temperature_c", unit="C")
    for one in (
        Said('"probe.1".v[0]', "temperature_c", unit="C", channel="probe-1", sentinels="327.67", means="probe_open"),
        Said("at", "time", format="unix_s"), Said('"a b"."\\"q\\""', "battery_pct", unit="%"), Said("on", "door_open"),
        Said('"é"', "other"),
    ):  # fmt: skip
        made = with_field(made, one)
    profile = read(made)
    samples = apply(profile, TREE).samples
    assert {sample.channel: sample.values for sample in samples if sample.values} == {
        "internal": {"temperature_c": 4.6}, "": {"battery_pct": 7, "door_open": True},
    }  # fmt: skip
    assert [sample.fault for sample in samples if sample.channel == "probe-1"] == ["probe_open"]
    assert {sample.stamp.at_ms for sample in samples if sample.stamp} == {1767607200000}
    assert roles_of(made)["t"] == "temperature of internal"
    assert tables(profile) == json.loads(text_of(made))
    assert continued(profile, 2)["version"] == 2


def test_mistakes_of_a_draft_are_named() -> None:
    with pytest.raises(InvalidValue, match="device"):
        read(begun("x", "X", {"topics": ["a/b"]}))
    with pytest.raises(InvalidValue, match="Its carrier says already who sent it"):
        with_field(begun("x", "X", None), Said("id", "device"))


def test_what_stands_at_a_path_in_other_messages_is_said() -> None:
    assert across("t", [{"t": 4}, {"t": 5.5}, {}]) == "In 2 of 3 messages: 4 … 5.5."
    assert across("t", [{"t": "a"}, {"t": None}]) == 'In 2 of 2 messages: "a", null.'
    assert across("t", [{}]) == "In none of the newest messages."


def test_json_is_indented_without_touching_a_number() -> None:
    assert indented(b'{"a":1.10,"b":[],"c":[1e2,{"d":"x, {y"}]}') == (
        '{\n  "a": 1.10,\n  "b": [],\n  "c": [\n    1e2,\n    {\n      "d": "x, {y"\n    }\n  ]\n}'
    )
    assert indented(b"4.6") is None
    assert indented(b"[" * 100_000) is None


def test_what_disguises_a_text_is_made_visible() -> None:
    assert visible("a\u202eb\x00") == "a\\u202eb\\x00"
    assert plain(b"\xff") is None
    assert dump(b"A\x00\xff") == "000000  41 00 ff" + " " * 39 + "  A··"
