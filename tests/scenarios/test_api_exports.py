"""Readings out of the product: every one once, exact, inert, recorded with its hash, in bounded memory."""

import csv
import hashlib
import io
import json
import random
import tracemalloc
from decimal import Decimal
from pathlib import Path

import pytest
from web_cast import HOUR, MINUTE, NOON, Web, installed

from coldchain.domain.quantity import iso, milli
from coldchain.domain.reading import JSON_FIELDS, reading_json
from compliance.evidence.csv import unguarded


@pytest.fixture
def web(tmp_path: Path):
    with installed(tmp_path) as web:
        yield web


def lived(web: Web, loggers: int = 2, messages: int = 30) -> str:
    """A shipment with loggers that sent negative, fractional and simultaneous readings."""
    rnd = random.Random(7)
    shipment = web.shipment("SHP-1")
    for number in range(loggers):
        name = f"L{number}"
        web.bind(shipment, name)
        for seq in range(messages):
            at = NOON - HOUR + seq * MINUTE
            body = {
                "v": 1, "device": name, "boot": 1, "seq": seq,
                "readings": [
                    {"ts": iso(at), "channel": channel, "values": {
                        "temperature_c": round(rnd.uniform(-20, 10), 2), "humidity_pct": round(rnd.uniform(0, 99), 1)}}
                    for channel in ("internal", "probe-1")
                ],
                "position": {"lat": round(rnd.uniform(-60, 60), 7), "lon": 11.5754, "ts": iso(at)},
            }  # fmt: skip
            assert web.as_role("device").post("/api/v1/ingest/native", json=body).status_code == 202
    return shipment


def stored(web: Web, *loggers: str) -> list[dict]:
    history = web.services.history
    return [reading_json(r) for logger in loggers for r in history.readings(logger, 0, 2**53)]


def parsed(text: str) -> tuple[list[dict[str, str]], str]:
    body, _, last = text.rstrip("\r\n").rpartition("\r\n")
    return list(csv.DictReader(io.StringIO(body + "\r\n", newline=""))), last


def expected_cell(name: str, value: object) -> str:
    """What the contract says of a JSON value: shortest decimal text, words for truth, nothing for nothing."""
    if name == "flags":
        return " ".join(value or [])
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    return "" if value is None else str(value)


def test_the_csv_read_back_equals_the_store_and_its_last_line_counts_and_hashes_it(web: Web) -> None:
    shipment = lived(web)
    reply = web.as_role("viewer").get(f"/api/v1/readings?shipment={shipment}", headers={"Accept": "text/csv"})
    assert reply.headers["content-type"].startswith("text/csv")
    rows, last = parsed(reply.content.decode())
    assert tuple(rows[0]) == ("shipment", *JSON_FIELDS)
    expected = stored(web, "L0", "L1")
    assert len(rows) == len(expected) == 120
    for row, reading in zip(rows, expected, strict=True):
        assert row["shipment"] == "SHP-1"
        for name in JSON_FIELDS:
            assert unguarded(row[name]) == expected_cell(name, reading.get(name)), name
        if "temperature_c" in reading:
            assert milli(row["temperature_c"]) == round(reading["temperature_c"] * 1000)
    body = reply.content[: reply.content.rindex(b"# rows=")]
    assert last == f"# rows=120 sha256={hashlib.sha256(body).hexdigest()}"


def test_an_export_is_recorded_with_rows_hash_and_who(web: Web) -> None:
    shipment = lived(web, 1, 3)
    reply = web.as_role("viewer").get(f"/api/v1/shipments/{shipment}/readings?format=csv")
    digest = reply.text.rsplit("sha256=", 1)[1].strip()
    [export] = web.as_role("viewer").get("/api/v1/exports").json()["items"]
    assert (export["id"], export["rows"], export["sha256"]) == (reply.headers["x-export"], 6, digest)
    trail = web.as_role("quality").get(f"/api/v1/audit?kind=export&id={export['id']}").json()["items"]
    assert [entry["action"] for entry in trail] == ["export finished", "export started"]
    assert trail[0]["new"]["sha256"] == digest


def test_ndjson_has_the_readings_of_the_store_line_by_line(web: Web) -> None:
    lived(web, 2, 5)
    reply = web.as_role("viewer").get("/api/v1/readings", headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in reply.text.splitlines()] == stored(web, "L0", "L1")


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_pages_of_json_hold_every_reading_once_even_where_several_share_a_moment(web: Web, limit: int) -> None:
    lived(web, 2, 6)
    seen, cursor = [], ""
    while cursor is not None:
        query = f"?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        page = web.as_role("viewer").get(f"/api/v1/readings{query}").json()
        assert len(page["items"]) <= limit
        seen, cursor = seen + page["items"], page["next_cursor"]
    assert seen == stored(web, "L0", "L1")


