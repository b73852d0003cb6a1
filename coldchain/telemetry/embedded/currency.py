"""Which readings are current: the highest interpretation of each, and ties in the order in which they were made."""

from collections.abc import Sequence

from coldchain.domain.reading import Reading
from coldchain.domain.track import ABSENT
from coldchain.journal.database import Session, listed

Made = tuple[int | None, int | None]  # (boot, seq) of the earliest message that carried a reading's values


def superseded(session: Session, logger: str) -> bool:
    """Whether any message of this logger was ever decoded again."""
    sql = "SELECT 1 FROM reinterpreted x JOIN logger l ON l.id = x.logger WHERE l.name = ? LIMIT 1"
    return bool(session.rows(sql, (logger,)))


def current(session: Session, logger: str, readings: Sequence[Reading], through: int) -> list[tuple[Made, Reading]]:
    """The readings that were current at the offset `through`, ordered by (event time, channel, boot, seq, value)."""
    kept = list(readings)
    if superseded(session, logger):
        kept = _highest(kept, _again(session, logger, through))
    made: dict[int, Made] = {}
    if len({reading[1:3] for reading in kept}) < len(kept):
        made = _earliest(session, kept, through)
    pairs = [(made.get(reading.offset, (reading.boot, reading.seq)), reading) for reading in kept]
    return sorted(pairs, key=_order)


def _again(session: Session, logger: str, through: int) -> dict[int, int]:
    """Message → its highest interpretation at the offset `through`."""
    sql = (
        "SELECT x.message, max(x.interpretation) FROM reinterpreted x JOIN logger l ON l.id = x.logger "
        "WHERE l.name = ? AND x.position <= ? GROUP BY x.message"
    )
    return dict(session.rows(sql, (logger, through)))


def _highest(readings: list[Reading], again: dict[int, int]) -> list[Reading]:
    """Without the readings of a lower interpretation, be it of their message or of their moment."""
    standing = [reading for reading in readings if reading.interpretation >= again.get(reading.message, 0)]
    best: dict[tuple[str, int], int] = {}
    for reading in standing:
        key = (reading.channel, reading.event_time_ms)
        best[key] = max(best.get(key, 0), reading.interpretation)
    return [reading for reading in standing if reading.interpretation == best[reading.channel, reading.event_time_ms]]


def _earliest(session: Session, readings: list[Reading], through: int) -> dict[int, Made]:
    offsets = listed(reading.offset for reading in readings)
    sql = f"SELECT reading, boot, seq FROM earlier WHERE reading IN {offsets} AND position <= ?"  # noqa: S608  integers
    made: dict[int, Made] = {}
    for reading, boot, seq in session.rows(sql, (through,)):
        found = made.get(reading)
        made[reading] = (boot, seq) if found is None else min(found, (boot, seq))
    return made


def _order(pair: tuple[Made, Reading]) -> tuple[int, str, int, int, int, int]:
    (boot, seq), reading = pair
    value = ABSENT if reading.temperature_mc is None else reading.temperature_mc
    return (reading.event_time_ms, reading.channel, boot or 0, seq or 0, int(value), reading.offset)
