"""The compose files: what they promise about rights and secrets, and that each service's command becomes healthy."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from influx_servers import SERVERS
from jsonschema import Draft202012Validator
from ports import quiet_port
from server_process import missing, wait_until

from coldchain import config
from coldchain.cli import COMMANDS
from coldchain.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FILES = {"base": ROOT / "docker-compose.yml", "postgres": ROOT / "deploy" / "compose.postgres.yml"}
OURS = ("ingest", "engine", "notify", "project", "web", "fleet")
# What the specification of compose files knows of services, as far as we use or might use it.
SERVICE_KEYS = {
    "build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "networks", "ports",
    "profiles", "read_only", "restart", "secrets", "security_opt", "tmpfs", "user", "volumes",
}  # fmt: skip
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILES[name].read_text())
    return found


def merged() -> dict[str, Any]:
    """Both files as compose puts them together: maps by key, lists one after the other, the rest replaced."""

    def merge(one: Any, other: Any) -> Any:
        if isinstance(one, dict) and isinstance(other, dict):
            return {k: merge(one[k], other[k]) if k in one and k in other else {**one, **other}[k] for k in one | other}
        return one + other if isinstance(one, list) and isinstance(other, list) else other

    found: dict[str, Any] = merge(read("base"), read("postgres"))
    return found


@pytest.mark.parametrize("composed", [read("base"), read("postgres"), merged()], ids=["base", "PostgreSQL", "both"])
def test_the_compose_files_obey_the_compose_specification(composed: dict[str, Any]) -> None:
    schema = SERVERS / "compose-spec.json"
    if not schema.exists():
        missing("the schema of the compose specification", "run `bash .ci/servers`, which fetches it (needs Go)")
    rules = Draft202012Validator(json.loads(schema.read_text("utf-8")))
    assert [f"{list(error.path)}: {error.message}" for error in rules.iter_errors(composed)] == []


@pytest.mark.parametrize("composed", [read("base"), merged()], ids=["base", "with PostgreSQL"])
def test_every_service_is_described_in_words_that_compose_knows(composed: dict[str, Any]) -> None:
    top = {key for key in composed if not key.startswith("x-")}
    assert top == {"name", "services", "volumes", "networks", "secrets"}
    for name, service in composed["services"].items():
        assert service.keys() <= SERVICE_KEYS, name
        assert "image" in service
        assert all(isinstance(port, str) for port in service.get("ports", [])), "YAML reads 22:22 as a number"
        assert isinstance(service["restart"], str), "YAML reads no as false"
        assert all(isinstance(value, str) for value in service.get("environment", {}).values()), name
        for other, how in (service.get("depends_on") or {}).items():
            assert other in composed["services"]
            assert how["condition"] in CONDITIONS
        assert set(service.get("networks", [])) <= composed["networks"].keys()
        assert {volume.partition(":")[0] for volume in service.get("volumes", []) if volume[0] not in "./"} <= (
            composed["volumes"].keys()
        )
    for secret in composed["secrets"].values():
        assert secret.keys() == {"file"}
        assert secret["file"].startswith("./deploy/secrets/")


@pytest.mark.parametrize("composed", [read("base"), merged()], ids=["base", "with PostgreSQL"])
def test_no_service_has_rights_that_it_does_not_need(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        user, _, group = service["user"].partition(":")
        assert int(user) > 0, name
        assert int(group) > 0, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name} would be reachable from everywhere, past the firewall"
        if service["restart"] != "no":
            health = service["healthcheck"]
            assert health.keys() <= HEALTH_KEYS
            assert health["test"][0] in ("CMD", "CMD-SHELL"), name


@pytest.mark.parametrize("composed", [read("base"), merged()], ids=["base", "with PostgreSQL"])
def test_secrets_are_files_that_each_service_that_names_them_is_given(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        given = {s if isinstance(s, str) else s["source"] for s in service.get("secrets", [])}
        assert given <= composed["secrets"].keys(), name
        text = yaml.safe_dump({key: value for key, value in service.items() if key != "secrets"})
        assert set(re.findall(r"/run/secrets/(\w+)", text)) <= given, name
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|_URL", key) and not key.endswith("_FILE"):
                assert "@" not in value, name
                assert key in {"COLDCHAIN_PUBLIC_URL", "COLDCHAIN_INFLUX_URL"}, f"{name}: {key} is no file"


def test_every_setting_of_a_service_is_one_that_the_program_reads() -> None:
    known = {name for name, _, _ in config.settings_shown(config.Config())}
    for name in OURS:
        service = merged()["services"][name]
        assert service["command"][0] in COMMANDS
        for key in service["environment"]:
            assert key.removesuffix("_FILE") in known, f"{name}: {key}"


def test_the_readme_makes_every_secret() -> None:
    made = (ROOT / "deploy" / "README.md").read_text()
    for name in merged()["secrets"]:
        assert name in made


def test_the_example_holds_every_setting(tmp_path: Path) -> None:
    example = ROOT / "deploy" / "coldchain.example.toml"
    tomllib.loads(example.read_text())
    assert config.read_config(example, {}).tenant == "main"
    # Uncommented, every line is a setting that the program knows; what is to come is not shown yet.
    lines = re.findall(r"^(?:# )?(\[\w+\]|\w+ = [^#\n]+)", example.read_text(), re.MULTILINE)
    (tmp_path / "all.toml").write_text("\n".join(lines))
    held = tomllib.loads("\n".join(lines))
    mistakes = str(refused(tmp_path / "all.toml"))
    for _, toml, _ in config.settings_shown(config.Config()):
        table, _, key = toml.rpartition(".")
        if table not in ("sentinel", "heartbeat", "tiles") and toml not in ("influx.token", "sms.token"):
            assert key in (held.get(table, {}) if table else held), toml
        assert f"unknown key {toml}" not in mistakes


def refused(path: Path) -> ConfigError | None:
    try:
        config.read_config(path, {})
    except ConfigError as error:
        return error
    return None


# --- The services' own commands, on loopback ------------------------------------------------------------------------


class Composed:
    """The services of the compose file as processes of this machine, each with its environment and its secrets."""

    def __init__(self, folder: Path, broker: int, fleet: int, influx: Any) -> None:
        self.folder, self.http = folder, quiet_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.services = read("base")["services"]
        secrets = folder / "secrets"
        secrets.mkdir()
        (secrets / "mqtt_url").write_text(f"mqtt://coldchain:of-the-broker@127.0.0.1:{broker}\n")
        (secrets / "fleet_url").write_text(f"mqtt://fleet:of-the-fleet@127.0.0.1:{fleet}\n")
        (secrets / "influx_token").write_text(influx.token)
        (secrets / "smtp_url").write_text("smtp://127.0.0.1:9?starttls=off")
        self._places = {
            "/run/secrets": str(secrets), "/var/lib/coldchain": str(folder / "state"),
            "http://influxdb:8086": influx.url,
            "0.0.0.0:8050": f"127.0.0.1:{self.http}", "${COLDCHAIN_PUBLIC_URL:-http://127.0.0.1:8050}": "http://example",
            "${COLDCHAIN_MAIL_FROM:-coldchain@localhost}": "coldchain@example.org",
        }  # fmt: skip
        self._influx = influx

    def adapted(self, text: str) -> str:
        for ours, here in self._places.items():
            text = text.replace(ours, here)
        return text

    def environment(self, service: str) -> dict[str, str]:
        told = {key: self.adapted(value) for key, value in self.services[service]["environment"].items()}
        if "COLDCHAIN_INFLUX_URL" in told:
            told |= {"COLDCHAIN_INFLUX_ORG": self._influx.org, "COLDCHAIN_INFLUX_BUCKET": self._influx.bucket}
        return {key: value for key, value in os.environ.items() if not key.startswith("COLDCHAIN_")} | told

    def start(self, service: str) -> subprocess.Popen[bytes]:
        command = [self.adapted(word) for word in self.services[service]["command"]]
        log = (self.folder / f"{service}.log").open("wb")
        self.processes[service] = subprocess.Popen(
            [sys.executable, "-m", "coldchain", *command], env=self.environment(service), stdout=log, stderr=log
        )
        return self.processes[service]

    def healthy(self, service: str) -> bool:
        assert self.processes[service].poll() is None, (self.folder / f"{service}.log").read_text()
        _, _, *test = self.services[service]["healthcheck"]["test"]
        asked = [sys.executable, "-m", "coldchain", *test]
        return subprocess.run(asked, env=self.environment(service), capture_output=True, check=False).returncode == 0

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(20)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Mosquitto with the very configuration of `deploy/mosquitto`, on free ports of loopback."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    binary, tool = shutil.which("mosquitto", path=path), shutil.which("mosquitto_passwd", path=path)
    if binary is None or tool is None:
        missing("Mosquitto", "apt-get install mosquitto mosquitto-clients")
    first = quiet_port()
    second = first + 1
    folder = tmp_path / "broker"
    folder.mkdir()
    passwords = folder / "passwords"
    for number, (user, password) in enumerate((("coldchain", "of-the-broker"), ("fleet", "of-the-fleet"))):
        subprocess.run([str(tool), *(["-c"] if not number else []), "-b", str(passwords), user, password], check=True)
    shutil.copy(ROOT / "deploy" / "mosquitto" / "acl", folder / "acl")
    text = (ROOT / "deploy" / "mosquitto" / "mosquitto.conf").read_text()
    for ours, here in {
        "listener 1883": f"listener {first} 127.0.0.1", "listener 1884": f"listener {second} 127.0.0.1",
        "/mosquitto/secrets/passwords": str(passwords), "/mosquitto/config/acl": str(folder / "acl"),
        "/mosquitto/data/": f"{folder}/",
    }.items():  # fmt: skip
        assert ours in text
        text = text.replace(ours, here)
    (folder / "mosquitto.conf").write_text(text + ("\nuser root\n" if os.geteuid() == 0 else ""))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(binary), "-c", str(folder / "mosquitto.conf")], stdout=log, stderr=log)
    yield first, second
    assert process.poll() is None, (folder / "log").read_text()
    process.terminate()
    process.wait(10)


@pytest.mark.server
@pytest.mark.slow
def test_each_service_becomes_healthy_and_the_fleet_reaches_the_journal(
    tmp_path: Path, broker: tuple[int, int], influx2: Any
) -> None:
    composed = Composed(tmp_path, *broker, influx2)
    assert composed.start("prepare").wait(60) == 0
    try:
        for service in OURS:
            composed.start(service)
        for service in OURS:
            wait_until(lambda service=service: composed.healthy(service), 90, f"{service} healthy")  # type: ignore[misc]

        def arrived() -> bool:
            asked = [sys.executable, "-m", "coldchain", "export", "--table", "readings"]
            done = subprocess.run(asked, env=composed.environment("web"), capture_output=True, text=True, check=True)
            return "LG-0001" in done.stdout

        wait_until(arrived, 60, "a reading of the fleet in the journal")
    finally:
        composed.stop()


def test_the_sentinel_is_a_project_of_its_own_that_may_only_read_and_ends_with_nothing_else() -> None:
    composed = yaml.safe_load((ROOT / "deploy" / "compose.sentinel.yml").read_text())
    assert composed["services"].keys() == {"sentinel"}
    service = composed["services"]["sentinel"]
    assert service["volumes"] == ["state:/var/lib/coldchain:ro"]
    assert composed["volumes"]["state"]["external"] is True
    assert (service["read_only"], service["cap_drop"], service["restart"]) == (True, ["ALL"], "always")
    assert "depends_on" not in service
    assert "sentinel" not in read("base")["services"]
    unit = (ROOT / "deploy" / "coldchain-sentinel.service").read_text()
    assert "Restart=always" in unit
    assert "ExecStart=/opt/coldchain/.venv/bin/coldchain sentinel" in unit
