"""Importing the files of USB loggers and their programs: once, byte-exact, with a zone that somebody stated."""

import hashlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import insert, select

from coldchain import audit
from coldchain.domain.message import Arrival, Decoded, Envelope, Outcome, Receipt
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import signals
from coldchain.registry.schema import file_import
from coldchain.registry.store import Registry
from ingest import berlinger_files, csv_files, file_mappings, quarantine
from ingest.csv_files import Options, Progress, Table, Totals, silent
from ingest.pipeline import Pipeline
from ingest.timing import timed
from sensors.carriers.files import csv_carrier
from sensors.carriers.files.berlinger import parse
from sensors.carriers.files.berlinger_carrier import Berlinger
from sensors.carriers.files.berlinger_carrier import message as berlinger_message
from sensors.carriers.files.mapping import Mapping, as_json
from sensors.carriers.port import refused

LARGEST = 64 * 1024 * 1024
MOST_AT_ONCE = 500_000  # readings of a file that is read again: they are in memory together
SCHEMA = "coldchain.file_import/1"
PREVIEW_SCHEMA = "coldchain.file_preview/1"
_MOST_MESSAGES = 1000
_AGAIN = "to read what was imported in another way, read the file again, with a reason"
_KNOWN = "the TXT export of a Berlinger Fridge-tag or Q-tag, and tables of columns (CSV, TXT)"


class Imported(NamedTuple):
    """What an import did. `again` means that this very file was imported before and nothing changed."""

    report: dict[str, Any]
    again: bool = False


def import_file(
    pipeline: Pipeline, registry: Registry, content: bytes, name: str, *, zone: str | None = None, who: str,
    options: Options | None = None, progress: Progress = silent,
) -> Imported:  # fmt: skip
    """Take in one file: its readings through the pipeline, the file and a report into the registry.

    Args:
        pipeline: the road into the journal.
        registry: where the file is kept, byte for byte, with who brought it.
        content: the file.
        name: what the file was called.
        zone: of the logger's wall clock, an IANA name or an offset; never guessed.
        who: the person or key that brought it.
        options: what else somebody says about the file; `zone` goes before its own.
        progress: told how far a long file has come.

    Raises:
        InvalidValue: no known format, something is not stated that has to be, something stated contradicts the file,
            too large, or this file was imported in another zone, of another logger or by another mapping; nothing
            was stored.
        NotFound: no mapping of the stated name.
        TransientError: the journal or the registry is busy; importing again is safe.
    """
    stated = options or Options()
    stated = stated._replace(zone=zone or stated.zone)
    digest = _digest(content, name)
    known = _before(registry, digest, stated)
    if known is not None:
        return Imported(known, again=True)
    now_ms = pipeline.clock.now_ms()
    envelope = Envelope("file", name, content, now_ms)
    if Berlinger("UTC").claims(envelope):
        report = _berlinger(pipeline, envelope, stated.zone)
    else:
        report = _table(pipeline, registry, envelope, digest, stated, progress)
    report = {"schema": SCHEMA, "sha256": digest, "name": name, **report}
    _keep(registry, report, content, who, now_ms)
    return Imported(report)


def preview_file(registry: Registry, content: bytes, name: str, options: Options, now_ms: int) -> dict[str, Any]:
    """What an import of this file would do, and what it still needs to be told; nothing is stored.

    Raises:
        InvalidValue: no known format, too large, or something that was stated contradicts the file.
        NotFound: no mapping of the stated name.
    """
    digest = _digest(content, name)
    head = {"schema": PREVIEW_SCHEMA, "sha256": digest, "name": name, "bytes": len(content)}
    with registry.read() as connection:
        row = connection.execute(select(file_import.c.report).where(file_import.c.sha256 == digest)).one_or_none()
    head["imported_before"] = row is not None
    envelope = Envelope("file", name, content, now_ms)
    if not Berlinger("UTC").claims(envelope):
        table = _as_table(registry, content, name, options, now_ms)
        return {**head, "format": csv_carrier.NAME, **csv_files.preview(table, digest)}
    # Without a zone the wall clock is read as it stands, so that there is something to look at.
    report = berlinger_files.report(parse(content, options.zone or "UTC"))
    needs = [] if options.zone else [{"field": "zone", "reason": _asks_zone(name)}]
    if needs:
        report |= {"zone": None, "first": None, "last": None}
    return {**head, **report, "needs": needs}


class Whole(NamedTuple):
    """A file read as a whole, before anything is stored of it."""

    report: dict[str, Any]  # what does not depend on what was stored before
    parts: tuple[tuple[int, bytes, Decoded], ...]  # where its bytes begin in the file, the bytes, and the message


