"""What shipments and stores were found to be by product profiles that no longer judge them."""

from typing import Annotated, Any

from fastapi import Path
from fastapi.responses import Response

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.registry import past_documents, people, shipments, stores
from coldchain.registry.past_documents import PastDocument
from coldchain.registry.viewer import Permission
from dashboard.api.request import Caller, Web, reply, shown_as
from dashboard.policy import API, Endpoint, may

Number = Annotated[int, Path(ge=1, le=2**53)]


def of_shipment(web: Web, viewer: Caller, shipment: str) -> Response:
    """The earlier figures of a shipment, newest first: by which product profile, who gave it another one, and why."""
    with web.registry.read() as connection:
        shipments.exists(connection, viewer, shipment)
        return _listed(connection, viewer, shipments.subject(shipment))


def document_of_shipment(web: Web, viewer: Caller, shipment: str, number: Number) -> Response:
    """One earlier compliance document of a shipment, as it was."""
    with web.registry.read() as connection:
        return reply(past_documents.get(connection, viewer, shipments.subject(shipment), number).document)


def of_store(web: Web, viewer: Caller, store: str) -> Response:
    """The earlier figures of a store, newest first."""
    with web.registry.read() as connection:
        stores.shown(connection, viewer, store)
        return _listed(connection, viewer, Subject(SubjectKind.STORE, store))


def document_of_store(web: Web, viewer: Caller, store: str, number: Number) -> Response:
    """One earlier compliance document of a store, as it was."""
    with web.registry.read() as connection:
        return reply(past_documents.get(connection, viewer, Subject(SubjectKind.STORE, store), number).document)


def _listed(connection: Any, viewer: Caller, subject: Subject) -> Response:
    found = past_documents.listed(connection, viewer, subject)
    names = people.names(connection, {one.who for one in found})
    return reply({"items": [_past(one, names) for one in found], "next_cursor": None})


def _past(one: PastDocument, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": one.id, "profile": {"id": one.profile, "version": one.version}, "as_of": iso(one.as_of_ms),
        "status": one.status, "replaced": iso(one.replaced_ms), "who": one.who,
        "who_name": names.get(one.who, one.who), "reason": one.reason,
    }  # fmt: skip


_PAST = {
    "id": 1, "profile": {"id": "cct-2-8", "version": 1}, "as_of": "2026-01-05T16:00:00.000Z", "status": "excursion",
    "replaced": "2026-01-06T08:12:00.000Z", "reason": "label change, change control 26-114",
}  # fmt: skip
_DOCUMENT = {"schema": "coldchain.compliance/1"}
_VIEW = may(Permission.VIEW)
ENDPOINTS = tuple(
    endpoint
    for noun, listing, document in (
        ("shipments/{shipment}", of_shipment, document_of_shipment),
        ("stores/{store}", of_store, document_of_store),
    )
    for endpoint in (
        Endpoint("GET", f"{API}/{noun}/compliance/past", listing, _VIEW,
                 shown_as("Earlier figures", _PAST, many=True)),
        Endpoint("GET", f"{API}/{noun}/compliance/past/{{number}}", document, _VIEW,
                 shown_as("The figures", _DOCUMENT)),
    )
)  # fmt: skip
