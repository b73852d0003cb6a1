"""The AsyncAPI description is true: its examples go through ingest, and its schemas say what the parser says."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from asyncapi_file import examples, loaded
from influx_servers import SERVERS
from jsonschema import Draft7Validator
from server_process import missing

from coldchain.clock import HandClock
from coldchain.domain.identity import logger_id
from coldchain.domain.message import Envelope, Outcome, Receipt, Watermark
from coldchain.domain.quantity import ms_from_iso
from coldchain.journal.sqlite import SqliteJournal
from ingest.downlink import watermark_json
from ingest.pipeline import Pipeline
from sensors.carriers.native import Native
from sensors.carriers.native_schema import schemas

DOCUMENT = loaded()
NOW = ms_from_iso("2026-01-05T12:00:00Z")
EVERYTHING: dict[str, Any] = next(one["payload"] for one in examples("Up") if one["name"] == "everything")
_STRUCTURE = {
    "type": "object",
    "required": ["asyncapi", "info", "channels", "operations", "components"],
    "properties": {
        "asyncapi": {"const": "3.0.0"},
        "info": {"type": "object", "required": ["title", "version"]},
        "defaultContentType": {"type": "string"},
        "servers": {"additionalProperties": {"type": "object", "required": ["host", "protocol"]}},
        "channels": {
            "additionalProperties": {
                "type": "object",
                "required": ["address", "messages"],
                "properties": {"messages": {"additionalProperties": {"required": ["$ref"]}}},
            }
        },
        "operations": {
            "additionalProperties": {
                "type": "object",
                "required": ["action", "channel"],
                "properties": {"action": {"enum": ["send", "receive"]}, "channel": {"required": ["$ref"]}},
            }
        },
    },
    "patternProperties": {"^x-": {}},
    "additionalProperties": True,
}


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": DOCUMENT["components"]["schemas"]}}
    return jsonschema.Draft202012Validator(schema)


def ingested(payload: Any, folder: Path) -> list[Receipt]:
    """What becomes of a payload on the topic of the logger that it names."""
    first = payload[0] if isinstance(payload, list) and payload else payload
    device = first.get("device", "LG-0042") if isinstance(first, dict) else "LG-0042"
    name = device if "/" in device else logger_id(device)
    journal = SqliteJournal(folder / "journal.db")
    try:
        envelope = Envelope("mqtt", f"cc/{name}/up", json.dumps(payload).encode(), NOW, qos=1)
        [receipts] = Pipeline(journal, HandClock(NOW)).submit([envelope])
        return receipts
    finally:
        journal.close()


def named(message: str, kind: str = "examples") -> list[Any]:
    return [pytest.param(one["payload"], id=one["name"]) for one in examples(message, kind)]


def references(tree: Any) -> Iterator[str]:
    for name, value in tree.items() if isinstance(tree, dict) else enumerate(tree if isinstance(tree, list) else []):
        if name == "$ref":
            yield value
        else:
            yield from references(value)


def test_the_description_has_the_parts_that_asyncapi_demands_and_its_references_lead_somewhere() -> None:
    jsonschema.validate(DOCUMENT, _STRUCTURE)
    for reference in references(DOCUMENT):
        place = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]
        assert place
    for channel in DOCUMENT["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel["parameters"])


def test_its_schemas_are_those_of_the_parser() -> None:
    assert DOCUMENT["components"]["schemas"] == schemas()
    jsonschema.Draft202012Validator.check_schema({"$defs": schemas()})


def test_it_describes_the_topics_that_are_subscribed_to() -> None:
    topics = {
        re.sub(r"\{(logger|shard)\}", "+", channel["address"]).replace("{tenant}", "main")
        for name, channel in DOCUMENT["channels"].items()
        if name.startswith("up")
    }
    assert topics == set(Native().filters)


def test_there_are_enough_examples_of_both_kinds() -> None:
    assert len(examples("Up")) + len(examples("Batch")) >= 12
    assert len(examples("Up", "x-refused")) >= 10


@pytest.mark.parametrize("payload", [*named("Up"), *named("Batch")])
def test_every_example_is_taken_whole(payload: Any, tmp_path: Path) -> None:
    validator("Batch" if isinstance(payload, list) else "Up").validate(payload)
    receipts = ingested(payload, tmp_path)
    assert [receipt.refusals for receipt in receipts] == [()] * len(receipts)
    assert {receipt.outcome for receipt in receipts} <= {Outcome.READINGS, Outcome.FAULT, Outcome.NO_READING}


@pytest.mark.parametrize("payload", [*named("Up", "x-refused"), *named("Batch", "x-refused")])
def test_every_counterexample_is_refused_with_a_reason(payload: Any, tmp_path: Path) -> None:
    assert not validator("Batch" if isinstance(payload, list) else "Up").is_valid(payload)
    receipts = ingested(payload, tmp_path)
    assert {receipt.outcome for receipt in receipts} == {Outcome.QUARANTINED}
    assert all(receipt.refusals[0].reason for receipt in receipts)


@pytest.mark.parametrize(
    "mark",
    [
        Watermark("LG-1", (7, 1893)),
        Watermark("LG-1", (7, 3), ((7, 4, 6), (8, 0, 0))),
        Watermark("LG-1", None, ((1, 2, 3),)),
    ],
)
def test_what_is_told_to_loggers_is_as_described(mark: Watermark) -> None:
    told = watermark_json(mark)
    assert told is not None
    validator("Down").validate(json.loads(told))


def test_the_examples_of_what_is_told_are_as_described() -> None:
    for one in examples("Down"):
        validator("Down").validate(one["payload"])


_ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 7, 4.5, 95, 150, 151, -200, -201, 181, 101, 105.5, 327.67, -127, 2**53, 5_000_000, "",
    "text", "4.6", "probe_open", "2026-01-05T10:00:00Z", "2026-01-05T10:00:00", "x" * 65, [], {}, [1], {"a": 1},
)  # fmt: skip
_PLACES = (
    ("v",), ("device",), ("boot",), ("seq",), ("oldest",), ("oldest", "boot"), ("oldest", "seq"), ("interval_s",),
    ("historical",), ("device_alarm",), ("readings",), ("readings", 0), ("readings", 0, "ts"),
    ("readings", 0, "channel"), ("readings", 0, "values"), ("readings", 0, "values", "temperature_c"),
    ("readings", 0, "values", "humidity_pct"), ("readings", 0, "values", "pressure_hpa"),
    ("readings", 0, "values", "light_lux"), ("readings", 0, "values", "shock_g"), ("readings", 1, "values"),
    ("readings", 1, "fault"), ("readings", 0, "device_alarm"), ("readings", 0, "historical"), ("position",),
    ("position", "lat"), ("position", "lon"), ("position", "acc_m"), ("position", "ts"), ("position", "source"),
    ("battery",), ("battery", "pct"), ("battery", "v"), ("state",), ("state", "door_open"), ("state", "light_lux"),
    ("state", "shock_g"), ("unknown",),
)  # fmt: skip


@pytest.mark.parametrize("place", _PLACES, ids=lambda place: ".".join(map(str, place)))
def test_schema_and_parser_agree_about_every_field(place: tuple[Any, ...]) -> None:
    """Each field of a complete message takes each odd value in turn: either both take it, or both refuse something.

    Where the two differ on purpose, the schema is the laxer one: it cannot say that an `oldest` is newer than its
    message.
    """
    check = validator("Up")
    for value in _ODD:
        message = copy.deepcopy(EVERYTHING)
        inner: Any = message
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
        arrival = Native().decode(Envelope("http", "native", json.dumps(message).encode(), NOW))
        refused = arrival.refusal is not None or any(one.refusals for one in arrival.messages)
        newer = refused and "is newer than message" in str(arrival.messages)
        assert check.is_valid(message) is not (refused and not newer), (place, value, arrival)


def test_the_description_obeys_the_schema_of_asyncapi() -> None:
    schema = SERVERS / "asyncapi-3.0.0.json"
    if not schema.exists():
        missing("the schema of AsyncAPI 3.0", "run `bash .ci/servers`, which fetches it (needs npm)")
    rules = Draft7Validator(json.loads(schema.read_text("utf-8")))
    assert [f"{list(error.path)}: {error.message}" for error in rules.iter_errors(loaded())] == []
