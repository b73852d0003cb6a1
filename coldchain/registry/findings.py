"""Findings as people and programs see them: excursions in pages, one with its history, summaries by product and lane.

Everything comes from the rows that the engine recorded, within what the viewer may see.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, and_, case, func, literal, or_, select

from coldchain.domain.finding import Severity, Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry.paging import Page, checked_limit, cursor_of, position_of
from coldchain.registry.recorded import SubjectState, state_from
from coldchain.registry.schema import alarm, breach, excursion, shipment, store, subject_state
from coldchain.registry.scope import shipments_of, subjects_of
from coldchain.registry.viewer import Viewer

_SHIPMENT, _STORE = SubjectKind.SHIPMENT.value, SubjectKind.STORE.value
_CURRENT = and_(~excursion.c.superseded, ~excursion.c.withdrawn, excursion.c.merged_into.is_(None))


class Filter(NamedTuple):
    """Which excursions; None leaves a field open. `from_ms` and `to_ms` bound the onset, half-open."""

    subject: Subject | None = None
    logger: str | None = None
    direction: str | None = None
    severity: str | None = None  # this one or worse
    open: bool | None = None
    late: bool | None = None
    from_ms: int | None = None
    to_ms: int | None = None


def excursions(
    connection: Connection,
    viewer: Viewer,
    which: Filter = Filter(),  # noqa: B008  immutable
    *,
    limit: int = 100,
    cursor: str | None = None,
) -> Page:
    """The current versions of the excursions that exist for `viewer`, newest onset first.

    Raises:
        InvalidValue: a foreign cursor, an unknown severity, or a limit beyond 1000.
    """
    query = _excursions(viewer).where(_CURRENT, *_conditions(which))
    if cursor is not None:
        onset, id_ = position_of(cursor, 2)
        query = query.where(
            or_(excursion.c.onset_ms < onset, and_(excursion.c.onset_ms == onset, excursion.c.id > id_))
        )
    query = query.order_by(excursion.c.onset_ms.desc(), excursion.c.id).limit(checked_limit(limit) + 1)
    rows = list(connection.execute(query))
    following = cursor_of(rows[limit - 1].onset_ms, rows[limit - 1].id) if len(rows) > limit else None
    return Page([_json(row) for row in rows[:limit]], following)


def excursion_shown(connection: Connection, viewer: Viewer, id: str) -> dict[str, Any]:  # noqa: A002
    """One excursion with its earlier versions, the rules that fired on it and its alarms.

    Raises:
        NotFound: no such excursion for this viewer.
    """
    query = _excursions(viewer).where(excursion.c.id == id).order_by(excursion.c.version.desc())
    rows = list(connection.execute(query))
    if not rows:
        raise NotFound(f"there is no excursion {id}")
    of = and_(breach.c.excursion == id, ~breach.c.superseded)
    fired = list(connection.execute(select(breach).where(of).order_by(breach.c.fired_ms, breach.c.rule)))
    alarms = sorted({row.alarm for row in fired if row.alarm is not None})
    states = connection.execute(select(alarm.c.id, alarm.c.condition).where(alarm.c.id.in_(alarms)))
    return {
        **_json(rows[0]),
        "breaches": [
            {
                "rule": row.rule,
                "severity": Severity(row.severity).word,
                "fired_at": iso(row.fired_ms),
                "alarm": row.alarm,
            }
            for row in fired
        ],
        "alarms": [{"id": row.id, "condition": row.condition} for row in states],
        "versions": [{**_json(row), "superseded": row.superseded} for row in rows],
    }  # fmt: skip


def state(connection: Connection, viewer: Viewer, subject: Subject) -> SubjectState:
    """The newest findings of one subject.

    Raises:
        NotFound: no such subject for this viewer, or it was never judged.
    """
    row = connection.execute(
        select(subject_state).where(
            subject_state.c.subject_kind == subject.kind.value,
            subject_state.c.subject_id == subject.id,
            subjects_of(viewer, subject_state.c.subject_kind, subject_state.c.subject_id),
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"there are no findings on {subject.kind.value} {subject.id}")
    return state_from(row)


def states(connection: Connection, viewer: Viewer, kind: SubjectKind) -> list[SubjectState]:
    """The newest findings of every subject of one kind."""
    visible = subjects_of(viewer, subject_state.c.subject_kind, subject_state.c.subject_id)
    query = select(subject_state).where(subject_state.c.subject_kind == kind.value, visible)
    return [state_from(row) for row in connection.execute(query.order_by(subject_state.c.subject_id))]


GROUPS = ("product_profile", "lane", "customer", "carrier")


def summary(
    connection: Connection,
    viewer: Viewer,
    *,
    from_ms: int,
    to_ms: int,
    by: Iterable[str] = ("product_profile", "lane"),
) -> list[dict[str, Any]]:
    """Figures of the shipments whose judged period ends in [from, to), summed per group; a row per group, in order.

    Times are summed and coverage is the share of known time; the figures are those of each shipment's compliance
    document (its governing channel). A shipment falls into one period only, so that periods add up.

    Raises:
        InvalidValue: an unknown group.
    """
    groups = tuple(by)
    unknown = [name for name in groups if name not in GROUPS]
    if unknown:
        raise InvalidValue(f"by: {unknown[0]!r} is not one of {', '.join(GROUPS)}")
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in connection.execute(_figures(viewer, iso(from_ms), iso(to_ms))):
        key = tuple(getattr(row, name) for name in groups)
        _add(found.setdefault(key, _empty(dict(zip(groups, key, strict=True)))), row)
    return [_finished(found[key]) for key in sorted(found, key=lambda key: [str(part or "") for part in key])]


_TIMES = ("time_in_range_s", "time_above_s", "time_below_s", "time_unknown_s")


def _figures(viewer: Viewer, start: str, end: str) -> Select[Any]:
    document = subject_state.c.document
    until = document["period"]["to"].as_string()
    of = and_(excursion.c.subject_kind == _SHIPMENT, excursion.c.subject_id == shipment.c.id, _CURRENT)
    counts = [
        select(func.count()).where(of, excursion.c.severity == int(severity)).scalar_subquery().label(severity.word)
        for severity in Severity
    ]
    return (
        select(
            document["profile"]["id"].as_string().label("product_profile"),
            shipment.c.lane,
            shipment.c.customer,
            shipment.c.carrier,
            *(document["temperature"][name].as_float().label(name) for name in _TIMES),
            document["mkt"]["value_c"].as_float().label("mkt_c"),
            document["suggestion"]["tier"].as_integer().label("tier"),
            *counts,
        )
        .join(shipment, and_(subject_state.c.subject_kind == _SHIPMENT, subject_state.c.subject_id == shipment.c.id))
        .where(shipments_of(viewer), until >= start, until < end)
    )


def _empty(group: dict[str, Any]) -> dict[str, Any]:
    return {
        **group, "shipments": 0, "shipments_with_excursions": 0,
        "excursions": dict.fromkeys((severity.word for severity in Severity), 0),
        **dict.fromkeys(_TIMES, 0), "worst_mkt_c": None, "tiers": {"1": 0, "2": 0, "3": 0},
    }  # fmt: skip


def _add(total: dict[str, Any], row: Row[Any]) -> None:
    total["shipments"] += 1
    counts = {severity.word: getattr(row, severity.word) for severity in Severity}
    total["shipments_with_excursions"] += int(any(counts.values()))
    for word, number in counts.items():
        total["excursions"][word] += number
    for name in _TIMES:
        total[name] += round((getattr(row, name) or 0) * 1000)  # whole milliseconds add up exactly
    if row.mkt_c is not None:
        total["worst_mkt_c"] = max(row.mkt_c, total["worst_mkt_c"] or row.mkt_c)
    total["tiers"][str(row.tier)] += 1


def _finished(total: dict[str, Any]) -> dict[str, Any]:
    known = sum(total[name] for name in _TIMES[:3])
    whole = known + total["time_unknown_s"]
    excursions_in_all = sum(total["excursions"].values())
    return {
        **total,
        **{name: total[name] / 1000 for name in _TIMES},
        "in_range_pct": 100 * total["time_in_range_s"] / known if known else None,
        "coverage_pct": 100 * known / whole if whole else None,
        "excursions_per_100": 100 * excursions_in_all / total["shipments"],
    }


def _excursions(viewer: Viewer) -> Select[Any]:
    """Every version, with what people call its subject."""
    named = case(
        (excursion.c.subject_kind == _SHIPMENT, shipment.c.reference),
        (excursion.c.subject_kind == _STORE, store.c.name),
        else_=literal(None),
    )
    return (
        select(excursion, named.label("subject_name"))
        .outerjoin(shipment, and_(excursion.c.subject_kind == _SHIPMENT, excursion.c.subject_id == shipment.c.id))
        .outerjoin(store, and_(excursion.c.subject_kind == _STORE, excursion.c.subject_id == store.c.id))
        .where(subjects_of(viewer, excursion.c.subject_kind, excursion.c.subject_id))
    )


def _conditions(which: Filter) -> list[Any]:
    found: list[Any] = []
    if which.subject is not None:
        found += [
            excursion.c.subject_kind == which.subject.kind.value,
            excursion.c.subject_id == which.subject.id,
        ]
    exact = {"logger": which.logger, "direction": which.direction, "late": which.late}
    found += [excursion.c[name] == value for name, value in exact.items() if value is not None]
    if which.severity is not None:
        words = {severity.word: int(severity) for severity in Severity}
        if which.severity not in words:
            raise InvalidValue(f"severity: {which.severity!r} is not one of {', '.join(words)}")
        found.append(excursion.c.severity >= words[which.severity])
    if which.open is not None:
        found.append(excursion.c.end_ms.is_(None) if which.open else excursion.c.end_ms.is_not(None))
    if which.from_ms is not None:
        found.append(excursion.c.onset_ms >= which.from_ms)
    if which.to_ms is not None:
        found.append(excursion.c.onset_ms < which.to_ms)
    return found


def _json(row: Row[Any]) -> dict[str, Any]:
    """One version as the API shows it; what is not known is left out."""
    whole = {
        "id": row.id,
        "version": row.version,
        "subject": {"kind": row.subject_kind, "id": row.subject_id, "name": row.subject_name},
        "logger": row.logger,
        "channel": row.channel,
        "direction": row.direction,
        "onset": iso(row.onset_ms),
        "onset_sample": iso(row.onset_sample_ms),
        "end": None if row.end_ms is None else iso(row.end_ms),
        "duration_s": row.duration_ms / 1000,
        "duration_upper_s": row.duration_upper_ms / 1000,
        "peak_c": row.peak_mc / 1000,
        "peak_at": iso(row.peak_ms),
        "area_c_min": int(row.area_mc_ms) / 60_000_000,
        "limit_c": row.limit_mc / 1000,
        "severity": Severity(row.severity).word,
        "late": row.late,
        "amends": row.amends,
        "merged_into": row.merged_into,
        "withdrawn": row.withdrawn,
        "position": _place(row.latitude_e7, row.longitude_e7),
        "peak_position": _place(row.peak_latitude_e7, row.peak_longitude_e7),
        "recorded_at": iso(row.recorded_ms),
    }
    return {name: value for name, value in whole.items() if value is not None}


def _place(latitude_e7: int | None, longitude_e7: int | None) -> dict[str, float] | None:
    if latitude_e7 is None or longitude_e7 is None:
        return None
    return {"latitude": latitude_e7 / 10_000_000, "longitude": longitude_e7 / 10_000_000}
