"""The figures of alarm quality, against a second count that knows nothing of the first."""

import random
import statistics
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alert_cast import ALICE, BOB, HIGH, MINUTE, NOON, RETURNED, Story, new_registry, store_alarm
from sqlalchemy import select, update

from alerts import lifecycle
from alerts.planner import AlertPlanner
from coldchain.domain.canary import CHANNEL, recipient
from coldchain.domain.finding import Condition, Severity
from coldchain.registry import alarm_quality as quality
from coldchain.registry.alarm_quality_facts import Facts, Period, load
from coldchain.registry.schema import alarm, alarm_event, outbox
from coldchain.registry.schema_people import drill
from coldchain.registry.store import Registry, new_id

DAY = 24 * 60 * MINUTE
WEEK = Period(NOON - 7 * DAY, NOON)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


def raise_(registry: Registry, at: int, *, lasted: int | None = None, **more: Any) -> str:
    """An alarm raised at a moment; with `lasted` it was over so long after."""
    over = {"condition": Condition.RETURNED, "end_ms": at + lasted} if lasted is not None else {}
    condition = replace(RETURNED if over else HIGH, onset_ms=at - MINUTE, changed_ms=at, **{**over, **more})
    with registry.write() as connection:
        return store_alarm(connection, condition, at)


def tell(registry: Registry, id_: str, at: int, person: str = ALICE, **more: Any) -> None:
    values = {
        "id": new_id(), "alarm": id_, "occasion": 1, "reason": "raised", "step": 0, "recipient": person,
        "channel": "email", "address": "a@example.org", "state": "accepted", "content": {}, "created_ms": at, **more,
    }  # fmt: skip
    with registry.write() as connection:
        connection.execute(outbox.insert().values(**values))


def acknowledge(registry: Registry, id_: str, at: int) -> None:
    with registry.write() as connection:
        lifecycle.acknowledge(connection, id_, who=ALICE, via="api", comment="", now_ms=at)


def facts(registry: Registry, period: Period = WEEK) -> Facts:
    with registry.read() as connection:
        return load(connection, period, NOON)


def test_a_quiet_week_has_no_figures_and_divides_by_nothing(registry: Registry) -> None:
    found = quality.document(facts(registry))
    assert (found["raised"], found["people"], found["channels"]) == (0, [], [])
    assert found["nuisance"]["share_pct"] is None
    assert found["answers"]["to_acknowledge_median_s"] is None
    assert [row["share_pct"] for row in found["priorities"]] == [None, None, None]


def test_a_canary_is_nobodys_load_and_no_message(registry: Registry) -> None:
    tell(registry, raise_(registry, NOON - DAY), NOON - DAY, recipient("listener"), channel=CHANNEL)
    found = quality.document(facts(registry))
    assert (found["raised"], found["announced"], found["people"], found["channels"]) == (1, 0, [], [])


def test_the_load_counts_alarms_per_person_and_not_the_channels(registry: Registry) -> None:
    first, second = raise_(registry, NOON - DAY), raise_(registry, NOON - DAY + MINUTE, cause="low")
    for channel in ("email", "sms"):
        tell(registry, first, NOON - DAY, channel=channel)
    tell(registry, second, NOON - DAY + MINUTE)
    tell(registry, second, NOON - DAY + 2 * MINUTE, BOB)
    tell(registry, first, NOON - DAY + 60 * MINUTE, occasion=2, reason="repeat")
    tell(registry, first, NOON - DAY + 90 * MINUTE, occasion=3, reason="returned")
    alice, bob = quality.people(facts(registry))
    assert (alice["name"], alice["alarms"], alice["announcements"], alice["most_in_10_min"]) == ("Alice", 2, 3, 2)
    assert (bob["name"], bob["alarms"], bob["announcements"]) == ("Bob", 1, 1)
    assert alice["per_week"] == pytest.approx(3.0)
    assert alice["per_10_min"] == pytest.approx(3 / (7 * 24 * 6))


def test_whoever_read_of_several_alarms_in_one_mail_was_told_of_each(registry: Registry) -> None:
    planner = AlertPlanner()
    for place, cause in enumerate(("high", "low", "rate")):
        late = replace(HIGH, cause=cause, late=True, digest=True, logger=f"L{place}")
        Story(registry, planner).happens(late, NOON - DAY)
    found = quality.document(facts(registry))
    assert (found["announced"], found["messages"]) == (3, 2)
    assert [(row["name"], row["alarms"], row["announcements"]) for row in found["people"]] == [
        ("Alice", 3, 1), ("Bob", 3, 1),
    ]  # fmt: skip
    for figure, key in (("announced", ""), ("person", ALICE)):
        assert len(quality.alarms_behind(facts(registry), figure, key)) == 3


