"""What holds for every vendor cloud: its bodies are told apart, damage costs only itself, and repeats are known."""

import json
from typing import Any

import pytest
from carrier_conformance import conform, mutations
from vendor_examples import CLOUDS, FLESPI, NATIVE, NOW, TRACCAR, coded, posted

from coldchain.domain.message import Envelope
from sensors.carriers.cloud import epoch_ms, utc_ms
from sensors.carriers.declared import from_fahrenheit
from sensors.carriers.fields import Wrong
from sensors.carriers.flespi import Flespi
from sensors.carriers.native import Native
from sensors.carriers.port import Context
from sensors.carriers.shipped import carriers
from sensors.device_profiles.catalogue import Snapshot
from sensors.device_profiles.library import shipped

SHIPPED = Context(Snapshot(shipped()))


@pytest.mark.parametrize("name", CLOUDS)
def test_a_body_is_recognised_by_its_own_carrier_and_by_no_other(name: str) -> None:
    envelope = posted(CLOUDS[name][1])
    assert [carrier.source for carrier in carriers() if carrier.recognises(envelope)] == [name]


def test_our_own_format_is_recognised_by_none_of_them() -> None:
    assert Native().recognises(posted(NATIVE))
    assert [name for name, (carrier, _) in CLOUDS.items() if carrier.recognises(posted(NATIVE))] == []


@pytest.mark.parametrize("name", CLOUDS)
def test_a_carrier_keeps_its_promises_when_its_bodies_are_damaged(name: str) -> None:
    carrier, body = CLOUDS[name]
    seeds = [coded(body), coded([body, body])]
    readings = conform(carrier, [*seeds, *mutations(seeds, 1500)], lambda one: posted(one, carrier.source), SHIPPED)
    assert readings > 0 or name == "samsara"  # its webhooks hold no values


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"17", b'"text"', b"[[]]", b"\xff", b"{", b'[{"a":'])
def test_a_body_of_nothing_known_has_a_reason_and_no_message(name: str, body: bytes) -> None:
    carrier, _ = CLOUDS[name]
    arrival = carrier.decode(posted(body, carrier.source))
    assert arrival.messages == ()
    assert arrival.refusal is not None
    assert not carrier.recognises(posted(body))


@pytest.mark.parametrize("name", CLOUDS)
def test_a_source_and_nothing_else_is_claimed(name: str) -> None:
    carrier, body = CLOUDS[name]
    assert carrier.claims(posted(body, name))
    assert not carrier.claims(posted(body, "native"))
    assert not carrier.claims(Envelope("mqtt", "cc/LG-1/up", coded(body), NOW))


def test_an_element_that_names_nobody_is_kept_with_its_reason_and_the_others_stay() -> None:
    nameless = {name: value for name, value in FLESPI.items() if name != "ident"}
    body = coded([nameless, FLESPI, "text"])
    [message] = Flespi().decode(posted(body, "flespi")).messages
    assert message.logger == "352093081234567"
    assert message.payload == body
    assert len(message.readings) == 3
    assert [refusal.field for refusal in message.refusals] == ["ident", "payload"]


def test_an_array_that_breaks_off_gives_what_came_before() -> None:
    body = coded([FLESPI, FLESPI | {"timestamp": FLESPI["timestamp"] + 60}])[:-40]
    [message] = Flespi().decode(posted(body, "flespi")).messages
    assert len(message.readings) == 3
    assert "not JSON" in message.refusals[0].reason


def test_a_batch_and_its_elements_alone_are_the_same_messages() -> None:
    pieces = [coded(FLESPI), coded(FLESPI | {"timestamp": FLESPI["timestamp"] + 60})]
    batch = Flespi().decode(posted(b"[" + b" , ".join(pieces) + b" ]", "flespi")).messages
    alone = [Flespi().decode(posted(one, "flespi")).messages[0] for one in pieces]
    assert [(one.key, one.payload, one.readings) for one in batch] == [
        (one.key, one.payload, one.readings) for one in alone
    ]


@pytest.mark.parametrize("name", ["efento", "epcis", "monnit"])
def test_what_came_before_damage_inside_a_document_is_still_read(name: str) -> None:
    carrier, body = CLOUDS[name]
    key = {"efento": "measurements", "epcis": "eventList", "monnit": "sensorMessages"}[name]
    within = body["epcisBody"] if name == "epcis" else body
    first = within[key][0]
    whole = json.dumps({key: [first, {"damaged": 1}]}).replace('{"damaged": 1}', '{"damaged": 1')
    [message] = carrier.decode(posted(whole.encode(), name)).messages
    assert message.readings
    assert "not JSON" in message.refusals[-1].reason
    assert message.payload == whole.encode()


@pytest.mark.parametrize(
    ("value", "at_ms"),
    [(1767607200, NOW), ("1767607200", NOW), (1767607200.1234, NOW + 123), ("1767607200.9999", NOW + 1000), (0, 0)],
)
def test_seconds_since_1970_are_read_as_number_and_as_text(value: Any, at_ms: int) -> None:
    assert epoch_ms(value, "time") == at_ms


@pytest.mark.parametrize("odd", [True, None, "", "nan", "１", -1, 1e300, [], "2026-01-05T10:00:00Z", 253_402_300_800])
def test_what_is_no_count_of_seconds_is_refused_by_name(odd: Any) -> None:
    with pytest.raises(Wrong) as wrong:
        epoch_ms(odd, "lastSeen")
    assert wrong.value.field == "lastSeen"


@pytest.mark.parametrize(
    "text", ["2026-01-05 10:00:00", "2026-1-5 10:00:00", "2026-01-05T10:00:00Z", "2026-01-05T11:00:00.000+0100"]
)
def test_a_time_that_its_format_declares_to_be_utc_needs_no_zone(text: str) -> None:
    assert utc_ms(text, "time") == NOW


@pytest.mark.parametrize("odd", ["2026-02-30 10:00:00", "05.01.2026 10:00:00", "now", 5, None, "2026-01-05"])
def test_what_is_no_such_time_is_refused(odd: Any) -> None:
    with pytest.raises(Wrong):
        utc_ms(odd, "time")


def test_fahrenheit_becomes_celsius_and_what_is_no_number_stays_to_be_refused() -> None:
    assert from_fahrenheit("41.18") == from_fahrenheit(41.18)
    assert float(from_fahrenheit("41.18")) == pytest.approx(5.1)
    assert from_fahrenheit("cold") == "cold"


@pytest.mark.parametrize("name", [name for name in CLOUDS if name not in ("samsara", "cloudevents")])
def test_an_unreadable_time_is_said_and_the_arrival_counts(name: str) -> None:
    carrier, body = CLOUDS[name]
    text = json.dumps(body)
    for stamp in ("timestamp", "deviceTime", "EntryTimeEpoch", "lastSeen", "messageDate", "measured_at"):
        text = text.replace(f'"{stamp}": ', f'"{stamp}": "soon", "was": ')
    if name == "epcis":
        text = text.replace('"time": ', '"time": "soon", "was": ')
    if name == "traccar":
        text = text.replace('"fixTime": ', '"fixTime": "soon", "was2": ')
    message = carrier.decode(posted(text.encode(), name), SHIPPED).messages[0]
    assert {row.time_source for row in message.readings if row.temperature_mc is not None} == {"arrival"}
    assert any(refusal.value == "soon" for refusal in message.refusals)


def test_traccars_device_is_not_taken_for_ours() -> None:
    assert not Native().recognises(posted(TRACCAR))
