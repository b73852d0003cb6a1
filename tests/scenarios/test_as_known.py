"""Figures as they were known at an earlier moment equal what the engine wrote down at that moment."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from engine_house import STEP_MS, House, sample
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import DAWN

from coldchain.domain.finding import Subject
from coldchain.domain.reading import Reading
from coldchain.errors import NotFound
from coldchain.registry import facts
from coldchain.registry.shipments import NewMilestone, add_milestone, change
from coldchain.registry.viewer import SYSTEM
from compliance.as_known import document_as_known, findings_as_known, offset_at

PROFILE = "refrigerated-2-8-freeze-sensitive"


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """A document without what tells one recording from another: ids, and how they came on record."""

    def excursion(item: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in item.items() if name not in ("id", "late", "amends")}

    def block(item: dict[str, Any]) -> dict[str, Any]:
        windows = [{**window, "excursion": None} for window in item["mkt"]["windows"]]
        return {
            **item, "excursions": [excursion(entry) for entry in item["excursions"]],
            "mkt": {**item["mkt"], "windows": windows},
        }  # fmt: skip

    breaches = [{**item, "excursion": item["excursion"] is not None} for item in document["breaches"]]
    whole = {name: value for name, value in document.items() if name != "known_as_of"}
    return {**block(whole), "channels": [block(item) for item in document["channels"]], "breaches": breaches}


def known(house: House, subject: Subject, moment_ms: int) -> dict[str, Any]:
    with house.registry.read() as connection:
        return document_as_known(connection, house.journal, house.history, subject, moment_ms)


def recorded(house: House, subject: Subject) -> tuple[int, dict[str, Any]]:
    state = house.record(subject).state
    assert state is not None
    return state.as_of_ms, state.document


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[Reading]]:
    """A history cut into batches that arrive in some order, parts of them twice."""
    level, history = 5.0, []
    for k in range(draw(st.integers(6, 24))):
        level = max(-3.0, min(level + draw(st.sampled_from((-4.0, -0.5, 0.0, 0.5, 4.0))), 18.0))
        history.append(sample(k, level))
    history += draw(st.lists(st.sampled_from(history), max_size=4))
    shuffled = draw(st.permutations(history))
    cuts = sorted(draw(st.sets(st.integers(1, len(shuffled) - 1), max_size=4)))
    return [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]


@settings(max_examples=25, deadline=None)
@given(arrivals(), st.integers(0, 3))
def test_every_moment_is_answered_as_the_engine_answered_it_then(batches: list[list[Reading]], act: int) -> None:
    with TemporaryDirectory() as folder:
        house = House(Path(folder))
        try:
            box = house.shipment("S-1", "LG-1", profile=PROFILE)
            seen: list[tuple[int, dict[str, Any]]] = []
            for number, batch in enumerate(batches):
                house.clock.set(DAWN + (number + 1) * 40 * STEP_MS)
                house.send(*batch)
                house.settle()
                if number == 1:
                    house.clock.set(house.clock.now_ms() + 1000)
                    _act(house, box, act)
                house.settle()  # the interval that the first look at the readings estimated is a fact for the next one
                seen.append(recorded(house, box))
            for moment, document in seen:
                assert plain(known(house, box, moment)) == plain(document)
        finally:
            house.close()


def _act(house: House, box: Subject, act: int) -> None:
    """Something that a person does while the goods are under way, which changes what was known from then on."""
    now = house.clock.now_ms()
    with house.registry.write() as connection:
        if act == 0:
            facts.assign_profile(connection, box, "crt-20-25", 1, who="test", reason="other goods", now_ms=now)
        elif act == 1:
            change(connection, box.id, {"state": "arrived"}, version=None, by=SYSTEM, now_ms=now)
        elif act == 2:
            binding = facts.known(connection, subject=box, loggers=["LG-1"])[0]
            facts.supersede(
                connection, binding.id, who="test", reason="taken off", now_ms=now, valid_to_ms=DAWN + 5 * STEP_MS
            )
        else:
            leg = NewMilestone("leg", "Puurs to Hamburg", "road", "Polar Express", happened_ms=DAWN + STEP_MS)
            add_milestone(connection, box.id, leg, by=SYSTEM, now_ms=now)


def test_an_hour_later_the_hour_before_is_still_as_it_was_known(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        box = house.shipment("S-1", "LG-1")
        house.declare("LG-1", STEP_MS)
        house.live(*[sample(k, 5.0) for k in range(12)], *[sample(k, 5.0) for k in range(18, 24)])
        moment, before = recorded(house, box)
        house.clock.set(moment + 3_600_000)
        house.send(*[sample(k, 12.0) for k in range(12, 18)])  # what was a gap, from the logger's memory
        house.settle()
        assert known(house, box, moment)["excursions"] == []
        assert len(known(house, box, moment)["gaps"]) == 1
        now = known(house, box, house.clock.now_ms())
        assert [item["id"] for item in now["excursions"]] == [house.record(box).excursions[0].excursion.id]
        assert [gap["from"] for gap in now["gaps"]] == ["2026-01-05T01:55:00.000Z"]  # nobody sent anything since
        assert plain(known(house, box, moment)) == plain(before)
    finally:
        house.close()


def test_before_a_shipment_was_on_record_nothing_was_known(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        box = house.shipment("S-1", "LG-1")
        with house.registry.read() as connection, pytest.raises(NotFound, match="later time"):
            findings_as_known(connection, house.journal, house.history, box, DAWN - 1)
    finally:
        house.close()


def test_the_offset_of_a_moment_is_that_of_the_newest_arrival_before_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        house.shipment("S-1", "LG-1")
        heads = []
        for k in range(600):
            house.clock.set(DAWN + k * STEP_MS)
            house.send(sample(k, 5.0))
            heads.append((house.clock.now_ms(), house.journal.head()))
        for moment, head in heads[::37]:
            assert offset_at(house.journal, moment) >= head
            following = [later for at, later in heads if at > moment]
            assert not following or offset_at(house.journal, moment) < following[0]
            assert offset_at(house.journal, moment, decoded_again_since=True) <= head
    finally:
        house.close()


@settings(max_examples=12, deadline=None)
@given(arrivals(), st.randoms(use_true_random=False))
def test_what_was_known_does_not_depend_on_when_the_engine_looked_or_what_came_together(
    batches: list[list[Reading]], chance: Any
) -> None:
    moments = [DAWN + (number + 1) * 40 * STEP_MS for number in range(len(batches))]
    answers = []
    for often in (True, False):
        with TemporaryDirectory() as folder:
            house = House(Path(folder))
            try:
                box = house.shipment("S-1", "LG-1", profile=PROFILE)
                house.declare("LG-1", STEP_MS)
                for moment, batch in zip(moments, batches, strict=True):
                    house.clock.set(moment)
                    together = list(batch) if often else chance.sample(batch, len(batch))
                    for part in [together] if often else [[item] for item in together]:
                        house.send(*part)
                    if often:
                        house.settle(house.loop())  # each time another engine, from where the last one stopped
                house.settle()
                answers.append([plain(known(house, box, moment + lag)) for moment in moments for lag in (0, STEP_MS)])
            finally:
                house.close()
    assert answers[0] == answers[1]
