"""Decoding again while the same logger goes on sending: no reading lost, none doubled, each interpretation once."""

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from roads import BEGIN_MS, FAHRENHEIT, STEP_MS, Roads, heard, roads_at
from servers import wait_until

from coldchain.domain.message import Outcome
from ingest.again import decode_again, finish, look
from ingest.open_decisions import Request
from ingest.pipeline import Pipeline
from sensors.carriers.shipped import carriers

LOGGER = Request("LG-7")
SHOWN = 41.0  # degrees Fahrenheit: 5 °C


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def roads(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Roads]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with roads_at(tmp_path, url) as made:
        yield made


class Stream:
    """A logger that sends as fast as it is stored, in a thread of the intake's process."""

    def __init__(self, roads: Roads) -> None:
        self._roads, self._stop = roads, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent = 0
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._roads.intake.submit([heard(self.sent + step, SHOWN) for step in range(5)])
                self.sent += 5
        except BaseException as error:
            self.error = error
            raise

    def until(self, more: int) -> None:
        """Wait until so many further messages are stored."""
        wanted = self.sent + more
        wait_until(lambda: self.sent >= wanted or self.error is not None, what="further messages")


def persons(roads: Roads, count: int = 2) -> None:
    """Some people decode the same messages again at the same moment."""
    gate = threading.Barrier(count)
    failed: list[BaseException] = []

    def act(name: str) -> None:
        try:
            gate.wait(10)
            decode_again(roads.pages, roads.registry, LOGGER, who=name, reason="a test", now_ms=roads.clock.now_ms())
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=act, args=(f"p{number}",)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failed == []


def history_of(roads: Roads) -> Iterator[list[tuple[int, str]]]:
    """Of each message of the logger: its interpretations with the profile that read each."""
    after = 0
    while page := roads.journal.meanings("LG-7", 0, 1 << 60, after, 500):
        for message, _ in page:
            yield sorted({(one.interpretation, one.device_profile) for one in roads.journal.became(message)})
        after = page[-1].message.offset


def test_nothing_is_lost_or_doubled_by_people_who_decode_again_beside_the_stream(roads: Roads) -> None:
    with Stream(roads) as stream:
        stream.until(60)  # nobody knows the make yet
        roads.save(1)
        persons(roads)
        stream.until(60)
        roads.save(2, FAHRENHEIT)
        persons(roads, 3)
        stream.until(30)
    assert stream.error is None
    roads.intake_library.refresh()
    roads.intake.submit([heard(stream.sent, SHOWN)])
    persons(roads, 1)  # what came while the intake did not know of the newest version yet
    shown = roads.shown()
    assert [row.event_time_ms for row in shown] == [BEGIN_MS + step * STEP_MS for step in range(stream.sent + 1)]
    assert {(row.temperature_mc, row.device_profile) for row in shown} == {(5_000, "acme@2")}
    assert look(roads.pages, LOGGER).changed == 0
    assert roads.journal.strays(0, 1 << 60, 0, 10) == []
    assert roads.journal.unread() == []
    for told in history_of(roads):
        profiles = [profile for _, profile in told]
        assert profiles == sorted(set(profiles)), told  # each version has read a message once, in their order
        assert [number for number, _ in told] == list(itertools.accumulate([told[0][0], *[1] * (len(told) - 1)]))


def test_what_a_process_decides_and_the_intake_finishes_at_once_is_applied_once(roads: Roads) -> None:
    roads.save(1)
    roads.intake_library.refresh()
    roads.intake.submit([heard(step, SHOWN) for step in range(700)])
    roads.save(2, FAHRENHEIT)
    failed: list[BaseException] = []
    done = threading.Event()

    def worker() -> None:
        try:
            while not done.is_set():
                finish(roads.pages, roads.registry, roads.clock.now_ms())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=worker)
    thread.start()
    persons(roads, 1)
    done.set()
    thread.join(60)
    assert failed == []
    finish(roads.pages, roads.registry, roads.clock.now_ms())
    assert {(row.temperature_mc, row.interpretation) for row in roads.shown()} == {(5_000, 2)}
    assert len(roads.shown()) == 700
    assert {tuple(told) for told in history_of(roads)} == {((1, "acme@1"), (2, "acme@2"))}


def test_what_arrives_before_the_intake_knows_the_new_version_is_decoded_with_it_by_the_same_act(
    roads: Roads,
) -> None:
    roads.save(1)
    roads.intake_library.refresh()
    stale = roads.intake_library.now()
    intake = Pipeline(roads.journal, roads.clock, carriers=carriers("main", lambda: stale), profiles=lambda: stale)
    intake.submit([heard(0, SHOWN)])
    roads.save(2, FAHRENHEIT)
    persons(roads, 1)
    [[receipt]] = intake.submit([heard(1, SHOWN)])  # a second may pass before the intake looks again
    assert receipt.stored[0].device_profile == "acme@1"
    decided_ms = roads.clock.now_ms()
    assert finish(roads.pages, roads.registry, decided_ms) == 1
    assert [(row.temperature_mc, row.device_profile) for row in roads.shown()] == [(5_000, "acme@2")] * 2
    assert [finish(roads.pages, roads.registry, decided_ms + 60_000) for _ in range(2)] == [0, 0]
    intake.submit([heard(2, SHOWN)])
    assert finish(roads.pages, roads.registry, decided_ms + 60_000) == 0  # the decision is over


def test_a_process_that_knows_only_older_profiles_does_not_go_back_behind_a_decision(roads: Roads) -> None:
    roads.save(1)
    stale = roads.intake_library.refresh()
    intake = Pipeline(roads.journal, roads.clock, carriers=carriers("main", lambda: stale), profiles=lambda: stale)
    intake.submit([heard(step, SHOWN) for step in range(3)])
    roads.save(2, FAHRENHEIT)
    persons(roads, 1)
    assert finish(intake, roads.registry, roads.clock.now_ms()) == 0
    assert {(row.temperature_mc, row.interpretation) for row in roads.shown()} == {(5_000, 2)}


def test_messages_around_a_change_of_the_profile_carry_their_version_and_none_is_lost(roads: Roads) -> None:
    roads.save(1)
    with Stream(roads) as stream:
        stream.until(30)
        before = stream.sent
        roads.save(2, FAHRENHEIT)
        wait_until(
            lambda: roads.shown()[-1].device_profile == "acme@2", what="a reading by the new version, without a restart"
        )
        stream.until(5)
    assert stream.error is None
    shown = roads.shown()
    assert len(shown) == stream.sent
    labels = [row.device_profile for row in shown]
    assert labels == sorted(labels)  # first the one, then the other
    assert set(labels[:before]) == {"acme@1"}
    assert {(row.device_profile, row.temperature_mc) for row in shown} == {("acme@1", 41_000), ("acme@2", 5_000)}
    assert {receipt.outcome for (receipt,) in roads.intake.submit([heard(0, SHOWN)])} == {Outcome.DUPLICATE}
