"""Lives through a period of the demo: the real pipeline, engine, planner and dispatcher under a clock moved by hand."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from alerts import drills, lifecycle
from alerts.dispatcher import Dispatcher
from coldchain.cli.demo_live import perform
from coldchain.cli.demo_world import ON_CALL, Deed
from coldchain.clock import HandClock
from coldchain.domain.finding import Severity
from coldchain.domain.message import Envelope
from coldchain.registry import contact_checks, people
from coldchain.registry.schema import alarm
from coldchain.wiring import Stores, compact
from compliance.loop import EngineLoop
from ingest.pipeline import Pipeline
from sensors.fleet.fleet import Fleet
from sensors.fleet.life import Sent

STEP_MS = 3 * 3_600_000
_BATCH = 1000
_COMPACT_EVERY_MS = 86_400_000
_COMMENTS = ("Driver called, door closed", "Carrier informed, unit checked", "Goods moved to the spare room", "")


@dataclass(slots=True)
class Lived:
    """The parts that live through the period; all of them know no other clock than `clock`."""

    clock: HandClock
    stores: Stores
    pipeline: Pipeline
    engine: EngineLoop
    dispatcher: Dispatcher
    luck: random.Random
    answers: dict[str, int] = field(default_factory=dict)  # alarm → when the person on call will answer


def live_through(
    lived: Lived, fleet: Fleet, deeds: list[Deed], from_ms: int, until_ms: int, progress: Callable[[float], object]
) -> int:
    """Let [from, until) happen; return how many messages arrived. `progress` gets the share that is done."""
    upcoming = iter(sorted((deed for deed in deeds if from_ms <= deed.at_ms < until_ms), key=lambda d: d.at_ms))
    deed = next(upcoming, None)
    arriving = fleet.messages(from_ms, until_ms)
    sent = next(arriving, None)
    count, compact_ms = 0, from_ms + _COMPACT_EVERY_MS
    for step_ms in _steps(fleet, from_ms, until_ms):
        while deed is not None and deed.at_ms < step_ms:
            lived.clock.set(deed.at_ms)
            with lived.stores.registry.write() as connection:
                while deed is not None and deed.at_ms == lived.clock.now_ms():
                    perform(connection, deed)
                    deed = next(upcoming, None)
        batch: list[Sent] = []
        while sent is not None and sent.arrival_ms < step_ms:
            batch.append(sent)
            sent = next(arriving, None)
        count += len(batch)
        lived.clock.set(step_ms)
        _receive(lived, batch)
        _judge_and_tell(lived)
        if step_ms >= compact_ms:
            compact(lived.stores, lived.clock)
            compact_ms = step_ms + _COMPACT_EVERY_MS
        progress((step_ms - from_ms) / (until_ms - from_ms))
    return count


def _steps(fleet: Fleet, from_ms: int, until_ms: int) -> Iterator[int]:
    """When to look: every few hours, and closely where something happens."""
    grid = set(range(from_ms + STEP_MS, until_ms, STEP_MS)) | {until_ms}
    yield from sorted(grid | {moment for moment in fleet.interesting_ms if from_ms < moment < until_ms})


def _receive(lived: Lived, batch: list[Sent]) -> None:
    for start in range(0, len(batch), _BATCH):
        lived.pipeline.submit(
            [
                Envelope("mqtt", sent.topic, sent.payload, sent.arrival_ms, qos=1, user=sent.logger)
                for sent in batch[start : start + _BATCH]
            ]
        )


def _answer_drills(lived: Lived, now_ms: int) -> None:
    """Everybody answers the weekly drill at once."""
    with lived.stores.registry.read() as connection:
        asked = contact_checks.overdue_drills(connection, now_ms + drills.WEEK_MS)
    if asked:
        with lived.stores.registry.write() as connection:
            for row in asked:
                drills.answer(connection, row.id, via="link", now_ms=now_ms)


def _judge_and_tell(lived: Lived) -> None:
    while lived.engine.step():
        pass
    lived.dispatcher.drain()
    now_ms = lived.clock.now_ms()
    _answer_drills(lived, now_ms)
    open_alarms = select(alarm.c.id, alarm.c.raised_ms).where(
        alarm.c.acknowledged_ms.is_(None), alarm.c.severity >= Severity.MAJOR, alarm.c.merged_into.is_(None)
    )
    with lived.stores.registry.read() as connection:
        waiting = connection.execute(open_alarms).all()
    for row in waiting:
        lived.answers.setdefault(row.id, row.raised_ms + lived.luck.randint(4, 25) * 60_000)
    due = sorted((at_ms, row.id) for row in waiting if (at_ms := lived.answers[row.id]) <= now_ms)
    if due:
        with lived.stores.registry.write() as connection:
            _answer(connection, lived, due)


def _answer(connection: Connection, lived: Lived, due: list[tuple[int, str]]) -> None:
    person = people.by_email(connection, ON_CALL)
    if person is None:
        return
    for at_ms, id_ in due:
        comment = lived.luck.choice(_COMMENTS)
        lifecycle.acknowledge(connection, id_, who=person.id, via="link", comment=comment, now_ms=at_ms)
