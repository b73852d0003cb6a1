"""The engine's loop: what changed since the last step is judged again and written down in one transaction.

A step may die anywhere: until its one transaction commits nothing has happened, afterwards all of it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from sqlalchemy import Connection

from coldchain.clock import Clock
from coldchain.domain.finding import AlarmChange, Findings, Subject
from coldchain.domain.reading import Reading
from coldchain.domain.shipment import FactKind
from coldchain.journal.port import Journal, Notice
from coldchain.metrics import ENGINE_LAG, ENGINE_SECONDS
from coldchain.registry import facts, recorded
from coldchain.registry.recorded import OnRecord, SubjectState
from coldchain.registry.store import Registry, bump_revision, held_by_other, holder_name, take_lease
from coldchain.telemetry.port import History
from compliance.conditions import late_after_ms
from compliance.document import Json
from compliance.engine import findings
from compliance.inputs import Inputs
from compliance.intervals import Intervals
from compliance.notices import note
from compliance.recording import ENGINE, FromFile, Recording
from compliance.stages_by_place import note_stages
from compliance.status import newest_values, status_of, watched
from compliance.subjects import Case, cases_of, inputs_of
from compliance.trouble import SYSTEM, moved, system_findings

READINGS = 5000  # of one step
NOTICES = 500
SUBJECTS = 64  # judged in one step; the others wait in `dirty`
LEASE_MS = 30_000


class Planner(Protocol):
    """Turns changed alarms into messages to people; `alerts` has one."""

    def plan(self, connection: Connection, changes: Sequence[AlarmChange], now_ms: int) -> None:
        """Write the other axes of the alarms and their outbox rows, inside the engine's transaction."""
        ...


class Canaries(Protocol):
    """Test messages on their way through the whole chain; `alerts` knows where they go from here."""

    def waits(self, through: int) -> bool:
        """Whether one is there, and everything up to it was judged with `through`."""
        ...

    def pass_on(self, connection: Connection, now_ms: int) -> None:
        """Send on those that `waits` found, inside the engine's transaction."""
        ...


class _Superseded(Exception):
    """Another engine holds the lease or has moved the cursor: this step's work is void."""


@dataclass
class _Work:
    """What a step found to do, from one moment of the registry and the journal."""

    now_ms: int
    start: tuple[int, int]  # journal and notice offset consumed so far
    through: int
    readings: list[Reading]
    notices: list[Notice]
    dirty: dict[Subject, list[int]]  # wishes that this step fulfils
    subjects: list[Subject]
    postponed: list[Subject]
    cases: list[Case]
    system: Findings
    system_moved: bool
    more: bool
    canary: bool = False
    judged: list[tuple[Case, Inputs, Findings]] = field(default_factory=list)

    @cached_property
    def by_channel(self) -> dict[str, list[Reading]]:
        """The readings of this step by "<logger>/<channel>"."""
        found: dict[str, list[Reading]] = {}
        for reading in self.readings:
            found.setdefault(f"{reading.logger}/{reading.channel}", []).append(reading)
        return found

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        moved = self.through != self.start[0] or bool(self.notices)
        return not (moved or self.subjects or self.system_moved or self.canary)


