"""Stays of a batch in a fixed store, between its shipments or before the first: facts, set by hand, never edited.

While a batch stays in a store, what the store's loggers measure counts against the batch's stability budget.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.domain.shipment import FactKind
from coldchain.errors import Forbidden, InvalidValue, NotFound
from coldchain.registry import batches, facts, people, stores
from coldchain.registry.batches import BatchKey
from coldchain.registry.facts import Fact
from coldchain.registry.places import checked_interval
from coldchain.registry.schema import store
from coldchain.registry.viewer import Permission, Viewer

SLACK_MS = 5 * 60_000  # a person's clock may be a little ahead of ours


class Stay(NamedTuple):
    """A batch in a store from a moment on; `to_ms` None while it is there."""

    fact: Fact
    store: str
    name: str
    zone: str
    site: str | None

    @property
    def id(self) -> str:
        """Its name among the parts of the batch's way."""
        return f"stay-{self.fact.id}"

    @property
    def from_ms(self) -> int:
        """When it began."""
        return self.fact.valid_from_ms

    @property
    def to_ms(self) -> int | None:
        """When it ended, None while it lasts."""
        return self.fact.valid_to_ms


def subject_of(key: BatchKey) -> Subject:
    """The batch as a subject of facts."""
    return Subject(SubjectKind.BATCH, key.id)


def of_batch(connection: Connection, key: BatchKey, *, known_ms: int | None = None) -> list[Stay]:
    """The stays of a batch as they are known now, or were then, in order of time; for whoever may see all of it."""
    return _with_stores(
        connection, facts.known(connection, subject=subject_of(key), kinds=[FactKind.STAY], at_ms=known_ms)
    )


def of_batches(connection: Connection, keys: Collection[BatchKey]) -> dict[BatchKey, list[Stay]]:
    """As `of_batch` now, of many batches in one look; one without any stay is not among them."""
    by_subject = {subject_of(key): key for key in keys}
    found: dict[BatchKey, list[Stay]] = {}
    for stay in _with_stores(connection, facts.known(connection, subjects=by_subject, kinds=[FactKind.STAY])):
        if stay.fact.subject in by_subject:
            found.setdefault(by_subject[stay.fact.subject], []).append(stay)
    return found


def _with_stores(connection: Connection, known: list[Fact]) -> list[Stay]:
    wanted = {one.body["store"] for one in known}
    rows = {row.id: row for row in connection.execute(select(store).where(store.c.id.in_(wanted)))}
    return [
        Stay(one, row.id, row.name, row.zone, row.site)
        for one in known
        for row in [rows[one.body["store"]]]
    ]  # fmt: skip


def put(
    connection: Connection,
    batch: str,
    in_store: str,
    from_ms: int,
    to_ms: int | None,
    *,
    reason: str,
    by: Viewer,
    now_ms: int,
) -> int:
    """Record that a batch was in a store; without an end it is there still. Returns the fact's id.

    Raises:
        NotFound: no such batch or store for this viewer.
        InvalidValue: names the field, the value and the remedy.
    """
    key = _known(connection, batch, by)
    stores.shown(connection, by, in_store)
    checked_interval("to", from_ms, to_ms)
    _not_ahead("from", from_ms, now_ms)
    if to_ms is not None:
        _not_ahead("to", to_ms, now_ms)
    for other in of_batch(connection, key):
        if other.store == in_store and _overlap((from_ms, to_ms), (other.from_ms, other.to_ms)):
            until = "now" if other.to_ms is None else iso(other.to_ms)
            raise InvalidValue(
                f"from: the batch is on record in {other.name} from {iso(other.from_ms)} to {until} already; "
                "end or take back that stay first"
            )
    return facts.add(
        connection, kind=FactKind.STAY, body={"store": in_store}, valid_from_ms=from_ms, valid_to_ms=to_ms,
        subject=subject_of(key), who=by.id, reason=_said(reason), now_ms=now_ms,
    )  # fmt: skip


