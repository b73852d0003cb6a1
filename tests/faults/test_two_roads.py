"""One logger by several roads at the same moment: each sample is one reading, and what contradicts is kept aside."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from roads import BEGIN_MS, STEP_MS, Roads, heard, native, roads_at

from coldchain.clock import SystemClock
from coldchain.domain.message import Envelope, Outcome
from coldchain.domain.quantity import iso
from ingest import webhook
from ingest.csv_files import Options
from ingest.files import import_file

STEPS = 240
READ = Options(zone="UTC", mapping="generic", logger="LG-7")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def roads(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Roads]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with roads_at(tmp_path, url) as made:
        yield made


def celsius(step: int) -> float:
    """A sample as every road tells it."""
    return 4 + step % 40 / 10


def over_mqtt(roads: Roads, first: int = 0) -> None:
    """The logger's own messages, numbered and with what rides along, twenty at a time."""
    for start in range(first, STEPS, 20):
        told = {"humidity_pct": 51.0, "battery_pct": 87}
        bodies = [native("LG-7", step, celsius(step), boot=1, seq=step, values=dict(told))
                  for step in range(start, min(start + 20, STEPS))]  # fmt: skip
        now_ms = SystemClock().now_ms()
        roads.intake.submit([Envelope("mqtt", "cc/LG-7/up", one, now_ms, 1) for one in bodies])


def over_webhook(roads: Roads, wrong: frozenset[int] = frozenset()) -> None:
    """A cloud that got the same samples, one request each, without the logger's numbers and without its battery."""
    _, pages = roads.process()
    for step in range(STEPS):
        value = celsius(step) + (1 if step in wrong else 0)
        sent = native("LG-7", step, value, values={"humidity_pct": 51.0})
        webhook.accept(pages, "native", sent, "application/json", None, roads.clock.now_ms())


def table(steps: range = range(STEPS)) -> bytes:
    """The logger's USB export: temperature only."""
    rows = (f"{iso(BEGIN_MS + step * STEP_MS)[:-5].replace('T', ' ')};{celsius(step):.1f}" for step in steps)
    return "\n".join(["Time;Temp (°C)", *rows, ""]).encode()


def by_file(roads: Roads, **more: Any) -> None:
    """Somebody imports it."""
    import_file(roads.pages, roads.registry, table(**more), "run.csv", who="ada", options=READ)


def at_once(*acts: Callable[[], None]) -> None:
    """Do all of this at the same moment, in threads; what one of them raises is raised here."""
    gate, failed = threading.Barrier(len(acts)), []

    def go(act: Callable[[], None]) -> None:
        try:
            gate.wait(10)
            act()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=go, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failed == []


def test_the_same_samples_over_three_roads_at_once_are_one_reading_each(roads: Roads) -> None:
    at_once(lambda: over_mqtt(roads), lambda: over_webhook(roads), lambda: by_file(roads))
    shown = roads.shown()
    assert [row.event_time_ms for row in shown] == [BEGIN_MS + step * STEP_MS for step in range(STEPS)]
    assert [row.temperature_mc for row in shown] == [round(celsius(step) * 1000) for step in range(STEPS)]
    assert len(roads.journal.read(0, 10_000)) == STEPS  # no tie, no second interpretation
    mark = roads.journal.watermark("LG-7")
    assert mark.committed_through == (1, STEPS - 1)  # whatever road a sample came by first
    assert mark.resend == ()


def test_a_road_that_tells_less_of_a_sample_contradicts_nobody(roads: Roads) -> None:
    over_mqtt(roads)
    at_once(lambda: over_webhook(roads), lambda: by_file(roads))
    state = roads.journal.logger("LG-7")
    assert state is not None
    assert (state.readings, state.duplicates, state.quarantined) == (STEPS, 2 * STEPS, 0)
    assert {row.humidity_mpct for row in roads.shown()} == {51_000}


def test_what_contradicts_another_road_is_quarantined_and_the_first_value_stands(roads: Roads) -> None:
    over_mqtt(roads)
    wrong = frozenset(range(0, STEPS, 24))
    over_webhook(roads, wrong)
    state = roads.journal.logger("LG-7")
    assert state is not None
    assert state.quarantined == len(wrong)
    assert [row.temperature_mc for row in roads.shown()] == [round(celsius(step) * 1000) for step in range(STEPS)]
    refused = roads.journal.refused(Outcome.QUARANTINED, None, 100)
    assert len(refused) == len(wrong)
    assert "is stored at offset" in refused[0].refusals[0].reason
    assert refused[0].envelope.transport == "http"  # kept with its bytes, for a person to decide


def test_a_file_imported_while_the_same_logger_streams_adds_only_what_the_stream_has_not(roads: Roads) -> None:
    earlier = range(-60, STEPS // 2)  # an hour from before it was in reach, and half of what it streams now
    at_once(lambda: over_mqtt(roads), lambda: by_file(roads, steps=earlier))
    shown = roads.shown()
    assert [row.event_time_ms for row in shown] == [BEGIN_MS + step * STEP_MS for step in range(-60, STEPS)]
    assert len(roads.journal.read(0, 10_000)) == STEPS + 60
    assert roads.journal.watermark("LG-7").committed_through == (1, STEPS - 1)


def test_two_people_who_bring_the_same_file_at_once_import_it_once(roads: Roads) -> None:
    at_once(*[lambda: by_file(roads)] * 4)
    assert len(roads.journal.read(0, 10_000)) == STEPS
    state = roads.journal.logger("LG-7")
    assert state is not None
    assert state.quarantined == 0


def test_the_same_message_by_a_connected_topic_and_its_webhook_at_once_is_one(roads: Roads) -> None:
    roads.save(1)
    roads.intake_library.refresh()
    bodies = [heard(step, 5.0) for step in range(60)]

    def hook() -> None:
        for one in bodies:
            webhook.accept(roads.pages, "acme", one.payload, "application/json", None, roads.clock.now_ms())

    def topic() -> None:
        for one in bodies:
            roads.intake.submit([one])

    at_once(hook, topic, hook)
    assert len(roads.journal.read(0, 1000)) == 60
    state = roads.journal.logger("LG-7")
    assert state is not None
    assert (state.messages, state.quarantined) == (60, 0)
