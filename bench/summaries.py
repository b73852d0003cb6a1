"""Compliance summaries over a year of shipments, against a second, in the form in which the page and the API ask.

The registry holds what the engine would have written: documents of one real judgement, varied, with excursions and
alarms. The peer is the same summary read out of the documents themselves (SQLite's JSON functions, added up in SQL).
Seconds are those on the wall, as a person waits for them, of one thread; the median of five. The page is its whole
body as the browser gets it: every block, from one look at the registry each, written as JSON.
"""

import copy
import random
import time
from collections.abc import Callable
from statistics import median
from types import SimpleNamespace
from typing import Any

from flask import Flask
from plotly.io.json import to_json_plotly
from sqlalchemy import Connection, text

from bench.processes import scratch
from bench.table import Anchor
from coldchain.clock import HandClock
from coldchain.domain.finding import Severity, Subject, SubjectKind
from coldchain.domain.reading import Reading
from coldchain.domain.track import Track
from coldchain.registry import recorded, summary, summary_patterns
from coldchain.registry.migrations import migrate
from coldchain.registry.profiles import seed_profiles
from coldchain.registry.recorded import SubjectState
from coldchain.registry.schema import alarm, excursion, shipment
from coldchain.registry.store import Registry, new_id, sqlite_url
from coldchain.registry.summary import Period, Which
from coldchain.registry.viewer import SYSTEM
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import shipped_bodies, shipped_profile
from dashboard.pages import compliance
from dashboard.parts.security import VIEWER_KEY

SHIPMENTS, TURNS = 10_000, 5
YEAR_MS, MINUTE_MS, BEGUN_MS = 365 * 86_400_000, 60_000, 1_735_689_600_000
PROFILES = ("refrigerated-2-8", "cct-2-8", "crt-20-25", "eu-15-25")
LANES = [f"{a} → {b}" for a in ("MUC", "FRA", "CPH", "BRU") for b in ("LIS", "IST", "DUB", "VIE", "WAW")]
CARRIERS, CUSTOMERS = ("Arctos Freight", "Blue Lane", "Polar Express"), ("Aurelia", "Nordvax", "Helix", "Northwind")
YEAR = Period(BEGUN_MS, BEGUN_MS + YEAR_MS)
_DOCUMENTS = (
    "select sum(json_extract(document, '$.temperature.time_in_range_s')),"
    " sum(json_extract(document, '$.temperature.time_above_s')), max(json_extract(document, '$.mkt.value_c'))"
    " from shipment join subject_state on subject_id = shipment.id group by lane"
)


def measure(scale: float) -> list[Anchor]:
    number = max(round(SHIPMENTS * scale), 100)
    with scratch() as folder:
        registry = Registry(sqlite_url(folder / "registry.db"))
        try:
            migrate(registry)
            fill(registry, number)
            with registry.read() as connection:
                return [*_anchors(connection, number), _page(registry, number)]
        finally:
            registry.close()


def _anchors(connection: Connection, number: int) -> list[Anchor]:
    asked: dict[str, Callable[[], Any]] = {
        "by product profile and lane": lambda: summary.summary(connection, SYSTEM, YEAR),
        "by carrier and month": lambda: summary.summary(
            connection, SYSTEM, YEAR, ("month", "carrier"), zone="Europe/Berlin"
        ),
        "one lane by customer": lambda: summary.summary(connection, SYSTEM, YEAR, ("customer",), Which(lane=LANES[0])),
        "loggers with most excursions": lambda: summary_patterns.loggers(connection, SYSTEM, YEAR),
        "months and hours": lambda: summary_patterns.seasons(connection, SYSTEM, YEAR, Which(), "Europe/Berlin"),
    }
    from_documents = _seconds(lambda: connection.execute(text(_DOCUMENTS)).fetchall())
    peers = dict.fromkeys(list(asked)[:1], f"{from_documents * 1000:,.0f} ms from the documents")
    return [_anchor(f"summary, {name}", _seconds(ask), peers.get(name, ""), number) for name, ask in asked.items()]


def _page(registry: Registry, number: int) -> Anchor:
    """The page of the whole year, grouped as it is at first."""
    clock = HandClock(YEAR.to_ms)
    services: Any = SimpleNamespace(registry=registry, clock=clock, settings=SimpleNamespace(zone="Europe/Berlin"))
    wanted = compliance.asked(
        {**dict.fromkeys(compliance.CONTROLS), "days": "365", "zone": "Europe/Berlin"}, YEAR.to_ms
    )
    with Flask("bench").test_request_context(environ_overrides={VIEWER_KEY: SYSTEM}):
        took_s = _seconds(lambda: to_json_plotly(compliance.page_body(services, wanted, "light")))
    return _anchor("the page of compliance, its whole body", took_s, "", number)