def test_period_channel_and_logger_narrow_the_readings(web: Web) -> None:
    shipment = lived(web)
    query = f"from={iso(NOON - HOUR + 5 * MINUTE)}&to={iso(NOON - HOUR + 7 * MINUTE)}&channel=probe-1&logger=L1"
    rows = web.as_role("viewer").get(f"/api/v1/readings?shipment={shipment}&{query}").json()["items"]
    assert [(r["logger"], r["channel"], r["event_time"]) for r in rows] == [
        ("L1", "probe-1", iso(NOON - HOUR + minute * MINUTE)) for minute in (5, 6)
    ]


def test_overlapping_bindings_give_each_reading_once(web: Web) -> None:
    shipment = web.shipment("SHP-1")
    web.bind(shipment, "L0", NOON - HOUR, NOON - 20 * MINUTE, channels=["internal"])
    web.bind(shipment, "L0", NOON - 40 * MINUTE, NOON, channels=["probe-1", "internal"])
    web.bind(shipment, "L0", NOON - 30 * MINUTE, NOON - 25 * MINUTE)
    for seq, channel in enumerate(("internal", "probe-1", "probe-2")):
        web.send("L0", *((NOON - minute * MINUTE, 4.0) for minute in range(60, 0, -5)), channel=channel, seq=seq)
    rows = web.as_role("viewer").get(f"/api/v1/readings?shipment={shipment}").json()["items"]
    keys = [(r["channel"], r["event_time"]) for r in rows]
    assert len(keys) == len(set(keys))
    minutes = {
        channel: [m for m in range(60, 0, -5) if (channel, iso(NOON - m * MINUTE)) in keys]
        for channel in ("internal", "probe-1", "probe-2")
    }
    assert minutes == {
        "internal": [*range(60, 0, -5)], "probe-1": [*range(40, 0, -5)], "probe-2": [30],
    }  # fmt: skip


HOSTILE = ["=1+1", "+1", "-18.5", "@SUM(A1)", "\tx", "'quoted", 'say "hi", you', "línea\u202etxt", "a;b", "<b>"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_cell_begins_with_something_that_a_spreadsheet_runs(web: Web, name: str) -> None:
    shipment = web.shipment(f"x{name}".replace("\t", " ") if name.startswith("\t") else name)
    web.bind(shipment, "=L1")
    web.send("=L1", (NOON - MINUTE, -18.5))
    text = web.as_role("viewer").get(f"/api/v1/shipments/{shipment}/readings?format=csv").content.decode()
    [row], _ = parsed(text)
    assert row["temperature_c"] == "-18.5"
    assert row["shipment"][0] not in "=+-@\t\r"
    assert unguarded(row["logger"]) == "=L1"
    reference = web.as_role("viewer").get(f"/api/v1/shipments/{shipment}").json()["reference"]
    assert unguarded(row["shipment"]) == reference


def test_excursions_and_the_summary_come_as_csv_by_the_same_rules(web: Web) -> None:
    web.excursion(web.shipment("=EVIL()"))
    viewer = web.as_role("viewer")
    for path in ("/api/v1/excursions?format=csv", "/api/v1/summary?format=csv&to=2026-11-23T00:00:00Z"):
        reply = viewer.get(path)
        rows, last = parsed(reply.content.decode())
        assert len(rows) == 1
        body = reply.content[: reply.content.rindex(b"# rows=")]
        assert last == f"# rows=1 sha256={hashlib.sha256(body).hexdigest()}"
    assert parsed(viewer.get("/api/v1/excursions?format=csv").text)[0][0]["reference"] == "'=EVIL()"


def test_an_export_that_fails_on_its_way_has_no_last_line_and_is_recorded_as_cut_off(web: Web, monkeypatch) -> None:
    shipment = lived(web, 1, 2)
    real = web.services.history.readings

    def failing(*arguments, **named):
        yield from list(real(*arguments, **named))[:1]
        raise OSError("disk gone")

    monkeypatch.setattr(type(web.services.history), "readings", lambda self, *a, **n: failing(*a, **n))
    reply = web.as_role("viewer").get(f"/api/v1/shipments/{shipment}/readings?format=csv")
    assert "# rows=" not in reply.text
    [export] = web.as_role("viewer").get("/api/v1/exports").json()["items"]
    assert (export["sha256"], export["failure"]) == (None, "OSError while reading")


def test_memory_stays_bounded_however_many_readings_are_exported(web: Web) -> None:
    from dashboard.api.export_stream import CsvDocument, NdjsonDocument

    web.send("L0", (NOON - MINUTE, 4.62))
    [reading] = web.services.history.readings("L0", 0, 2**53)
    for document in (CsvDocument("SHP-1"), NdjsonDocument()):
        tracemalloc.start()
        size = sum(len(chunk) for chunk in document.chunks(reading for _ in range(50_000)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size > 5_000_000
        assert peak < 2_000_000
        assert document.rows == 50_000
