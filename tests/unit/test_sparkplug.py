"""Sparkplug B sessions: births, aliases, numbers, deaths, and what a metric is taken for."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import sparkplug_payloads as made
from sparkplug_payloads import bd, metric, payload

from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.domain.reading import Reading
from sensors.carriers import sparkplug_wire as wire
from sensors.carriers.port import Context, Extract
from sensors.carriers.sample import Sample
from sensors.carriers.sparkplug import Sparkplug
from sensors.faults import Limits

NOW = 1_767_607_200_000
CELSIUS = {"engUnit": "°C"}
CARRIER = Sparkplug()


class Host:
    """A carrier with the memory that a pipeline keeps for it."""

    def __init__(self, **context: Any) -> None:
        self.memory: dict[str, Any] = {}
        self.context = Context(**context)

    def hear(
        self, kind: str, body: bytes, node: str = "pharma/gw-1", device: str | None = None, **more: Any
    ) -> Arrival:
        group, name = node.split("/")
        topic = f"spBv1.0/{group}/{kind}/{name}" + ("" if device is None else f"/{device}")
        arrival = CARRIER.decode(Envelope("mqtt", topic, body, NOW, **more), self.context._replace(memory=self.memory))
        for key, value in arrival.memory:
            if value is None:
                self.memory.pop(key, None)
            else:
                self.memory[key] = json.loads(json.dumps(value))
        return arrival

    def born(self, *metrics: bytes, number: int = 7, at_ms: int = NOW) -> Arrival:
        return self.hear("NBIRTH", payload(bd(number), *metrics, at_ms=at_ms, seq=0))


def only(arrival: Arrival) -> Decoded:
    [message] = arrival.messages
    return message


def rows(arrival: Arrival) -> list[Reading]:
    return list(only(arrival).readings)


def asked(arrival: Arrival) -> list[str]:
    return [command.topic for command in arrival.commands]


def reasons(arrival: Arrival) -> str:
    return "; ".join(refusal.reason for refusal in only(arrival).refusals)


# --- sessions --------------------------------------------------------------------------------------------------------


def test_data_by_alias_means_what_the_birth_said() -> None:
    host = Host()
    host.born(metric("Probe 1/Temperature", 21.5, alias=100, said=CELSIUS), metric("Humidity", 40.0, alias=3))
    arrival = host.hear("NDATA", payload(metric(alias=100, value=4.62), at_ms=NOW + 1000, seq=1))
    [row] = rows(arrival)
    assert (row.logger, row.channel, row.temperature_mc, row.seq) == ("pharma:gw-1", "probe-1", 4620, 1)
    assert (row.event_time_ms, row.time_source, row.device_time) == (NOW + 1000, "device", str(NOW + 1000))
    assert asked(arrival) == []


def test_data_before_its_birth_is_kept_and_a_rebirth_asked_for() -> None:
    host = Host()
    arrival = host.hear("NDATA", payload(metric(alias=100, value=4.62), at_ms=NOW, seq=9))
    message = only(arrival)
    assert (message.logger, message.undecoded, message.readings) == ("pharma:gw-1", True, ())
    assert "before the NBIRTH" in reasons(arrival)
    [command] = arrival.commands
    assert command.topic == "spBv1.0/pharma/NCMD/gw-1"
    [asks] = wire.read(command.payload).metrics
    assert (asks.name, asks.value, asks.datatype) == ("Node Control/Rebirth", True, made.BOOLEAN)


def test_a_devices_aliases_end_with_the_session_of_its_node() -> None:
    host = Host()
    host.born()
    host.hear("DBIRTH", payload(metric("Temperature", 5.0, alias=1, said=CELSIUS), at_ms=NOW, seq=1), device="D 1")
    data = payload(metric(alias=1, value=5.5), at_ms=NOW + 1, seq=2)
    assert [row.logger for row in rows(host.hear("DDATA", data, device="D 1"))] == ["pharma:gw-1:D 1"]
    host.born(number=8, at_ms=NOW + 5)
    late = host.hear("DDATA", payload(metric(alias=1, value=5.5), at_ms=NOW + 6, seq=1), device="D 1")
    assert only(late).undecoded
    assert asked(late) == ["spBv1.0/pharma/NCMD/gw-1"]


def test_an_alias_that_no_birth_declared_costs_only_its_own_metric() -> None:
    host = Host()
    host.born(metric("Temperature", 5.0, alias=1, said=CELSIUS))
    arrival = host.hear("NDATA", payload(metric(alias=9, value=1.0), metric(alias=1, value=6.0), at_ms=NOW + 1, seq=1))
    assert [row.temperature_mc for row in rows(arrival)] == [6000]
    assert "alias 9 was declared by no birth" in reasons(arrival)
    assert asked(arrival)


def test_a_death_counts_only_for_the_session_that_is_known() -> None:
    host = Host()
    host.born(metric("Temperature", 5.0, alias=1, said=CELSIUS), number=88)
    old = host.hear("NDEATH", payload(bd(87)))
    assert (old.memory, only(old).status) == ((), None)
    assert rows(host.hear("NDATA", payload(metric(alias=1, value=6.0), at_ms=NOW + 1, seq=1)))
    dead = host.hear("NDEATH", payload(bd(88)))
    assert (only(dead).status, only(dead).refusals) == ({"online": False}, ())
    assert only(host.hear("NDATA", payload(metric(alias=1, value=6.0), at_ms=NOW + 2, seq=2))).undecoded


def test_a_device_that_died_has_to_be_born_again() -> None:
    host = Host()
    host.born()
    host.hear("DBIRTH", payload(metric("Temperature", 5.0, alias=1, said=CELSIUS), at_ms=NOW, seq=1), device="D")
    death = host.hear("DDEATH", payload(at_ms=NOW + 1, seq=2), device="D")
    assert (only(death).logger, only(death).status) == ("pharma:gw-1:D", {"online": False})
    assert only(host.hear("DDATA", payload(metric(alias=1, value=1.0), at_ms=NOW + 2, seq=3), device="D")).undecoded


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_a_jump_of_the_number_shows_what_was_lost_and_asks_for_a_rebirth() -> None:
    host = Host()
    host.born(metric("Temperature", 5.0, alias=1, said=CELSIUS))
    arrival = host.hear("NDATA", payload(metric(alias=1, value=6.0), at_ms=NOW + 1, seq=5))
    assert [row.temperature_mc for row in rows(arrival)] == [6000]
    assert reasons(arrival).startswith("seq 5 follows 0: messages 1 to 4 of edge node pharma/gw-1 did not arrive")
    assert asked(arrival)
    assert not reasons(host.hear("NDATA", payload(metric(alias=1, value=6.1), at_ms=NOW + 2, seq=6)))


def test_the_number_wraps_after_255_and_keys_stay_apart() -> None:
    host, keys = Host(), set()
    host.born(metric("Temperature", 5.0, alias=1, said=CELSIUS))
    for number in range(1, 600):
        arrival = host.hear("NDATA", payload(metric(alias=1, value=6.0), at_ms=NOW + number, seq=number % 256))
        assert not arrival.commands
        assert not only(arrival).refusals
        keys.add(only(arrival).key)
    assert len(keys) == 599


@pytest.mark.parametrize("seq", [3, 1, 0])
def test_a_message_that_comes_again_is_no_loss(seq: int) -> None:
    host = Host()
    host.born(metric("Temperature", 5.0, alias=1, said=CELSIUS))
    bodies = [payload(metric(alias=1, value=6.0), at_ms=NOW + number, seq=number) for number in range(4)]
    first = [host.hear("NDATA", body) for body in bodies[1:]]
    again = host.hear("NDATA", bodies[seq])
    assert not again.commands
    assert not only(again).refusals
    if seq:
        assert only(again).key == only(first[seq - 1]).key
    assert not host.hear("NDATA", payload(metric(alias=1, value=6.0), at_ms=NOW + 4, seq=4)).commands


def test_a_birth_that_comes_again_does_not_make_later_numbers_a_loss() -> None:
    host = Host()
    host.born(metric("Temperature", 5.0, alias=1, said=CELSIUS))
    host.hear("NDATA", payload(metric(alias=1, value=6.0), at_ms=NOW + 1, seq=1))
    assert host.born(metric("Temperature", 5.0, alias=1, said=CELSIUS)).memory == ()
    assert not host.hear("NDATA", payload(metric(alias=1, value=6.0), at_ms=NOW + 2, seq=2)).commands


def test_after_a_restart_aliases_hold_and_the_node_is_asked_for_its_present_state() -> None:
    host = Host()
    host.born(metric("Temperature", 5.0, alias=1, said=CELSIUS))
    host.memory = {key: body for key, body in host.memory.items() if not key.startswith("~")}
    arrival = host.hear("NDATA", payload(metric(alias=1, value=6.0), at_ms=NOW + 1, seq=77))
    assert [row.temperature_mc for row in rows(arrival)] == [6000]
    assert (asked(arrival), reasons(arrival)) == (["spBv1.0/pharma/NCMD/gw-1"], "")


@pytest.mark.parametrize("more", [{"dup": True}, {"retain": True}])
def test_what_the_broker_sends_once_more_asks_for_nothing(more: dict[str, Any]) -> None:
    host = Host()
    host.born(metric("Temperature", 5.0, alias=1, said=CELSIUS))
    arrival = host.hear("NDATA", payload(metric(alias=1, value=6.0), at_ms=NOW + 1, seq=40), **more)
    assert (asked(arrival), len(rows(arrival)), reasons(arrival)) == ([], 1, "")


# --- values ----------------------------------------------------------------------------------------------------------


def test_stored_values_keep_their_times_and_say_that_they_are_late() -> None:
    host = Host()
    host.born(metric("Temperature", 24.1, alias=1, at_ms=NOW, said=CELSIUS))
    late = [metric(alias=1, value=2.0 + n, at_ms=NOW - n * 60_000, historical=True) for n in (1, 2)]
    arrival = host.hear("NDATA", payload(*late, metric(alias=1, value=24.2, at_ms=NOW + 1), at_ms=NOW + 2, seq=1))
    assert [(row.event_time_ms - NOW, row.temperature_mc, row.historical) for row in rows(arrival)] == [
        (-60_000, 3000, True), (-120_000, 4000, True), (1, 24_200, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "null", "value", "celsius", "fault"),
    [
        ({"Quality": 192}, False, 4.0, 4000, None),
        ({"Quality": 0}, False, 4.0, None, "sensor_error"),
        ({"Quality": 500}, False, 4.0, None, "not_ready"),
        ({}, True, None, None, "sensor_error"),
        ({}, False, None, None, "sensor_error"),
        ({}, False, 327.67, None, "probe_open"),
    ],
)
def test_a_value_that_is_null_or_called_bad_is_a_fault(
    said: dict[str, Any], null: bool, value: float | None, celsius: int | None, fault: str | None
) -> None:
    host = Host()
    host.born(metric("Temperature", 5.0, alias=1, said=CELSIUS))
    body = payload(metric(alias=1, value=value, null=null, said=said or None), at_ms=NOW + 1, seq=1)
    [row] = rows(host.hear("NDATA", body))
    assert (row.temperature_mc, row.fault) == (celsius, fault)


@pytest.mark.parametrize(
    ("name", "unit", "value", "field", "thousandths"),
    [
        ("Temperature", "degC", 4.6, "temperature_mc", 4600),
        ("Cold Room/temp", "°F", 39.2, "temperature_mc", 4000),
        ("Temperature", "K", 277.15, "temperature_mc", 4000),
        ("Relative Humidity", "%RH", 51.5, "humidity_mpct", 51_500),
        ("Air Pressure", "kPa", 101.3, "pressure_mhpa", 1_013_000),
        ("Battery", "%", 87.0, None, 87_000),
        ("Battery Voltage", "mV", 3050.0, None, 3050),
    ],
)
def test_a_declared_unit_is_believed_and_converted(
    name: str, unit: str, value: float, field: str | None, thousandths: int
) -> None:
    arrival = Host().born(metric(name, value, said={"Engineering Units": unit}))
    if field is None:
        status = only(arrival).status or {}
        assert [status.get("battery_pct"), status.get("battery_v")].count(thousandths / 1000) == 1
    else:
        [row] = rows(arrival)
        assert getattr(row, field) == thousandths


@pytest.mark.parametrize("said", [None, {"engUnit": "furlong"}, {"engUnit": "%"}])
def test_no_unit_is_guessed(said: dict[str, Any] | None) -> None:
    arrival = Host().born(metric("Temperature", 70.0, said=said))
    assert (only(arrival).undecoded, only(arrival).readings) == (True, ())
    mixed = Host().born(metric("Temperature", 70.0, said=said), metric("Humidity", 40.0, said={"unit": "%"}))
    assert [row.temperature_mc for row in rows(mixed)] == [None]
    assert "metric Temperature declares" in reasons(mixed)


def test_a_32_bit_number_is_taken_as_it_was_meant() -> None:
    [row] = rows(Host().born(metric("Temperature", 8.0005, datatype=made.FLOAT, said=CELSIUS)))
    assert row.temperature_mc == 8000
    [found] = wire.read(payload(metric("T", 4.6, datatype=made.FLOAT))).metrics
    assert found.value == 4.6


@pytest.mark.parametrize(
    ("datatype", "value"),
    [(made.INT8, -3), (made.INT16, -300), (made.INT32, -7), (made.INT64, -(2**40)), (made.UINT8, 255)],
)
def test_whole_numbers_keep_their_sign(datatype: int, value: int) -> None:
    [found] = wire.read(payload(metric("T", value, datatype=datatype))).metrics
    assert found.value == value
    host = Host()
    host.born(metric("Temperature", 5, alias=1, datatype=datatype, said=CELSIUS))
    if datatype in (made.INT8, made.INT32):
        untyped = metric(alias=1, value=value, datatype=datatype, typed=False)
        assert rows(host.hear("NDATA", payload(untyped, at_ms=NOW + 1, seq=1)))[0].temperature_mc == value * 1000


def test_tables_and_templates_are_passed_over() -> None:
    table = made.block(2, made.block(1, b"Table") + made.number(4, made.DATASET) + made.block(17, b"\x08\x02\x12\x01a"))
    arrival = Host().born(
        table, metric("Temperature", 5.0, said=CELSIUS), metric("Serial", "X-1", datatype=made.STRING)
    )
    assert [row.temperature_mc for row in rows(arrival)] == [5000]
    assert not only(arrival).refusals


def test_a_broken_metric_does_not_cost_the_others() -> None:
    broken = made.block(2, made.block(1, b"\xff\xfe") + made.number(4, 10))
    arrival = Host().born(broken, metric("Temperature", 5.0, said=CELSIUS))
    assert [row.temperature_mc for row in rows(arrival)] == [5000]
    assert "metrics[1] holds a text that is not UTF-8" in reasons(arrival)


def test_nan_is_refused_by_name() -> None:
    arrival = Host().born(metric("Temperature", float("nan"), said=CELSIUS), metric("A/Temperature", 1.0, said=CELSIUS))
    assert [row.channel for row in rows(arrival)] == ["a"]
    assert "temperature_c" in reasons(arrival)


# --- who -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "device", "logger"),
    [
        ("pharma/gw-1", "RCPJ 00010", "pharma:gw-1:RCPJ 00010"),
        ("a:b/c", None, "a%3Ab:c"),
        ("a/b:c", "AA:BB", "a:b%3Ac:AA:BB"),
    ],
)
def test_group_node_and_device_make_one_name_that_cannot_be_another(node: str, device: str | None, logger: str) -> None:
    kind = "NDATA" if device is None else "DDATA"
    assert only(Host().hear(kind, payload(at_ms=NOW, seq=0), node, device)).logger == logger


def test_long_names_stay_apart_although_they_are_cut() -> None:
    names = [
        only(Host().hear("DDATA", payload(at_ms=NOW, seq=0), f"{'g' * 40}/{'n' * 40}", f"d{n}")).logger for n in (1, 2)
    ]
    assert len(set(names)) == 2
    assert {len(name) for name in names} == {64}


@pytest.mark.parametrize("topic", ["spBv1.0/pharma/NCMD/gw-1", "spBv1.0/STATE/coldchain", "spBv1.0/pharma/DCMD/gw-1/D"])
def test_what_hosts_say_is_no_nodes_message(topic: str) -> None:
    arrival = CARRIER.decode(Envelope("mqtt", topic, b"{}", NOW))
    assert (arrival.messages, arrival.undecoded) == ((), True)


@pytest.mark.parametrize("topic", ["spBv1.0/g/NDATA", "spBv1.0/g/NDATA/n/d", "spBv1.0/g/DDATA/n", "spBv1.0//NDATA/n"])
def test_a_topic_with_other_levels_is_refused(topic: str) -> None:
    arrival = CARRIER.decode(Envelope("mqtt", topic, payload(at_ms=NOW, seq=0), NOW))
    assert (arrival.messages, arrival.undecoded) == ((), False)
    assert arrival.refusal is not None


def test_a_payload_without_a_time_is_told_apart_by_its_content() -> None:
    host = Host()
    host.born()
    message = only(host.hear("NDATA", payload(metric("Temperature", 4.0, said=CELSIUS), seq=1)))
    assert (message.key, message.readings[0].time_source) == ("", "arrival")


def test_a_retained_state_of_the_same_format_over_http_says_what_it_needs() -> None:
    arrival = CARRIER.decode(Envelope("http", "sparkplug", payload(at_ms=NOW, seq=0), NOW))
    assert arrival.undecoded
    assert arrival.refusal is not None
    assert "topic" in arrival.refusal.reason


def test_its_bytes_are_told_from_others() -> None:
    good = payload(metric("T", 4.0), at_ms=NOW, seq=0)
    assert CARRIER.recognises(Envelope("http", "auto", good, NOW))
    for other in (b"", b"{}", b"\x08", good[:-3], b"\x12\x00", bytes(range(40))):
        assert not CARRIER.recognises(Envelope("http", "auto", other, NOW))


# --- device profiles -------------------------------------------------------------------------------------------------


class Named:
    """A device profile that reads one metric as its probe."""

    label, counts, codec, interval_ms = "rack@1", True, None, None
    limits: Mapping[str, Limits] = {}

    def read(self, tree: Any) -> Extract:
        known = "T7" in tree
        return Extract((Sample({"temperature_c": tree["T7"]}, "probe-7"),) if known else (), known=known)

    def of(self, logger: str, hints: Mapping[str, str]) -> "Named | None":
        return self if hints["sparkplug.node"] == "gw-1" else None


def test_a_device_profile_reads_metrics_by_name_each_with_its_own_time() -> None:
    host = Host(profiles=Named())
    host.born(metric("T7", 5.0, alias=1), metric("Speed", 3.0, alias=2))
    stored = metric(alias=1, value=4.0, at_ms=NOW - 9, historical=True)
    arrival = host.hear("NDATA", payload(stored, metric(alias=1, value=4.5), at_ms=NOW + 1, seq=1))
    assert [(row.channel, row.temperature_mc, row.event_time_ms - NOW, row.historical) for row in rows(arrival)] == [
        ("probe-7", 4000, -9, True), ("probe-7", 4500, 1, False),
    ]  # fmt: skip
    assert only(arrival).device_profile == "rack@1"


def test_a_report_without_the_profiles_metrics_is_no_mistake() -> None:
    host = Host(profiles=Named())
    host.born(metric("T7", 5.0, alias=1), metric("Speed", 3.0, alias=2))
    message = only(host.hear("NDATA", payload(metric(alias=2, value=4.0), at_ms=NOW + 1, seq=1)))
    assert (message.undecoded, message.readings, message.refusals) == (False, (), ())
