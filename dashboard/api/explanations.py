"""Why did I get this, and why was nobody told: an alarm's messages and silences, each with its reason."""

from fastapi.responses import Response

from alerts.explain import explanation
from coldchain.registry import alarms
from coldchain.registry.viewer import Permission
from dashboard.api.request import Caller, Web, reply, shown_as
from dashboard.policy import API, Endpoint, may


def explained(web: Web, viewer: Caller, alarm: str) -> Response:
    """Every message with route, policy version, step and turn; every silence with what kept it."""
    with web.registry.read() as connection:
        alarms.alarm(connection, viewer, alarm)
        return reply(explanation(connection, alarm))


_WHY = {
    "code": "rota", "words": "was on duty in layer primary of rota lab", "duty": "turn", "override": None,
    "target": {"kind": "rota", "id": "lab", "layer": "primary"}, "route": 0, "routing_version": 3,
    "policy": "critical", "policy_version": 2, "party": None,
}  # fmt: skip
_MESSAGE = {
    "at": "2026-11-22T12:00:00.000Z", "kind": "raised", "occasion": 1, "step": 0, "name": "Alice",
    "recipient": "00000000-0000-4000-8000-00000000000a", "recipient_kind": "person", "channel": "email",
    "state": "delivered", "address_verified": True, "why": _WHY,
}  # fmt: skip
_SILENCE = {
    "at": "2026-11-22T12:00:00.000Z", "who": "lab/deputy", "name": None,
    "why": {"code": "out_of_hours", "words": "the layer was outside its hours", "target": {"kind": "rota"}},
}  # fmt: skip
_EXPLAINED = {
    "alarm": "0d5e…", "policy": {"id": "critical", "version": 2, "climb_began": "2026-11-22T12:00:00.000Z"},
    "messages": [_MESSAGE], "silences": [_SILENCE],
}  # fmt: skip
ENDPOINTS = (
    Endpoint("GET", f"{API}/alarms/{{alarm}}/explanation", explained, may(Permission.VIEW, unscoped=True),
             shown_as("Why it was told as it was", _EXPLAINED)),
)  # fmt: skip
