"""The stability budget of one shipment alone, as its page shows it: a ledger of a single part, derived like a batch's.

Names of its figures begin with "budget.": "budget.time_left.upper_s", "budget.bands.0.time_left.lower_s".
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from coldchain.errors import NotFound
from coldchain.registry import batches, profiles, shipment_views
from coldchain.registry.viewer import Viewer
from compliance import derivation_batch
from compliance.derivation import value_in
from compliance.ledger import Ledger, Part, ledger
from compliance.ledger_document import Json, ledger_json

PREFIX = "budget."


def ledger_alone(connection: Connection, shown: dict[str, Any], document: Json | None, as_of_ms: int) -> Ledger:
    """The ledger of a shipment alone, of its record and its newest document."""
    live = shown["state"] in batches.LIVE
    part = Part("shipment", shown["id"], shown["reference"], document, live=live, last=shown["last"])
    said = (document or {}).get("profile")
    profile = profiles.judged_by(connection, said["id"], said["version"]) if said else None
    return ledger([part], profile, as_of_ms)


def derive(connection: Connection, viewer: Viewer, shipment: str, figure: str, as_of_ms: int) -> Json:
    """How a figure of a shipment's own budget was computed; `figure` begins with "budget.".

    Raises:
        NotFound: no such shipment for this viewer, or no such figure of its budget.
    """
    shown = shipment_views.shown(connection, viewer, shipment)
    document = shipment_views.compliance(connection, viewer, shipment)
    found = derivation_batch.derive_ledger(
        ledger_alone(connection, shown, document, as_of_ms), figure.removeprefix(PREFIX)
    )
    return {**found, "figure": figure, "shipment": shipment}


def figures(connection: Connection, viewer: Viewer, shipment: str, as_of_ms: int) -> Iterator[tuple[str, Any]]:
    """The figures of the budget that no channel's document has, with their values: how long it lasts.

    Raises:
        NotFound: no such shipment for this viewer.
    """
    shown = shipment_views.shown(connection, viewer, shipment)
    try:
        document = shipment_views.compliance(connection, viewer, shipment)
    except NotFound:
        return
    said = ledger_json(ledger_alone(connection, shown, document, as_of_ms))
    for figure in derivation_batch.figures_of(said):
        if "time_left." in figure:
            yield f"{PREFIX}{figure}", value_in(said, figure)
