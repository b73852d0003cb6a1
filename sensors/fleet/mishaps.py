"""What happens to a shipment or a store: openings, defrosts and everything that should not have happened."""

from typing import NamedTuple

# What touches the goods' surroundings, and what touches only the logger.
PHYSICAL = (
    "door",
    "defrost",
    "door_left_open",
    "cooling_failure",
    "set_point",
    "ramp_sun",
    "coolant_exhausted",
    "freezing_packs",
)
OF_THE_LOGGER = ("silent", "probe_fault", "clock_reset", "dead_zone", "battery_low")

# Those that belong to an ordinary day.
ORDINARY = frozenset({"door", "defrost", "dead_zone"})


class Happening(NamedTuple):
    """One thing that goes on from `from_ms` to `to_ms`. `amount` is in kelvin for `set_point`, else unused."""

    kind: str
    from_ms: int
    to_ms: int
    amount: float = 0.0

    def at(self, time_ms: int) -> bool:
        """Whether it goes on at this moment."""
        return self.from_ms <= time_ms < self.to_ms


class Agenda:
    """Happenings read in order of time: which go on now, and when that changes next."""

    def __init__(self, happenings: list[Happening]) -> None:
        self.happenings = sorted(happenings, key=lambda h: (h.from_ms, h.to_ms, h.kind))
        self._changes = sorted({moment for h in self.happenings for moment in (h.from_ms, h.to_ms)})
        self._next = 0
        self._begun = 0
        self._active: list[Happening] = []

    @property
    def next_change_ms(self) -> int | None:
        """The next moment at which something begins or ends; None after the last."""
        return self._changes[self._next] if self._next < len(self._changes) else None

    def move_to(self, time_ms: int) -> dict[str, Happening]:
        """What goes on at `time_ms` (not before the moment of the last call), by kind."""
        while self._next < len(self._changes) and self._changes[self._next] <= time_ms:
            self._next += 1
        while self._begun < len(self.happenings) and self.happenings[self._begun].from_ms <= time_ms:
            self._active.append(self.happenings[self._begun])
            self._begun += 1
        self._active = [h for h in self._active if h.to_ms > time_ms]
        return {h.kind: h for h in self._active}
