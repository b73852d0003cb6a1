"""What carriers remember and ask for, who may speak for whom, and which topics are listened to."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from intake import journal_at, native, rows_of
from sparkplug_payloads import bd, metric, payload

from coldchain import audit
from coldchain.clock import HandClock, SystemClock
from coldchain.domain.message import Arrival, Command, Envelope, Outcome
from coldchain.domain.topics import checked_filter, covers
from coldchain.errors import InvalidValue, NotFound, TransientError
from coldchain.journal.sqlite import SqliteJournal
from coldchain.registry import gateways, loggers, migrations, topic_filters
from coldchain.registry.store import Registry, sqlite_url
from compliance.notices import note
from compliance.trouble import system_findings
from ingest.commands import Commands
from ingest.memory import CarrierMemory, Changes
from ingest.pipeline import Pipeline
from ingest.quarantine import NORMAL
from ingest.registered import RegistryMemory, RegistryTopics, gateways_of
from sensors.carriers.native import Native
from sensors.carriers.sparkplug import Sparkplug

NOW = SystemClock().now_ms()
CELSIUS = {"engUnit": "°C"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    with journal_at(tmp_path / "journal.db") as journal:
        yield journal


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry(sqlite_url(tmp_path / "registry.db"))
    migrations.migrate(registry)
    yield registry
    registry.close()


def node(kind: str, body: bytes, user: str | None = None, device: str = "") -> Envelope:
    return Envelope("mqtt", f"spBv1.0/pharma/{kind}/gw-1{device}", body, NOW, user=user)


def birth(seq: int = 0) -> bytes:
    return payload(bd(7), metric("Temperature", 5.0, alias=1, said=CELSIUS), at_ms=NOW - 1000, seq=seq)


def data(seq: int, celsius: float = 5.0) -> bytes:
    return payload(metric(alias=1, value=celsius), at_ms=NOW - 1000 + seq, seq=seq)


def sparkplug(journal: SqliteJournal, registry: Registry | None = None, **more: Any) -> Pipeline:
    clock = SystemClock()
    memory = None if registry is None else RegistryMemory(registry, clock)
    return Pipeline(journal, clock, carriers=(Native(), Sparkplug()), memory=memory, **more)


def outcomes(pipeline: Pipeline, *envelopes: Envelope) -> list[Outcome]:
    return [receipt.outcome for group in pipeline.submit(envelopes) for receipt in group]


# --- memory ----------------------------------------------------------------------------------------------------------


def test_a_message_is_read_with_what_the_one_before_it_in_the_same_commit_declared(journal: SqliteJournal) -> None:
    assert outcomes(sparkplug(journal), node("NBIRTH", birth()), node("NDATA", data(1)), node("NDATA", data(2))) == [
        Outcome.READINGS, Outcome.READINGS, Outcome.READINGS,
    ]  # fmt: skip


def test_after_a_restart_the_aliases_are_still_known(journal: SqliteJournal, registry: Registry) -> None:
    outcomes(sparkplug(journal, registry), node("NBIRTH", birth()))
    again = sparkplug(journal, registry)
    commands = again.commands.queue()
    assert outcomes(again, node("NDATA", data(44))) == [Outcome.READINGS]
    assert [command.topic for command in commands] == ["spBv1.0/pharma/NCMD/gw-1"]


def test_a_session_that_ended_is_forgotten_for_the_next_process_too(journal: SqliteJournal, registry: Registry) -> None:
    outcomes(sparkplug(journal, registry), node("NBIRTH", birth()), node("NDEATH", payload(bd(7))))
    assert outcomes(sparkplug(journal, registry), node("NDATA", data(1))) == [Outcome.UNDECODED]


class Failing:
    """A store that cannot be written `failures` times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.saved: list[Changes] = []

    def load(self) -> dict[str, dict[str, Any]]:
        return {}

    def save(self, changes: Changes) -> None:
        if self.failures:
            self.failures -= 1
            raise TransientError("the registry is busy")
        self.saved.append(json.loads(json.dumps(changes)))


