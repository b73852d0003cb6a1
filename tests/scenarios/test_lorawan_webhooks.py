"""Webhooks of LoRaWAN servers, retried by their sender until they are answered with success."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from intake import rows_of
from lorawan_messages import EUI, LOGGER, SHIPPED, chirpstack, things_stack
from web_cast import NOON, Web, installed

from coldchain.domain.quantity import iso
from coldchain.errors import TransientError
from coldchain.journal.sqlite import SqliteJournal
from ingest.pipeline import Pipeline
from sensors.carriers.shipped import carriers
from sensors.device_profiles.catalogue import Snapshot

EM300 = {"brand_id": "milesight-iot", "model_id": "em300-th"}


class Failing(SqliteJournal):
    """A journal whose disk is full for a while, or whose commit arrives although the answer is lost."""

    full = 0

    def append(self, arrivals: Any) -> Any:
        if self.full:
            self.full -= 1
            raise TransientError("the disk is full")
        return super().append(arrivals)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    profiles = SHIPPED.profiles
    assert isinstance(profiles, Snapshot)
    failing = Failing(tmp_path / "journal.db")
    try:
        with installed(
            tmp_path, reading=lambda clock: Pipeline(failing, clock, carriers=carriers(), profiles=lambda: profiles)
        ) as web:
            yield web
    finally:
        failing.close()


def uplinks(source: str) -> list[Any]:
    """Ten uplinks, a minute apart."""
    fields, made = {"temperature": 4.5, "humidity": 51}, []
    for count in range(10):
        at = iso(NOON - (10 - count) * 60_000)
        if source == "chirpstack":
            made.append(chirpstack(fields, fCnt=count, time=at, rxInfo=[], deduplicationId=f"6f0c-{count}"))
        else:
            made.append(things_stack(fields, f_cnt=count, received_at=at, version_ids=EM300))
    return made


@pytest.mark.parametrize("source", ["chirpstack", "things-stack", "auto"])
def test_a_sender_that_repeats_until_success_adds_each_uplink_once(web: Web, source: str) -> None:
    client, journal = web.as_role("device"), web.services.pipeline.journal
    assert isinstance(journal, Failing)
    answers: list[int] = []
    for uplink in uplinks("chirpstack" if source == "auto" else source):
        journal.full = 2
        body = json.dumps(uplink)
        while True:
            reply = client.post(f"/api/v1/ingest/{source}?event=up", content=body)
            answers.append(reply.status_code)
            if reply.is_success:
                break
        # The answer was lost on its way: the sender does not know that this was stored.
        assert (
            client.post(f"/api/v1/ingest/{source}?event=up", content=body).json()["receipts"][0]["outcome"]
            == "duplicate"
        )
    assert set(answers) == {503, 202}
    stored = [at_ms for name, _, at_ms in rows_of(journal) if name == LOGGER]
    assert stored == [NOON - (10 - count) * 60_000 for count in range(10)]


def test_an_event_that_is_no_uplink_is_accepted_and_stores_nothing(web: Web) -> None:
    join = {name: value for name, value in chirpstack().items() if name in ("deduplicationId", "time", "deviceInfo")}
    reply = web.as_role("device").post(
        "/api/v1/ingest/chirpstack?event=join", content=json.dumps({**join, "devAddr": "01"})
    )
    assert reply.status_code == 202
    assert reply.json()["receipts"][0]["outcome"] == "no_reading"
    assert rows_of(web.services.pipeline.journal) == []


def test_what_nobody_can_decode_is_accepted_once_and_waits_under_its_logger(web: Web) -> None:
    body = json.dumps(chirpstack())
    client = web.as_role("device")
    outcomes = [client.post("/api/v1/ingest/chirpstack", content=body).json()["receipts"][0] for _ in range(2)]
    assert [receipt["outcome"] for receipt in outcomes] == ["undecoded", "duplicate"]
    [kept] = web.as_role("viewer").get("/api/v1/undecoded").json()["items"]
    assert EUI.upper() in json.dumps(kept)
