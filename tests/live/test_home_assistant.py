"""Home Assistant's discovery at a real Mosquitto: retained, for whoever subscribes later."""

import json
from pathlib import Path

import pytest
from intake import journal_at, logger_at, native, publish_all, written
from servers import Mosquitto, wait_until

from coldchain.clock import SystemClock
from ingest.home_assistant import HomeAssistant
from ingest.subscriber import Subscriber

pytestmark = pytest.mark.server


def test_a_channel_of_an_assigned_logger_is_there_for_home_assistant(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with journal_at(tmp_path / "journal.db") as journal, written(journal) as writer:
        home = HomeAssistant(journal, SystemClock(), lambda: frozenset({"LG-HA"}), "homeassistant")
        subscriber = Subscriber(writer, mosquitto.url, client_id="ingest-home", home=home)
        subscriber.start()
        try:
            wait_until(lambda: subscriber.connected, what="the subscription")
            for logger in ("LG-HA", "LG-other"):
                with logger_at(mosquitto.port, logger) as client:
                    publish_all(client, f"cc/{logger}/up", [native(logger, 1)])
            wait_until(lambda: len(journal.read(0, 10)) == 2, what="both readings")
            with logger_at(mosquitto.port, "home") as assistant:
                heard: list[tuple[str, bytes, bool]] = assistant.user_data_get()

                def told() -> bool:
                    for topic in ("homeassistant/#", "coldchain/#"):
                        assistant.unsubscribe(topic)
                        assistant.subscribe(topic, 1)
                    return {topic.split("/")[0] for topic, _, retain in heard if retain} == {
                        "homeassistant",
                        "coldchain",
                    }

                wait_until(told, what="the retained announcement and state")
        finally:
            subscriber.stop()
    said = {topic: json.loads(payload) for topic, payload, _ in heard}
    config = said["homeassistant/sensor/coldchain_LG-HA/internal_temperature_c/config"]
    assert said[config["state_topic"]]["temperature_c"] == 4.01
    assert not any("other" in topic for topic in said)