def test_nothing_is_acknowledged_before_what_it_declared_is_written_down(journal: SqliteJournal) -> None:
    store = Failing(1)
    pipeline = Pipeline(journal, SystemClock(), carriers=(Sparkplug(),), memory=store)
    batch = [node("NBIRTH", birth()), node("NDATA", data(1))]
    with pytest.raises(TransientError):
        pipeline.submit(batch)
    assert store.saved == []
    assert outcomes(pipeline, *batch) == [Outcome.DUPLICATE, Outcome.DUPLICATE]
    [changes] = store.saved
    assert list(changes) == ["sparkplug"]
    assert list(changes["sparkplug"]) == ["pharma/gw-1"]
    assert outcomes(pipeline, node("NDATA", data(2))) == [Outcome.READINGS]


def test_what_a_failed_commit_declared_is_taken_back(tmp_path: Path) -> None:
    class Full(SqliteJournal):
        full = False

        def append(self, arrivals: Any) -> Any:
            if self.full:
                raise TransientError("the disk is full")
            return super().append(arrivals)

    journal = Full(tmp_path / "journal.db")
    pipeline = sparkplug(journal)
    journal.full = True
    with pytest.raises(TransientError):
        pipeline.submit([node("NBIRTH", birth())])
    journal.full = False
    assert outcomes(pipeline, node("NDATA", data(1))) == [Outcome.UNDECODED]
    journal.close()


def test_looking_at_a_message_changes_nothing(journal: SqliteJournal) -> None:
    pipeline = sparkplug(journal)
    assert pipeline.arrival(node("NBIRTH", birth())).memory
    assert outcomes(pipeline, node("NDATA", data(1))) == [Outcome.UNDECODED]


def test_kept_messages_are_read_again_by_the_births_among_them(journal: SqliteJournal) -> None:
    pipeline = sparkplug(journal)
    other = payload(bd(8), metric("Humidity", 50.0, alias=1, said={"unit": "%"}), at_ms=NOW, seq=0)
    kept = [node("NBIRTH", birth()), node("NDATA", data(1, 4.5)), node("NBIRTH", other)]
    outcomes(pipeline, *kept)
    read = pipeline.rereading()
    rows = [row for envelope in kept for message in read(envelope).messages for row in message.readings]
    assert [row.temperature_mc for row in rows] == [5000, 4500, None]
    # On its own it is not read by the birth of today's session, which means another metric by the same alias.
    [alone] = pipeline.rereading()(kept[1]).messages
    assert (alone.undecoded, alone.readings) == (True, ())


def test_a_key_for_this_process_only_is_not_written_down() -> None:
    store = Failing(0)
    memory = CarrierMemory(store)
    arrival = Arrival(node("NDATA", b""), memory=(("~seq", 1), ("kept", {"a": 1})), carrier="sparkplug")
    memory.stage(arrival)
    memory.keep()
    assert dict(memory.of("sparkplug")) == {"~seq": 1, "kept": {"a": 1}}
    assert store.saved == [{"sparkplug": {"kept": {"a": 1}}}]


# --- commands --------------------------------------------------------------------------------------------------------


def test_a_node_is_asked_seldom_and_ever_more_seldom_while_it_does_not_answer() -> None:
    clock = HandClock()
    commands = Commands(clock)
    way, other = commands.queue(), commands.queue()
    asked_s = []
    for second in range(200):
        before = len(way)
        commands.post([Command("spBv1.0/g/NCMD/n", b"!")])
        if len(way) > before:
            asked_s.append(second)
        clock.advance(1000)
    assert asked_s == [0, 5, 15, 35, 75, 155]
    assert list(other) == list(way)
    commands.post([Command("spBv1.0/g/NCMD/another", b"!")])
    assert way[-1].topic == "spBv1.0/g/NCMD/another"


def test_commands_leave_only_after_the_commit(tmp_path: Path) -> None:
    class Never(SqliteJournal):
        def append(self, arrivals: Any) -> Any:
            raise TransientError("the disk is full")

    journal = Never(tmp_path / "journal.db")
    pipeline = sparkplug(journal)
    way = pipeline.commands.queue()
    with pytest.raises(TransientError):
        pipeline.submit([node("NDATA", data(1))])
    assert not way
    journal.close()


