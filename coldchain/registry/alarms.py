"""Alarms as pages and the API show them: lists, and one alarm with its timeline and who was told when with what result.

Times are ISO text, temperatures degrees; what is absent is left out. A scoped viewer sees only the alarms of its own
shipments, and of people only that they were told, not who they are.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from coldchain.domain.finding import Condition, Severity
from coldchain.domain.quantity import iso
from coldchain.errors import NotFound
from coldchain.registry.alarm_unrest import STALE_MS
from coldchain.registry.contact_checks import CAUSE as CHECKS
from coldchain.registry.contacts import names
from coldchain.registry.outbox import DIGEST_MS
from coldchain.registry.paging import Page, beyond, checked_limit, cursor_of, position_of
from coldchain.registry.schema import alarm as table
from coldchain.registry.schema import alarm_event, delivery_attempt, outbox, person, shipment, store
from coldchain.registry.schema_people import endpoint, party_contact
from coldchain.registry.scope import subjects_of
from coldchain.registry.viewer import Permission, Viewer

_OPEN = (Condition.ACTIVE.value, Condition.RETURNING.value)


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Which alarms a list shows; None asks for all. Times are ms UTC and bound the moment of raising."""

    subject_kind: str | None = None
    subject_id: str | None = None
    logger: str | None = None
    cause: str | None = None
    open: bool | None = None  # active or returning
    acknowledged: bool | None = None
    at_least: Severity | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    shelved: bool | None = None  # set aside, or out of service
    stale_at_ms: int | None = None  # active for a day at this moment
    assigned: str | None = None
    among: frozenset[str] | None = None
    on_board: bool | None = None  # open, or over and not yet acknowledged; what was reset is not
    suppression: str | None = None  # exactly this kind


EVERYTHING = AlarmFilter()


def alarms(
    connection: Connection,
    viewer: Viewer,
    filters: AlarmFilter = EVERYTHING,
    cursor: str | None = None,
    limit: int = 100,
) -> Page:
    """Alarms that the viewer may see, newest first; merged ones are left to the alarm that speaks for them.

    Raises:
        InvalidValue: a limit or cursor that this list does not know.
    """
    query = _visible(viewer).where(table.c.merged_into.is_(None), table.c.condition != Condition.PENDING.value)
    query = query.where(*_conditions(filters)).order_by(table.c.raised_ms.desc(), table.c.id)
    if cursor is not None:
        raised_ms, id_ = position_of(cursor, int, str)
        query = query.where(beyond(table.c.raised_ms, table.c.id, raised_ms, id_, descending=True))
    rows = list(connection.execute(query.limit(checked_limit(limit) + 1)))
    more = len(rows) > limit
    shown = rows[:limit]
    return Page(
        [_summary(row, viewer) for row in shown], cursor_of(shown[-1].raised_ms, shown[-1].id) if more else None
    )


def count(connection: Connection, viewer: Viewer, filters: AlarmFilter) -> int:
    """How many alarms `alarms` would list in all."""
    query = _visible(viewer).where(table.c.merged_into.is_(None), table.c.condition != Condition.PENDING.value)
    found = query.where(*_conditions(filters)).with_only_columns(func.count(), maintain_column_froms=True)
    return int(connection.execute(found).scalar_one())


def to_answer(connection: Connection, viewer: Viewer, most: int) -> list[dict[str, Any]]:
    """The newest `most` alarms that want somebody: active, returning, or returned and not yet acknowledged."""
    query = (
        _visible(viewer)
        .where(_on_board(), table.c.merged_into.is_(None))
        .order_by(table.c.raised_ms.desc(), table.c.id)
        .limit(most)
    )
    return [_summary(row, viewer) for row in connection.execute(query)]


