"""`coldchain migrate`: makes the state folder, or brings an older one to this version after a backup."""

import argparse

from coldchain.cli import configured
from coldchain.wiring import prepare


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """Nothing of its own."""
    parser.epilog = "example: coldchain migrate"


def run(args: argparse.Namespace) -> int:
    """Say what was done."""
    print(prepare(configured(args), migrate=True))
    return 0
