"""The fleet on the wire: what its loggers measured arrives, whatever happens to the receiver on the way."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from intake import journal_at, listening, written
from servers import free_port, wait_until

from coldchain.domain.message import Outcome
from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import ConfigError
from ingest.subscriber import Subscriber
from sensors.fleet.device import Device
from sensors.fleet.fleet import Fleet
from sensors.fleet.life import events, live
from sensors.fleet.link import Broker
from sensors.fleet.publisher import Publisher

HOUR_MS = 3_600_000
SPAN_MS = 2 * HOUR_MS
SPEED = 900.0  # two hours in eight seconds
# What is measured in the last moments may still be on its way when a test looks.
CERTAIN_MS = SPAN_MS - 600_000


class Hurried:
    """A clock that starts at a moment and runs many times as fast as the machine's, until it is held."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms, self._began_s = start_ms, time.monotonic()

    def now_ms(self) -> int:
        return min(self._start_ms + SPAN_MS, self._start_ms + int((time.monotonic() - self._began_s) * 1000 * SPEED))

    def monotonic_s(self) -> float:
        return time.monotonic()


def fresh_fleet() -> Fleet:
    end_ms = int(time.time() * 1000) // 1000 * 1000 - SPAN_MS - HOUR_MS
    return Fleet.of(3, end_ms, days=2)


def due(fleet: Fleet, from_ms: int, until_ms: int) -> set[tuple[str, str, int]]:
    """Readings that loggers completed in the period and had a network for, lived a second time apart from the test."""
    found = set()
    for logger in fleet.setups:
        device, journeys = fleet.device(logger)
        for event in events(journeys):
            if event.time_ms > until_ms:
                break
            tries = live(device, event)
            if event.time_ms < from_ms and tries:
                device.memory.clear()
            elif tries:
                found |= _readings(device)
                device.memory.clear()
    return found


def _readings(device: Device) -> set[tuple[str, str, int]]:
    return {
        (device.logger, reading.get("channel", "internal"), ms_from_iso(reading["ts"]))
        for kept in device.memory
        for reading in json.loads(kept.payload)["readings"]
    }


@contextmanager
def publishing(publisher: Publisher) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()
        assert publisher.connected == 0


def stored(journal) -> list[tuple[str, str, int]]:
    return [(r.logger, r.channel, r.event_time_ms) for r in journal.read(0, 1_000_000) if r.channel != "device"]


def all_confirmed(publisher: Publisher, clock: Hurried, end_ms: int) -> bool:
    return clock.now_ms() >= end_ms and publisher.unconfirmed == 0


def held(publisher: Publisher) -> set[tuple[str, str, int]]:
    return {reading for device in publisher.devices_out_of_reach for reading in _readings(device)}


def assert_nothing_lost(expected: set[tuple[str, str, int]], rows: list, publisher: Publisher) -> None:
    """Every reading is stored once; a logger whose radio went while nobody listened still holds the rest."""
    assert len(expected) > 2_000
    assert len(rows) == len(set(rows))
    missing = expected - set(rows)
    assert missing <= held(publisher)
    assert len(missing) < len(expected) / 10


def test_everything_is_stored_by_the_built_in_listener_and_confirmed_by_its_watermark(tmp_path: Path) -> None:
    fleet = fresh_fleet()
    expected = due(fleet, fleet.end_ms, fleet.end_ms + CERTAIN_MS)
    with journal_at(tmp_path / "journal.db") as journal, written(journal) as writer:
        with listening(writer, anonymous=True) as listener:
            clock = Hurried(fleet.end_ms)
            publisher = Publisher(fleet, f"mqtt://127.0.0.1:{listener.port}", clock=clock)
            with publishing(publisher):
                wait_until(lambda: all_confirmed(publisher, clock, fleet.end_ms + SPAN_MS), 60, "confirmation of all")
                assert publisher.traffic.watermarks > 0
        assert_nothing_lost(expected, stored(journal), publisher)
        assert not journal.gaps()


def test_everything_arrives_though_the_listener_goes_away_in_the_middle(tmp_path: Path) -> None:
    fleet = fresh_fleet()
    expected = due(fleet, fleet.end_ms, fleet.end_ms + CERTAIN_MS)
    port = free_port()
    with journal_at(tmp_path / "journal.db") as journal, written(journal) as writer:
        clock = Hurried(fleet.end_ms)
        publisher = Publisher(fleet, f"mqtt://127.0.0.1:{port}", clock=clock)
        with publishing(publisher):
            for share in (0.3, 0.6):
                with listening(writer, anonymous=True, port=port):
                    wait_until(lambda s=share: clock.now_ms() > fleet.end_ms + s * SPAN_MS, 30, "some traffic")
                wait_until(lambda: publisher.connected == 0, 10, "the loss of every connection")
            with listening(writer, anonymous=True, port=port):
                wait_until(lambda: all_confirmed(publisher, clock, fleet.end_ms + SPAN_MS), 60, "confirmation of all")
        assert_nothing_lost(expected, stored(journal), publisher)


