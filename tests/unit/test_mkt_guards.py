"""What a mean kinetic temperature may be used for and what not, and how long goods may be warm before it says so."""

from decimal import Decimal

import pytest
from judging import judged, profile

from coldchain.domain.profile import DAY_MS
from compliance import mkt
from compliance.arrhenius import factor
from compliance.mkt import of_weights
from compliance.shipped import shipped_profile

RATIO = Decimal(10_000)
MONTH_H = 30 * 24


def hours_allowed(base: float, hot: float, limit: float, window_h: int) -> Decimal:
    """For how long a window at `base` may be at `hot` before its mean passes `limit`."""
    low, high, at_limit = (factor(RATIO, round(1000 * celsius)) for celsius in (base, hot, limit))
    return Decimal(window_h * (at_limit - low)) / Decimal(high - low)


@pytest.mark.parametrize(
    ("base", "hot", "limit", "window_h", "printed"),
    [
        (5, 15, 8, 24, "4.52"),
        (5, 12, 8, 24, "7.92"),
        (5, 10, 8, 24, "12.66"),
        (3, 15, 8, 24, "6.17"),
        (4, 15, 8, 24, "5.43"),
        (6, 15, 8, 24, "3.38"),
        (22, 40, 25, MONTH_H, "48.66"),
        (22, 30, 25, MONTH_H, "202.4"),
        (24, 40, 25, MONTH_H, "18.78"),
    ],
)
def test_the_budget_of_a_window_comes_out_to_its_printed_digit(
    base: float, hot: float, limit: float, window_h: int, printed: str
) -> None:
    hours = hours_allowed(base, hot, limit, window_h)
    assert str(hours.quantize(Decimal(printed))) == printed
    # And the mean itself stands at the limit there.
    pairs = [(round(1000 * hot), round(hours * 10**9)), (round(1000 * base), round((window_h - hours) * 10**9))]
    assert mkt.celsius(RATIO, of_weights(RATIO, pairs)) == pytest.approx(limit, abs=1e-6)


@pytest.mark.parametrize(("warm_h", "over"), [(4.4, False), (4.7, True)])
def test_a_day_of_cct_goods_passes_eight_degrees_after_four_and_a_half_hours_at_fifteen(
    warm_h: float, over: bool
) -> None:
    """In the engine, with readings every two minutes: the ramps up and down are part of the time."""
    warm = [(2.0 * k, 15.0 if 1440 <= 2 * k < 1440 + warm_h * 60 else 5.0) for k in range(2160)]
    document = judged(*warm, by=shipped_profile("cct-2-8"), interval_min=2).document
    worst = max(window["worst"]["value_c"] for window in document["mkt"]["windows"])  # type: ignore[index]
    assert (worst > 8) is over
    reasons = document["suggestion"]["reasons"]  # type: ignore[index]
    assert any("mean kinetic temperature" in reason for reason in reasons) is over


def test_a_long_period_dilutes_what_its_worst_month_shows() -> None:
    """The published narrative: 23.98 °C over a year, 28.98 °C over the worst 30 days."""
    year = [(360.0 * k, 30.0 if 200 * 4 <= k < 228 * 4 else 22.5) for k in range(364 * 4)]
    document = judged(*year, by=shipped_profile("crt-20-25"), interval_min=360).document
    whole = document["mkt"]["value_c"]  # type: ignore[index]
    worst = max(window["worst"]["value_c"] for window in document["mkt"]["windows"])  # type: ignore[index]
    assert whole < 25 < worst
    assert {window["length_s"] for window in document["mkt"]["windows"]} == {30 * DAY_MS / 1000}  # type: ignore[index]
    assert document["suggestion"]["tier"] > 1  # type: ignore[index]


