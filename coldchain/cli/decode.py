"""`coldchain decode`: what ingest makes of recorded messages, one JSON line each; nothing is stored."""

import argparse
import json
import sys
from pathlib import Path

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.errors import ConfigError
from ingest.decode import decode
from sensors.carriers.shipped import carriers
from sensors.device_profiles.library import folder_library


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """The file of messages, and where further device profiles are."""
    parser.epilog = "example: coldchain decode messages.jsonl --device-profiles ./profiles"
    parser.add_argument(
        "file", type=Path, help='a line a message: {"transport": "mqtt", "topic": …, "payload_json": …}'
    )
    parser.add_argument(
        "--device-profiles",
        type=Path,
        metavar="DIR",
        help="a folder of device profiles (*.toml) beside those of the program (COLDCHAIN_DEVICE_PROFILES)",
    )


def run(args: argparse.Namespace) -> int:
    """Print one line for each message."""
    config = configured(args)
    profiles = folder_library(args.device_profiles or config.device_profiles)
    try:
        with args.file.open(encoding="utf-8") as lines:
            results = decode(
                lines, args.file.parent, SystemClock(), tenant=config.tenant,
                carriers=carriers(config.tenant, profiles), profiles=profiles,
            )  # fmt: skip
            for result in results:
                sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"FILE: {args.file} cannot be read: {error}") from error
    return 0