def whole_file(registry: Registry, envelope: Envelope, digest: str, options: Options) -> Whole:
    """What a file says when it is read as `options` state; nothing is stored.

    Raises:
        InvalidValue: no known format, something is not stated that has to be, or something contradicts the file.
        NotFound: no mapping of the stated name.
    """
    if Berlinger("UTC").claims(envelope):
        if options.zone is None:
            raise InvalidValue(_asks_zone(envelope.source))
        export = parse(envelope.payload, options.zone)
        said = _timed(Arrival(envelope, (berlinger_message(export, envelope),)))
        return Whole(berlinger_files.report(export), ((0, envelope.payload, said.messages[0]),))
    table, totals = _ready(registry, envelope, digest, options), Totals()
    parts: list[tuple[int, bytes, Decoded]] = []
    start = 0
    for payload, made in table.parts(digest, totals):
        parts += [(start, payload, one) for one in made.messages]
        start += len(payload)
        if totals.readings > MOST_AT_ONCE:
            raise InvalidValue(f"the file holds more than {MOST_AT_ONCE:,} readings: too many to be read again at once")
    return Whole(_table_report(table, totals, options), tuple(parts))


def file_arrival(
    envelope: Envelope, zone: str, stated: dict[str, Any] | MappingProxyType[str, Any] = MappingProxyType({})
) -> Arrival:
    """What a file says, judged as every message is; refused with a reason where nobody reads it.

    `stated` may name `logger`, `mapping` (a shipped one, or a body) and `order`, as `Options` does.
    """
    carrier = Berlinger(zone)
    if carrier.claims(envelope):
        return _timed(carrier.decode(envelope))
    said = {name: stated.get(name) for name in ("logger", "mapping", "order")}
    try:
        table = Table(None, envelope.payload, Options(zone=zone, confirm=True, **said), envelope.received_at_ms)
    except NotFound as error:
        return refused(envelope, str(error))
    except InvalidValue as error:
        return quarantine.unknown_source(envelope) if _no_table(error) else refused(envelope, str(error))
    needs = [need.reason for need in table.needs if need.field not in csv_files.CONFIRMED]
    if needs:
        return refused(envelope, "; ".join(needs))
    digest = hashlib.sha256(envelope.payload).hexdigest()
    return Arrival(envelope, tuple(one for _, made in table.parts(digest, Totals()) for one in made.messages))


def _digest(content: bytes, name: str) -> str:
    if len(content) > LARGEST:
        raise InvalidValue(f"{name} has {len(content)} bytes: at most {LARGEST} are read")
    return hashlib.sha256(content).hexdigest()


def _as_table(registry: Registry | None, content: bytes, name: str, options: Options, now_ms: int) -> Table:
    try:
        return Table(registry, content, options, now_ms)
    except InvalidValue as error:
        if _no_table(error):
            raise InvalidValue(f"{name} is in no format that is known here; known is {_KNOWN}; {error}") from error
        raise


def _no_table(error: InvalidValue) -> bool:
    return str(error).startswith(("this is no table", "the file is no text"))


def _asks_zone(name: str) -> str:
    return f"{name} holds local times without a zone: state the logger's, such as Europe/Berlin"


def _berlinger(pipeline: Pipeline, envelope: Envelope, zone: str | None) -> dict[str, Any]:
    if zone is None:
        raise InvalidValue(_asks_zone(envelope.source))
    export = parse(envelope.payload, zone)
    [[receipt]] = pipeline.commit([_timed(Arrival(envelope, (berlinger_message(export, envelope),)))])
    outcome = _Outcome()
    outcome.take([receipt])
    return {**berlinger_files.report(export), **outcome.as_json()}


def _table(
    pipeline: Pipeline, registry: Registry, envelope: Envelope, digest: str, options: Options, progress: Progress
) -> dict[str, Any]:
    """Read a table part by part: what was committed stays, and the same file goes on where it was cut off."""
    table = _ready(registry, envelope, digest, options)
    totals, outcome = Totals(), _Outcome()
    for payload, made in table.parts(digest, totals, progress):
        if made.messages:
            [found] = pipeline.commit([Arrival(envelope._replace(payload=payload), made.messages)])
            outcome.take(found)
    return {**_table_report(table, totals, options), **outcome.as_json()}


def _ready(registry: Registry, envelope: Envelope, digest: str, options: Options) -> Table:
    """The table, of which nothing has to be asked any more, and at least one row can be read."""
    table = _as_table(registry, envelope.payload, envelope.source, options, envelope.received_at_ms)
    if table.needs or table.rows is None:
        raise InvalidValue("; ".join(f"{need.field}: {need.reason}" for need in table.needs))
    _some_row(table, digest)
    return table


