"""`coldchain sentinel`: the watcher beside the monitor, as a service of its own."""

import argparse
import signal
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.config import Config
from coldchain.errors import ConfigError
from coldchain.log import set_up

if TYPE_CHECKING:
    from alerts.channels.port import Channel

_LOOK_S = 10.0


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """That there is no sentinel any more."""
    parser.add_argument(
        "--forget", action="store_true", help="there is no sentinel any more: the monitor shall not miss it"
    )
    parser.epilog = (
        "example: COLDCHAIN_SENTINEL_SMTP_URL=smtp://watch:…@mail.example.net:587 "
        "COLDCHAIN_SENTINEL_FROM=watch@example.net COLDCHAIN_SENTINEL_TO=boss@example.com coldchain sentinel"
    )


def run(args: argparse.Namespace) -> int:
    """Watch until SIGINT or SIGTERM; needs no state of its own and never writes any."""
    set_up("sentinel")
    config = configured(args)
    if args.forget:
        return _forget(config)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    _watch(config, stop)
    return 0


def _forget(config: Config) -> int:
    from coldchain.registry import sentinel_visits
    from coldchain.wiring import opened_registry

    with opened_registry(config) as registry, registry.write() as connection:
        sentinel_visits.forget(connection)
    print("the monitor misses no sentinel any more, until one comes by")
    return 0


def _watch(config: Config, stop: threading.Event) -> None:
    from alerts.annunciation import Annunciation
    from alerts.sentinel import Pace, Sentinel, Target
    from alerts.sentinel_view import View
    from alerts.sentinel_visits import Visitor

    if not config.sentinel_to:
        raise ConfigError("COLDCHAIN_SENTINEL_TO: not set; name the addresses and numbers that the sentinel writes to")
    clock = SystemClock()
    targets = [Target("email" if "@" in one else "sms", one) for one in config.sentinel_to]
    siren = Annunciation(config.annunciator, clock) if config.annunciator else None
    every_s = config.canary_s or 60.0
    place = urlsplit(config.site_url).hostname or ""
    site = place if place not in ("", "127.0.0.1", "localhost") else socket.gethostname()
    view, visitor, token = View(config.data, config.database_url, clock), Visitor(config.site_url, clock), None
    sentinel = Sentinel(_channels(config), targets, clock, site, Pace.of(every_s), siren)
    try:
        while not stop.is_set():
            seen = view.look()
            if seen.every_s:
                sentinel.pace = Pace.of(seen.every_s)
                every_s = seen.every_s
            sentinel.turn(seen.troubles)
            token = seen.token or token
            visitor.come_by(token)
            stop.wait(min(_LOOK_S, every_s / 6))
    finally:
        sentinel.close()
        visitor.farewell(token)


def _channels(config: Config) -> "dict[str, Channel]":
    from alerts.channels.sms import SmsChannel, SmsSettings
    from alerts.channels.smtp import SmtpChannel, parse_smtp_url

    channels: dict[str, Channel] = {}
    if config.sentinel_smtp_url:
        try:
            settings = parse_smtp_url(config.sentinel_smtp_url)
            channels["email"] = SmtpChannel(settings, config.sentinel_from or config.mail_from)
        except ConfigError as error:
            raise ConfigError(f"COLDCHAIN_SENTINEL_SMTP_URL, COLDCHAIN_SENTINEL_FROM: {error}") from error
    if config.sentinel_sms_url:
        account = (config.sentinel_sms_account, config.sentinel_sms_token, config.sentinel_sms_from)
        channels["sms"] = SmsChannel(SmsSettings(config.sentinel_sms_url, *account))
    return channels
