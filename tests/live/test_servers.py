"""The servers that tests run against: they start empty, survive a restart, and nothing else can be reached."""

import socket

import psycopg
import pytest
import servers
from paho.mqtt import publish, subscribe
from sqlalchemy import create_engine, text

pytestmark = pytest.mark.server


def test_the_broker_keeps_a_retained_message_over_a_restart(mosquitto: servers.Mosquitto) -> None:
    publish.single("cc/X/up", b"one", qos=1, retain=True, hostname=mosquitto.host, port=mosquitto.port)
    mosquitto.restart()
    [message] = [subscribe.simple("cc/X/up", hostname=mosquitto.host, port=mosquitto.port)]  # type: ignore[no-untyped-call]
    assert message.payload == b"one"


def test_an_influxdb_starts_empty_and_keeps_points_over_a_restart(influx: servers.Influx) -> None:
    assert influx.rows("SELECT * FROM reading") == []
    url = f"{influx.url}/api/v2/write?org={influx.org}&bucket={influx.bucket}&precision=ns"
    status, body = servers.http(
        "POST", url, b"reading,logger=A temperature_c=4.5 1", Authorization=f"Token {influx.token}"
    )
    assert (status, body) == (204, b"")
    influx.restart()
    assert influx.rows("SELECT * FROM reading") == [{"time": 1, "logger": "A", "temperature_c": 4.5}]


def test_each_test_gets_an_empty_database(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table proof (n int)")
    with create_engine(postgres_url).connect() as engine:
        assert engine.execute(text("select count(*) from proof")).scalar_one() == 0


def test_no_test_can_reach_another_machine() -> None:
    with pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
