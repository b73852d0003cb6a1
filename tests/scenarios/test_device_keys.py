"""Keys of devices: one may speak for any logger, as a vendor's cloud does, or for those alone that it was made for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from carrier_examples import EXAMPLES
from web_cast import NOON, Client, Web, installed

from coldchain.domain.message import Outcome
from coldchain.domain.quantity import iso
from ingest import webhook
from ingest.pipeline import Pipeline
from sensors.carriers.shipped import carriers

UP = "/api/v1/ingest/native"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as web:
        yield web


def body(logger: str, n: int = 0) -> dict[str, Any]:
    return {"v": 1, "device": logger, "readings": [{"ts": iso(NOON - n * 60_000), "values": {"temperature_c": 4.5}}]}


def made(web: Web, **more: Any) -> Client:
    """A program with a fresh key of the role device, made over the API."""
    answer = web.as_role("admin").post("/api/v1/api-keys", json={"name": "yard", "role": "device", **more})
    assert answer.status_code == 201, answer.text
    return web.client(Authorization=f"Bearer {answer.json()['key']}")


def test_a_key_without_loggers_speaks_for_any(web: Web) -> None:
    program = made(web)
    assert [program.post(UP, json=body(name)).json()["receipts"][0]["outcome"] for name in ("A", "B")] == [
        "readings"
    ] * 2


def test_what_a_bound_key_says_for_others_is_kept_aside_with_its_bytes(web: Web) -> None:
    program = made(web, loggers=["LG-1", "24e124136b001234"])
    assert program.post(UP, json=body("LG-1")).json()["receipts"][0]["outcome"] == "readings"
    assert program.post(UP, json=body("24E124136B001234")).json()["receipts"][0]["outcome"] == "readings"
    answer = program.post(UP, json=body("LG-2"))
    assert answer.status_code == 202  # it is stored, so that the sender does not send it for ever
    [receipt] = answer.json()["receipts"]
    assert receipt["outcome"] == "quarantined"
    assert "may speak for 24E124136B001234, LG-1, not for LG-2" in receipt["refused"][0]["reason"]
    assert web.journal.logger("LG-2") is None
    [kept] = web.journal.refused(Outcome.QUARANTINED, None, 10)
    assert b"LG-2" in kept.envelope.payload


def test_of_an_array_the_own_messages_count_and_the_others_do_not(web: Web) -> None:
    program = made(web, loggers=["LG-1", "LG-3"])
    answer = program.post(UP, json=[body("LG-1"), body("LG-2"), body("LG-1", 1)]).json()
    assert sorted(one["outcome"] for one in answer["receipts"]) == ["quarantined", "readings", "readings"]
    assert {row.logger for row in web.journal.read(0, 10)} == {"LG-1"}
    again = program.post(UP, json=[body("LG-1"), body("LG-2"), body("LG-1", 1)]).json()
    assert {one["outcome"] for one in again["receipts"]} == {"duplicate"}


def test_a_key_of_one_logger_is_that_logger_and_speaks_for_those_it_is_a_gateway_of(web: Web) -> None:
    [receipt] = made(web, loggers=["GW-1"]).post(UP, json=body("TAG-1")).json()["receipts"]
    assert (receipt["outcome"], receipt["logger"]) == ("quarantined", "GW-1")
    [heard, *_] = EXAMPLES["senml"]  # a format by which gateways pass on what others measured
    for allowed, outcome in (("other", Outcome.QUARANTINED), ("0024BEFFFE804FF1", Outcome.READINGS)):
        pipeline = _gateway(web, allowed)
        only = frozenset({"GW-1"})
        [one] = webhook.accept(pipeline, "senml", heard.payload, heard.content_type, None, NOON, only)
        assert one.outcome is outcome
    assert {row.logger for row in web.journal.read(0, 10)} == {"0024BEFFFE804FF1"}


def _gateway(web: Web, speaks_for: str) -> Pipeline:
    return Pipeline(web.journal, web.clock, carriers=carriers(), gateways=lambda: {"GW-1": frozenset({speaks_for})})


def test_a_bound_key_brings_no_files(web: Web) -> None:
    answer = made(web, loggers=["LG-1"]).post(
        "/api/v1/files?zone=UTC", content=b"Time,Temp (C)\n2026-11-20 10:00,4.5\n"
    )
    assert answer.status_code == 403
    assert "some loggers only" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"loggers": []}, "name 1 to 1000"),
        ({"loggers": ["a/b"]}, "a/b"),
        ({"loggers": ["A"], "role": "operator"}, "role device"),
    ],
)
def test_what_no_key_can_be_bound_to_is_named(web: Web, more: dict[str, Any], why: str) -> None:
    answer = web.as_role("admin").post("/api/v1/api-keys", json={"name": "yard", "role": "device", **more})
    assert answer.status_code == 422
    assert why in answer.json()["detail"]


def test_the_list_of_keys_says_for_whom_each_speaks(web: Web) -> None:
    made(web, loggers=["LG-1"])
    items = web.as_role("admin").get("/api/v1/api-keys").json()["items"]
    assert [one["loggers"] for one in items if one["name"] == "yard"] == [["LG-1"]]
    assert {one["name"]: one["loggers"] for one in items}["device"] is None
