"""Decimal text becomes integers exactly, and only times that a calendar knows become times."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldchain.domain.quantity import iso, milli, milli_from_float, ms_from_iso, scaled
from coldchain.errors import InvalidValue


@given(st.integers(-(10**50), 10**50), st.integers(0, 60), st.integers(0, 7))
def test_a_number_of_any_length_is_rounded_once_and_half_to_even(digits: int, decimals: int, places: int) -> None:
    exact = Fraction(digits * 10**places, 10**decimals)
    number = Decimal(f"{digits}e-{decimals}")
    if abs(exact) > 10 ** (15 + places):
        with pytest.raises(InvalidValue):
            scaled(number, places)
    else:
        assert scaled(number, places) == round(exact)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4.0005", 4_000),
        ("4.0015", 4_002),
        ("4.0005" + "0" * 40 + "1", 4_001),
        ("8.000" + "4" + "9" * 40, 8_000),
        ("-4.0005" + "0" * 30 + "1", -4_001),
        ("1e-999", 0),
    ],
)
def test_digits_far_behind_the_edge_decide_on_which_side_it_falls(text: str, expected: int) -> None:
    assert milli(text) == expected


@pytest.mark.parametrize("number", [Decimal("1e999999999"), Decimal("-1e16"), Decimal("nan"), Decimal("inf")])
def test_a_number_that_no_sensor_sends_is_refused_whatever_its_size(number: Decimal) -> None:
    with pytest.raises(InvalidValue):
        scaled(number, 3)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_whose_offset_leads_out_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="years 1 to 9999"):
        ms_from_iso(text)


@pytest.mark.parametrize("offset", ["+25:00", "-99:99", "+02:60", "+2400"])
def test_an_offset_that_no_clock_has_is_refused(offset: str) -> None:
    with pytest.raises(InvalidValue, match="no offset from UTC"):
        ms_from_iso(f"2026-01-05T10:00:00{offset}")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
def test_the_first_and_the_last_moment_of_the_calendar_come_back(text: str) -> None:
    assert iso(ms_from_iso(text)) == text


@pytest.mark.parametrize("clock", ["24:00:00", "10:60:00", "10:00:61", "10:00:75", "25:10:10"])
def test_a_time_that_no_day_has_is_refused(clock: str) -> None:
    with pytest.raises(InvalidValue, match="is not a time of the day"):
        ms_from_iso(f"2026-01-05T{clock}Z")


def test_a_leap_second_is_the_last_second_of_its_minute() -> None:
    assert ms_from_iso("2016-12-31T23:59:60Z") == ms_from_iso("2016-12-31T23:59:59Z")


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - the zone is written behind it
    st.integers(0, 9),
    st.sampled_from(["Z", "z", "+00:00", "+0000", "+01:30", "-08:00"]),
    st.sampled_from(["T", " "]),
)
def test_every_spelling_of_a_moment_is_the_same_moment(at: datetime, digits: int, zone: str, between: str) -> None:
    fraction = f"{at.microsecond:06}000"[:digits]
    text = at.strftime(f"%Y-%m-%d{between}%H:%M:%S").rjust(19, "0") + (f".{fraction}" if fraction else "") + zone
    whole = datetime.fromisoformat(text[:19] + zone.upper())
    seconds = round((whole - datetime.fromisoformat("1970-01-01T00:00:00+00:00")).total_seconds())
    assert ms_from_iso(text) == seconds * 1000 + int(fraction.ljust(3, "0")[:3])


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05T10:00:00", "2026-01-05T10:00:00.Z", "2026-01-05T10:00:00.1234567890Z", "2026-01-05T10:00:00.123xZ",
        "2026-01-05T10:00:00.12٣Z", "2026-01-05T10:00:00.123٤Z", "2026-02-30T10:00:00Z", "2026-01-05T10:00:00ZZ",
        "٢٠٢٦-01-05T10:00:00Z", "2026-01-05T10:00:00+00:00Z", "",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_moment_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        ms_from_iso(text)
    assert repr(text)[:40] in str(refused.value)


@given(st.decimals(-2_000_000_000, 2_000_000_000, places=6), st.integers(0, 6))
def test_a_binary_fraction_is_rounded_as_the_text_that_was_sent(number: Decimal, places: int) -> None:
    sent = round(number, places)
    if len(str(sent).replace("-", "").replace(".", "")) <= 15:
        assert milli_from_float(float(sent)) == milli(sent)
