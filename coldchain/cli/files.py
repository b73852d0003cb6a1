"""`coldchain import`: logger files into the journal; the file itself is kept byte for byte with its hash."""

import argparse
from pathlib import Path

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.errors import ConfigError
from coldchain.wiring import opened_stores, pipeline_of
from ingest.files import Imported, import_file


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """The files, and what they do not say."""
    parser.epilog = "example: coldchain import --zone Europe/Berlin 130500109088.txt"
    parser.add_argument("file", type=Path, nargs="+", help="Berlinger TXT exports")
    parser.add_argument("--zone", help="IANA zone or offset of the logger's wall clock; exports hold none")


def run(args: argparse.Namespace) -> int:
    """One line for each file."""
    config = configured(args)
    with opened_stores(config, migrate=args.migrate) as stores:
        pipeline = pipeline_of(config, stores, SystemClock())
        for path in args.file:
            try:
                content = path.read_bytes()
            except OSError as error:
                raise ConfigError(f"FILE: {path} cannot be read: {error}") from error
            done = import_file(pipeline, stores.registry, content, path.name, zone=args.zone, who="command line")
            _say(path.name, done)
    return 0


def _say(name: str, done: Imported) -> None:
    report = done.report
    again = ", imported before" if done.again else ""
    print(
        f"{name}: logger {report['logger']}, {report['rows']} rows of which {report['missing']} without value, "
        f"{report['stored']} stored, {report['duplicates']} known, zone {report['zone']}{again}"
    )
    for contradiction in report["contradictions"]:
        print(f"{name}: contradiction: {contradiction}")
