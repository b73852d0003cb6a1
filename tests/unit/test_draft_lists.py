"""Lists and pivots of a message, taken into a device profile by clicking fields in them."""

from typing import Any

import pytest

from coldchain.errors import InvalidValue
from dashboard.parts.draft_lists import lacking, roles_in, with_field_of, without_field_of
from dashboard.parts.field_lists import choices, every, inside
from dashboard.parts.field_tree import leaves
from dashboard.parts.profile_draft import JsonObject, Said, begun, read
from sensors.device_profiles.paths import getter
from sensors.device_profiles.read import read as apply

SAMPLES: Any = {
    "dev": "B-1", "bat": 88,
    "samples": [{"ts": 1767607200, "t": 4.5, "rh": 50, "door": "open"},
                {"ts": 1767607260, "t": 4.6, "rh": 51, "door": "closed"}],
}  # fmt: skip
PIVOT: Any = {
    "dev": "B-2", "at": 1767607200,
    "data": [{"name": "temperature", "value": 40.1, "unit": "F"}, {"name": "Rel. hum", "value": 55, "unit": "%"}],
}  # fmt: skip
HISTORY: Any = {
    "data": [{"variable": "temperature", "value": 4.5, "date": "2026-01-05T10:00:00Z"},
             {"variable": "humidity", "value": 50, "date": "2026-01-05T10:00:00Z"},
             {"variable": "temperature", "value": 4.7, "date": "2026-01-05T10:10:00Z"}],
}  # fmt: skip
ARRAY: Any = [{"id": "B-3", "t": 4.5, "at": 1767607200}, {"id": "B-4", "t": 5.5, "at": 1767607260}]


def draft(source: bool = True) -> JsonObject:
    return begun("barn", "Barn", {"topics": ["barn/+/t"], "device": "topic[1]"} if source else None)


def take(made: JsonObject, tree: Any, path: str, role: str, how: str, **more: str) -> JsonObject:
    return with_field_of(made, Said(path, role, **{"channel": "internal", **more}), tree, how)


