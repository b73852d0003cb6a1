"""Light, door and shock beside the goods: context for who reads an excursion, never judged and never an excuse.

Light that falls on a logger under way says that a package was opened; at loading and after arrival it says nothing. A
door has a state with a duration; a blow is told with its peak. What the temperature did meanwhile is put beside it: the
excursions that began from then until half an hour after, and how long the goods took to come back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from coldchain.domain.profile import BesideTheGoods
from coldchain.domain.quantity import iso, ms_from_iso
from coldchain.domain.reading import Reading
from coldchain.domain.shipment import Stage
from compliance.inputs import Span
from compliance.spans import during

METHOD = "openings.beside/1"
AFTER_MS = 30 * 60_000  # an excursion that begins so long after an opening is put beside it
_UNDER_WAY = (Stage.IN_TRANSIT.value, Stage.HANDOVER.value)
_USUAL = BesideTheGoods()
Json = dict[str, Any]


@dataclass(slots=True)
class Opening:
    """One event beside the goods; `to_ms` None while it lasts. `peak` is in thousandths, None for a door."""

    kind: str  # light | door | shock
    logger: str
    from_ms: int
    last_ms: int  # the newest reading that showed it
    to_ms: int | None = None
    peak: int | None = None
    stage: str | None = None
    excursions: list[Json] = field(default_factory=list)

    @property
    def recovery_ms(self) -> int | None:
        """From its end until the last excursion beside it was over; None where there is none, or it goes on."""
        if not self.excursions or self.to_ms is None or any(one["end"] is None for one in self.excursions):
            return None
        return max(max(ms_from_iso(one["end"]) for one in self.excursions) - self.to_ms, 0)

    def as_json(self) -> Json:
        """As the API shows it."""
        unit = {"light": "lux", "shock": "g"}.get(self.kind)
        return {
            "kind": self.kind, "logger": self.logger, "from": iso(self.from_ms),
            "to": None if self.to_ms is None else iso(self.to_ms),
            "duration_s": None if self.to_ms is None else (self.to_ms - self.from_ms) / 1000,
            "peak": None if self.peak is None else self.peak / 1000, "unit": unit, "stage": self.stage,
            "excursions": [one["id"] for one in self.excursions],
            "recovery_s": None if self.recovery_ms is None else self.recovery_ms / 1000,
        }  # fmt: skip


def openings(
    rows: Iterable[Reading],
    stages: Sequence[tuple[str, Span]],
    excursions: Sequence[Json],
    limits: BesideTheGoods = _USUAL,
) -> list[Opening]:
    """What one logger's readings, in order of event time, tell of light, door and shock; oldest first.

    An event begins with the first reading that shows it and ends with the first that does not. Light is told under way
    only: where the stage is known to be another one, a light box is no opened box.
    """
    open_: dict[str, Opening] = {}
    found: list[Opening] = []
    for row in rows:
        for kind, shown, value in _seen(row, limits):
            current = open_.get(kind)
            if current is not None and not shown:
                current.to_ms = row.event_time_ms
                del open_[kind]
            elif current is not None:
                current.last_ms = row.event_time_ms
                current.peak = value if value is None else max(value, current.peak or 0)
            elif shown and _tells(kind, stage := during(stages, row.event_time_ms)):
                current = Opening(kind, row.logger, row.event_time_ms, row.event_time_ms, peak=value, stage=stage)
                open_[kind] = current
                found.append(current)
    for one in found:
        one.excursions = [item for item in excursions if _beside(one, ms_from_iso(item["onset"]))]
    return found


def _seen(row: Reading, limits: BesideTheGoods) -> list[tuple[str, bool, int | None]]:
    """(kind, whether it shows, its value) for what the reading says anything about."""
    said: list[tuple[str, bool, int | None]] = []
    if row.light_mlux is not None:
        said.append(("light", row.light_mlux >= limits.light_mlux, row.light_mlux))
    if row.door_open is not None:
        said.append(("door", row.door_open, None))
    if row.shock_mg is not None:
        said.append(("shock", row.shock_mg >= limits.shock_mg, row.shock_mg))
    return said


def _tells(kind: str, stage: str | None) -> bool:
    return kind != "light" or stage is None or stage in _UNDER_WAY


def _beside(one: Opening, onset_ms: int) -> bool:
    end = one.last_ms if one.to_ms is None else one.to_ms
    return one.from_ms <= onset_ms <= end + AFTER_MS
