"""The cast of the alert tests: Alice and Bob on call, Charlie who sees one customer's shipments, and their alarms."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, update

from alerts import lifecycle, shelving
from alerts.outbox import Site
from alerts.planner import AlertPlanner
from coldchain.domain.finding import AlarmChange, AlarmCondition, Condition, Severity, Subject, SubjectKind
from coldchain.registry.schema import alarm, alarm_event, metadata, outbox, person, shipment
from coldchain.registry.store import Registry, new_id, sqlite_url

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z
MINUTE = 60_000
KEY = b"k" * 32
SITE = Site("http://127.0.0.1:8050", "cold.example.org", KEY)
ALICE, BOB, CHARLIE = (f"00000000-0000-4000-8000-00000000000{n}" for n in "abc")
SHIPMENT = "11111111-0000-4000-8000-000000000001"

HIGH = AlarmCondition(
    Subject(SubjectKind.SHIPMENT, SHIPMENT), "130500109088", "internal", "high", Condition.ACTIVE, Severity.CRITICAL,
    onset_ms=NOON - 14 * MINUTE, changed_ms=NOON, peak_mc=12_800, value_mc=12_400, limit_mc=8_000,
    rules=("above-8",), excursions=("e1",),
)  # fmt: skip
RETURNED = replace(HIGH, condition=Condition.RETURNED, end_ms=NOON + 20 * MINUTE, value_mc=6_000)


def new_registry(folder: Path) -> Registry:
    return filled(Registry(sqlite_url(folder / "registry.db")))


def filled(registry: Registry) -> Registry:
    """The tables and the cast in an empty database."""
    metadata.create_all(registry.engine)
    with registry.write() as connection:
        _people(connection)
        connection.execute(
            shipment.insert().values(
                id=SHIPMENT,
                reference="SHP-2026-0042",
                customer="Helvetia Pharma",
                carrier="Northbound",
                lane="Munich → Lisbon",
                state="in_transit",
                created_ms=NOON,
                origin={"zone": "Europe/Berlin"},
            )
        )
    return registry


def _people(connection: Connection) -> None:
    common = {"zone": "Europe/Berlin", "language": "en", "created_ms": NOON}
    for id_, name, role, on_call, phone in (
        (ALICE, "Alice", "quality", True, "+4915100000001"),
        (BOB, "Bob", "operator", True, None),
        (CHARLIE, "Charlie", "viewer", False, "+4915100000003"),
    ):
        row = {"id": id_, "name": name, "email": f"{name.lower()}@example.org", "role": role, "phone": phone}
        scope = "Other Pharma" if id_ == CHARLIE else None
        connection.execute(person.insert().values(**row, **common, on_call=on_call, scope_customer=scope))


def store_alarm(connection: Connection, condition: AlarmCondition, now_ms: int = NOON, id_: str | None = None) -> str:
    """Write the condition axis as the engine's loop does, with the other axes at rest for a new alarm."""
    values: dict[str, Any] = {
        name: getattr(condition, name)
        for name in ("logger", "channel", "cause", "onset_ms", "changed_ms", "end_ms", "peak_mc", "value_mc",
                     "limit_mc", "late", "digest")
    } | {
        "condition": condition.condition.value, "severity": int(condition.severity), "rules": list(condition.rules),
        "excursions": list(condition.excursions),
    }  # fmt: skip
    if id_ is not None:
        connection.execute(update(alarm).where(alarm.c.id == id_).values(**values))
        return id_
    subject = {"subject_kind": condition.subject.kind.value, "subject_id": condition.subject.id}
    rest = {"occasion": 0, "suppression": "none", "quality": "good", "version": 1, "raised_ms": now_ms}
    made = new_id()
    connection.execute(alarm.insert().values(id=made, **subject, **values, **rest))
    return made


class Story:
    """One alarm told step by step: `happens` is a step of the engine with its planner."""

    def __init__(self, registry: Registry, planner: AlertPlanner | None = None) -> None:
        self.registry = registry
        self.planner = planner or AlertPlanner()
        self.id: str | None = None
        self.before: AlarmCondition | None = None

    def happens(self, condition: AlarmCondition, now_ms: int = NOON) -> str:
        with self.registry.write() as connection:
            self.id = store_alarm(connection, condition, now_ms, self.id)
            self.planner.plan(connection, [AlarmChange(self.id, self.before, condition)], now_ms)
        self.before = condition
        return self.id

    def time_passes(self, now_ms: int) -> int:
        with self.registry.write() as connection:
            return self.planner.due(connection, now_ms)

    def messages(self) -> list[tuple[str, str, str]]:
        """(reason, recipient's name, channel) of every outbox row of this alarm, in order of occasion."""
        query = select(outbox.c.reason, person.c.name, outbox.c.channel).join(person, person.c.id == outbox.c.recipient)
        query = query.where(outbox.c.alarm == self.id).order_by(outbox.c.occasion, person.c.name, outbox.c.channel)
        with self.registry.read() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def timeline(self) -> list[str]:
        query = select(alarm_event.c.kind).where(alarm_event.c.alarm == self.id).order_by(alarm_event.c.id)
        with self.registry.read() as connection:
            return list(connection.execute(query).scalars())

    def row(self) -> Any:
        with self.registry.read() as connection:
            return connection.execute(select(alarm).where(alarm.c.id == self.id)).one()

    def outbox(self) -> list[Any]:
        query = select(outbox).where(outbox.c.alarm == self.id).order_by(outbox.c.occasion, outbox.c.channel)
        with self.registry.read() as connection:
            return list(connection.execute(query))


def set_aside(story: Story, minutes: int, now_ms: int = NOON) -> None:
    """Alice shelves the alarm, and Bob agrees where it takes two."""
    given = {"until_ms": now_ms + minutes * MINUTE, "reason": "defrost", "now_ms": now_ms}
    with story.registry.write() as connection:
        done = shelving.shelve(connection, str(story.id), who=ALICE, **given)
        if done.act is lifecycle.Act.SHELF_ASKED:
            shelving.confirm(connection, str(story.id), who=BOB, now_ms=now_ms)
