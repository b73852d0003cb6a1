"""Real servers for tests: Mosquitto, InfluxDB 1.8 and 2.x, PostgreSQL, each on a free loopback port.

A server that is missing skips the test and says how to get it; with `CI=true` it fails instead. Where one of
`COLDCHAIN_TEST_MQTT_URL`, `_INFLUX1_URL`, `_INFLUX2_URL` with `_INFLUX2_TOKEN`, or `_POSTGRES_URL` is set, that server
is used and nothing is started. `COLDCHAIN_TEST_PATIENCE` is a factor: how many times longer than on a quiet machine
every wait may be.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.parse
import uuid
from pathlib import Path

from influx_servers import Influx, influx1_server, influx2_server
from server_process import PATIENCE, Outside, Process, answers, free_port, http, missing, wait_until

__all__ = [
    "PATIENCE", "Influx", "Mosquitto", "OutsideMosquitto", "OutsidePostgres", "Postgres", "Process", "answers",
    "create_database", "drop_database", "free_port", "http", "influx1_server", "influx2_server", "missing",
    "mosquitto_server", "postgres_server", "wait_until",
]  # fmt: skip

# --- Mosquitto -----------------------------------------------------------------------------------------------------


class Mosquitto(Process):
    """A broker with persistent sessions and, unless `limits` sets any, no limit on queued messages."""

    host = "127.0.0.1"
    _UNLIMITED = "max_queued_messages 0\nmax_inflight_messages 0\n"

    def __init__(self, folder: Path, limits: str = _UNLIMITED) -> None:
        binary = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if binary is None:
            missing("Mosquitto", "apt-get install mosquitto, or set COLDCHAIN_TEST_MQTT_URL")

        def command(port: int) -> list[str]:
            settings = folder / "mosquitto.conf"
            settings.write_text(
                f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                f"persistence_location {folder}/\n{limits}"
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


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


class Postgres(Process):
    """A PostgreSQL that trusts loopback. `fsync` is off: our tests kill our processes, not the machine."""

    def __init__(self, *, durable: bool = False) -> None:
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        if not binaries or not (binaries[-1] / "initdb").exists():
            missing("PostgreSQL", "apt-get install postgresql, or set COLDCHAIN_TEST_POSTGRES_URL")
        # Not inside pytest's folders: another session of the same user closes them to everybody else while we run.
        folder = Path(tempfile.mkdtemp(prefix="coldchain-postgres-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        data, account = folder / "data", _unprivileged(folder)
        subprocess.run(
            [*account, str(binaries[-1] / "initdb"), "-D", str(data), "-U", "coldchain", "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip

        def command(port: int) -> list[str]:
            hurried = () if durable else ("fsync=off", "full_page_writes=off")
            quick = [f"-c{setting}" for setting in (*hurried, "max_connections=60")]
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


def postgres_server() -> Postgres | OutsidePostgres:
    """A fresh cluster, or the server that the environment names."""
    url = os.environ.get("COLDCHAIN_TEST_POSTGRES_URL")
    return OutsidePostgres(url) if url else Postgres()


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
        return ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--")
    return missing("an account other than root", "PostgreSQL refuses to run as root")  # type: ignore[no-any-return]