def _table_report(table: Table, totals: Totals, options: Options) -> dict[str, Any]:
    described = table.described()
    del described["needs"]
    logger = table.plan.logger if table.plan.logger is not None else min(totals.loggers, default=None)
    return {
        "format": csv_carrier.NAME, "state": "imported", "contradictions": [], **described, **totals.as_json(),
        "logger": logger, "confirmed": options.confirm,
    }  # fmt: skip


def _some_row(table: Table, digest: str) -> None:
    """Refuse a file of which not one row can be read, before anything is stored."""
    totals = Totals()
    for _, made in table.parts(digest, totals):
        if made.messages:
            return
    first = totals.first_problems[0] if totals.first_problems else None
    why = f"line {first.line}: {first.reason} ({first.text!r})" if first else "the table has no rows"
    raise InvalidValue(f"not one of {totals.rows} rows can be read: {why}")


@dataclass(slots=True)
class _Outcome:
    """What the journal decided, counted as it comes: a long file has more rows than memory should hold."""

    stored: int = 0
    duplicates: int = 0
    refused: list[str] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)

    def take(self, receipts: list[Receipt]) -> None:
        for one in receipts:
            again = one.outcome is Outcome.DUPLICATE and not one.stored
            self.kept.append(one.message)  # one of an attempt that was cut off is a message of this file too
            self.stored += len(one.stored)
            self.duplicates += one.duplicates
            self.refused += [refusal.reason for refusal in one.refusals][: 20 - len(self.refused)]
            if not again and len(self.messages) < _MOST_MESSAGES:
                self.messages.append(one.message)

    def as_json(self) -> dict[str, Any]:
        return {
            "stored": self.stored, "duplicates": self.duplicates, "refused": self.refused,
            "message": self.messages[0] if self.messages else None, "messages": self.messages, "kept": self.kept,
        }  # fmt: skip


def _timed(arrival: Arrival) -> Arrival:
    # Files are larger than the limit for messages, so they do not pass through `Pipeline.arrival`.
    judged = (timed(message, arrival.envelope.received_at_ms) for message in arrival.messages)
    return arrival._replace(messages=tuple(judged))


def _before(registry: Registry, digest: str, options: Options) -> dict[str, Any] | None:
    with registry.read() as connection:
        row = connection.execute(select(file_import).where(file_import.c.sha256 == digest)).one_or_none()
    if row is None:
        return None
    report: dict[str, Any] = row.report
    if options.zone is not None and row.zone is not None and options.zone != row.zone:
        raise InvalidValue(
            f"this file was imported as {row.name} with zone {row.zone}: its times cannot also be {options.zone}; "
            f"{_AGAIN}"
        )
    if options.logger is not None and options.logger not in (report["logger"], *report.get("loggers", ())):
        raise InvalidValue(
            f"this file was imported as {row.name} of logger {report['logger']}, not {options.logger}; {_AGAIN}"
        )
    mapping = file_mappings.chosen(registry, options.mapping)
    if mapping is not None and (before := report.get("mapping_body")) and _unordered(before) != _unordered(mapping):
        raise InvalidValue(
            f"this file was imported as {row.name} by mapping {report['mapping']}, and not by this {mapping.label}; "
            f"{_AGAIN}"
        )
    return report


def _unordered(mapping: dict[str, Any] | Mapping) -> dict[str, Any]:
    """A mapping's body without the order of the date, which may be stated beside it."""
    body = as_json(mapping) if isinstance(mapping, Mapping) else mapping
    return {**body, "time": {name: value for name, value in body.get("time", {}).items() if name != "order"}}


def _keep(registry: Registry, report: dict[str, Any], content: bytes, who: str, now_ms: int) -> None:
    digest, name = report["sha256"], report["name"]
    with registry.write() as connection:
        if connection.execute(select(file_import.c.sha256).where(file_import.c.sha256 == digest)).first():
            return  # somebody brought the same file at the same time
        row = {
            "sha256": digest,
            "name": name,
            "format": report["format"],
            "zone": report["zone"],
            "state": report["state"],
        }
        row |= {"report": report, "content": content, "recorded_ms": now_ms, "who": who}
        connection.execute(insert(file_import).values(row))
        shown = {key: report[key] for key in ("name", "zone", "logger", "rows", "stored", "duplicates", "state")}
        shown |= {key: report[key] for key in ("mapping", "date_order", "confirmed") if key in report}
        audit.record(connection, at_ms=now_ms, who=who, action="import", kind="file", id=digest, new=shown)
        if report["contradictions"]:
            detail = f"{name} of {report['logger']} contradicts itself: {report['contradictions'][0]}"
            signals.report_event(
                connection, role="import", kind="file_contradictory", detail=detail[:900], now_ms=now_ms
            )
