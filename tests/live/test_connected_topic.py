"""A topic that a device profile connects is listened to at a real broker, in the running process."""

import json
import time
from pathlib import Path

import pytest
from intake import journal_at, logger_at, publish_all
from servers import Mosquitto, wait_until

from coldchain.clock import SystemClock
from coldchain.registry import device_profiles
from coldchain.registry.device_profiles import SavedProfiles
from coldchain.registry.migrations import migrate
from coldchain.registry.store import Registry, sqlite_url
from ingest.pipeline import Pipeline
from ingest.registered import RegistryTopics
from ingest.subscriber import Subscriber
from ingest.writer import Writer
from sensors.carriers.mapped import connected
from sensors.carriers.shipped import carriers
from sensors.device_profiles.library import Library

pytestmark = pytest.mark.server

PROFILE = """
id = "acme"
version = 1
name = "Acme"
[source]
topics = ["acme-live/+/up"]
device = "topic[1]"
[channels.internal]
temperature_c = "t"
"""


def test_a_profile_saved_while_the_subscriber_runs_gives_readings_without_a_restart(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    registry, clock = Registry(sqlite_url(tmp_path / "registry.db")), SystemClock()
    migrate(registry)
    library = Library(None, SavedProfiles(registry))
    with journal_at(tmp_path / "journal.db") as journal:
        all_ = carriers("main", library.now)
        writer = Writer(Pipeline(journal, clock, carriers=all_, profiles=library.now))
        topics = RegistryTopics(registry, clock, (), lambda: connected(all_))
        subscriber = Subscriber(writer, mosquitto.url, client_id="connected-topic", topics=topics)
        writer.start()
        subscriber.start()
        try:
            wait_until(lambda: subscriber.connected, what="the subscription")
            with registry.write() as connection:
                device_profiles.add(
                    connection, "acme", 1, PROFILE, who="ada", reason="a new make", now_ms=clock.now_ms()
                )
            with logger_at(mosquitto.port, "acme-box") as client:

                def heard() -> bool:
                    publish_all(client, "acme-live/LG-77/up", [json.dumps({"t": 5, "n": time.time_ns()}).encode()])
                    return any(row.logger == "LG-77" for row in journal.read(0, 100))

                wait_until(heard, what="a reading of the new topic")
        finally:
            subscriber.stop()
            writer.stop()
            registry.close()
