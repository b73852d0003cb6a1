"""The benchmark's table says what was held, what was missed, and what was not measured."""

import pytest

from bench import line_protocol
from bench.table import Anchor, cells, markdown, rates

HELD = [
    (1.0, ">= 1", True),
    (0.99, ">= 1", False),
    (10.0, "<= 10", True),
    (10.1, "<= 10", False),
    (None, ">= 1", None),
    (5.0, "", None),
]


@pytest.mark.parametrize(("ratio", "hold", "held"), HELD)
def test_an_anchor_is_held_missed_or_open(ratio: float | None, hold: str, held: bool | None) -> None:
    assert Anchor("a", "", "", ratio, hold).held is held


def test_a_ratio_is_taken_pair_by_pair_so_that_a_slow_moment_hits_both() -> None:
    assert rates([10, 1, 20], [5, 0.5, 10]) == (10, 5, 2)


def test_what_was_missed_or_not_measured_stands_in_the_document() -> None:
    text = markdown([Anchor("a", "1", "2", 0.5, ">= 1"), Anchor("b", "", "", None, ">= 1", "no server")], "2026-11-22")
    assert "| a | 1 | 2 | 0.50 | >= 1 | MISSED |  |" in text
    assert "| b |  |  | not measured | >= 1 |  | no server |" in text


def test_a_measurement_gives_a_ratio() -> None:
    [anchor] = line_protocol.measure(0.01)
    assert anchor.ratio is not None
    assert cells(anchor)[0] == "own line protocol"
