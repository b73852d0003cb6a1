"""Loggers as they are shown: what is registered joined with what the journal heard."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from coldchain.domain.finding import Condition
from coldchain.domain.quantity import iso
from coldchain.errors import NotFound
from coldchain.journal.port import LoggerState
from coldchain.registry import bindings, loggers
from coldchain.registry.bindings import Binding
from coldchain.registry.schema import alarm
from coldchain.registry.scope import subjects_of
from coldchain.registry.viewer import Viewer


def listed(connection: Connection, viewer: Viewer, heard: Sequence[LoggerState], now_ms: int) -> list[dict[str, Any]]:
    """Every logger that exists for `viewer`, registered or only heard of, by id."""
    states = {state.logger: state for state in heard}
    return _shown(connection, viewer, states, _ids(connection, viewer, states), None, now_ms)


def page(
    connection: Connection, viewer: Viewer, heard: Sequence[LoggerState], now_ms: int, *, limit: int,
    after: str | None = None, text: str | None = None, unassigned: bool | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Up to `limit` of `listed`: with `text` in the id, beyond the id `after`, `unassigned` or assigned."""
    states = {state.logger: state for state in heard}
    ids = [id_ for id_ in _ids(connection, viewer, states) if after is None or id_ > after]
    if text is not None:
        ids = [id_ for id_ in ids if text.casefold() in id_.casefold()]
    if unassigned is not None:
        busy = bindings.busy(connection, viewer, now_ms)
        ids = [id_ for id_ in ids if (id_ not in busy) == unassigned]
    few = ids[:limit]
    return _shown(connection, viewer, states, few, few, now_ms)


def _ids(connection: Connection, viewer: Viewer, states: dict[str, LoggerState]) -> list[str]:
    known = loggers.ids(connection, viewer)
    return sorted(loggers.visible(connection, viewer, [*{*known, *states}]))


def _shown(
    connection: Connection, viewer: Viewer, states: dict[str, LoggerState], ids: Sequence[str],
    only: Sequence[str] | None, now_ms: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """The rows of these loggers; `only` is what is asked for by name, None where asking for everything is cheaper."""
    registered = {one.id: one for one in loggers.listed(connection, viewer, only)}
    silent = silent_loggers(connection, viewer)
    serving = bindings.serving(connection, viewer, now_ms, only)
    calibrations = loggers.latest_calibrations(connection, only)
    intervals = loggers.declared_intervals(connection, only)
    return [
        _json(
            id_, registered.get(id_), _shared(states.get(id_), viewer, serving.get(id_)), calibrations.get(id_),
            intervals.get(id_), serving.get(id_, []), now_ms, silent=id_ in silent,
        )
        for id_ in ids
    ]  # fmt: skip


def silent_loggers(connection: Connection, viewer: Viewer) -> set[str]:
    """The loggers whose silence has an open alarm that the viewer may see: those that the control tower counts."""
    is_open = alarm.c.condition.in_((Condition.ACTIVE.value, Condition.RETURNING.value))
    own = subjects_of(viewer, alarm.c.subject_kind, alarm.c.subject_id)
    query = select(alarm.c.logger).where(
        alarm.c.cause == "silence", is_open, alarm.c.merged_into.is_(None), alarm.c.end_ms.is_(None), own
    )
    return {row.logger for row in connection.execute(query) if row.logger is not None}


def shown(
    connection: Connection,
    viewer: Viewer,
    state: LoggerState | None,
    id: str,  # noqa: A002
    now_ms: int,
) -> dict[str, Any]:
    """One logger with its calibrations and with the bindings that the viewer may see.

    Raises:
        NotFound: neither registered nor heard of, or none of this viewer's business.
    """
    registered = loggers.get(connection, id)
    unknown = registered is None and state is None
    if unknown or id not in loggers.visible(connection, viewer, [id]):
        raise NotFound(f"no logger {id}")
    known = loggers.calibrations(connection, id)
    bound = bindings.of_logger(connection, viewer, id)
    current = [binding for binding in bound if binding.holds(now_ms)]
    interval_ms = loggers.declared_interval(connection, id)
    return {
        **_json(
            id,
            registered,
            _shared(state, viewer, current),
            known[0] if known else None,
            interval_ms,
            current,
            now_ms,
            silent=id in silent_loggers(connection, viewer),
        ),
        "calibrations": [_calibration(one) for one in known],
        "bindings": [
            {"subject_kind": b.subject.kind.value, "subject_id": b.subject.id, **bindings.binding_json(b)}
            for b in bound
        ],
    }


def _shared(state: LoggerState | None, viewer: Viewer, current: Sequence[Binding] | None) -> LoggerState | None:
    """What the journal knows, unless the viewer sees this logger for past shipments only."""
    return state if current or not viewer.scoped else None


def _json(
    id_: str, known: loggers.Logger | None, state: LoggerState | None, calibration: loggers.Calibration | None,
    interval_ms: int | None, serving: Sequence[Binding], now_ms: int, *, silent: bool,
) -> dict[str, Any]:  # fmt: skip
    if interval_ms is None and state is not None:
        interval_ms = state.interval_ms
    values = {
        "logger": id_,
        "registered": known is not None,
        "assigned": bool(serving),
        "silent": silent,
        "serves": [{"subject_kind": b.subject.kind.value, "subject_id": b.subject.id} for b in serving],
        "calibrated": calibration is not None and calibration.calibrated_ms <= now_ms < calibration.due_ms,
        "calibration_due": None if calibration is None else iso(calibration.due_ms),
        "interval_s": None if interval_ms is None else interval_ms / 1000,
        **(_about(known) if known is not None else {}),
        **(_heard(state) if state is not None else {}),
    }
    return {name: value for name, value in values.items() if value is not None}


def _about(known: loggers.Logger) -> dict[str, Any]:
    return {
        "device_profile": known.device_profile, "model": known.model, "serial": known.serial, "note": known.note,
        "has_password": known.has_password, "created": iso(known.created_ms),
        "retired": None if known.retired_ms is None else iso(known.retired_ms),
        "gateway": known.gateway or None, "gateway_for": known.gateway_for, "zone": known.zone,
    }  # fmt: skip


def _heard(state: LoggerState) -> dict[str, Any]:
    return {
        "shard": state.shard, "first_heard": iso(state.first_heard_ms), "last_heard": iso(state.last_heard_ms),
        "last_event": None if state.last_event_ms is None else iso(state.last_event_ms),
        "boot": state.boot, "seq": state.seq,
        "battery_pct": None if state.battery_mpct is None else state.battery_mpct / 1000,
        "battery_v": None if state.battery_mv is None else state.battery_mv / 1000,
        "clock_offset_s": None if state.clock_offset_ms is None else state.clock_offset_ms / 1000,
        "messages": state.messages, "readings": state.readings, "duplicates": state.duplicates,
        "quarantined": state.quarantined, "gaps": state.gaps,
    }  # fmt: skip


def _calibration(one: loggers.Calibration) -> dict[str, Any]:
    return {
        "id": one.id, "certificate": one.certificate, "laboratory": one.laboratory,
        "calibrated": iso(one.calibrated_ms), "due": iso(one.due_ms), "recorded": iso(one.recorded_ms), **one.body,
    }  # fmt: skip
