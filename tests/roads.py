"""A house whose roads are used at the same time: intake and pages with a pipeline and a library of their own each."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coldchain.clock import SystemClock
from coldchain.domain.message import Envelope
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading
from coldchain.journal.postgres import PostgresJournal
from coldchain.journal.sqlite import SqliteJournal
from coldchain.journal.store import StoredJournal
from coldchain.registry import device_profiles
from coldchain.registry.device_profiles import SavedProfiles
from coldchain.registry.migrations import migrate
from coldchain.registry.store import Registry, sqlite_url
from coldchain.telemetry.embedded import EmbeddedTelemetry
from ingest.pipeline import Pipeline
from ingest.registered import gateways_of
from sensors.carriers.shipped import carriers
from sensors.device_profiles.library import Library

BEGIN_MS = 1_795_000_000_000
STEP_MS = 60_000
PROFILE = """
id = "acme"
version = {version}
name = "Acme"
interval_s = 60
[source]
topics = ["acme/+/up"]
webhook = "acme"
device = "id"
key = "n"
[time]
path = "at"
format = "unix_s"
[channels.internal]
temperature_c = {{ path = "t"{more} }}
"""
FAHRENHEIT = ', unit = "F"'


class Roads:
    """Stores on either database; `intake` and `pages` are as in two processes."""

    def __init__(self, folder: Path, postgres_url: str | None = None) -> None:
        self.clock = SystemClock()
        self.registry_file = folder / "registry.db"
        if postgres_url is None:
            self.registry = Registry(sqlite_url(self.registry_file))
            self.journal: StoredJournal = SqliteJournal(folder / "journal.db")
        else:
            self.registry = Registry(postgres_url)
            self.journal = PostgresJournal(postgres_url)
        migrate(self.registry)
        self.history = EmbeddedTelemetry(self.journal)
        self.intake_library, self.intake = self.process()
        self.pages_library, self.pages = self.process()

    def process(self) -> tuple[Library, Pipeline]:
        """A library and a pipeline, as a process of its own has them."""
        library = Library(None, SavedProfiles(self.registry))
        pipeline = Pipeline(
            self.journal, self.clock, carriers=carriers("main", library.now), profiles=library.now,
            gateways=gateways_of(self.registry, self.clock),
        )  # fmt: skip
        return library, pipeline

    def close(self) -> None:
        """Release the stores."""
        self.journal.close()
        self.registry.close()

    def save(self, version: int, more: str = "") -> None:
        """Somebody saves the next version; the pages' process knows it at once."""
        text = PROFILE.format(version=version, more=more)
        with self.registry.write() as connection:
            device_profiles.add(
                connection, "acme", version, text, who="ada", reason="a test", now_ms=self.clock.now_ms()
            )
        self.pages_library.refresh()

    def shown(self, logger: str = "LG-7") -> list[Reading]:
        """The readings that count now, by time."""
        return list(self.history.readings(logger, 0, BEGIN_MS * 2))


def body(step: int, shown: float, logger: str = "LG-7", **more: Any) -> bytes:
    """A message of the unknown make."""
    at_s = (BEGIN_MS + step * STEP_MS) // 1000
    return json.dumps({"id": logger, "n": f"{logger}-{step}", "at": at_s, "t": shown, **more}).encode()


def heard(step: int, shown: float, logger: str = "LG-7", **more: Any) -> Envelope:
    """The same as it arrives over MQTT, now."""
    return Envelope("mqtt", f"acme/{logger}/up", body(step, shown, logger, **more), SystemClock().now_ms(), 1)


def native(logger: str, step: int, celsius: float, **more: Any) -> bytes:
    """A canonical message of one reading."""
    reading = {"ts": iso(BEGIN_MS + step * STEP_MS), "values": {"temperature_c": celsius, **more.pop("values", {})}}
    return json.dumps({"v": 1, "device": logger, **more, "readings": [reading]}).encode()


@contextmanager
def roads_at(folder: Path, postgres_url: str | None = None) -> Iterator[Roads]:
    """Roads for one test."""
    made = Roads(folder, postgres_url)
    try:
        yield made
    finally:
        made.close()
