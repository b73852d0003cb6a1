"""The form of a product profile: it gives back what it was given, and puts each mistake beside its field."""

from typing import Any

import pytest

from coldchain.domain.profile_compare import differences
from coldchain.domain.profile_format import as_json, profile_from
from coldchain.errors import InvalidValue
from compliance.shipped import shipped_bodies
from dashboard.parts import product_form as form
from dashboard.parts import profile_words as words
from dashboard.parts.product_checks import checked

BODIES = {body["id"]: as_json(body) for body in shipped_bodies()}
TOP = (
    "id", "name", "storage_class", "freeze_sensitive", "label_range.low_c", "label_range.high_c",
    "transport_range.low_c", "transport_range.high_c", "delta_h_kj_mol", "gas_constant_kj_mol_k",
    "gap_warming_c_per_min", "alarm_profile.id", "alarm_profile.hysteresis_c", "alarm_profile.clear_hold",
    "context.light_from_lux", "context.shock_from_g",
)  # fmt: skip
ROWS = {form.WINDOWS: ("id", "length", "limit_c"), form.BUDGET: ("low_c", "high_c", "allowed"),
        form.MATRIX: ("direction", "peak_c", "minor", "major", "critical"),
        form.RULES: ("id", "kind", "severity", *form.RULE_FIELDS)}  # fmt: skip


def fields(body: dict[str, Any]) -> dict[str, Any]:
    """What the inputs of the page hold for a body."""
    found = {path: form.shown(body, path) for path in TOP}
    for path, names in ROWS.items():
        for place, row in enumerate(form.rows(body, path)):
            found |= {f"{path}[{place}].{name}": form.shown(row, name) for name in names}
    return found


@pytest.mark.parametrize("id_", sorted(BODIES))
def test_a_form_that_nobody_touched_changes_nothing(id_: str) -> None:
    body = BODIES[id_]
    assert form.assembled(body, fields(body)) == body
    assert profile_from(form.assembled(body, fields(body))) == profile_from(body)


def changed(id_: str = "cct-2-8", **values: str) -> dict[str, Any]:
    body = BODIES[id_]
    return form.assembled(body, {**fields(body), **values})


def rule(name: str, field: str, id_: str = "cct-2-8") -> str:
    places = [one["id"] for one in form.rows(BODIES[id_], form.RULES)]
    return f"{form.RULES}[{places.index(name)}].{field}"


def test_one_changed_field_is_one_difference() -> None:
    made = changed(**{rule("warm", "hold"): "1 h"})
    assert [one.field for one in differences(BODIES["cct-2-8"], made)] == ["alarm_profile.rules[warm].hold"]
    assert profile_from(made)


def test_another_kind_drops_what_has_no_meaning_for_it() -> None:
    made = changed(**{rule("warm", "kind"): "no_data", rule("warm", "factor"): "4"})
    [row] = [one for one in form.rows(made, form.RULES) if one["id"] == "warm"]
    assert row == {"id": "warm", "kind": "no_data", "severity": "major", "factor": 4}
    assert profile_from(made)


def test_a_calendar_window_takes_a_zone_and_no_length() -> None:
    values = {rule("warm-in-all", "window.kind"): "calendar", rule("warm-in-all", "window.zone"): "Europe/Berlin",
              rule("warm-in-all", "window.length"): "5 h", rule("warm-in-all", "reset"): "window"}  # fmt: skip
    made = changed(**values)
    [row] = [one for one in form.rows(made, form.RULES) if one["id"] == "warm-in-all"]
    assert row["window"] == {"kind": "calendar", "zone": "Europe/Berlin"}
    assert profile_from(made)
    assert form.hidden(rule("warm-in-all", "window.length"), {**fields(made)})


