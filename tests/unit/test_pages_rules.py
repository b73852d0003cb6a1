"""Rules of the pages: a permission on every callback, nothing of the client's believed, rows that say what is."""

from pathlib import Path
from typing import Any

import pytest
from browser_world import World
from dash import Dash

from coldchain import audit
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry.viewer import PERMISSIONS, Permission, Viewer
from dashboard.dash_app import build_dash, unguarded_callbacks
from dashboard.pages import PAGES, exports, loggers
from dashboard.parts import grid
from dashboard.parts.acknowledge import acknowledged
from dashboard.services import Services


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = World(tmp_path_factory.mktemp("world")).build()
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(world: World) -> Dash:
    build_dash(world.services())
    return build_dash(world.services())  # twice in one process, as tests and reloads do


def post(app: Dash, viewer: Viewer | None, body: dict[str, Any]) -> Any:
    environ = {} if viewer is None else {"coldchain.viewer": viewer}
    return app.server.test_client().post("/_dash-update-component", json=body, environ_overrides=environ)


def acknowledge_body(alarm: object) -> dict[str, Any]:
    output = "..ack-done.data...notices.sendNotifications.."
    return {
        "output": output,
        "outputs": [{"id": "ack-done", "property": "data"}, {"id": "notices", "property": "sendNotifications"}],
        "inputs": [{"id": "ack-send", "property": "n_clicks", "value": 1}],
        "state": [{"id": "ack-alarm", "property": "data", "value": alarm},
                  {"id": "ack-comment", "property": "value", "value": ""}],
        "changedPropIds": ["ack-send.n_clicks"],
    }  # fmt: skip


def test_every_server_callback_and_every_page_demands_a_permission(app: Dash) -> None:
    assert unguarded_callbacks(app) == []
    guarded = [entry["callback"] for entry in app.callback_map.values() if hasattr(entry.get("callback"), "__perm__")]
    assert len(guarded) >= 8
    assert all(isinstance(function.__perm__, Permission) for function in guarded)
    assert all(isinstance(page.PAGE.perm, Permission) for page in PAGES)


def test_a_callback_without_a_permission_is_found(app: Dash, world: World) -> None:
    fresh = build_dash(world.services())

    @fresh.callback(dash_output(), dash_input())
    def open_door(value: object) -> object:
        return value

    fresh._setup_server()
    assert unguarded_callbacks(fresh) != []


def dash_output() -> Any:
    from dash import Output

    return Output("say", "children")


def dash_input() -> Any:
    from dash import Input

    return Input("zone", "data")


def test_nobody_and_a_viewer_cannot_acknowledge_and_an_operator_can(app: Dash, world: World) -> None:
    alarm = open_alarm(world)
    assert post(app, None, acknowledge_body(alarm)).status_code == 401
    refused = post(app, Viewer("v", "Vera", "viewer"), acknowledge_body(alarm))
    assert refused.status_code == 403
    assert "acknowledge" in refused.get_json()["detail"]
    assert post(app, Viewer(world.people["operator"], "Jon", "operator"), acknowledge_body(alarm)).status_code == 200


def open_alarm(world: World) -> str:
    from coldchain.registry import alarms
    from coldchain.registry.viewer import SYSTEM

    with world.registry.read() as connection:
        return str(alarms.alarms(connection, SYSTEM).items[0]["id"])


def test_an_alarm_of_another_customer_does_not_exist(world: World) -> None:
    stranger = Viewer("o", "Olga", "operator", customer="Nobody Ltd")
    with pytest.raises(NotFound):
        acknowledged(world.services(), stranger, open_alarm(world), "")


@pytest.mark.parametrize("forged", [{"$ne": 1}, ["x"], 7, None, "no-such-alarm"])
def test_a_forged_alarm_id_changes_nothing_and_is_not_a_crash(app: Dash, world: World, forged: object) -> None:
    before = audit_entries(world)
    reply = post(app, Viewer(world.people["operator"], "Jon", "operator"), acknowledge_body(forged))
    assert reply.status_code < 300
    assert "ack-done" not in (reply.get_json(silent=True) or {}).get("response", {})
    assert audit_entries(world) == before


def audit_entries(world: World) -> int:
    with world.registry.read() as connection:
        return sum(1 for _ in audit.entries(connection))


def test_each_role_may_open_the_pages_that_its_navigation_offers() -> None:
    for role, permissions in PERMISSIONS.items():
        if role != "device":
            assert Permission.VIEW in permissions
    assert {page.PAGE.perm for page in PAGES} <= set(Permission)


@pytest.mark.parametrize(
    ("request_", "start", "count", "sort"),
    [
        ({"startRow": 0, "endRow": 100, "sortModel": []}, 0, 100, None),
        ({"startRow": 200, "endRow": 300, "sortModel": [{"colId": "lane", "sort": "desc"}]}, 200, 100, "-lane"),
        ({"startRow": 0, "endRow": 10**9, "sortModel": [{"colId": "id; drop table"}]}, 0, 200, None),
        ({"startRow": -5, "endRow": "x", "sortModel": "x"}, 0, 100, None),
        (None, 0, 100, None),
    ],
)
def test_a_grid_gets_no_more_than_a_block_and_sorts_by_its_own_columns_only(
    request_: object, start: int, count: int, sort: str | None
) -> None:
    assert grid.wanted(request_, ("lane",)) == grid.Wanted(start, count, sort)


def test_an_export_needs_something_to_export_and_times_that_are_some() -> None:
    assert exports.address("s-1", None, "", "", "csv") == "/api/v1/readings?shipment=s-1&format=csv"
    with pytest.raises(InvalidValue, match="Choose a shipment"):
        exports.address(None, "", "", "", "csv")
    with pytest.raises(InvalidValue, match="not an ISO 8601 time"):
        exports.address("s-1", "", "yesterday", "", "csv")
    with pytest.raises(InvalidValue, match="not after"):
        exports.address("s-1", "", "2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z", "csv")


def test_a_logger_says_what_is_wrong_with_it_and_nothing_else() -> None:
    now_ms = 1_767_600_000_000
    fine = {"logger": "a", "assigned": True, "silent": False, "last_heard": "2026-01-05T07:55:00.000Z",
            "calibration_due": "2026-12-01T00:00:00.000Z", "battery_pct": 80.0}  # fmt: skip
    assert loggers.troubles(fine, now_ms) == []
    assert loggers.troubles(fine | {"silent": True}, now_ms) == ["silent"]
    assert loggers.troubles(fine | {"assigned": False}, now_ms) == ["unassigned"]
    assert loggers.troubles(fine | {"calibration_due": "2026-01-20T00:00:00.000Z"}, now_ms) == ["calibration"]
    assert loggers.troubles(fine | {"battery_pct": 12.0}, now_ms) == ["battery"]


def test_no_page_loads_from_elsewhere_and_none_says_that_it_does() -> None:
    folder = Path(__file__).parents[2] / "dashboard" / "assets"
    for asset in [*folder.glob("*.js"), *folder.glob("*.css")]:
        words = asset.read_text().replace("http://www.w3.org/2000/svg", "").replace("http:%2F%2Fwww.w3.org", "")
        assert "http://" not in words, asset.name
        assert "https://" not in words, asset.name


def test_services_without_a_demo_inbox_offer_no_inbox(world: World) -> None:
    whole = world.services()
    inbox = next(page.PAGE for page in PAGES if page.PAGE.path == "/inbox")
    without = Services(**{name: getattr(whole, name) for name in whole.__slots__ if name != "inbox"})
    assert inbox.offered(whole)
    assert not inbox.offered(without)
