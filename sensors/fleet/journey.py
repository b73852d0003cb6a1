"""What one logger feels from the moment it is switched on: physics, place and happenings, sample by sample."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sensors.fleet.active import Compartment
from sensors.fleet.itinerary import Itinerary
from sensors.fleet.mishaps import Agenda, Happening
from sensors.fleet.passive import PassiveBox
from sensors.fleet.physics import relax
from sensors.fleet.route import Point
from sensors.fleet.surroundings import Air, Surroundings
from sensors.fleet.truth import Watch
from sensors.fleet.weather import Weather

_BOX_STEP_MS = 300_000


class Sample(NamedTuple):
    """The true state at a sampling moment, before the logger's own errors. `point` is None where there is no sky."""

    time_ms: int
    internal_c: float
    probe_c: float
    humidity_pct: float
    door_open: bool
    light_lux: float
    point: Point | None
    radio: bool
    going_on: dict[str, Happening]


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often a logger samples: every `interval_ms`, and from `live_from_ms` on every `live_ms`."""

    interval_ms: int
    live_from_ms: int
    live_ms: int

    def times(self, from_ms: int, to_ms: int) -> Iterator[int]:
        """The sampling moments, on whole multiples of the interval counted from `from_ms`."""
        now = from_ms
        while now < to_ms:
            yield now
            step = self.live_ms if now >= self.live_from_ms else self.interval_ms
            if now < self.live_from_ms < now + step:
                now = self.live_from_ms  # the command to sample faster takes effect at once
            else:
                now += step


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that decides one logger's journey with one subject: the same setup gives the same samples."""

    subject: str
    logger: str
    product_profile: str
    label_c: tuple[float | None, float | None]
    channels: tuple[str, ...]
    chamber: Callable[[], Compartment | PassiveBox]
    itinerary: Itinerary
    from_ms: int
    to_ms: int
    cadence: Cadence
    happenings: tuple[Happening, ...]
    tip_lag_s: float = 120.0
    sheltered: bool = False  # rides inside a conditioned vehicle instead of being its wall
    fixed: bool = False  # a store: no position


class Journey:
    """One walk through a setup; `watches` grow with it."""

    def __init__(self, setup: Setup, weather: Weather) -> None:
        self.setup = setup
        self.watches = [Watch(channel, *setup.label_c) for channel in setup.channels]
        self._chamber = setup.chamber()
        self._agenda = Agenda(list(setup.happenings))
        blazing = any(h.kind == "ramp_sun" for h in setup.happenings)
        self._surroundings = Surroundings(
            setup.itinerary, weather, sheltered=setup.sheltered, sun_factor=4.0 if blazing else 1.0
        )
        self._air = Air(0.0, 0.0, 0)
        self._tip_c = self._chamber.air_c
        self._now_ms = setup.from_ms
        self._going_on: dict[str, Happening] = self._agenda.move_to(setup.from_ms)
        self._step_ms = (
            _BOX_STEP_MS if isinstance(self._chamber, PassiveBox) else int(self._chamber.design.poll_s * 1000)
        )

    def samples(self) -> Iterator[Sample]:
        """The samples in order of time, until the logger is taken off."""
        setup = self.setup
        self._feed()
        for time_ms in setup.cadence.times(setup.from_ms, setup.to_ms):
            self._advance(time_ms)
            stage = setup.itinerary.stage_at(time_ms)
            opened = "door" in self._going_on or "door_left_open" in self._going_on
            yield Sample(
                time_ms,
                self._tip_c,
                self._chamber.product_c,
                self._chamber.humidity_pct,
                opened,
                180.0 if opened else 0.0,
                None if setup.fixed or not stage.sky else stage.at(time_ms),
                stage.radio and "dead_zone" not in self._going_on,
                self._going_on,
            )
        for watch in self.watches:
            watch.end()

    def _advance(self, to_ms: int) -> None:
        while self._now_ms < to_ms:
            if self._now_ms >= self._air.valid_until_ms:
                self._air = self._surroundings.at(self._now_ms)
            end_ms = min(to_ms, self._now_ms + self._step_ms)
            change_ms = self._agenda.next_change_ms
            if change_ms is not None and change_ms < end_ms:
                end_ms = change_ms
            self._step((end_ms - self._now_ms) / 1000.0)
            self._now_ms = end_ms
            if change_ms is not None and end_ms >= change_ms:
                self._going_on = self._agenda.move_to(end_ms)
            self._feed()

    def _step(self, dt_s: float) -> None:
        chamber, air = self._chamber, self._air
        if isinstance(chamber, PassiveBox):
            chamber.advance(dt_s, air.celsius)
        else:
            on = self._going_on
            moved = on.get("set_point")
            chamber.set_c = chamber.design.set_c + (moved.amount if moved else 0.0)
            chamber.advance(
                dt_s,
                air.celsius,
                air.vapour_hpa,
                door_open="door" in on or "door_left_open" in on,
                failed="cooling_failure" in on,
                defrosting="defrost" in on,
            )
        self._tip_c = relax(self._tip_c, chamber.air_c, 1.0 / self.setup.tip_lag_s, dt_s)

    def _feed(self) -> None:
        for watch in self.watches:
            watch.feed(self._now_ms, self._tip_c if watch.channel == "internal" else self._chamber.product_c)
