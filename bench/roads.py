"""Three roads from an MQTT broker into InfluxDB 2, each as real processes: ours, Telegraf's and Node-RED's.

The peers are set up to do well: QoS 1, a persistent session, large batches and hardly any waiting for full ones.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Protocol

from server_process import free_port

from bench.processes import cpu_s

CACHE = Path(os.environ.get("COLDCHAIN_SERVERS") or Path.home() / ".cache" / "coldchain-servers")
HOW = "`bash bench/servers` installs it"


class Target(Protocol):
    """What a road needs to know of an InfluxDB."""

    url: str
    token: str
    org: str
    bucket: str


class Road(ABC):
    """Some processes; which of them is killed goes round."""

    name = ""

    def __init__(self, folder: Path, broker_url: str, influx: Target) -> None:
        self.folder, self.broker_url, self.influx = folder, broker_url, influx
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._turn = 0

    @abstractmethod
    def commands(self) -> dict[str, list[str]]:
        """The command of each process, by a name."""

    def environment(self) -> dict[str, str]:
        """What they inherit."""
        return {name: value for name, value in os.environ.items() if not name.startswith("COLDCHAIN_")}

    def prepare(self) -> None:  # noqa: B027  most need nothing
        """Whatever has to be there before the first start."""

    def start(self) -> None:
        """Start what does not run."""
        for name, command in self.commands().items():
            if name not in self._running:
                with (self.folder / f"{name}.log").open("ab") as log:
                    self._running[name] = subprocess.Popen(
                        command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment()
                    )

    def signal(self, how: signal.Signals) -> None:
        """Send all of them a signal: SIGSTOP and SIGCONT, so that a measurement begins with them awake."""
        for process in self._running.values():
            process.send_signal(how)

    def cpu_s(self) -> float:
        """Seconds of CPU that all of them have used."""
        return sum(cpu_s(process.pid) for process in self._running.values())

    def kill_one(self) -> None:
        """`kill -9` for the next of them, and start it again."""
        name = list(self._running)[self._turn % len(self._running)]
        self._turn += 1
        process = self._running.pop(name)
        process.kill()
        process.wait()
        self.start()

    def stop(self) -> None:
        """End them; at the latest after some seconds."""
        for process in self._running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
        self._running.clear()


class Ours(Road):
    """Two roles: `ingest` commits to the journal, `project` carries from there to InfluxDB."""

    name = "ours"

    def prepare(self) -> None:
        """Make the state folder, which both roles use."""
        subprocess.run(
            [sys.executable, "-m", "coldchain", "migrate"], env=self.environment(), check=True, capture_output=True
        )

    def commands(self) -> dict[str, list[str]]:
        return {role: [sys.executable, "-m", "coldchain", role] for role in ("ingest", "project")}

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "COLDCHAIN_DATA": str(self.folder / "state"), "COLDCHAIN_MQTT_LISTEN": "",
            "COLDCHAIN_MQTT_URL": self.broker_url, "COLDCHAIN_INFLUX_URL": self.influx.url,
            "COLDCHAIN_INFLUX_TOKEN": self.influx.token, "COLDCHAIN_INFLUX_ORG": self.influx.org,
            "COLDCHAIN_INFLUX_BUCKET": self.influx.bucket,
        }  # fmt: skip


class Telegraf(Road):
    """Telegraf with `mqtt_consumer`, `json_v2` and `influxdb_v2`."""

    name = "Telegraf"

    def commands(self) -> dict[str, list[str]]:
        settings = self.folder / "telegraf.conf"
        broker = self.broker_url.replace("mqtt://", "tcp://")
        path = "readings.0."
        settings.write_text(f"""
