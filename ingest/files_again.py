"""Reading an imported file again in another way: another mapping, zone or logger, as the next interpretation.

The file is the one that was kept, with its hash. What it was taken for stays on record as superseded; nothing is
doubled, because its messages are decoded again and not brought again. The act is written down before it is applied;
one that was cut off is finished by asking for the same again.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import select, update

from coldchain import audit
from coldchain.domain.message import Arrival, Envelope
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading
from coldchain.domain.shipment import FactKind
from coldchain.errors import InvalidValue, NotFound
from coldchain.journal.meet import contains
from coldchain.journal.port import Meaning
from coldchain.registry import facts
from coldchain.registry.schema import file_import
from coldchain.registry.store import Registry, bump_revision, new_id
from coldchain.telemetry.port import History
from ingest.csv_files import Options
from ingest.files import SCHEMA, Whole, whole_file
from ingest.open_decisions import EVER_MS
from ingest.pipeline import Pipeline

AGAIN_SCHEMA = "coldchain.file_again/1"
_SHOWN = 20  # refusals that a report lists
_VALUES = slice(8, 18)  # of a reading: temperature to pressure
_KEPT_OF_EARLIER = ("mapping", "zone", "logger", "date_order", "stored")


class Again(NamedTuple):
    """What reading a file again comes to."""

    report: dict[str, Any]  # of the file, as it would be or is
    messages: int  # that change their meaning, or are new because the readings belong to another logger
    before: int  # readings that stood for them
    after: int
    known: int  # of the new ones, those that another road has told
    refused: tuple[str, ...]  # why others are not believed: the first of them
    done: bool = False

    def as_json(self) -> dict[str, Any]:
        """Under its public names."""
        counts = {"messages": self.messages, "readings_before": self.before, "readings_after": self.after}
        about = {"known": self.known, "refused": list(self.refused), "done": self.done, "report": self.report}
        return {"schema": AGAIN_SCHEMA, "sha256": self.report["sha256"], **counts, **about}


class _Plan(NamedTuple):
    """What has to be written."""

    old: dict[int, Meaning]  # the file's messages, by offset
    meant: dict[int, list[Reading]]  # of them, those that come to mean something else
    fresh: list[Arrival]  # for loggers that have no message of this file yet
    known: int
    refused: list[str]

    @property
    def before(self) -> int:
        return sum(len(self.old[offset].readings) for offset in self.meant)

    @property
    def after(self) -> int:
        new = sum(len(message.readings) for arrival in self.fresh for message in arrival.messages)
        return sum(map(len, self.meant.values())) + new


def look_again(pipeline: Pipeline, registry: Registry, history: History, digest: str, options: Options) -> Again:
    """What reading the file again in this way would change; nothing is written.

    Raises:
        NotFound: no file of this hash was imported, or there is no mapping of the stated name.
        InvalidValue: it cannot be read in this way; the text says why.
    """
    row, whole = _read(registry, digest, options)
    return _again(row, whole, _planned(pipeline, history, row, whole))


def read_again(
    pipeline: Pipeline, registry: Registry, history: History, digest: str, options: Options, *, who: str, reason: str,
) -> Again:  # fmt: skip
    """Read the file again in this way; what it says now counts, what it said stays on record.

    Raises:
        NotFound: as `look_again`.
        InvalidValue: as `look_again`, or the reason is missing.
        TransientError: the journal or the registry is busy; asking for the same again finishes what was begun.
    """
    if not reason.strip():
        raise InvalidValue("reason is missing: say why the file is read again")
    seen, now_ms = pipeline.journal.head(), pipeline.clock.now_ms()
    row, whole = _read(registry, digest, options)
    plan = _planned(pipeline, history, row, whole)
    found = _again(row, whole, plan)
    if not found.messages:
        return found
    decision = new_id()
    _decide(registry, row, plan, found, decision, who, reason, now_ms)
    stored, kept = _apply(pipeline, plan, decision, seen)
    report = {**found.report, "stored": stored, "kept": sorted({*_offsets(row.report), *kept}),
              "read": {"number": _number(row.report) + 1, "at": iso(now_ms), "who": who, "reason": reason}}  # fmt: skip
    _close(registry, row, plan, report, now_ms)
    return found._replace(report=report, done=True)


# --- looking ----------------------------------------------------------------------------------------------------------


def _read(registry: Registry, digest: str, options: Options) -> tuple[Any, Whole]:
    with registry.read() as connection:
        row = connection.execute(select(file_import).where(file_import.c.sha256 == digest)).one_or_none()
    if row is None:
        raise NotFound(f"no file with the SHA-256 {digest[:64]} was imported")
    # Judged as it was on the day on which it was brought.
    envelope = Envelope("file", row.name, bytes(row.content), row.recorded_ms)
    return row, whole_file(registry, envelope, digest, options)


def _planned(pipeline: Pipeline, history: History, row: Any, whole: Whole) -> _Plan:
    old = dict(_old(pipeline, row.report))
    target = _Targets(old)
    meant: dict[int, list[Reading]] = {offset: [] for offset in old}
    fresh, known, refused = [], 0, []
    for start, payload, message in whole.parts:
        readings, told, contradicting = _new_among(history, message.readings, old.keys())
        known += told
        refused += [*(refusal.reason for refusal in message.refusals), *contradicting]
        offset = target.of(message.logger, start)
        if offset is not None:
            meant[offset] += readings
        elif readings:
            envelope = Envelope("file", row.name, payload, row.recorded_ms)
            fresh.append(Arrival(envelope, (message._replace(readings=tuple(readings)),)))
    changed = {offset: new for offset, new in meant.items() if _content(new) != _content(old[offset].readings)}
    return _Plan(old, changed, fresh, known, refused)


def _old(pipeline: Pipeline, report: Mapping[str, Any]) -> Iterator[tuple[int, Meaning]]:
    """The messages of the file with what they mean now."""
    for offset in _offsets(report):
        message = pipeline.journal.message(offset)
        if message is None or message.logger is None:
            raise InvalidValue(f"message {offset} of this file is not there: what it became cannot be changed")
        [meaning] = pipeline.journal.meanings(message.logger, 0, EVER_MS, offset - 1, 1)
        yield offset, meaning


def _offsets(report: Mapping[str, Any]) -> list[int]:
    # Imports of earlier versions did not write down those of an attempt that was cut off.
    return list(report.get("kept") or report.get("messages") or ())


class _Targets:
    """Which message of the file stands for readings from a place in it, by logger."""

    def __init__(self, old: Mapping[int, Meaning]) -> None:
        sizes: dict[int, int] = {}
        for meaning in old.values():
            sizes[_part(meaning)] = len(meaning.message.envelope.payload)
        starts = {part: sum(size for other, size in sizes.items() if other < part) for part in sizes}
        self._places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for offset, meaning in old.items():
            self._places[meaning.message.logger or ""].append((starts[_part(meaning)], offset))

    def of(self, logger: str, start: int) -> int | None:
        """The message in whose bytes a part that begins at `start` begins; None: the logger has none of this file."""
        places = sorted(self._places.get(logger, ()))
        before = [offset for place, offset in places if place <= start]
        return before[-1] if before else places[0][1] if places else None


def _part(meaning: Meaning) -> int:
    number = meaning.message.key.partition(":")[2]
    return int(number) if number.isdecimal() else 0


def _new_among(history: History, readings: Sequence[Reading], own: Any) -> tuple[list[Reading], int, list[str]]:
    """Of what a message says: what no other message tells, how much another does, and what contradicts one."""
    if not readings:
        return [], 0, []
    times = [reading.event_time_ms for reading in readings]
    others: dict[tuple[str, int], list[Reading]] = defaultdict(list)
    for other in history.readings(readings[0].logger, min(times), max(times) + 1):
        if other.message not in own:
            others[other.channel, other.event_time_ms].append(other)
    new, known, refused = [], 0, []
    for reading in readings:
        met = others.get((reading.channel, reading.event_time_ms), [])
        if not met:
            new.append(reading)
        elif any(one.fault == reading.fault and contains(_values(one), _values(reading)) for one in met):
            known += 1
        else:
            where = f"{reading.channel} at {iso(reading.event_time_ms)}"
            refused.append(f"{where} is stored at offset {met[0].offset} with other values; the first value stands")
    return new, known, refused


def _values(reading: Reading) -> Sequence[int | None]:
    return cast("Sequence[int | None]", reading[_VALUES])


def _content(readings: Sequence[Reading]) -> list[tuple[Any, ...]]:
    return sorted(((one.channel, one.event_time_ms, one.values, one.fault, one.device_profile) for one in readings),
                  key=repr)  # fmt: skip


def _again(row: Any, whole: Whole, plan: _Plan) -> Again:
    messages = len(plan.meant) + len(plan.fresh)
    report = {"schema": SCHEMA, "sha256": row.sha256, "name": row.name, **whole.report,
              "stored": plan.after, "duplicates": plan.known, "refused": plan.refused[:_SHOWN],
              "message": row.report.get("message"), "messages": row.report.get("messages", []),
              "kept": _offsets(row.report),
              "earlier": [*row.report.get("earlier", ()), *([_brief(row)] if messages else [])]}  # fmt: skip
    return Again(report, messages, plan.before, plan.after, plan.known, tuple(plan.refused[:_SHOWN]))


def _number(report: Mapping[str, Any]) -> int:
    return int(report.get("read", {}).get("number", 1))


def _brief(row: Any) -> dict[str, Any]:
    """What is kept of the report that is superseded."""
    report = row.report
    first = {"number": 1, "at": iso(row.recorded_ms), "who": row.who, "reason": None}
    told = {name: report[name] for name in _KEPT_OF_EARLIER if name in report}
    return {**report.get("read", first), **told, "loggers": report.get("loggers") or [report.get("logger")]}


# --- acting -----------------------------------------------------------------------------------------------------------


def _loggers(plan: _Plan) -> dict[str, int]:
    """The loggers whose readings change, with the first moment of each."""
    times: dict[str, list[int]] = defaultdict(list)
    for offset, new in plan.meant.items():
        old = plan.old[offset]
        times[old.message.logger or ""] += [one.event_time_ms for one in (*new, *old.readings)]
    for arrival in plan.fresh:
        for message in arrival.messages:
            times[message.logger] += [one.event_time_ms for one in message.readings]
    return {logger: min(found) for logger, found in times.items() if found}


def _decide(
    registry: Registry, row: Any, plan: _Plan, found: Again, decision: str, who: str, reason: str, now_ms: int
) -> None:
    told = {name: found.report.get(name) for name in ("mapping", "zone", "logger")}
    counts = {"messages": found.messages, "readings_before": found.before, "readings_after": found.after}
    with registry.write() as connection:
        for logger, first_ms in _loggers(plan).items():
            facts.add(
                connection, kind=FactKind.INTERPRETATION, body={"decision": decision, "file": row.sha256, **counts},
                valid_from_ms=first_ms, logger=logger, who=who, reason=reason, now_ms=now_ms,
            )  # fmt: skip
        audit.record(
            connection, at_ms=now_ms, who=who, action="file read again", kind="file", id=row.sha256,
            old={name: row.report.get(name) for name in told}, new={**told, **counts, "decision": decision},
            reason=reason,
        )  # fmt: skip


def _apply(pipeline: Pipeline, plan: _Plan, decision: str, seen: int) -> tuple[int, list[int]]:
    """Write it into the journal, a message at a time; how many readings that stored, and the new messages."""
    stored = 0
    for offset, readings in plan.meant.items():
        receipts = pipeline.journal.reinterpret(f"{decision}/{offset}", {offset: readings}, seen)
        stored += sum(len(receipt.stored) for receipt in receipts)
    kept = []
    for arrival in plan.fresh:
        [receipts] = pipeline.commit([arrival])
        stored += sum(len(receipt.stored) for receipt in receipts)
        kept += [receipt.message for receipt in receipts]
    return stored, kept


def _close(registry: Registry, row: Any, plan: _Plan, report: dict[str, Any], now_ms: int) -> None:
    """The journal has it: the file shows how it is read now, and the engine judges again."""
    with registry.write() as connection:
        values = {"report": report, "zone": report["zone"], "state": report["state"], "format": report["format"]}
        connection.execute(update(file_import).where(file_import.c.sha256 == row.sha256).values(**values))
        for logger, first_ms in _loggers(plan).items():
            for subject, _ in facts.bound_subjects(connection, logger):
                facts.mark_dirty(connection, subject, first_ms, FactKind.INTERPRETATION.value, now_ms)
        bump_revision(connection)
