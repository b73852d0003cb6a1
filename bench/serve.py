"""One ingest role in a process of its own: the listener or the subscriber, storing durably or not at all."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from coldchain.clock import SystemClock
from coldchain.domain.message import Arrival, Outcome, Receipt, Watermark
from coldchain.journal.sqlite import SqliteJournal
from ingest.listener.server import Listener
from ingest.pipeline import Pipeline
from ingest.subscriber import Subscriber
from ingest.writer import Writer
from sensors.carriers.shipped import carriers
from sensors.device_profiles.library import Library


class Nothing:
    """A journal that stores nothing and says that it did: the same work without the disk."""

    def __init__(self) -> None:
        self.count = 0

    def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        self.count += len(arrivals)
        return [Receipt(Outcome.READINGS, one.logger, 0, one.readings) for each in arrivals for one in each.messages]

    def watermarks(self, loggers: Sequence[str]) -> list[Watermark]:
        return [Watermark(logger, None) for logger in loggers]

    def head(self) -> int:
        return self.count


class Counting(SqliteJournal):
    """The real journal; it counts what it committed."""

    count = 0

    def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        receipts = super().append(arrivals)
        self.count += len(arrivals)
        return receipts


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["listener", "subscriber"])
    parser.add_argument("journal", help="a new file, or 'none'")
    parser.add_argument("--url")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--all-carriers", action="store_true", help="as an installation has them, with its profiles")
    args = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    journal: Any = Nothing() if args.journal == "none" else Counting(Path(args.journal))
    library = Library()
    more: Any = ("main", carriers("main", library.now), library.now) if args.all_carriers else ()
    writer = Writer(Pipeline(journal, SystemClock(), *more))
    writer.start()
    if args.role == "listener":
        asyncio.run(_listen(writer))
    else:
        _subscribe(writer, args.url, journal, args.count)
    writer.stop()


async def _listen(writer: Writer) -> None:
    listener = Listener(writer, port=0, anonymous=True)
    await listener.start()
    print(listener.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await listener.stop()


def _subscribe(writer: Writer, url: str, journal: Any, count: int) -> None:
    subscriber = Subscriber(writer, url, client_id="bench")
    began, spent = time.monotonic(), time.process_time()
    subscriber.start()
    while journal.count < count or not subscriber.connected:
        time.sleep(0.005)
    told = {"began": began, "ended": time.monotonic(), "spent": time.process_time() - spent}
    print(json.dumps(told), flush=True)
    time.sleep(0.2)  # the last acknowledgements leave
    subscriber.stop()


if __name__ == "__main__":
    main()
