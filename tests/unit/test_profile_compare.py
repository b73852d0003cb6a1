"""Two versions of a product profile side by side, and what is worth a second look in one."""

from typing import Any

import pytest

from coldchain.domain.profile_advice import advice
from coldchain.domain.profile_compare import Difference, differences
from coldchain.domain.profile_format import profile_from
from coldchain.domain.tables import InvalidTable
from compliance.shipped import shipped_bodies, shipped_profile

BODY: dict[str, Any] = {
    "id": "x", "version": 1, "storage_class": "cct", "label_range": {"low_c": 2, "high_c": 8},
    "stability_budget": [{"low_c": 8, "high_c": 15, "allowed_h": 24}],
    "alarm_profile": {
        "id": "a",
        "rules": [
            {"id": "warm", "kind": "consecutive", "direction": "high", "hold_min": 60, "severity": "major"},
            {"id": "cold", "kind": "consecutive", "direction": "low", "hold_min": 30, "severity": "major"},
        ],
    },
}  # fmt: skip


def changed(**more: Any) -> dict[str, Any]:
    return {**BODY, **more}


def rules(*found: dict[str, Any]) -> dict[str, Any]:
    return changed(alarm_profile={"id": "a", "rules": list(found)})


WARM, COLD = BODY["alarm_profile"]["rules"]


def test_a_changed_limit_is_one_difference_with_its_path() -> None:
    new = changed(label_range={"low_c": 2, "high_c": 7.5})
    assert differences(BODY, new) == (Difference("label_range.high_c", 8, 7.5),)


def test_the_same_value_written_otherwise_is_no_difference() -> None:
    same = rules({**WARM, "hold_h": 1} | {"hold_min": None}, COLD)
    del same["alarm_profile"]["rules"][0]["hold_min"]
    assert differences(BODY, {**same, "label_range": {"low_c": 2.0, "high_c": 8.0}, "version": 2}) == ()


def test_rules_go_by_their_ids_whatever_their_order() -> None:
    assert differences(BODY, rules(COLD, WARM)) == ()
    longer = {**{k: v for k, v in WARM.items() if k != "hold_min"}, "hold_h": 2}
    assert differences(BODY, rules(COLD, longer)) == (Difference("alarm_profile.rules[warm].hold", "60 min", "2 h"),)


def test_a_rule_that_is_added_or_taken_away_is_told_as_a_whole() -> None:
    new = {**COLD, "id": "frost"}
    assert differences(BODY, rules(WARM, new)) == (
        Difference("alarm_profile.rules[cold]", COLD, None), Difference("alarm_profile.rules[frost]", None, new),
    )  # fmt: skip


def test_bands_go_by_their_range_and_a_rate_is_no_duration() -> None:
    new = changed(stability_budget=[{"low_c": 8, "high_c": 15, "allowed_h": 12}], gap_warming_c_per_min=0.5)
    assert differences(BODY, new) == (
        Difference("stability_budget[8 … 15 °C].allowed", "24 h", "12 h"),
        Difference("gap_warming_c_per_min", None, 0.5),
    )


def test_every_shipped_profile_equals_itself_and_differs_from_the_others() -> None:
    bodies = shipped_bodies()
    for one in bodies:
        for other in bodies:
            assert (differences(one, other) == ()) == (one is other)


def test_a_hold_that_fewer_than_three_readings_fill_is_worth_a_second_look() -> None:
    profile = shipped_profile("cct-2-8")
    short = {rule.id for rule in profile.rules if 0 < rule.hold_ms < 30 * 60_000}
    said = advice(profile, 10 * 60_000)
    assert {profile.rules[int(one.field.partition("[")[2].partition("]")[0])].id for one in said} == short
    assert "shorter than 3 reporting intervals of 10 min" in said[0].words
    assert "raised to 30 min" in said[0].words
    assert advice(profile, 3 * 60_000) == ()


def test_every_mistake_of_a_profile_can_be_told_by_itself() -> None:
    wrong = {**BODY, "freeze_sensitive": "yes", "delta_h_kj_mol": "warm"}
    with pytest.raises(InvalidTable) as refused:
        profile_from(wrong)
    assert [one.partition(" ")[0] for one in refused.value.problems] == ["freeze_sensitive", "delta_h_kj_mol"]
