"""Product profiles as data: the shipped ones, and clear refusals of wrong ones."""

from pathlib import Path
from typing import Any

import pytest

from coldchain.domain.finding import Severity
from coldchain.domain.profile import BesideTheGoods
from coldchain.domain.profile_format import as_json, profile_from, profile_from_toml
from coldchain.errors import InvalidValue
from compliance.shipped import shipped_bodies, shipped_profile

GOOD: dict[str, Any] = {
    "id": "x", "storage_class": "cct", "label_range": {"low_c": 2, "high_c": 8},
    "alarm_profile": {
        "id": "a",
        "rules": [{"id": "r", "kind": "consecutive", "direction": "high", "hold_min": 30, "severity": "major"}],
    },
}  # fmt: skip


def test_the_nine_profiles_of_the_contract_ship_as_proposals() -> None:
    ranges = {body["id"]: profile_from(body).label.text() for body in shipped_bodies()}
    assert ranges == {
        "below-25": "up to 25 °C",
        "below-30": "up to 30 °C",
        "cct-2-8": "2 … 8 °C",
        "crt-20-25": "20 … 25 °C",
        "eu-15-25": "15 … 25 °C",
        "frozen-25-15": "-25 … -15 °C",
        "refrigerated-2-8": "2 … 8 °C",
        "refrigerated-2-8-freeze-sensitive": "2 … 8 °C",
        "ultra-low": "-90 … -60 °C",
    }
    assert all(profile_from(body).proposal for body in shipped_bodies())


def test_freezing_is_critical_for_freeze_sensitive_goods() -> None:
    rules = {rule.id: rule for rule in shipped_profile("refrigerated-2-8-freeze-sensitive").rules}
    frozen = rules["frozen"]
    assert (frozen.limit, frozen.hold_ms, frozen.severity) == (-500, 3_600_000, Severity.CRITICAL)


def test_json_and_toml_are_one_format() -> None:
    for body in shipped_bodies():
        assert profile_from(as_json(body)) == profile_from(body)
        assert profile_from(as_json(body)).config_hash == profile_from(body).config_hash


def test_the_hash_follows_every_value() -> None:
    other = {**GOOD, "gap_warming_c_per_min": 0.6}
    assert profile_from(other).config_hash != profile_from(GOOD).config_hash
    assert profile_from({**GOOD, "version": 1.0 and 1}).config_hash == profile_from({**GOOD, "version": 1}).config_hash


def test_what_is_told_beside_the_goods_has_usual_limits_and_is_read_in_thousandths() -> None:
    assert profile_from(GOOD).beside == BesideTheGoods(light_mlux=10_000, shock_mg=5_000)
    own = profile_from({**GOOD, "context": {"light_from_lux": 0.5}})
    assert own.beside == BesideTheGoods(light_mlux=500, shock_mg=5_000)
    assert own.config_hash != profile_from(GOOD).config_hash
    assert profile_from({**GOOD, "context": None}).beside == BesideTheGoods()


