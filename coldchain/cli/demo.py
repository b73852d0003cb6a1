"""`coldchain demo`: the whole product with a simulated fleet, thirty lived days, and an inbox for its mails and SMS."""

import argparse
import os
import random
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from alerts.inbox import Inbox
from alerts.sinks import SmsSink, SmtpSink
from coldchain import pulse
from coldchain.cli import configured
from coldchain.cli.demo_duty import duty_deeds
from coldchain.cli.demo_history import Lived, live_through
from coldchain.cli.demo_live import LivePeople, known, remember
from coldchain.cli.demo_world import PEOPLE, Deed, people_deeds, world_deeds
from coldchain.cli.ports import check_ports
from coldchain.cli.up import environment, role_names
from coldchain.clock import HandClock, SystemClock
from coldchain.config import Config
from coldchain.domain.quantity import iso
from coldchain.errors import ColdchainError
from coldchain.log import set_up
from coldchain.registry import api_keys, people, sessions
from coldchain.registry.store import Registry
from coldchain.supervisor import StateFolder, Supervisor, role
from coldchain.wiring import INBOX, dispatcher_of, engine_of, opened_registry, opened_stores, pipeline_of, prepare
from sensors.fleet.fleet import Fleet

SEED = 20_260_105
DAYS = 30
# A fleet that stood still for longer would begin with a day of silence alarms: it is lived anew instead.
STALE_MS = 12 * 3_600_000
_FILES = ("journal.db", "registry.db", INBOX)


def arguments(parser: argparse.ArgumentParser, _name: str) -> None:
    """Nothing of its own: ports come from the configuration."""
    parser.epilog = "example: COLDCHAIN_HTTP=127.0.0.1:8051 coldchain demo"


def run(args: argparse.Namespace) -> int:
    """Prepare, start everything, and run until Ctrl-C."""
    set_up("demo")
    config = configured(args)
    if "COLDCHAIN_DATA" not in os.environ and config.data == Path("var"):
        config = replace(config, data=Path("var") / "demo")
    clock, console = SystemClock(), Console()
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as held:
        folder = StateFolder(config.data)
        held.callback(folder.release)
        check_ports(config, "make demo")
        _forget_if_stale(config, clock.now_ms())
        # Always brought up to date: nobody should have to know where a demo keeps its state.
        prepare(config, migrate=True)
        hand = HandClock(clock.now_ms())
        inbox = Inbox(config.data / INBOX)
        live_time = _Switch(hand, clock)
        mail, sms = SmtpSink(inbox, live_time), SmsSink(inbox, live_time)
        for sink in (mail, sms):
            sink.start()
            held.callback(sink.stop)
        config = _with_sinks(config, mail, sms)
        story = _live_until_now(config, hand, clock, console)
        live_time.live = True
        with opened_registry(config) as registry:
            _welcome(config, registry, clock.now_ms(), console)
        _run(args, config, story, clock)
    return 0


class _Story(NamedTuple):
    """The fleet's history up to now and what its people will do from now on."""

    end_ms: int
    lived_until_ms: int
    ahead: list[Deed]


class _Switch:
    """The sinks' clock: moved by hand while history is lived, the machine's own afterwards."""

    def __init__(self, hand: HandClock, system: SystemClock) -> None:
        self._hand, self._system = hand, system
        self.live = False

    def now_ms(self) -> int:
        """The time of day of whichever is in force."""
        return (self._system if self.live else self._hand).now_ms()

    def monotonic_s(self) -> float:
        """The machine's timer."""
        return self._system.monotonic_s()


def _forget_if_stale(config: Config, now_ms: int) -> None:
    if config.database_url or not (config.data / "registry.db").exists():
        return
    with opened_registry(config, migrate=True) as registry:
        found = known(registry)
    if found is None:
        raise ColdchainError(
            f"{config.data} holds no demo: its journal would mix with simulated readings; set COLDCHAIN_DATA elsewhere"
        )
    if now_ms - found["lived_until_ms"] > STALE_MS:
        for name in _FILES:
            for suffix in ("", "-wal", "-shm"):
                (config.data / f"{name}{suffix}").unlink(missing_ok=True)


def _with_sinks(config: Config, mail: SmtpSink, sms: SmsSink) -> Config:
    return replace(
        config,
        mqtt_anonymous=config.mqtt_listen is not None and config.mqtt_listen.loopback,
        smtp_url=config.smtp_url or mail.url,
        mail_from=config.mail_from or "Coldchain <coldchain@demo.example>",
        sms_url=config.sms_url or sms.url,
        sms_account=config.sms_account or sms.account,
        sms_token=config.sms_token or sms.token,
        sms_from=config.sms_from or "+4989000000",
    )


