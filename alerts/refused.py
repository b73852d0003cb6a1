"""A step of which every message was refused for good: the next one comes forward at once instead of at its time.

Decided from the rows of the outbox in the transaction that writes the last refusal down, and noted on the alarm: so it
happens once for each step, whatever crashes. Behind the last step stands everybody on call.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from alerts.decisions import Reason
from alerts.policy import TargetKind
from alerts.rulebook import Rulebook
from coldchain.registry import alarm_rows, outbox
from coldchain.registry.schema import outbox as rows_of

NOTE = "step_refused"
_SINCE = (NOTE, "escalated", *(reason.value for reason in Reason if reason.announces))
_NEWS = ("returned", "amended")  # is told to who heard before, and is no step


def hand_on(connection: Connection, rows: Sequence[str], now_ms: int) -> None:
    """Bring the next step forward for each alarm of which these rows were the last hope, in a writing transaction."""
    alarms: set[str] = set()
    for part in outbox.parts(list(rows)):
        query = select(rows_of.c.alarm).where(rows_of.c.id.in_(part), rows_of.c.state == "failed_permanent")
        alarms |= set(connection.execute(query).scalars())
    for id_ in sorted(alarms):
        row = alarm_rows.row_of(connection, id_)
        if _climbs(row) and (refused := _refused(connection, row, now_ms)) and not _handed_on(connection, row):
            body = {"occasion": row.occasion, "step": row.step, "refused": refused}
            alarm_rows.note(connection, id_, at_ms=now_ms, kind=NOTE, who=None, body=body)
            alarm_rows.change(connection, row, next_timer_ms=now_ms)


def stands(connection: Connection, row: Row[Any]) -> bool:
    """Whether the alarm's newest step was refused and nobody has been told since."""
    note = alarm_rows.last_note(connection, row.id, _SINCE)
    return note is not None and note.kind == NOTE and _of_step(note, row)


def _climbs(row: Row[Any]) -> bool:
    asks = row.acknowledged_ms is None and row.merged_into is None and row.suppression == "none"
    return asks and row.policy is not None and row.next_timer_ms is not None and row.occasion_reason not in _NEWS


def _refused(connection: Connection, row: Row[Any], now_ms: int) -> list[str]:
    """Whom the newest step was aimed at, if all of it was refused; empty if anybody was reached or still may be."""
    query = select(rows_of.c.recipient, rows_of.c.recipient_kind, rows_of.c.state)
    mine = (rows_of.c.alarm == row.id, rows_of.c.occasion == row.occasion, rows_of.c.step == row.step)
    found = list(connection.execute(query.where(*mine).order_by(rows_of.c.created_ms, rows_of.c.recipient)))
    policy = Rulebook(connection, now_ms).policy(row.policy, row.policy_version)
    if policy is None or row.step > policy.last:
        return []
    if all(target.kind is not TargetKind.PARTY for target in policy.steps[row.step].targets):
        # Who is only informed cannot answer: that it arrived there helps nobody.
        found = [one for one in found if one.recipient_kind != "party"]
    if any(one.state != "failed_permanent" for one in found):
        return []
    return list(dict.fromkeys(one.recipient for one in found))


def _handed_on(connection: Connection, row: Row[Any]) -> bool:
    """Whether this step of this occasion was handed on already: then everybody on call was refused as well."""
    note = alarm_rows.last_note(connection, row.id, (NOTE,))
    return note is not None and _of_step(note, row)


def _of_step(note: Row[Any], row: Row[Any]) -> bool:
    return bool(note.body["occasion"] == row.occasion and note.body["step"] == row.step)