def alarm(connection: Connection, viewer: Viewer, id: str) -> dict[str, Any]:  # noqa: A002
    """One alarm with `timeline` (oldest first) and `notifications` (each with its attempts).

    Raises:
        NotFound: there is none, or none for this viewer.
    """
    row = connection.execute(_visible(viewer).where(table.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(f"no alarm {id}")
    document = _summary(row, viewer)
    document["timeline"] = _timeline(connection, viewer, id)
    document["notifications"] = _notifications(connection, viewer, id)
    return document


def _visible(viewer: Viewer) -> Select[Any]:
    by, whose = aliased(person), aliased(person)
    shipments = select(shipment.c.reference).where(shipment.c.id == table.c.subject_id).scalar_subquery()
    stores = select(store.c.name).where(store.c.id == table.c.subject_id).scalar_subquery()
    lanes = select(shipment.c.lane).where(shipment.c.id == table.c.subject_id).scalar_subquery()
    sites = select(store.c.site).where(store.c.id == table.c.subject_id).scalar_subquery()
    named = (by.c.name.label("acknowledged_name"), whose.c.name.label("assigned_name"))
    called = (func.coalesce(shipments, stores).label("reference"), func.coalesce(lanes, sites).label("place"))
    query = select(table, *called, *named)
    query = query.outerjoin(by, by.c.id == table.c.acknowledged_by).outerjoin(whose, whose.c.id == table.c.assigned)
    return query.where(subjects_of(viewer, table.c.subject_kind, table.c.subject_id))


def _conditions(filters: AlarmFilter) -> list[Any]:
    equal = {
        table.c.subject_kind: filters.subject_kind, table.c.subject_id: filters.subject_id,
        table.c.logger: filters.logger, table.c.cause: filters.cause, table.c.assigned: filters.assigned,
        table.c.suppression: filters.suppression,
    }  # fmt: skip
    conditions: list[Any] = [column == value for column, value in equal.items() if value is not None]
    if filters.cause is None and filters.among is None:
        conditions.append(table.c.cause != CHECKS)  # what drills and proofs hang on concerns nobody
    if filters.open is not None:
        is_open = table.c.condition.in_(_OPEN)
        conditions.append(is_open if filters.open else ~is_open)
    if filters.acknowledged is not None:
        has = table.c.acknowledged_ms.is_not(None)
        conditions.append(has if filters.acknowledged else ~has)
    if filters.at_least is not None:
        conditions.append(table.c.severity >= int(filters.at_least))
    if filters.from_ms is not None:
        conditions.append(table.c.raised_ms >= filters.from_ms)
    if filters.to_ms is not None:
        conditions.append(table.c.raised_ms < filters.to_ms)
    return [*conditions, *_unrest(filters)]


def _unrest(filters: AlarmFilter) -> list[Any]:
    conditions: list[Any] = []
    if filters.shelved is not None:
        aside = table.c.suppression != "none"
        conditions.append(aside if filters.shelved else ~aside)
    if filters.stale_at_ms is not None:
        conditions += [table.c.condition.in_(_OPEN), table.c.onset_ms <= filters.stale_at_ms - STALE_MS]
    if filters.among is not None:
        conditions.append(table.c.id.in_(filters.among))
    if filters.on_board is not None:
        conditions.append(_on_board() if filters.on_board else ~_on_board())
    return conditions


def _on_board() -> Any:
    waiting = and_(
        table.c.condition == Condition.RETURNED.value,
        table.c.acknowledged_ms.is_(None),
        table.c.severity >= Severity.MINOR.value,
    )
    return and_(or_(table.c.condition.in_(_OPEN), waiting), table.c.reset_ms.is_(None))


def _summary(row: Row[Any], viewer: Viewer) -> dict[str, Any]:
    named = None if viewer.scoped else row.acknowledged_name or row.acknowledged_by
    return _present(
        id=row.id,
        version=row.version,
        subject_kind=row.subject_kind or "system",
        subject_id=row.subject_id,
        reference=row.reference,
        place=row.place or None,
        logger=row.logger,
        channel=row.channel,
        cause=row.cause,
        condition=row.condition,
        severity=Severity(row.severity).word,
        onset=iso(row.onset_ms),
        changed=iso(row.changed_ms),
        raised=iso(row.raised_ms),
        end=_iso(row.end_ms),
        value_c=_celsius(row.value_mc),
        peak_c=_celsius(row.peak_mc),
        limit_c=_celsius(row.limit_mc),
        rules=row.rules,
        excursions=row.excursions,
        late=row.late,
        digest=row.digest,
        monitoring_ended=row.monitoring_ended or None,
        merged_into=row.merged_into,
        occasion=row.occasion,
        occasion_reason=row.occasion_reason,
        acknowledged=_iso(row.acknowledged_ms),
        acknowledged_by=named,
        acknowledged_via=row.acknowledged_via,
        comment=None if viewer.scoped else row.comment,
        suppression=row.suppression,
        suppressed_until=_iso(row.suppressed_until_ms),
        quality=row.quality,
        assigned=None if viewer.scoped else row.assigned,
        assigned_to=None if viewer.scoped else row.assigned_name,
        next_timer=_iso(row.next_timer_ms),
        reset=_iso(row.reset_ms),
    )


def _timeline(connection: Connection, viewer: Viewer, id: str) -> list[dict[str, Any]]:  # noqa: A002
    query = select(alarm_event, person.c.name.label("who_name")).outerjoin(person, person.c.id == alarm_event.c.who)
    rows = list(connection.execute(query.where(alarm_event.c.alarm == id).order_by(alarm_event.c.id)))
    mentioned = {told["person"] for row in rows for told in row.body.get("told", [])}
    mentioned |= {row.body[name] for row in rows for name in ("person", "asked_by") if row.body.get(name)}
    named = {} if viewer.scoped else names(connection, mentioned)
    return [_entry(row, viewer, named) for row in rows]


def _entry(row: Row[Any], viewer: Viewer, named: dict[str, str]) -> dict[str, Any]:
    body = dict(row.body)
    if "person" in body:
        body["name"] = named.get(body["person"])
    if "asked_by" in body:
        body["asked_by"] = named.get(body["asked_by"])
    if "told" in body:
        body["told"] = [{**told, "name": named.get(told["person"])} for told in body["told"]]
    if viewer.scoped:
        # How many were told is a customer's business; who they are is not.
        # What colleagues wrote is theirs; why nobody was told is one of our own words.
        hidden = {"person", "name", "asked_by", "comment", "detail", "silent", "work_order", "refused"}
        hidden |= set() if row.kind == "not_told" else {"reason"}
        body = {name: value for name, value in body.items() if name not in hidden}
        if "told" in body:
            body["told"] = [{"channel": told["channel"]} for told in body["told"]]
    who = None if viewer.scoped else row.who_name or row.who
    return _present(at=iso(row.at_ms), kind=row.kind, who=who, body=body)


def _notifications(connection: Connection, viewer: Viewer, id: str) -> list[dict[str, Any]]:  # noqa: A002
    named = func.coalesce(person.c.name, endpoint.c.name, party_contact.c.name, outbox.c.recipient)
    query = select(outbox, named.label("recipient_name")).outerjoin(person, person.c.id == outbox.c.recipient)
    query = query.outerjoin(endpoint, endpoint.c.id == outbox.c.recipient)
    query = query.outerjoin(party_contact, party_contact.c.id == outbox.c.recipient)
    # A digest is a row of the alarm that it began with, and lists the others in its content.
    mine = or_(outbox.c.alarm == id, *_digests(connection, id))
    rows = list(connection.execute(query.where(mine).order_by(outbox.c.created_ms, outbox.c.id)))
    # The attempts of a message that told of several alarms are those of the row that it was named after.
    attempts: dict[str, list[dict[str, Any]]] = {row.lead or row.id: [] for row in rows}
    tried = select(delivery_attempt).where(delivery_attempt.c.outbox.in_(attempts)).order_by(delivery_attempt.c.id)
    for row in connection.execute(tried):
        attempts[row.outbox].append(
            _present(
                started=iso(row.started_ms),
                finished=_iso(row.finished_ms),
                outcome=row.outcome,
                code=row.code,
                detail=None if viewer.scoped else row.detail,
            )
        )
    return [_notification(row, attempts[row.lead or row.id], viewer) for row in rows]


def _digests(connection: Connection, id: str) -> list[Any]:  # noqa: A002
    """The condition on digests that name this alarm; looked for only around the times at which it went into one."""
    query = select(alarm_event.c.at_ms).where(alarm_event.c.alarm == id, alarm_event.c.body["digest"].as_boolean())
    times = list(connection.execute(query).scalars())
    if not times:
        return []
    near = outbox.c.created_ms.between(min(times) - DIGEST_MS, max(times))
    named = outbox.c.content["alarms"].as_string().contains(id, autoescape=True)
    return [and_(near, outbox.c.content["digest"].as_boolean(), named)]


def _notification(row: Row[Any], attempts: list[dict[str, Any]], viewer: Viewer) -> dict[str, Any]:
    return _present(
        id=row.id,
        occasion=row.occasion,
        reason=row.reason,
        step=row.step,
        recipient=None if viewer.scoped else row.recipient_name,
        recipient_kind=row.recipient_kind,
        address=row.address if _may_see_address(row, viewer) else None,
        channel=row.channel,
        state=row.state,
        possible_repeat=row.possible_repeat,
        carried_by=row.lead,
        then=row.fallback or None,
        created=iso(row.created_ms),
        accepted=_iso(row.accepted_ms),
        delivered=_iso(row.delivered_ms),
        next_due=_iso(row.next_due_ms),
        provider_id=row.provider_id,
        attempts=attempts,
    )


def _may_see_address(row: Row[Any], viewer: Viewer) -> bool:
    """Where people are reached is for them and for who administers, here as in the list of people."""
    return row.recipient == viewer.id or (viewer.may(Permission.ADMINISTER) and not viewer.scoped)


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _iso(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso(time_ms)


def _celsius(value_mc: int | None) -> float | None:
    return None if value_mc is None else value_mc / 1000
