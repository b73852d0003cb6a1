"""Fixtures of the whole suite: real servers on loopback, and no socket that leaves the machine."""

import ipaddress
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from mail_servers import sms_server, smtp_server  # noqa: F401  fixtures

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "recordings"


class OutsideConnection(AssertionError):
    """A test tried to reach another machine."""


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def checked(self: socket.socket, address: Any, *rest: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _loopback(address[0]):
            raise OutsideConnection(f"a test may only connect to this machine, not to {address[0]}")
        return connect(self, address, *rest)

    return checked


def _loopback(host: str) -> bool:
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: nobody should wait at the end for one of them that began last.

    Those with a browser follow all others: in a process that had run Playwright, an MQTT client lost its sockets.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: ("browser" in item.path.parts, item.path not in slow))
    if servers.PATIENCE != 1:
        for item in items:
            allowed = item.get_closest_marker("timeout")
            allowed_s = float(allowed.args[0] if allowed else item.config.getini("timeout"))
            item.add_marker(pytest.mark.timeout(allowed_s * servers.PATIENCE), append=False)


@pytest.fixture(scope="session", autouse=True)
def _only_this_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded messages and files beside the checkout."""
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings are not beside the checkout (../shared/recordings)")
    return RECORDINGS


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Mosquitto | servers.OutsideMosquitto]:
    """A fresh broker: `.host`, `.port`, `.url`, `.restart()`, `.kill()`, `.start()`, `.stop()`, `.pause()`."""
    broker = servers.mosquitto_server(tmp_path_factory.mktemp("mosquitto"))
    yield broker
    if isinstance(broker, servers.Process):
        broker.kill()


@pytest.fixture(scope="session")
def _influx1_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Influx]:
    yield from _influx_server(servers.influx1_server(tmp_path_factory.mktemp("influx1")))


@pytest.fixture(scope="session")
def _influx2_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Influx]:
    yield from _influx_server(servers.influx2_server(tmp_path_factory.mktemp("influx2")))


def _influx_server(influx: servers.Influx) -> Iterator[servers.Influx]:
    yield influx
    if isinstance(influx.server, servers.Process):
        influx.server.kill()


def _fresh(influx: servers.Influx) -> Iterator[servers.Influx]:
    influx.fresh_bucket()
    yield influx
    if isinstance(influx.server, servers.Process) and influx.server.pid is None:
        influx.start()  # the test left it stopped
    influx.drop_bucket()


@pytest.fixture
def influx1(_influx1_server: servers.Influx) -> Iterator[servers.Influx]:
    """InfluxDB 1.8 with an empty database: `.url`, `.token`, `.org`, `.bucket`, `.version`, `.stop()`, `.start()`."""
    yield from _fresh(_influx1_server)


@pytest.fixture
def influx2(_influx2_server: servers.Influx) -> Iterator[servers.Influx]:
    """InfluxDB 2.x with an empty bucket, as `influx1`."""
    yield from _fresh(_influx2_server)


@pytest.fixture(params=["influx1", "influx2"])
def influx(request: pytest.FixtureRequest) -> servers.Influx:
    """Both InfluxDB generations, one after the other."""
    found: servers.Influx = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres | servers.OutsidePostgres]:
    """A PostgreSQL server for the whole run: `.url`, `.restart()`, `.kill()`."""
    server = servers.postgres_server()
    yield server
    if isinstance(server, servers.Process):
        server.kill()


@pytest.fixture
def postgres_url(postgres: servers.Postgres | servers.OutsidePostgres) -> Iterator[str]:
    """The URL of a fresh empty database, for psycopg and SQLAlchemy alike."""
    url = servers.create_database(postgres.url)
    yield url
    servers.drop_database(postgres.url, url)
