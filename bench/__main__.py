"""`python -m bench [NAME ...] [--scale X] [--write FILE]`: measure, print the table, keep it as Markdown."""

import argparse
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from bench.table import Anchor, markdown, show

NAMES = ("line_protocol", "storage", "listener", "subscriber")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", epilog="example: python -m bench listener --scale 0.2")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="what to measure; everything by default")
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer messages; 0.1 for a quick look")
    parser.add_argument("--write", type=Path, help="the Markdown file to keep the table in")
    args = parser.parse_args()
    anchors: list[Anchor] = []
    for name in args.names or NAMES:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        anchors += import_module(f"bench.{name}").measure(args.scale)
    show(anchors)
    if args.write:
        args.write.write_text(markdown(anchors, f"{datetime.now(UTC):%Y-%m-%d}"), encoding="utf-8")
    return int(any(anchor.held is False for anchor in anchors))


if __name__ == "__main__":
    sys.exit(main())
