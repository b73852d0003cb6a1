"""`coldchain simulate`: a simulated fleet, live, to any broker or to the built-in listener."""

import argparse
import signal
import threading
from pathlib import Path

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import ConfigError
from coldchain.log import set_up
from coldchain.pulse import Pulse
from sensors.fleet.fleet import Fleet
from sensors.fleet.publisher import Publisher

_BEAT_S = 1.0


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """Which fleet, since when, and where to."""
    parser.epilog = "example: coldchain simulate --seed 7 --broker mqtt://127.0.0.1:1883"
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same fleet")
    parser.add_argument("--broker", metavar="URL", help="mqtt[s]://user:password@host:port (default: the own listener)")
    parser.add_argument("--broker-url-file", type=Path, metavar="FILE", help="a file that holds the broker's URL")
    parser.add_argument("--end", metavar="TIME", help="end of the fleet's history, ISO 8601 (default: now)")
    parser.add_argument("--live", metavar="TIME", help="when the live part begins (default: now)")
    parser.add_argument("--since", metavar="TIME", help="publish what is measured from here on (default: --end)")


def run(args: argparse.Namespace) -> int:
    """Publish until SIGINT or SIGTERM."""
    set_up("simulate")
    config = configured(args)
    broker = args.broker or config.mqtt_url or (f"mqtt://{config.mqtt_listen}" if config.mqtt_listen else "")
    if args.broker_url_file is not None:
        try:
            broker = args.broker_url_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(f"--broker-url-file: {args.broker_url_file} cannot be read: {error.strerror}") from error
    if not broker:
        raise ConfigError("--broker: say which broker; no listener and no COLDCHAIN_MQTT_URL is configured")
    now_ms = SystemClock().now_ms()
    live_ms = ms_from_iso(args.live) if args.live else now_ms
    end_ms = ms_from_iso(args.end) if args.end else live_ms
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    fleet = Fleet.of(args.seed, end_ms, live_start_ms=live_ms, tenant=config.tenant)
    publisher = Publisher(fleet, broker, from_ms=ms_from_iso(args.since) if args.since else None)
    pulse = Pulse(config.data, "simulate", SystemClock())
    beating = threading.Thread(target=_beat, args=(publisher, pulse, stop), name="pulse")
    beating.start()
    try:
        publisher.run(stop)
    finally:
        stop.set()
        beating.join()
        pulse.stop()
    return 0


def _beat(publisher: Publisher, pulse: Pulse, stop: threading.Event) -> None:
    while not stop.wait(_BEAT_S):
        pulse.beat(None if publisher.connected else "no logger is connected")
