"""A gateway is registered by API or command line, changed, and shown as one."""

from pathlib import Path

import pytest
from web_cast import Web, installed

from coldchain.cli import main
from coldchain.registry import gateways
from coldchain.registry.store import Registry, sqlite_url


@pytest.fixture
def web(tmp_path: Path):
    with installed(tmp_path) as web:
        yield web


def test_a_gateway_is_registered_with_those_it_speaks_for_and_changed_later(web: Web) -> None:
    client = web.as_role("admin")
    made = client.post(
        "/api/v1/loggers", json={"logger": "GW-1", "gateway": True, "gateway_for": ["a4:c1:38:00:00:01"]}
    )
    assert (made.status_code, made.json()["gateway_for"]) == (201, ["A4C138000001"])
    anybody = client.post("/api/v1/loggers/GW-1/gateway", json={"gateway": True})
    assert (anybody.status_code, anybody.json()["gateway"], "gateway_for" in anybody.json()) == (200, True, False)
    with web.registry.read() as connection:
        assert gateways.known(connection) == {"GW-1": None}
    assert "gateway" not in client.post("/api/v1/loggers/GW-1/gateway", json={"gateway": False}).json()
    refused = client.post("/api/v1/loggers", json={"logger": "L-1", "gateway_for": ["L-2"]})
    assert "gateway_for" in refused.json()["detail"]
    assert client.get("/api/v1/loggers/L-1").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_an_administrator_makes_a_gateway(web: Web, role: str) -> None:
    web.as_role("admin").post("/api/v1/loggers", json={"logger": "GW-1"})
    reply = web.as_role(role).post("/api/v1/loggers/GW-1/gateway", json={"gateway": True})
    assert reply.status_code == 403


def test_the_command_line_registers_a_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLDCHAIN_DATA", str(tmp_path / "var"))
    assert main(["logger", "create", "GW-1", "--gateway", "--for", "TAG-1", "--for", "TAG-2"]) == 0
    assert main(["logger", "create", "GW-2", "--gateway"]) == 0
    assert main(["logger", "create", "LG-1", "--for", "TAG-1"]) == 2
    assert "gateway" in capsys.readouterr().err
    registry = Registry(sqlite_url(tmp_path / "var" / "registry.db"))
    with registry.read() as connection:
        assert gateways.known(connection) == {"GW-1": frozenset({"TAG-1", "TAG-2"}), "GW-2": None}
    registry.close()
