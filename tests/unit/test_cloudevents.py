"""CloudEvents: what is inside is read by its own carrier, and `source` with `id` is the event for ever."""

import base64
from typing import Any

import pytest
from vendor_examples import EFENTO, EPCIS, EVENT, FLESPI, INNER, NATIVE, NOW, TIVE, coded, posted

from coldchain.domain.message import Arrival, Envelope
from sensors.carriers.cloudevents import CloudEvents
from sensors.carriers.native import Native

EVENTS = CloudEvents(INNER)


def decoded(body: Any, user: str | None = None) -> Arrival:
    return EVENTS.decode(posted(body, "cloudevents", kind="application/cloudevents+json")._replace(user=user))


def test_our_own_format_inside_is_read_under_the_events_key() -> None:
    [message] = decoded(EVENT).messages
    assert (message.logger, message.boot, message.seq) == ("LG-0042", 7, 1893)
    assert message.key == "event:https://partner.example/fleet e-1"
    assert message.readings[0].temperature_mc == 4620
    assert message.payload == coded(EVENT)


@pytest.mark.parametrize(("inside", "count"), [(FLESPI, 1), (TIVE, 1), (EPCIS, 1), (EFENTO, 2)])
def test_any_known_format_may_be_inside(inside: Any, count: int) -> None:
    messages = decoded({**EVENT, "data": inside}).messages
    assert len(messages) == count
    assert all(message.readings for message in messages)
    assert len({message.key for message in messages}) == count


def test_base64_and_text_are_what_they_hold() -> None:
    coded_ = {name: value for name, value in EVENT.items() if name != "data"}
    for inside in ({"data_base64": base64.b64encode(coded(NATIVE)).decode()}, {"data": coded(NATIVE).decode()}):
        [message] = decoded({**coded_, **inside}).messages
        assert message.readings[0].temperature_mc == 4620


def test_the_type_may_name_the_format() -> None:
    odd = {**EVENT, "type": "com.example.tive.entry", "data": {"DeviceId": "T-1", "Temperature": {"Celsius": 4}}}
    [message] = decoded(odd).messages
    assert (message.logger, message.readings[0].time_source) == ("T-1", "arrival")


def test_a_batch_gives_each_event_and_one_that_is_broken_does_not_cost_the_others() -> None:
    batch = [EVENT, {**EVENT, "id": "e-2", "data": {"a": 1}}, {**EVENT, "id": "e-3"}]
    arrival = EVENTS.decode(posted(batch, "cloudevents", kind="application/cloudevents-batch+json"))
    assert [message.key[-3:] for message in arrival.messages] == ["e-1", "e-3"]
    assert arrival.messages[0].refusals[0].field == "data"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "specversion"),
        ({"source": None}, "specversion"),
        ({"data": None}, "data"),
        ({"data": None, "data_base64": "%%%"}, "data_base64"),
        ({"data": {"unknown": 1}}, "data"),
        ({"data": {**NATIVE, "device": "a/b"}}, "data"),
    ],
)
def test_what_is_no_event_or_holds_nothing_known_is_refused(change: dict[str, Any], field: str) -> None:
    arrival = decoded({**EVENT, **change})
    assert arrival.messages == ()
    assert arrival.refusal is not None
    assert arrival.refusal.field == field


def test_long_names_still_make_a_key_of_their_own() -> None:
    keys = {decoded({**EVENT, "source": "x" * 300 + end}).messages[0].key for end in "ab"}
    assert len(keys) == 2
    assert all(len(key) < 200 for key in keys)


def test_a_logger_speaks_for_itself_inside_an_event_too() -> None:
    [message] = decoded(EVENT, user="LG-0043").messages
    assert message.readings == ()
    assert message.refusals[0].field == "device"


def test_topics_under_cloudevents_are_claimed_and_the_wrapper_is_not_taken_for_what_is_inside() -> None:
    envelope = Envelope("mqtt", "cloudevents/fleet/7", coded(EVENT), NOW)
    assert EVENTS.claims(envelope)
    assert len(EVENTS.decode(envelope).messages) == 1
    assert not Native().recognises(posted(EVENT))
