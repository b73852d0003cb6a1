"""Who is on duty when: layers of people who take turns, with hours, holidays, overrides and swaps. All pure.

Turns are counted in local time, so that a hand-over at 08:00 stays at 08:00 when the clocks change; a turn of a day is
then 23 or 25 hours long. A local time that a change of clocks leaves out counts as the same distance behind it, one
that it gives twice as the first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
_AHEAD = timedelta(hours=25)  # a zone may skip a whole day, and then local time runs ahead of the turn's number


@dataclass(frozen=True, slots=True)
class Turn:
    """How long somebody's turn is: a number of days from hand-over to hand-over, or of hours from the beginning."""

    days: int = 0
    hours: int = 0

    @property
    def length(self) -> timedelta:
        """In local time."""
        return timedelta(days=self.days, hours=self.hours)


@dataclass(frozen=True, slots=True)
class Layer:
    """People in the order of their turns; `hours` by weekday (0 is Monday) limit when the layer is on duty at all."""

    name: str
    people: tuple[str, ...]
    turn: Turn
    start: datetime  # local, without zone
    handover: time
    hours: tuple[tuple[tuple[time, time | None], ...], ...] | None = None  # an end of None is midnight

    @property
    def base(self) -> datetime:
        """The local time from which turns are counted."""
        return self.start if self.turn.hours else datetime.combine(self.start.date(), self.handover)


@dataclass(frozen=True, slots=True)
class Holiday:
    """A local date on which `people` stand in, one per layer in their order; without any the turns stay as they are."""

    date: date
    name: str
    people: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Rota:
    """One version of a rota."""

    id: str
    version: int
    name: str
    zone: str
    layers: tuple[Layer, ...]
    holidays: tuple[Holiday, ...] = ()


@dataclass(frozen=True, slots=True)
class Override:
    """For a while `person` stands in; of several the later one in the list has the last word.

    `layer` None is every layer. With `replaces` it counts only while it would be that person's turn (a swap is two of
    them); without, whoever's turn it is, and outside the layer's hours as well.
    """

    id: str
    layer: str | None
    person: str
    replaces: str | None
    from_ms: int
    to_ms: int
    swap: str | None = None


class Duty(NamedTuple):
    """Who is on duty in a layer at a moment, and why it is them: turn, holiday, override or swap.

    Without a person `why` says what is missing: not_begun (the layer starts later), out_of_hours (its hours leave the
    moment out) or gone (the person's access has ended). `override` is the id of what put the person there.
    """

    person: str | None
    why: str
    override: str | None = None


class Span(NamedTuple):
    """A stretch of time, ms UTC, in which the same is true of a layer."""

    layer: str
    from_ms: int
    to_ms: int
    duty: Duty


class Hole(NamedTuple):
    """A stretch of time, ms UTC, in which a layer has nobody; `why` as in `Duty`."""

    rota: str
    layer: str
    from_ms: int
    to_ms: int
    why: str


def on_duty(
    rota: Rota, overrides: Sequence[Override], at_ms: int, gone: frozenset[str] = frozenset()
) -> dict[str, Duty]:
    """Who is on duty in each layer, by the layer's name.

    Args:
        rota: its layers, in order.
        overrides: those of this rota that have not been ended, in the order in which they were recorded.
        at_ms: the moment.
        gone: people who can no longer be on duty.
    """
    zone = ZoneInfo(rota.zone)
    return {
        layer.name: _present(_duty(rota, zone, place, overrides, at_ms), gone)
        for place, layer in enumerate(rota.layers)
    }


def calendar(
    rota: Rota, overrides: Sequence[Override], from_ms: int, to_ms: int, gone: frozenset[str] = frozenset()
) -> list[Span]:
    """The duties from `from_ms` up to `to_ms`, layer by layer: without gaps, and cut only where something changes."""
    zone = ZoneInfo(rota.zone)
    spans: list[Span] = []
    for place, layer in enumerate(rota.layers):
        moments = sorted({from_ms, *(m for m in _changes(rota, zone, layer, overrides, from_ms, to_ms))})
        own: list[Span] = []
        for start, end in zip(moments, [*moments[1:], to_ms], strict=True):
            duty = _present(_duty(rota, zone, place, overrides, start), gone)
            if own and own[-1].duty == duty:
                own[-1] = own[-1]._replace(to_ms=end)
            else:
                own.append(Span(layer.name, start, end, duty))
        spans += own
    return [span for span in spans if span.from_ms < span.to_ms]


