"""Rules for the pages: a rota with a deputy and somebody who stands in, a policy in two versions, routes."""

from typing import Any

from browser_world import HOUR, World

from alerts import rulebook_changes
from coldchain.registry import people
from coldchain.registry.viewer import SYSTEM

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")


def add_admin(world: World) -> str:
    """Ida, who administers."""
    if "admin" not in world.people:
        with world.registry.write() as connection:
            world.people["admin"] = people.create(
                connection, email="ida@example.org", name="Ida Adler", role="admin", who="test", now_ms=world.now_ms,
                phone="+4915100000009", on_call=True,
            )  # fmt: skip
    return world.people["admin"]


def write_rules(world: World) -> None:
    """All of it, as somebody of quality would have entered it."""
    ida, mara, jon = add_admin(world), world.people["quality"], world.people["operator"]
    given: dict[str, Any] = {"by": SYSTEM, "now_ms": world.now_ms}
    primary = {"name": "primary", "people": [mara, jon], "turn": "daily", "from": "2026-01-05T08:00"}
    hours = {day: [["08:00", "18:00"]] for day in WEEKDAYS}
    deputy = {"name": "deputy", "people": [ida], "turn": "weekly", "from": "2026-01-05T08:00", "restrict": hours}
    rota = {"name": "Laboratory", "zone": "Europe/Berlin", "layers": [primary, deputy], "holidays": []}
    on_call = {"after_min": 30, "targets": [{"kind": "on_call"}], "channels": ["email", "sms"]}
    first = {"after_min": 0, "targets": [{"kind": "rota", "id": "lab", "layer": "primary"}],
             "channels": ["sms", "email"], "channel_mode": "first"}  # fmt: skip
    with world.registry.write() as connection:
        rulebook_changes.put_rota(connection, "lab", rota, reason=None, **given)
        rulebook_changes.stand_in(
            connection, "lab", layer="primary", person=ida, replaces=None, from_ms=world.now_ms + 30 * HOUR,
            to_ms=world.now_ms + 40 * HOUR, reason="dentist", **given,
        )  # fmt: skip
        for repeat, why in ((10, None), (5, "ten minutes are long")):
            body = {"name": "Critical alarms", "steps": [first, on_call], "repeat_last_min": repeat}
            rulebook_changes.put_policy(connection, "critical", body, reason=why, **given)
        routes = [{"match": {"severity": ["critical"]}, "policy": "critical", "inform": ["consignor"]}]
        rulebook_changes.put_routing(connection, {"routes": routes, "otherwise": None}, reason=None, **given)
