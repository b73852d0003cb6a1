"""A body that is one JSON object, as most senders have it: a look at it, its fields, and the one message that it is."""

from collections.abc import Callable
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope
from sensors.carriers.fields import Wrong
from sensors.carriers.uplink import tree_of


def peeked(payload: bytes) -> dict[str, Any]:
    """The object that a body is, an empty one for anything else: to recognise a format by. Never raises."""
    try:
        tree = tree_of(payload)
    except Wrong:
        return {}
    return tree if type(tree) is dict else {}


def object_of(payload: bytes, reason: str) -> dict[str, Any]:
    """The object that a body is.

    Args:
        payload: the body.
        reason: why JSON of another kind is refused, as the end of a sentence.

    Raises:
        Wrong: it is none.
    """
    tree = tree_of(payload)
    if type(tree) is not dict:
        raise Wrong("payload", tree, reason)
    return tree


def alone(envelope: Envelope, reason: str, read: Callable[[dict[str, Any]], Decoded]) -> Arrival:
    """The arrival of the one message that the body of `envelope` is.

    Args:
        envelope: around it.
        reason: as for `object_of`.
        read: what its fields say; may raise `Wrong`, which becomes the refusal.
    """
    try:
        return Arrival(envelope, (read(object_of(envelope.payload, reason)),))
    except Wrong as wrong:
        return Arrival(envelope, refusal=wrong.refusal())
