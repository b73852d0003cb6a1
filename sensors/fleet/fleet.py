"""The fleet as a whole: descriptions for a registry, messages in order of arrival, and the truth behind them."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from sensors.fleet.describe import Binding, LoggerPlan, ShipmentPlan, StorePlan
from sensors.fleet.device import Device, Model
from sensors.fleet.itinerary import HOUR_MS
from sensors.fleet.journey import Cadence, Journey, Setup
from sensors.fleet.life import Sent, arrivals
from sensors.fleet.live import live_happenings
from sensors.fleet.mishaps import ORDINARY
from sensors.fleet.models import STORE, Stock
from sensors.fleet.preparation import FAST_MS, setups, shipment_plan
from sensors.fleet.scenario import DAY_MS, trips
from sensors.fleet.stores import ROOMS, Room
from sensors.fleet.truth import LABEL_RANGES, Interval, Truth
from sensors.fleet.weather import Weather

_CHUNK_MS = 6 * HOUR_MS
# When a person's product would act on an excursion: just after it, and at the usual holds.
_FINE_STEPS_MIN = (0, 5, 10, 15, 20, 30, 45, 60, 90)
_GRID_MS = 5 * 60_000


class _Stream:
    """One logger's arrivals, simulated as far as somebody has asked."""

    def __init__(self, device: Device, journeys: list[Journey], seed: int, tenant: str) -> None:
        self.journeys = journeys
        self.first_ms = journeys[0].setup.from_ms
        self._source = arrivals(device, journeys, seed=seed, tenant=tenant)
        self._sent: list[Sent] = []
        self._ended = False

    def between(self, start_ms: int, end_ms: int) -> list[Sent]:
        """Arrivals in [start, end), in order."""
        if end_ms <= self.first_ms:
            return []
        while not self._ended and (not self._sent or self._sent[-1].arrival_ms < end_ms):
            following = next(self._source, None)
            if following is None:
                self._ended = True
            else:
                self._sent.append(following)
        low = _bisect(self._sent, start_ms)
        return self._sent[low : _bisect(self._sent, end_ms)]


def _bisect(sent: list[Sent], arrival_ms: int) -> int:
    low, high = 0, len(sent)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if sent[middle].arrival_ms < arrival_ms else (low, middle)
    return low


