"""Connections by configuration: whose message it is, once each, and before the carriers of the program but `native`."""

import json
from typing import Any

import pytest
from carrier_conformance import conform, mutations

from coldchain.domain.device_profile import Assignment
from coldchain.domain.message import Arrival, Envelope
from sensors.carriers.mapped import Mapped, fits
from sensors.carriers.port import Context
from sensors.carriers.shipped import carriers
from sensors.device_profiles.catalogue import Entry, Origin, Snapshot
from sensors.device_profiles.format import parse

NOW = 1_767_607_200_000
PROFILE = """
id = "{id}"
version = 1
name = "Acme"
{more}
[source]
{source}
[time]
path = "at"
format = "unix_s"
[channels.internal]
temperature_c = "t"
"""
TOPIC = 'topics = ["acme/+/up"]\ndevice = "topic[1]"\nkey = "id"\nseq = "n"'


def snapshot(source: str = TOPIC, *, origin: Origin = "saved", more: str = "", given: str | None = None) -> Snapshot:
    assigned = {} if given is None else {"LG-7": Assignment(given)}
    return Snapshot([Entry(parse(PROFILE.format(id="acme", more=more, source=source)), origin)], assigned)


def read(known: Snapshot, body: Any, topic: str = "acme/LG-7/up") -> Arrival:
    carrier = Mapped(lambda: known, own=True)
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    envelope = Envelope("mqtt", topic, payload, NOW)
    assert carrier.claims(envelope)
    return carrier.decode(envelope, Context(known))


def test_a_topic_names_the_logger_and_its_profile_reads_the_rest() -> None:
    [message] = read(snapshot(), {"id": 17, "n": 4, "at": 1767603600, "t": 5.5}).messages
    assert (message.logger, message.key, message.seq, message.boot) == ("LG-7", "id:17", 4, None)
    assert (message.device_profile, message.adapter) == ("acme@1", "mapped@1")
    [row] = message.readings
    assert (row.temperature_mc, row.event_time_ms, row.time_source) == (5500, 1767603600000, "device")


@pytest.mark.parametrize(
    ("device", "body", "logger"),
    [
        ('device = "imei"', {"imei": 352093081452251}, "352093081452251"),
        ('device = "dev.eui"', {"dev": {"eui": "24-E1-24-13-6B-50-22-17"}}, "24E124136B502217"),
    ],
)
def test_the_id_may_stand_in_the_body_in_any_spelling(device: str, body: dict[str, Any], logger: str) -> None:
    [message] = read(snapshot(f'topics = ["acme/+/up"]\n{device}'), body | {"t": 5}).messages
    assert message.logger == logger


@pytest.mark.parametrize("body", [{"t": 5}, {"who": None}, {"who": ["x"]}, {"who": "a/b"}, {"who": True}, [], 5, "x"])
def test_a_message_that_does_not_say_who_measured_is_refused_with_the_field(body: object) -> None:
    arrival = read(snapshot('topics = ["acme/+/up"]\ndevice = "who"'), body)
    assert arrival.messages == ()
    assert arrival.refusal is not None
    assert arrival.refusal.field == "who"


def test_a_topic_names_the_logger_of_a_message_that_is_too_large_to_be_read() -> None:
    by_topic, by_body = snapshot(), snapshot('topics = ["acme/+/up"]\ndevice = "who"')
    envelope = Envelope("mqtt", "acme/LG-7/up", b"{", NOW)
    assert Mapped(lambda: by_topic, own=True).speaker(envelope) == "LG-7"
    assert Mapped(lambda: by_body, own=True).speaker(envelope) is None
    assert Mapped(lambda: by_topic, own=True).speaker(envelope._replace(source="acme//up")) is None


def test_what_is_no_json_is_refused() -> None:
    arrival = read(snapshot(), b'{"t": 5')
    assert arrival.refusal is not None
    assert arrival.refusal.field == "payload"


def test_several_messages_in_one_body_are_recognised_one_by_one() -> None:
    known = snapshot('topics = ["acme/+/up"]\ndevice = "who"\neach = "messages[]"\ntime = { path = "sent" }')
    sent = "2026-01-05T09:59:00Z"
    body = {"messages": [{"who": "A", "t": 5, "sent": sent}, {"t": 6}, {"who": "B", "t": 7, "at": 1767603600}]}
    arrival = read(known, body)
    first, second = arrival.messages
    assert [(m.logger, [r.temperature_mc for r in m.readings]) for m in arrival.messages] == [
        ("A", [5000]),
        ("B", [7000]),
    ]
    assert [refusal.field for refusal in first.refusals] == ["who"]  # the one between them
    assert (first.readings[0].time_source, second.readings[0].time_source) == ("network", "device")
    other = read(known, {"round": 2, "messages": [body["messages"][2]]})
    assert other.messages[0].payload == second.payload
    assert read(known, second.payload).messages[0]._replace(payload=b"") == second._replace(payload=b"")