# --- who may speak for whom ------------------------------------------------------------------------------------------


def speaking(journal: SqliteJournal, known: Mapping[str, frozenset[str] | None]) -> Pipeline:
    return sparkplug(journal, gateways=lambda: known)


def test_a_signed_in_logger_speaks_for_itself_on_any_carriers_topic(journal: SqliteJournal) -> None:
    pipeline = speaking(journal, {})
    assert outcomes(pipeline, node("NBIRTH", birth(), user="pharma:gw-1")) == [Outcome.READINGS]


def test_nobody_speaks_for_another_logger(journal: SqliteJournal) -> None:
    pipeline = speaking(journal, {})
    way = pipeline.commands.queue()
    assert outcomes(pipeline, node("NBIRTH", birth(), user="LG-1"), node("NDATA", data(1), user="LG-1")) == [
        Outcome.QUARANTINED, Outcome.QUARANTINED,
    ]  # fmt: skip
    stored = journal.refused(Outcome.QUARANTINED, None, 10)
    assert {message.logger for message in stored} == {"LG-1"}
    assert all("pharma:gw-1" in message.refusals[0].reason for message in stored)
    assert "LG-1" in stored[0].refusals[0].reason
    assert not way
    # Neither did the stranger's birth make anybody believe its aliases.
    assert outcomes(pipeline, node("NDATA", data(2))) == [Outcome.UNDECODED]


@pytest.mark.parametrize(("list_", "told"), [(None, 2), (["pharma:gw-1:D"], 1), (["other"], 0)])
def test_a_gateway_speaks_for_those_that_it_is_registered_for(
    journal: SqliteJournal, registry: Registry, list_: list[str] | None, told: int
) -> None:
    with registry.write() as connection:
        loggers.register(connection, "GW-1", who="test", now_ms=NOW)
        gateways.declare(connection, "GW-1", gateway=True, gateway_for=list_, who="test", now_ms=NOW)
    pipeline = sparkplug(journal, gateways=gateways_of(registry, SystemClock()))
    own = payload(metric("Temperature", 5.0, said=CELSIUS), at_ms=NOW, seq=1)
    pipeline.submit([node("NBIRTH", birth(), user="GW-1"), node("DBIRTH", own, user="GW-1", device="/D")])
    assert len(rows_of(journal)) == told


def test_a_gateways_list_needs_a_gateway_and_ids(registry: Registry) -> None:
    with registry.write() as connection:
        loggers.register(connection, "GW-1", who="test", now_ms=NOW)
        with pytest.raises(InvalidValue, match="gateway_for"):
            gateways.declare(connection, "GW-1", gateway=False, gateway_for=["a"], who="test", now_ms=NOW)
        with pytest.raises(InvalidValue, match=r"a/b"):
            gateways.declare(connection, "GW-1", gateway=True, gateway_for=["a/b"], who="test", now_ms=NOW)
        with pytest.raises(NotFound):
            gateways.declare(connection, "GW-2", gateway=True, who="test", now_ms=NOW)
        gateways.declare(connection, "GW-1", gateway=True, gateway_for=["a4:c1:38:00:00:01"], who="x", now_ms=NOW)
        assert gateways.known(connection) == {"GW-1": frozenset({"A4C138000001"})}
        gateways.declare(connection, "GW-1", gateway=False, who="test", now_ms=NOW)
        assert gateways.known(connection) == {}


def test_an_unknown_topic_of_a_signed_in_logger_is_kept_for_the_workbench(journal: SqliteJournal) -> None:
    assert outcomes(speaking(journal, {}), Envelope("mqtt", "oven/3", b"21.5", NOW, user="LG-1")) == [Outcome.UNDECODED]


