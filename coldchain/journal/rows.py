"""Between the domain's values and the rows of the tables `reading` and `message`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from coldchain.domain.message import Envelope, Outcome, Refusal
from coldchain.domain.reading import Reading
from coldchain.journal.database import Row
from coldchain.journal.port import StoredMessage
from coldchain.journal.tables import READING_COLUMNS
from coldchain.journal.words import Context, context_from, storable

OUTCOMES = tuple(Outcome)
OUTCOME_NUMBER = {outcome: number for number, outcome in enumerate(OUTCOMES)}

# Where things stand in a row of the table `reading`.
BOOT, SEQ, FAULT, INTERPRETATION, TIE = (
    READING_COLUMNS.index(name) for name in ("boot", "seq", "fault", "interpretation", "tie")
)
_DOOR, _DEVICE_TIME = READING_COLUMNS.index("door_open"), READING_COLUMNS.index("device_time")
VALUES = slice(READING_COLUMNS.index("temperature_mc"), READING_COLUMNS.index("pressure_mhpa") + 1)

Numbers = Mapping[str | Context, int]
Names = Mapping[int, tuple[str, str]]  # series → (logger, channel)


def reading_row(reading: Reading, series: int, numbers: Numbers) -> Row:
    """A reading that has its offset as a row of the table `reading`."""
    fault, alarm, device_time = reading[19], reading[20], reading[5]
    row: Row = (
        reading[25], series, reading[2], reading[3], numbers[reading[4]], *reading[5:18], int(reading[18]),
        None if fault is None else numbers[fault], None if alarm is None else numbers[alarm], numbers[reading[21]],
        *reading[22:25], reading[26],
    )  # fmt: skip
    if reading.door_open is not None:
        row = (*row[:_DOOR], int(reading.door_open), *row[_DOOR + 1 :])
    if device_time is not None and not device_time.isprintable():
        row = (*row[:_DEVICE_TIME], storable(device_time), *row[_DEVICE_TIME + 1 :])
    return row


def reading_from(row: Sequence[Any], names: Names, texts: Mapping[int, str]) -> Reading:
    """The reading behind a row of the table `reading`."""
    (
        position, series, event_time, record_time, source, device_time, boot, seq, temperature, humidity, latitude,
        longitude, battery, voltage, light, door, shock, pressure, historical, fault, alarm, profile, interpretation,
        flags, tie, message,
    ) = row  # fmt: skip
    logger, channel = names[series]
    return Reading(
        logger, channel, event_time, record_time, texts[source], device_time, boot, seq, temperature, humidity,
        latitude, longitude, battery, voltage, light, None if door is None else bool(door), shock, pressure,
        bool(historical), None if fault is None else texts[fault], None if alarm is None else texts[alarm],
        texts[profile], interpretation, flags, tie, position, message,
    )  # fmt: skip


def refusals_text(refusals: Sequence[Refusal]) -> str | None:
    """Refusals as the text of a column, None when there are none."""
    return json.dumps([list(refusal) for refusal in refusals]) if refusals else None


def message_from(row: Sequence[Any], logger: str | None, texts: Mapping[int, str]) -> StoredMessage:
    """The message behind a row of the table `message`."""
    position, _, _, key, boot, seq, received, context, outcome, refusals, length, sha256, payload = row
    transport, source, content_type, user, qos, retain, dup, adapter, profile = context_from(texts[context])
    envelope = Envelope(
        transport, source, bytes(payload), received, qos, retain, dup, content_type, user, length, sha256
    )
    return StoredMessage(
        position,
        logger,
        f"{boot}:{seq}" if key is None else key,
        envelope,
        adapter,
        profile,
        OUTCOMES[outcome],
        tuple(Refusal(*refusal) for refusal in json.loads(refusals or "[]")),
    )
