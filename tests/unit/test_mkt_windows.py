"""The hottest window around each excursion: found among its neighbours' candidates, equal to trying every one."""

from decimal import Decimal
from random import Random

import pytest
from judging import MINUTE, trace

from compliance.excursions import outside
from compliance.mkt import Weighted
from compliance.mkt_windows import Cumulated, Windows

RATIO = Decimal(10_000)


def tried(sums: Cumulated, length: int, onset: int, end: int) -> Weighted:
    """The mean of the hottest window by trying all that begin or end at a sample or at an edge of the excursion."""
    times = sums.moments().tolist()
    low, high = sorted((end - length, onset))
    first, last = times[0], max(times[0], times[-1] - length)
    low, high = min(max(low, first), last), max(min(high, last), first)
    starts = {low, high, *times, *(moment - length for moment in times)}
    means = [sums.between(start, start + length) for start in sorted(starts) if low <= start <= high]
    worst = sums.between(end - length, end)
    for mean in means:
        if mean.weight and (not worst.weight or mean.hotter_than(worst)):
            worst = mean
    return worst


@pytest.mark.parametrize("seed", range(40))
def test_the_hottest_window_is_the_one_that_trying_them_all_finds(seed: int) -> None:
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
        assert worst.mean == tried(sums, length, stretch.onset_ms, end)
        assert trailing.end_ms == end


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
