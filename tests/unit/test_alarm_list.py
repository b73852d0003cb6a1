"""The alarm list: a storm is one row, the worst unanswered stands on top, and nobody is offered what is not theirs."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from web_cast import NORTH, SOUTH, installed

from coldchain.domain.finding import Severity
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry.schema import alarm
from coldchain.registry.viewer import Viewer
from dashboard.pages.alarms import page_body
from dashboard.parts import alarm_list, alarm_many

NOON, MINUTE = 1_795_348_800_000, 60_000
OPERATOR, QUALITY, AUDITOR = (Viewer(role, role, role) for role in ("operator", "quality", "auditor"))


def item(name: str, at_min: float = 0.0, **more: Any) -> dict[str, Any]:
    raised = iso(NOON + round(at_min * MINUTE))
    return {"id": name, "version": 1, "cause": "high", "condition": "active", "severity": "major", "raised": raised,
            "onset": raised, "suppression": "none", "subject_kind": "shipment", **more}  # fmt: skip


def sizes(items: list[dict[str, Any]]) -> list[int]:
    return [len(group.items) for group in alarm_list.folded(items)]


def test_five_of_one_cause_within_minutes_are_one_row_and_four_are_four() -> None:
    assert sizes([item(str(n), n * 9.0) for n in range(5)]) == [5]
    assert sizes([item(str(n), n * 9.0) for n in range(4)]) == [1, 1, 1, 1]


def test_a_pause_a_cause_an_answer_or_a_shelf_ends_a_storm() -> None:
    five = [item(str(n), n) for n in range(5)]
    assert sizes([*five, item("later", 14.1)]) == [5, 1] or sizes([*five, item("later", 14.1)]) == [1, 5]
    for other in ({"cause": "silence"}, {"acknowledged": iso(NOON)}, {"suppression": "shelved"}):
        assert sorted(sizes([*five, item("other", 2, **other)])) == [1, 5]


def test_every_alarm_is_in_exactly_one_row() -> None:
    items = [item(f"{n}", n * 3.7, cause=("high", "low", "silence")[n % 3]) for n in range(60)]
    shown = [one["id"] for group in alarm_list.folded(items) for one in group.items]
    assert sorted(shown) == sorted(one["id"] for one in items)


def test_the_worst_unanswered_is_on_top_and_what_is_set_aside_at_the_end() -> None:
    items = [
        item("aside", severity="critical", suppression="out_of_service"), item("answered", acknowledged=iso(NOON)),
        item("over", condition="returned"), item("old"), item("new", 20), item("worst", severity="critical"),
    ]  # fmt: skip
    order = [group.items[0]["id"] for group in alarm_list.folded(items)]
    assert order == ["worst", "new", "old", "over", "answered", "aside"]


def test_a_storm_stands_where_its_worst_alarm_would() -> None:
    many = [item(str(n), n, severity="critical" if n == 4 else "minor") for n in range(6)]
    groups = alarm_list.folded([*many, item("alone", cause="low")])
    assert [len(group.items) for group in groups] == [6, 1]
    assert groups[0].items[0]["severity"] == "critical"


def test_what_is_offered_is_what_the_alarm_and_the_role_allow() -> None:
    live, over = item("live"), item("over", condition="returned", acknowledged=iso(NOON))
    assert alarm_list.can(live, OPERATOR) == ["acknowledge", "shelve", "comment", "assign"]
    assert alarm_list.can(over, OPERATOR) == ["shelve", "comment", "assign"]
    assert alarm_list.can(over, QUALITY) == ["shelve", "comment", "assign", "reset"]
    assert alarm_list.can(over | {"reset": iso(NOON)}, QUALITY) == ["shelve", "comment", "assign"]
    assert alarm_list.can(live | {"suppression": "shelved"}, OPERATOR)[1] == "unshelve"
    assert alarm_list.can(live, AUDITOR) == []


@pytest.mark.parametrize("words", ["", ",", "a", ".1", "a.x", "a.-1", "a.99999999999"])
def test_what_the_browser_sends_and_makes_no_sense_chooses_nothing(words: str) -> None:
    assert alarm_many.chosen(words) == ()


def test_several_are_read_once_each_and_never_more_than_anybody_can_see() -> None:
    assert alarm_many.chosen("a.1,b.22,a.1") == (("a", 1), ("b", 22))
    with pytest.raises(InvalidValue, match="too many"):
        alarm_many.chosen(",".join(f"a{n}.1" for n in range(alarm_many.MOST + 1)))


def test_of_a_storm_only_what_was_unfolded_is_drawn() -> None:
    groups = alarm_list.folded([item(str(n), n * 0.01) for n in range(250)])
    [group] = groups

    def drawn(unfolded: object) -> int:
        listing = alarm_list.listing(groups, QUALITY, "x", alarm_list.unfolded_of(unfolded))
        return str(listing.to_plotly_json()).count("storm-member")

    assert [drawn({group.key: many}) for many in (0, 50, 200, 10**9)] == [0, 50, 200, 250]
    assert [drawn(forged) for forged in (None, [], {"x": 5}, {group.key: "all"}, {group.key: -3})] == [0] * 5
    later = alarm_list.folded([item(str(n), n * 0.01) for n in range(10, 250)])
    assert later[0].key == group.key


def test_the_farthest_value_of_what_is_too_cold_is_its_lowest() -> None:
    def words(**more: Any) -> str:
        return str(alarm_list.row(item("1", limit_c=2.0, **more), QUALITY).to_plotly_json())

    assert "lowest −0.9 °C" in words(cause="low", peak_c=-0.9)
    assert "peak 9.1 °C" in words(peak_c=9.1)


def test_nobody_answers_alarms_of_others_among_own_ones(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        mine, foreign = web.alarm(web.shipment("S-1")), web.alarm(web.shipment("S-2", customer=SOUTH))
        scoped = Viewer("o", "Olga", "operator", customer=NORTH)
        both = tuple(alarm_many.Chosen(one, 1) for one in (mine, foreign))
        with pytest.raises(NotFound):
            alarm_many.acknowledge(web.services, scoped, both, "")
        with web.registry.read() as connection:
            assert connection.execute(select(alarm.c.acknowledged_ms)).scalars().all() == [None, None]
        assert alarm_many.acknowledge(web.services, scoped, both[:1], "")[:3] == (1, 0, 0)
        assert alarm_many.acknowledge(web.services, QUALITY, (alarm_many.Chosen(foreign, 7),), "")[:3] == (0, 0, 1)


def test_several_are_set_aside_and_critical_ones_are_asked_for(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        mild, grave, gone = (web.alarm(web.shipment(f"S-{number}")) for number in range(3))
        with web.registry.write() as connection:
            for id_, level in ((mild, Severity.MAJOR), (grave, Severity.CRITICAL), (gone, Severity.MAJOR)):
                connection.execute(update(alarm).where(alarm.c.id == id_).values(severity=int(level)))
        picked = (alarm_many.Chosen(mild, 1), alarm_many.Chosen(grave, 1), alarm_many.Chosen(gone, 7))
        assert alarm_many.worst(web.services, QUALITY, picked) is Severity.CRITICAL
        now_ms = web.clock.now_ms()
        with pytest.raises(InvalidValue, match="until"):
            alarm_many.shelve(web.services, QUALITY, picked, now_ms + 4 * 3_600_000, "defrost")
        with pytest.raises(InvalidValue, match="reason"):
            alarm_many.shelve(web.services, QUALITY, picked, now_ms + 60_000, " ")
        assert suppressed(web) == {mild: "none", grave: "none", gone: "none"}
        made = alarm_many.shelve(web.services, QUALITY, picked, now_ms + 3_600_000, "defrost")
        assert made == (1, 0, 1, 1, "shelve")
        assert all(part in made.words for part in ("1 alarm set aside", "1 critical", "1 changed since you saw it"))
        assert suppressed(web) == {mild: "shelved", grave: "none", gone: "none"}
        again = alarm_many.shelve(web.services, QUALITY, picked[:1], now_ms + 3_600_000, "defrost")
        assert (again.done, again.already) == (0, 1)


def test_several_are_handed_over_and_one_that_changed_is_left_out(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        one, other = web.alarm(web.shipment("S-1")), web.alarm(web.shipment("S-2", customer=SOUTH))
        olga = web.person("operator")
        picked = (alarm_many.Chosen(one, 1), alarm_many.Chosen(other, 7))
        with pytest.raises(InvalidValue, match="to: is nobody"):
            alarm_many.assign(web.services, QUALITY, picked, "nobody")
        made = alarm_many.assign(web.services, QUALITY, picked, olga)
        assert made == (1, 0, 1, 0, "assign")
        with web.registry.read() as connection:
            found = dict(connection.execute(select(alarm.c.id, alarm.c.assigned)).all())
        assert found == {one: olga, other: None}
        assert alarm_many.assign(web.services, QUALITY, picked[:1], olga)[:3] == (0, 1, 0)
        with pytest.raises(NotFound):
            alarm_many.assign(web.services, Viewer("o", "Olga", "operator", customer=SOUTH), picked, olga)


def suppressed(web: Any) -> dict[str, str]:
    with web.registry.read() as connection:
        return dict(connection.execute(select(alarm.c.id, alarm.c.suppression)).all())


@pytest.mark.parametrize(("view", "to"), [("board", "/alarms?view=all"), ("mine", "'/alarms'"), ("stale", "'/alarms'")])
def test_an_empty_view_says_so_and_leads_on(tmp_path: Path, view: str, to: str) -> None:
    with installed(tmp_path) as web:
        assert to in str(page_body(web.services, QUALITY, view, {}))


def test_an_old_critical_alarm_is_on_a_list_that_is_too_long_for_all(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        shipment = web.shipment("SHP-1")
        old = web.alarm(shipment, severity=int(Severity.CRITICAL), raised_ms=NOON - 10**9)
        left_out = web.alarm(shipment, raised_ms=NOON - 10**9)
        with web.registry.write() as connection:
            like = dict(connection.execute(select(alarm).where(alarm.c.id == left_out)).one()._mapping)
            rows = [{**like, "id": f"{n:08d}-0000", "raised_ms": NOON - n} for n in range(alarm_list.MOST)]
            connection.execute(alarm.insert(), rows)
        shown = str(page_body(web.services, QUALITY, "all", {}))
        assert old in shown
        assert left_out not in shown
        assert "every critical one" in shown
