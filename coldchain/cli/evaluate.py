"""`coldchain evaluate`: judge a CSV of readings, or print what is on record; `--check` computes every figure again."""

import argparse
import json
from pathlib import Path

from sqlalchemy import Connection

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import ConfigError, InvalidValue, NotFound
from coldchain.registry import batches, shipments, stores
from coldchain.registry.viewer import SYSTEM
from coldchain.wiring import Stores, opened_stores
from compliance.evaluate import evaluate_file
from compliance.recheck import PARTS, Checked, batch_then, of_batch, of_subject, subject_then


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """The file and its profile, or what of the record; over which parts; and whether to compute it again."""
    parser.epilog = (
        "examples: coldchain evaluate readings.csv --profile refrigerated-2-8 --check\n"
        "          coldchain evaluate readings.csv --profile cct-2-8 --by day --zone Europe/Brussels --check\n"
        "          coldchain evaluate --shipment CC-2647-546 --by leg --check\n"
        "          coldchain evaluate --batch A4711 --check\n"
        "          coldchain evaluate --batch A4711 --known-as-of 2026-01-05T12:00:00Z"
    )
    parser.add_argument(
        "file", type=Path, nargs="?", help="columns event_time, temperature_c, optional humidity_pct, channel"
    )
    parser.add_argument("--profile", metavar="ID|FILE.toml", help="of a file: a shipped product profile, or a TOML")
    parser.add_argument("--interval", type=float, metavar="S", help="of a file: default the median difference")
    parser.add_argument("--zone", metavar="ZONE", help="of a file with --by: an IANA zone, default UTC")
    parser.add_argument("--shipment", metavar="REF|ID", help="on record, instead of a file")
    parser.add_argument("--store", metavar="NAME|ID", help="on record, instead of a file")
    parser.add_argument("--batch", metavar="NUMBER|ID", help="on record, instead of a file: the stability ledger")
    parser.add_argument("--by", choices=PARTS, help="figures over each leg, or over days, weeks or months")
    parser.add_argument("--known-as-of", metavar="TIME", help="of what is on record: as it was known at that moment")
    parser.add_argument("--check", action="store_true", help="compare every figure with an independent recomputation")


def run(args: argparse.Namespace) -> int:
    """Print the document; with `--check` fail on the first figure in which the decimal twin differs."""
    given = [name for name in ("file", "shipment", "store", "batch") if getattr(args, name) is not None]
    if len(given) != 1:
        raise ConfigError("evaluate: name one of FILE, --shipment, --store and --batch")
    if given == ["file"]:
        document = _of_file(args)
    else:
        moment = _moment(args.known_as_of)
        for name in ("profile", "interval", "zone"):
            if getattr(args, name) is not None:
                raise ConfigError(f"--{name}: belongs to a file; what is on record has its own, leave it out")
        with opened_stores(configured(args), migrate=args.migrate) as opened:
            document = _agreeing(_on_record(opened, given[0], args, moment))
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    return 0


def _of_file(args: argparse.Namespace) -> object:
    if args.profile is None:
        raise ConfigError("--profile: missing; name a shipped product profile, or a TOML file")
    if args.known_as_of is not None:
        raise ConfigError("--known-as-of: a file does not say when its readings were known; leave it out")
    if args.by == "leg":
        raise ConfigError("--by leg: a file knows no legs; use day, week or month, or name a --shipment")
    return evaluate_file(args.file, args.profile, args.interval, args.check, by=args.by, zone=args.zone or "UTC")


def _agreeing(found: Checked) -> object:
    if found.unlike:
        raise InvalidValue("what is on record is not what the readings and facts give: " + "; ".join(found.unlike))
    if found.differences:
        raise InvalidValue("the decimal twin differs: " + "; ".join(found.differences))
    return found.document


def _moment(given: str | None) -> int | None:
    """A moment that has been, as milliseconds."""
    if given is None:
        return None
    try:
        moment = ms_from_iso(given)
    except InvalidValue as error:
        raise ConfigError(f"--known-as-of: {error}") from error
    if moment > SystemClock().now_ms():
        raise ConfigError(f"--known-as-of: {given} lies in the future; choose a moment that has been")
    return moment


def _on_record(opened: Stores, what: str, args: argparse.Namespace, known_ms: int | None) -> Checked:
    journal, history = opened.journal, opened.history
    with opened.registry.read() as connection:
        if what == "batch":
            if args.by is not None:
                raise ConfigError("--by: a batch has its ledger; leave it out")
            batch = _batch(connection, args.batch)
            if known_ms is not None:
                return batch_then(connection, journal, history, SYSTEM, batch, known_ms, check=args.check)
            return of_batch(connection, history, SYSTEM, batch, SystemClock().now_ms(), check=args.check)
        subject = _subject(connection, what, getattr(args, what))
        if what == "store" and args.by == "leg":
            raise ConfigError("--by leg: a store has no legs; use day, week or month")
        if known_ms is not None:
            return subject_then(connection, journal, history, subject, args.by, known_ms, check=args.check)
        return of_subject(connection, history, subject, args.by, check=args.check)


def _subject(connection: Connection, what: str, named: str) -> Subject:
    if what == "shipment":
        found = shipments.by_reference(connection, SYSTEM, named)
        if found is None:
            shipments.exists(connection, SYSTEM, named)
        return Subject(SubjectKind.SHIPMENT, found or named)
    same = [one["id"] for one in stores.listed(connection, SYSTEM) if named in (one["id"], one["name"])]
    if not same:
        raise NotFound(f"--store: there is no store {named!r}")
    return Subject(SubjectKind.STORE, same[0])


def _batch(connection: Connection, named: str) -> str:
    """The id of a batch by its number, or the id itself."""
    found = batches.listed(connection, SYSTEM, text=named, limit=1000).items
    same = [one for one in found if one["batch"] == named]
    if len(same) > 1:
        words = ", ".join(f"{one['id']} ({one['gtin'] or one['customer'] or 'without GTIN'})" for one in same)
        raise InvalidValue(f"--batch: {named!r} is the number of {len(same)} batches; name one by its id: {words}")
    return str(same[0]["id"]) if same else named
