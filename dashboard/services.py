"""What the web process is given: the stores, the road in, the clock and its settings."""

from dataclasses import dataclass, field
from typing import Protocol

from alerts.inbox import Inbox
from coldchain.clock import Clock
from coldchain.journal.port import Journal
from coldchain.registry.store import Registry
from coldchain.telemetry.port import History, Telemetry
from ingest.pipeline import Pipeline
from sensors.device_profiles.library import Library

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class Bell(Protocol):
    """Tells that the journal has grown (`coldchain.journal.bell.Bell`); losing a ring costs one poll interval."""

    def wait(self, timeout_s: float) -> object:
        """Return when it rang or when `timeout_s` has passed."""
        ...


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How the web process shows itself; durations are milliseconds."""

    public_url: str = "http://127.0.0.1:8050"  # links in messages, and the origin that writing requests must come from
    secure_cookies: bool = False  # True wherever people reach it by https, also behind a proxy
    behind_proxy: bool = False  # believe the last X-Forwarded-For entry
    tiles_url: str | None = None  # https://host/{z}/{x}/{y}.png: real map tiles over the offline base
    site_name: str = "Coldchain"
    zone: str = "UTC"  # IANA, of the site
    tenant: str = "main"
    inbox_url: str | None = None  # the demo's page with the mails and SMS that it sent
    mqtt: str | None = None  # host:port of the built-in listener, as loggers reach it; None: switched off
    mqtt_tls: bool = False  # it speaks TLS
    mqtt_anonymous: bool = False  # it also lets in who has no credentials
    broker: str | None = None  # mqtt[s]://host:port of the real broker that is listened to, without its credentials
    # Signs acknowledge links (`alerts.ack_link`); without it such links are refused.
    ack_key: bytes = field(default=b"", repr=False)
    # The SMS account's secret, by which the provider signs its callbacks; without it every callback is refused.
    sms_callback_token: str | None = field(default=None, repr=False)
    strict_idle_ms: int = 15 * MINUTE_MS  # quality, admin
    idle_ms: int = 12 * HOUR_MS  # viewer, operator, auditor
    absolute_ms: int = 12 * HOUR_MS
    max_streams: int = 400  # of the event stream, per process


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a page, a callback or a route may use. `history` judges and exports, `telemetry` draws."""

    registry: Registry
    journal: Journal
    history: History
    telemetry: Telemetry  # the embedded store again, or InfluxDB
    pipeline: Pipeline
    clock: Clock
    settings: WebSettings = field(default_factory=WebSettings)
    bell: Bell | None = None  # without one the journal's head is polled once a second
    inbox: Inbox | None = None  # the demo's caught mails and SMS
    library: Library = field(default_factory=Library)  # the device profiles, as they are now
