"""What does not leave the outbox: for how long messages wait, and whether any channel works at all."""

from sqlalchemy import ColumnElement, Connection, case, func, select

from coldchain.domain.canary import CHANNEL
from coldchain.domain.finding import Condition, Severity
from coldchain.registry.outbox import DUE_STATES, WAITING_STATES
from coldchain.registry.schema import alarm, delivery_attempt, outbox

_AHEAD_MS = 2000
STUCK_MS = 60_000  # so long may every delivery fail before no channel counts as working


def oldest_due_ms(connection: Connection) -> int | None:
    """When the message that has waited longest for somebody was first due; None while none is overdue.

    A message that was tried and put off has been due since its first attempt.
    """
    tried = select(func.min(delivery_attempt.c.started_ms)).where(delivery_attempt.c.outbox == outbox.c.id)
    due = func.coalesce(tried.scalar_subquery(), outbox.c.next_due_ms)
    query = select(func.min(due)).where(outbox.c.state.in_(DUE_STATES), _of_people())
    oldest: int | None = connection.execute(query).scalar_one()
    return oldest


def stuck_since_ms(connection: Connection, now_ms: int) -> int | None:
    """Since when nothing has reached anybody although something should have: no channel works. None while one does.

    Told after a minute of failures, whether messages wait or were refused for good; what one channel or one address of
    several refuses is not this.
    """
    found = [_waiting_since_ms(connection, now_ms), _refused_since_ms(connection, now_ms)]
    return min((since for since in found if since is not None), default=None)


def _waiting_since_ms(connection: Connection, now_ms: int) -> int | None:
    tried = select(func.min(delivery_attempt.c.started_ms)).where(delivery_attempt.c.outbox == outbox.c.id)
    begun = func.coalesce(tried.scalar_subquery(), outbox.c.next_due_ms)
    waiting = (outbox.c.state.in_(WAITING_STATES), _of_people())
    oldest: int | None = connection.execute(select(func.min(begun)).where(*waiting)).scalar_one()
    if oldest is None or now_ms - oldest <= STUCK_MS:
        return None  # as nearly always, and without a look at all that was ever sent
    last = _last_taken_ms(connection, now_ms)
    since: int | None = connection.execute(
        select(func.min(begun)).where(*waiting, outbox.c.created_ms > last)
    ).scalar_one()
    return since if since is not None and now_ms - since > STUCK_MS else None


def _refused_since_ms(connection: Connection, now_ms: int) -> int | None:
    """Since when an active, unanswered alarm was refused by every address it was sent to, with nothing taken since."""
    asks = (
        alarm.c.condition.in_((Condition.ACTIVE.value, Condition.RETURNING.value)), alarm.c.acknowledged_ms.is_(None),
        alarm.c.merged_into.is_(None), alarm.c.suppression == "none", alarm.c.severity >= int(Severity.MAJOR),
    )  # fmt: skip
    refused = select(outbox.c.alarm).join(alarm, alarm.c.id == outbox.c.alarm)
    refused = refused.where(outbox.c.state == "failed_permanent", _of_people(), *asks)
    reached = func.sum(case((outbox.c.state == "failed_permanent", 0), else_=1))
    query = select(func.min(outbox.c.created_ms).label("since_ms")).where(outbox.c.alarm.in_(refused), _of_people())
    since = [row.since_ms for row in connection.execute(query.group_by(outbox.c.alarm).having(reached == 0))]
    long_ago = [one for one in since if now_ms - one > STUCK_MS]
    if not long_ago:
        return None
    last = _last_taken_ms(connection, now_ms)
    return min((one for one in long_ago if one > last), default=None)


def _last_taken_ms(connection: Connection, now_ms: int) -> int:
    # What was taken in the future was taken under a clock that has been put back since.
    taken = select(func.max(outbox.c.accepted_ms)).where(_of_people(), outbox.c.accepted_ms <= now_ms + _AHEAD_MS)
    return connection.execute(taken).scalar_one() or 0


def _of_people() -> ColumnElement[bool]:
    return outbox.c.channel != CHANNEL