# --- too large -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("envelope", "logger"),
    [
        (Envelope("mqtt", "cc/LG-1/up", b"", NOW), "LG-1"),
        (Envelope("mqtt", "cc/v1/main/3/a4-c1-38-00-00-01/up", b"", NOW), "A4C138000001"),
        (node("DDATA", b"", device="/D"), "pharma:gw-1:D"),
        (Envelope("mqtt", "oven/3", b"", NOW, user="LG-1"), "LG-1"),
        (Envelope("mqtt", "oven/3", b"", NOW), None),
        (Envelope("mqtt", "cc/LG-1/up", b"", NOW, user="LG-2"), "LG-2"),
    ],
)
def test_a_message_too_large_is_kept_under_its_logger(
    journal: SqliteJournal, envelope: Envelope, logger: str | None
) -> None:
    pipeline = sparkplug(journal)
    assert outcomes(pipeline, envelope._replace(payload=b"x" * (NORMAL + 1))) == [Outcome.QUARANTINED]
    [stored] = journal.refused(Outcome.QUARANTINED, None, 10)
    assert (stored.logger, stored.envelope.length, len(stored.envelope.payload)) == (logger, NORMAL + 1, NORMAL)
    if logger is not None:
        assert [notice.kind for notice in journal.notices(0, 10)] == ["seen", "oversize"]
        assert outcomes(pipeline, envelope._replace(payload=b"x" * (NORMAL + 1))) == [Outcome.DUPLICATE]


# --- conflicts -------------------------------------------------------------------------------------------------------


def test_a_conflict_is_shown_and_wakes_nobody(journal: SqliteJournal, registry: Registry) -> None:
    first = native("LG-1", 0)
    copy = json.loads(first) | {"via": "another gateway"}
    pipeline = sparkplug(journal)
    said = [Envelope("mqtt", "cc/LG-1/up", body, NOW) for body in (first, json.dumps(copy).encode())]
    assert outcomes(pipeline, *said) == [Outcome.READINGS, Outcome.QUARANTINED]
    with registry.write() as connection:
        note(connection, journal.notices(0, 100), NOW)
        assert "journal.conflict" in [entry.action for entry in audit.entries(connection)]
        assert system_findings(connection, NOW).conditions == ()


# --- topics ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "a/#/b", "a/b#", "a+/b", "a\0", "/".join("a" * 200), "x" * 2000])
def test_what_no_broker_takes_is_no_filter(text: str) -> None:
    with pytest.raises(InvalidValue, match="topic"):
        checked_filter(text)


@pytest.mark.parametrize(
    ("filter_", "topic", "told"),
    [
        ("a/+/c", "a/b/c", True), ("a/+", "a/b/c", False), ("a/#", "a", True), ("a/#", "a/b/c", True),
        ("#", "a/b", True), ("#", "$SYS/x", False), ("a/b", "a/b", True), ("a/b", "a", False), ("+", "a/b", False),
    ],
)  # fmt: skip
def test_a_filter_covers_the_topics_that_the_protocol_says(filter_: str, topic: str, told: bool) -> None:
    assert covers(filter_, topic) is told


def test_topics_are_those_of_the_configuration_and_of_people(registry: Registry) -> None:
    clock = HandClock(NOW)
    topics = RegistryTopics(registry, clock, ("factory/+",))
    assert topics.wanted() == {"factory/+"}
    with registry.write() as connection:
        topic_filters.add(connection, "oven/#", who="ada", now_ms=NOW, note="the new ovens")
    clock.advance(1000)
    assert topics.wanted() == {"factory/+", "oven/#"}
    with registry.write() as connection:
        topic_filters.end(connection, "oven/#", who="ada", now_ms=NOW)
        with pytest.raises(NotFound):
            topic_filters.end(connection, "oven/#", who="ada", now_ms=NOW)
    clock.advance(1000)
    assert topics.wanted() == {"factory/+"}
    with registry.read() as connection:
        [row] = topic_filters.listed(connection)
    assert (row.filter, row.note, row.ended_ms) == ("oven/#", "the new ovens", NOW)


def test_the_sessions_topics_are_remembered_beside_the_carriers_memory(registry: Registry) -> None:
    topics = RegistryTopics(registry, HandClock(NOW))
    topics.note("ingest@broker:1883", frozenset({"a/#", "b"}))
    assert topics.subscribed("ingest@broker:1883") == {"a/#", "b"}
    assert topics.subscribed("another") == frozenset()
    assert "sparkplug" not in RegistryMemory(registry, HandClock(NOW)).load()
