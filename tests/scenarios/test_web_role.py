"""What each worker of the web role makes for itself works for as long as the worker lives."""

import gc
from pathlib import Path

import pytest
from web_cast import NOON, Client

from coldchain.cli import web
from coldchain.registry import api_keys

MESSAGE = {"v": 1, "device": "L1", "boot": 1, "seq": 0, "readings": [{"ts": "2026-11-22T11:59:00Z", "values": {}}]}


def test_a_worker_keeps_its_stores_open_and_takes_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDCHAIN_DATA", str(tmp_path))
    app = web.application()
    gc.collect()
    with app.state.services.registry.write() as connection:
        key = api_keys.create(connection, name="gateway", role="device", who="test", now_ms=NOON)[1]
    client = Client(app, {"Authorization": f"Bearer {key}"})

    replies = [client.post("/api/v1/ingest/native", json={**MESSAGE, "seq": seq}) for seq in range(3)]

    assert [reply.status_code for reply in replies] == [202, 202, 202]
