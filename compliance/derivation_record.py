"""A derivation from what is on record: the readings and facts behind a subject's newest document, read once more."""

from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, select

from coldchain.domain.finding import SubjectKind
from coldchain.errors import NotFound
from coldchain.registry import shipment_views, shipments
from coldchain.registry.schema import subject_state
from coldchain.registry.viewer import Viewer
from coldchain.telemetry.port import History
from compliance.derivation import derive
from compliance.derived import Json
from compliance.subjects import cases_of, inputs_of


def of_shipment(
    connection: Connection,
    history: History,
    viewer: Viewer,
    shipment: str,
    figure: str,
    logger: str | None = None,
    channel: str | None = None,
) -> Json:
    """How a figure of a shipment's newest document was computed; of its governing channel unless one is named.

    Raises:
        NotFound: no such shipment for this viewer, or no such channel or figure in its document.
    """
    document = shipment_views.compliance(connection, viewer, shipment)
    subject = shipments.subject(shipment)
    state = connection.execute(
        select(subject_state.c.as_of_ms, subject_state.c.journal_offset).where(
            subject_state.c.subject_kind == SubjectKind.SHIPMENT.value, subject_state.c.subject_id == shipment
        )
    ).one()
    of = _channel(document, logger, channel)
    cases = cases_of(connection, [subject], state.as_of_ms)
    if not cases:
        raise NotFound(f"shipment {shipment} has no product profile any more")
    inputs = inputs_of(cases[0], history, state.journal_offset, state.as_of_ms)
    found = derive(inputs, state.as_of_ms, of, figure)
    query = {"shipment": shipment, "logger": of["logger"], "channel": of["channel"], "format": "csv"}
    return {"shipment": shipment, **found, "readings": f"/api/v1/readings?{urlencode(query)}"}


def _channel(document: dict[str, Any], logger: str | None, channel: str | None) -> dict[str, Any]:
    wanted = logger or document.get("governing_logger"), channel or document.get("governing_channel")
    if logger is not None and channel is None:
        wanted = (logger, next((one["channel"] for one in document["channels"] if one["logger"] == logger), None))
    for one in document.get("channels") or ():
        if (one["logger"], one["channel"]) == wanted:
            return dict(one)
    raise NotFound(f"the document has no judged channel {wanted[0]}/{wanted[1]}")
