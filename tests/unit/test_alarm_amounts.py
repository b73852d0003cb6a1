"""What an alarm is about and how much of it: the unit of what was measured, the words of the messages, what to do."""

import json

import pytest
from dash import html

from coldchain.registry.viewer import Viewer
from dashboard.parts import alarm_list
from dashboard.parts.alarm_amounts import amount, cause_words, detail, extreme
from dashboard.parts.alarm_words import title, todo
from dashboard.parts.link_words import link_facts, link_line

ROOM = {
    "id": "a1", "version": 1, "subject_kind": "store", "reference": "Cold room A", "place": "Munich DC",
    "cause": "humidity_high", "condition": "active", "severity": "major", "onset": "2026-11-22T12:00:00.000Z",
    "raised": "2026-11-22T12:00:00.000Z", "suppression": "none", "value_c": 85.3, "peak_c": 91.0, "limit_c": 60.0,
    "rules": ["damp"],
}  # fmt: skip
SYSTEM = {**ROOM, "subject_kind": "system", "reference": None, "place": None, "cause": "no_channel", "value_c": None,
          "peak_c": None, "limit_c": None, "rules": ["email: connection refused"]}  # fmt: skip


def words(component: html.Li) -> str:
    return json.dumps(component.to_plotly_json(), default=lambda part: part.to_plotly_json(), ensure_ascii=False)


def test_humidity_is_written_in_per_cent_on_the_list_and_behind_a_link() -> None:
    assert (cause_words(ROOM), amount(ROOM, 85.3), extreme(ROOM)) == ("above 60 % RH", "85.3 % RH", "peak")
    row = words(alarm_list.row(ROOM, Viewer("x", "x", "operator")))
    assert "above 60 % RH · peak 91.0 % RH" in row
    assert "°C" not in row
    facts = dict(link_facts(ROOM))
    assert (facts["Now"], facts["Peak"], facts["Where"]) == ("85.3 % RH", "91.0 % RH", "Munich DC")
    dry = {**ROOM, "cause": "humidity_low", "limit_c": 30.0}
    assert (cause_words(dry), extreme(dry)) == ("below 30 % RH", "lowest")


def test_a_row_says_the_site_because_each_site_has_a_cold_room_a() -> None:
    assert "Munich DC" in words(alarm_list.row(ROOM, Viewer("x", "x", "operator")))


@pytest.mark.parametrize(
    ("places", "said"), [(["Munich DC"] * 5, "Munich DC"), (["Munich DC"] * 4 + ["Kiel"], "2 sites and lanes")]
)
def test_a_storm_says_where_it_is(places: list[str], said: str) -> None:
    group = alarm_list.Group(tuple({**ROOM, "id": str(n), "place": place} for n, place in enumerate(places)), "storm")
    assert f"5 major · {said} · within minutes" in words(alarm_list.storm(group, Viewer("x", "x", "operator")))


def test_trouble_of_the_product_is_named_as_in_its_messages_with_what_was_found() -> None:
    assert title(SYSTEM) == "Coldchain: nobody can be reached"
    assert detail(SYSTEM) == "email: connection refused"
    assert detail(ROOM) == ""
    assert "nobody can be reached · email: connection refused" in words(
        alarm_list.row(SYSTEM, Viewer("x", "x", "operator"))
    )


def test_what_to_do_is_what_the_message_said_and_nothing_once_it_is_reset() -> None:
    warm = {**ROOM, "cause": "high"}
    assert todo(warm).startswith("Check cooling and doors now")
    assert todo({**warm, "condition": "returned"}).startswith("Do not release the goods")
    assert todo({**warm, "condition": "returned", "monitoring_ended": True}).startswith("Nobody saw the goods")
    assert todo({**ROOM, "condition": "returned"}).startswith("No action is needed")
    assert todo({**warm, "condition": "returned", "reset": "2026-11-22T13:00:00.000Z"}) == ""


def test_an_alarm_of_a_list_is_a_name_to_press_and_a_line_that_reads() -> None:
    over = {**ROOM, "condition": "returned", "end": "2026-11-22T13:00:00.000Z", "logger": "L1", "channel": "probe"}
    named, said = link_line(over)
    assert named == "MAJOR: Cold room A (Munich DC)"
    assert said == (
        "over, above 60 % RH, now 85.3 % RH, peak 91.0 % RH, since 22 Nov 2026 12:00 UTC, "
        "until 22 Nov 2026 13:00 UTC, logger L1 / probe"
    )