def _anchor(name: str, took_s: float, peer: str, number: int) -> Anchor:
    return Anchor(name, f"{took_s * 1000:,.0f} ms", peer, took_s, "<= 1", f"{number:,} shipments; seconds on the wall")


def _seconds(ask: Callable[[], Any]) -> float:
    took = []
    for _ in range(TURNS):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return median(took)


def fill(registry: Registry, number: int) -> None:
    """A year of shipments, all judged; every third with excursions, every sixth with an alarm."""
    chance = random.Random(5)
    documents = {name: _document(name) for name in PROFILES}
    with registry.write() as connection:
        seed_profiles(connection, shipped_bodies(), BEGUN_MS)
        for first in range(0, number, 500):
            count = min(500, number - first)
            rows = [_shipment(chance, first + k, number) for k in range(count)]
            connection.execute(shipment.insert(), rows)
            recorded.write_states(connection, [_state(chance, row, documents) for row in rows])
            hit = [row for k, row in enumerate(rows) if k % 3 == 0]
            connection.execute(excursion.insert(), [_excursion(chance, row) for row in hit for _ in range(2)])
            connection.execute(alarm.insert(), [_alarm(chance, row) for row in hit[::2]])


def _shipment(chance: random.Random, place: int, number: int) -> dict[str, Any]:
    lane = chance.choice(LANES)
    return {
        "id": new_id(), "reference": f"SHP-{place:06d}", "customer": chance.choice(CUSTOMERS),
        "carrier": chance.choice(CARRIERS), "origin": {"name": lane[:3], "zone": "Europe/Berlin"}, "lane": lane,
        "state": "arrived", "departed_ms": BEGUN_MS + place * (YEAR_MS // number), "created_ms": BEGUN_MS,
    }  # fmt: skip


def _document(profile: str) -> dict[str, Any]:
    """Three days at ten minutes, once too warm, as the engine judges them."""
    middle = {"crt-20-25": 22.0, "eu-15-25": 20.0}.get(profile, 5.0)
    times = [BEGUN_MS + k * 10 * MINUTE_MS for k in range(432)]
    values = [round(1000 * (middle + (k % 7) / 10 + (6 if 200 <= k < 212 else 0))) for k in range(432)]
    readings = [Reading("TL-1", "probe", at, at, "device", temperature_mc=value)
                for at, value in zip(times, values, strict=True)]  # fmt: skip
    bound = Bound(Track.of("TL-1", "probe", readings), (Span(times[0], times[-1] + 1),), interval_ms=10 * MINUTE_MS)
    subject = Subject(SubjectKind.SHIPMENT, "box")
    return findings(Inputs(subject, shipped_profile(profile), (bound,), silence=False), times[-1]).document


def _state(chance: random.Random, row: dict[str, Any], documents: dict[str, dict[str, Any]]) -> SubjectState:
    document = copy.deepcopy(documents[chance.choice(PROFILES)])
    document["temperature"]["time_in_range_s"] += chance.randrange(3600)
    if document["mkt"]["value_c"] is not None:
        document["mkt"]["value_c"] += chance.random() / 10
    subject = Subject(SubjectKind.SHIPMENT, row["id"])
    return SubjectState(subject, row["departed_ms"], 1, None, "in_range", document, {}, 1)


def _about(chance: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    onset = row["departed_ms"] + chance.randrange(3 * 86_400_000)
    return {
        "id": new_id(), "subject_kind": "shipment", "subject_id": row["id"], "logger": f"TL-{chance.randrange(400)}",
        "channel": "probe", "onset_ms": onset, "severity": int(chance.choice(list(Severity))), "limit_mc": 8_000,
    }  # fmt: skip


def _excursion(chance: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    about = _about(chance, row)
    long_ms = chance.randrange(MINUTE_MS, 300 * MINUTE_MS)
    return about | {
        "version": 1, "direction": "high", "onset_sample_ms": about["onset_ms"], "end_ms": about["onset_ms"] + long_ms,
        "duration_ms": long_ms, "duration_upper_ms": long_ms, "peak_mc": 9_000, "peak_ms": about["onset_ms"],
        "area_mc_ms": "1", "recorded_ms": about["onset_ms"],
    }  # fmt: skip


def _alarm(chance: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    about = _about(chance, row)
    return about | {
        "severity": int(Severity.MAJOR), "cause": "high", "condition": "returned", "changed_ms": about["onset_ms"],
        "rules": ["high"], "excursions": [], "raised_ms": about["onset_ms"],
        "acknowledged_ms": about["onset_ms"] + chance.randrange(7_200_000), "suppression": "none", "quality": "good",
    }  # fmt: skip
