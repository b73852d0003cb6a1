"""`coldchain verify`: a CSV export against its own last line. `head -n -1 FILE | sha256sum` says the same."""

import argparse
import csv
import hashlib
import re
from pathlib import Path

from coldchain.errors import ConfigError

_LAST = re.compile(rb"# rows=([0-9]+) sha256=([0-9a-f]{64})\r\n\Z")


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """The files."""
    parser.epilog = "example: coldchain verify shipment.csv"
    parser.add_argument("file", type=Path, nargs="+")


def run(args: argparse.Namespace) -> int:
    """One line for each file; 1 if any does not hold."""
    broken = 0
    for path in args.file:
        try:
            trouble = check(path)
        except OSError as error:
            raise ConfigError(f"FILE: {path} cannot be read: {error}") from error
        broken += trouble is not None
        print(f"{path}: {trouble or 'whole and unchanged'}")
    return 1 if broken else 0


def check(path: Path) -> str | None:
    """What is wrong with an export; None if its rows and hash are those that its last line states."""
    content = path.read_bytes()
    body, _, _ = content.removesuffix(b"\r\n").rpartition(b"\r\n")
    body += b"\r\n"
    said = _LAST.fullmatch(content[len(body) :])
    if said is None:
        return "it has no last line with rows and hash: it was cut off, or is no export"
    found = hashlib.sha256(body).hexdigest()
    if found != said[2].decode():
        return f"its SHA-256 is {found}, its last line says {said[2].decode()}: it was changed"
    rows = sum(1 for _ in csv.reader(body.decode("utf-8").splitlines(keepends=True))) - 1
    if rows != int(said[1]):
        return f"it has {rows} rows, its last line says {int(said[1])}"
    return None