def test_more_than_ten_in_ten_minutes_are_a_flood_and_ten_are_none(registry: Registry) -> None:
    slot = NOON - DAY
    for place in range(11):
        id_ = raise_(registry, slot + place * 1000, logger=f"L{place}")
        tell(registry, id_, slot + place * 1000)
        if place < 10:
            tell(registry, id_, slot + place * 1000, BOB)
    rows = {row["name"]: row for row in quality.people(facts(registry))}
    assert (rows["Alice"]["floods"], rows["Alice"]["most_in_10_min"], rows["Alice"]["fullest_ms"]) == (1, 11, slot)
    assert (rows["Bob"]["floods"], rows["Bob"]["most_in_10_min"]) == (0, 10)
    assert len(quality.alarms_behind(facts(registry), "flood", ALICE)) == 11
    assert quality.alarms_behind(facts(registry), "flood", BOB) == frozenset()


def test_a_nuisance_was_over_soon_and_nobody_had_touched_it(registry: Registry) -> None:
    at = NOON - DAY
    soon, slow = raise_(registry, at, lasted=5 * MINUTE), raise_(registry, at, lasted=5 * MINUTE + 1, cause="low")
    seen = raise_(registry, at, lasted=2 * MINUTE, logger="seen")
    untold, late = raise_(registry, at, lasted=1, logger="x"), raise_(registry, at, lasted=1, logger="late", late=True)
    for id_ in (soon, slow, seen, late):
        tell(registry, id_, at)
    acknowledge(registry, seen, at + MINUTE)
    acknowledge(registry, soon, at + 6 * MINUTE)  # after it was over: what nobody did before
    found = facts(registry)
    assert quality.nuisance(found) == {soon}
    assert quality.nuisance(found, 6 * MINUTE) == {soon, slow}
    assert quality.document(found)["nuisance"] == {"alarms": 1, "share_pct": 25.0, "within_min": 5}
    assert untold not in found.announced


def test_what_the_clock_of_the_period_leaves_out_is_left_out(registry: Registry) -> None:
    before, first = raise_(registry, WEEK.from_ms - 1), raise_(registry, WEEK.from_ms, logger="a")
    last, after = raise_(registry, WEEK.to_ms - 1, logger="b"), raise_(registry, WEEK.to_ms, logger="c")
    ids = {one.id for one in facts(registry).raised}
    assert ids == {first, last}
    assert not ids & {before, after}


def test_a_drill_a_merged_and_a_pending_alarm_are_no_alarms(registry: Registry) -> None:
    at = NOON - DAY
    tested, real = raise_(registry, at, logger="t"), raise_(registry, at, logger="r")
    merged = raise_(registry, at, logger="m")
    raise_(registry, at, logger="p", condition=Condition.PENDING)
    with registry.write() as connection:
        connection.execute(update(alarm).where(alarm.c.id == merged).values(merged_into=real))
        for answered, missed in ((at + 30_000, None), (None, at + DAY), (None, None)):
            connection.execute(drill.insert().values(
                id=new_id(), recipient=ALICE, channel="sms", address="+49151", alarm=tested, sent_ms=at,
                due_ms=at + DAY, answered_ms=answered, missed_ms=missed,
            ))  # fmt: skip
    tell(registry, tested, at)
    found = facts(registry)
    assert [one.id for one in found.raised] == [real]
    assert found.messages == ()
    drills = quality.drills(found)
    assert (drills["sent"], drills["answered"], drills["missed"], drills["waiting"]) == (3, 1, 1, 1)
    assert (drills["share_pct"], drills["to_answer_median_s"]) == (50.0, 30.0)


def test_stale_is_more_than_a_day_active_now_whenever_it_began(registry: Registry) -> None:
    old = raise_(registry, NOON - 30 * DAY)
    raise_(registry, NOON - DAY + 2 * MINUTE, logger="young")
    raise_(registry, NOON - 30 * DAY, logger="over", lasted=MINUTE)
    assert facts(registry).stale == {old}


def test_every_figure_agrees_with_a_second_count_of_a_random_week(registry: Registry) -> None:
    chance = random.Random(1912)
    people, causes = (ALICE, BOB), ("high", "low", "silence")
    for number in range(160):
        at = WEEK.from_ms + chance.randrange(7 * DAY)
        lasted = chance.choice([None, chance.randrange(12 * MINUTE), chance.randrange(DAY)])
        id_ = raise_(registry, at, lasted=lasted, logger=f"L{number % 13}", cause=chance.choice(causes),
                     severity=chance.choice(list(Severity)))  # fmt: skip
        for occasion in range(chance.randrange(3)):
            for person in people[: chance.randrange(3)]:
                wrote = at + occasion * 25 * MINUTE
                took = wrote + chance.randrange(1, 9_000)
                tell(registry, id_, wrote, person, occasion=occasion, state=chance.choice(STATES),
                     reason=("raised", "repeat", "returned")[occasion], channel=chance.choice(["email", "sms"]),
                     accepted_ms=chance.choice([None, took]), delivered_ms=chance.choice([None, took + 3_000]),
                     possible_repeat=chance.random() < 0.1)  # fmt: skip
        if chance.random() < 0.6:
            acknowledge(registry, id_, at + chance.randrange(1, 3 * 60 * MINUTE))
    assert_same(quality.document(facts(registry)), *everything(registry))


STATES = ("queued", "accepted", "delivered", "failed_permanent", "unknown")