[agent]
interval = "1s"
flush_interval = "100ms"
metric_batch_size = 5000
metric_buffer_limit = 100000
omit_hostname = true
quiet = true
[[outputs.influxdb_v2]]
urls = ["{self.influx.url}"]
token = "{self.influx.token}"
organization = "{self.influx.org}"
bucket = "{self.influx.bucket}"
[[inputs.mqtt_consumer]]
servers = ["{broker}"]
topics = ["cc/+/up"]
topic_tag = ""
qos = 1
persistent_session = true
client_id = "telegraf"
max_undelivered_messages = 20000
data_format = "json_v2"
[[inputs.mqtt_consumer.json_v2]]
measurement_name = "reading"
timestamp_path = "{path}ts"
timestamp_format = "2006-01-02T15:04:05.999Z07:00"
[[inputs.mqtt_consumer.json_v2.tag]]
path = "device"
rename = "logger"
{_fields(path)}""")
        return {"telegraf": [str(CACHE / "bin" / "telegraf"), "--config", str(settings)]}


def _fields(path: str) -> str:
    wanted = {
        f"{path}values.temperature_c": ("temperature_c", "float"), "battery.pct": ("battery_pct", "float"),
        f"{path}values.humidity_pct": ("humidity_pct", "float"), "boot": ("boot", "int"), "seq": ("seq", "int"),
    }  # fmt: skip
    return "".join(
        f'[[inputs.mqtt_consumer.json_v2.field]]\npath = "{place}"\nrename = "{name}"\ntype = "{kind}"\n'
        for place, (name, kind) in wanted.items()
    )


class NodeRed(Road):
    """Node-RED: `mqtt in`, a function, `join` of 1000 messages, `influxdb batch`."""

    name = "Node-RED"

    def commands(self) -> dict[str, list[str]]:
        settings = self.folder / "settings.js"
        if not settings.exists():
            settings.write_text(
                "module.exports = {credentialSecret: false, httpAdminRoot: false, httpNodeRoot: false, "
                f'flowFile: "flows.json", uiHost: "127.0.0.1", uiPort: {free_port()}, '
                'logging: {console: {level: "error"}}}\n'
            )
            (self.folder / "flows.json").write_text(json.dumps(self._flows()))
            (self.folder / "flows_cred.json").write_text(json.dumps({"influx": {"token": self.influx.token}}))
            (self.folder / "node_modules").symlink_to(CACHE / "node-red" / "node_modules")
            packages = {"name": "flows", "dependencies": {"node-red-contrib-influxdb": "*"}}
            (self.folder / "package.json").write_text(json.dumps(packages))
        binary = CACHE / "node-red" / "node_modules" / ".bin" / "node-red"
        return {"node-red": [str(binary), "--userDir", str(self.folder), "--settings", str(settings)]}

    def _flows(self) -> list[dict[str, Any]]:
        host, port = self.broker_url.removeprefix("mqtt://").split(":")
        point = (
            "const m = msg.payload, r = m.readings[0];"
            "msg.payload = {measurement: 'reading', tags: {logger: m.device, channel: 'internal'}, fields: {"
            "temperature_c: r.values.temperature_c, humidity_pct: r.values.humidity_pct, "
            "battery_pct: m.battery.pct, boot: m.boot + 'i', seq: m.seq + 'i'}, timestamp: new Date(r.ts)};"
            "return msg;"
        )
        nodes: list[dict[str, Any]] = [
            {"id": "flow", "type": "tab", "label": "bench"},
            {"id": "broker", "type": "mqtt-broker", "broker": host, "port": port, "clientid": "node-red",
             "autoConnect": True, "protocolVersion": "4", "keepalive": "60", "cleansession": False, "usetls": False},
            {"id": "in", "type": "mqtt in", "topic": "cc/+/up", "qos": "1", "datatype": "json", "broker": "broker",
             "wires": [["point"]]},
            {"id": "point", "type": "function", "func": point, "outputs": 1, "wires": [["gather"]]},
            {"id": "gather", "type": "join", "mode": "custom", "build": "array", "property": "payload",
             "propertyType": "msg", "joiner": "\\n", "joinerType": "str", "timeout": "0.1", "count": "1000",
             "accumulate": False, "wires": [["out"]]},
            {"id": "influx", "type": "influxdb", "influxdbVersion": "2.0", "url": self.influx.url, "timeout": "10",
             "hostname": "127.0.0.1", "port": "8086", "protocol": "http", "rejectUnauthorized": False},
            {"id": "out", "type": "influxdb batch", "influxdb": "influx", "precisionV18FluxV20": "ms",
             "org": self.influx.org, "bucket": self.influx.bucket, "wires": []},
        ]  # fmt: skip
        return [node if node["type"] in ("tab", "mqtt-broker", "influxdb") else node | {"z": "flow"} for node in nodes]


def missing(road: type[Road]) -> str | None:
    """Why this road cannot be taken here; None if it can."""
    if road is Telegraf and not (CACHE / "bin" / "telegraf").is_file():
        return f"Telegraf is not here: {HOW}"
    if road is NodeRed and not (CACHE / "node-red" / "node_modules" / ".bin" / "node-red").exists():
        return f"Node-RED is not here: {HOW}"
    return None
