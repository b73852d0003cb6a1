"""Real servers for tests: Mosquitto, InfluxDB 1.8 and 2.x, PostgreSQL, each on a free loopback port.

A server that is missing skips the test and says how to get it; with `CI=true` it fails instead. Where one of
`COLDCHAIN_TEST_MQTT_URL`, `_INFLUX1_URL`, `_INFLUX2_URL` with `_INFLUX2_TOKEN`, or `_POSTGRES_URL` is set, that server
is used and nothing is started.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_START_S = 60.0
_ATTEMPTS = 3  # another program may take a free port before the server does
_CACHE = Path(os.environ.get("COLDCHAIN_SERVERS") or Path.home() / ".cache" / "coldchain-servers") / "bin"


def missing(what: str, remedy: str) -> Any:
    """Skip the test, or fail it in CI."""
    text = f"{what} is not here: {remedy}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(text)
    pytest.skip(text)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], timeout_s: float = 10.0, what: str = "the condition") -> None:
    """Poll `condition` every 10 ms until it holds; fail the test when it does not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true within {timeout_s:g} s")
        time.sleep(0.01)


def answers(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def http(method: str, url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Status and body of one request; status 0 when there is no connection. `_` in a header's name means `-`."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, names, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


class Process:
    """A server that we started: it is ended by its own process id and dies with the test run."""

    def __init__(
        self,
        folder: Path,
        command: Callable[[int], list[str]],
        ready: Callable[[int], bool],
        account: tuple[str, ...] = (),
    ) -> None:
        self._folder, self._command, self._ready, self._account = folder, command, ready, account
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        for attempt in range(_ATTEMPTS):
            try:
                self.start()
            except RuntimeError:
                if attempt == _ATTEMPTS - 1:
                    raise
                self.port = free_port()
            else:
                break

    @property
    def pid(self) -> int | None:
        """The running server's process id."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start on the same port and files; returns when the server answers."""
        log = self._folder / "server.log"
        with log.open("ab") as output:
            # A change of account forgets whom to die with, so that comes first.
            command = [*self._account, *_dies_with_parent(), *self._command(self.port)]
            process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_S
        while not self._ready(self.port):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                tail = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self._command(self.port)[0]} did not start:\n{tail}")
            time.sleep(0.02)
        self._process = process

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait until it is gone; stopping a stopped server does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        self.stop(signal.SIGKILL)

    def restart(self) -> None:
        """Stop in good order and start again on the same port and files."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let it hang: connections are accepted by the kernel and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End a `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def _dies_with_parent() -> list[str]:
    # The kernel ties the server's life to the thread that started it, so only the main thread may ask for this.
    setpriv = shutil.which("setpriv")
    if setpriv and threading.current_thread() is threading.main_thread():
        return [setpriv, "--pdeathsig", "KILL", "--"]
    return []


class Outside:
    """A server that somebody else runs: tests that must stop it are skipped."""

    pid: int | None = None

    def _cannot(self) -> None:
        pytest.skip("this test stops and starts the server, and the one in use was given by the environment")

    start = stop = kill = restart = pause = resume = _cannot


# --- Mosquitto -----------------------------------------------------------------------------------------------------


class Mosquitto(Process):
    """A broker with persistent sessions and no limit on queued messages."""

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if binary is None:
            missing("Mosquitto", "apt-get install mosquitto, or set COLDCHAIN_TEST_MQTT_URL")

        def command(port: int) -> list[str]:
            settings = folder / "mosquitto.conf"
            settings.write_text(
                f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                f"persistence_location {folder}/\nmax_queued_messages 0\nmax_inflight_messages 0\n"
                "max_packet_size 8000000\nset_tcp_nodelay true\nlog_dest stderr\nlog_type error\n"
                + ("user root\n" if os.geteuid() == 0 else "")
            )
            return [str(binary), "-c", str(settings)]

        super().__init__(folder, command, answers)

    @property
    def url(self) -> str:
        """`mqtt://host:port`."""
        return f"mqtt://{self.host}:{self.port}"


class OutsideMosquitto(Outside):
    """The broker of COLDCHAIN_TEST_MQTT_URL."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self.url, self.host, self.port = url, parts.hostname or "127.0.0.1", parts.port or 1883


def mosquitto_server(folder: Path) -> Mosquitto | OutsideMosquitto:
    """A fresh broker, or the one that the environment names."""
    url = os.environ.get("COLDCHAIN_TEST_MQTT_URL")
    return OutsideMosquitto(url) if url else Mosquitto(folder)


# --- InfluxDB ------------------------------------------------------------------------------------------------------

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


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


class Postgres(Process):
    """A PostgreSQL that trusts loopback. `fsync` is off: our tests kill our processes, not the machine."""

    def __init__(self, folder: Path) -> None:
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        if not binaries or not (binaries[-1] / "initdb").exists():
            missing("PostgreSQL", "apt-get install postgresql, or set COLDCHAIN_TEST_POSTGRES_URL")
        data, account = folder / "data", _unprivileged(folder)
        subprocess.run(
            [*account, str(binaries[-1] / "initdb"), "-D", str(data), "-U", "coldchain", "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip

        def command(port: int) -> list[str]:
            quick = [f"-c{setting}" for setting in ("fsync=off", "full_page_writes=off", "max_connections=60")]
            return [
                str(binaries[-1] / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1",
                "-c", "unix_socket_directories=", *quick,
            ]  # fmt: skip

        super().__init__(folder, command, _postgres_ready, account)

    @property
    def url(self) -> str:
        """The administration database."""
        return f"postgresql://coldchain@127.0.0.1:{self.port}/postgres"

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it by a fast shutdown (SIGINT), which does not wait for clients."""
        super().stop(how)


class OutsidePostgres(Outside):
    """The server of COLDCHAIN_TEST_POSTGRES_URL, whose user may create databases."""

    def __init__(self, url: str) -> None:
        self.url = url


def postgres_server(folder: Path) -> Postgres | OutsidePostgres:
    """A fresh cluster, or the server that the environment names."""
    url = os.environ.get("COLDCHAIN_TEST_POSTGRES_URL")
    return OutsidePostgres(url) if url else Postgres(folder)


def create_database(server_url: str) -> str:
    """The URL of a new empty database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _administer(server_url, f"create database {name} template template0")
    parts = urllib.parse.urlsplit(server_url)
    return parts._replace(path=f"/{name}").geturl()


def drop_database(server_url: str, url: str) -> None:
    """Drop what `create_database` made, whoever is still connected."""
    _administer(server_url, f"drop database if exists {urllib.parse.urlsplit(url).path[1:]} with (force)")


def _administer(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _postgres_ready(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(f"postgresql://coldchain@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _unprivileged(folder: Path) -> tuple[str, ...]:
    """The prefix that runs a command as somebody other than root, who then owns `folder`."""
    if os.geteuid() != 0:
        return ()
    import pwd

    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, account.pw_uid, account.pw_gid)
        for parent in folder.parents:  # pytest's folders are closed to others; passing through is enough
            if str(parent).startswith("/tmp/") and parent.owner() == "root":
                parent.chmod(parent.stat().st_mode | 0o011)
        return ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--")
    return missing("an account other than root", "PostgreSQL refuses to run as root")  # type: ignore[no-any-return]
