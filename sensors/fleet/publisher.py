"""The fleet on the wire: every logger that is switched on now, publishing over MQTT as real ones do."""

import heapq
import threading
from collections.abc import Callable, Iterator

from coldchain.clock import Clock, SystemClock
from coldchain.sockets import ready
from sensors.fleet.device import Device
from sensors.fleet.fleet import Fleet
from sensors.fleet.journey import Journey
from sensors.fleet.life import Event, events, live
from sensors.fleet.link import Broker, Link, Traffic

_LONGEST_WAIT_S = 0.25


class _Active:
    """A logger, the rest of its life, and its link."""

    def __init__(self, device: Device, life: Iterator[Event], upcoming: Event, link: Link) -> None:
        self.device = device
        self.link = link
        self._life = life
        self.upcoming: Event | None = upcoming

    def live_on(self) -> None:
        """Let the upcoming event happen."""
        event = self.upcoming
        if event is None:
            return
        newest = max(((kept.boot, kept.seq) for kept in self.device.memory[-1:]), default=(-1, -1))
        live(self.device, event)
        if event.sample is not None:
            self.link.in_reach = event.sample.radio
        for kept in self.device.memory[-2:]:  # losing power makes two messages of one moment
            if (kept.boot, kept.seq) > newest:
                self.link.offer(kept)
        self.upcoming = next(self._life, None)


class Publisher:
    """Publishes the fleet's life from `from_ms` on, in step with the clock, to a broker or the built-in listener.

    `from_ms` is where the receiver's history of this fleet ends (`Fleet.messages` up to there has been received);
    loggers still hold what had not arrived by then. It defaults to the end of the history. Each publisher starts a
    new boot of every logger, numbered by the clock's seconds since then, so that it is higher than any before.
    `password` gives a logger's MQTT password, if it has one.
    """

    def __init__(
        self,
        fleet: Fleet,
        broker_url: str,
        *,
        clock: Clock | None = None,
        password: Callable[[str], str | None] | None = None,
        from_ms: int | None = None,
    ) -> None:
        self.traffic = Traffic()
        self._fleet = fleet
        self._clock = clock or SystemClock()
        self._broker = Broker.of(broker_url)
        self._password = password or (lambda _logger: None)
        self._from_ms = max(fleet.end_ms, from_ms or fleet.end_ms)
        self._boots = 1 + max(0, self._clock.now_ms() - fleet.end_ms) // 1000
        self._active = [active for logger in fleet.setups if (active := self._wake(logger)) is not None]

    @property
    def loggers(self) -> tuple[str, ...]:
        """The loggers that have a life from now on."""
        return tuple(active.device.logger for active in self._active)

    @property
    def devices_out_of_reach(self) -> tuple[Device, ...]:
        """The loggers that have no network now, with what their memories hold."""
        return tuple(active.device for active in self._active if not active.link.in_reach)

    @property
    def connected(self) -> int:
        """How many loggers are connected now."""
        return sum(active.link.connected for active in self._active)

    @property
    def unconfirmed(self) -> int:
        """Messages that loggers within reach still hold because nobody has confirmed them."""
        return sum(len(active.link.unconfirmed) for active in self._active if active.link.in_reach)

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set; returns within a second of it, connections closed.

        All loggers share the calling thread. A receiver that is away is tried again with a growing pause.
        """
        due = [(a.upcoming.time_ms, n) for n, a in enumerate(self._active) if a.upcoming is not None]
        heapq.heapify(due)
        try:
            while not stop.is_set():
                now_ms = self._clock.now_ms()
                self._let_happen(due, now_ms)
                for active in self._active:
                    active.link.attend(now_ms)
                self._exchange(self._wait_s(due, now_ms))
        finally:
            for active in self._active:
                active.link.drop()

    def _let_happen(self, due: list[tuple[int, int]], now_ms: int) -> None:
        while due and due[0][0] <= now_ms:
            _, number = heapq.heappop(due)
            active = self._active[number]
            active.live_on()
            if active.upcoming is not None:
                heapq.heappush(due, (active.upcoming.time_ms, number))

    def _wait_s(self, due: list[tuple[int, int]], now_ms: int) -> float:
        return max(0.0, min(_LONGEST_WAIT_S, (due[0][0] - now_ms) / 1000.0)) if due else _LONGEST_WAIT_S

    def _exchange(self, wait_s: float) -> None:
        """Wait until a socket is ready or time is up, then let the ready links read and write."""
        links = {sock: active.link for active in self._active if (sock := active.link.socket()) is not None}
        writable = [sock for sock, link in links.items() if link.wants_write()]
        if not links:
            self._idle(wait_s)
            return
        readable, writable = ready(links, writable, wait_s)
        for sock in readable:
            links[sock].read()
        for sock in writable:
            links[sock].write()

    def _idle(self, wait_s: float) -> None:
        ready((), (), max(0.01, wait_s))

    def _wake(self, logger: str) -> _Active | None:
        """Bring a logger to `from_ms`; None if nothing is left of its life, or its next trip is not yet packed."""
        device, journeys = self._fleet.device(logger)
        if journeys[-1].setup.to_ms <= self._from_ms:
            return None
        life = events(journeys)
        upcoming = self._fast_forward(device, life)
        if upcoming is None:
            return None
        self._start_boot(device, journeys)
        link = Link(device, self._broker, self._fleet.tenant, self._password(logger), self.traffic)
        link.in_reach = upcoming.sample is None or upcoming.sample.radio
        return _Active(device, life, upcoming, link)

    def _fast_forward(self, device: Device, life: Iterator[Event]) -> Event | None:
        for event in life:
            if event.time_ms >= self._from_ms:
                return event
            if live(device, event):
                device.memory.clear()  # delivered in the history
        return None

    def _start_boot(self, device: Device, journeys: list[Journey]) -> None:
        if any(j.setup.from_ms <= self._from_ms < j.setup.to_ms for j in journeys):
            device.reboot(by=self._boots)
