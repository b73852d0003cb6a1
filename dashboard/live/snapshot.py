"""What the live pages show now, as one JSON document per scope; the difference of two of them is what is sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from coldchain.domain.finding import Severity, Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.registry.alarms import to_answer
from coldchain.registry.running import running
from coldchain.registry.schema import cursor, excursion, fact, shipment, store, subject_state
from coldchain.registry.scope import shipments_of, subjects_of
from coldchain.registry.undelivered import stuck_since_ms
from coldchain.registry.viewer import Viewer

SCHEMA = "coldchain.live/1"
LISTS = ("shipments", "excursions", "alarms")
_MOST = 5000  # rows of one kind; a fleet beyond this is looked at through the lists, which have pages

JsonObject = dict[str, Any]


def snapshot(connection: Connection, viewer: Viewer, now_ms: int, troubles: Sequence[str] = ()) -> JsonObject:
    """All that the control tower shows to `viewer`, from one read transaction.

    `shipments`: those under way and those with something open. `excursions`: of these shipments, and every open one.
    `alarms`: raised ones that are active, returning, or returned and not yet acknowledged. Numbers are in the unit of
    their names; absent values are absent.
    """
    alarms = to_answer(connection, viewer, _MOST)
    open_subjects = {a["subject_id"] for a in alarms if a.get("subject_kind") == SubjectKind.SHIPMENT.value}
    shipments = [_shipment(row, alarms) for row in _shipments(connection, viewer, open_subjects)]
    rows = list(_excursions(connection, viewer, [s["id"] for s in shipments]))
    ongoing = {Subject(SubjectKind(row.subject_kind), row.subject_id) for row in rows if row.end_ms is None}
    figures = running(connection, ongoing) if ongoing else {}
    excursions = [_excursion(row, figures) for row in rows]
    return {
        "schema": SCHEMA,
        "kind": "snapshot",
        "server_time": iso(now_ms),
        "engine": engine_progress(connection, now_ms, troubles),
        "kpis": _kpis(shipments, excursions, alarms),
        "shipments": shipments,
        "excursions": excursions,
        "alarms": alarms,
    }


def difference(old: JsonObject, new: JsonObject) -> JsonObject | None:
    """What turns `old` into `new`: changed rows and removed ids per list; None when only the clock moved."""
    delta: JsonObject = {"schema": SCHEMA, "kind": "delta", "server_time": new["server_time"], "engine": new["engine"]}
    changed = old["kpis"] != new["kpis"]
    if changed:
        delta["kpis"] = new["kpis"]
    for name in LISTS:
        before = {row["id"]: row for row in old[name]}
        fresh = [row for row in new[name] if before.get(row["id"]) != row]
        gone = sorted(before.keys() - {row["id"] for row in new[name]})
        if fresh or gone:
            delta[name] = {"changed": fresh, "removed": gone}
            changed = True
    return delta if changed else None


def apply(state: JsonObject, delta: JsonObject) -> JsonObject:
    """`state` after `delta`, as a browser computes it; order within a list carries no meaning."""
    result = {**state, "server_time": delta["server_time"], "engine": delta["engine"]}
    result["kpis"] = delta.get("kpis", state["kpis"])
    for name in LISTS:
        if name in delta:
            rows = {row["id"]: row for row in state[name]}
            rows.update({row["id"]: row for row in delta[name]["changed"]})
            result[name] = [row for id_, row in rows.items() if id_ not in set(delta[name]["removed"])]
    return result


def engine_progress(connection: Connection, now_ms: int, troubles: Sequence[str] = ()) -> JsonObject:
    """How far the engine has judged; a live page is only as fresh as this.

    `moved` is when it last had something to judge, so a quiet night leaves it standing. Whether the engine and the
    intake work at all is in `working` and `receiving`, from the signs of life (`troubles`, as `coldchain.pulse` says).
    `undelivered_since` is there while no channel works: since when no message has reached anybody.
    """
    silent = {sentence.partition(":")[0] for sentence in troubles}
    alive: JsonObject = {"working": "engine" not in silent, "receiving": "ingest" not in silent}
    stuck = stuck_since_ms(connection, now_ms)
    if stuck is not None:
        alive["undelivered_since"] = iso(stuck)
    row = connection.execute(select(cursor).where(cursor.c.name == "engine")).one_or_none()
    return alive if row is None else {"offset": row.journal_offset, "moved": iso(row.moved_ms), **alive}


def _subject_name(table: Any) -> Any:
    """The shipment's reference or the store's name, whichever the row is about."""
    by_shipment = select(shipment.c.reference).where(shipment.c.id == table.c.subject_id).scalar_subquery()
    by_store = select(store.c.name).where(store.c.id == table.c.subject_id).scalar_subquery()
    return func.coalesce(by_shipment, by_store)


def _shipments(connection: Connection, viewer: Viewer, also: set[str]) -> list[Row[Any]]:
    profile = (
        select(fact.c.body["id"].as_string())
        .where(fact.c.subject_kind == SubjectKind.SHIPMENT.value, fact.c.subject_id == shipment.c.id)
        .where(fact.c.kind == "profile", fact.c.superseded_ms.is_(None))
        .order_by(fact.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    figures = subject_state.c.document["temperature"]
    query = (
        select(
            shipment,
            profile.label("product_profile"),
            subject_state.c.status,
            subject_state.c.last,
            subject_state.c.document["governing_channel"].as_string().label("governing"),
            figures["time_in_range_s"].as_float().label("in_range_s"),
            figures["time_above_s"].as_float().label("above_s"),
            figures["time_below_s"].as_float().label("below_s"),
        )
        .outerjoin(
            subject_state,
            and_(
                subject_state.c.subject_kind == SubjectKind.SHIPMENT.value, subject_state.c.subject_id == shipment.c.id
            ),
        )
        .where(or_(shipment.c.state == "in_transit", shipment.c.id.in_(also)), shipments_of(viewer))
        .order_by(shipment.c.reference)
        .limit(_MOST)
    )
    return list(connection.execute(query))


def _excursions(connection: Connection, viewer: Viewer, shipments: list[str]) -> list[Row[Any]]:
    query = (
        select(excursion, _subject_name(excursion).label("reference"))
        .where(excursion.c.superseded.is_(False), excursion.c.withdrawn.is_(False), excursion.c.merged_into.is_(None))
        .where(or_(excursion.c.end_ms.is_(None), excursion.c.subject_id.in_(shipments)))
        .where(subjects_of(viewer, excursion.c.subject_kind, excursion.c.subject_id))
        .order_by(excursion.c.onset_ms.desc(), excursion.c.id)
        .limit(_MOST)
    )
    return list(connection.execute(query))


def _shipment(row: Row[Any], alarms: list[JsonObject]) -> JsonObject:
    last = row.last or {}
    shown = _shown(last, row.governing)
    placed = _newest(last, "latitude")
    severities = [Severity[a["severity"].upper()] for a in alarms if a.get("subject_id") == row.id]
    times = (row.in_range_s, row.above_s, row.below_s)
    return _present(
        id=row.id,
        reference=row.reference,
        customer=row.customer,
        carrier=row.carrier,
        lane=row.lane,
        state=row.state,
        status=row.status or "unknown",
        product_profile=row.product_profile,
        planned_arrival=_iso(row.planned_arrival_ms),
        channel=shown[0],
        event_time=shown[1].get("event_time"),
        temperature_c=shown[1].get("temperature_c"),
        humidity_pct=shown[1].get("humidity_pct"),
        latitude=placed[1].get("latitude"),
        longitude=placed[1].get("longitude"),
        position_time=placed[1].get("event_time"),
        battery_pct=min((v["battery_pct"] for v in last.values() if "battery_pct" in v), default=None),
        severity=max(severities).word if severities else None,
        time_in_range_s=times[0],
        time_judged_s=None if times[0] is None else sum(t or 0.0 for t in times),
    )


def _shown(last: JsonObject, governing: str | None) -> tuple[str | None, JsonObject]:
    """The channel whose value stands for the shipment: the governing one, else the newest temperature."""
    for name, values in last.items():
        if governing is not None and (name == governing or name.endswith(f"/{governing}")):
            return name, values
    return _newest(last, "temperature_c")


def _newest(last: JsonObject, field: str) -> tuple[str | None, JsonObject]:
    having = [(values["event_time"], name) for name, values in last.items() if field in values]
    if not having:
        return None, {}
    name = max(having)[1]
    return name, last[name]


def _excursion(row: Row[Any], figures: Mapping[str, JsonObject]) -> JsonObject:
    now = figures.get(row.id, {}) if row.end_ms is None else {}  # no version is written while it merely goes on
    return _present(
        id=row.id,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        reference=row.reference,
        logger=row.logger,
        channel=row.channel,
        direction=row.direction,
        onset=iso(row.onset_ms),
        end=_iso(row.end_ms),
        duration_s=now.get("duration_s", row.duration_ms / 1000),
        peak_c=now.get("peak_c", row.peak_mc / 1000),
        limit_c=row.limit_mc / 1000,
        severity=Severity(row.severity).word,
        late=row.late,
        latitude=_degrees(row.peak_latitude_e7, row.latitude_e7),
        longitude=_degrees(row.peak_longitude_e7, row.longitude_e7),
    )


def _kpis(shipments: list[JsonObject], excursions: list[JsonObject], alarms: list[JsonObject]) -> JsonObject:
    under_way = [s for s in shipments if s["state"] == "in_transit"]
    open_excursions = [e for e in excursions if "end" not in e]
    judged_s = sum(s.get("time_judged_s", 0.0) for s in under_way)
    in_range_s = sum(s.get("time_in_range_s", 0.0) for s in under_way)
    silent = {(a.get("logger"), a.get("channel")) for a in alarms if a["cause"] == "silence" and "end" not in a}
    return _present(
        live=len(under_way),
        open_excursions=len(open_excursions),
        oldest_open_onset=min((e["onset"] for e in open_excursions), default=None),
        at_risk=sum(s["status"] == "at_risk" for s in under_way),
        silent_loggers=len({logger for logger, _ in silent}),
        unacknowledged=sum("acknowledged" not in a for a in alarms),
        in_range_pct=round(100 * in_range_s / judged_s, 4) if judged_s else None,
    )


def _present(**fields: Any) -> JsonObject:
    return {name: value for name, value in fields.items() if value is not None}


def _iso(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso(time_ms)


def _degrees(*candidates: int | None) -> float | None:
    return next((value / 10_000_000 for value in candidates if value is not None), None)
