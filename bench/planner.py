"""What it costs to decide who hears of a finding: the planner inside the engine's transaction, per announced alarm.

One registry on disk, ten people on call, alarms that are raised one by one. Measured with no rules at all, with 10 and
with 100 policies, each with a route that matches only its own customer: the alarm's route is the last one. Seconds are
those of the CPU of this process; the transaction around the planner is not counted.
"""

import time
from pathlib import Path
from statistics import median

from sqlalchemy import Connection

from alerts.planner import AlertPlanner
from bench.processes import scratch
from bench.table import Anchor
from coldchain.domain.finding import AlarmChange, AlarmCondition, Condition, Severity, Subject, SubjectKind
from coldchain.registry import routes
from coldchain.registry.policies import POLICIES
from coldchain.registry.rotas import ROTAS
from coldchain.registry.schema import alarm, metadata, person, shipment
from coldchain.registry.store import Registry, new_id, sqlite_url

NOON = 1_795_348_800_000
PEOPLE = 10
SIZES = (0, 10, 100)
HOLD = "<= 3"  # of the cost with 100 policies and routes to that with none


def measure(scale: float) -> list[Anchor]:
    alarms = max(20, round(200 * scale))
    costs = {}
    for size in SIZES:
        with scratch() as folder:
            costs[size] = _per_alarm_ms(folder, size, alarms)
    anchors = []
    for size in SIZES:
        ratio = None if size == 0 else costs[size] / costs[0]
        name = f"planner per announced alarm, {size} policies and routes"
        anchors.append(Anchor(name, f"{costs[size]:.2f} ms", "", ratio, HOLD if size == max(SIZES) else ""))
    return anchors


def _per_alarm_ms(folder: Path, size: int, alarms: int) -> float:
    registry = Registry(sqlite_url(folder / "registry.db"))
    metadata.create_all(registry.engine)
    with registry.write() as connection:
        people = _people(connection)
        _rules(connection, size, people)
    planner, took = AlertPlanner(("email", "sms")), []
    for number in range(alarms):
        with registry.write() as connection:
            change = _raised(connection, number)
            before = time.process_time()
            planner.plan(connection, [change], NOON + number * 1000)
            took.append(time.process_time() - before)
    registry.close()
    return median(took[alarms // 4 :]) * 1000


def _people(connection: Connection) -> list[str]:
    ids = [new_id() for _ in range(PEOPLE)]
    common = {"role": "operator", "zone": "UTC", "language": "en", "created_ms": NOON, "on_call": True}
    for number, id_ in enumerate(ids):
        row = {"id": id_, "name": f"P{number}", "email": f"p{number}@example.org", "phone": f"+49151000000{number:02}"}
        connection.execute(person.insert().values(**row, **common))
    return ids


def _rules(connection: Connection, size: int, people: list[str]) -> None:
    if not size:
        return
    layer = {"name": "primary", "people": people, "turn": "daily", "from": "2026-01-01T08:00"}
    said = {"who": "bench", "reason": "bench", "now_ms": NOON}
    ROTAS.add(connection, "lab", {"name": "Lab", "zone": "Europe/Berlin", "layers": [layer], "holidays": []}, **said)
    steps = [
        {"after_min": 0, "targets": [{"kind": "rota", "id": "lab", "layer": "primary"}, {"kind": "on_call"}]},
        {"after_min": 10, "targets": [{"kind": "on_call"}]},
    ]
    for number in range(size):
        body = {"name": f"Policy {number}", "steps": steps, "repeat_last_min": 10}
        POLICIES.add(connection, f"p{number}", body, **said)
    listed = [{"match": {"customer": f"Customer {number}"}, "policy": f"p{number}"} for number in range(size)]
    routes.replace(connection, {"routes": listed, "otherwise": None}, **said)
    # The goods are those of the last route's customer.
    _ship(connection, f"Customer {size - 1}")


def _ship(connection: Connection, customer: str) -> None:
    row = {"id": "s", "reference": "SHP-1", "customer": customer, "state": "in_transit", "created_ms": NOON}
    connection.execute(shipment.insert().values(**row))


def _raised(connection: Connection, number: int) -> AlarmChange:
    condition = AlarmCondition(
        Subject(SubjectKind.SHIPMENT, "s"), f"L{number}", "probe", "high", Condition.ACTIVE, Severity.CRITICAL,
        onset_ms=NOON, changed_ms=NOON, peak_mc=12_000, value_mc=12_000, limit_mc=8_000, rules=("above",),
    )  # fmt: skip
    id_ = new_id()
    values = {
        name: getattr(condition, name)
        for name in ("logger", "channel", "cause", "onset_ms", "changed_ms", "peak_mc", "value_mc", "limit_mc")
    }
    rest = {"occasion": 0, "suppression": "none", "quality": "good", "raised_ms": NOON + number * 1000}
    axis = {"condition": "active", "severity": 3, "rules": ["above"], "excursions": [], "late": False, "digest": False}
    subject = {"subject_kind": "shipment", "subject_id": "s"}
    connection.execute(alarm.insert().values(id=id_, **values, **rest, **axis, **subject))
    return AlarmChange(id_, None, condition)
