"""What the API says of one logger: channels, faults, holes, and how complete its readings can be known to be."""

from collections.abc import Iterator
from typing import Any

import pytest
from web_cast import HOUR, MINUTE, NOON, NORTH, SOUTH, Web, installed

from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with installed(tmp_path_factory.mktemp("record")) as web:
        yield web


def send(web: Web, seq: int, *readings: dict[str, Any], **more: Any) -> None:
    body = {"v": 1, "device": "L1", "boot": 3, "seq": seq, "readings": list(readings), **more}
    assert web.as_role("device").post("/api/v1/ingest/native", json=body).status_code == 202


def at(minutes: int, **more: Any) -> dict[str, Any]:
    return {"ts": iso(NOON - minutes * MINUTE), **more}


def counted(web: Web, *numbers: int) -> None:
    """Readings of a model that counts its messages and waits for nothing."""
    for place, seq in enumerate(numbers):
        time_ms = NOON - HOUR + place * MINUTE
        row = Reading("T1", "internal", time_ms, time_ms, "network", None, None, seq, 4000, device_profile="some@2")
        message = Decoded("T1", f"s:{place}", b"%d" % place, "tts@1", (row,), seq=seq, device_profile="some@2")
        web.journal.append([Arrival(Envelope("mqtt", "v3/a/devices/t1/up", b"x", time_ms), (message,))])


def test_a_native_logger_is_shown_with_channels_faults_and_holes(web: Web) -> None:
    send(web, 1, at(50, values={"temperature_c": 4.2}))
    send(web, 5, at(20, values={"temperature_c": 4.9}), at(20, channel="probe-1", fault="probe_open"),
         oldest={"boot": 3, "seq": 4})  # fmt: skip
    shown = web.as_role("viewer").get("/api/v1/loggers/L1").json()
    internal, probe = shown["channels"]
    assert (internal["channel"], internal["temperature_c"], internal["device_profile"]) == ("internal", 4.9, "native@1")
    assert probe["fault"] == "probe_open"
    assert shown["faults"] == [
        {"channel": "probe-1", "fault": "probe_open", "count": 1, "last": iso(NOON - 20 * MINUTE)}
    ]
    [hole] = shown["holes"]
    assert (hole["boot"], hole["first"], hole["last"]) == (3, 2, 3)
    assert shown["completeness"] == {"by": "watermark", "holes": 1}
    original = web.as_role("viewer").get(f"/api/v1/messages/{internal['message']}")
    assert b'"seq": 5' in original.content or b'"seq":5' in original.content


def test_of_any_other_logger_completeness_is_only_estimated(web: Web) -> None:
    counted(web, 7, 8, 11, 12, 0, 1)
    shown = web.as_role("viewer").get("/api/v1/loggers/T1").json()
    known = shown["completeness"]
    assert (known["by"], known["at_most"]) == ("estimated", "broker-durable")
    assert (known["missing_messages"], known["counter_restarts"]) == (2, 1)


def test_what_nobody_understood_of_a_logger_is_counted(web: Web) -> None:
    envelopes = [Envelope("mqtt", "cc/L1/up", b'{"t": %d}' % n, NOON, user="L1") for n in range(3)]
    web.services.pipeline.submit(envelopes)
    assert web.as_role("viewer").get("/api/v1/loggers/L1").json()["not_understood"] == 3


def test_a_customer_sees_its_own_stretch_and_nothing_of_the_installation(web: Web) -> None:
    send(web, 1, at(30, values={"temperature_c": 4.2}))
    send(web, 2, at(10, values={"temperature_c": 9.9}))
    mine, other = web.shipment("A", NORTH), web.shipment("B", SOUTH)
    web.bind(mine, "L1", NOON - 40 * MINUTE, NOON - 20 * MINUTE)
    web.bind(other, "L1", NOON - 20 * MINUTE)
    key = web.key("viewer", scope_customer=NORTH)
    shown = web.client(Authorization=f"Bearer {key}").get("/api/v1/loggers/L1").json()
    assert [one["temperature_c"] for one in shown["channels"]] == [4.2]
    assert "holes" not in shown
    assert "not_understood" not in shown