@pytest.mark.server
def test_everything_arrives_though_the_broker_is_killed_in_the_middle(tmp_path: Path, mosquitto) -> None:
    fleet = fresh_fleet()
    expected = due(fleet, fleet.end_ms, fleet.end_ms + CERTAIN_MS)
    with journal_at(tmp_path / "journal.db") as journal, written(journal) as writer:
        subscriber = Subscriber(writer, mosquitto.url)
        subscriber.start()
        wait_until(lambda: subscriber.connected, 10, "the subscription")
        clock = Hurried(fleet.end_ms)
        publisher = Publisher(fleet, mosquitto.url, clock=clock)
        with publishing(publisher):
            wait_until(lambda: clock.now_ms() > fleet.end_ms + 0.4 * SPAN_MS, 30, "some traffic")
            mosquitto.kill()
            wait_until(lambda: publisher.connected == 0, 10, "the loss of every connection")
            mosquitto.start()
            wait_until(lambda: all_confirmed(publisher, clock, fleet.end_ms + SPAN_MS), 60, "confirmation of all")
        subscriber.stop()
        assert_nothing_lost(expected, stored(journal), publisher)


@pytest.mark.server
def test_a_plain_broker_that_restarts_in_good_order_delivers_everything(mosquitto) -> None:
    fleet = fresh_fleet()
    expected = due(fleet, fleet.end_ms, fleet.end_ms + CERTAIN_MS)
    heard: set[tuple[str, str, int]] = set()

    def note(_client, _data, message) -> None:
        found = json.loads(message.payload)
        for one in found if isinstance(found, list) else [found]:
            for reading in one["readings"]:
                heard.add((one["device"], reading.get("channel", "internal"), ms_from_iso(reading["ts"])))

    receiver = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="receiver", clean_session=False)
    receiver.on_message = note
    receiver.on_connect = lambda client, *_: client.subscribe([("cc/+/up", 1), ("cc/v1/+/+/+/up", 1)])
    receiver.reconnect_delay_set(0.2, 1)
    receiver.connect(mosquitto.host, mosquitto.port)
    receiver.loop_start()
    wait_until(receiver.is_connected, 10, "the receiver")
    clock = Hurried(fleet.end_ms)
    publisher = Publisher(fleet, mosquitto.url, clock=clock)
    with publishing(publisher):
        wait_until(lambda: clock.now_ms() > fleet.end_ms + 0.4 * SPAN_MS, 30, "some traffic")
        mosquitto.restart()
        wait_until(lambda: all_confirmed(publisher, clock, fleet.end_ms + SPAN_MS), 60, "acknowledgement of all")
        wait_until(lambda: len(expected - heard) < len(expected) / 10, 20, "delivery")
        wait_until(lambda: expected - heard <= held(publisher), 20, "delivery of all")
    receiver.disconnect()
    receiver.loop_stop()
    assert publisher.traffic.watermarks == 0


def test_a_restart_numbers_its_messages_in_a_higher_boot(tmp_path: Path) -> None:
    first = fresh_fleet()
    boots: list[dict[str, int]] = []
    with journal_at(tmp_path / "journal.db") as journal, written(journal) as writer:
        for after_ms in (0, HOUR_MS):
            fleet = Fleet.of(first.seed, first.end_ms, days=2, live_start_ms=first.end_ms + after_ms)
            with listening(writer, anonymous=True) as listener:
                clock = Hurried(fleet.live_start_ms)
                url = f"mqtt://127.0.0.1:{listener.port}"
                publisher = Publisher(fleet, url, clock=clock, from_ms=fleet.live_start_ms)
                with publishing(publisher):
                    until_ms = fleet.live_start_ms + HOUR_MS // 2
                    wait_until(lambda c=clock, u=until_ms: c.now_ms() > u, 30, "some traffic")
            boots.append({r.logger: r.boot for r in journal.read(0, 1_000_000)})
        assert not list(journal.refused(Outcome.QUARANTINED, None, 10))
    both = {logger for logger in boots[0] if boots[1][logger] != boots[0][logger]}
    assert len(both) > 10
    assert all(boots[1][logger] > boots[0][logger] for logger in both)


def test_the_publisher_waits_for_a_receiver_that_is_not_there_yet_and_stops_at_once() -> None:
    fleet = fresh_fleet()
    publisher = Publisher(fleet, f"mqtt://127.0.0.1:{free_port()}", clock=Hurried(fleet.end_ms))
    with publishing(publisher) as thread:
        wait_until(lambda: publisher.unconfirmed > 50, 20, "messages in memory")
        assert thread.is_alive()
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 2.0


@pytest.mark.parametrize("url", ["localhost:1883", "http://localhost", "mqtt://", "mqtt://localhost:port"])
def test_a_broker_url_that_is_none_is_refused_in_words(url: str) -> None:
    with pytest.raises(ConfigError, match="broker"):
        Broker.of(url)


def test_a_broker_url_may_carry_an_account() -> None:
    assert Broker.of("mqtts://fleet:p%40ss@example.org") == Broker(
        "example.org", 8883, tls=True, user="fleet", password="p@ss"
    )
