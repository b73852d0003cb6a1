"""The canary's last steps: from the engine into the outbox, and out through a channel that ends here."""

from typing import Protocol

from sqlalchemy import Connection, delete, func, select, update

from alerts.announcement import AlarmFacts, Announcement, Reader
from alerts.channels.port import Message, Sent
from alerts.subjects import SYSTEM_CARD
from coldchain.domain.canary import CHANNEL, Canary, recipient
from coldchain.domain.finding import Condition, Severity
from coldchain.registry import outbox as rows
from coldchain.registry.schema import alarm, delivery_attempt, outbox
from coldchain.registry.store import new_id

_AT_ONCE = 3  # one whose outcome was lost waits for two minutes; the next ones show that the way is free
_KIND = "canary"  # no kind of subject: no list, page or timer knows it


class Arrivals(Protocol):
    """Where canaries are committed (`coldchain.journal`)."""

    def canaries(self) -> list[Canary]:
        """The newest of each road."""
        ...


class CanaryPost:
    """Takes each canary from the journal into the outbox, as the engine's own transaction goes by."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._passed: dict[str, int] = {}
        self._waiting: list[Canary] = []

    def waits(self, through: int) -> bool:
        """Whether one was committed that the engine has not passed on, with nothing before it left to judge."""
        newest = self._arrivals.canaries()
        self._waiting = [
            one for one in newest if one.offset <= through and self._passed.get(one.road) != one.sent_ms
        ]  # fmt: skip
        return bool(self._waiting)

    def pass_on(self, connection: Connection, now_ms: int) -> None:
        """Queue those that `waits` found, inside the engine's transaction; earlier ones are cleared away."""
        for one in self._waiting:
            hidden = _alarm(connection, now_ms)
            _clear(connection, one.road)
            if _on_their_way(connection, one.road) < _AT_ONCE:
                _queue(connection, hidden, one, now_ms)
        self._passed |= {one.road: one.sent_ms for one in self._waiting}
        self._waiting = []


class CanaryChannel:
    """Where canaries end: they have passed everything, and nobody is told."""

    def send(self, message: Message) -> Sent:
        """It has arrived."""
        return Sent(message.id, "passed", "the whole chain works")


def _queue(connection: Connection, hidden: str, one: Canary, now_ms: int) -> None:
    occasion = connection.execute(select(alarm.c.occasion).where(alarm.c.id == hidden)).scalar_one() + 1
    connection.execute(update(alarm).where(alarm.c.id == hidden).values(occasion=occasion))
    # A message like any other, so that whoever writes messages is tried as well.
    facts = AlarmFacts(hidden, SYSTEM_CARD, _KIND, "active", int(Severity.INFO), one.sent_ms, rules=(one.road,))
    reader = Reader(recipient(one.road), "canary", may_acknowledge=False)
    content = Announcement("raised", now_ms, reader, (facts,), number=occasion).as_json()
    row = {"alarm": hidden, "occasion": occasion, "step": 0, "recipient": recipient(one.road), "channel": CHANNEL}
    times = {"created_ms": now_ms, "next_due_ms": now_ms}
    rows.queue(connection, {**row, **times, "reason": "raised", "address": CHANNEL, "content": content})


def _clear(connection: Connection, road: str) -> None:
    """Forget all that have arrived but the newest."""
    mine = (outbox.c.channel == CHANNEL, outbox.c.recipient == recipient(road), outbox.c.accepted_ms.is_not(None))
    arrived = connection.execute(select(outbox.c.id).where(*mine).order_by(outbox.c.occasion.desc())).scalars()
    old = list(arrived)[1:]
    if old:
        connection.execute(delete(delivery_attempt).where(delivery_attempt.c.outbox.in_(old)))
        connection.execute(delete(outbox).where(outbox.c.id.in_(old)))


def _on_their_way(connection: Connection, road: str) -> int:
    """How many earlier ones have not come out yet: more than a few would only pile up."""
    waiting = select(func.count()).where(outbox.c.channel == CHANNEL, outbox.c.recipient == recipient(road))
    waiting = waiting.where(outbox.c.state.in_(rows.WAITING_STATES))
    return int(connection.execute(waiting).scalar_one())


def _alarm(connection: Connection, now_ms: int) -> str:
    """The row that canaries hang on, as every message hangs on an alarm; it was never raised, so nobody sees it."""
    known = connection.execute(select(alarm.c.id).where(alarm.c.subject_kind == _KIND)).scalar_one_or_none()
    if known is not None:
        return str(known)
    made = new_id()
    condition = {"condition": Condition.PENDING.value, "severity": int(Severity.INFO), "cause": _KIND}
    times = {"onset_ms": now_ms, "changed_ms": now_ms, "raised_ms": now_ms}
    rest = {"subject_id": _KIND, "rules": [], "excursions": [], "suppression": "none", "quality": "good"}
    connection.execute(alarm.insert().values(id=made, subject_kind=_KIND, **condition, **times, **rest))
    return made
