"""The rule lab over a hundred shipments of thirty days, from the stores and back, in two processes.

The run is the one that the API starts: shipments are read from registry and journal, judged twice each, and what was
said is written. Every answer must say that the judgement by the profile that judges now equals the record.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from bench.processes import scratch
from bench.table import Anchor
from coldchain.clock import HandClock
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.domain.profile_format import profile_from
from coldchain.domain.reading import Reading
from coldchain.domain.shipment import FactKind
from coldchain.journal.sqlite import SqliteJournal
from coldchain.registry import facts, lab_runs, profiles, shipments
from coldchain.registry.lab_choice import Choice, chosen
from coldchain.registry.lab_runs import NewRun
from coldchain.registry.migrations import migrate
from coldchain.registry.store import Registry, sqlite_url
from coldchain.registry.viewer import SYSTEM
from coldchain.telemetry.embedded import EmbeddedTelemetry
from compliance.lab_runner import Lab, LabRun
from compliance.loop import EngineLoop
from compliance.shipped import shipped_bodies

SHIPMENTS, DAYS, STEP_MS, BEGUN_MS = 100, 30, 600_000, 1_767_571_200_000
DAY_MS, PROFILE = 86_400_000, "refrigerated-2-8"


class _Nobody:
    """A planner for an installation without people."""

    def plan(self, *_: Any) -> None: ...


def measure(scale: float) -> list[Anchor]:
    number = max(4, round(SHIPMENTS * scale))
    clock = HandClock(BEGUN_MS)
    with scratch() as folder:
        registry, journal = _stores(folder)
        try:
            _fill(registry, journal, clock, number)
            history = EmbeddedTelemetry(journal)
            engine = EngineLoop(registry, journal, history, _Nobody(), clock)
            while engine.step():
                pass
            took_s, summary = _run(registry, history, clock)
        finally:
            journal.close()
            registry.close()
    assert summary["not_as_recorded"] == 0, summary
    assert summary["shipments"] == number
    assert summary["changed"], "the draft changes nothing, so nothing is compared"
    note = f"{number} shipments × {DAYS} days at {STEP_MS // 60_000} min, two processes; seconds"
    return [Anchor("rule lab, a changed profile", f"{took_s:.1f} s", "", took_s, "<= 60", note)]


def _stores(folder: Path) -> tuple[Registry, SqliteJournal]:
    registry = Registry(sqlite_url(folder / "registry.db"))
    migrate(registry)
    with registry.write() as connection:
        profiles.seed_profiles(connection, shipped_bodies(), BEGUN_MS)
    return registry, SqliteJournal(folder / "journal.db")


def _fill(registry: Registry, journal: SqliteJournal, clock: HandClock, number: int) -> None:
    """Shipments with a logger each, whose readings arrive a day at a time."""
    with registry.write() as connection:
        for k in range(number):
            _shipment(connection, f"L{k:03d}")
    clock.set(BEGUN_MS + (DAYS + 1) * DAY_MS)
    for k in range(number):
        draw = np.random.default_rng(k)
        value = np.rint(5_000 + draw.normal(0, 300, DAYS * DAY_MS // STEP_MS)).astype(int)
        for start in draw.integers(100, len(value) - 100, 3):
            value[start : start + 9] += 3_800
        journal.append([_arrival(f"L{k:03d}", day, value, clock.now_ms()) for day in range(DAYS)])


def _shipment(connection: Connection, logger: str) -> None:
    id_ = shipments.create(connection, shipments.NewShipment(f"S-{logger}", PROFILE), by=SYSTEM, now_ms=BEGUN_MS)
    subject = Subject(SubjectKind.SHIPMENT, id_)
    facts.bind(connection, subject, logger, from_ms=BEGUN_MS, who="bench", now_ms=BEGUN_MS)
    facts.add(connection, kind=FactKind.INTERVAL, body={"interval_ms": STEP_MS, "source": "declared"}, valid_from_ms=0,
              logger=logger, who="bench", now_ms=BEGUN_MS)  # fmt: skip
    shipments.change(connection, id_, {"state": "in_transit"}, version=1, by=SYSTEM, now_ms=BEGUN_MS)


def _arrival(logger: str, day: int, value: np.ndarray, now_ms: int) -> Arrival:
    each = DAY_MS // STEP_MS
    readings = []
    for k in range(day * each, (day + 1) * each):
        at = BEGUN_MS + k * STEP_MS
        readings.append(Reading(logger, "probe", at, at + 400, "device", boot=1, seq=day, temperature_mc=int(value[k])))
    envelope = Envelope("mqtt", f"cc/{logger}/up", f"{logger} {day}".encode(), now_ms)
    message = Decoded(logger, f"1:{day}", envelope.payload, "native@1", tuple(readings), boot=1, seq=day)
    return Arrival(envelope, (message,))


def _run(registry: Registry, history: EmbeddedTelemetry, clock: HandClock) -> tuple[float, dict[str, Any]]:
    with registry.write() as connection:
        body = dict(profiles.get(connection, PROFILE).body)
        draft = {**body, "version": 2, "label_range": {"low_c": 2, "high_c": 7.5}}
        found = chosen(connection, SYSTEM, Choice())
        run = lab_runs.begin(connection, NewRun(draft, {}, len(found)), who=SYSTEM.id, now_ms=clock.now_ms())
    lab = Lab(registry, history, clock, lambda *_: [])
    began = time.perf_counter()
    LabRun(lab, run, found, profile_from(draft)).work()
    took_s = time.perf_counter() - began
    with registry.read() as connection:
        made = lab_runs.get(connection, SYSTEM, run, clock.now_ms())
    assert made.state == "done", made.failure
    assert made.summary is not None
    return took_s, made.summary
