"""Numbers and times as people read them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.pages.compliance import address
from dashboard.parts import text
from dashboard.parts.shipment_blocks import Event, folded


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [(8.0, 8.0, "8.0 °C"), (8.04, 8.0, "8.04 °C"), (8.001, 8.0, "8.001 °C"), (7.96, 8.0, "7.96 °C"),
     (8.1, 8.0, "8.1 °C"), (14.84, 8.0, "14.8 °C"), (-18.0, -20.0, "−18.0 °C"), (-0.04, None, "0.0 °C"),
     (1.999, 2.0, "1.999 °C")],
)  # fmt: skip
def test_a_temperature_is_shown_on_its_side_of_the_limit(value: float, limit: float | None, shown: str) -> None:
    assert text.celsius(value, limit) == shown


@given(st.integers(-90_000, 60_000), st.integers(-90_000, 60_000))
def test_no_shown_temperature_changes_sides(value_mc: int, limit_mc: int) -> None:
    shown_mc = Decimal(text.degrees(value_mc / 1000, limit_mc / 1000).replace("−", "-")) * 1000
    assert (shown_mc > limit_mc) is (value_mc > limit_mc)
    assert (shown_mc < limit_mc) is (value_mc < limit_mc)


def test_a_share_is_rounded_down_so_that_almost_all_is_not_all() -> None:
    assert text.percent_floored(99_999, 100_000) == "99.99 %"
    assert text.percent_floored(1, 1) == "100.00 %"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (12_000, "3 h 20 min"), (172_800, "2 d"),
     (180_000, "2 d 2 h"), (None, "–")],
)  # fmt: skip
def test_a_length_of_time_is_said_in_its_two_largest_units(seconds: float | None, shown: str) -> None:
    assert text.duration(seconds) == shown


def test_figures_are_rounded_half_even_to_two_decimals() -> None:
    assert text.fixed(5.125, 2, "°C") == "5.12 °C"
    assert text.fixed(5.135, 2) == "5.14"
    assert text.fixed(None) == "–"


def test_both_sides_of_the_autumn_change_read_differently() -> None:
    zone = text.zone_of("Europe/Berlin")
    before, after = 1_792_888_200_000, 1_792_891_800_000
    assert text.moment(before, zone) == "25 Oct 2026 02:30 UTC+02:00"
    assert text.moment(after, zone) == "25 Oct 2026 02:30 UTC+01:00"


def test_a_zone_that_does_not_exist_is_utc() -> None:
    assert text.zone_of("Mars/Olympus").key == "UTC"
    assert text.zone_of("../../etc/passwd").key == "UTC"


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(2.0, 8.0, "2 … 8 °C"), (None, 25.0, "up to 25 °C"), (-25.0, -15.0, "−25 … −15 °C"), (2.0, None, "from 2 °C"),
     (None, None, "no limits")],
)  # fmt: skip
def test_a_label_range_reads_as_people_write_it(low: float | None, high: float | None, shown: str) -> None:
    assert text.label_range(low, high) == shown


def test_lines_that_say_the_same_one_after_the_other_are_one() -> None:
    lines = folded([Event("3", "SMS sent"), Event("2", "SMS sent"), Event("1", "Raised"), Event("0", "SMS sent")])
    assert [(event.at, event.words, times) for event, times in lines] == [
        ("3", "SMS sent", 2), ("1", "Raised", 1), ("0", "SMS sent", 1),
    ]  # fmt: skip


def test_a_period_of_the_summary_keeps_what_it_was_narrowed_to() -> None:
    assert address("90", product="crt-20-25") == "/compliance?days=90&product=crt-20-25"
    assert address("7", lane="A → B") == "/compliance?days=7&lane=A+%E2%86%92+B"


def test_a_position_is_said_with_its_hemispheres() -> None:
    assert text.position(-1.2864, 36.8172) == "1.286° S, 36.817° E"


def test_a_share_of_milliseconds_is_rounded_down_from_what_it_is_and_not_from_what_binary_makes_of_it() -> None:
    for whole_ms in range(7_951_000, 7_952_000):
        assert text.percent_floored(whole_ms / 1000, whole_ms / 1000) == "100.00 %"
        assert text.percent_floored(whole_ms / 2000, whole_ms / 2000 + whole_ms / 2000) == "50.00 %"
        assert text.percent_floored((whole_ms - 1) / 1000, whole_ms / 1000) == "99.99 %"
    assert text.percent_floored(0.1 + 0.2, 0.3) == "100.00 %"
