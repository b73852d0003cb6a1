"""The composition root: from the configuration to live services. Adapters are named here and in `state` only."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import select

from coldchain.clock import Clock
from coldchain.config import Address, Config, redacted
from coldchain.domain.canary import CHANNEL
from coldchain.domain.message import Receipt
from coldchain.errors import ConfigError, NotFound
from coldchain.registry import loggers, schema
from coldchain.registry.store import Registry, holder_name
from coldchain.state import Stores, opened_registry, opened_stores, prepare
from coldchain.telemetry.embedded import Compacted
from coldchain.telemetry.embedded import compact as compact_journal
from coldchain.telemetry.port import Telemetry

# Every process imports this module, and a role that died has to be back within two seconds: each function imports
# the adapters that it makes, so that a role pays for those it uses only.
if TYPE_CHECKING:
    from alerts.channels.port import Channel
    from alerts.dispatcher import Dispatcher
    from coldchain.telemetry.influx_server import InfluxAddress
    from compliance.loop import EngineLoop
    from dashboard.services import Services
    from ingest.excursion_projector import ExcursionProjector
    from ingest.pipeline import Pipeline
    from ingest.projection_mark import RegistryMark
    from ingest.projector import Projector
    from sensors.carriers.port import Carrier
    from sensors.device_profiles.library import Library

__all__ = [
    "INBOX",
    "RegisteredLoggers",
    "Stores",
    "channels_of",
    "compact",
    "dispatcher_of",
    "engine_of",
    "excursions_of",
    "influx_of",
    "library_of",
    "mark_of",
    "opened_registry",
    "opened_stores",
    "pipeline_of",
    "prepare",
    "projector_of",
    "services_of",
    "telemetry_of",
]
# The demo keeps the mails and SMS that it "sent" in this file of the state folder; its page shows them.
INBOX = "inbox.db"


def library_of(config: Config, registry: Registry) -> "Library":
    """The device profiles: those of the program, of the customer's folder, and those that people saved."""
    from coldchain.registry.device_profiles import SavedProfiles
    from sensors.device_profiles.library import Library

    return Library(config.device_profiles, SavedProfiles(registry))


def pipeline_of(
    config: Config, stores: Stores, clock: Clock, library: "Library | None" = None, *, hears: bool = False,
    first: "tuple[Carrier, ...]" = (), heard: "Callable[[Sequence[Receipt]], None]" = lambda _receipts: None,
) -> "Pipeline":  # fmt: skip
    """The one road into the journal.

    Args:
        config: the tenant.
        stores: where it leads.
        clock: times arrivals.
        library: the device profiles, read from the registry by default.
        hears: this process is the one that hears sessions over MQTT, so what its carriers remember outlives it.
        first: carriers that are asked before all others.
        heard: told of every receipt.
    """
    from ingest.pipeline import Pipeline
    from ingest.registered import RegistryMemory, gateways_of
    from sensors.carriers.shipped import carriers

    profiles = (library or library_of(config, stores.registry)).now
    return Pipeline(
        stores.journal, clock, config.tenant, (*first, *carriers(config.tenant, profiles)), profiles,
        memory=RegistryMemory(stores.registry, clock) if hears else None,
        gateways=gateways_of(stores.registry, clock),
        pass_canary=stores.journal.pass_canary, heard=heard,
    )  # fmt: skip


class RegisteredLoggers:
    """Who may connect as which logger: those registered, with their password; anybody where that is allowed."""

    def __init__(self, registry: Registry, *, anonymous: bool) -> None:
        """With `anonymous`, a user without password is taken at its word: for loopback only."""
        self._registry = registry
        self._anonymous = anonymous

    def check(self, user: str, password: str) -> str | None:
        """The logger that this user is, or None to refuse it."""
        if not password:
            return user if self._anonymous else None
        with self._registry.read() as connection:
            return user if loggers.password_is(connection, user, password) else None


def engine_of(config: Config, stores: Stores, clock: Clock) -> "EngineLoop":
    """The engine with the planner of alerts."""
    from alerts.canary import CanaryPost
    from alerts.planner import AlertPlanner
    from alerts.policy import PROGRAM_CHANNELS
    from compliance.loop import EngineLoop
    from ingest.identity import sent_by

    planner = AlertPlanner((*channels_of(config), *PROGRAM_CHANNELS), sent_by(stores.history, stores.journal))
    canaries = CanaryPost(stores.journal)
    return EngineLoop(stores.registry, stores.journal, stores.history, planner, clock, canaries)


def compact(stores: Stores, clock: Clock) -> Compacted:
    """Pack the closed days that the engine has judged."""
    with stores.registry.read() as connection:
        passed = select(schema.cursor.c.journal_offset).where(schema.cursor.c.name == "engine")
        offset = connection.execute(passed).scalar_one_or_none() or 0
    return compact_journal(stores.journal, offset, clock.now_ms())


def channels_of(config: Config) -> "dict[str, Channel]":
    """The ways to reach people that are configured."""
    from alerts.channels.sms import SmsChannel, SmsSettings
    from alerts.channels.smtp import SmtpChannel, parse_smtp_url

    channels: dict[str, Channel] = {}
    if config.smtp_url:
        channels["email"] = SmtpChannel(parse_smtp_url(config.smtp_url), config.mail_from)
    if config.sms_url:
        callback = f"{config.site_url}/api/v1/callbacks/sms"
        settings = SmsSettings(config.sms_url, config.sms_account, config.sms_token, config.sms_from, callback)
        channels["sms"] = SmsChannel(settings)
    return channels


