"""One TOML file and the environment, parsed once into a frozen value; all mistakes are reported together."""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from coldchain import setting_texts as reading
from coldchain.errors import ConfigError
from coldchain.setting_texts import Address, redacted

__all__ = ["KEYS", "PREFIX", "Address", "Config", "read_config", "redacted", "settings_shown"]

PREFIX = "COLDCHAIN_"
# Read elsewhere: by the command line, and by the tests to find servers.
_NOT_SETTINGS = ("COLDCHAIN_CONFIG", "COLDCHAIN_SERVERS", "COLDCHAIN_TEST_")


_WEB, _MQTT = Address("127.0.0.1", 8050), Address("127.0.0.1", 1883)


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting; None or "" means switched off. See `docs/reference/configuration.md` for meanings."""

    data: Path = Path("var")
    tenant: str = "main"
    http: Address = _WEB
    public_url: str = ""
    mqtt_listen: Address | None = _MQTT
    mqtt_anonymous: bool = False
    mqtt_url: str = ""
    mqtt_topics: tuple[str, ...] = ()
    sparkplug_host: str = ""
    home_assistant: str = ""
    influx_url: str = ""
    influx_token: str = ""
    influx_org: str = ""
    influx_bucket: str = ""
    database_url: str = ""
    smtp_url: str = ""
    mail_from: str = ""
    sms_url: str = ""
    sms_account: str = ""
    sms_token: str = ""
    sms_from: str = ""
    sentinel_smtp_url: str = ""
    sentinel_sms_url: str = ""
    sentinel_sms_account: str = ""
    sentinel_sms_token: str = ""
    sentinel_sms_from: str = ""
    sentinel_to: tuple[str, ...] = ()
    sentinel_from: str = ""
    heartbeat_url: str = ""
    canary_s: float = 60.0
    annunciator: str = ""
    backups: Path | None = None
    tiles_url: str = ""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    device_profiles: Path | None = None

    @property
    def site_url(self) -> str:
        """The address that links in messages start with."""
        scheme = "https" if self.tls_cert else "http"
        return (self.public_url or f"{scheme}://{self.http}").rstrip("/")


class _Key(NamedTuple):
    field: str
    toml: str
    read: Callable[[str], Any]
    secret: bool = False

    @property
    def env(self) -> str:
        return PREFIX + self.field.upper()


_HTTP_URL, _SMTP_URL = reading.url_of("http", "https"), reading.url_of("smtp", "smtps")

KEYS = (
    _Key("data", "data", Path),
    _Key("tenant", "tenant", str),
    _Key("http", "http", reading.address),
    _Key("public_url", "public_url", _HTTP_URL),
    _Key("mqtt_listen", "mqtt.listen", reading.address_or_off),
    _Key("mqtt_anonymous", "mqtt.anonymous", reading.switch),
    _Key("mqtt_url", "mqtt.url", reading.url_of("mqtt", "mqtts"), secret=True),
    _Key("mqtt_topics", "mqtt.topics", reading.topics),
    _Key("sparkplug_host", "sparkplug.host", reading.topic_level),
    _Key("home_assistant", "mqtt.home_assistant", reading.topic_level),
    _Key("influx_url", "influx.url", _HTTP_URL),
    _Key("influx_token", "influx.token", str, secret=True),
    _Key("influx_org", "influx.org", str),
    _Key("influx_bucket", "influx.bucket", str),
    _Key("database_url", "database.url", reading.url_of("postgresql"), secret=True),
    _Key("smtp_url", "smtp.url", _SMTP_URL, secret=True),
    _Key("mail_from", "mail.from", str),
    _Key("sms_url", "sms.url", _HTTP_URL),
    _Key("sms_account", "sms.account", str),
    _Key("sms_token", "sms.token", str, secret=True),
    _Key("sms_from", "sms.from", str),
    _Key("sentinel_smtp_url", "sentinel.smtp_url", _SMTP_URL, secret=True),
    _Key("sentinel_sms_url", "sentinel.sms_url", _HTTP_URL),
    _Key("sentinel_sms_account", "sentinel.sms_account", str),
    _Key("sentinel_sms_token", "sentinel.sms_token", str, secret=True),
    _Key("sentinel_sms_from", "sentinel.sms_from", str),
    _Key("sentinel_to", "sentinel.to", reading.recipients),
    _Key("sentinel_from", "sentinel.from", str),
    _Key("heartbeat_url", "heartbeat.url", _HTTP_URL, secret=True),
    _Key("canary_s", "canary.every_s", reading.seconds),
    _Key("annunciator", "annunciator", reading.annunciator),
    _Key("backups", "backups", reading.path),
    _Key("tiles_url", "tiles.url", _HTTP_URL),
    _Key("tls_cert", "tls.cert", reading.path),
    _Key("tls_key", "tls.key", reading.path),
    _Key("behind_proxy", "behind_proxy", reading.switch),
    _Key("device_profiles", "device_profiles", reading.path),
)


def read_config(path: Path | None, environment: Mapping[str, str] | None = None) -> Config:
    """Read the TOML file at `path` (None: no file) and the environment, which wins.

    Raises:
        ConfigError: names every mistake with its key: unknown keys, unusable values, secrets in the file,
            contradictory settings, and anything that would listen beyond this machine unprotected.
    """
    environment = os.environ if environment is None else environment
    mistakes: list[str] = []
    texts = _from_file(path, mistakes) | _from_environment(environment, mistakes)
    values: dict[str, Any] = {}
    for key in KEYS:
        if key.field in texts:
            try:
                values[key.field] = key.read(texts[key.field])
            except ValueError as error:
                mistakes.append(f"{key.env}: {error}")
    config = Config(**values)
    mistakes += _contradictions(config)
    if mistakes:
        raise ConfigError("the configuration cannot be used: " + "; ".join(mistakes))
    return config


def _from_file(path: Path | None, mistakes: list[str]) -> dict[str, str]:
    if path is None:
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        mistakes.append(f"{path}: {error}")
        return {}
    by_name = {key.toml: key for key in KEYS}
    texts: dict[str, str] = {}
    for name, value in _flat(tables):
        key = by_name.get(name)
        if key is None:
            mistakes.append(f"{path}: {name}: there is no such setting")
        elif not isinstance(value, str | bool):
            mistakes.append(f"{path}: {name}: must be text or true/false, not {value!r}")
        elif key.secret and (key.read is str or "@" in urlsplit(str(value)).netloc):
            mistakes.append(f"{path}: {name}: a secret belongs into {key.env} or the file named by {key.env}_FILE")
        else:
            texts[key.field] = ("on" if value else "off") if isinstance(value, bool) else value
    return texts


def _flat(tables: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in tables.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{name}.")
        else:
            pairs.append((prefix + name, value))
    return pairs


def _from_environment(environment: Mapping[str, str], mistakes: list[str]) -> dict[str, str]:
    by_name = {key.env: key for key in KEYS}
    texts: dict[str, str] = {}
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name.startswith(_NOT_SETTINGS):
            continue
        file_key = by_name.get(name.removesuffix("_FILE"))
        if name in by_name:
            texts[by_name[name].field] = environment[name]
        elif name.endswith("_FILE") and file_key is not None and file_key.secret:
            try:
                texts[file_key.field] = Path(environment[name]).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                mistakes.append(f"{name}: {error}")
        else:
            mistakes.append(f"{name}: there is no such setting")
    return texts


def _contradictions(config: Config) -> list[str]:
    found: list[str] = []
    if bool(config.tls_cert) != bool(config.tls_key):
        found.append("COLDCHAIN_TLS_CERT, COLDCHAIN_TLS_KEY: set both or neither")
    if config.influx_url and not config.influx_bucket:
        found.append("COLDCHAIN_INFLUX_BUCKET: needed with COLDCHAIN_INFLUX_URL (1.8: database/retention)")
    if config.smtp_url and not config.mail_from:
        found.append("COLDCHAIN_MAIL_FROM: needed with COLDCHAIN_SMTP_URL")
    if config.sms_url and not (config.sms_account and config.sms_token and config.sms_from):
        found.append("COLDCHAIN_SMS_ACCOUNT, COLDCHAIN_SMS_TOKEN, COLDCHAIN_SMS_FROM: needed with COLDCHAIN_SMS_URL")
    found += _about_sentinel(config)
    if "/" in config.tenant or "+" in config.tenant or "#" in config.tenant or not config.tenant:
        found.append(f"COLDCHAIN_TENANT: {config.tenant!r} must be one level of an MQTT topic, without / + #")
    return found + _exposures(config)


def _about_sentinel(config: Config) -> list[str]:
    found: list[str] = []
    mails = [one for one in config.sentinel_to if "@" in one]
    if config.sentinel_sms_url and not (
        config.sentinel_sms_account and config.sentinel_sms_token and config.sentinel_sms_from
    ):
        names = "COLDCHAIN_SENTINEL_SMS_ACCOUNT, COLDCHAIN_SENTINEL_SMS_TOKEN, COLDCHAIN_SENTINEL_SMS_FROM"
        found.append(f"{names}: needed with COLDCHAIN_SENTINEL_SMS_URL")
    if mails and not config.sentinel_smtp_url:
        found.append(f"COLDCHAIN_SENTINEL_SMTP_URL: needed to write to {mails[0]} of COLDCHAIN_SENTINEL_TO")
    if len(mails) < len(config.sentinel_to) and not config.sentinel_sms_url:
        found.append("COLDCHAIN_SENTINEL_SMS_URL: needed to reach the telephone numbers in COLDCHAIN_SENTINEL_TO")
    if (config.sentinel_smtp_url or config.sentinel_sms_url) and not config.sentinel_to:
        found.append("COLDCHAIN_SENTINEL_TO: needed with COLDCHAIN_SENTINEL_SMTP_URL or COLDCHAIN_SENTINEL_SMS_URL")
    if config.sentinel_smtp_url and not (config.sentinel_from or config.mail_from):
        found.append("COLDCHAIN_SENTINEL_FROM: needed with COLDCHAIN_SENTINEL_SMTP_URL")
    return found


def _exposures(config: Config) -> list[str]:
    found: list[str] = []
    protected = config.tls_cert is not None or config.behind_proxy
    listening = {"COLDCHAIN_HTTP": config.http, "COLDCHAIN_MQTT_LISTEN": config.mqtt_listen}
    for name, address in listening.items():
        if address is not None and not address.loopback and not protected:
            found.append(
                f"{name}: {address} can be reached from other machines: set COLDCHAIN_TLS_CERT and COLDCHAIN_TLS_KEY, "
                "or COLDCHAIN_BEHIND_PROXY=on where a proxy in front ends TLS"
            )
    if config.mqtt_anonymous and config.mqtt_listen is not None and not config.mqtt_listen.loopback:
        found.append("COLDCHAIN_MQTT_ANONYMOUS: loggers without a password are accepted on loopback only")
    return found


def _shown(value: Any) -> str:
    if type(value) is tuple:  # and not an address, which has its own text
        return ", ".join(value)
    return "" if value is None else str(value)


def settings_shown(config: Config) -> list[tuple[str, str, str]]:
    """Every setting as (environment name, TOML name, value), secrets hidden: for `doctor` and the logs."""
    rows = []
    for key, field in zip(KEYS, fields(config), strict=True):
        value = getattr(config, field.name)
        shown = _shown(value)
        if key.secret and shown:
            shown = redacted(shown) if "://" in shown else "(set)"
        rows.append((key.env, key.toml, shown))
    return rows
