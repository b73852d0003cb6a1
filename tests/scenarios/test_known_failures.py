"""Failures that are known of other monitors, each by name, and that ours must not have.

Grafana: a firing alert is resolved when its series disappears; "no data" takes the place of the alert that was firing.
InfluxDB's deadman check: a series that has left its range, or was never in it, is not missed.
paho: an exception in a callback ends the network thread while the client still says that it is connected.
"""

import threading
from pathlib import Path
from typing import Any

import pytest
import servers
from engine_house import STEP_MS, House, sample
from judging import DAWN
from paho.mqtt import publish
from server_process import wait_until
from sqlalchemy import select

from coldchain.clock import SystemClock
from coldchain.config import read_config
from coldchain.registry.schema import alarm, outbox
from coldchain.wiring import opened_stores, pipeline_of
from ingest.subscriber import Subscriber
from ingest.writer import Writer

HOUR = 3_600_000


@pytest.fixture
def house(house: House) -> House:
    """Anna is on call."""
    house.put_on_call("Anna")
    return house


def announced(house: House, cause: str) -> list[Any]:
    with house.registry.read() as connection:
        query = select(alarm).where(alarm.c.cause == cause, alarm.c.severity >= 2, alarm.c.condition != "pending")
        return list(connection.execute(query))


def reasons(house: House, id_: str) -> list[str]:
    with house.registry.read() as connection:
        query = select(outbox.c.reason).where(outbox.c.alarm == id_).order_by(outbox.c.occasion)
        return list(connection.execute(query).scalars())


def hot(house: House) -> Any:
    """A critical alarm, and then its logger is never heard again."""
    house.declare("LG-1", STEP_MS)
    house.shipment("S", "LG-1")
    house.live(sample(0, 5.0), sample(1, 17.0), sample(2, 17.0))
    [found] = announced(house, "high")
    return found


def test_grafana_missing_series_a_series_that_disappears_resolves_nothing(house: House) -> None:
    found = hot(house)
    for hours in (1, 2, 6, 24, 48):
        house.pass_until(DAWN + hours * HOUR)
        [still] = announced(house, "high")
        assert (still.id, still.condition, still.end_ms) == (found.id, "active", None)
    assert "returned" not in reasons(house, found.id)


def test_grafana_no_data_an_alarm_about_silence_stands_beside_the_one_that_was_there(house: House) -> None:
    found = hot(house)
    house.pass_until(DAWN + HOUR)
    [silent] = announced(house, "silence")
    assert silent.condition == "active"
    assert silent.id != found.id
    assert [row.condition for row in announced(house, "high")] == ["active"]
    assert reasons(house, silent.id)[:1] == ["raised"]


def test_influxdb_deadman_a_logger_outside_every_range_of_data_is_missed(house: House) -> None:
    for name in ("NEVER-1", "LONG-1"):
        house.declare(name, STEP_MS)
        house.shipment(f"S-{name}", name)
    house.live(sample(0, 5.0, "LONG-1"))
    house.pass_until(DAWN + 90 * 24 * HOUR)  # far beyond any window that somebody would have asked for
    found = {row.logger: row for row in announced(house, "silence")}
    assert found.keys() == {"NEVER-1", "LONG-1"}
    assert {row.condition for row in found.values()} == {"active"}
    assert all(reasons(house, row.id) for row in found.values())


@pytest.mark.server
def test_paho_thread_death_a_bug_in_a_callback_ends_the_connection_and_never_the_intake(
    mosquitto: servers.Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, armed, met = Subscriber._on_message, threading.Event(), threading.Event()

    def buggy(self: Subscriber, *arguments: Any) -> None:
        if armed.is_set():
            armed.clear()
            met.set()
            raise RuntimeError("a bug in a callback")
        original(self, *arguments)

    monkeypatch.setattr(Subscriber, "_on_message", buggy)
    with opened_stores(read_config(None, {"COLDCHAIN_DATA": str(tmp_path)})) as stores:
        writer = Writer(pipeline_of(read_config(None, {}), stores, SystemClock()))
        subscriber = Subscriber(writer, mosquitto.url)
        writer.start()
        subscriber.start()
        try:
            wait_until(lambda: subscriber.connected, 20, "the subscription")
            armed.set()
            publish.single("cc/LG-1/up", NATIVE, qos=1, hostname=mosquitto.host, port=mosquitto.port)
            wait_until(met.is_set, 10, "the bug")
            wait_until(lambda: len(stores.journal.read(0, 10)) == 1, 10, "the message, sent again")
            assert subscriber.alive
            assert subscriber.connected
        finally:
            subscriber.stop()
            writer.stop()


READING = '{"ts":"2026-11-22T08:00:00Z","values":{"temperature_c":5.0}}'
NATIVE = f'{{"v":1,"device":"LG-1","boot":1,"seq":0,"readings":[{READING}]}}'
