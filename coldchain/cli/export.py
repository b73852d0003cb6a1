"""`coldchain export`: readings, excursions or the audit trail as CSV, the same bytes that the web gives."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from coldchain import audit
from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.domain.quantity import iso
from coldchain.errors import ConfigError, NotFound
from coldchain.registry import shipments, spans
from coldchain.registry.excursion_views import Filter
from coldchain.registry.viewer import SYSTEM
from coldchain.wiring import opened_stores, services_of
from dashboard.api.export_stream import CsvDocument, Document, TableDocument, export_begun, recorded
from dashboard.api.findings import COLUMNS, all_of
from dashboard.api.readings import rows_of
from dashboard.api.request import instant
from dashboard.services import Services

_OPERATOR = replace(SYSTEM, id="command line", name="command line")
_AUDIT_COLUMNS = ("number", "at", "who", "action", "kind", "id", "old", "new", "reason", "previous", "hash")


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """What, of whom, of which period, and where to."""
    parser.epilog = (
        "examples: coldchain export --shipment CC-2026-0117 -o shipment.csv\n"
        "          coldchain export --table excursions --from 2026-01-01T00:00:00Z -o excursions.csv"
    )
    parser.add_argument("--table", choices=list(_TABLES), default="readings", help="default: readings")
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--shipment", metavar="REF|ID", help="one shipment, by its reference or id")
    whose.add_argument("--logger", metavar="ID", help="one logger")
    parser.add_argument("--from", dest="from_", metavar="TIME", help="ISO 8601, such as 2026-01-05T00:00:00Z")
    parser.add_argument("--to", metavar="TIME", help="ISO 8601, exclusive")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")


def run(args: argparse.Namespace) -> int:
    """Write the file; its last line holds the number of rows and the SHA-256 of everything before it."""
    start_ms, end_ms = instant("--from", args.from_), instant("--to", args.to)
    if start_ms is not None and end_ms is not None and start_ms >= end_ms:
        raise ConfigError(f"--to: {args.to} is not after --from {args.from_}")
    if args.table == "audit" and (args.shipment or args.logger):
        raise ConfigError("--table audit: is one trail for everything; leave --shipment and --logger out")
    config = configured(args)
    with opened_stores(config, migrate=args.migrate) as stores:
        web = services_of(config, stores, SystemClock())
        wanted = _Wanted(_shipment_id(web, args.shipment), args.logger, start_ms, end_ms)
        # The rows first: who names something unknown gets an error, not an empty file and a record of it.
        document, rows = _TABLES[args.table](web, wanted)
        with _opened(args.output) as write:
            named = {"table": args.table, "shipment": wanted.shipment, "logger": wanted.logger}
            scope = {key: value for key, value in (named | {"from": args.from_, "to": args.to}).items() if value}
            id_ = export_begun(web, _OPERATOR, f"{args.table}.csv", scope)
            for chunk in recorded(web, _OPERATOR, id_, document, rows):
                write(chunk)
    if args.output is not None:
        print(f"{args.output}: {document.rows} rows, sha256 {document.sha256}")
    return 0


class _Wanted(NamedTuple):
    """What was asked for."""

    shipment: str | None
    logger: str | None
    start_ms: int | None
    end_ms: int | None


def _shipment_id(web: Services, named: str | None) -> str | None:
    if named is None:
        return None
    with web.registry.read() as connection:
        found = shipments.by_reference(connection, _OPERATOR, named)
        if found is None:
            shipments.exists(connection, _OPERATOR, named)
    return found or named


def _readings(web: Services, wanted: _Wanted) -> tuple[Document, Iterable[Any]]:
    start_ms, end_ms = wanted.start_ms or 0, spans.FOREVER_MS if wanted.end_ms is None else wanted.end_ms
    reference: str | None = None
    with web.registry.read() as connection:
        if wanted.shipment is not None:
            found = spans.of_shipment(connection, _OPERATOR, wanted.shipment, start_ms, end_ms)
            reference = shipments.exists(connection, _OPERATOR, wanted.shipment)
        else:
            known = [state.logger for state in web.journal.loggers()]
            if wanted.logger is not None and wanted.logger not in known:
                raise NotFound(f"--logger: no reading of a logger {wanted.logger!r} has arrived")
            names = known if wanted.logger is None else [wanted.logger]
            found = spans.of_loggers(connection, _OPERATOR, names, start_ms, end_ms)
    return CsvDocument(reference), rows_of(web, found)


def _excursions(web: Services, wanted: _Wanted) -> tuple[Document, Iterable[Any]]:
    kind = None if wanted.shipment is None else "shipment"
    which = Filter(
        kind, wanted.shipment, wanted.logger, None, None, None, wanted.start_ms, wanted.end_ms, None
    )  # fmt: skip
    return TableDocument(COLUMNS), all_of(web, _OPERATOR, which, "onset")


def _audit(web: Services, wanted: _Wanted) -> tuple[Document, Iterable[Any]]:
    def rows() -> Iterator[dict[str, Any]]:
        with web.registry.read() as connection:
            for entry in audit.entries(connection):
                late = wanted.end_ms is not None and entry.at_ms >= wanted.end_ms
                if not late and entry.at_ms >= (wanted.start_ms or 0):
                    yield _audit_row(entry)

    return TableDocument(_AUDIT_COLUMNS), rows()


def _audit_row(entry: audit.Entry) -> dict[str, Any]:
    old, new = (None if value is None else json.dumps(value, ensure_ascii=False) for value in (entry.old, entry.new))
    return entry._asdict() | {
        "at": iso(entry.at_ms), "kind": entry.object_kind, "id": entry.object_id, "old": old, "new": new,
    }  # fmt: skip


_TABLES: dict[str, Callable[[Services, _Wanted], tuple[Document, Iterable[Any]]]] = {
    "readings": _readings,
    "excursions": _excursions,
    "audit": _audit,
}


@contextmanager
def _opened(path: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Where the bytes go. A file gets its name when it is whole."""
    if path is None:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file.write
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"--output: {path} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
