"""Cumulative time over windows, against a count of every single minute."""

from hypothesis import given, settings
from hypothesis import strategies as st

from coldchain.domain.finding import Severity
from coldchain.domain.profile import Rule, RuleKind, Window
from compliance.windows import Accumulation

DAY = 1440  # the tests count in milliseconds as if each were a minute


@st.composite
def stretches(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Disjoint stretches outside, in order."""
    found, moment = [], 0
    for _ in range(draw(st.integers(1, 6))):
        moment += draw(st.integers(1, 40))
        end = moment + draw(st.integers(1, 40))
        found.append((moment, end))
        moment = end
    return found


def rule(window: Window | None) -> Rule:
    return Rule("r", RuleKind.CUMULATIVE, Severity.MINOR, window=window)


@settings(max_examples=300, deadline=None)
@given(stretches(), st.integers(1, 60), st.integers(1, 90))
def test_a_rolling_window_fires_at_the_first_moment_with_enough_time_outside(
    outside: list[tuple[int, int]], hold: int, length: int
) -> None:
    hold = min(hold, length)
    accumulation = Accumulation(rule(Window(length)), hold)
    fired = [accumulation.add(start, end) for start, end in outside]
    minutes = {minute for start, end in outside for minute in range(start, end)}
    for (start, end), moment in zip(outside, fired, strict=True):
        enough = [x for x in range(start, end + 1) if len(minutes & set(range(x - length, x))) >= hold]
        assert moment == (enough[0] if enough else None)


@settings(max_examples=200, deadline=None)
@given(stretches(), st.integers(1, 120))
def test_over_the_whole_shipment_every_minute_counts(outside: list[tuple[int, int]], hold: int) -> None:
    accumulation = Accumulation(rule(None), hold)
    fired = [accumulation.add(start, end) for start, end in outside]
    minutes = sorted(minute for start, end in outside for minute in range(start, end))
    for (start, end), moment in zip(outside, fired, strict=True):
        enough = [x for x in range(start, end + 1) if sum(m < x for m in minutes) >= hold]
        assert moment == (enough[0] if enough else None)


def test_the_expected_moment_is_the_one_at_which_it_fires() -> None:
    for window in (None, Window(100)):
        accumulation = Accumulation(rule(window), 30)
        assert accumulation.add(0, 10) is None
        assert accumulation.add(50, 55) is None
        due = accumulation.expected(55)
        again = Accumulation(rule(window), 30)
        again.add(0, 10)
        assert again.add(50, due or 0) == due == 70
