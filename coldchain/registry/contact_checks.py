"""What proofs and drills hang on: one silent record per contact, and the rows of what was asked and answered."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from coldchain.errors import InvalidValue
from coldchain.registry import outbox
from coldchain.registry.schema import alarm, person
from coldchain.registry.schema import outbox as outbox_table
from coldchain.registry.schema_people import contact_proof, drill, party_contact
from coldchain.registry.store import new_id

CAUSE = "contact_check"
PROOF_MS = 24 * 3600_000
_PAUSE_MS = 60_000  # between two proofs of one address
_A_DAY = 6
_TRIES = 5
_AT_A_TIME = 20


def record_of(connection: Connection, recipient: str, now_ms: int) -> Row[Any]:
    """The alarm row that a contact's own messages belong to: over and off the board, so that it concerns nobody."""
    subject = {"subject_kind": "system", "subject_id": f"contact:{recipient}"}
    query = select(alarm).where(*(alarm.c[name] == value for name, value in subject.items()), alarm.c.cause == CAUSE)
    row = connection.execute(query).one_or_none()
    if row is not None:
        return row
    values = {
        "id": new_id(), **subject, "cause": CAUSE, "condition": "returned", "severity": 0, "onset_ms": now_ms,
        "changed_ms": now_ms, "end_ms": now_ms, "rules": [], "excursions": [], "raised_ms": now_ms,
        "suppression": "none", "quality": "good", "reset_ms": now_ms, "version": 1,
        "acknowledged_ms": now_ms, "acknowledged_by": "notifier", "acknowledged_via": "api",
    }  # fmt: skip
    connection.execute(alarm.insert().values(**values))
    return connection.execute(query).one()


def queue(
    connection: Connection,
    record: Row[Any],
    *,
    recipient: str,
    recipient_kind: str,
    channel: str,
    address: str,
    content: dict[str, Any],
    code: str | None,
    now_ms: int,
) -> str | None:
    """Put a message of a contact's own into the outbox, by the same road as every alarm."""
    newest = select(func.max(outbox_table.c.occasion)).where(outbox_table.c.alarm == record.id)
    occasion = int(connection.execute(newest).scalar_one() or 0) + 1
    key = {"alarm": record.id, "occasion": occasion, "step": 0, "recipient": recipient, "channel": channel}
    return outbox.queue(
        connection,
        {
            **key, "recipient_kind": recipient_kind, "reason": content["reason"], "address": address,
            "content": content, "code": code, "created_ms": now_ms, "next_due_ms": now_ms,
        },
    )  # fmt: skip


# --- proofs ---------------------------------------------------------------------------------------------------------


def begin_proof(
    connection: Connection, *, recipient: str, kind: str, channel: str, address: str, now_ms: int
) -> tuple[str, str]:
    """(id, code) of a new proof; those before it are void.

    Raises:
        InvalidValue: one was sent a moment ago, or enough for a day.
    """
    before = select(contact_proof.c.sent_ms).where(
        contact_proof.c.recipient == recipient, contact_proof.c.channel == channel
    )
    lately = list(connection.execute(before.where(contact_proof.c.sent_ms > now_ms - PROOF_MS)).scalars())
    if any(sent > now_ms - _PAUSE_MS for sent in lately):
        raise InvalidValue("channel: a proof was sent a moment ago; wait a minute before you ask for another")
    if len(lately) >= _A_DAY:
        raise InvalidValue(
            f"channel: {_A_DAY} proofs were sent within a day; correct the address or wait until tomorrow"
        )
    id_, code = new_id(), f"{secrets.randbelow(900_000) + 100_000}"
    void = update(contact_proof).where(contact_proof.c.recipient == recipient, contact_proof.c.channel == channel)
    connection.execute(void.where(contact_proof.c.proved_ms.is_(None)).values(expires_ms=now_ms))
    connection.execute(
        contact_proof.insert().values(
            id=id_, recipient=recipient, recipient_kind=kind, channel=channel, address=address,
            code_hash=_hash(id_, code), sent_ms=now_ms, expires_ms=now_ms + PROOF_MS,
        )
    )  # fmt: skip
    return id_, code


def proof(connection: Connection, id: str) -> Row[Any] | None:  # noqa: A002
    """One proof."""
    return connection.execute(select(contact_proof).where(contact_proof.c.id == id)).one_or_none()


def proof_by_code(connection: Connection, recipient: str, code: str, now_ms: int) -> Row[Any] | None:
    """The open proof that this code belongs to; every wrong one counts, and five end it."""
    query = select(contact_proof).where(contact_proof.c.recipient == recipient, contact_proof.c.proved_ms.is_(None))
    open_ = list(connection.execute(query.where(contact_proof.c.expires_ms > now_ms, contact_proof.c.tries < _TRIES)))
    for row in open_:
        if hmac.compare_digest(row.code_hash, _hash(row.id, code)):
            return row
    for row in open_:
        connection.execute(
            update(contact_proof).where(contact_proof.c.id == row.id).values(tries=contact_proof.c.tries + 1)
        )
    return None


