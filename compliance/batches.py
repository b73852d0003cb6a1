"""A batch over all its shipments and its stays in stores: its ledger from what stands on record, for whoever asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from coldchain.domain.profile import ProductProfile
from coldchain.domain.quantity import iso
from coldchain.registry import batches, profiles, recorded, stays
from coldchain.registry.batches import BatchKey, Member
from coldchain.registry.shipments import subject
from coldchain.registry.viewer import Viewer
from coldchain.telemetry.port import History
from compliance import batch_stays
from compliance.inputs import Inputs
from compliance.journey import holders_of, legs_of
from compliance.ledger import Ledger, Part, ledger
from compliance.ledger_document import Json, ledger_json
from compliance.subjects import cases_of, inputs_of

HIDDEN = "other shipments or stores have had this batch and are not yours to see: what is left cannot be told"
_WORST = ("in_range", "unknown", "at_risk", "excursion")


@dataclass(frozen=True, slots=True)
class BatchLedger:
    """A batch with its ledger; `hidden` other shipments carry it that the viewer may not see, as `unseen` stays."""

    key: BatchKey
    members: tuple[Member, ...]
    hidden: int
    ledger: Ledger
    unseen: int = 0
    known_ms: int | None = None  # by what was known at that moment

    @property
    def partial(self) -> bool:
        """Whether the ledger is only the part of it that the viewer may see."""
        return bool(self.hidden or self.unseen)

    @property
    def status(self) -> str:
        """The worst status of what is under way or stored now; `unknown` where nothing is."""
        live = [member.status for member in self.members if member.state in batches.LIVE]
        live += [_stored(part) for part in self.ledger.parts if part.kind == "store" and part.live]
        return max(live, key=_WORST.index, default="unknown")

    def as_json(self) -> Json:
        """The whole as JSON, schema `coldchain.batch/1`."""
        figures = ledger_json(self.ledger)
        if self.partial:
            figures = _without_rest(figures)
        about = {
            "id": self.key.id,
            "batch": self.key.batch,
            "gtin": self.key.gtin,
            "customer": self.key.customer,
            "status": self.status,
            "shipments": [_member_json(member) for member in self.members],
            "hidden_shipments": self.hidden,
            "hidden_stays": self.unseen,
        }
        known = {} if self.known_ms is None else {"known_as_of": iso(self.known_ms)}
        return {"schema": figures["schema"], **about, **figures, **known}


def load(connection: Connection, history: History, viewer: Viewer, batch: str, as_of_ms: int) -> BatchLedger:
    """The ledger of one batch over the shipments and the stays that exist for the viewer.

    Raises:
        NotFound: no such batch for this viewer.
    """
    key = BatchKey.from_id(batch)
    found, hidden = batches.members(connection, viewer, key)
    happened = batches.milestones(connection, [member.id for member in found])
    profile = profile_of(connection, found)
    stored = stays.of_batch(connection, key)
    unseen = len(stored) if viewer.scoped else 0
    stayed = [] if unseen else [batch_stays.part_of(connection, history, one, profile, as_of_ms) for one in stored]
    return joined(key, found, hidden, happened, profile, stayed, as_of_ms, unseen)


def joined(
    key: BatchKey,
    found: Sequence[Member],
    hidden: int,
    happened: Mapping[str, Sequence[Any]],
    profile: ProductProfile | None,
    stayed: Sequence[Part],
    as_of_ms: int,
    unseen: int,
) -> BatchLedger:
    """The ledger over a batch's shipments, with what `happened` to them, and over its stays, judged before."""
    profile = profile or next((part.inputs.profile for part in stayed if part.inputs is not None), None)
    parts = [*(_part(member, happened.get(member.id, [])) for member in found), *stayed]
    return BatchLedger(key, tuple(found), hidden, ledger(parts, profile, as_of_ms), unseen)


def inputs_of_parts(connection: Connection, history: History, found: BatchLedger) -> list[Inputs]:
    """What the figures of each judged part were computed from, for the decimal twin."""
    on_record = [part for part in found.ledger.parts if part.kind == "shipment" and part.inputs is None]
    shipments = [subject(part.id) for part in on_record if part.document]
    standing = recorded.on_record(connection, shipments)
    states = [state for one in shipments for state in [standing[one].state] if state is not None]
    given = [part.inputs for part in found.ledger.parts if part.inputs is not None]
    return given + [
        inputs_of(case, history, state.journal_offset, state.as_of_ms)
        for state in states
        for case in cases_of(connection, [state.subject], state.as_of_ms)
    ]


def _stored(part: Part) -> str:
    """The status of goods in a store, by what they tolerate themselves."""
    document = part.document or {}
    if document.get("governing_channel") is None:
        return "unknown"
    return "excursion" if any(item["end"] is None for item in document["excursions"]) else "in_range"


def _part(member: Member, happened: Sequence[Any]) -> Part:
    return Part(
        "shipment", member.id, member.reference, member.document, holders_of(happened), legs_of(happened),
        member.state in batches.LIVE, member.last,
    )  # fmt: skip


def profile_of(connection: Connection, members: Sequence[Member]) -> ProductProfile | None:
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