def _live_until_now(config: Config, hand: HandClock, clock: SystemClock, console: Console) -> _Story:
    """Live from where the demo stands until now."""
    with opened_stores(config) as stores:
        before = known(stores.registry)
        end_ms = before["end_ms"] if before else clock.now_ms()
        fleet = Fleet.of(SEED, end_ms, days=DAYS, live_start_ms=clock.now_ms(), tenant=config.tenant)
        from_ms = before["lived_until_ms"] if before else fleet.start_ms
        deeds = world_deeds(fleet)
        if before is None:
            deeds = [*people_deeds(fleet), *deeds, *duty_deeds(end_ms)]
            # A first life that is broken off is begun anew: it counts as lived until never.
            with stores.registry.write() as connection:
                remember(connection, end_ms=end_ms, lived_until_ms=0)
        hand.set(from_ms)
        dispatcher = dispatcher_of(config, stores, hand)
        lived = Lived(
            hand,
            stores,
            pipeline_of(config, stores, hand),
            engine_of(config, stores, hand),
            dispatcher,
            random.Random(SEED),  # noqa: S311  a story, not a secret
        )
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
            task = progress.add_task(f"living {_days(clock.now_ms() - from_ms)} of a fleet", total=1.0)
            until_ms = clock.now_ms()
            started_s = time.monotonic()
            count = live_through(
                lived, fleet, deeds, from_ms, until_ms, lambda share: progress.update(task, completed=share)
            )
        dispatcher.close()
        with stores.registry.write() as connection:
            remember(connection, end_ms=end_ms, lived_until_ms=until_ms)
        console.print(
            f"Lived {_days(until_ms - from_ms)}: {count} messages in {time.monotonic() - started_s:.0f} s "
            f"({len(fleet.shipments)} shipments, {len(fleet.stores)} stores, {len(fleet.loggers)} loggers)"
        )
    return _Story(end_ms, until_ms, [deed for deed in deeds if deed.at_ms >= until_ms])


def _days(period_ms: int) -> str:
    hours = period_ms / 3_600_000
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.1f} hours"


def _welcome(config: Config, registry: Registry, now_ms: int, console: Console) -> None:
    with registry.write() as connection:
        for key in api_keys.listed(connection):
            if key.name == "demo" and key.revoked_ms is None:
                api_keys.revoke(connection, key.id, who="demo", now_ms=now_ms)
        _, secret = api_keys.create(connection, name="demo", role="admin", who="demo", now_ms=now_ms)
        links = []
        for email, name, held, _, _ in PEOPLE:
            person = people.by_email(connection, email)
            if person is not None:
                token = sessions.make_link(connection, person.id, who="demo", now_ms=now_ms)
                links.append((held, name, f"{config.site_url}/sign-in/link/{token}"))
    console.print(f"\nColdchain runs at {config.site_url}; Ctrl-C stops everything.\n", highlight=False)
    for held, name, link in links:
        console.print(f"  {held:<9} {name:<16} {link}", highlight=False, soft_wrap=True)
    console.print(f"\n  API key   {secret}", highlight=False, soft_wrap=True)
    console.print(f"  Inbox     {config.site_url}/inbox: mails and SMS that the product sends", highlight=False)
    console.print(f"  MQTT      mqtt://{config.mqtt_listen}, without password in this demo", highlight=False)
    hint = "In about a minute a door is left open on a shipment under way: watch the control tower."
    console.print(f"\n{hint}\n", soft_wrap=True)


def _run(args: argparse.Namespace, config: Config, story: _Story, clock: SystemClock) -> None:
    names = role_names(config)
    pulse.expect(config.data, names)
    broker = config.mqtt_url or f"mqtt://{config.mqtt_listen}"
    # What was lived already is not published a second time.
    since = ("--since", iso(story.lived_until_ms))
    fleet = ("--seed", str(SEED), "--end", iso(story.end_ms), "--live", iso(clock.now_ms()), "--broker", broker, *since)
    roles = [*(role(name) for name in names), role("simulate", *fleet)]
    with opened_registry(config) as registry:
        people = LivePeople(registry, story.ahead, clock, story.end_ms)
        Supervisor(roles, _environment(args, config)).run(people.tick)


def _environment(args: argparse.Namespace, config: Config) -> Mapping[str, str]:
    return environment(args, config.data) | {
        "COLDCHAIN_DATA": str(config.data),
        "COLDCHAIN_MQTT_ANONYMOUS": "on" if config.mqtt_anonymous else "off",
        "COLDCHAIN_SMTP_URL": config.smtp_url,
        "COLDCHAIN_MAIL_FROM": config.mail_from,
        "COLDCHAIN_SMS_URL": config.sms_url,
        "COLDCHAIN_SMS_ACCOUNT": config.sms_account,
        "COLDCHAIN_SMS_TOKEN": config.sms_token,
        "COLDCHAIN_SMS_FROM": config.sms_from,
    }