@dataclass
class Fleet:
    """A simulated fleet, pure from its arguments: the same ones give the same bytes, in any process, at any time."""

    seed: int
    end_ms: int
    start_ms: int
    live_start_ms: int
    tenant: str
    shipments: tuple[ShipmentPlan, ...]
    stores: tuple[StorePlan, ...]
    loggers: tuple[LoggerPlan, ...]
    live_shipment: str
    setups: dict[str, list[Setup]]
    models: dict[str, Model]
    weather: Weather
    _streams: dict[str, _Stream] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        seed: int,
        end_ms: int,
        *,
        days: int = 30,
        live_start_ms: int | None = None,
        horizon_days: int = 7,
        tenant: str = "main",
    ) -> "Fleet":
        """The fleet of `seed`, with its history before `end_ms` and its plans after it.

        From `live_start_ms` (default: `end_ms`; never before it) loggers within reach sample at the demonstration's
        cadence and the live mishaps begin. Stores go on until `horizon_days` after that. What arrives before `end_ms`
        does not depend on `live_start_ms`.
        """
        live_ms = max(end_ms, live_start_ms or end_ms)
        weather = Weather(seed)
        stock = Stock(seed, end_ms)
        planned = trips(seed, end_ms, days, weather)
        extra = live_happenings(planned, live_ms)
        bound = [setups(trip, stock, seed, live_ms, extra.get(trip.number, ())) for trip in planned]
        start_ms, until_ms = end_ms - days * DAY_MS, live_ms + horizon_days * DAY_MS
        rooms = [
            _store_setup(room, number, stock, seed, (start_ms, end_ms, live_ms, until_ms))
            for number, room in enumerate(ROOMS)
        ]
        by_logger: dict[str, list[Setup]] = {}
        for setup in sorted([s for group in bound for s in group] + rooms, key=lambda s: s.from_ms):
            by_logger.setdefault(setup.logger, []).append(setup)
        return cls(
            seed, end_ms, start_ms, live_ms, tenant,
            shipments=tuple(shipment_plan(t, b, seed) for t, b in zip(planned, bound, strict=True)),
            stores=tuple(_store_plan(room, setup) for room, setup in zip(ROOMS, rooms, strict=True)),
            loggers=tuple(stock.plans.values()),
            live_shipment=next(b[0].subject for t, b in zip(planned, bound, strict=True) if t.live),
            setups=by_logger, models=stock.models, weather=weather,
        )  # fmt: skip

    def messages(self, start_ms: int, end_ms: int) -> Iterator[Sent]:
        """What arrives in [start, end), ordered by arrival; simulated as it is read, remembered for the next call."""
        for from_ms in range(start_ms, end_ms, _CHUNK_MS):
            until_ms = min(end_ms, from_ms + _CHUNK_MS)
            parts = [stream.between(from_ms, until_ms) for stream in self._all_streams()]
            yield from heapq.merge(*(part for part in parts if part))

    def device(self, logger: str) -> tuple[Device, list[Journey]]:
        """A logger and its journeys at the very beginning, for who wants to live its life (the publisher)."""
        journeys = [Journey(setup, self.weather) for setup in self.setups[logger]]
        return Device(logger, self.models[logger], journeys[0].setup.channels, self.seed), journeys

    def truth(self, until_ms: int) -> tuple[Truth, ...]:
        """What was planted, per logger and subject, simulated at least to `until_ms`."""
        for stream in self._all_streams():
            stream.between(until_ms, until_ms)
        return tuple(
            _truth(journey, until_ms)
            for stream in self._all_streams()
            for journey in stream.journeys
            if journey.setup.from_ms < until_ms
        )

    @property
    def interesting_ms(self) -> tuple[int, ...]:
        """Moments of the history near excursions and silences, at which a driver of the history should step."""
        found: set[int] = set()
        for truth in self.truth(self.end_ms):
            for outside in truth.outside:
                found |= {outside.onset_ms + step * 60_000 for step in _FINE_STEPS_MIN}
                if outside.end_ms is not None:
                    found |= {outside.end_ms + step * 60_000 for step in (0, 5, 10, 15, 30)}
            for silence in truth.silences:
                found |= {silence.from_ms + step * 60_000 for step in (*_FINE_STEPS_MIN, 120, 180)}
                found |= {silence.to_ms + step * 60_000 for step in (0, 15)}
        # On a grid, so that two loggers of one shipment ask for the same moments.
        grid = {-(-moment // _GRID_MS) * _GRID_MS for moment in found}
        return tuple(sorted(moment for moment in grid if self.start_ms <= moment < self.end_ms))

    def _all_streams(self) -> list[_Stream]:
        for logger in self.setups:
            if logger not in self._streams:
                self._streams[logger] = _Stream(*self.device(logger), self.seed, self.tenant)
        return list(self._streams.values())


def _store_setup(room: Room, number: int, stock: Stock, seed: int, times: tuple[int, int, int, int]) -> Setup:
    start_ms, end_ms, live_ms, until_ms = times
    from_ms = start_ms + number * 37_000
    logger = stock.take(STORE, room.channels, from_ms, until_ms)
    happenings = room.happenings(seed, from_ms, until_ms, end_ms)
    return Setup(
        subject=room.name,
        logger=logger,
        product_profile=room.product_profile,
        label_c=LABEL_RANGES[room.product_profile],
        channels=room.channels,
        chamber=room.chamber,
        itinerary=room.itinerary(from_ms, until_ms),
        from_ms=from_ms,
        to_ms=until_ms,
        cadence=Cadence(STORE.interval_s * 1000, live_ms, FAST_MS),
        happenings=(*happenings, *room.live_happenings(live_ms)),
        fixed=True,
    )


def _store_plan(room: Room, setup: Setup) -> StorePlan:
    binding = Binding(setup.logger, None, "product", setup.from_ms, None)
    return StorePlan(room.name, room.site, room.kind, room.place, room.product_profile, (binding,))


def _truth(journey: Journey, until_ms: int) -> Truth:
    setup = journey.setup
    begun = [Interval(h.kind, h.from_ms, h.to_ms) for h in setup.happenings if h.from_ms < until_ms]
    return Truth(
        subject=setup.subject,
        logger=setup.logger,
        product_profile=setup.product_profile,
        outside=tuple(o for watch in journey.watches for o in watch.outside if o.onset_ms < until_ms),
        probe_faults=tuple(i for i in begun if i.kind == "probe_fault"),
        silences=tuple(i for i in begun if i.kind == "silent"),
        happenings=tuple(i for i in begun if i.kind not in ORDINARY),
    )
