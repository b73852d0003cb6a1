"""The configuration: every mistake is named with its key, and nothing listens unprotected."""

from pathlib import Path

import pytest

from coldchain.config import KEYS, Address, Config, read_config, redacted, settings_shown
from coldchain.errors import ConfigError


def refused(environment: dict[str, str], path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        read_config(path, environment)
    return str(error.value)


def test_without_anything_it_runs_on_this_machine_alone() -> None:
    config = read_config(None, {})
    assert config == Config()
    assert (str(config.http), str(config.mqtt_listen)) == ("127.0.0.1:8050", "127.0.0.1:1883")
    assert config.site_url == "http://127.0.0.1:8050"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "coldchain.toml"
    path.write_text('tenant = "north"\n[mqtt]\nlisten = ""\n[influx]\nurl = "http://127.0.0.1:8086"\nbucket = "a/b"\n')
    config = read_config(path, {"COLDCHAIN_TENANT": "south", "HOME": "/nowhere"})
    assert (config.tenant, config.mqtt_listen, config.influx_bucket) == ("south", None, "a/b")


def test_all_mistakes_are_reported_together_with_their_key(tmp_path: Path) -> None:
    path = tmp_path / "coldchain.toml"
    path.write_text('colour = "red"\n[mqtt]\nanonymous = 3\n')
    said = refused({"COLDCHAIN_HTTP": "8050", "COLDCHAIN_COLOUR": "x", "COLDCHAIN_BEHIND_PROXY": "maybe"}, path)
    for part in ("colour: there is no such", "mqtt.anonymous", "COLDCHAIN_HTTP: '8050'", "COLDCHAIN_COLOUR", "'maybe'"):
        assert part in said


def test_secrets_come_from_the_environment_or_a_file_but_not_from_toml(tmp_path: Path) -> None:
    path, secret = tmp_path / "coldchain.toml", tmp_path / "token"
    path.write_text('[sms]\ntoken = "hunter2"\n[database]\nurl = "postgresql://me:hunter2@db/cc"\n')
    said = refused({}, path)
    assert "COLDCHAIN_SMS_TOKEN_FILE" in said
    assert "COLDCHAIN_DATABASE_URL_FILE" in said
    assert "hunter2" not in said
    secret.write_text("hunter2\n")
    environment = {"COLDCHAIN_INFLUX_TOKEN_FILE": str(secret)}
    assert read_config(None, environment).influx_token == "hunter2"


def test_the_file_form_is_only_for_secrets() -> None:
    assert "COLDCHAIN_TENANT_FILE: there is no such" in refused({"COLDCHAIN_TENANT_FILE": "/etc/hostname"})


@pytest.mark.parametrize("name", ["COLDCHAIN_HTTP", "COLDCHAIN_MQTT_LISTEN"])
@pytest.mark.parametrize("place", ["0.0.0.0:8050", "[::]:8050", "192.168.1.4:8050", "coldchain.example:8050"])
def test_listening_beyond_this_machine_needs_tls_or_a_proxy(name: str, place: str) -> None:
    assert f"{name}: {place}" in refused({name: place})
    assert read_config(None, {name: place, "COLDCHAIN_BEHIND_PROXY": "on"}).behind_proxy


def test_anonymous_loggers_are_for_loopback_only() -> None:
    environment = {"COLDCHAIN_MQTT_ANONYMOUS": "on", "COLDCHAIN_BEHIND_PROXY": "on"}
    assert read_config(None, environment).mqtt_anonymous
    assert "COLDCHAIN_MQTT_ANONYMOUS" in refused(environment | {"COLDCHAIN_MQTT_LISTEN": "0.0.0.0:1883"})


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"COLDCHAIN_TLS_CERT": "/c.pem"}, "COLDCHAIN_TLS_KEY"),
        ({"COLDCHAIN_INFLUX_URL": "http://127.0.0.1:8086"}, "COLDCHAIN_INFLUX_BUCKET"),
        ({"COLDCHAIN_SMTP_URL": "smtp://127.0.0.1"}, "COLDCHAIN_MAIL_FROM"),
        ({"COLDCHAIN_SMS_URL": "http://127.0.0.1"}, "COLDCHAIN_SMS_ACCOUNT"),
        ({"COLDCHAIN_TENANT": "a/b"}, "COLDCHAIN_TENANT"),
        ({"COLDCHAIN_DATABASE_URL": "mysql://db/cc"}, "COLDCHAIN_DATABASE_URL"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(environment: dict[str, str], named: str) -> None:
    assert named in refused(environment)


def test_what_is_shown_holds_no_secret() -> None:
    config = read_config(
        None,
        {
            "COLDCHAIN_MQTT_URL": "mqtt://me:hunter2@broker:1883",
            "COLDCHAIN_SMS_TOKEN": "hunter2",
            "COLDCHAIN_DATABASE_URL": "postgresql://me:hunter2@db/cc",
        },
    )
    shown = str(settings_shown(config))
    assert "hunter2" not in shown
    assert "mqtt://broker:1883" in shown
    assert redacted("https://plain.example/x") == "https://plain.example/x"


def test_every_setting_has_a_twin_in_the_example_file() -> None:
    example = (Path(__file__).parents[2] / "deploy" / "coldchain.example.toml").read_text()
    for key in KEYS:
        if not key.field.startswith(("sentinel", "heartbeat", "tiles")):
            assert key.toml.rpartition(".")[2] in example, key.toml
    tables = read_config(Path(__file__).parents[2] / "deploy" / "coldchain.example.toml", {})
    assert tables.http == Address("127.0.0.1", 8050)
