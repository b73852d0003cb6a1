"""What is typed into a form is read in UTC, and what is refused is said to whoever cannot see the page, too."""

import pytest

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from dashboard.parts.states import refusal
from dashboard.parts.typed import utc_moment


def test_a_day_and_a_time_are_read_in_utc_with_or_without_seconds() -> None:
    assert utc_moment("From", "2026-11-22T12:30") == ms_from_iso("2026-11-22T12:30:00Z")
    assert utc_moment("From", "2026-11-22T12:30:15") == ms_from_iso("2026-11-22T12:30:15Z")


@pytest.mark.parametrize("typed", ["", "2026-11-22", "tomorrow", "2026-13-22T12:30", "2026-11-22T12:30Z", "x" * 16])
def test_what_is_no_day_and_time_is_refused_with_its_field(typed: str) -> None:
    with pytest.raises(InvalidValue, match=r"^To: choose a day and a time\.$"):
        utc_moment("To", typed)


def test_a_refusal_is_read_out_and_marked() -> None:
    said = refusal(InvalidValue("To: choose a day and a time."))
    assert said.children == "To: choose a day and a time."
    assert (said.role, said.className) == ("alert", "status refusal")
    assert said.to_plotly_json()["props"]["data-status"] == "at_risk"
