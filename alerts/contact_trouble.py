"""Trouble with a contact ends when it can be no more: whom it names has left, has another name, or lost the address.

Nobody else could end it: no answer will come, and no message will ever be accepted again under that name.
"""

from sqlalchemy import Connection, select

from alerts import proofs, refused
from alerts.outbox import fault_of
from coldchain.registry import contacts, endpoints, outbox_addresses, parties, people, signals
from coldchain.registry.contacts import Recipient
from coldchain.registry.people import Person
from coldchain.registry.schema import person, signal
from coldchain.registry.schema_people import party_contact

FAULT = "contact_fault"
UNANSWERED = "drill_unanswered"


def tidy(connection: Connection, now_ms: int) -> int:
    """End the trouble that names nobody who could still have it, inside a writing transaction; how much that was.

    What waits for people whose access has ended is withdrawn; where nobody else was told the next step comes forward.
    """
    withdrawn = outbox_addresses.withdraw(connection, contacts.gone(connection, now_ms), now_ms)
    refused.hand_on(connection, withdrawn, now_ms)
    return len(withdrawn) + _tidied(connection, now_ms)


def _tidied(connection: Connection, now_ms: int) -> int:
    kinds = (FAULT, UNANSWERED, proofs.UNVERIFIED)
    query = select(signal.c.kind, signal.c.detail).where(signal.c.kind.in_(kinds), signal.c.cleared_ms.is_(None))
    standing = {(row.kind, row.detail) for row in connection.execute(query)}
    if not standing:
        return 0
    gone = standing - _possible(connection, now_ms)
    for kind, detail in sorted(gone):
        signals.clear(connection, kind=kind, detail=detail, now_ms=now_ms)
    return len(gone)


def unanswered_detail(someone: Person, channel: str) -> str:
    """How a drill without an answer is named in a system alarm."""
    return f"{someone.name} did not answer the drill by {channel}; ask whether messages arrive there"


def _possible(connection: Connection, now_ms: int) -> set[tuple[str, str]]:
    """(kind, detail) of all the trouble that there could be with the contacts of this moment."""
    found: set[tuple[str, str]] = set()
    ids = set(connection.execute(select(person.c.id)).scalars())
    for contact in contacts.contacts(connection, ids, now_ms):
        found |= _faults(contacts.recipient(contact))
        someone = people.get(connection, contact.id)
        if someone is None or not someone.on_call:
            continue
        for way in contacts.recipient(contact).ways:
            found.add((UNANSWERED, unanswered_detail(someone, way.channel)))
            if not way.verified:
                found.add((proofs.UNVERIFIED, proofs.unverified_detail(someone, way.channel)))
    ids = set(connection.execute(select(party_contact.c.id)).scalars())
    for one in contacts.parties(connection, ids):
        found |= _faults(one)
    for row in parties.listed(connection):
        if row.email_verified_ms is None:
            found.add((proofs.UNVERIFIED, parties.unverified_detail(row)))
    for one in contacts.endpoints(connection, [one.id for one in endpoints.listed(connection)]):
        found |= _faults(one)
    return found


def _faults(one: Recipient) -> set[tuple[str, str]]:
    return {(FAULT, fault_of(way.channel, {"reader": {"name": one.name}})) for way in one.ways}