def everything(registry: Registry) -> tuple[list[Any], list[Any], list[Any]]:
    """The tables, as they are, for a count of one's own."""
    with registry.read() as connection:
        return tuple(list(connection.execute(select(table))) for table in (alarm, outbox, alarm_event))  # type: ignore[return-value]


def assert_same(found: dict[str, Any], rows: list[Any], sent: list[Any], events: list[Any]) -> None:
    """The second count: by hand, in other terms, with the library's own quantiles."""
    acks: dict[str, int] = {}
    for one in reversed(events):
        if one.kind == "acknowledged":
            acks[one.alarm] = one.at_ms
    told = {one.alarm for one in sent}
    assert (found["raised"], found["announced"], found["messages"]) == (len(rows), len(told), len(sent))
    by_slot: dict[tuple[str, int], set[str]] = defaultdict(set)
    said = defaultdict(set)
    for one in sorted(sent, key=lambda row: row.created_ms):
        if one.reason != "returned" and (one.alarm, one.occasion) not in said[one.recipient]:
            said[one.recipient].add((one.alarm, one.occasion))
            by_slot[one.recipient, one.created_ms // 600_000].add(one.alarm)
    for row in found["people"]:
        assert row["announcements"] == len(said[row["person"]])
        assert row["most_in_10_min"] == max(len(ids) for (who, _), ids in by_slot.items() if who == row["person"])
    bad = [one for one in rows if one.id in told and one.end_ms is not None and one.end_ms - one.raised_ms <= 300_000
           and acks.get(one.id, 10**15) > one.end_ms]  # fmt: skip
    assert found["nuisance"]["alarms"] == len(bad) > 0
    shares = {"high": {Severity.CRITICAL}, "medium": {Severity.MAJOR}, "low": {Severity.MINOR, Severity.INFO}}
    for row in found["priorities"]:
        assert row["alarms"] == sum(one.severity in shares[row["band"]] for one in rows)
    took = sorted((acks[one.id] - one.raised_ms) / 1000 for one in rows if one.id in acks)
    assert found["answers"]["alarms"] == len(took)
    assert found["answers"]["to_acknowledge_median_s"] == statistics.median(took)
    assert sum(value <= found["answers"]["to_acknowledge_p90_s"] for value in took) == -(-9 * len(took) // 10)
    assert found["answers"]["waiting"] == sum(
        one.severity >= Severity.MAJOR and one.acknowledged_ms is None for one in rows
    )
    for row in found["channels"]:
        mine = [one for one in sent if one.channel == row["channel"]]
        handed = [(one.accepted_ms - one.created_ms) / 1000 for one in mine if one.accepted_ms]
        arrived = [(one.delivered_ms - one.accepted_ms) / 1000 for one in mine if one.delivered_ms and one.accepted_ms]
        assert row["messages"] == len(mine) == sum(row[key] for key in STATE_KEYS)
        assert row["to_accept_median_s"] == pytest.approx(statistics.median(handed))
        assert row["to_deliver_median_s"] == pytest.approx(statistics.median(arrived))
    assert found["repeats"]["messages"] == sum(one.reason == "repeat" for one in sent)
    assert found["repeats"]["possibly_twice"] == sum(bool(one.possible_repeat) for one in sent)
    counts = {row["name"]: row["alarms"] for row in found["loggers"]}
    assert len(counts) == 10
    assert all(number == sum(one.logger == name for one in rows) for name, number in counts.items())
    rest = [sum(one.logger == name for one in rows) for name in {one.logger for one in rows} - counts.keys()]
    assert max(rest) <= min(counts.values())


STATE_KEYS = ("delivered", "accepted", "failed", "unknown", "waiting")


def test_each_number_is_as_many_alarms_as_it_leads_to(registry: Registry) -> None:
    chance = random.Random(7)
    for number in range(40):
        at = WEEK.from_ms + number * 60 * MINUTE
        id_ = raise_(registry, at, lasted=chance.choice([None, MINUTE]), logger=f"L{number % 4}",
                     severity=chance.choice(list(Severity)))  # fmt: skip
        if chance.random() < 0.7:
            tell(registry, id_, at, state=chance.choice(STATES))
    known = facts(registry)
    found = quality.document(known)
    behind = {figure: len(quality.alarms_behind(known, figure)) for figure in (
        "raised", "announced", "nuisance", "stale", "chattering", "waiting", "acknowledged")}  # fmt: skip
    assert behind == {
        "raised": found["raised"], "announced": found["announced"], "nuisance": found["nuisance"]["alarms"],
        "stale": found["stale"]["alarms"], "chattering": found["chattering"]["alarms"],
        "waiting": found["answers"]["waiting"], "acknowledged": found["answers"]["alarms"],
    }  # fmt: skip
    for row in found["priorities"]:
        assert len(quality.alarms_behind(known, "priority", row["band"])) == row["alarms"]
    for row in found["loggers"]:
        assert len(quality.alarms_behind(known, "logger", row["name"])) == row["alarms"]
    assert len(quality.alarms_behind(known, "person", ALICE)) == found["people"][0]["alarms"]
    assert quality.alarms_behind(known, "priority", "no such band") == frozenset()
