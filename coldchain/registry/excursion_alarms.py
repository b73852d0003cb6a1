"""What alarms say of excursions: when people were first told, and how long it took until one of them answered."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from coldchain.domain.quantity import iso
from coldchain.registry.schema import alarm, alarm_event


def answers(connection: Connection, excursions: Sequence[Row[Any]]) -> dict[str, dict[str, Any]]:
    """By the excursion's id, where an alarm links it: `raised`, `acknowledged`, `time_to_acknowledge_s`.

    Of several alarms the one that was raised first counts as the telling, and the first acknowledgement as the answer;
    later ones (an alarm that was announced again) do not change how long it took.
    """
    wanted = {row.id for row in excursions}
    linked = _linked(connection, wanted, {row.subject_id for row in excursions})
    first = func.min(alarm_event.c.at_ms)
    query = select(alarm_event.c.alarm, first).where(
        alarm_event.c.alarm.in_({row.id for rows in linked.values() for row in rows}),
        alarm_event.c.kind == "acknowledged",
    )
    acknowledged = {row[0]: int(row[1]) for row in connection.execute(query.group_by(alarm_event.c.alarm))}
    return {id_: _answer(rows, acknowledged) for id_, rows in linked.items()}


def _linked(connection: Connection, wanted: Collection[str], subjects: Collection[str]) -> dict[str, list[Any]]:
    columns = (alarm.c.id, alarm.c.excursions, alarm.c.raised_ms)
    found: dict[str, list[Any]] = {}
    for row in connection.execute(select(*columns).where(alarm.c.subject_id.in_(subjects))):
        for id_ in row.excursions or ():
            if id_ in wanted:
                found.setdefault(id_, []).append(row)
    return found


def _answer(alarms: Sequence[Any], acknowledged: dict[str, int]) -> dict[str, Any]:
    raised = min(row.raised_ms for row in alarms)
    answered = min((acknowledged[row.id] for row in alarms if row.id in acknowledged), default=None)
    told = {"raised": iso(raised)}
    if answered is None:
        return told
    return {**told, "acknowledged": iso(answered), "time_to_acknowledge_s": max(answered - raised, 0) / 1000}
