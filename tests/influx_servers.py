"""InfluxDB 1.8 and 2.x for tests, each with a bucket of its own."""

import json
import os
import urllib.parse
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server_process import Outside, Process, free_port, http, missing

SERVERS = Path(os.environ.get("COLDCHAIN_SERVERS") or Path.home() / ".cache" / "coldchain-servers")
_CACHE = SERVERS / "bin"
USER, PASSWORD, ORG = "coldchain", "only-for-tests", "coldchain"


class Influx:
    """A running InfluxDB with one fresh bucket (1.8: `database/retention`)."""

    def __init__(self, version: str, url: str, token: str, server: "Process | Outside") -> None:
        self.version, self.url, self.token, self.org = version, url, token, ORG
        self.bucket = ""
        self.server = server
        for name in ("start", "stop", "kill", "restart", "pause", "resume"):
            setattr(self, name, getattr(server, name))

    start: Callable[[], None]
    stop: Callable[[], None]
    kill: Callable[[], None]
    restart: Callable[[], None]
    pause: Callable[[], None]
    resume: Callable[[], None]

    def fresh_bucket(self) -> None:
        """Make an empty database or bucket and point `bucket` at it."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        if self.version == "1.8":
            self.query(f'CREATE DATABASE "{name}" WITH DURATION INF NAME "forever"', "POST")
            self.bucket = f"{name}/forever"
            return
        org = self._api("GET", f"/api/v2/orgs?org={self.org}")["orgs"][0]["id"]
        self._api("POST", "/api/v2/buckets", {"orgID": org, "name": name, "retentionRules": []})
        self.bucket = name

    def drop_bucket(self) -> None:
        """Drop what `fresh_bucket` made."""
        if self.version == "1.8":
            self.query(f'DROP DATABASE "{self.bucket.split("/")[0]}"', "POST")
            return
        for bucket in self._api("GET", f"/api/v2/buckets?name={self.bucket}").get("buckets", []):
            http("DELETE", f"{self.url}/api/v2/buckets/{bucket['id']}", Authorization=f"Token {self.token}")

    def query(self, influxql: str, method: str = "GET", **parameters: str) -> Any:
        """The answer of `/query` as JSON; the test's own road, apart from the product's reader."""
        if self.version == "1.8":
            user, password = self.token.split(":")
            parameters |= {"u": user, "p": password}
        text = urllib.parse.urlencode({"q": influxql, **parameters})
        status, body = http(method, f"{self.url}/query?{text}", Authorization=f"Token {self.token}")
        assert status == 200, (status, body)
        return json.loads(body)

    def rows(self, influxql: str) -> list[dict[str, Any]]:
        """Rows of the first series in the bucket, times in ns."""
        database, _, retention = self.bucket.partition("/")
        where = {"db": database, "epoch": "ns"} | ({"rp": retention} if retention else {})
        result = self.query(influxql, **where)["results"][0]
        assert "error" not in result, result
        series = result.get("series", [])
        return (
            [dict(zip(series[0]["columns"], values, strict=True)) for values in series[0]["values"]] if series else []
        )

    def _api(self, method: str, path: str, document: Any = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        status, answer = http(
            method, self.url + path, body, Authorization=f"Token {self.token}", Content_Type="application/json"
        )
        assert status in (200, 201), (status, answer)
        return json.loads(answer)


def influx1_server(folder: Path) -> Influx:
    """InfluxDB 1.8 with authentication, or the one that the environment names (`http://user:pass@host:port`)."""
    outside = os.environ.get("COLDCHAIN_TEST_INFLUX1_URL")
    if outside:
        parts = urllib.parse.urlsplit(outside)
        plain = f"{parts.scheme}://{parts.hostname}:{parts.port or 8086}"
        return Influx("1.8", plain, f"{parts.username or USER}:{parts.password or PASSWORD}", Outside())
    binary = _influxd("influxd-1.8.10", "COLDCHAIN_TEST_INFLUX1_URL")

    def command(port: int) -> list[str]:
        settings = folder / "influxdb.toml"
        settings.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\ndir = "{folder}/meta"\n[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\n'
            'query-log-enabled = false\n[logging]\nlevel = "warn"\n[monitor]\nstore-enabled = false\n'
            f'[http]\nbind-address = "127.0.0.1:{port}"\nflux-enabled = true\nauth-enabled = true\n'
            "log-enabled = false\n"
        )
        return [binary, "-config", str(settings)]

    server = Process(folder, command, lambda port: http("GET", f"http://127.0.0.1:{port}/ping")[0] == 204)
    url = f"http://127.0.0.1:{server.port}"
    admin = urllib.parse.urlencode({"q": f"CREATE USER {USER} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES"})
    assert http("POST", f"{url}/query?{admin}")[0] == 200
    return Influx("1.8", url, f"{USER}:{PASSWORD}", server)


def influx2_server(folder: Path) -> Influx:
    """InfluxDB 2.x after its set-up, or the one that the environment names."""
    outside = os.environ.get("COLDCHAIN_TEST_INFLUX2_URL")
    if outside:
        return Influx("2", outside.rstrip("/"), os.environ.get("COLDCHAIN_TEST_INFLUX2_TOKEN", ""), Outside())
    binary = _influxd("influxd-2.9.1", "COLDCHAIN_TEST_INFLUX2_URL and _INFLUX2_TOKEN")

    def command(port: int) -> list[str]:
        return [
            binary, f"--http-bind-address=127.0.0.1:{port}", f"--bolt-path={folder}/influxd.bolt",
            f"--sqlite-path={folder}/influxd.sqlite", f"--engine-path={folder}/engine", "--reporting-disabled",
            "--log-level=error", "--ui-disabled",
        ]  # fmt: skip

    server = Process(folder, command, lambda port: http("GET", f"http://127.0.0.1:{port}/health")[0] == 200)
    url, token = f"http://127.0.0.1:{server.port}", "only-for-tests-token"
    first = {"username": USER, "password": PASSWORD, "org": ORG, "bucket": "first", "token": token}
    status, answer = http("POST", f"{url}/api/v2/setup", json.dumps(first).encode(), Content_Type="application/json")
    assert status == 201, answer
    return Influx("2", url, token, server)


def _influxd(name: str, variable: str) -> str:
    found = _CACHE / name
    if not found.is_file():
        missing(name, f"`.ci/run` builds it once into {_CACHE}; or set {variable}")
    return str(found)
