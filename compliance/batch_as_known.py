"""The ledger of a batch as it was known at an earlier moment: each part judged by what was on record then.

Which shipments carried the batch, its stays, who held the goods and what they tolerate are taken from that moment too.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.profile import ProductProfile
from coldchain.errors import NotFound
from coldchain.journal.port import Journal
from coldchain.registry import batches, shipment_past, shipments, stays
from coldchain.registry.batches import BatchKey, Member
from coldchain.registry.schema import shipment
from coldchain.registry.stays import Stay
from coldchain.registry.viewer import Viewer
from coldchain.telemetry.port import History
from compliance import as_known
from compliance.as_known import Known
from compliance.batch_stays import heard, unheard
from compliance.batches import BatchLedger, profile_of
from compliance.engine import findings
from compliance.inputs import Span
from compliance.journey import holders_of, legs_of
from compliance.ledger import Part, ledger
from compliance.status import newest_values, status_of, watched


def load_as_known(
    connection: Connection, journal: Journal, history: History, viewer: Viewer, batch: str, moment_ms: int
) -> BatchLedger:
    """The ledger of one batch as it was known at `moment_ms`, over what exists for the viewer.

    Raises:
        NotFound: no such batch for this viewer at that moment.
    """
    key = BatchKey.from_id(batch)
    found, hidden = batches.members(connection, viewer, key, known_ms=moment_ms)
    happened = batches.milestones(connection, [one.id for one in found], known_ms=moment_ms)
    rows = _rows(connection, [one.id for one in found], moment_ms)
    judged = [_judged(connection, journal, history, one, rows[one.id], moment_ms) for one in found]
    members = [member for member, _ in judged]
    parts = [_part(member, known, happened.get(member.id, [])) for member, known in judged]
    profile = profile_of(connection, members)
    stored = stays.of_batch(connection, key, known_ms=moment_ms)
    unseen = len(stored) if viewer.scoped else 0
    if not unseen:
        parts += [_stay(connection, journal, history, stay, profile, moment_ms) for stay in stored]
    profile = profile or next((part.inputs.profile for part in parts if part.inputs is not None), None)
    return BatchLedger(key, tuple(members), hidden, ledger(parts, profile, moment_ms), unseen, moment_ms)


def _rows(connection: Connection, ids: Sequence[str], moment_ms: int) -> dict[str, dict[str, Any]]:
    """The shipments' rows as they stood then; the caller asks for none that was not on record yet."""
    rows = connection.execute(select(shipment).where(shipment.c.id.in_(ids))).mappings().all()
    then = [shipment_past.as_known(connection, dict(row), moment_ms) for row in rows]
    return {row["id"]: row for row in then if row is not None}


def _judged(
    connection: Connection, journal: Journal, history: History, now: Member, row: dict[str, Any], moment_ms: int
) -> tuple[Member, Known | None]:
    """A shipment with the findings of that moment; without any where nothing was on record to judge it by."""
    then = Member(now.id, row["reference"], row["state"], "unknown", None, None, None)
    try:
        known = as_known.as_known(connection, journal, history, shipments.subject(now.id), moment_ms)
    except NotFound:
        return then, None
    found = findings(known.inputs, moment_ms)
    status = status_of(found, settled=known.case.settled, watched=watched(known.inputs, moment_ms))
    profile = (known.case.profile.id, known.case.profile.version)
    values = newest_values(known.inputs, {}, {})
    return then._replace(status=status, document=dict(found.document), last=values, profile=profile), known


def _part(member: Member, known: Known | None, happened: Sequence[Any]) -> Part:
    return Part(
        "shipment", member.id, member.reference, member.document, holders_of(happened), legs_of(happened),
        member.state in batches.LIVE, member.last, inputs=None if known is None else known.inputs,
    )  # fmt: skip


def _stay(
    connection: Connection,
    journal: Journal,
    history: History,
    stay: Stay,
    profile: ProductProfile | None,
    moment_ms: int,
) -> Part:
    wanted, during = Subject(SubjectKind.STORE, stay.store), Span(stay.from_ms, stay.to_ms)
    try:
        known = as_known.as_known(connection, journal, history, wanted, moment_ms, during)
    except NotFound:
        return unheard(stay, profile, moment_ms)
    if moment_ms < stay.from_ms:
        return unheard(stay, profile, moment_ms)
    last = newest_values(known.inputs, {}, {})
    return heard(stay, profile, known.inputs, known.as_of_ms, last, moment_ms)