def holes(
    rota: Rota, overrides: Sequence[Override], from_ms: int, to_ms: int, gone: frozenset[str] = frozenset()
) -> list[Hole]:
    """Where a layer has nobody between two moments, so that it is known before it happens."""
    return [
        Hole(rota.id, span.layer, span.from_ms, span.to_ms, span.duty.why)
        for span in calendar(rota, overrides, from_ms, to_ms, gone)
        if span.duty.person is None
    ]


# --- one moment ------------------------------------------------------------------------------------------------------


def _duty(rota: Rota, zone: ZoneInfo, place: int, overrides: Sequence[Override], at_ms: int) -> Duty:
    layer = rota.layers[place]
    duty = _regular(rota, zone, place, at_ms)
    for one in overrides:
        if one.layer not in (None, layer.name) or not one.from_ms <= at_ms < one.to_ms:
            continue
        if one.replaces is None or one.replaces == duty.person:
            duty = Duty(one.person, "override" if one.swap is None else "swap", one.id)
    return duty


def _regular(rota: Rota, zone: ZoneInfo, place: int, at_ms: int) -> Duty:
    layer = rota.layers[place]
    if at_ms < _ms(layer.start, zone):
        return Duty(None, "not_begun")
    if layer.hours is not None and not any(low <= at_ms < high for low, high in _hours(layer, zone, at_ms)):
        return Duty(None, "out_of_hours")
    for day in rota.holidays:
        stands_in = day.people is not None and place < len(day.people)
        if (
            stands_in
            and day.people is not None
            and _midnight(day.date, zone) <= at_ms < _midnight(day.date + DAY, zone)
        ):
            return Duty(day.people[place], "holiday")
    return Duty(layer.people[_turn(layer, zone, at_ms) % len(layer.people)], "turn")


def _turn(layer: Layer, zone: ZoneInfo, at_ms: int) -> int:
    """The number of the turn at a moment: the highest one that has begun."""
    base, length = layer.base, layer.turn.length
    number = int((_local(at_ms, zone) + _AHEAD - base) // length)
    while number > 0 and _ms(base + number * length, zone) > at_ms:
        number -= 1
    return max(number, 0)


def _hours(layer: Layer, zone: ZoneInfo, at_ms: int) -> Iterator[tuple[int, int]]:
    today = _local(at_ms, zone).date()
    for day in (today - DAY, today, today + DAY):
        yield from _windows(layer, zone, day)


def _windows(layer: Layer, zone: ZoneInfo, day: date) -> Iterator[tuple[int, int]]:
    """The layer's hours of a local date; a change of clocks inside makes them longer rather than shorter."""
    for low, high in layer.hours[day.weekday()] if layer.hours is not None else ():
        start = datetime.combine(day, low)
        end = datetime.combine(day + DAY, time()) if high is None else datetime.combine(day, high)
        yield min(_both(start, zone)), max(_both(end, zone))


def _present(duty: Duty, gone: frozenset[str]) -> Duty:
    return Duty(None, "gone", duty.override) if duty.person in gone else duty


# --- where anything may change ---------------------------------------------------------------------------------------


def _changes(
    rota: Rota, zone: ZoneInfo, layer: Layer, overrides: Sequence[Override], from_ms: int, to_ms: int
) -> Iterator[int]:
    """Every moment between the two at which somebody else may come on duty; some at which nobody does."""
    for moment in _all_changes(rota, zone, layer, overrides, from_ms, to_ms):
        if from_ms < moment < to_ms:
            yield moment


def _all_changes(
    rota: Rota, zone: ZoneInfo, layer: Layer, overrides: Sequence[Override], from_ms: int, to_ms: int
) -> Iterator[int]:
    yield _ms(layer.start, zone)
    for one in overrides:
        yield from (one.from_ms, one.to_ms)
    for day in rota.holidays:
        yield from (_midnight(day.date, zone), _midnight(day.date + DAY, zone))
    first, last = _local(from_ms, zone) - 2 * DAY, _local(to_ms, zone) + 2 * DAY
    length = layer.turn.length
    number = max(int((first - layer.base) // length), 0)
    while layer.base + number * length <= last:
        yield _ms(layer.base + number * length, zone)
        number += 1
    if layer.hours is not None:
        for ahead in range((last.date() - first.date()).days + 1):
            for window in _windows(layer, zone, first.date() + ahead * DAY):
                yield from window


# --- local time ------------------------------------------------------------------------------------------------------


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, zone).replace(tzinfo=None)


def _ms(local: datetime, zone: ZoneInfo) -> int:
    return round(local.replace(tzinfo=zone).astimezone(UTC).timestamp() * 1000)


def _both(local: datetime, zone: ZoneInfo) -> tuple[int, int]:
    return _ms(local, zone), _ms(local.replace(fold=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return _ms(datetime.combine(day, time()), zone)
