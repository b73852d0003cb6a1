"""Figures by day, week or month: of a shipment in the zone that it leaves from, of a store in its own."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.errors import InvalidValue
from coldchain.registry import shipments, stores
from coldchain.registry.viewer import Permission
from compliance.calendar import Unit
from compliance.subject_windows import windows_of_subject
from dashboard.api.request import Caller, From, To, Web, period, reply, shown_as
from dashboard.policy import API, Endpoint, may

By = Annotated[str, Query(description="day, week (from Monday on) or month")]


def of_shipment(
    web: Web, viewer: Caller, shipment: str, unit: By = "day", from_: From = None, to: To = None
) -> Response:
    """The figures of a shipment (schema `coldchain.windows/1`); the last 31 days unless told otherwise."""
    with web.registry.read() as connection:
        shipments.exists(connection, viewer, shipment)
        subject = shipments.subject(shipment)
        return reply(windows_of_subject(connection, web.history, subject, _unit(unit), *period(web, from_, to)))


def of_store(web: Web, viewer: Caller, store: str, unit: By = "day", from_: From = None, to: To = None) -> Response:
    """The figures of a store (schema `coldchain.windows/1`), however far back; of the last 31 days if no other."""
    with web.registry.read() as connection:
        stores.shown(connection, viewer, store)
        subject = Subject(SubjectKind.STORE, store)
        return reply(windows_of_subject(connection, web.history, subject, _unit(unit), *period(web, from_, to)))


def _unit(word: str) -> Unit:
    if word not in tuple(Unit):
        raise InvalidValue(f"unit: {word[:40]!r} is none of {', '.join(Unit)}")
    return Unit(word)


_WINDOWS = {"schema": "coldchain.windows/1", "zone": "Europe/Brussels", "windows": []}
ENDPOINTS = (
    Endpoint("GET", f"{API}/shipments/{{shipment}}/windows", of_shipment, may(Permission.VIEW),
             shown_as("Its figures by day, week or month", _WINDOWS)),
    Endpoint("GET", f"{API}/stores/{{store}}/windows", of_store, may(Permission.VIEW),
             shown_as("Its figures by day, week or month", _WINDOWS)),
)  # fmt: skip
