"""Whose clock a reading's time comes from, and what a device's clock may claim."""

from coldchain.domain.message import Decoded
from coldchain.domain.reading import Reading, flag_bits

AHEAD_MS = 5 * 60_000
BACK_MS = 3653 * 86_400_000  # ten years

_FUTURE = flag_bits("future")
_SUSPECT = flag_bits("clock_suspect")
_RETAINED = flag_bits("retained")


def timed(message: Decoded, arrival_ms: int, *, retained: bool = False) -> Decoded:
    """`message` with the times that are believed, seen from its arrival.

    A device's time counts from ten years back to five minutes ahead (then with the flag `future`). Beyond that its
    clock was not set, unless the format lets only a set clock write such a time (`Decoded.clock_set`): those readings
    are moved together, so that the newest of them stands at the next clock that can be right (the network's or
    gateway's that the carrier names, else the arrival) and their spacing stays, with the flag `clock_suspect`; if the
    newest reading of all lies ahead, the clock is wrong for the whole message. A retained message tells of a state and
    not of now: only readings with a time of their own count.
    """
    earliest_ms, rows = 0 if message.clock_set else arrival_ms - BACK_MS, message.readings
    if not retained:
        for row in rows:
            if not earliest_ms <= row.event_time_ms <= arrival_ms:
                break
        else:
            return message
    rows = _moved(rows, earliest_ms, arrival_ms, _next_clock(message, arrival_ms))
    if retained:
        rows = tuple(_flagged(row, _RETAINED) for row in rows if row.time_source != "arrival")
        return message._replace(readings=rows, status=None)
    return message._replace(readings=rows)


def _next_clock(message: Decoded, arrival_ms: int) -> tuple[int, str]:
    """The clock after the device's: what the carrier names if that can be right, else the arrival."""
    if message.clock is not None and arrival_ms - BACK_MS <= message.clock[0] <= arrival_ms + AHEAD_MS:
        return message.clock
    return arrival_ms, "arrival"


def _moved(rows: tuple[Reading, ...], earliest_ms: int, arrival_ms: int, clock: tuple[int, str]) -> tuple[Reading, ...]:
    newest_ms = max((row.event_time_ms for row in rows), default=arrival_ms)
    ahead = newest_ms > arrival_ms + AHEAD_MS
    unset_ms = [row.event_time_ms for row in rows if ahead or row.event_time_ms < earliest_ms]
    by_ms = clock[0] - max(unset_ms, default=clock[0])
    moved = []
    for row in rows:
        if ahead or row.event_time_ms < earliest_ms:
            moved.append(_flagged(_arrived(row, row.event_time_ms + by_ms, arrival_ms, clock), _SUSPECT))
        else:
            moved.append(_flagged(row, _FUTURE) if row.event_time_ms > arrival_ms else row)
    return tuple(moved)


def _arrived(row: Reading, event_time_ms: int, arrival_ms: int, clock: tuple[int, str]) -> Reading:
    """`row` at a time that hangs on `clock`; stamps more than ten years apart have no spacing worth keeping."""
    kept_ms = event_time_ms if event_time_ms >= arrival_ms - BACK_MS else clock[0]
    return row._replace(event_time_ms=kept_ms, time_source=clock[1])


def _flagged(row: Reading, flag: int) -> Reading:
    return row._replace(flags=row.flags | flag)
