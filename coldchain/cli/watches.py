"""What each role watches of the product itself, put together from the configuration."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from coldchain.clock import Clock
from coldchain.config import Config
from coldchain.errors import TransientError
from coldchain.registry import recorded, signals
from coldchain.wiring import Stores

if TYPE_CHECKING:
    from alerts.watch import Watchman
    from coldchain.cli.intake import Intake

_SECOND, _MINUTE, _HOUR, _DAY = 1.0, 60.0, 3600.0, 86_400.0


@contextlib.contextmanager
def watched_by(watchman: "Watchman") -> Iterator[None]:
    """`watchman` looks for as long as the context lasts."""
    watchman.start()
    try:
        yield
    finally:
        watchman.stop()


def ingest_watch(config: Config, stores: Stores, clock: Clock, intake: "Intake") -> "Watchman":
    """Of who receives: storage, disk, clock, certificate, floods, what the broker dropped, and trespassers."""
    from alerts.watch import Check, Event, Watchman
    from alerts.watch_machine import Certificate, Disk, Steps

    steps = Steps(clock)
    checks = [
        Check("storage", 2 * _SECOND, lambda: intake.unstored() or stores.registry.unwritable()),
        Check("disk", 10 * _SECOND, Disk(config.data).look),
        Check("flood", 2 * _SECOND, intake.flooded),
        Check("broker_dropped", 10 * _SECOND, _Dropped(stores, lambda: intake.dropped).look),
    ]
    if config.tls_cert is not None:
        checks.append(Check("certificate", _HOUR, Certificate(config.tls_cert, clock).look))

    def events() -> list[Event]:
        return [*steps.events(), *(Event("security", said) for said in intake.trespasses())]

    return Watchman(stores.registry, "ingest", checks, clock, events)


def engine_watch(config: Config, stores: Stores, clock: Clock) -> "Watchman":
    """Of who judges: the audit trail's chain, backups, and a clock that was put back while nothing ran."""
    from alerts.watch import Check, Watchman
    from alerts.watch_machine import Backups, Steps
    from alerts.watch_work import Trail

    checks = [Check("audit_chain", 10 * _MINUTE, Trail(stores.registry, clock).look)]
    steps = Steps(clock, _last_worked_ms(stores))
    if config.backups is not None:
        checks.append(Check("backup", 10 * _MINUTE, Backups(config.backups, clock).look))
    return Watchman(stores.registry, "engine", checks, clock, steps.before)


def _last_worked_ms(stores: Stores) -> int | None:
    """When the engine last wrote anything down, by the clock of then; None where it never did or nobody can say."""
    with contextlib.suppress(TransientError), stores.registry.read() as connection:
        return recorded.moved_ms(connection, "engine")
    return None


def notify_watch(config: Config, stores: Stores, clock: Clock) -> "Watchman":
    """Of who delivers: the other roles' work, the canary, the outbox, and the beat for the watchdog outside."""
    from alerts import watch_work as work
    from alerts.annunciation import Annunciation
    from alerts.canary_watch import CanaryWatch
    from alerts.clock_sources import Consensus, Kernel, first
    from alerts.heartbeat import Heartbeat
    from alerts.mute import UNWRITABLE_S, Mute
    from alerts.sentinel_visits import KIND, Missed
    from alerts.watch import Check, Event, Watchman

    pace = min(5.0, config.canary_s / 12) if config.canary_s else 5.0
    siren = Annunciation(config.annunciator, clock) if config.annunciator else None
    mute = Mute(stores.registry, clock, min(UNWRITABLE_S, config.canary_s / 3) if config.canary_s else UNWRITABLE_S)
    canaries, web = CanaryWatch(clock), work.Role(config.data, "web", clock, for_s=0.0)
    beat = Heartbeat(config.heartbeat_url, stores.registry, clock) if config.heartbeat_url else None

    def asks(question: Callable[[Connection, int], str | None]) -> Callable[[], str | None]:
        def look() -> str | None:
            with stores.registry.read() as connection:
                return question(connection, clock.now_ms())

        return look

    def no_channel() -> str | None:
        said = mute.look()
        if siren is not None:
            siren.follow(said)
        return said

    def events() -> list[Event]:
        with stores.registry.read() as connection:
            return work.guessing(connection, clock.now_ms())

    checks: list[Check] = [
        Check("no_channel", 2 * _SECOND, no_channel),
        Check("outbox_overdue", 10 * _SECOND, asks(work.Settled("outbox_overdue", work.overdue, clock))),
        Check("canary", pace, asks(lambda connection, _now_ms: canaries.missing(connection))),
        Check("commit_lag", 10 * _SECOND, work.Lag(stores.journal, stores.registry, clock).look),
        Check("ingest_stalled", 10 * _SECOND, work.Role(config.data, "ingest", clock).look),
        Check(KIND, 10 * _SECOND, Missed(stores.registry, clock, "notifier", lambda: web.look() is None).look),
        Check("web_stalled", 10 * _SECOND, work.Role(config.data, "web", clock).look),
    ]
    clocks = [Kernel(stores.registry, clock).look, Consensus(stores.journal, clock).look]
    if beat is not None:
        checks.append(Check("heartbeat", config.canary_s or _MINUTE, beat.look))
        clocks.insert(0, beat.clock_off)
    checks.append(Check("clock_offset", 10 * _SECOND, first(*clocks)))
    return Watchman(stores.registry, "notifier", checks, clock, events)


class _Dropped:
    """What the broker dropped since we last knew: its count only grows until it is started again."""

    _QUIET_LOOKS = 60  # without a further drop before it counts as over

    def __init__(self, stores: Stores, count: Callable[[], int | None]) -> None:
        self._stores, self._count = stores, count
        self._quiet = 0
        self._said: str | None = None

    def look(self) -> str | None:
        count = self._count()
        if count is None:
            return None
        with self._stores.registry.read() as connection:
            known = signals.remembered(connection, "broker_dropped")
        if count != known:
            with self._stores.registry.write() as connection:
                signals.remember(connection, "broker_dropped", count)
        if count > known:
            self._quiet = 0
            self._said = f"the broker has dropped {count - known} messages before anybody received them"
        elif self._said is not None:
            self._quiet += 1
            if self._quiet >= self._QUIET_LOOKS:
                self._said = None
        return self._said