class EngineLoop:
    """One engine; several may run, the lease lets one of them work."""

    def __init__(
        self,
        registry: Registry,
        journal: Journal,
        history: History,
        planner: Planner,
        clock: Clock,
        canaries: Canaries | None = None,
    ) -> None:
        self._canaries = canaries
        self._registry = registry
        self._journal = journal
        self._history = history
        self._planner = planner
        self._clock = clock
        self._holder = holder_name()
        self._intervals = Intervals(journal)
        self._awake_ms: int | None = None  # since when steps have followed each other; None after one that failed
        self._looked_ms: int | None = None  # when the newest of them looked
        self._done_ms: int | None = None  # when the newest step that went through looked

    def step(self) -> bool:
        """Do what there is to do, up to a bound; True when more waits.

        Raises:
            TransientError: the registry or the journal cannot be used now; nothing was changed.
        """
        awake_ms, self._awake_ms = self._awake_ms, None
        with ENGINE_SECONDS.time():
            work = self._look()
            if work is None:
                return False
            awake_ms = work.now_ms if awake_ms is None or self._slept(work.now_ms) else awake_ms
            self._looked_ms = work.now_ms
            if work.empty:
                self._awake_ms, self._done_ms = awake_ms, work.now_ms
                return False
            for case in work.cases:
                inputs = inputs_of(case, self._history, work.through, work.now_ms)
                work.judged.append((case, inputs, findings(inputs, work.now_ms)))
            try:
                with self._registry.write() as connection:
                    self._write(connection, work, awake_ms)
            except _Superseded:
                self._intervals.forget()
                return False
            except BaseException:
                self._intervals.forget()
                raise
        self._awake_ms, self._done_ms = awake_ms, work.now_ms
        return work.more

    def _slept(self, now_ms: int) -> bool:
        """Whether this process was frozen since the last step: what it finds now could have been found long before."""
        return self._looked_ms is not None and now_ms - self._looked_ms > late_after_ms(0)

    def _put_back(self, now_ms: int) -> bool:
        """Whether the clock was put back since the last step; before the first one nobody knows."""
        return self._done_ms is None or now_ms < self._done_ms

    def next_due_ms(self) -> int | None:
        """When time alone may change any findings: call `step` then at the latest."""
        with self._registry.read() as connection:
            return recorded.next_due_ms(connection)

    # --- reading

    def _look(self) -> _Work | None:
        now_ms, head = self._clock.now_ms(), self._journal.head()
        with self._registry.read() as connection:
            if held_by_other(connection, ENGINE, self._holder, now_ms):
                return None
            start = recorded.position(connection, ENGINE)
            readings = self._journal.read(start[0], READINGS)
            full = len(readings) == READINGS
            through = readings[-1].offset if full else max([head, *(reading.offset for reading in readings)])
            notices = self._journal.notices(start[1], NOTICES)
            ENGINE_LAG.set(max(head - through, 0))
            dirty = recorded.dirty_subjects(connection)
            due = recorded.due_subjects(connection, now_ms, ahead=self._put_back(now_ms))
            wanted = list(dict.fromkeys([*dirty, *due, *_touched(connection, readings)]))
            subjects, postponed = wanted[:SUBJECTS], wanted[SUBJECTS:]
            cases = cases_of(connection, subjects, now_ms)
            system = system_findings(connection, now_ms)
            more = full or bool(postponed) or len(notices) == NOTICES
            return _Work(
                now_ms, start, through, readings, notices,
                {subject: dirty[subject] for subject in subjects if subject in dirty},
                subjects,
                [subject for subject in postponed if subject not in dirty],
                cases,
                system,
                moved(connection, system),
                more,
                canary=not more and self._canaries is not None and self._canaries.waits(through),
            )  # fmt: skip

    # --- writing

    def _write(self, connection: Connection, work: _Work, awake_ms: int) -> None:
        self._still_ours(connection, work)
        revision = bump_revision(connection) if work.subjects or work.system_moved else 0
        changes: list[AlarmChange] = []
        standing = recorded.on_record(connection, [SYSTEM, *(case.subject for case in work.cases)])
        states: list[SubjectState] = []
        for case, inputs, found in work.judged:
            before = standing[case.subject]
            if before.state is not None and work.now_ms < before.state.as_of_ms <= work.now_ms + recorded.AHEAD_MS:
                facts.mark_dirty(connection, case.subject, 0, "waiting", work.now_ms)
                continue
            recording = Recording(
                connection, found, before, work.now_ms, settled=case.settled, since_ms=case.since_ms,
                from_file=self._imported(work), again=_again(work), awake_ms=awake_ms, stated_ms=case.stated_ms,
            )  # fmt: skip
            states.append(_state(work, case, inputs, found, recording.write(), before, revision))
            changes += recording.changes
            note_stages(connection, case, inputs, work.now_ms)
        recorded.write_states(connection, states)
        if work.system_moved:
            recording = Recording(connection, work.system, standing[SYSTEM], work.now_ms, awake_ms=awake_ms)
            recording.write()
            changes += recording.changes
        note(connection, work.notices, work.now_ms)
        self._intervals.note(connection, work.readings, work.now_ms)
        if changes:
            self._planner.plan(connection, changes, work.now_ms)
        if work.canary and self._canaries is not None:
            self._canaries.pass_on(connection, work.now_ms)
        recorded.forget_dirty(connection, [number for numbers in work.dirty.values() for number in numbers])
        recorded.forget_due(connection, set(work.subjects) - {case.subject for case in work.cases})
        for subject in work.postponed:
            facts.mark_dirty(connection, subject, 0, "waiting", work.now_ms)
        notices_through = work.notices[-1].offset if work.notices else work.start[1]
        recorded.move(connection, ENGINE, work.through, notices_through, work.now_ms)

    def _still_ours(self, connection: Connection, work: _Work) -> None:
        """The fence: nobody else took the lease, and nobody moved the cursor since we looked."""
        if take_lease(connection, ENGINE, self._holder, work.now_ms, LEASE_MS) is None:
            raise _Superseded
        if recorded.position(connection, ENGINE) != work.start:
            raise _Superseded

    def _imported(self, work: _Work) -> FromFile:
        def imported(logger: str, channel: str, event_time_ms: int) -> bool:
            """Whether that reading of this step came from a file."""
            for reading in work.readings:
                if (reading.logger, reading.channel, reading.event_time_ms) == (logger, channel, event_time_ms):
                    message = self._journal.message(reading.message)
                    return message is not None and message.envelope.transport == "file"
            return False

        return imported


def _again(work: _Work) -> FromFile:
    """Whether a reading of this step comes from decoding a kept message again."""
    found = {(one.logger, one.channel, one.event_time_ms) for one in work.readings if one.interpretation > 1}
    return lambda logger, channel, event_time_ms: (logger, channel, event_time_ms) in found


def _state(
    work: _Work, case: Case, inputs: Inputs, found: Findings, document: Json, before: OnRecord, revision: int
) -> SubjectState:
    return SubjectState(
        case.subject,
        work.now_ms,
        work.through,
        found.next_due_ms,
        status_of(found, settled=case.settled, watched=watched(inputs, work.now_ms)),
        document,
        newest_values(inputs, before.state.last if before.state else {}, work.by_channel),
        revision,
    )


def _touched(connection: Connection, readings: Sequence[Reading]) -> list[Subject]:
    """The subjects to whose binding intervals any of the readings belong."""
    times: dict[str, list[int]] = {}
    for reading in readings:
        times.setdefault(reading.logger, []).append(reading.event_time_ms)
    if not times:
        return []
    bindings = facts.known(connection, loggers=times, kinds=[FactKind.BINDING])
    found = []
    for item in bindings:
        if item.subject is not None and item.logger is not None:
            end = item.valid_to_ms
            if any(item.valid_from_ms <= time and (end is None or time < end) for time in times[item.logger]):
                found.append(item.subject)
    return list(dict.fromkeys(found))
