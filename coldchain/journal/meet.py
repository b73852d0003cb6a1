"""What becomes of a reading that meets others of its logger, channel and moment: duplicate, tie or conflict."""

from collections.abc import Sequence

from coldchain.domain.message import Refusal
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading, flag_bits
from coldchain.journal.database import Row
from coldchain.journal.decisions import Decisions, Known
from coldchain.journal.rows import BOOT, FAULT, INTERPRETATION, SEQ, TIE, VALUES, reading_row
from coldchain.journal.state import LoggerRow

_FUTURE = flag_bits("future")
_TIE = flag_bits("tie")
_BATTERY = (4, 5)  # per cent and volts, of the ten values
_reading = Reading._make


class Meeting:
    """Decides the readings of a batch, message by message."""

    def __init__(self, known: Known, made: Decisions) -> None:
        self._known = known
        self.made = made

    def decide(
        self, readings: Sequence[Reading], row: LoggerRow, message: int
    ) -> tuple[list[Reading], int, list[Refusal]]:
        """What is stored of `readings`, how many of them are duplicates, and what contradicts stored ones."""
        known, series, numbers = self._known.readings, self._known.series, self._known.numbers
        stored: list[Reading] = []
        duplicates, refusals = 0, []
        for reading in readings:
            number = series[row.id, reading[1]]
            key = (reading[2], number)
            tie, flags = 0, reading[23]
            others = known.get(key)
            if others is None:
                others = known[key] = []
            else:
                same = [other for other in others if other[INTERPRETATION] == reading.interpretation]
                twin = self._equal(same, reading)
                if twin is not None:
                    duplicates += 1
                    self._remember_earlier(twin, reading)
                    continue
                if not all(_both_numbered(other, reading) for other in same):
                    refusals.append(_conflict(reading, same))
                    continue
                if same:
                    tie, flags = 1 + max(other[TIE] for other in same), flags | _TIE
            self.made.head = position = self.made.head + 1
            kept = _reading((*reading[:23], flags, tie, position, message))
            stored.append(kept)
            made = reading_row(kept, number, numbers)
            others.append(made)
            self.made.readings.append(made)
            self._newest(number, kept, ahead=bool(flags & _FUTURE))
        return stored, duplicates, refusals

    def _equal(self, same: list[Row], reading: Reading) -> Row | None:
        """The stored row that says everything that `reading` says."""
        fault = None if reading.fault is None else self._known.numbers[reading.fault]
        values = reading[8:18]
        alike = [other for other in same if other[FAULT] == fault]
        found = next((other for other in alike if other[VALUES] == values), None)
        # Of two messages that are numbered, each says all that its logger meant: what differs is a tie.
        apart = (other for other in alike if not _both_numbered(other, reading) and contains(other[VALUES], values))
        return found or next(apart, None)

    def _remember_earlier(self, twin: Row, reading: Reading) -> None:
        """Ties are ordered by the earliest message that carried a value, whichever of them arrived first."""
        if reading.boot is None or reading.seq is None or twin[BOOT] is None or twin[SEQ] is None:
            return
        if (reading.boot, reading.seq) < (twin[BOOT], twin[SEQ]):
            self.made.earlier.append((twin[0], self.made.next(), reading.boot, reading.seq))

    def _newest(self, series: int, kept: Reading, *, ahead: bool) -> None:
        order = (kept[2], kept[6] or 0, kept[7] or 0, -(1 << 40) if kept[8] is None else kept[8], kept[25])
        if ahead:
            self.made.ahead.append((order[4], series, *order[:4]))
            return
        newest = self.made.latest.get(series)
        if newest is None or order > newest:
            self.made.latest[series] = order


def contains(stored: Sequence[int | None], values: Sequence[int | None]) -> bool:
    """Whether stored values say everything that `values` say: the same sample by a road that tells less of it.

    A file holds a temperature where the radio message held humidity and battery beside it. The battery alone, which
    says nothing of the goods, may be new: messages of the logger itself tell it.
    """
    common = False
    for place, (kept, told) in enumerate(zip(stored, values, strict=True)):
        if told is None or (kept is None and place in _BATTERY):
            continue
        if kept != told:
            return False
        common = common or place not in _BATTERY
    return common


def _both_numbered(known: Row, reading: Reading) -> bool:
    return (
        known[SEQ] is not None and reading.seq is not None and (known[BOOT], known[SEQ]) != (reading.boot, reading.seq)
    )


def _conflict(reading: Reading, same: list[Row]) -> Refusal:
    value = "temperature_mc" if reading.temperature_mc is not None else "values"
    reason = (
        f"{reading.channel} at {iso(reading.event_time_ms)} is stored at offset {same[0][0]} with other values; "
        "the first value stands and this one is kept in its message"
    )
    text = str(reading.temperature_mc if value == "temperature_mc" else reading.values)
    return Refusal(reason, value, text, reading.channel, reading.event_time_ms)
