"""Which of the newly computed stretches are the ones on record: matched by overlap. Pure.

A merge keeps the earliest id and points the others to it; a split keeps the id on the first part.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from coldchain.domain.finding import AlarmCondition, Excursion

_FOREVER = 1 << 62


class Stretch(NamedTuple):
    """One interval of something that can be matched only with the same `key`; `end_ms` None = still open."""

    id: str
    key: Hashable
    start_ms: int
    end_ms: int | None

    def overlaps(self, other: "Stretch") -> bool:
        """Whether both are of one kind and share a moment."""
        if self.key != other.key:
            return False
        own_end = _FOREVER if self.end_ms is None else self.end_ms
        other_end = _FOREVER if other.end_ms is None else other.end_ms
        return self.start_ms <= other_end and other.start_ms <= own_end


def stretch(item: Excursion) -> Stretch:
    """An excursion as it is matched: with those of its logger, channel and direction."""
    return Stretch(item.id, (item.logger, item.channel, item.direction), item.onset_ms, item.end_ms)


def alarm_stretch(id_: str, said: AlarmCondition) -> Stretch:
    """An alarm as it is matched: with those of its logger, channel and cause."""
    return Stretch(id_, (said.logger, said.channel, said.cause), said.onset_ms, said.end_ms)


class Matching(NamedTuple):
    """`kept`: new id → recorded id; `merged`: recorded id → the new id it is part of; `vanished`: recorded ids."""

    kept: dict[str, str]
    merged: dict[str, str]
    vanished: tuple[str, ...]


def match(recorded: Sequence[Stretch], computed: Sequence[Stretch]) -> Matching:
    """Match what is recorded with what is computed now; ids within each sequence are unique."""
    kept: dict[str, str] = {}
    taken: set[str] = set()
    oldest_first = sorted(recorded, key=lambda item: (item.start_ms, item.id))
    for new in sorted(computed, key=lambda item: (item.start_ms, item.id)):
        old = next((item for item in oldest_first if item.id not in taken and item.overlaps(new)), None)
        if old is not None:
            kept[new.id] = old.id
            taken.add(old.id)
    merged: dict[str, str] = {}
    vanished: list[str] = []
    for old in oldest_first:
        if old.id not in taken:
            host = next((new for new in computed if old.overlaps(new)), None)
            if host is None:
                vanished.append(old.id)
            else:
                merged[old.id] = host.id
    return Matching(kept, merged, tuple(vanished))
