"""What rests always ends, is always visible and never deletes facts; what may wait waits, and nothing else does."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alert_cast import ALICE, BOB, HIGH, MINUTE, NOON, RETURNED, SHIPMENT, Story, new_registry, store_alarm
from rules_cast import DORA, EMIL, Rules, acknowledge, delivered, ladder, notes, step, to, told, who
from sqlalchemy import func, select

from alerts import lifecycle, maintenance
from alerts.explain import explanation
from alerts.fallback import ChannelFallback
from alerts.planner import AlertPlanner
from alerts.waiting import tells_at
from coldchain.domain.finding import AlarmChange, AlarmCondition, Condition, Severity, Subject, SubjectKind
from coldchain.errors import InvalidValue
from coldchain.registry import gateways, outbox
from coldchain.registry import maintenance as kept
from coldchain.registry.schema import logger, signal
from coldchain.registry.schema import outbox as rows_of
from coldchain.registry.store import Registry

HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
GOODS = Subject(SubjectKind.SHIPMENT, SHIPMENT)
SILENT = replace(
    HIGH, cause="silence", severity=Severity.MAJOR, peak_mc=None, value_mc=None, limit_mc=None, excursions=()
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def story(registry: Registry) -> Story:
    return Story(registry)


def out(registry: Registry, until_ms: int, now_ms: int = NOON, **more: Any) -> str:
    given = {"subject": GOODS, "work_order": "WO-1", "reason": "defrost", "who": ALICE} | more
    with registry.write() as connection:
        return str(maintenance.take_out(connection, until_ms=until_ms, now_ms=now_ms, **given).id)


# --- out of service


def test_what_is_out_of_service_is_recorded_and_announced_when_the_work_is_over(story: Story) -> None:
    out(story.registry, NOON + 3 * HOUR)
    story.happens(HIGH, NOON + HOUR)
    assert (story.row().suppression, told(story)) == ("out_of_service", [])
    assert story.row().suppressed_until_ms == NOON + 3 * HOUR
    assert story.row().condition == "active"
    assert story.time_passes(NOON + 3 * HOUR) == 1
    assert (story.row().suppression, told(story)[0][0]) == ("none", "raised")


def test_an_alarm_that_is_active_already_falls_silent_and_speaks_again(story: Story) -> None:
    story.happens(HIGH)
    delivered(story.registry)
    out(story.registry, NOON + 2 * HOUR, NOON + MINUTE)
    for minute in range(2, 119, 10):
        story.time_passes(NOON + minute * MINUTE)
    assert {line[0] for line in told(story)} == {"raised"}
    story.time_passes(NOON + 2 * HOUR)
    assert told(story)[-1][0] == "shelf_ended"


def test_work_that_ends_early_lets_the_alarm_speak_at_once(story: Story) -> None:
    id_ = out(story.registry, NOON + 2 * HOUR)
    story.happens(HIGH, NOON + MINUTE)
    with story.registry.write() as connection:
        maintenance.put_back(connection, id_, who=ALICE, reason="done", now_ms=NOON + 10 * MINUTE)
    assert story.time_passes(NOON + 10 * MINUTE) == 1
    assert told(story)[0][0] == "raised"


def test_an_excursion_inside_the_work_that_is_over_by_then_is_announced_all_the_same(story: Story) -> None:
    out(story.registry, NOON + 2 * HOUR)
    story.happens(HIGH, NOON + MINUTE)
    story.happens(RETURNED, NOON + 30 * MINUTE)
    assert told(story) == []
    story.time_passes(NOON + 5 * HOUR)  # nobody was looking when it ended
    assert {line[0] for line in told(story)} == {"raised"}


def test_work_of_several_days_is_looked_at_daily_and_nothing_spins(story: Story) -> None:
    out(story.registry, NOON + 10 * DAY)
    story.happens(HIGH, NOON + MINUTE)
    assert story.row().next_timer_ms == NOON + MINUTE + DAY
    assert story.time_passes(NOON + HOUR) == 0
    assert story.time_passes(NOON + MINUTE + DAY) == 1
    assert story.time_passes(NOON + MINUTE + DAY) == 0
    assert told(story) == []


def test_a_rest_ends_also_for_an_alarm_that_was_taken_off_the_board(story: Story) -> None:
    story.happens(HIGH)
    story.happens(RETURNED, NOON + MINUTE)
    acknowledge(story, NOON + 2 * MINUTE)
    out(story.registry, NOON + HOUR, NOON + 3 * MINUTE)
    with story.registry.write() as connection:
        lifecycle.reset(connection, str(story.id), who=ALICE, reason="assessed", now_ms=NOON + 4 * MINUTE)
    assert story.time_passes(NOON + HOUR) == 1
    assert (story.row().suppression, story.row().next_timer_ms) == ("none", None)


def test_a_reminder_comes_every_day(story: Story) -> None:
    out(story.registry, NOON + 3 * DAY)
    for hour in range(0, 72, 3):
        story.time_passes(NOON + hour * HOUR)
    with story.registry.read() as connection:
        reminders = list(connection.execute(select(signal.c.detail).where(signal.c.kind == "out_of_service")).scalars())
    assert len(reminders) == 2
    assert "WO-1, defrost" in reminders[0]


def test_a_clock_put_back_before_the_work_was_entered_ends_it(story: Story) -> None:
    out(story.registry, NOON + 2 * HOUR)
    story.happens(HIGH, NOON + MINUTE)
    story.time_passes(NOON - 25 * HOUR)
    assert story.row().suppression == "none"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"until_ms": NOON - 1}, ["until", "past"]),
        ({"until_ms": NOON + 93 * DAY}, ["until", "92 days"]),
        ({"work_order": " "}, ["work_order", "empty"]),
        ({"reason": ""}, ["reason", "empty"]),
        ({"subject": None}, ["subject", "name either"]),
        ({"logger": "L1"}, ["subject", "name either"]),
        ({"subject": None, "logger": "L1"}, ["logger", "L1", "not registered"]),
        ({"subject": Subject(SubjectKind.STORE, "zed")}, ["subject", "store", "zed"]),
        ({"channel": "probe"}, ["channel", "logger"]),
    ],
    ids=str,
)
def test_work_without_end_or_order_is_refused(registry: Registry, change: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(InvalidValue) as refused:
        out(registry, **{"until_ms": NOON + HOUR} | change)
    assert all(name in str(refused.value) for name in names), str(refused.value)


def test_a_channel_is_out_of_service_without_its_neighbours(registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(logger.insert().values(id=HIGH.logger, created_ms=NOON))
    out(registry, NOON + HOUR, subject=None, logger=HIGH.logger, channel="probe-1")
    with registry.read() as connection:
        assert kept.covering(connection, GOODS, HIGH.logger, "probe-1", NOON) is not None
        assert kept.covering(connection, GOODS, HIGH.logger, "internal", NOON) is None
        assert kept.covering(connection, GOODS, "other", "probe-1", NOON) is None


# --- by design


@pytest.fixture
def gateway(registry: Registry) -> Registry:
    """GW speaks for L0, L1 and L2."""
    with registry.write() as connection:
        for id_ in ("GW", "L0", "L1", "L2"):
            connection.execute(logger.insert().values(id=id_, created_ms=NOON))
        gateways.declare(connection, "GW", gateway=True, gateway_for=["L0", "L1", "L2"], who=ALICE, now_ms=NOON)
    return registry


def together(registry: Registry, *conditions: AlarmCondition, now_ms: int = NOON) -> list[Story]:
    """One step of the engine in which all of it happens."""
    stories = []
    with registry.write() as connection:
        changes = [AlarmChange(store_alarm(connection, one, now_ms), None, one) for one in conditions]
        AlertPlanner().plan(connection, changes, now_ms)
    for change in changes:
        story = Story(registry)
        story.id, story.before = change.alarm, change.after
        stories.append(story)
    return stories


def silent(logger_id: str, **more: Any) -> AlarmCondition:
    return replace(SILENT, logger=logger_id, channel="", **more)


def test_a_silent_gateway_speaks_for_its_loggers_in_one_message_that_lists_them(gateway: Registry) -> None:
    *loggers, speaker = together(gateway, silent("L0"), silent("L1"), silent("L2"), silent("GW"))
    assert [told(one) for one in loggers] == [[], [], []]
    assert {one.row().suppression for one in loggers} == {"by_design"}
    content = speaker.outbox()[0].content
    assert ([facts["logger"] for facts in content["alarms"]], content["group"]) == (["GW", "L0", "L1", "L2"], True)


def test_an_excursion_never_rests_on_a_gateway(gateway: Registry) -> None:
    together(gateway, silent("GW"))
    [story] = together(gateway, replace(HIGH, logger="L0"), now_ms=NOON + MINUTE)
    assert (story.row().suppression, told(story)[0][0]) == ("none", "raised")


def test_when_the_gateway_is_back_whoever_is_still_silent_is_announced(gateway: Registry) -> None:
    one, other, speaker = together(gateway, silent("L0"), silent("L1"), silent("GW"))
    one.happens(silent("L0", condition=Condition.RETURNED, end_ms=NOON + 9 * MINUTE), NOON + 9 * MINUTE)
    speaker.happens(silent("GW", condition=Condition.RETURNED, end_ms=NOON + 9 * MINUTE), NOON + 10 * MINUTE)
    assert other.time_passes(NOON + 10 * MINUTE) == 2
    assert {line[0] for line in told(other)} == {"raised"}
    assert other.row().suppression == "none"


def test_a_rest_by_design_is_looked_at_hourly_and_outlives_a_restart(gateway: Registry) -> None:
    one, _ = together(gateway, silent("L0"), silent("GW"))
    for hour in range(1, 6):
        Story(gateway, AlertPlanner()).time_passes(NOON + hour * HOUR)
        assert one.row().suppression == "by_design"
        assert one.row().next_timer_ms == NOON + (hour + 1) * HOUR


def test_a_gateway_that_speaks_for_any_logger_hides_none(registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(logger.insert().values(id="GW", created_ms=NOON))
        gateways.declare(connection, "GW", gateway=True, who=ALICE, now_ms=NOON)
    one, _ = together(registry, silent("L0"), silent("GW"))
    assert one.row().suppression == "none"


def test_a_lesser_alarm_of_the_gateway_hides_no_worse_one(gateway: Registry) -> None:
    one, _ = together(gateway, silent("L0", severity=Severity.CRITICAL), silent("GW"))
    assert one.row().suppression == "none"


# --- floods


def test_a_flood_is_said_once_and_is_over_when_it_is(registry: Registry) -> None:
    for number in range(12):
        together(registry, replace(HIGH, logger=f"L{number}"), now_ms=NOON + number * 1000)

    def standing() -> int:
        query = select(func.count()).where(signal.c.kind == "alarm_flood", signal.c.cleared_ms.is_(None))
        with registry.read() as connection:
            return int(connection.execute(query).scalar_one())

    assert standing() == 1
    together(registry, replace(HIGH, logger="L99"), now_ms=NOON + 30 * MINUTE)
    assert standing() == 0


# --- what may wait


MINOR = replace(HIGH, severity=Severity.MINOR)


def dailies(registry: Registry) -> list[Any]:
    with registry.read() as connection:
        return list(connection.execute(select(rows_of).where(rows_of.c.step == outbox.DAILY_STEP)))


def test_minor_alarms_wait_for_the_daily_digest_of_who_takes_one(registry: Registry) -> None:
    Rules(registry).set(ALICE, digest_at="07:30")
    for number in range(3):
        Story(registry).happens(replace(MINOR, logger=f"L{number}"), NOON + number * MINUTE)
    [row] = dailies(registry)
    assert row.recipient == ALICE
    assert row.next_due_ms == ms("2026-11-23T07:30", "Europe/Berlin")
    assert {facts["logger"] for facts in row.content["alarms"]} == {"L0", "L1", "L2"}
    with registry.read() as connection:
        assert outbox.channels_due(connection, NOON + HOUR) == {}
        assert outbox.channels_due(connection, row.next_due_ms) == {"email": 1}


def test_a_minor_alarm_that_is_over_by_then_is_told_as_over(registry: Registry) -> None:
    Rules(registry).set(ALICE, digest_at="07:30")
    story = Story(registry)
    story.happens(MINOR)
    story.happens(replace(RETURNED, severity=Severity.MINOR), NOON + HOUR)
    with registry.read() as connection:
        [message, _] = explanation(connection, str(story.id))["messages"]
    assert message["why"]["words"] == "takes a daily digest, in which minor alarms stand"
    [row] = dailies(registry)
    assert [facts["condition"] for facts in row.content["alarms"]] == ["returned"]


@pytest.mark.parametrize("severity", [Severity.MAJOR, Severity.CRITICAL])
def test_major_and_critical_alarms_are_never_held_back(registry: Registry, severity: Severity) -> None:
    rules = Rules(registry)
    for one in (ALICE, BOB):
        rules.set(one, digest_at="07:30", quiet_hours=["00:00", "23:59"], working_hours={"sat": ["08:00", "09:00"]})
    story = Story(registry)
    story.happens(replace(HIGH, severity=severity))
    assert {row.next_due_ms for row in story.outbox()} == {NOON}


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("at", "working", "quiet", "expected"),
    [
        ("07:30", None, None, "2026-11-23T07:30"),
        ("13:30", None, None, "2026-11-22T13:30"),
        ("07:30", {"tue": ["09:00", "17:00"]}, None, "2026-11-24T09:00"),
        ("07:30", {"mon": ["06:00", "17:00"]}, None, "2026-11-23T07:30"),
        ("05:00", None, ["22:00", "06:00"], "2026-11-23T06:00"),
        ("23:00", None, ["22:00", "06:00"], "2026-11-23T06:00"),
        ("18:00", {"mon": ["08:00", "17:00"]}, None, "2026-11-23T08:00"),
    ],
    ids=str,
)
def test_a_digest_leaves_at_its_time_within_hours(at: str, working: Any, quiet: Any, expected: str) -> None:
    assert tells_at(NOON, "UTC", at, working, quiet) == ms(expected)


def test_a_digest_keeps_to_the_clock_on_the_wall_when_the_clocks_change() -> None:
    evening = ms("2026-03-28T20:00", "Europe/Berlin")
    assert tells_at(evening, "Europe/Berlin", "07:30", None, None) == ms("2026-03-29T07:30", "Europe/Berlin")


# --- why


def test_every_message_and_every_silence_has_its_reason(registry: Registry) -> None:
    rules = Rules(registry)
    rules.rota(DORA, **{"from": "2026-12-01T00:00"})
    rota = {"kind": "rota", "id": "lab", "layer": "primary"}
    rules.policy("ladder", ladder(step(0, rota), step(5, to(EMIL), channels=["email"])))
    rules.routes(otherwise="ladder")
    story = Story(registry)
    story.happens(replace(HIGH, condition=Condition.PENDING), NOON - MINUTE)
    story.happens(HIGH)
    acknowledge(story, NOON + MINUTE)
    with registry.read() as connection:
        said = explanation(connection, str(story.id))
    [message] = said["messages"]
    assert (message["name"], message["channel"], message["step"]) == ("Emil", "email", 1)
    assert message["why"]["words"] == "is named by the policy"
    assert (message["why"]["policy"], message["why"]["policy_version"], message["why"]["routing_version"]) == (
        "ladder", 1, 1,
    )  # fmt: skip
    assert [(one["who"], one["why"]["code"]) for one in said["silences"]] == [
        ("everybody", "pending"), ("lab/primary", "not_begun"), (ALICE, "not_named"), (BOB, "not_named"),
    ]  # fmt: skip


def test_an_explanation_names_maintenance_and_the_next_channel(registry: Registry) -> None:
    rules = Rules(registry)
    rules.policy("ladder", ladder(step(0, to(DORA), channel_mode="first")))
    rules.routes(otherwise="ladder")
    story = Story(registry)
    story.happens(HIGH)
    with registry.write() as connection:
        ChannelFallback().due(connection, NOON + 61_000)
    out(registry, NOON + HOUR, NOON + 2 * MINUTE)
    with registry.read() as connection:
        said = explanation(connection, str(story.id))
    assert [(one["channel"], one["why"]["code"]) for one in said["messages"]] == [
        ("email", "person"), ("sms", "fail_over"),
    ]  # fmt: skip
    assert "it was out of service for maintenance" in [one["why"]["words"] for one in said["silences"]]
    assert notes(story, "out_of_service")[0]["work_order"] == "WO-1"
    assert who(story) == ["Dora"]
