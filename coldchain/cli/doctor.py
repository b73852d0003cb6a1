"""`coldchain doctor`: checks what an installation depends on, and says what to do about what is missing."""

import argparse
import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from coldchain.cli import configured
from coldchain.clock import SystemClock
from coldchain.config import Config, redacted, settings_shown
from coldchain.errors import ColdchainError
from coldchain.pulse import STALE_MS

# Health checks of containers ask for one role every few seconds: only the checks that need stores import them.

_TRY_S = 10.0
_LEAST_FREE = 0.15
_FIRST_SENSIBLE_MS = 1_767_225_600_000  # 2026-01-01: a clock before it was never set


class Finding(NamedTuple):
    """One check: whether it is well, and what to do if not."""

    name: str
    well: bool
    said: str


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """All checks, or one role's sign of life."""
    parser.epilog = "example: coldchain doctor"
    parser.add_argument("--role", help="only say whether this role works (for health checks of containers)")


def run(args: argparse.Namespace) -> int:
    """Print one line for each check; 1 if any is not well."""
    config = configured(args)
    if args.role:
        return _role(config, args.role)
    for env, toml, shown in settings_shown(config):
        print(f"{env:<32} {toml:<24} {shown}")
    print()
    ill = 0
    for finding in _findings(config):
        ill += not finding.well
        print(f"{'ok  ' if finding.well else 'FAIL'} {finding.name:<10} {finding.said}")
    return 1 if ill else 0


