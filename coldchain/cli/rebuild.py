"""`coldchain rebuild-telemetry`: empties InfluxDB's projection and fills it again from the journal."""

import argparse

from rich.progress import Progress

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.telemetry.influx_writer import InfluxWriter
from coldchain.wiring import excursions_of, influx_of, mark_of, opened_stores
from ingest.projector import rebuild


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """Nothing of its own."""
    parser.epilog = "example: coldchain rebuild-telemetry"


def run(args: argparse.Namespace) -> int:
    """Say how far it came."""
    config, clock = configured(args), SystemClock()
    address = influx_of(config)
    with opened_stores(config, migrate=args.migrate) as stores, Progress(transient=True) as progress:
        bar = progress.add_task("filling InfluxDB", total=None)
        points = InfluxWriter(address)
        reached = rebuild(
            stores.journal,
            mark_of(stores, clock),
            points,
            clock,
            lambda done, of: progress.update(bar, completed=done, total=of),
            [excursions_of(config, stores, clock)],
        )
    print(f"InfluxDB holds the journal up to offset {reached}")
    return 0