def dispatcher_of(config: Config, stores: Stores, clock: Clock) -> "Dispatcher":
    """The one loop that gets messages out."""
    from alerts import ack_link
    from alerts.canary import CanaryChannel
    from alerts.dispatcher import Dispatcher
    from alerts.drills import Rounds
    from alerts.fallback import ChannelFallback
    from alerts.outbox import Site
    from alerts.planner import AlertPlanner
    from ingest.identity import sent_by

    channels = channels_of(config)
    domain = urlsplit(config.site_url).hostname or "coldchain"
    with stores.registry.write() as connection:
        site = Site(config.site_url, domain, ack_link.installation_key(connection))
    channels |= _programs(stores.registry, clock)
    timers = AlertPlanner(tuple(channels), sent_by(stores.history, stores.journal))
    failover = ChannelFallback(tuple(channels))
    rounds = Rounds(frozenset(channels))
    channels[CHANNEL] = CanaryChannel()
    return Dispatcher(
        stores.registry, channels, clock, holder_name(), site=site, timers=timers, failover=failover, rounds=rounds,
        apart={"apprise": 2},
    )  # fmt: skip


def _programs(registry: Registry, clock: Clock) -> "dict[str, Channel]":
    """The ways to programs: each is looked up when it is told, so that a changed secret or address counts at once."""
    from alerts.channels.apprise import AppriseChannel
    from alerts.channels.webhook import Target, WebhookChannel
    from coldchain.registry import endpoints

    def target(id_: str) -> Target | None:
        with registry.read() as connection:
            try:
                known = endpoints.get(connection, id_)
            except NotFound:
                return None
        return None if known.disabled_ms is not None else Target(known.url, known.secrets, known.private)

    return {"webhook": WebhookChannel(target, clock), "apprise": AppriseChannel(target)}


def influx_of(config: Config) -> "InfluxAddress":
    """Where InfluxDB is.

    Raises:
        ConfigError: it is not configured.
    """
    from coldchain.telemetry.influx_server import InfluxAddress

    if not config.influx_url:
        raise ConfigError("COLDCHAIN_INFLUX_URL: not set; there is no InfluxDB to write to")
    return InfluxAddress(config.influx_url, config.influx_token, config.influx_org, config.influx_bucket)


def telemetry_of(config: Config, stores: Stores) -> Telemetry:
    """What charts read: InfluxDB where there is one, else the embedded store."""
    if not config.influx_url:
        return stores.history
    from coldchain.telemetry.influx import InfluxTelemetry

    return InfluxTelemetry(influx_of(config))


def mark_of(stores: Stores, clock: Clock) -> "RegistryMark":
    """How far InfluxDB has been filled."""
    from ingest.projection_mark import RegistryMark

    return RegistryMark(stores.registry, clock)


def projector_of(config: Config, stores: Stores, clock: Clock) -> "Projector":
    """What fills InfluxDB from the journal."""
    from coldchain.telemetry.influx_writer import InfluxWriter
    from ingest.projector import Projector

    return Projector(stores.journal, mark_of(stores, clock), InfluxWriter(influx_of(config)), clock)


def excursions_of(config: Config, stores: Stores, clock: Clock) -> "ExcursionProjector":
    """What keeps InfluxDB's excursions up to date, beside the projector."""
    from coldchain.telemetry.influx_writer import InfluxWriter
    from ingest.excursion_projector import ExcursionProjector

    return ExcursionProjector(stores.registry, InfluxWriter(influx_of(config)), clock)


def services_of(config: Config, stores: Stores, clock: Clock) -> "Services":
    """What the web process is given."""
    from alerts import ack_link
    from alerts.inbox import Inbox
    from dashboard.services import Services, WebSettings

    with stores.registry.write() as connection:
        ack_key = ack_link.installation_key(connection)
    library = library_of(config, stores.registry)
    path = config.data / INBOX
    inbox = Inbox(path) if path.exists() else None
    settings = WebSettings(
        public_url=config.site_url,
        secure_cookies=config.site_url.startswith("https://"),
        behind_proxy=config.behind_proxy,
        tiles_url=config.tiles_url or None,
        tenant=config.tenant,
        inbox_url=None if inbox is None else "/inbox",
        mqtt=_reached(config),
        mqtt_tls=config.tls_cert is not None,
        mqtt_anonymous=config.mqtt_anonymous,
        broker=redacted(config.mqtt_url) or None,
        ack_key=ack_key,
        sms_callback_token=config.sms_token or None,
    )
    return Services(
        registry=stores.registry,
        journal=stores.journal,
        history=stores.history,
        telemetry=telemetry_of(config, stores),
        pipeline=pipeline_of(config, stores, clock, library),
        library=library,
        clock=clock,
        settings=settings,
        bell=stores.bell,
        inbox=inbox,
    )


def _reached(config: Config) -> str | None:
    """Where loggers find the built-in listener: at the pages' own host, where it listens on every address."""
    if config.mqtt_listen is None:
        return None
    host, port = config.mqtt_listen
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - compared, never bound
    return str(Address((urlsplit(config.site_url).hostname or host) if everywhere else host, port))