def test_a_key_of_the_sender_is_never_taken_for_a_native_one() -> None:
    assert [read(snapshot(), {"id": said, "t": 5}).messages[0].key for said in ("7:1893", 0, None, "", True)] == [
        "id:7:1893", "id:0", "", "", "",
    ]  # fmt: skip
    assert read(snapshot(), {"id": "x" * 201, "t": 5}).messages == ()


def test_ones_own_connection_counts_and_an_untested_preset_waits_for_a_person() -> None:
    own = read(snapshot(), {"t": 5}).messages[0]
    assert not own.undecoded
    known = snapshot(origin="shipped")
    preset, envelope = Mapped(lambda: known, own=False), Envelope("mqtt", "acme/LG-7/up", b'{"t": 5}', NOW)
    assert not Mapped(lambda: known, own=True).claims(envelope)
    [message] = preset.decode(envelope, Context(known)).messages
    assert message.undecoded
    assert "untested: confirm it for logger LG-7" in message.refusals[0].reason
    confirmed = snapshot(origin="shipped", given="acme")
    assert not preset.decode(envelope, Context(confirmed)).messages[0].undecoded


def test_a_persons_choice_for_a_logger_goes_before_the_connections_own_profile() -> None:
    other = Entry(parse('id = "other"\nname = "O"\nchannels.probe-1.temperature_c = "t"'), "saved")
    entry = Entry(parse(PROFILE.format(id="acme", more="", source=TOPIC)), "saved")
    known = Snapshot([entry, other], {"LG-7": Assignment("other@1")})
    [message] = read(known, {"t": 5}).messages
    assert [(row.channel, row.device_profile) for row in message.readings] == [("probe-1", "other@1")]


def test_ones_own_connection_goes_before_the_carriers_of_the_program_but_native() -> None:
    known = snapshot('topics = ["zigbee2mqtt/+", "acme/#"]\nwebhook = "tive"\ndevice = "who"')
    all_ = carriers("main", lambda: known)

    def first(envelope: Envelope) -> str:
        return next(carrier.name for carrier in all_ if carrier.claims(envelope))

    assert first(Envelope("mqtt", "zigbee2mqtt/box", b"{}", NOW)) == "mapped@1"
    assert first(Envelope("http", "tive", b"{}", NOW)) == "mapped@1"
    assert first(Envelope("mqtt", "cc/LG-1/up", b"{}", NOW)) == "native@1"
    assert first(Envelope("mqtt", "zigbee2mqtt/a/b", b"{}", NOW)) == "zigbee2mqtt@1"
    assert "zigbee2mqtt/+" in all_[1].filters


def test_a_webhooks_body_is_recognised_where_nobody_said_whose_it_is() -> None:
    known = snapshot('webhook = "acme"\ndevice = "who"')
    carrier = Mapped(lambda: known, own=True)

    def auto(body: object) -> Envelope:
        return Envelope("http", "auto", json.dumps(body).encode(), NOW)

    assert carrier.recognises(auto({"who": "LG-7", "t": 5}))
    [message] = carrier.decode(auto({"who": "LG-7", "t": 5}), Context(known)).messages
    assert (message.logger, message.readings[0].temperature_mc) == ("LG-7", 5000)
    others: list[object] = [{"who": "LG-7"}, {"t": 5}, {"who": "a/b", "t": 5}, [], 5]
    for other in others:
        assert not carrier.recognises(auto(other))
    assert not carrier.claims(auto({"who": "LG-7", "t": 5}))
    assert not Mapped(lambda: known, own=False).recognises(auto({"who": "LG-7", "t": 5}))
    assert carrier.webhooks == ("acme",)


@pytest.mark.parametrize(
    ("pattern", "topic", "good"),
    [
        ("a/+/c", "a/b/c", True), ("a/+/c", "a/b/d", False), ("a/#", "a/b/c", True), ("a/#", "a", True),
        ("a/+", "a", False), ("a/+", "a/b/c", False), ("a/b", "a/b", True), ("+/b", "a/b", True),
    ],
)  # fmt: skip
def test_a_filter_means_the_topics_that_mqtt_says(pattern: str, topic: str, good: bool) -> None:
    assert fits(pattern.split("/"), topic.split("/")) is good


EXAMPLES = [
    b'{"id": 1, "at": 1767603600, "t": 5.5, "log": [{"ts": 1767600000, "t": 4}]}',
    b'{"id": "a", "at": 1767603600, "t": "4.25", "b": 3.1, "lat": 48.1, "lon": 11.5}',
    b'[{"id": 2, "t": null}, {"id": 3, "t": 327.67, "at": "x"}]',
]


def test_it_keeps_its_promises_over_ten_thousand_damaged_messages() -> None:
    more = """battery_v = "b"
records = [{ path = "log[]", historical = true, time = { path = "ts", format = "unix_s" } }]
position = { latitude = "lat", longitude = "lon" }
match = []
"""
    known = snapshot(TOPIC + '\neach = "[]"', more=more)
    carrier = Mapped(lambda: known, own=True)
    samples = [*EXAMPLES, *mutations(EXAMPLES, 10_000)]
    readings = conform(carrier, samples, lambda body: Envelope("mqtt", "acme/LG-7/up", body, NOW), Context(known))
    assert readings > 1_000
