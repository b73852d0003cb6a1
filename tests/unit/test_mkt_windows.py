"""The hottest window around each excursion: found among its neighbours' candidates, equal to trying every one."""

from decimal import Decimal
from random import Random

import pytest
from judging import MINUTE, at, trace

from compliance.excursions import outside
from compliance.mkt import Weighted
from compliance.mkt_sums import Cumulated
from compliance.mkt_windows import Windows

RATIO = Decimal(10_000)


def tried(sums: Cumulated, length: int, onset: int, end: int, chance: Random) -> list[Weighted]:
    """The means of windows around an excursion: all that begin or end at a sample or at its edges, and many others."""
    times = sums.moments().tolist()
    low, high = sorted((end - length, onset))
    first, last = times[0], max(times[0], times[-1] - length)
    low, high = min(max(low, first), last), max(min(high, last), first)
    starts = {low, high, *times, *(moment - length for moment in times)}
    starts |= {chance.randint(low, high) for _ in range(100)}
    return [sums.between(start, start + length) for start in sorted(starts) if low <= start <= high]


@pytest.mark.parametrize("seed", range(40))
def test_no_window_that_covers_an_excursion_is_hotter_than_the_worst_one(seed: int) -> None:
    chance = Random(seed)
    minute, samples = 0, []
    for _ in range(chance.choice((5, 40, 120))):
        minute += chance.choice((5, 5, 5, 10, 25, 200))
        samples.append((minute, chance.choice((4.0, 7.0, 8.5, 9.0, 11.0))))
    made = trace(*samples)
    sums, length = Cumulated(RATIO, made), chance.choice((30, 60, 600, 1440)) * MINUTE
    windows = Windows(sums, length)
    for stretch in outside(made, 8000, high=True):
        end = int(made.time_ms[stretch.last]) if stretch.end_ms is None else stretch.end_ms
        worst, trailing = windows.worst_and_trailing(stretch.onset_ms, end)
        others = tried(sums, length, stretch.onset_ms, end, chance)
        # Beside a gap a window may know next to nothing, and that may be hot; with as much known none is hotter.
        assert not any(one.weight >= worst.mean.weight and one.hotter_than(worst.mean) for one in others)
        assert worst.mean == sums.between(worst.start_ms, worst.end_ms)
        assert trailing.end_ms == end


def test_the_hottest_window_may_begin_and_end_between_two_samples() -> None:
    """One reading of 15 °C among readings of 5 °C an hour apart: the hottest 90 minutes lie evenly around it."""
    made = trace(*[(60 * k, 15.0 if k == 10 else 5.0) for k in range(20)], interval_min=60)
    [stretch] = outside(made, 8000, high=True)
    worst, _ = Windows(Cumulated(RATIO, made), 90 * MINUTE).worst_and_trailing(stretch.onset_ms, stretch.end_ms or 0)
    assert (worst.start_ms, worst.end_ms) == (at(600 - 45), at(600 + 45))


def test_the_hottest_window_beside_a_gap_may_end_between_two_samples() -> None:
    """It reaches from a gap into readings that fall; it goes on as long as what it takes in is above its own mean."""
    after = (3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 9.0, 7.5, *[3.0] * 8)
    made = trace(*[(60.0 * k, 4.0) for k in range(4)], *[(600 + 60.0 * k, celsius) for k, celsius in enumerate(after)],
                 interval_min=60)  # fmt: skip
    sums, length = Cumulated(RATIO, made), 600 * MINUTE
    [stretch] = outside(made, 8000, high=True)
    worst, _ = Windows(sums, length).worst_and_trailing(stretch.onset_ms, stretch.end_ms or 0)
    assert at(180) < worst.start_ms < at(600)
    assert at(1020) < worst.end_ms < at(1080)
    beside = [sums.between(at(minute), at(minute + 600)) for minute in range(400, 500)]
    assert not any(other.hotter_than(worst.mean) for other in beside)


def test_a_thousand_excursions_sum_each_window_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = trace(*[(5 * k, 9.0 if k % 5 == 0 else 5.0) for k in range(5000)])
    sums, asked = Cumulated(RATIO, made), []
    between = sums.between
    monkeypatch.setattr(sums, "between", lambda a, b: asked.append(a) or between(a, b))  # type: ignore[func-returns-value]
    windows = Windows(sums, 1440 * MINUTE)
    found = outside(made, 8000, high=True)
    for stretch in found:
        windows.worst_and_trailing(stretch.onset_ms, stretch.end_ms or int(made.time_ms[stretch.last]))
    assert len(found) == 1000
    assert len(asked) <= 2 * 5000 + 3 * 1000