def proved(connection: Connection, row: Row[Any], now_ms: int) -> bool:
    """Write down that an address works; False if the contact has another address by now."""
    connection.execute(update(contact_proof).where(contact_proof.c.id == row.id).values(proved_ms=now_ms))
    return verify(connection, row.recipient, row.recipient_kind, row.channel, row.address, now_ms)


def verify(connection: Connection, recipient: str, kind: str, channel: str, address: str, now_ms: int) -> bool:
    """Mark an address as verified, if it is the contact's still."""
    table = party_contact if kind == "party" else person
    column, verified = ("phone", "phone_verified_ms") if channel == "sms" else ("email", "email_verified_ms")
    same = update(table).where(table.c.id == recipient, table.c[column] == address)
    return connection.execute(same.values({verified: now_ms})).rowcount == 1


def never_asked(connection: Connection, channels: Collection[str]) -> list[tuple[str, str]]:
    """(person, channel) of every unverified address that no proof was ever sent to; a few at a time."""
    found: list[tuple[str, str]] = []
    for channel, address, verified in (
        ("email", person.c.email, person.c.email_verified_ms), ("sms", person.c.phone, person.c.phone_verified_ms),
    ):  # fmt: skip
        if channel not in channels:
            continue
        asked = select(contact_proof.c.id).where(
            contact_proof.c.recipient == person.c.id, contact_proof.c.channel == channel,
            contact_proof.c.address == address,
        )  # fmt: skip
        query = select(person.c.id).where(verified.is_(None), address.is_not(None), person.c.disabled_ms.is_(None))
        ids = connection.execute(query.where(~asked.exists()).order_by(person.c.id).limit(_AT_A_TIME)).scalars()
        found += [(id_, channel) for id_ in ids]
    return found


def proofs_of(connection: Connection, recipient: str) -> list[Row[Any]]:
    """Every proof that was asked of a contact, the newest first."""
    query = select(contact_proof).where(contact_proof.c.recipient == recipient)
    return list(connection.execute(query.order_by(contact_proof.c.sent_ms.desc(), contact_proof.c.id)))


def _hash(id_: str, code: str) -> str:
    return hashlib.sha256(f"{id_}:{code}".encode()).hexdigest()


# --- drills ---------------------------------------------------------------------------------------------------------


def begin_drill(
    connection: Connection, *, recipient: str, channel: str, address: str, alarm_id: str, now_ms: int, due_ms: int
) -> str:
    """Write down that a drill is sent."""
    id_ = new_id()
    row = {"id": id_, "recipient": recipient, "channel": channel, "address": address, "alarm": alarm_id}
    connection.execute(drill.insert().values(**row, sent_ms=now_ms, due_ms=due_ms))
    return id_


def drill_of(connection: Connection, id: str) -> Row[Any] | None:  # noqa: A002
    """One drill."""
    return connection.execute(select(drill).where(drill.c.id == id)).one_or_none()


def answer_drill(connection: Connection, row: Row[Any], via: str, now_ms: int) -> bool:
    """Write down the answer; False if there is one already."""
    unanswered = update(drill).where(drill.c.id == row.id, drill.c.answered_ms.is_(None))
    return connection.execute(unanswered.values(answered_ms=now_ms, answered_via=via)).rowcount == 1


def newest_drills(connection: Connection) -> dict[tuple[str, str], Row[Any]]:
    """The newest drill of each (recipient, channel)."""
    rows = connection.execute(select(drill).order_by(drill.c.sent_ms, drill.c.id))
    return {(row.recipient, row.channel): row for row in rows}


def overdue_drills(connection: Connection, now_ms: int) -> list[Row[Any]]:
    """Drills without an answer whose time is over, not yet found."""
    query = select(drill).where(drill.c.answered_ms.is_(None), drill.c.missed_ms.is_(None), drill.c.due_ms <= now_ms)
    return list(connection.execute(query.order_by(drill.c.due_ms)))


def miss_drill(connection: Connection, id: str, now_ms: int) -> None:  # noqa: A002
    """Write down that no answer came."""
    connection.execute(update(drill).where(drill.c.id == id).values(missed_ms=now_ms))


def drills(connection: Connection, limit: int) -> list[Row[Any]]:
    """The newest drills with the names of who was asked."""
    query = select(drill, person.c.name.label("recipient_name")).outerjoin(person, person.c.id == drill.c.recipient)
    return list(connection.execute(query.order_by(drill.c.sent_ms.desc(), drill.c.id).limit(limit)))