def _role(config: Config, role: str) -> int:
    try:
        said = json.loads((config.data / "run" / f"{role}.pulse").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        print(f"{role}: has not started")
        return 1
    late_ms = SystemClock().now_ms() - said["at_ms"]
    trouble = f"silent for {late_ms // 1000} s" if late_ms > STALE_MS else said["trouble"]
    print(f"{role}: {trouble or 'works'}")
    return 1 if trouble else 0


def _findings(config: Config) -> Iterator[Finding]:
    checks: dict[str, Callable[[Config], str]] = {
        "state": _state,
        "disk": _disk,
        "clock": _clock,
        "contacts": _contacts,
        "broker": _broker,
        "influxdb": _influx,
        "mail": _mail,
        "sms": _sms,
        "sentinel": _sentinel,
        "watchdog": _watchdog,
    }
    for name, check in checks.items():
        try:
            yield Finding(name, well=True, said=check(config))
        except (ColdchainError, OSError) as error:
            yield Finding(name, well=False, said=str(error))


def _state(config: Config) -> str:
    from coldchain.wiring import opened_stores

    with opened_stores(config) as stores:
        place = redacted(config.database_url) or str(config.data)
        return f"{place}: journal at offset {stores.journal.head()}"


def _disk(config: Config) -> str:
    usage = shutil.disk_usage(config.data)
    share = usage.free / usage.total
    if share < _LEAST_FREE:
        raise ColdchainError(f"{share:.0%} of the disk with {config.data} is free: make room, nothing is stored at 0 %")
    return f"{share:.0%} free, {usage.free // 2**30} GiB"


def _clock(_config: Config) -> str:
    if SystemClock().now_ms() < _FIRST_SENSIBLE_MS:
        raise ColdchainError("the machine's clock was never set: switch time synchronisation on")
    from alerts.clock_sources import kernel

    said = kernel()
    synchronised = _system_says() if said is None else said.synchronised
    if synchronised is None:
        return "set; whether it is synchronised cannot be asked here"
    if not synchronised and _container():
        return "set; not synchronised by what the kernel says, which in a container may mean nothing: ask its host"
    if not synchronised:
        raise ColdchainError("the clock is not synchronised: `timedatectl set-ntp true`")
    return "synchronised" if said is None else f"synchronised, off by {said.max_error_ms / 1000:.1f} s at most"


def _system_says() -> bool | None:
    """What systemd says of synchronisation; None where it cannot be asked."""
    tool = shutil.which("timedatectl")
    if tool is None:
        return None
    asked = subprocess.run(
        [tool, "show", "-p", "NTPSynchronized", "--value"], capture_output=True, text=True, check=False
    )
    return {"yes": True, "no": False}.get(asked.stdout.strip()) if asked.returncode == 0 else None


def _container() -> bool:
    """Whether this looks like a container, where the clock is the host's matter."""
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"))
    return any(mark.exists() for mark in marks) or shutil.which("timedatectl") is None


def _contacts(config: Config) -> str:
    from coldchain.registry import people
    from coldchain.registry.viewer import SYSTEM
    from coldchain.wiring import opened_registry

    with opened_registry(config) as registry, registry.read() as connection:
        on_call = [person for person in people.listed(connection, SYSTEM) if person.on_call and not person.disabled_ms]
    if not on_call:
        raise ColdchainError("nobody is on call: `coldchain user create --on-call …`, or alarms reach nobody")
    without = [person.email for person in on_call if not person.phone]
    if without and config.sms_url:
        raise ColdchainError(f"no phone number for SMS: {', '.join(without)}")
    return f"{len(on_call)} on call"


def _broker(config: Config) -> str:
    if not config.mqtt_url:
        return "none configured; loggers use the built-in listener"
    return reached(config.mqtt_url)


def _influx(config: Config) -> str:
    if not config.influx_url:
        return "none configured; charts read the journal"
    from coldchain.telemetry.influx_server import InfluxServer
    from coldchain.wiring import influx_of

    server = InfluxServer(influx_of(config))
    server.select("SHOW MEASUREMENTS")
    return f"{redacted(config.influx_url)} answers"


def _mail(config: Config) -> str:
    if not config.smtp_url:
        raise ColdchainError("COLDCHAIN_SMTP_URL: not set; no mail leaves this installation")
    return _smtp("COLDCHAIN_SMTP_URL", config.smtp_url, config.mail_from)


def _smtp(name: str, url: str, sender: str) -> str:
    """Try everything but a mail: name, certificate, sign-in."""
    from alerts.channels.smtp import SmtpChannel, parse_smtp_url

    place = redacted(url)
    try:
        settings = parse_smtp_url(url)
        said = SmtpChannel(replace(settings, deadline_s=_TRY_S), sender).probe()
    except ColdchainError as error:
        raise ColdchainError(f"{name}: {place}: {error}; correct the URL, or the server's certificate") from error
    return f"{place.partition('?')[0]} takes mail, {said}"


def _sentinel(config: Config) -> str:
    seen = _seen(config)
    if not config.sentinel_to:
        if seen is not None:
            return seen
        return "none configured: nobody would hear if this installation died; see COLDCHAIN_SENTINEL_TO"
    said = [seen or "was never seen here: start `coldchain sentinel`, and let it reach COLDCHAIN_PUBLIC_URL"]
    if config.sentinel_smtp_url:
        sender = config.sentinel_from or config.mail_from
        said.append(_smtp("COLDCHAIN_SENTINEL_SMTP_URL", config.sentinel_smtp_url, sender))
        if config.sentinel_smtp_url == config.smtp_url:
            said.append("the same account as COLDCHAIN_SMTP_URL, so one failure silences both")
    if config.sentinel_sms_url:
        said.append(reached(config.sentinel_sms_url))
    return "; ".join(said)


def _seen(config: Config) -> str | None:
    """When the sentinel last came by; None where none ever did."""
    from alerts.sentinel_visits import SILENT_S
    from coldchain.domain.quantity import iso
    from coldchain.registry import sentinel_visits
    from coldchain.wiring import opened_registry

    with opened_registry(config) as registry, registry.read() as connection:
        visit = sentinel_visits.last(connection)
    if visit is None:
        return None
    if visit.ended or SystemClock().now_ms() - visit.at_ms > SILENT_S * 1000:
        what = "was ended at" if visit.ended else "has not come by since"
        raise ColdchainError(f"{what} {iso(visit.at_ms)}: start it again, or `coldchain sentinel --forget`")
    return f"came by at {iso(visit.at_ms)}"


def _watchdog(config: Config) -> str:
    if not config.heartbeat_url:
        return "none configured: see COLDCHAIN_HEARTBEAT_URL"
    return reached(config.heartbeat_url)


def _sms(config: Config) -> str:
    if not config.sms_url:
        raise ColdchainError("COLDCHAIN_SMS_URL: not set; no SMS leaves this installation")
    return reached(config.sms_url)


_USUAL_PORTS = {"https": 443, "http": 80, "mqtts": 8883, "mqtt": 1883}


def reached(url: str) -> str:
    """That somebody answers at this URL's host and port.

    Raises:
        ColdchainError: nobody does.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _USUAL_PORTS[parts.scheme]
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        raise ColdchainError(f"{host}:{port} cannot be reached: {error}") from error
    return f"{host}:{port} answers"