def test_a_limit_that_is_left_out_is_the_label_limit() -> None:
    assert profile_from(GOOD).rules[0].limit == 8000


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label_range": {"low_c": 8, "high_c": 2}}, ["label_range", "crossed", "8 … 2"]),
        ({"label_range": {}}, ["label_range", "low_c"]),
        ({"label_range": {"low_c": "cold"}}, ["label_range.low_c", "cold"]),
        (
            {"stability_budget": [{"low_c": 5, "high_c": 15, "allowed_h": 1}]},
            ["stability_budget[0]", "overlaps the label"],
        ),
        (
            {"stability_budget": [{"low_c": 8, "high_c": 15}, {"low_c": 12, "high_c": 20}]},
            ["stability_budget[1]", "overlaps another band"],
        ),
        ({"delta_h_kj_mol": 83144}, ["delta_h_kj_mol", "83144", "250"]),
        ({"colour": "blue"}, ["colour", "not a known key"]),
        ({"version": "one"}, ["version", "one"]),
        ({"mkt_windows": [{"id": "w", "limit_c": 8}]}, ["mkt_windows[0]", "length"]),
        ({"mkt_windows": [{"id": "w", "length_h": 24, "limit_c": 8}] * 2}, ["mkt_windows[1].id", "'w'", "twice"]),
        ({"mkt_windows": ""}, ["mkt_windows", "''", "not a list"]),
        ({"stability_budget": False}, ["stability_budget", "False", "not a list"]),
        ({"stability_budget": 0}, ["stability_budget", "0", "not a list"]),
        ({"label_range": {"low": 2, "high_c": 8}}, ["label_range.low", "2", "no unit", "low_c"]),
        ({"transport_range": {"low_c": 30, "high_c": -5}}, ["transport_range", "crossed", "30"]),
        ({"context": {"light": 10}}, ["context.light", "10"]),
        ({"context": {"light_from_lux": 0}}, ["context.light_from_lux", "0.001"]),
        ({"context": {"shock_from_g": "hard"}}, ["context.shock_from_g", "hard", "1000"]),
        ({"gap_warming": 0.5}, ["gap_warming", "0.5", "gap_warming_c_per_min"]),
        ({"stability_budget": [{"low_c": 8, "high_c": 15, "allowed": 24}]}, ["[0].allowed", "24", "allowed_h"]),
    ],
)
def test_a_wrong_profile_is_refused_with_field_value_and_remedy(change: dict[str, Any], says: list[str]) -> None:
    with pytest.raises(InvalidValue) as refused:
        profile_from({**GOOD, **change})
    assert all(part in str(refused.value) for part in says)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hold_min": None, "hold": 30}, ["rules[0].hold", "30", "hold_min"]),
        ({"hold_min": 30, "hold_h": 1}, ["rules[0].hold", "several units"]),
        ({"kind": "sometimes"}, ["rules[0].kind", "sometimes", "consecutive"]),
        ({"severity": "high"}, ["rules[0].severity", "high", "critical"]),
        ({"direction": "up"}, ["rules[0].direction", "up"]),
        ({"window": {"kind": "calendar", "zone": "Mars/Base"}}, ["window.zone", "Mars/Base", "Europe/Berlin"]),
        ({"window": {"length_min": 10}}, ["hold", "longer than its window"]),
        ({"stages": ["flying"]}, ["stages", "flying"]),
        ({"limit": 8}, ["rules[0].limit", "8", "no unit", "limit_c"]),
        ({"ignore_start": 10}, ["rules[0].ignore_start", "10", "ignore_start_min"]),
        ({"counts": "samples"}, ["rules[0].counts", "samples", "readings"]),
        ({"counts": "readings", "kind": "cumulative", "window": {"length_h": 24}}, ["counts", "window", "leave one"]),
    ],
)
def test_a_wrong_rule_is_refused_with_field_value_and_remedy(change: dict[str, Any], says: list[str]) -> None:
    rule = {**GOOD["alarm_profile"]["rules"][0], **change}
    body = {**GOOD, "alarm_profile": {"id": "a", "rules": [{k: v for k, v in rule.items() if v is not None}]}}
    with pytest.raises(InvalidValue) as refused:
        profile_from(body)
    assert all(part in str(refused.value) for part in says)


def test_limits_that_leave_nothing_inside_are_refused_with_both_rules() -> None:
    low = {"id": "low", "kind": "instant", "direction": "low", "limit_c": 9, "severity": "minor"}
    high = {"id": "high", "kind": "instant", "direction": "high", "limit_c": 8, "severity": "minor"}
    with pytest.raises(InvalidValue, match=r"'high' and 'low' are crossed: above 8 and below 9 .* move one"):
        profile_from({**GOOD, "alarm_profile": {"id": "a", "rules": [low, high]}})
    apart = [{**low, "stages": ["loading"]}, {**high, "stages": ["in_transit"]}]
    assert len(profile_from({**GOOD, "alarm_profile": {"id": "a", "rules": apart}}).rules) == 2


def test_goods_below_freezing_are_frozen_whatever_their_class_is_called() -> None:
    assert profile_from({**GOOD, "storage_class": "frozen", "label_range": {"low_c": -25, "high_c": -15}}).frozen
    assert not profile_from({**GOOD, "label_range": {"low_c": 2, "high_c": 8}}).frozen


def test_the_example_of_the_reference_is_a_profile() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "product-profiles.md"
    example = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    assert profile_from_toml(example).budget[0].allowed_ms == 24 * 3_600_000


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(InvalidValue) as refused:
        profile_from_toml('id = "a b"\ncolour = 1\nlabel_range = { low_c = 8, high_c = 2 }\nstorage_class = "cct"')
    assert all(name in str(refused.value) for name in ("id", "colour", "label_range"))
