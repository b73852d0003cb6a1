"""Who is on duty in the demo's company, and how its alarms climb from one person to the next."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from alerts import rulebook_changes
from coldchain.cli.demo_world import ON_CALL, Deed
from coldchain.registry import people
from coldchain.registry.viewer import SYSTEM

DEPUTIES = ("quentin@demo.example", "ada@demo.example")  # week by week
_MINUTE_MS = 60_000
_ROTA, _POLICY = "desk", "goods"


def duty_deeds(end_ms: int) -> Iterator[Deed]:
    """A rota with a deputy, a policy of two steps and a route to it, made just before `end_ms`, when history ends.

    What was raised before that went to everybody on call, as in any installation that has no rules yet.
    """

    def do(connection: Connection, now_ms: int) -> None:
        given: dict[str, Any] = {"by": SYSTEM, "reason": None, "now_ms": now_ms}
        first, *others = [_id_of(connection, email) for email in (ON_CALL, *DEPUTIES)]
        turns = {"turn": "weekly", "from": "2026-01-05T08:00"}
        layers = [{"name": "primary", "people": [first], **turns}, {"name": "deputy", "people": others, **turns}]
        rota = {"name": "Cold chain desk", "zone": "Europe/Berlin", "layers": layers, "holidays": []}
        rulebook_changes.put_rota(connection, _ROTA, rota, **given)
        steps = [
            {"after_min": minutes, "targets": [{"kind": "rota", "id": _ROTA, "layer": layer}],
             "channels": ["email", "sms"]} for minutes, layer in ((0, "primary"), (15, "deputy"))
        ]  # fmt: skip
        policy = {"name": "Goods in danger", "steps": steps, "repeat_last_min": 60}
        rulebook_changes.put_policy(connection, _POLICY, policy, **given)
        routes = [{"match": {"severity": ["critical", "major"]}, "policy": _POLICY, "inform": []}]
        rulebook_changes.put_routing(connection, {"routes": routes, "otherwise": None}, **given)

    yield Deed(end_ms - _MINUTE_MS, do)


def _id_of(connection: Connection, email: str) -> str:
    found = people.by_email(connection, email)
    assert found is not None, email
    return found.id
