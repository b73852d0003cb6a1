"""A batch over all its shipments: its ledger from what stands on record, for whoever asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from coldchain.domain.profile import ProductProfile
from coldchain.registry import batches, profiles
from coldchain.registry.batches import BatchKey, Member
from coldchain.registry.viewer import Viewer
from compliance.journey import holders_of, legs_of
from compliance.ledger import Ledger, Part, ledger
from compliance.ledger_document import Json, ledger_json

HIDDEN = "other shipments carry this batch and are not yours to see: what is left cannot be told"
_WORST = ("in_range", "unknown", "at_risk", "excursion")


@dataclass(frozen=True, slots=True)
class BatchLedger:
    """A batch with its ledger; `hidden` other shipments carry it that the viewer may not see."""

    key: BatchKey
    members: tuple[Member, ...]
    hidden: int
    ledger: Ledger

    @property
    def status(self) -> str:
        """The worst status of the shipments that are under way; `unknown` where none is."""
        live = [member.status for member in self.members if member.state in batches.LIVE]
        return max(live, key=_WORST.index, default="unknown")

    def as_json(self) -> Json:
        """The whole as JSON, schema `coldchain.batch/1`."""
        figures = ledger_json(self.ledger)
        if self.hidden:
            figures = _without_rest(figures)
        about = {
            "id": self.key.id,
            "batch": self.key.batch,
            "gtin": self.key.gtin,
            "customer": self.key.customer,
            "status": self.status,
            "shipments": [_member_json(member) for member in self.members],
            "hidden_shipments": self.hidden,
        }
        return {"schema": figures["schema"], **about, **figures}


def load(connection: Connection, viewer: Viewer, batch: str, as_of_ms: int) -> BatchLedger:
    """The ledger of one batch over the shipments that exist for the viewer.

    Raises:
        NotFound: no such batch for this viewer.
    """
    key = BatchKey.from_id(batch)
    found, hidden = batches.members(connection, viewer, key)
    happened = batches.milestones(connection, [member.id for member in found])
    parts = [_part(member, happened.get(member.id, [])) for member in found]
    return BatchLedger(key, tuple(found), hidden, ledger(parts, _profile(connection, found), as_of_ms))


def _part(member: Member, happened: Sequence[Any]) -> Part:
    return Part(
        "shipment", member.id, member.reference, member.document, holders_of(happened), legs_of(happened),
        member.state in batches.LIVE, member.last,
    )  # fmt: skip


def _profile(connection: Connection, members: list[Member]) -> ProductProfile | None:
    """The product profile whose allowances count: that of the newest shipment which was judged."""
    newest = next((member.profile for member in reversed(members) if member.profile is not None), None)
    return None if newest is None else profiles.judged_by(connection, *newest)


def _without_rest(figures: Json) -> Json:
    """The figures without what is left: others may have used of it."""
    rest = {"remaining_s": None, "remaining_lower_s": None, "time_left": None}
    bands = [{**band, **rest} for band in figures["bands"]]
    return {**figures, "bands": bands, "time_left": None, "notes": [*figures["notes"], HIDDEN]}


def _member_json(member: Member) -> Json:
    return {"id": member.id, "reference": member.reference, "state": member.state, "status": member.status}
