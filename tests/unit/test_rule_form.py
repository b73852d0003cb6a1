"""Rules as forms: nothing is lost on the way to the fields and back, and each mistake finds its field."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.policy import policy_from
from alerts.rota_format import rota_from
from alerts.routing import routing_from
from coldchain.domain.tables import InvalidTable
from dashboard.parts import duty_blocks, rule_form, rule_kinds

POLICY = {
    "name": "Critical", "repeat_last_min": 5,
    "steps": [
        {"after_min": 0, "targets": [{"kind": "rota", "id": "lab", "layer": "primary"}], "channels": ["sms", "email"],
         "channel_mode": "first"},
        {"after_min": 15, "targets": [{"kind": "person", "id": "p1"}, {"kind": "on_call"},
                                      {"kind": "party", "role": "consignor"}],
         "channels": ["email"], "channel_mode": "all"},
        {"after_min": 30, "targets": [{"kind": "endpoint", "id": "e1"}], "channels": ["webhook"],
         "channel_mode": "all"},
    ],
}  # fmt: skip
ROTA = {
    "name": "Laboratory", "zone": "Europe/Berlin",
    "layers": [{"name": "primary", "people": ["a", "b"], "turn": "12h", "from": "2026-01-05T08:00", "restrict": None},
               {"name": "deputy", "people": ["c"], "turn": "weekly", "from": "2026-01-05T08:00", "handover": "09:00",
                "restrict": {"mon": [["08:00", "12:00"], ["13:00", "24:00"]], "tue": [["08:00", "12:00"]]}}],
    "holidays": [{"date": "2026-12-25", "name": "Christmas", "people": ["c", "a"]},
                 {"date": "2026-12-26", "name": "After it", "people": None}],
}  # fmt: skip
ROUTING = {
    "routes": [{"match": {"severity": ["critical"], "customer": "Nordvax"}, "policy": "critical",
                "inform": ["consignor"]}, {"match": {"stage": "in_transit"}, "policy": None}],
    "otherwise": None,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "body"), [("policy", POLICY), ("rota", ROTA), ("routing", ROUTING)])
def test_a_rule_comes_back_from_its_form_as_it_went_in(kind: str, body: dict[str, Any]) -> None:
    form = rule_kinds.to_form(kind, "some-id", body)
    again, unread = rule_kinds.from_form(kind, rule_form.tree(flat(form)))
    assert unread == {}
    read = {
        "policy": lambda one: policy_from("some-id", 1, one), "rota": lambda one: rota_from("some-id", 1, one),
        "routing": lambda one: routing_from(1, one),
    }[kind]  # fmt: skip
    assert read(again) == read(body)


def flat(form: dict[str, Any], path: str = "") -> dict[str, Any]:
    """The form's fields by path, as a browser sends them: texts, and lists of texts."""
    found: dict[str, Any] = {}
    for name, value in form.items():
        at = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            found |= flat(value, at)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, row in enumerate(value):
                found |= flat(row, f"{at}[{number}]")
        else:
            found[at] = value if isinstance(value, list) else "" if value is None else str(value)
    return found


@pytest.mark.parametrize(
    ("words", "days"),
    [("mon-fri 08:00-17:00", 5), ("sat 09:00-12:00", 1), ("Mon–Tue 08:00–12:00 13:00–17:00; sun 00:00-24:00", 3)],
)
def test_hours_are_read_as_people_write_them_and_written_so_again(words: str, days: int) -> None:
    hours = rule_kinds.hours_of(words)
    assert hours is not None
    assert len(hours) == days
    assert rule_kinds.hours_of(rule_kinds.hours_words(hours)) == hours


@pytest.mark.parametrize("words", ["always", "fri-mon 08:00-17:00", "mon", "mon 8-17", "08:00-17:00", "mon 08:00", ","])
def test_hours_that_make_no_sense_are_none(words: str) -> None:
    assert rule_kinds.hours_of(words) is None


def test_each_mistake_stands_beside_its_field_and_none_is_lost() -> None:
    form = rule_kinds.to_form("policy", "p", POLICY)
    form["steps"][1] |= {"after_min": "soon", "targets": []}
    body, _ = rule_kinds.from_form("policy", form)
    with pytest.raises(InvalidTable) as error:
        policy_from("p", 1, body)
    mistakes = rule_form.mistakes_of(error.value.problems)
    fields = list(flat(form))
    assert rule_form.blamed("steps[1].after_min", mistakes) is not None
    assert "is empty" in str(rule_form.blamed("steps[1].targets", mistakes))
    assert rule_form.blamed("steps[0].after_min", mistakes) is None
    placed = sum(rule_form.blamed(one, {path: words}) is not None for path, words in mistakes.items() for one in fields)
    assert placed + len(rule_form.unplaced(mistakes, fields)) == len(mistakes)


@pytest.mark.parametrize("path", ["__class__", "steps[9999].x", "a[1][2]", "", ".", "x[-1]", "Steps", "a.b.c[999]"])
def test_a_path_that_is_none_builds_nothing_large(path: str) -> None:
    made = rule_form.tree({path: "x"})
    assert len(str(made)) < 4000


def test_rows_come_go_and_move() -> None:
    body = {"routes": [{"n": 1}, {"n": 2}]}
    assert [row["n"] for row in rule_form.moved_up(body, "routes", 1)["routes"]] == [2, 1]
    assert rule_form.moved_up(body, "routes", 0)["routes"] == body["routes"]
    assert rule_form.without_row(body, "routes", 0)["routes"] == [{"n": 2}]
    assert len(rule_form.with_row(body, "routes", {"n": 3})["routes"]) == 3
    assert rule_form.row_of("routes[12]") == ("routes", 12)


def test_a_week_has_seven_local_days_also_when_the_clocks_change() -> None:
    hours = [
        (week.to_ms - week.from_ms) / 3_600_000
        for week in duty_blocks.weeks(date(2026, 10, 22), 2, ZoneInfo("Europe/Berlin"))
    ]
    assert hours == [169, 168]
    [spring] = duty_blocks.weeks(date(2026, 3, 29), 1, ZoneInfo("Europe/Berlin"))
    assert (spring.to_ms - spring.from_ms) / 3_600_000 == 167
    assert spring.monday == date(2026, 3, 23)
