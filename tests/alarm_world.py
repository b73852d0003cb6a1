"""Alarms for the pages: a storm, something under maintenance, something over, with what people were told of each."""

from typing import Any

from browser_world import HOUR, MINUTE, World

from coldchain.domain.finding import Condition, Severity
from coldchain.registry.schema import alarm, alarm_event, delivery_attempt, outbox
from coldchain.registry.store import bump_revision, new_id


def an_alarm(world: World, back_ms: int, **more: Any) -> str:
    """An alarm of the cold room, raised `back_ms` before now."""
    id_, at = new_id(), world.now_ms - back_ms
    values = {
        "id": id_, "subject_kind": "store", "subject_id": world.store, "logger": "TL-7001", "channel": "probe",
        "cause": "high", "condition": Condition.ACTIVE.value, "severity": int(Severity.MAJOR), "onset_ms": at,
        "changed_ms": at, "rules": ["above"], "excursions": [], "raised_ms": at, "suppression": "none",
        "quality": "good", "limit_mc": 8_000, "peak_mc": 9_400, "value_mc": 9_100, **more,
    }  # fmt: skip
    with world.registry.write() as connection:
        connection.execute(alarm.insert().values(**values))
        bump_revision(connection)
    return id_


def storm(world: World, number: int, cause: str = "silence") -> list[str]:
    """As many loggers fall silent within a few minutes."""
    critical = int(Severity.CRITICAL)
    return [
        an_alarm(world, 25 * MINUTE - place * 1000, cause=cause, logger=f"TL-8{place:03d}", limit_mc=None,
                 peak_mc=None, value_mc=None, **({"severity": critical} if place == 3 else {}))
        for place in range(number)
    ]  # fmt: skip


def told(world: World, id_: str, at: int, *, state: str = "delivered", role: str = "quality", **more: Any) -> str:
    """A message about an alarm, and its one attempt."""
    sent = {"accepted_ms": at + 1_500, "delivered_ms": at + 4_000} if state == "delivered" else {}
    values = {
        "id": new_id(), "alarm": id_, "occasion": 1, "reason": "raised", "step": 0, "recipient": world.people[role],
        "channel": "email", "address": f"{role}@example.org", "state": state, "content": {}, "created_ms": at,
        **sent, **more,
    }  # fmt: skip
    with world.registry.write() as connection:
        connection.execute(outbox.insert().values(**values))
        attempt = {"outbox": values["id"], "started_ms": at + 200, "finished_ms": at + 1_500, "outcome": state}
        connection.execute(delivery_attempt.insert().values(**attempt, code="250", detail="250 kept"))
        bump_revision(connection)
    return str(values["id"])


def event(world: World, id_: str, kind: str, at: int, who: str | None = None, **body: Any) -> None:
    """A line of an alarm's timeline."""
    with world.registry.write() as connection:
        connection.execute(alarm_event.insert().values(alarm=id_, at_ms=at, kind=kind, who=who, body=body))


def over_and_answered(world: World) -> str:
    """An alarm that is over and acknowledged: what remains is to reset it."""
    at = world.now_ms - 3 * HOUR
    return an_alarm(
        world, 3 * HOUR, condition=Condition.RETURNED.value, end_ms=at + HOUR, acknowledged_ms=at + 9 * MINUTE,
        acknowledged_by=world.people["operator"], acknowledged_via="browser",
    )  # fmt: skip


def under_maintenance(world: World) -> str:
    """An alarm of something that is out of service."""
    return an_alarm(world, HOUR, suppression="out_of_service", suppressed_until_ms=world.now_ms + 4 * HOUR, cause="low")
