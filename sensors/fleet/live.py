"""What goes wrong while somebody watches: an open door at once, then something else from time to time."""

from collections.abc import Sequence

from sensors.fleet.mishaps import Happening
from sensors.fleet.scenario import Trip

# The first excursion begins this long after the live start and is over (door shut) four minutes later.
DOOR_OPENS_MS = 20_000
DOOR_STANDS_OPEN_MS = 240_000
# Then one vehicle after another, so that a long demonstration stays alive.
EVERY_MS = 35 * 60_000
_LASTS_MS = 18 * 60_000
_ROUNDS = 40


def live_happenings(trips: Sequence[Trip], live_start_ms: int) -> dict[int, tuple[Happening, ...]]:
    """The live mishaps by trip number: the live trip's door, and wrong set points of reefers still on the road."""
    found: dict[int, list[Happening]] = {}
    for trip in trips:
        if trip.live:
            opens_ms = live_start_ms + DOOR_OPENS_MS
            found[trip.number] = [Happening("door_left_open", opens_ms, opens_ms + DOOR_STANDS_OPEN_MS)]
    for turn in range(1, _ROUNDS):
        from_ms = live_start_ms + turn * EVERY_MS
        on_road = [
            t
            for t in trips
            if t.lane.packaging in ("reefer", "van")
            and t.itinerary.start_ms < from_ms
            and t.itinerary.end_ms > from_ms + 2 * _LASTS_MS
        ]
        if on_road:
            trip = on_road[turn % len(on_road)]
            amount = -5.0 if turn % 3 == 0 else 6.0
            found.setdefault(trip.number, []).append(Happening("set_point", from_ms, from_ms + _LASTS_MS, amount))
    return {number: tuple(happenings) for number, happenings in found.items()}
