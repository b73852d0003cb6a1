"""`coldchain evaluate`: judge a CSV of readings; prints the JSON that the API gives for a shipment."""

import argparse
import json
from pathlib import Path

from compliance.evaluate import evaluate_file


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """The file, the profile, and how often the logger measured."""
    parser.epilog = "example: coldchain evaluate readings.csv --profile refrigerated-2-8 --check"
    parser.add_argument("file", type=Path, help="columns event_time, temperature_c, optional humidity_pct, channel")
    parser.add_argument("--profile", required=True, metavar="ID|FILE.toml", help="a shipped product profile, or a file")
    parser.add_argument("--interval", type=float, metavar="S", help="default: the file's median difference")
    parser.add_argument("--check", action="store_true", help="compare every figure with an independent recomputation")


def run(args: argparse.Namespace) -> int:
    """Print the compliance document."""
    document = evaluate_file(args.file, args.profile, args.interval, args.check)
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    return 0
