"""The canary's mark in the journal: one pair of numbers for each road, so that it leaves nothing that could pile up."""

from coldchain.domain.canary import BROKER, LISTENER, Canary
from coldchain.journal.database import Session
from coldchain.journal.lookup import meta, set_meta

_ROADS = (LISTENER, BROKER)


def note(session: Session, road: str, sent_ms: int) -> int:
    """Write down, in a writing transaction, that the canary that set out at `sent_ms` was committed; the head."""
    head = meta(session, "head")
    if road in _ROADS and meta(session, f"canary_{road}") != sent_ms:
        set_meta(session, f"canary_{road}", sent_ms)
        set_meta(session, f"canary_{road}_at", head)
    return head


def newest(session: Session) -> list[Canary]:
    """The newest canary of each road that was ever used."""
    found = [(road, meta(session, f"canary_{road}"), meta(session, f"canary_{road}_at")) for road in _ROADS]
    return [Canary(*one) for one in found if one[1]]
