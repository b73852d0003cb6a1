"""A house for tests of the engine: real journal and registry, a clock moved by hand, a planner that listens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from judging import DAWN
from sqlalchemy import Connection, select

from alerts.planner import AlertPlanner
from coldchain.clock import HandClock
from coldchain.domain.finding import AlarmChange, Subject, SubjectKind
from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.domain.reading import Reading
from coldchain.domain.shipment import FactKind
from coldchain.journal.sqlite import SqliteJournal
from coldchain.registry import facts, people, profiles, recorded, stores
from coldchain.registry.migrations import migrate
from coldchain.registry.recorded import OnRecord
from coldchain.registry.schema import audit as audit_table
from coldchain.registry.shipments import NewShipment, create
from coldchain.registry.store import Registry, sqlite_url
from coldchain.registry.viewer import SYSTEM
from coldchain.telemetry.embedded import EmbeddedTelemetry
from compliance.loop import EngineLoop
from compliance.shipped import shipped_bodies

STEP_MS = 300_000


class Listening:
    """A planner that remembers what it was told."""

    def __init__(self) -> None:
        self.changes: list[AlarmChange] = []

    def plan(self, connection: Connection, changes: Sequence[AlarmChange], now_ms: int) -> None:
        """Remember."""
        self.changes += changes


class House:
    """Everything that the loop needs, in a folder."""

    def __init__(self, folder: Path, start_ms: int = DAWN) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.clock = HandClock(start_ms)
        self.registry = Registry(sqlite_url(folder / "registry.db"))
        migrate(self.registry)
        self.journal = SqliteJournal(folder / "journal.db")
        self.history = EmbeddedTelemetry(self.journal)
        self.planner = Listening()
        self.engine = self.loop()
        with self.registry.write() as connection:
            profiles.seed_profiles(connection, shipped_bodies(), start_ms)

    def plan_alarms(self) -> None:
        """From here on alarms are planned as in the product: for whoever is on call, by mail."""
        self.planner = AlertPlanner(("email",))  # type: ignore[assignment]
        self.engine = self.loop()

    def put_on_call(self, name: str) -> None:
        """This person is told, and alarms are planned."""
        self.plan_alarms()
        with self.registry.write() as connection:
            people.create(
                connection, email=f"{name.lower()}@example.org", name=name, role="operator", who="test",
                now_ms=self.clock.now_ms(), on_call=True,
            )  # fmt: skip

    def loop(self) -> EngineLoop:
        """Another engine on the same stores."""
        return EngineLoop(self.registry, self.journal, self.history, self.planner, self.clock)

    def close(self) -> None:
        """Release the stores."""
        self.journal.close()
        self.registry.close()

    def shipment(self, reference: str, logger: str, profile: str = "refrigerated-2-8", **more: Any) -> Subject:
        """A shipment with a logger bound from the start."""
        now = self.clock.now_ms()
        with self.registry.write() as connection:
            id_ = create(connection, NewShipment(reference, profile, **more), by=SYSTEM, now_ms=now)
            subject = Subject(SubjectKind.SHIPMENT, id_)
            facts.bind(connection, subject, logger, from_ms=DAWN, who="test", now_ms=now)
        return subject

    def store(self, logger: str | None, *, name: str, kind: str, zone: str, **more: Any) -> Subject:
        """A place where goods are kept, with a logger bound from the start, or with none."""
        now = self.clock.now_ms()
        with self.registry.write() as connection:
            id_ = stores.create(connection, name=name, kind=kind, zone=zone, who="test", now_ms=now, **more)
            subject = Subject(SubjectKind.STORE, id_)
            facts.assign_profile(connection, subject, "refrigerated-2-8", 1, who="test", now_ms=now)
            if logger is not None:
                facts.bind(connection, subject, logger, from_ms=DAWN, who="test", now_ms=now)
        return subject

    def declare(self, logger: str, interval_ms: int) -> None:
        """A person says how often a logger measures."""
        with self.registry.write() as connection:
            facts.add(
                connection, kind=FactKind.INTERVAL, body={"interval_ms": interval_ms, "source": "declared"},
                valid_from_ms=0, logger=logger, who="test", now_ms=self.clock.now_ms(),
            )  # fmt: skip

    def send(self, *readings: Reading, transport: str = "mqtt", interval_ms: int | None = None) -> None:
        """Each reading as a message of its own, arrived now, that may declare how often its logger measures."""
        now = self.clock.now_ms()
        arrivals = []
        for item in readings:
            key = f"{item.boot}:{item.seq}"
            envelope = Envelope(transport, f"cc/{item.logger}/up", f"{item.logger} {key}".encode(), now)
            message = Decoded(
                item.logger, key, envelope.payload, "native@1", (item._replace(record_time_ms=now),), boot=item.boot,
                seq=item.seq, interval_ms=interval_ms,
            )  # fmt: skip
            arrivals.append(Arrival(envelope, (message,)))
        self.journal.append(arrivals)

    def settle(self, engine: EngineLoop | None = None) -> None:
        """Step until there is nothing left to do."""
        while (engine or self.engine).step():
            pass

    def pass_until(self, until_ms: int) -> None:
        """Let time pass; the engine wakes when it has asked to."""
        while (due := self.engine.next_due_ms()) is not None and due <= until_ms:
            self.clock.set(max(due, self.clock.now_ms() + 1))
            self.settle()
        self.clock.set(until_ms)
        self.settle()

    def live(self, *readings: Reading) -> None:
        """Each reading arrives at its own time, and the engine hears of it."""
        for item in readings:
            self.clock.set(max(self.clock.now_ms(), item.event_time_ms + 400))
            self.send(item)
            self.settle()

    def record(self, subject: Subject) -> OnRecord:
        """What stands on record about a subject."""
        with self.registry.read() as connection:
            return recorded.on_record(connection, [subject])[subject]

    def actions(self, prefix: str) -> list[str]:
        """The audit trail's actions that begin so, in order."""
        with self.registry.read() as connection:
            rows = connection.execute(select(audit_table.c.action).order_by(audit_table.c.number))
            return [row.action for row in rows if row.action.startswith(prefix)]


def sample(step: int, celsius: float, logger: str = "LG-1", **more: Any) -> Reading:
    """The reading number `step` of a logger that measures every five minutes."""
    time = DAWN + step * STEP_MS
    return Reading(
        logger, "internal", time, time, "device", boot=1, seq=step, temperature_mc=round(celsius * 1000), **more
    )
