"""What people answer by SMS: `ACK 1234`, from the number that was written to, passed on and signed by the provider."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from alerts import ack_group, ack_link, drills, proofs
from alerts.callbacks import Called, genuine
from alerts.grouping_rows import CODE_LIFE_MS
from coldchain.errors import Forbidden
from coldchain.registry import alarm_rows, contact_checks, people
from coldchain.registry.people import Person
from coldchain.registry.schema import outbox, person

_HOUR_MS = 3600_000
_ANSWER = re.compile(r"(?:ACK|OK)?([0-9]{4}|[0-9]{6})")


class Answer(StrEnum):
    """What an SMS led to."""

    ACKNOWLEDGED = "acknowledged"
    PROVED = "proved"
    DRILL_ANSWERED = "drill_answered"
    WRONG = "wrong"
    UNKNOWN_NUMBER = "unknown_number"
    FORGED = "forged"


def code_in(text: str) -> str | None:
    """The code in an answer, whatever its case, spaces and punctuation; None where there is none."""
    found = _ANSWER.fullmatch(re.sub(r"[^0-9A-Z]", "", text.upper()))
    return None if found is None else found.group(1)


def accept_sms_reply(
    connection: Connection,
    *,
    url: str,
    params: Mapping[str, str],
    signed: str,
    token: str,
    now_ms: int,
    address: str = "",
) -> Answer:
    """Act on one SMS that came in, inside a writing transaction. The same one again changes nothing.

    Args:
        connection: a writing transaction.
        url: the whole address that was called, as the provider knows it.
        params: the form, with `From` and `Body`.
        signed: the header `X-Twilio-Signature`.
        token: the account's secret.
        now_ms: the time.
        address: of the caller, for the record of a forgery.
    """
    called = Called(url, params, signed, address)
    if not genuine(connection, called, token, what="an SMS", now_ms=now_ms):
        return Answer.FORGED
    number, code = params.get("From", ""), code_in(params.get("Body", ""))
    row = None if code is None else _asked(connection, number, code, now_ms)
    done = None if row is None else _act(connection, row, now_ms)
    if done is not None:
        return done
    owner = _owner(connection, number)
    if owner is None:
        return Answer.UNKNOWN_NUMBER
    _say(connection, owner, number, "notice_help" if code is None else "notice_wrong", now_ms)
    return Answer.WRONG


def _asked(connection: Connection, number: str, code: str, now_ms: int) -> Row[Any] | None:
    """The newest message to this number that asked for this code."""
    query = select(outbox).where(outbox.c.channel == "sms", outbox.c.address == number, outbox.c.code == code)
    query = query.where(outbox.c.created_ms > now_ms - CODE_LIFE_MS, outbox.c.attempts > 0, outbox.c.lead.is_(None))
    return connection.execute(query.order_by(outbox.c.created_ms.desc()).limit(1)).one_or_none()


def _act(connection: Connection, row: Row[Any], now_ms: int) -> Answer | None:
    form, values = row.content.get("form"), row.content.get("values") or {}
    if form == "proof":
        asked = contact_checks.proof(connection, values.get("id", ""))
        open_ = asked is not None and asked.expires_ms > now_ms
        proved = asked is not None and open_ and proofs.prove(connection, asked, via="sms", now_ms=now_ms)
        return Answer.PROVED if proved else None
    someone = people.get(connection, row.recipient)
    if someone is None or someone.phone != row.address:
        return None  # a number that was changed since, perhaps because the phone was lost, speaks for nobody any more
    if form == "drill":
        answered = drills.answer(connection, values.get("id", ""), via="sms", now_ms=now_ms)
        return Answer.DRILL_ANSWERED if answered else None
    try:
        reader = ack_link.reader_of(connection, row.recipient, now_ms)
    except Forbidden:
        return None
    told = [one for one in ack_group.told_of(connection, row.id, reader) if not _spent(connection, row, one)]
    if not told:
        return None
    ack_group.acknowledge_all(connection, told, who=reader.id, via="sms", comment="", now_ms=now_ms)
    return Answer.ACKNOWLEDGED


def _spent(connection: Connection, message: Row[Any], alarm: Row[Any]) -> bool:
    """Whether the message was answered already and the alarm asks anew: an old answer is none to what it never saw."""
    answered = alarm_rows.last_note(connection, alarm.id, ("acknowledged",))
    return alarm.acknowledged_ms is None and answered is not None and answered.at_ms >= message.created_ms


def _owner(connection: Connection, number: str) -> Person | None:
    query = select(person.c.id).where(person.c.phone == number, person.c.disabled_ms.is_(None)).limit(1)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else people.get(connection, found)


def _say(connection: Connection, someone: Person, number: str, text: str, now_ms: int) -> None:
    """Answer politely, once an hour at most: two machines must not talk to each other on our bill."""
    record = contact_checks.record_of(connection, someone.id, now_ms)
    said = select(outbox.c.id).where(outbox.c.alarm == record.id, outbox.c.reason == "notice")
    if connection.execute(said.where(outbox.c.created_ms > now_ms - _HOUR_MS).limit(1)).first() is None:
        proofs.send(connection, someone, "notice", "sms", number, {"text": text}, None, now_ms)
