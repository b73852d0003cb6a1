"""Light, door and shock beside the goods: context of a shipment or a store."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.registry import shipments, stores
from coldchain.registry.viewer import Permission
from compliance.openings_record import openings_of
from dashboard.api.request import Caller, From, To, Web, period, reply, shown_as
from dashboard.policy import API, Endpoint, may

_ELSE = "; without it as the product profile says"
Light = Annotated[float | None, Query(ge=0.001, le=200_000, description=f"light is told from so many lux on{_ELSE}")]
Shock = Annotated[float | None, Query(ge=0.001, le=1000, description=f"a blow is told from so many g on{_ELSE}")]
_DAY_MS = 86_400_000


def of_shipment(web: Web, viewer: Caller, shipment: str, light_lux: Light = None, shock_g: Shock = None) -> Response:
    """When it was light, a door stood open or a blow fell (schema `coldchain.openings/1`), with what followed."""
    with web.registry.read() as connection:
        shipments.exists(connection, viewer, shipment)
        subject, now = shipments.subject(shipment), web.clock.now_ms()
        return reply(openings_of(connection, web.history, subject, 0, now + _DAY_MS, light_mlux=_milli(light_lux),
                                 shock_mg=_milli(shock_g)))  # fmt: skip


def of_store(
    web: Web, viewer: Caller, store: str, from_: From = None, to: To = None, light_lux: Light = None,
    shock_g: Shock = None,
) -> Response:  # fmt: skip
    """The same of a store; of the last 31 days unless told otherwise."""
    with web.registry.read() as connection:
        stores.shown(connection, viewer, store)
        subject = Subject(SubjectKind.STORE, store)
        return reply(openings_of(connection, web.history, subject, *period(web, from_, to),
                                 light_mlux=_milli(light_lux), shock_mg=_milli(shock_g)))  # fmt: skip


def _milli(given: float | None) -> int | None:
    return None if given is None else round(given * 1000)


_OPENINGS = {
    "schema": "coldchain.openings/1", "method_id": "openings.beside/1", "light_from_lux": 10.0, "shock_from_g": 5.0,
    "items": [{"kind": "door", "logger": "LOG-0042", "from": "2026-01-05T08:00:00.000Z",
               "to": "2026-01-05T08:20:00.000Z", "duration_s": 1200.0, "peak": None, "unit": None,
               "stage": "in_transit", "excursions": [], "recovery_s": None}],
}  # fmt: skip
ENDPOINTS = (
    Endpoint("GET", f"{API}/shipments/{{shipment}}/openings", of_shipment, may(Permission.VIEW),
             shown_as("Light, door and shock", _OPENINGS)),
    Endpoint("GET", f"{API}/stores/{{store}}/openings", of_store, may(Permission.VIEW),
             shown_as("Light, door and shock", _OPENINGS)),
)  # fmt: skip
