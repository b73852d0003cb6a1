"""Which loggers are silent: those whose silence has an open alarm, on the list as in the control tower."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from web_cast import HOUR, NOON, NORTH, SOUTH, Web, installed

from coldchain.domain.finding import Condition
from coldchain.registry.schema import alarm
from coldchain.registry.viewer import SYSTEM, Viewer
from dashboard.live.snapshot import snapshot
from dashboard.pages.loggers import rows


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as web:
        yield web


def silent(web: Web, shipment: str, logger: str, condition: str = Condition.ACTIVE.value) -> None:
    """The engine said that this logger says nothing."""
    id_ = web.alarm(shipment)
    ended = {"end_ms": NOON} if condition == Condition.RETURNED.value else {}
    with web.registry.write() as connection:
        values = {"cause": "silence", "logger": logger, "condition": condition, **ended}
        connection.execute(alarm.update().where(alarm.c.id == id_).values(**values))


def told(web: Web, viewer: Viewer) -> set[str]:
    return {one["logger"] for one in rows(web.services, viewer, NOON) if "silent" in one["troubles"]}


def test_the_list_calls_silent_what_the_control_tower_counts(web: Web) -> None:
    north, south = web.shipment("N-1", NORTH), web.shipment("S-1", SOUTH)
    for shipment, loggers in ((north, ("L1", "L2", "L3")), (south, ("L4",))):
        for logger in loggers:
            web.send(logger, (NOON - 9 * HOUR, 4.5))  # long ago, by any rule
            web.bind(shipment, logger, NOON - 10 * HOUR)
    silent(web, north, "L1")
    silent(web, north, "L2", Condition.RETURNED.value)
    silent(web, south, "L4", Condition.RETURNING.value)
    scoped = Viewer("v", "Vera", "viewer", customer=NORTH)
    for viewer, expected in ((SYSTEM, {"L1", "L4"}), (scoped, {"L1"})):
        assert told(web, viewer) == expected
        with web.registry.read() as connection:
            assert snapshot(connection, viewer, NOON)["kpis"]["silent_loggers"] == len(expected)
    shown = web.as_role("viewer").get("/api/v1/loggers/L1").json()
    assert shown["silent"] is True
    assert web.as_role("viewer").get("/api/v1/loggers/L3").json()["silent"] is False


def test_the_zone_in_which_a_logger_writes_local_times_is_shown(web: Web) -> None:
    body = {"device_profile": None, "zone": "Europe/Berlin", "reason": "it hangs in Munich"}
    answer = web.as_role("admin").post("/api/v1/loggers/L1/device-profile", json=body)
    assert answer.status_code in (200, 201), answer.text
    assert web.as_role("viewer").get("/api/v1/loggers/L1").json()["zone"] == "Europe/Berlin"
