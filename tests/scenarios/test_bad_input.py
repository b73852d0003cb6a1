"""Bad input is answered with field, value and remedy, by the API and by the page, and nothing of it is kept."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from web_cast import Web, installed

from coldchain.domain.profile_format import profile_from
from coldchain.errors import ColdchainError
from coldchain.registry.schema import audit, product_profile
from coldchain.registry.viewer import SYSTEM
from dashboard.pages.profiles_edit import saved

AT = "/api/v1/product-profiles"
Json = dict[str, Any]
WRONG: list[tuple[Json, list[str]]] = [
    ({"label_range": {"low_c": 8, "high_c": 2}}, ["label_range", "crossed", "8 … 2", "low_c must lie below high_c"]),
    ({"label_range": {"low": 2, "high_c": 8}}, ["label_range.low", "= 2", "no unit", "low_c"]),
    ({"stability_budget": [{"low_c": 8, "high_c": 15, "allowed": 24}]}, ["[0].allowed", "24", "no unit", "allowed_h"]),
    ({"stability_budget": [{"low_c": 8, "high_c": 15}, {"low_c": 12, "high_c": 20}]},
     ["stability_budget[1]", "12 … 20", "overlaps another band", "begin where the one before ends"]),
    ({"stability_budget": [{"low_c": 5, "high_c": 15}]}, ["stability_budget[0]", "5 … 15", "overlaps the label range"]),
    ({"label_range": {"low_c": 2.00001, "high_c": 8}}, ["label_range.low_c", "2.00001", "three decimals", "round it"]),
    ({"label_range": {"low_c": "2", "high_c": 8}}, ["label_range.low_c", "'2'", "without quotes"]),
    ({"name": "a\x00b"}, ["name", r"'a\x00b'", "readable text"]),
    ({"name": "   "}, ["name", "'   '", "readable text of 1 to 200"]),
    ({"name": "x" * 50_000}, ["name", "xxx…", "of 1 to 200"]),
]  # fmt: skip


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as made:
        yield made


def kept(web: Web) -> tuple[int, int]:
    """How many versions and audit rows there are."""
    with web.registry.read() as connection:
        versions = connection.execute(select(func.count()).select_from(product_profile)).scalar_one()
        rows = select(func.count()).select_from(audit).where(audit.c.object_kind == "product_profile")
        return versions, connection.execute(rows).scalar_one()


def body_of(web: Web, change: Json) -> Json:
    known = web.as_role("quality").get(f"{AT}/cct-2-8").json()
    return {**copy.deepcopy(known), **change, "version": 2}


@pytest.mark.parametrize(("change", "names"), WRONG)
def test_a_wrong_profile_is_refused_by_the_api_and_none_of_it_is_kept(web: Web, change: Json, names: list[str]) -> None:
    before = kept(web)
    quality = web.as_role("quality")
    refused = quality.post(AT, json={**body_of(web, change), "reason": "CC-1"})
    assert refused.status_code == 422
    assert [name for name in names if name not in refused.json()["detail"]] == []
    told = quality.post(f"{AT}/check", json=body_of(web, change)).json()["problems"]
    assert any(all(name in one for name in names) for one in told), told
    assert kept(web) == before


@pytest.mark.parametrize(("change", "names"), WRONG)
def test_a_wrong_profile_is_refused_by_the_page_in_the_same_words(web: Web, change: Json, names: list[str]) -> None:
    before = kept(web)
    known = body_of(web, {})
    plain = {name: known[name] for name in known if name in ("id", "name", "storage_class", "alarm_profile")}
    with pytest.raises(ColdchainError) as refused:
        saved(web.services, SYSTEM, {"label_range": {"low_c": 2, "high_c": 8}, **plain, **change, "version": 2}, "CC-1")
    assert [name for name in names if name not in str(refused.value)] == []
    assert kept(web) == before


def test_all_mistakes_of_one_body_are_told_together(web: Web) -> None:
    both = {**WRONG[0][0], **WRONG[2][0]}
    detail = web.as_role("quality").post(AT, json={**body_of(web, both), "reason": "x"}).json()["detail"]
    assert "crossed" in detail
    assert "allowed" in detail


def test_a_mistake_in_the_range_is_told_without_what_only_follows_from_it(web: Web) -> None:
    quality = web.as_role("quality")
    for wrong in ({"low_c": "2 °C", "high_c": 8}, {"low_c": 8, "high_c": 2}, [2, 8], {"low_c": None, "high_c": None}):
        told = quality.post(f"{AT}/check", json=body_of(web, {"label_range": wrong})).json()["problems"]
        assert told
        assert all(one.startswith("label_range") for one in told), told


def test_what_was_stored_before_it_was_refused_is_still_read() -> None:
    body = {"id": "old", "storage_class": "x", "name": " ", "label_range": {"low_c": 2.00001, "high_c": 8}}
    assert profile_from(body).label.text() == "2 … 8 °C"
    with pytest.raises(ColdchainError, match="three decimals"):
        profile_from(body, new=True)


def test_a_hold_shorter_than_three_sampling_intervals_is_a_warning_and_may_be_saved(web: Web) -> None:
    body = body_of(web, {})
    told = web.as_role("quality").post(f"{AT}/check?interval_s=1200", json=body).json()
    assert told["problems"] == []
    [hold] = [one for one in told["warnings"] if one["field"] == "alarm_profile.rules[2].hold"]
    assert "shorter than 3 reporting intervals of 20 min" in hold["words"]
    changed = {**body, "gap_warming_c_per_min": 0.4, "reason": "CC-2"}
    assert web.as_role("quality").post(AT, json=changed).status_code == 201


def test_what_is_no_profile_at_all_is_refused_and_kept_nowhere(web: Web) -> None:
    before = kept(web)
    quality = web.as_role("quality")
    for sent, name in ((b"[1]", "not a JSON object"), (b"{", "not JSON"), (b'{"id": 1e999999}', "1e999999")):
        refused = quality("POST", AT, content=sent, headers={"content-type": "application/json"})
        assert (refused.status_code, name in refused.json()["detail"]) == (422, True), refused.text
    assert kept(web) == before
