"""Product profiles as data: the shipped ones, and clear refusals of wrong ones."""

from pathlib import Path
from typing import Any

import pytest

from coldchain.domain.finding import Severity
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
    ],
)
def test_a_wrong_rule_is_refused_with_field_value_and_remedy(change: dict[str, Any], says: list[str]) -> None:
    rule = {**GOOD["alarm_profile"]["rules"][0], **change}
    body = {**GOOD, "alarm_profile": {"id": "a", "rules": [{k: v for k, v in rule.items() if v is not None}]}}
    with pytest.raises(InvalidValue) as refused:
        profile_from(body)
    assert all(part in str(refused.value) for part in says)


def test_the_example_of_the_reference_is_a_profile() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "product-profiles.md"
    example = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    assert profile_from_toml(example).budget[0].allowed_ms == 24 * 3_600_000


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(InvalidValue) as refused:
        profile_from_toml('id = "a b"\ncolour = 1\nlabel_range = { low_c = 8, high_c = 2 }\nstorage_class = "cct"')
    assert all(name in str(refused.value) for name in ("id", "colour", "label_range"))
