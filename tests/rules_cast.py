"""Policies, rotas and routes for the alert tests, put on record as people would."""

from typing import Any

from alert_cast import ALICE, BOB, NOON, Story
from sqlalchemy import select, update

from alerts import lifecycle, rulebook_changes
from coldchain.registry.schema import alarm_event, outbox, person
from coldchain.registry.schema_people import endpoint, party_contact
from coldchain.registry.store import Registry
from coldchain.registry.viewer import Viewer

DORA, EMIL = (f"00000000-0000-4000-8000-00000000000{n}" for n in "de")
HOOK = "00000000-0000-4000-8000-0000000000ff"
QUALITY = Viewer(ALICE, "Alice", "quality")
ROTA_STEP = {"after_min": 0, "targets": [{"kind": "rota", "id": "lab", "layer": "primary"}]}


def to(person_id: str) -> dict[str, str]:
    return {"kind": "person", "id": person_id}


def step(after_min: int, *targets: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"after_min": after_min, "targets": list(targets), **more}


def ladder(*steps: dict[str, Any], repeat: int = 10) -> dict[str, Any]:
    return {"name": "Ladder", "steps": list(steps), "repeat_last_min": repeat}


class Rules:
    """Writes rules as the quality unit does."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        with registry.write() as connection:
            common = {"zone": "UTC", "language": "en", "created_ms": NOON, "on_call": False, "role": "operator"}
            for id_, name in ((DORA, "Dora"), (EMIL, "Emil")):
                row = {"id": id_, "name": name, "email": f"{name.lower()}@example.org", "phone": "+4915100000009"}
                connection.execute(person.insert().values(**row, **common))

    def policy(self, id_: str, body: dict[str, Any], now_ms: int = NOON) -> None:
        with self.registry.write() as connection:
            rulebook_changes.put_policy(connection, id_, body, by=QUALITY, reason="test", now_ms=now_ms)

    def rota(self, *people: str, now_ms: int = NOON, **more: Any) -> None:
        layer = {"name": "primary", "people": list(people), "turn": "daily", "from": "2026-11-22T00:00", **more}
        body = {"name": "Lab", "zone": "UTC", "layers": [layer], "holidays": []}
        with self.registry.write() as connection:
            rulebook_changes.put_rota(connection, "lab", body, by=QUALITY, reason="test", now_ms=now_ms)

    def routes(self, *routes: dict[str, Any], otherwise: str | None = None, now_ms: int = NOON) -> None:
        body = {"routes": list(routes), "otherwise": otherwise}
        with self.registry.write() as connection:
            rulebook_changes.put_routing(connection, body, by=QUALITY, reason="test", now_ms=now_ms)

    def endpoint(self) -> None:
        row = {"id": HOOK, "name": "Bridge", "url": "https://bridge.example.org/", "secret": "s", "created_ms": NOON}
        with self.registry.write() as connection:
            connection.execute(endpoint.insert().values(**row))

    def party(self, id_: str, party: str, name: str) -> None:
        row = {"id": id_, "party": party, "name": name, "email": f"{id_}@example.org", "created_ms": NOON}
        with self.registry.write() as connection:
            connection.execute(party_contact.insert().values(**row, zone="UTC", language="en"))

    def set(self, person_id: str, **values: Any) -> None:
        with self.registry.write() as connection:
            connection.execute(update(person).where(person.c.id == person_id).values(**values))


def told(story: Story) -> list[tuple[str, int, int, str, str]]:
    """(reason, occasion, step, recipient, channel) of every row of the alarm, in the order in which they were made."""
    query = select(outbox).where(outbox.c.alarm == story.id).order_by(outbox.c.created_ms, outbox.c.occasion)
    names = {ALICE: "Alice", BOB: "Bob", DORA: "Dora", EMIL: "Emil", HOOK: "Bridge"}
    with story.registry.read() as connection:
        rows = list(connection.execute(query.order_by(outbox.c.step, outbox.c.recipient, outbox.c.channel)))
    return [(r.reason, r.occasion, r.step, names.get(r.recipient, r.recipient), r.channel) for r in rows]


def who(story: Story, since: int = 0) -> list[str]:
    """The recipients of the rows from number `since` on, each once."""
    return list(dict.fromkeys(line[3] for line in told(story)[since:]))


def delivered(registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(update(outbox).values(state="delivered", next_due_ms=None))


def acknowledge(story: Story, now_ms: int, via: str = "browser") -> None:
    with story.registry.write() as connection:
        lifecycle.acknowledge(connection, str(story.id), who=ALICE, via=via, comment="", now_ms=now_ms)


def notes(story: Story, kind: str) -> list[dict[str, Any]]:
    query = select(alarm_event.c.body).where(alarm_event.c.alarm == story.id, alarm_event.c.kind == kind)
    with story.registry.read() as connection:
        return list(connection.execute(query.order_by(alarm_event.c.id)).scalars())
