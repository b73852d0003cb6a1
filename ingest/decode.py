"""What would become of these messages? Each goes through the ingest pipeline, on a journal that is thrown away."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from coldchain.clock import Clock
from coldchain.domain.message import Arrival, Envelope, Outcome, Receipt
from coldchain.domain.quantity import iso, ms_from_iso
from coldchain.domain.reading import JSON_FIELDS, Reading, reading_json
from coldchain.errors import InvalidValue
from coldchain.journal.sqlite import SqliteJournal
from ingest.files import file_arrival
from ingest.pipeline import Pipeline
from sensors.carriers.port import Carrier, Context, Profiles
from sensors.device_profiles.library import Library
from sensors.recordings import payload_of

_UNSTATED_ZONE = "UTC"
_MEASURED = frozenset(JSON_FIELDS[JSON_FIELDS.index("temperature_c") : JSON_FIELDS.index("historical")])
# An envelope may hold several messages: it is called by the first of these that one of them became.
_FIRST = (
    Outcome.FILE,
    Outcome.READINGS,
    Outcome.FAULT,
    Outcome.AGGREGATE,
    Outcome.QUARANTINED,
    Outcome.UNDECODED,
    Outcome.NO_READING,
    Outcome.DUPLICATE,
)


def decode(
    lines: Iterable[str],
    folder: Path,
    clock: Clock,
    *,
    tenant: str = "main",
    carriers: Sequence[Carrier] | None = None,
    profiles: Callable[[], Profiles] | None = None,
) -> Iterator[dict[str, Any]]:
    """One result for each line, in order, as `coldchain decode` prints them.

    Args:
        lines: messages as JSON, one a line; empty lines are passed over and counted.
        folder: where relative paths of `{"transport": "file"}` begin.
        clock: the arrival of messages that neither say when they arrived nor declare any time.
        tenant: as the installation's.
        carriers: as the installation's; the native one alone by default.
        profiles: as the installation's; those of the program by default.

    Raises:
        InvalidValue: a line is no message; the text names the line.
    """
    with tempfile.TemporaryDirectory(prefix="coldchain-decode-") as scratch:
        journal = SqliteJournal(Path(scratch) / "journal.db")
        try:
            pipeline = Pipeline(journal, clock, tenant, carriers, profiles or Library().now)
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _result(pipeline, number, line, folder)
        finally:
            journal.close()


def _result(pipeline: Pipeline, number: int, line: str, folder: Path) -> dict[str, Any]:
    try:
        described = msgspec.json.decode(line)
        if not isinstance(described, dict):
            raise InvalidValue("is not a JSON object")
        arrival = _arrival(pipeline, described, folder)
    except (InvalidValue, msgspec.DecodeError, OSError, KeyError, TypeError) as error:
        missing = f"lacks {error}" if isinstance(error, KeyError) else error
        raise InvalidValue(f"line {number}: {missing}") from error
    [receipts] = pipeline.commit([arrival])
    result = _described(number, arrival, receipts)
    if arrival.envelope.transport == "file" and arrival.messages and "zone" not in described:
        result["reason"] = f"no zone was stated: local times were read as {_UNSTATED_ZONE}"
    return result


def _arrival(pipeline: Pipeline, described: dict[str, Any], folder: Path) -> Arrival:
    received_at = None if described.get("received_at") is None else _text(described, "received_at")
    received_at_ms = None if received_at is None else ms_from_iso(received_at)
    match described.get("transport"):
        case "mqtt":
            envelope = Envelope(
                "mqtt", _text(described, "topic"), payload_of(described), 0, described.get("qos", 0),
                described.get("retain", False), described.get("dup", False),
            )  # fmt: skip
        case "http":
            kind = described.get("content_type")
            envelope = Envelope("http", _text(described, "source"), payload_of(described), 0, content_type=kind)
        case "file":
            path = folder / _text(described, "path")
            envelope = Envelope("file", path.name, path.read_bytes(), received_at_ms or pipeline.clock.now_ms())
            return file_arrival(envelope, described.get("zone", _UNSTATED_ZONE), described)
        case other:
            raise InvalidValue(f"transport {other!r} is none of mqtt, http, file")
    if received_at_ms is None:
        received_at_ms = _newest_declared_ms(pipeline, envelope)
    return pipeline.arrival(envelope._replace(received_at_ms=received_at_ms))


def _text(described: dict[str, Any], name: str) -> str:
    value = described[name]
    if not isinstance(value, str):
        raise InvalidValue(f"{name} = {value!r} is not a text")
    return value


def _newest_declared_ms(pipeline: Pipeline, envelope: Envelope) -> int:
    """The newest time in the message itself; the clock's where it has none."""
    now_ms, context = pipeline.clock.now_ms(), Context(pipeline.profiles())
    found = [
        reading.event_time_ms
        for carrier in pipeline.carriers
        if envelope.source == "auto" or carrier.claims(envelope)
        for message in carrier.decode(envelope._replace(received_at_ms=now_ms), context).messages
        for reading in message.readings
        if reading.time_source != "arrival"
    ]
    return max(found, default=now_ms)


def _described(number: int, arrival: Arrival, receipts: list[Receipt]) -> dict[str, Any]:
    stored = [reading for receipt in receipts for reading in receipt.stored]
    refusals = [refusal for receipt in receipts for refusal in receipt.refusals]
    first = arrival.messages[0] if arrival.messages else None
    return {
        "line": number,
        "outcome": _outcome(arrival, receipts).value,
        "reason": refusals[0].reason if refusals else None,
        "adapter": first.adapter if first else None,
        "device_profile": first.device_profile if first else None,
        "readings": [row for reading in stored if _MEASURED & (row := reading_json(reading)).keys()],
        "quarantined": [
            {
                "channel": refusal.channel,
                "event_time": None if refusal.event_time_ms is None else iso(refusal.event_time_ms),
                "field": refusal.field,
                "value": refusal.value,
                "reason": refusal.reason,
            }
            for refusal in refusals
        ],
        "faults": [_fault(reading) for reading in stored if reading.fault is not None],
        "status": {key: value for message in arrival.messages for key, value in (message.status or {}).items()},
    }


def _outcome(arrival: Arrival, receipts: list[Receipt]) -> Outcome:
    outcomes = {receipt.outcome for receipt in receipts}
    if arrival.envelope.transport == "file" and arrival.messages and outcomes != {Outcome.DUPLICATE}:
        return Outcome.FILE
    return next(outcome for outcome in _FIRST if outcome in outcomes)


def _fault(reading: Reading) -> dict[str, Any]:
    return {"channel": reading.channel, "event_time": iso(reading.event_time_ms), "fault": reading.fault}
