"""A shipment's way in words: who had the goods when, and on which leg they were, as its milestones tell it."""

from collections.abc import Sequence
from typing import Any

from compliance.inputs import Span

_BEGINS_A_LEG = ("departure", "leg")
Named = tuple[tuple[str, Span], ...]


def holders_of(happened: Sequence[Any]) -> Named:
    """Custodians with their stretches of time, from milestones that happened, in order of time.

    Whoever a milestone names has the goods until another one names somebody else.
    """
    return _lasting([(item.custodian, item.happened_ms) for item in happened if item.custodian])


def legs_of(happened: Sequence[Any]) -> Named:
    """Legs with their stretches of time: from a departure or the start of a leg until the next one, or the arrival."""
    moves = [item for item in happened if item.kind in (*_BEGINS_A_LEG, "arrival")]
    return _lasting([(item.name if item.kind in _BEGINS_A_LEG else "", item.happened_ms) for item in moves])


def _lasting(named: Sequence[tuple[str, int]]) -> Named:
    """Each name from its moment until another one's; an empty name only ends the one before it."""
    changes: list[tuple[str, int]] = []
    for name, moment in named:
        if changes and changes[-1][1] == moment:
            changes.pop()
        if not changes or changes[-1][0] != name:
            changes.append((name, moment))
    ends = [*(moment for _, moment in changes[1:]), None] if changes else []
    return tuple((name, Span(start, end)) for (name, start), end in zip(changes, ends, strict=True) if name)