def samples_of(made: JsonObject, tree: Any) -> list[tuple[str, int | None, dict[str, Any]]]:
    """(channel, seconds, values) of what the draft reads."""
    extract = apply(read(made), tree)
    assert extract.refusals == ()
    return [(one.channel, one.stamp.at_ms // 1000 if one.stamp else None, dict(one.values)) for one in extract.samples]


def test_a_field_of_a_list_knows_its_list_and_what_may_name_it() -> None:
    found = inside(PIVOT, "data[0].value")
    assert found is not None
    assert (found.list, found.inner) == ("data", "value")
    assert found.names == (("name", "temperature"), ("unit", "F"))
    assert inside(PIVOT, "at") is None
    assert inside({"a": [1, 2]}, "a[1]") is None  # a list of plain values has no elements with fields
    assert [one.path for one in every(SAMPLES)] == [path for path, _ in leaves(SAMPLES) if path.startswith("samples")]
    assert [key for key, _ in choices(found)] == ["each", "once:name", "named:name", "once:unit", "named:unit", "here"]


def test_a_list_of_samples_becomes_records_each_with_its_own_time() -> None:
    made = take(draft(), SAMPLES, "samples[1].t", "temperature_c", "each", unit="C")
    assert lacking(made) == "Each element of samples needs its own time: click it in one of them, and take it in every."
    made = take(made, SAMPLES, "samples[0].ts", "time", "each", format="unix_s")
    made = take(made, SAMPLES, "samples[0].rh", "humidity_pct", "each", unit="%")
    made = take(made, SAMPLES, "samples[0].door", "door_open", "each")
    made = take(made, SAMPLES, "bat", "battery_pct", "", unit="%")
    assert lacking(made) is None
    assert samples_of(made, SAMPLES) == [
        ("", None, {"battery_pct": 88}),
        ("internal", 1767607200, {"temperature_c": 4.5, "humidity_pct": 50, "door_open": True}),
        ("internal", 1767607260, {"temperature_c": 4.6, "humidity_pct": 51, "door_open": False}),
    ]
    roles = roles_in(made, SAMPLES)
    assert roles["samples[0].t"] == roles["samples[1].t"] == "temperature of internal, in every element"
    assert roles["samples[1].ts"] == "time of the measurement, in every element"
    assert roles["bat"] == "battery, %"


def test_the_time_may_be_clicked_before_what_is_measured() -> None:
    made = take(draft(), SAMPLES, "samples[0].ts", "time", "each", format="unix_s")
    assert lacking(made) == "Click what an element of samples measures."
    made = take(made, SAMPLES, "samples[0].t", "temperature_c", "each", unit="C")
    assert [row[1] for row in samples_of(made, SAMPLES)] == [1767607200, 1767607260]


def test_a_value_is_found_by_the_name_beside_it_wherever_it_stands() -> None:
    made = take(draft(), PIVOT, "data[0].value", "temperature_c", "once:name", unit="F")
    made = take(made, PIVOT, "data[1].value", "humidity_pct", "once:name", unit="%")
    made = take(made, PIVOT, "at", "time", "", format="unix_s")
    turned = {**PIVOT, "data": PIVOT["data"][::-1]}
    for tree in (PIVOT, turned):
        [(channel, at_s, values)] = samples_of(made, tree)
        assert (channel, at_s, float(values["temperature_c"]), values["humidity_pct"]) == (
            "internal",
            1767607200,
            4.5,
            55,
        )
    roles = roles_in(made, turned)
    assert roles["data[1].value"] == "temperature of internal"
    assert roles["data[0].value"] == "humidity of internal"


def test_named_values_with_times_of_their_own_are_a_pivot_of_records() -> None:
    made = take(draft(), HISTORY, "data[0].value", "temperature_c", "named:variable", unit="C")
    made = take(made, HISTORY, "data[1].value", "humidity_pct", "named:variable", unit="%")
    made = take(made, HISTORY, "data[0].date", "time", "each", format="iso")
    assert [table["name"] for table in made["records"]] == ["variable"]
    assert [values for _, _, values in samples_of(made, HISTORY)] == [
        {"temperature_c": 4.5}, {"humidity_pct": 50}, {"temperature_c": 4.7},
    ]  # fmt: skip
    assert roles_in(made, HISTORY)["data[2].value"] == "temperature of internal, in every element"
    assert roles_in(made, HISTORY)["data[1].date"] == "time of the measurement, in every element"


def test_an_array_of_messages_is_split_and_each_says_who_sent_it() -> None:
    made = take(draft(), ARRAY, "[0].t", "temperature_c", "each", unit="C")
    made = take(made, ARRAY, "[1].id", "device", "each")
    made = take(made, ARRAY, "[0].at", "time", "each", format="unix_s")
    assert made["source"] == {"topics": ["barn/+/t"], "device": "id", "each": "[]"}
    assert roles_in(made, ARRAY)["[1].t"] == "temperature of internal"
    assert samples_of(made, ARRAY[1]) == [("internal", 1767607260, {"temperature_c": 5.5})]


def test_how_a_list_is_read_is_asked_for_and_never_guessed() -> None:
    with pytest.raises(InvalidValue, match="samples is a list: say where else this field stands"):
        take(draft(), SAMPLES, "samples[0].t", "temperature_c", "", unit="C")
    with pytest.raises(InvalidValue, match="Say in which unit"):
        take(draft(), SAMPLES, "samples[0].t", "temperature_c", "each")
    with pytest.raises(InvalidValue, match="said once in a message"):
        take(draft(), SAMPLES, "samples[0].door", "device", "each")
    with pytest.raises(InvalidValue, match="Choose again"):
        take(draft(), PIVOT, "data[0].value", "temperature_c", "once:gone", unit="C")


def test_one_element_alone_is_read_only_there() -> None:
    made = take(draft(), SAMPLES, "samples[0].t", "temperature_c", "here", unit="C")
    assert [values for _, _, values in samples_of(made, SAMPLES)] == [{"temperature_c": 4.5}]


@pytest.mark.parametrize("how", ["each", "once:name", "named:name", "here"])
def test_leaving_a_field_out_takes_it_from_wherever_it_was(how: str) -> None:
    made = take(draft(), PIVOT, "data[0].value", "temperature_c", how, unit="C")
    made = take(made, PIVOT, "data[1].unit", "other", "each")
    assert "data[0].value" in roles_in(made, PIVOT)
    for path in ("data[0].value", "data[1].unit"):
        made = without_field_of(made, PIVOT, path)
    assert made == draft()


def test_a_field_that_was_read_in_one_way_is_read_in_the_new_way_only() -> None:
    made = take(draft(), PIVOT, "data[0].value", "temperature_c", "once:name", unit="F")
    made = take(made, PIVOT, "data[0].value", "temperature_c", "once:unit", unit="F")
    assert list(made["channels"]["internal"]) == ["temperature_c"]
    assert made["channels"]["internal"]["temperature_c"]["path"] == "data[?unit=='F'].value | [0]"


@pytest.mark.parametrize("name", ["it's", "Rel. hum", "a|b", "ü°", "`x`", "[0]", "a]b", '"q"'])
def test_names_with_signs_are_found(name: str) -> None:
    tree = {"d": [{"n": "other", "v": 1}, {"n": name, "v": 7}]}
    made = take(draft(), tree, "d[1].v", "temperature_c", "once:n", unit="C")
    assert [values for _, _, values in samples_of(made, tree)] == [{"temperature_c": 7}]
    found = inside(tree, "d[1].v")
    assert found is not None
    assert getter(found.key("n"))({name: 3}) == 3
