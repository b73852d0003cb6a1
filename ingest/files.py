"""Importing the files that USB loggers export: whole, once, byte-exact, with a zone that somebody stated."""

import hashlib
from typing import Any, NamedTuple

from sqlalchemy import insert, select

from coldchain import audit
from coldchain.domain.message import Arrival, Envelope, Receipt
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from coldchain.registry import signals
from coldchain.registry.schema import file_import
from coldchain.registry.store import Registry
from ingest import quarantine
from ingest.pipeline import Pipeline
from ingest.timing import timed
from sensors.carriers.files.berlinger import BerlingerExport, Day, RunResult, parse
from sensors.carriers.files.berlinger_carrier import NAME, Berlinger
from sensors.carriers.files.berlinger_carrier import message as berlinger_message
from sensors.carriers.files.berlinger_checks import contradictions

LARGEST = 32 * 1024 * 1024
SCHEMA = "coldchain.file_import/1"
_KNOWN = "the TXT export of a Berlinger Fridge-tag or Q-tag"


class Imported(NamedTuple):
    """What an import did. `again` means that this very file was imported before and nothing changed."""

    report: dict[str, Any]
    again: bool = False


def import_file(
    pipeline: Pipeline, registry: Registry, content: bytes, name: str, *, zone: str | None, who: str
) -> Imported:
    """Take in one file: its readings through the pipeline, the file and a report into the registry.

    Args:
        pipeline: the road into the journal.
        registry: where the file is kept, byte for byte, with who brought it.
        content: the file.
        name: what the file was called.
        zone: of the logger's wall clock, an IANA name or an offset; files hold none and it is never guessed.
        who: the person or key that brought it.

    Raises:
        InvalidValue: no known format, no zone or one that the clock did not follow, too large, or this file was
            imported in another zone; nothing was stored.
        TransientError: the journal or the registry is busy; importing again is safe.
    """
    if len(content) > LARGEST:
        raise InvalidValue(f"{name} has {len(content)} bytes: at most {LARGEST} are read")
    digest = hashlib.sha256(content).hexdigest()
    known = _before(registry, digest, zone)
    if known is not None:
        return Imported(known, again=True)
    envelope = Envelope("file", name, content, pipeline.clock.now_ms())
    if not Berlinger("UTC").claims(envelope):
        raise InvalidValue(f"{name} is in no format that is known here; known is {_KNOWN}")
    if zone is None:
        raise InvalidValue(f"{name} holds local times without a zone: state the logger's, such as Europe/Berlin")
    export = parse(content, zone)
    [[receipt]] = pipeline.commit([_timed(Arrival(envelope, (berlinger_message(export, envelope),)))])
    report = _report(export, name, digest, receipt)
    _keep(registry, report, content, who, envelope.received_at_ms)
    return Imported(report)


def file_arrival(envelope: Envelope, zone: str) -> Arrival:
    """What a file says, judged as every message is; refused with a reason where nobody reads it."""
    carrier = Berlinger(zone)
    if carrier.claims(envelope):
        return _timed(carrier.decode(envelope))
    return quarantine.unknown_source(envelope)


def _timed(arrival: Arrival) -> Arrival:
    # Files are larger than the limit for messages, so they do not pass through `Pipeline.arrival`.
    judged = (timed(message, arrival.envelope.received_at_ms) for message in arrival.messages)
    return arrival._replace(messages=tuple(judged))


def _before(registry: Registry, digest: str, zone: str | None) -> dict[str, Any] | None:
    with registry.read() as connection:
        row = connection.execute(select(file_import).where(file_import.c.sha256 == digest)).one_or_none()
    if row is None:
        return None
    if zone is not None and zone != row.zone:
        raise InvalidValue(
            f"this file was imported as {row.name} with zone {row.zone}: its times cannot also be {zone}"
        )
    report: dict[str, Any] = row.report
    return report


def _keep(registry: Registry, report: dict[str, Any], content: bytes, who: str, now_ms: int) -> None:
    digest, name = report["sha256"], report["name"]
    with registry.write() as connection:
        if connection.execute(select(file_import.c.sha256).where(file_import.c.sha256 == digest)).first():
            return  # somebody brought the same file at the same time
        row = {"sha256": digest, "name": name, "format": NAME, "zone": report["zone"], "state": report["state"]}
        row |= {"report": report, "content": content, "recorded_ms": now_ms, "who": who}
        connection.execute(insert(file_import).values(row))
        shown = {key: report[key] for key in ("name", "zone", "logger", "rows", "stored", "duplicates", "state")}
        audit.record(connection, at_ms=now_ms, who=who, action="import", kind="file", id=digest, new=shown)
        if report["contradictions"]:
            detail = f"{name} of {report['logger']} contradicts itself: {report['contradictions'][0]}"
            signals.report_event(
                connection, role="import", kind="file_contradictory", detail=detail[:900], now_ms=now_ms
            )


def _report(export: BerlingerExport, name: str, digest: str, receipt: Receipt) -> dict[str, Any]:
    found, rows = contradictions(export), export.rows
    missing = sum(row.temperature_mc is None for row in rows)
    return {
        "schema": SCHEMA,
        "sha256": digest,
        "name": name,
        "format": NAME,
        "state": "contradictory" if found else "imported",
        "contradictions": list(found),
        "logger": export.serial,
        "model": export.model,
        "firmware": export.firmware,
        "zone": export.zone,
        "interval_s": export.interval_min * 60 if export.interval_min else None,
        "rows": len(rows),
        "missing": missing,
        "stored": len(receipt.stored),
        "duplicates": receipt.duplicates,
        "refused": [refusal.reason for refusal in receipt.refusals][:20],
        "message": receipt.message,
        "first": iso(rows[0].at_ms) if rows else None,
        "last": iso(rows[-1].at_ms) if rows else None,
        "certified": export.certified,
        "limits": [
            {"side": one.side, "mode": one.mode, "limit_c": one.limit_mc / 1000, "minutes": one.minutes}
            for one in export.limits
        ],
        "days": [_day(day) for day in export.days],
        "result": _result(export.result) if export.result else None,
        "errors": [{"code": one.code, "count": one.count, "at_local": one.at} for one in export.errors],
    }


def _day(day: Day) -> dict[str, Any]:
    return {
        "date": str(day.day),
        "min_c": _celsius(day.min_mc),
        "max_c": _celsius(day.max_mc),
        "mean_c": _celsius(day.mean_mc),
        "minutes_out": {number: alarm.minutes_out for number, alarm in day.alarms.items()},
    }


def _result(result: RunResult) -> dict[str, Any]:
    return {
        "start_local": result.start,
        "stop_local": result.stop,
        "min_c": _celsius(result.min_mc),
        "max_c": _celsius(result.max_mc),
        "mean_c": _celsius(result.mean_mc),
        "mkt_c": _celsius(result.mkt_mc),
        "mkt_energy_kj_mol": None if result.mkt_energy_kj_mol is None else float(result.mkt_energy_kj_mol),
    }


def _celsius(value_mc: int | None) -> float | None:
    return None if value_mc is None else value_mc / 1000
