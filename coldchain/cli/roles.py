"""`coldchain ingest | engine | notify | project | web`: one role each, with its sign of life."""

import argparse
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress

from coldchain.cli import configured
from coldchain.cli.watches import engine_watch, ingest_watch, notify_watch, watched_by
from coldchain.clock import SystemClock
from coldchain.config import Config
from coldchain.errors import TransientError
from coldchain.exposition import kept_current
from coldchain.log import set_up
from coldchain.pulse import Pulse
from coldchain.registry import canary
from coldchain.wiring import Stores, compact, dispatcher_of, engine_of, excursions_of, opened_stores, projector_of

_BEAT_S = 1.0
_COMPACT_EVERY_S = 3600.0


def arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Nothing of their own."""
    parser.epilog = f"example: coldchain --config coldchain.toml {name}"


def run(args: argparse.Namespace) -> int:
    """Run one role until SIGINT or SIGTERM."""
    set_up(args.command)
    config = configured(args)
    if args.command == "web":
        from coldchain.cli.web import serve

        return serve(config, migrate=args.migrate)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with opened_stores(config, migrate=args.migrate) as stores, kept_current(config.data, args.command):
        pulse = Pulse(config.data, args.command, SystemClock())
        try:
            _ROLES[args.command](config, stores, pulse, stop)
        finally:
            pulse.stop()
    return 0


def _ingest(config: Config, stores: Stores, pulse: Pulse, stop: threading.Event) -> None:
    from coldchain.cli.intake import Intake

    clock = SystemClock()
    with Intake(config, stores, clock) as intake, ExitStack() as watch:
        pulse.beat(intake.trouble())
        with suppress(TransientError), stores.registry.write() as connection:
            canary.expect(connection, intake.roads, config.canary_s, clock.now_ms())
        # Only now: what watches need is imported when readings are taken already.
        watch.enter_context(watched_by(ingest_watch(config, stores, clock, intake)))
        while not stop.wait(_BEAT_S):
            pulse.beat(intake.trouble())


def _engine(config: Config, stores: Stores, pulse: Pulse, stop: threading.Event) -> None:
    clock = SystemClock()
    engine = engine_of(config, stores, clock)
    compact_at_s = clock.monotonic_s() + 60
    stores.bell.listen()
    with watched_by(engine_watch(config, stores, clock)):
        while not stop.is_set():
            try:
                worked = engine.step()
                pulse.beat()
            except TransientError as error:
                pulse.beat(str(error))
                stop.wait(_BEAT_S)
                continue
            if worked:
                continue
            if clock.monotonic_s() >= compact_at_s:
                compact(stores, clock)
                compact_at_s = clock.monotonic_s() + _COMPACT_EVERY_S
            due_ms = engine.next_due_ms()
            until_due_s = _BEAT_S if due_ms is None else (due_ms - clock.now_ms()) / 1000
            stores.bell.wait(min(_BEAT_S, max(0.01, until_due_s)))


def _notify(config: Config, stores: Stores, pulse: Pulse, stop: threading.Event) -> None:
    clock = SystemClock()
    dispatcher = dispatcher_of(config, stores, clock)
    try:
        with watched_by(notify_watch(config, stores, clock)):
            dispatcher.run(stop, pulse.beat)
    finally:
        dispatcher.close()


def _project(config: Config, stores: Stores, pulse: Pulse, stop: threading.Event) -> None:
    clock = SystemClock()
    projector = projector_of(config, stores, clock)

    def ended() -> bool:
        # Asked between batches, so that catching up with a long backlog is seen as work and not as silence.
        pulse.beat("InfluxDB does not answer" if projector.away else None)
        return stop.is_set()

    def wait(seconds: float) -> None:
        if projector.away:
            stop.wait(min(seconds, _BEAT_S))
        else:
            stores.bell.wait(min(seconds, _BEAT_S))

    projector.run(ended, wait, [excursions_of(config, stores, clock)])


_ROLES: dict[str, Callable[[Config, Stores, Pulse, threading.Event], None]] = {
    "ingest": _ingest,
    "engine": _engine,
    "notify": _notify,
    "project": _project,
}
