"""What the web asks of the registry gives the same answers on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coldchain import audit
from coldchain.domain.finding import Severity
from coldchain.registry import (
    api_keys,
    bindings,
    excursion_views,
    exports,
    logger_views,
    loggers,
    people,
    profiles,
    sessions,
    shipment_views,
    shipments,
    spans,
    stores,
    summary,
    throttle,
)
from coldchain.registry.migrations import migrate
from coldchain.registry.schema import alarm, excursion, subject_state
from coldchain.registry.store import Registry, new_id, sqlite_url
from coldchain.registry.viewer import SYSTEM, Viewer
from compliance.shipped import shipped_bodies
from dashboard.live.snapshot import snapshot

NOON = 1_795_348_800_000
NORTH = Viewer("n", "North", "viewer", customer="North")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    if request.param == "sqlite":
        registry = Registry(sqlite_url(tmp_path / "registry.db"))
    else:
        url = request.getfixturevalue("postgres_url")
        registry = Registry(url.replace("postgresql://", "postgresql+psycopg://"))
    migrate(registry)
    yield registry
    registry.close()


@pytest.fixture
def fleet(registry: Registry) -> list[str]:
    """Six shipments of two customers; the first has an excursion, an alarm and a logger."""
    times = {"time_in_range_s": 5400.0, "time_above_s": 1800.0, "time_below_s": 0.0, "time_unknown_s": 60.5}
    document = {
        "governing_channel": "L1/internal",
        "coverage_pct": 99.5,
        "mkt": {"value_c": None},
        "temperature": times,
    }
    last = {"L1/internal": {"event_time": "2026-11-22T12:00:00.000Z", "temperature_c": -0.5, "latitude": 48.1}}
    with registry.write() as connection:
        profiles.seed_profiles(connection, shipped_bodies(), NOON)
        ids = [shipments.create(connection, new(n), by=SYSTEM, now_ms=NOON + n // 2) for n in range(6)]
        for id_ in ids[:4]:
            shipments.change(connection, id_, {"state": "in_transit"}, version=1, by=SYSTEM, now_ms=NOON)
            connection.execute(
                subject_state.insert().values(
                    subject_kind="shipment", subject_id=id_, as_of_ms=NOON, journal_offset=1, status="excursion",
                    document=document, last=last, revision=1,
                )
            )  # fmt: skip
        loggers.register(connection, "L1", who="test", now_ms=NOON, interval_ms=60_000)
        bindings.bind(
            connection, shipments.subject(ids[0]), bindings.NewBinding("L1", NOON, reason="x"), who="test", now_ms=NOON
        )
        common: dict[str, Any] = {
            "subject_kind": "shipment",
            "subject_id": ids[0],
            "logger": "L1",
            "channel": "internal",
        }
        connection.execute(
            excursion.insert().values(
                id=new_id(), version=1, **common, direction="high", onset_ms=NOON, onset_sample_ms=NOON, duration_ms=1,
                duration_upper_ms=1, peak_mc=9_000, peak_ms=NOON, area_mc_ms="12345678901234567890", limit_mc=8_000,
                severity=int(Severity.MAJOR), recorded_ms=NOON,
            )
        )  # fmt: skip
        connection.execute(
            alarm.insert().values(
                id=new_id(), **common, cause="high", condition="active", severity=2, onset_ms=NOON, changed_ms=NOON,
                rules=["r"], excursions=[], raised_ms=NOON, acknowledged_ms=NOON + 60_000, suppression="none",
                quality="good",
            )
        )  # fmt: skip
    return ids


def new(number: int) -> shipments.NewShipment:
    customer = ("North", "South")[number % 2]
    return shipments.NewShipment(f"S-{number}", "refrigerated-2-8", customer=customer, batches=[(f"B{number}", None)])


def test_the_live_snapshot_reads_json_columns_alike(registry: Registry, fleet: list[str]) -> None:
    with registry.read() as connection:
        everything, north = snapshot(connection, SYSTEM, NOON), snapshot(connection, NORTH, NOON)
    first = everything["shipments"][0]
    assert (first["product_profile"], first["temperature_c"], first["latitude"]) == ("refrigerated-2-8", -0.5, 48.1)
    assert everything["kpis"]["in_range_pct"] == 75.0
    assert (everything["kpis"]["live"], north["kpis"]["live"], len(north["alarms"])) == (4, 2, 1)


def test_every_order_of_shipments_pages_through_all_of_them(registry: Registry, fleet: list[str]) -> None:
    with registry.read() as connection:
        for sort in [prefix + name for name in shipment_views.SORTS for prefix in ("", "-")]:
            seen, cursor = [], None
            while True:
                page = shipment_views.listed(connection, SYSTEM, sort=sort, limit=2, cursor=cursor)
                seen += [row["id"] for row in page.items]
                if (cursor := page.next_cursor) is None:
                    break
            assert sorted(seen) == sorted(fleet), sort


def test_filters_counts_and_one_shipment(registry: Registry, fleet: list[str]) -> None:
    which = shipment_views.Filter(text="b0", logger="L1", product_profile="refrigerated-2-8", status="excursion")
    with registry.read() as connection:
        assert shipment_views.count(connection, SYSTEM, which) == 1
        assert shipment_views.count(connection, NORTH) == 3
        shown = shipment_views.shown(connection, NORTH, fleet[0])
        assert (shown["open_excursions"], shown["bindings"][0]["logger"], shown["version"]) == (1, "L1", 2)


def test_excursions_in_every_order_and_the_summary(registry: Registry, fleet: list[str]) -> None:
    with registry.read() as connection:
        for sort in excursion_views.SORTS:
            which = excursion_views.Filter(text="s-0", open=True)
            [row] = excursion_views.listed(connection, NORTH, which, sort=sort).items
            assert row["area_c_min"] == int("12345678901234567890") / 60_000_000
        groups = summary.summary(connection, SYSTEM, summary.Period(0, NOON * 2), ["customer"])
    assert [(g["customer"], g["shipments"], g["alarms"]) for g in groups] == [("North", 3, 1), ("South", 3, 0)]


def test_loggers_spans_stores_and_exports(registry: Registry, fleet: list[str]) -> None:
    with registry.write() as connection:
        stores.create(connection, name="Fridge", kind="fridge", zone="UTC", who="test", now_ms=NOON)
        export = exports.begin(connection, kind="x", scope={}, who="test", now_ms=NOON)
        exports.finish(connection, export, rows=1, sha256="0" * 64, who="test", now_ms=NOON)
    with registry.read() as connection:
        assert logger_views.listed(connection, NORTH, [], NOON)[0]["interval_s"] == 60
        assert spans.of_loggers(connection, NORTH, ["L1"])[0].start_ms == NOON
        assert (len(stores.listed(connection, SYSTEM)), stores.listed(connection, NORTH)) == (1, [])
        assert exports.listed(connection, SYSTEM).items[0]["rows"] == 1


def test_people_sessions_keys_and_the_brake(registry: Registry) -> None:
    with registry.write() as connection:
        someone = people.create(connection, email="A@example.org", name="Ada", role="quality", who="test", now_ms=NOON)
        limits = sessions.Limits()
        cookie = sessions.begin(connection, someone, now_ms=NOON, limits=limits, address=None, agent=None, via="test")
        link = sessions.make_link(connection, someone, who="test", now_ms=NOON)
        _, key = api_keys.create(connection, name="k", role="viewer", who="test", now_ms=NOON)
        attempt = throttle.begin(connection, email="a@example.org", address=None, now_ms=NOON)
        assert attempt.id is not None
        throttle.succeeded(connection, attempt.id)
        assert sessions.use_link(connection, link, NOON) is not None
        assert sessions.use_link(connection, link, NOON) is None
    with registry.read() as connection:
        live = sessions.look_up(connection, cookie, now_ms=NOON, limits=limits)
        assert live is not None
        assert live.viewer.role == "quality"
        assert api_keys.look_up(connection, key) is not None
        assert audit.verify(connection) is None


@pytest.mark.parametrize(
    ("troubles", "working", "receiving"),
    [
        ([], True, True),
        (["engine: silent for 20 s"], False, True),
        (["ingest: the broker does not answer", "notify: has not started yet"], True, False),
    ],
)
def test_the_live_view_knows_by_signs_of_life_and_not_by_data_whether_it_is_true(
    registry: Registry, troubles: list[str], working: bool, receiving: bool
) -> None:
    with registry.read() as connection:
        engine = snapshot(connection, SYSTEM, NOON + 9 * 3_600_000, troubles)["engine"]
    assert (engine["working"], engine["receiving"]) == (working, receiving)


def test_pages_of_loggers_hold_what_the_whole_list_holds(registry: Registry, fleet: list[str]) -> None:
    with registry.write() as connection:
        for number in range(7):
            loggers.register(connection, f"SPARE-{number}", who="t", now_ms=NOON, interval_ms=60_000)
    with registry.read() as connection:
        for viewer in (SYSTEM, NORTH):
            whole = logger_views.listed(connection, viewer, [], NOON)
            paged: list[dict[str, Any]] = []
            while part := logger_views.page(
                connection, viewer, [], NOON, limit=3, after=paged[-1]["logger"] if paged else None
            ):
                paged += part
            assert paged == whole
            for wanted in (True, False):
                some = logger_views.page(connection, viewer, [], NOON, limit=99, unassigned=wanted)
                assert some == [row for row in whole if row["assigned"] != wanted]
        found = logger_views.page(connection, SYSTEM, [], NOON, limit=99, text="spare-3")
        assert [row["logger"] for row in found] == ["SPARE-3"]
