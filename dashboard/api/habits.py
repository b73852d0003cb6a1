"""When somebody reads what may wait: everybody sets their own hours, administrators anybody's."""

from typing import Any

from fastapi.responses import Response

from coldchain.errors import Forbidden
from coldchain.registry import contacts, habits, people
from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.request import Body, Caller, Web, reply, shown_as, takes
from dashboard.policy import API, Endpoint, may


class Hours(Body):
    """Local times; null takes a habit away."""

    digest_at: str | None = None
    working_hours: dict[str, list[str]] | None = None
    quiet_hours: list[str] | None = None


def shown(web: Web, viewer: Caller, person: str) -> Response:
    """When this person (`me`: who asks) reads what may wait."""
    with web.registry.read() as connection:
        whom = viewer.id if person == "me" else person
        return reply(contacts.habits(connection, whom)._asdict())


def put(web: Web, viewer: Caller, person: str, body: Hours) -> Response:
    """Set when minor alarms are told: daily, within working hours, outside quiet ones; no worse alarm waits."""
    wanted = habits.checked(body.digest_at, body.working_hours, body.quiet_hours)
    with web.registry.write() as connection:
        whom = _whom(viewer, person)
        habits.keep(connection, whom, wanted, who=viewer.id, now_ms=web.clock.now_ms())
        names = people.names(connection, {whom})
    return reply({"person": whom, "name": names.get(whom), **wanted._asdict()})


def _whom(viewer: Viewer, person: str) -> str:
    if person in ("me", viewer.id):
        return viewer.id
    if not viewer.may(Permission.ADMINISTER):
        raise Forbidden("these are somebody else's hours: set your own (`me`), or ask an administrator")
    return person


_HOURS: dict[str, Any] = {
    "digest_at": "07:30", "working_hours": {"mon": ["08:00", "17:00"]}, "quiet_hours": ["22:00", "06:00"],
}  # fmt: skip
_OF = f"{API}/people/{{person}}/hours"
_OWN = may(Permission.ACKNOWLEDGE, unscoped=True)
ENDPOINTS = (
    Endpoint("GET", _OF, shown, _OWN, shown_as("When they read what may wait", _HOURS)),
    Endpoint("POST", _OF, put, _OWN, shown_as("When they read what may wait", _HOURS) | takes(_HOURS)),
)  # fmt: skip