def test_limits_of_light_and_shock_are_fields_and_read_in_words_where_versions_are_compared() -> None:
    made = changed(**{"context.light_from_lux": "25"})
    assert made["context"] == {"light_from_lux": 25}
    [difference] = differences(BODIES["cct-2-8"], made)
    assert words.field_words(difference.field) == "Context"
    assert words.value_words(difference.new) == "light told from, lux 25"
    [difference] = differences(made, {**made, "context": {"light_from_lux": 50}})
    assert words.field_words(difference.field) == "Context: light told from, lux"
    assert form.assembled(made, {**fields(made), "context.light_from_lux": ""}) == BODIES["cct-2-8"]
    said = checked(changed(**{"context.shock_from_g": "0"}), fields(BODIES["cct-2-8"]), 600_000)
    assert "0.001 to 1000" in said.mistakes["context.shock_from_g"]


def test_what_the_form_has_no_field_for_stays() -> None:
    body = {**BODIES["cct-2-8"], "of_tomorrow": {"x": [1, 2]}}
    assert form.assembled(body, fields(body)) == body


@pytest.mark.parametrize(
    ("values", "field", "words_"),
    [
        ({"label_range.low_c": "9"}, "label_range.low_c", "is crossed"),
        ({"label_range.high_c": "8,5"}, "label_range.high_c", "8,5"),
        ({rule("warm", "hold"): "30"}, rule("warm", "hold"), "has no unit"),
        ({rule("warm", "hold"): ""}, rule("warm", "hold"), "is missing"),
        ({rule("warm", "id"): ""}, rule("warm", "id"), "is missing"),
        ({rule("hot", "confirm_readings"): "1.5"}, rule("hot", "confirm_readings"), "not a whole number"),
        ({rule("hot", "limit"): "warm"}, rule("hot", "limit"), "warm"),
        ({"stability_budget[0].low_c": "7"}, "stability_budget[0].low_c", "overlaps the label range"),
        ({"mkt_windows[0].length": ""}, "mkt_windows[0].id", "needs a length"),
        ({"delta_h_kj_mol": "900"}, "delta_h_kj_mol", "1 to 250"),
    ],
)
def test_each_mistake_stands_beside_its_field(values: dict[str, str], field: str, words_: str) -> None:
    body = changed(**values)
    said = checked(body, fields(BODIES["cct-2-8"]), 600_000)
    assert said.profile is None
    assert words_ in said.mistakes[field]


def test_a_mistake_between_two_rules_stands_beside_none_of_their_fields() -> None:
    body = changed(**{rule("warm", "id"): "hot"})
    said = checked(body, fields(BODIES["cct-2-8"]), 600_000)
    assert said.mistakes == {}
    assert any("'hot'" in one for one in said.others)


def test_rows_come_and_go() -> None:
    body = form.with_row(changed(), form.BUDGET)
    assert len(form.rows(body, form.BUDGET)) == 2
    assert form.without_row(body, form.BUDGET, 1) == changed()
    assert form.with_row(changed(), "id") == changed()


def test_a_text_is_taken_in_either_notation_and_refused_in_none() -> None:
    body = BODIES["cct-2-8"]
    assert form.read(form.written(body)) == body
    assert form.read('id = "x"\nversion = 1') == {"id": "x", "version": 1}
    for wrong in ("{", "id = = 1", "x" * 300_000):
        with pytest.raises(InvalidValue):
            form.read(wrong)


def test_rules_read_like_sentences() -> None:
    profile = profile_from(BODIES["cct-2-8"])
    said = {one.id: words.when_words(one, profile.label) for one in profile.rules}
    assert said["warm"] == "above 8 °C for 30 min without a break (the label limit)"
    assert said["warm-in-all"].startswith("above 8 °C for 1 h in all, over the whole time")
    assert said["hot"] == "2 readings in a row at or above 15 °C"
    assert said["silence"] == "nothing heard for 3 reporting intervals"
    assert "less than 25 % of a stability budget is left" in said["budget-low"]


def test_a_path_of_the_format_reads_like_a_field() -> None:
    assert words.field_words("label_range.high_c") == "Label range: highest, °C"
    assert words.field_words("alarm_profile.rules[warm-in-all].hold") == "Rule warm-in-all: hold"
    assert words.field_words("stability_budget[8 … 15 °C].allowed") == "Stability budget 8 … 15 °C: allowed time"
    assert words.field_words("alarm_profile.rules[0].id") == "Rule 1: id"
    assert words.value_words(None) == "absent"
    assert words.value_words(-20.5) == "−20.5"
