"""Each page in both schemes and at both widths: accessible, quiet, at home, and never wider than the screen."""

import pytest
from browser_tools import Opener, Watched
from browser_world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = (
    "/", "/shipments", "/shipments/{shipment}", "/stores", "/stores/{store}", "/excursions",
    "/excursions/{excursion}", "/loggers",
    "/loggers/TL-9901", "/loggers/{logger}", "/compliance", "/exports", "/inbox",
    "/alarm-quality", "/on-call", "/policies", "/contacts",
    "/connect", "/connect/profile", "/files", "/messages/1", "/messages/999999999",
    "/shipments/no-such-shipment", "/nothing-here",
)  # fmt: skip
LOOKS = ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark"))


def address(path: str, world: World) -> str:
    plan = world.plans[0]
    return path.format(shipment=plan.id, logger=plan.logger, store=world.store, excursion=excursion_of(world, plan.id))


def excursion_of(world: World, shipment: str) -> str:
    from coldchain.registry import excursion_views
    from coldchain.registry.viewer import SYSTEM

    with world.registry.read() as connection:
        which = excursion_views.Filter(subject_id=shipment)
        return str(excursion_views.listed(connection, SYSTEM, which).items[0]["id"])


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_is_accessible_quiet_at_home_and_fits(opened: Opener, world: World, width: int, scheme: str) -> None:
    watched = opened(width=width, scheme=scheme)
    for path in PAGES:
        watched.open(address(path, world))
        wide = watched.page.evaluate("document.documentElement.scrollWidth")
        assert (path, wide) == (path, width)
        assert (path, watched.axe()) == (path, [])
        watched.clean()


def test_the_inbox_shows_the_mails_that_people_really_got(opened: Opener, world: World) -> None:
    assert world.inbox.messages(limit=1), "the sinks got nothing"
    watched = opened()
    watched.open("/inbox")
    mail = watched.page.frame_locator("iframe.mail").first
    mail.get_by_role("link", name="acknowledge").first.wait_for()
    watched.page.locator("pre.mail-text", has_text="above").or_(watched.page.locator("pre.mail-text")).first.wait_for()
    watched.clean()


def test_a_store_is_found_from_the_list_and_shows_its_excursion(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open("/stores")
    watched.page.get_by_role("link", name="Cold room A").click()
    watched.page.get_by_role("link", name="Excursion above 8 °C").first.wait_for()
    watched.page.wait_for_selector("#store-chart .xtitle")
    assert "Highest" in watched.page.inner_text("#content")
    watched.clean()


def test_the_map_can_be_read_as_a_table(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open("/")
    watched.page.wait_for_selector(".inbox-row[data-alarm]")
    watched.page.get_by_text("Map as a table").click()
    row = watched.page.locator("#map-table tr", has_text=world.plans[0].reference)
    row.wait_for()
    assert "° N" in row.inner_text()
    watched.page.locator("#map-table tr", has_text="Cold room A").wait_for()


def test_the_map_draws_every_excursion(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open("/")
    count = len(_live(watched)["excursions"])
    assert count >= 3
    watched.until(MARKS, count, 60)


def test_a_filter_stays_in_the_address_and_survives_a_reload(opened: Opener) -> None:
    watched = opened()
    watched.open("/")
    watched.page.wait_for_selector(".inbox-row[data-alarm]")
    watched.page.get_by_role("textbox", name="Lane").click()
    watched.page.get_by_role("option", name="MUC → LIS").click()
    watched.until("location.search.includes('lane=')")
    watched.page.reload()
    watched.until("document.getElementById('kpi-live-value')?.textContent === '1'")


def test_a_frozen_view_says_so(opened: Opener) -> None:
    watched = opened()
    watched.open("/")
    watched.until("document.getElementById('live-badge')?.dataset.state === 'live'")
    watched.page.evaluate(FREEZE)
    watched.until("document.getElementById('live-badge')?.dataset.state === 'stale'")


def test_what_a_role_may_not_do_is_not_offered_and_not_done(opened: Opener) -> None:
    watched = opened(role="auditor")
    watched.open("/")
    watched.page.wait_for_selector(".inbox-row[data-alarm]")
    assert watched.page.locator("[data-ack]").count() == 0
    watched.open("/inbox")
    assert "needs the permission" in watched.page.inner_text("#content")


def test_a_customer_sees_only_its_own_shipments(opened: Opener, world: World) -> None:
    watched = opened(role="viewer")
    watched.open("/")
    watched.until("document.getElementById('kpi-live-value')?.textContent === '2'")
    foreign = next(plan for plan in world.plans if plan.customer != "Nordvax")
    watched.open(f"/shipments/{foreign.id}")
    assert "No such shipment" in watched.page.inner_text("#content")
    watched.open(f"/loggers/{foreign.logger}")
    assert "No such logger" in watched.page.inner_text("#content")


# From now on nothing is heard, as if the network had gone.
FREEZE = """() => {
  const at = Date.now() - 7000;
  Object.defineProperty(window.coldchainLive, 'heard', { get: () => at, set: () => undefined });
}"""

# The plotted excursion marks in view, whatever lies over them.
MARKS = """wanted => {
  const plot = document.querySelector('#tower-map .js-plotly-plot');
  const map = plot && plot._fullLayout && plot._fullLayout.map && plot._fullLayout.map._subplot.map;
  if (!map || !map.loaded()) return false;
  const traces = plot._fullData.filter(t => t.meta === 'mark' || t.meta === 'ended').map(t => t.uid);
  const layers = map.getStyle().layers.map(l => l.id).filter(id => traces.some(uid => id.includes(uid)));
  return layers.length > 0 && map.queryRenderedFeatures({ layers }).length >= wanted;
}"""


def _live(watched: Watched) -> dict[str, list[object]]:
    watched.until("window.coldchainLive.state !== null")
    state: dict[str, list[object]] = watched.page.evaluate("window.coldchainLive.state")
    return state
