"""`coldchain import`: logger files into the journal; the file itself is kept byte for byte with its hash."""

import argparse
import hashlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any, Self

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.errors import ColdchainError, ConfigError
from coldchain.wiring import Stores, opened_stores, pipeline_of
from ingest.csv_files import Options
from ingest.files import Imported, import_file, preview_file
from ingest.files_again import look_again, read_again
from ingest.pipeline import Pipeline

_LONG = 2 * 1024 * 1024  # bytes from which on a file shows how far it has come


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """The files, and what they do not say."""
    parser.epilog = "example: coldchain import --zone Europe/Berlin 130500109088.txt"
    parser.add_argument("file", type=Path, nargs="+", help="Berlinger TXT exports, CSV tables of other loggers")
    parser.add_argument("--zone", help="IANA zone or offset of the logger's wall clock, where the file holds none")
    parser.add_argument("--mapping", help="a mapping's id, id@version, or a TOML file; by default the titles tell")
    parser.add_argument("--logger", help="the logger's id, where the file does not name it")
    parser.add_argument("--order", help="of the date: dmy, mdy, ymd, epoch_s or epoch_ms, where it reads both ways")
    parser.add_argument("--confirm", action="store_true", help="the result of an untested mapping was looked at")
    parser.add_argument(
        "--again", action="store_true", help="read what was imported in this way instead, with --reason"
    )
    parser.add_argument("--reason", default="", help="why a file is read again; goes into the audit trail")
    parser.add_argument("--dry-run", action="store_true", help="show what would be stored, and store nothing")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON, one line for each file")


def run(args: argparse.Namespace) -> int:
    """A few lines for each file; a file that is refused does not keep the others out."""
    config, clock, refused = configured(args), SystemClock(), 0
    options = Options(args.zone, args.logger, _mapping(args.mapping), args.order, args.confirm)
    with opened_stores(config, migrate=args.migrate) as stores:
        pipeline = pipeline_of(config, stores, clock)
        for path in args.file:
            content = _content(path)
            try:
                if args.again:
                    _read_again(args, stores, pipeline, path.name, content, options)
                    continue
                if args.dry_run:
                    shown = preview_file(stores.registry, content, path.name, options, clock.now_ms())
                    _say_preview(path.name, shown, as_json=args.json)
                    refused += bool(shown["needs"])
                    continue
                with _Progress(path.name, len(content)) as progress:
                    done = import_file(
                        pipeline, stores.registry, content, path.name, who="command line", options=options,
                        progress=progress.show,
                    )  # fmt: skip
                _say(path.name, done, as_json=args.json)
            except ColdchainError as error:
                if len(args.file) == 1:
                    raise
                print(f"coldchain: {path.name}: {error}", file=sys.stderr)
                refused += 1
    return 2 if refused and not args.dry_run else int(bool(refused))


def _read_again(
    args: argparse.Namespace, stores: Stores, pipeline: Pipeline, name: str, content: bytes, options: Options
) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if args.dry_run:
        made = look_again(pipeline, stores.registry, stores.history, digest, options)
    else:
        made = read_again(
            pipeline, stores.registry, stores.history, digest, options, who="command line", reason=args.reason
        )
    if args.json:
        print(json.dumps(made.as_json(), ensure_ascii=False))
        return
    would = "read again" if made.done else "nothing stored" if made.messages else "nothing would change"
    print(
        f"{name}: {would}; {made.before} readings become {made.after}, {made.known} known, "
        f"logger {made.report['logger']}, zone {made.report['zone']}"
    )
    for reason in made.refused:
        print(f"{name}: refused: {reason}")
    _say_more(name, made.report)


class _Progress:
    """One line on a terminal that says how far a long file has come; nothing where nobody looks."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._shown = size >= _LONG and sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")

    def show(self, done: int, total: int) -> None:
        if self._shown:
            sys.stderr.write(f"\r{self._name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB, {done * 100 // total} %\x1b[K")
            sys.stderr.flush()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"FILE: {path} cannot be read: {error}") from error


def _mapping(named: str | None) -> str | dict[str, Any] | None:
    if named is None or not named.endswith(".toml"):
        return named
    try:
        return tomllib.loads(Path(named).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--mapping: {named} cannot be read: {error}") from error


def _say(name: str, done: Imported, *, as_json: bool) -> None:
    report = done.report
    if as_json:
        print(json.dumps({**report, "again": done.again}, ensure_ascii=False))
        return
    again = ", imported before" if done.again else ""
    print(
        f"{name}: logger {report['logger']}, {report['rows']} rows of which {report['missing']} without value, "
        f"{report['stored']} stored, {report['duplicates']} known, zone {report['zone']}{again}"
    )
    _say_more(name, report)


def _say_preview(name: str, shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(shown, ensure_ascii=False))
        return
    period = f"{shown['first']} to {shown['last']}" if shown["first"] else "no time in UTC yet"
    print(
        f"{name}: nothing stored; {shown.get('mapping') or shown['format']}, {shown['rows']} rows of which "
        f"{shown['missing']} without value, logger {shown['logger'] or 'unknown'}, {period}"
    )
    for column in shown.get("columns", ()):
        print(f"{name}: column {column['position']} {column['title']!r}: {_becomes(column['becomes'])}")
    _say_more(name, shown)
    for need in shown["needs"]:
        print(f"{name}: needs {need['field']}: {need['reason']}")


def _becomes(what: dict[str, Any] | None) -> str:
    if what is None:
        return "not used"
    return f"{what['what']} of {what['channel'] or 'the device'} in {what['unit']}" if "unit" in what else what["what"]


def _say_more(name: str, report: dict[str, Any]) -> None:
    for problem in report.get("problems", ()):
        print(f"{name}: line {problem['line']}: {problem['reason']} ({problem['text']!r})")
    more = report.get("problem_count", 0) - len(report.get("problems", ()))
    if more > 0:
        print(f"{name}: and {more} further rows that could not be read")
    for contradiction in report.get("contradictions", ()):
        print(f"{name}: contradiction: {contradiction}")
