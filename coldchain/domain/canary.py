"""The canary: a test message that takes the whole way of a reading, so that an interruption anywhere is noticed."""

import uuid
from typing import NamedTuple

USER = "coldchain-canary"  # signs in at the listener; no logger may have this name
CHANNEL = "canary"  # of its rows in the outbox: they end here and reach nobody
LISTENER, BROKER = "listener", "broker"  # the roads that it takes


class Canary(NamedTuple):
    """One test message that is committed: over which road, when it set out, and the journal's head behind it."""

    road: str
    sent_ms: int
    offset: int


def recipient(road: str) -> str:
    """Whom the outbox calls the recipient of this road's canaries: an id like a person's, and nobody's."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:coldchain:canary:{road}"))


def topic(tenant: str) -> str:
    """Where it is published; no logger's topic has this form."""
    return f"cc/v1/{tenant}/canary"


def is_canary(topic: str) -> bool:
    """Whether a topic is the canary's, of whatever tenant."""
    parts = topic.split("/")
    return len(parts) == 4 and parts[:2] == ["cc", "v1"] and parts[3] == "canary"
