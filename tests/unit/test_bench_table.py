"""The benchmark's table says what was held, what was missed, and what was not measured."""

from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import line_protocol, roads
from bench.processes import until
from bench.table import Anchor, Section, Took, absent, beside, cells, document, rates

HELD = [
    (1.0, ">= 1", True),
    (0.99, ">= 1", False),
    (10.0, "<= 10", True),
    (10.1, "<= 10", False),
    (None, ">= 1", None),
    (5.0, "", None),
]
ORDER = ("first", "second")


def section(name: str, *anchors: Anchor) -> Section:
    return Section(name, f"What {name} is.", "2026-11-22, load 0.1 before", anchors)


@pytest.mark.parametrize(("ratio", "hold", "held"), HELD)
def test_an_anchor_is_held_missed_or_open(ratio: float | None, hold: str, held: bool | None) -> None:
    assert Anchor("a", "", "", ratio, hold).held is held


def test_a_ratio_is_taken_pair_by_pair_so_that_a_slow_moment_hits_both() -> None:
    assert rates([10, 1, 20], [5, 0.5, 10]) == (10, 5, 2)


def test_what_was_missed_or_not_measured_stands_in_the_document() -> None:
    text = document(
        "", [section("first", Anchor("a", "1", "2", 0.5, ">= 1"), absent("b", "no\nserver", ">= 1"))], ORDER
    )
    assert "| a | 1 | 2 | 0.50 | >= 1 | MISSED |  |" in text
    assert "| b |  |  | not measured | >= 1 |  | no server |" in text


def test_a_figure_without_a_ratio_was_measured_all_the_same() -> None:
    assert cells(Anchor("memory", "69 MiB", "", None, ""))[3] == ""


def test_what_is_measured_anew_replaces_its_section_and_keeps_the_others_in_their_order() -> None:
    both = document(
        "", [section("second", Anchor("b", "1", "", 1, "")), section("first", Anchor("a", "1", "", 1, ""))], ORDER
    )
    again = document(both, [section("first", Anchor("a", "7", "", 7, ""))], ORDER)
    assert "| a | 7 |  | 7.00 |" in again
    assert "| a | 1 |" not in again
    assert again.index("## first") < again.index("## second")
    assert again.count("| b | 1 |") == 1


def test_a_measurement_that_no_longer_exists_leaves_the_document() -> None:
    old = document("", [section("gone", Anchor("a", "1", "", 1, ""))], ("gone",))
    assert "gone" not in document(old, [], ORDER)


def test_a_measurement_gives_a_ratio() -> None:
    [anchor] = line_protocol.measure(0.01)
    assert anchor.ratio is not None
    assert cells(anchor)[0] == "own line protocol"


def test_two_that_do_the_same_are_shown_with_what_a_message_costs_each() -> None:
    anchor = beside(
        "a / b", [Took(30_000, 40e-6), Took(20_000, 50e-6)], [Took(60_000, 20e-6), Took(40_000, 20e-6)], ">= 1"
    )
    assert (anchor.ratio, anchor.held) == (0.5, False)
    assert anchor.note == "45 and 20 µs of CPU a message"


def test_a_measurement_runs_in_a_process_of_its_own() -> None:
    section = bench.measured("line_protocol", 0.01)
    assert section.anchors[0].ratio is not None
    assert section.about.startswith("Our own line protocol")


def test_a_wait_ends_with_what_it_waits_for_and_says_what_did_not_come() -> None:
    looks = iter([False, False, True])
    until(lambda: next(looks), "the third look", 60, 0)
    assert list(looks) == []
    with pytest.raises(RuntimeError, match="the fourth look: not within 0 s"):
        until(lambda: False, "the fourth look", 0, 0)


def test_what_takes_too_long_is_ended_and_counts_as_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bench.BOUNDS, "line_protocol", 0)
    [anchor] = bench.measured("line_protocol", 0.01).anchors
    assert (anchor.ratio, anchor.note) == (None, "it was not done within 0 s")


def test_a_peer_that_is_not_installed_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(roads, "CACHE", tmp_path)
    assert roads.missing(roads.Telegraf) == "Telegraf is not here: `bash bench/servers` installs it"
    assert roads.missing(roads.NodeRed) == "Node-RED is not here: `bash bench/servers` installs it"
    assert roads.missing(roads.Ours) is None
