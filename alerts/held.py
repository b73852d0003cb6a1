"""What an alarm's row and timeline say of the axes that people and time move, and of what was last announced."""

from typing import Any

from sqlalchemy import Connection, Row

from alerts.decisions import Held, Reason, Told
from coldchain.domain.finding import Condition, Severity
from coldchain.registry import alarm_rows

_SAID = tuple(reason.value for reason in Reason if reason.announces)


def held_of(connection: Connection, row: Row[Any]) -> Held:
    """The axes of an alarm that people and time move, and what was last said of it."""
    said = alarm_rows.last_note(connection, row.id, _SAID)
    return Held(
        told=None if said is None else _read_told(said.body, said.at_ms),
        acknowledged=row.acknowledged_ms is not None,
        suppressed=row.suppression != "none",
        merged=row.merged_into is not None,
        answered_ms=alarm_rows.answered_ms(connection, row),
    )


def shelf_over(connection: Connection, row: Row[Any], now_ms: int) -> bool:
    """Whether an alarm's shelf has ended; one that began in the future was set by a clock that has been put back."""
    began = alarm_rows.last_note(connection, row.id, ("shelved",))
    return (row.suppressed_until_ms or 0) <= now_ms or (began is not None and began.at_ms > now_ms)


def _read_told(body: dict[str, Any], at_ms: int) -> Told:
    return Told(
        Severity(body["severity"]), Condition(body["condition"]), body["onset_ms"], body["end_ms"], body["peak_mc"],
        bool(body["refuted"]), at_ms,
    )  # fmt: skip
