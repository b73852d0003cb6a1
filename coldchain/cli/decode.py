"""`coldchain decode`: what ingest makes of recorded messages, one JSON line each; nothing is stored."""

import argparse
import json
import sys
from pathlib import Path

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.errors import ConfigError
from ingest.decode import decode


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """The file of messages."""
    parser.epilog = "example: coldchain decode messages.jsonl"
    parser.add_argument(
        "file", type=Path, help='a line a message: {"transport": "mqtt", "topic": …, "payload_json": …}'
    )


def run(args: argparse.Namespace) -> int:
    """Print one line for each message."""
    config = configured(args)
    try:
        with args.file.open(encoding="utf-8") as lines:
            for result in decode(lines, args.file.parent, SystemClock(), tenant=config.tenant):
                sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"FILE: {args.file} cannot be read: {error}") from error
    return 0