def test_a_good_mean_never_makes_a_tier_better() -> None:
    """Nothing in the profile allows time above the label, so a mean below its limit releases nothing."""
    goods = profile(storage_class="cct", mkt_windows=[{"id": "24h", "length_h": 24, "limit_c": 8}])
    document = judged(*[(10.0 * k, 8.5 if 60 <= k < 66 else 4.0) for k in range(288)], by=goods).document
    assert document["mkt"]["windows"][0]["worst"]["value_c"] < 8  # type: ignore[index]
    assert document["suggestion"]["tier"] == 3  # type: ignore[index]


def test_a_good_mean_never_excuses_a_freezing_event() -> None:
    for name in ("refrigerated-2-8-freeze-sensitive", "cct-2-8"):
        samples = [(10.0 * k, -5.0 if 60 <= k < 66 else 5.0) for k in range(144)]
        document = judged(*samples, by=shipped_profile(name)).document
        assert document["mkt"]["value_c"] < 8  # type: ignore[index]
        assert document["mkt"]["windows"] == []  # type: ignore[index]
        assert document["suggestion"]["tier"] == 3  # type: ignore[index]
        assert not any("kinetic" in reason for reason in document["suggestion"]["reasons"])  # type: ignore[index]


@pytest.mark.parametrize("name", ["frozen-25-15", "ultra-low"])
def test_frozen_goods_have_no_mean_however_warm_they_became(name: str) -> None:
    said = judged((0, -20.0), (10, 5.0), (20, 30.0), by=shipped_profile(name)).document["mkt"]
    assert (said["value_c"], said["lower_c"], said["upper_c"], said["windows"]) == (None, None, None, [])  # type: ignore[index]
    assert "frozen" in said["reason"]  # type: ignore[index]


def test_a_reading_at_eight_is_inside_and_at_eight_point_one_outside() -> None:
    for celsius, found in (("8.0", 0), ("8.000", 0), ("8.001", 1), ("8.1", 1), ("2.0", 0), ("1.9", 1)):
        said = judged((0, "5"), (10, celsius), (20, "5"), by=shipped_profile("refrigerated-2-8"))
        assert len(said.excursions) == found, celsius


def test_seven_to_eight_point_two_and_back_is_three_and_a_third_minutes_above() -> None:
    [found] = judged((0, "7.0"), (10, "8.2"), (20, "7.0")).excursions
    assert found.duration_ms == 200_000
    assert found.area_mc_ms == 200_000 * 100  # a triangle of 0.2 °C
    assert found.mean_c == 8.1


@pytest.mark.parametrize(
    ("name", "warm", "tier", "says"),
    [
        ("cct-2-8", 14.9, 1, "1440.0 min allowed"),
        ("cct-2-8", 15.1, 3, "allows no time there"),
        ("crt-20-25", 29.9, 1, ""),
        ("crt-20-25", 40.1, 3, "allows no time there"),
    ],
)
def test_the_budgets_of_cct_and_crt(name: str, warm: float, tier: int, says: str) -> None:
    base = 5.0 if name == "cct-2-8" else 22.0
    samples = [(10.0 * k, warm if 60 <= k < 66 else base) for k in range(144)]
    suggestion = judged(*samples, by=shipped_profile(name)).document["suggestion"]
    assert suggestion["tier"] == tier, suggestion  # type: ignore[index]
    assert any(says in reason for reason in suggestion["reasons"]), suggestion  # type: ignore[index]


@pytest.mark.parametrize(("hours", "tier"), [(23, 1), (25, 2)])
def test_crt_goods_may_spike_to_forty_for_a_day_in_all(hours: int, tier: int) -> None:
    spike = range(30 * 144, 30 * 144 + 6 * hours)  # after a month, so that the window that ends with it is known
    samples = [(10.0 * k, 35.0 if k in spike else 21.0) for k in range(32 * 144)]
    document = judged(*samples, by=shipped_profile("crt-20-25")).document
    bands = document["stability_budget"]["bands"]  # type: ignore[index]
    assert [band["allowed_s"] for band in bands if band["range"]["low_c"] == 30] == [24 * 3600]
    assert document["suggestion"]["tier"] == tier, document["suggestion"]  # type: ignore[index]