def end(
    connection: Connection, batch: str, fact_id: int, to_ms: int, *, reason: str, by: Viewer, now_ms: int
) -> int:  # fmt: skip
    """Record when a stay ended; one that ended already is ended later or, by the quality unit, earlier.

    Raises:
        NotFound: no such batch for this viewer, or it has no such stay now.
        Forbidden: time would be taken out of the ledger, and `by` may not assess.
        InvalidValue: names the field, the value and the remedy.
    """
    stay = _stay(connection, _known(connection, batch, by), fact_id)
    checked_interval("to", stay.from_ms, to_ms)
    _not_ahead("to", to_ms, now_ms)
    if stay.to_ms is not None and to_ms < stay.to_ms:
        _demand_quality(by, "to: an earlier end takes time out of the ledger")
    return facts.supersede(connection, stay.fact.id, who=by.id, reason=_said(reason), now_ms=now_ms, valid_to_ms=to_ms)


def withdraw(connection: Connection, batch: str, fact_id: int, *, reason: str, by: Viewer, now_ms: int) -> None:
    """Take a stay back that was wrong; its time no longer counts.

    Raises:
        NotFound: no such batch for this viewer, or it has no such stay now.
        Forbidden: `by` may not assess.
        InvalidValue: without a reason.
    """
    stay = _stay(connection, _known(connection, batch, by), fact_id)
    _demand_quality(by, "stay: taking one back takes time out of the ledger")
    facts.withdraw(connection, stay.fact.id, who=by.id, reason=_said(reason), now_ms=now_ms)


def stay_json(connection: Connection, found: list[Stay]) -> list[dict[str, Any]]:
    """Stays as the API shows them, people by their names."""
    names = people.names(connection, {one.fact.who for one in found})
    return [
        {
            "id": one.fact.id, "store": one.store, "name": one.name, "from": iso(one.from_ms),
            "to": None if one.to_ms is None else iso(one.to_ms), "who": names.get(one.fact.who, one.fact.who),
            "reason": one.fact.reason, "recorded": iso(one.fact.recorded_ms),
        }
        for one in found
    ]  # fmt: skip


def visible(connection: Connection, viewer: Viewer, batch: str) -> list[Stay]:
    """The stays of a batch that exist for `viewer`: none for one who sees shipments only.

    Raises:
        NotFound: no such batch for this viewer.
    """
    key = BatchKey.from_id(batch)
    batches.members(connection, viewer, key)
    return [] if viewer.scoped else of_batch(connection, key)


def _known(connection: Connection, batch: str, by: Viewer) -> BatchKey:
    key = BatchKey.from_id(batch)
    batches.members(connection, by, key)
    return key


def _stay(connection: Connection, key: BatchKey, fact_id: int) -> Stay:
    for one in of_batch(connection, key):
        if one.fact.id == fact_id:
            return one
    raise NotFound(f"the batch has no stay {fact_id} now: somebody changed or took it back")


def _demand_quality(by: Viewer, what: str) -> None:
    if not by.may(Permission.ASSESS):
        raise Forbidden(
            f"{what}, and the role {by.role} has no permission to {Permission.ASSESS.value}; ask somebody of the "
            "quality unit"
        )


def _said(reason: str) -> str:
    if not reason.strip():
        raise InvalidValue("reason: missing; say why, it stands beside every figure that this changes")
    return reason.strip()


def _not_ahead(field: str, time_ms: int, now_ms: int) -> None:
    if time_ms > now_ms + SLACK_MS:
        raise InvalidValue(f"{field}: {iso(time_ms)} has not come yet; record what happened when it has happened")


def _overlap(one: tuple[int, int | None], other: tuple[int, int | None]) -> bool:
    (start, end), (began, ended) = one, other
    return (ended is None or start < ended) and (end is None or began < end)
