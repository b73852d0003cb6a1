"""The compliance page: from the summary down to the readings, and from any number to how it was computed."""

import pytest
from browser_tools import Opener, Watched
from browser_world import HOUR, World

from coldchain.domain.quantity import iso

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark"))
OPEN = "document.querySelectorAll('.derivation .derivation-result').length === 1"
CLOSED = "document.querySelectorAll('.derivation').length === 0"


def ask(watched: Watched, number: str) -> None:
    """Open the derivation of the first number whose button says so."""
    watched.page.locator("button.derive", has_text=number).first.click()
    watched.until(OPEN)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_summary_and_its_panel_are_accessible_and_fit(opened: Opener, width: int, scheme: str) -> None:
    watched = opened(width=width, scheme=scheme)
    watched.open("/compliance")
    watched.until("document.querySelectorAll('#compliance-body table').length >= 4")
    assert watched.page.evaluate("document.documentElement.scrollWidth") == width
    assert watched.axe() == []
    watched.page.locator("#compliance-body button.derive").nth(1).click()
    watched.until(OPEN)
    assert watched.page.evaluate("document.documentElement.scrollWidth") == width
    assert watched.axe() == []
    watched.clean()


def test_a_group_leads_to_its_shipments_to_one_of_them_and_to_its_readings(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open("/compliance")
    watched.until("document.querySelectorAll('#compliance-body table').length >= 4")
    watched.page.locator("#compliance-body").get_by_role("link", name="Refrigerated", exact=False).first.click()
    watched.until("location.search.includes('product=refrigerated-2-8')")
    watched.until("document.querySelectorAll('#content .skeleton').length === 0")
    row = watched.page.get_by_role("region", name="Shipments, least time in range first").locator("tbody tr").first
    reference = row.locator("a").first.inner_text()
    assert reference in {plan.reference for plan in world.plans if plan.profile.startswith("refrigerated")}
    row.locator("a").first.click()
    watched.page.wait_for_selector("#series-chart .xtitle")
    assert watched.page.inner_text("h1") == reference
    ask(watched, "°C")
    panel = watched.page.locator(".derivation")
    assert "journal offsets" in panel.inner_text()
    with watched.page.expect_download() as download:
        panel.get_by_role("link", name="The readings as CSV").click()
    with open(download.value.path(), encoding="utf-8") as lines:  # noqa: PTH123
        assert lines.readline().startswith("shipment,logger,channel,event_time")
    watched.clean()


def test_the_panel_shows_the_formula_with_its_numbers_and_the_printed_figure(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open(f"/shipments/{world.plans[0].id}")
    watched.page.wait_for_selector("#series-chart .xtitle")
    number = watched.page.locator(".figure", has_text="MKT").locator("button.derive").first
    shown = number.inner_text().partition(",")[0].strip()
    number.click()
    watched.until(OPEN)
    said = watched.page.locator(".derivation").inner_text()
    assert watched.page.locator(".derivation-result .figure-value").inner_text() == shown
    assert "mkt.trapezoid/1" in said
    assert "10000 /" in said
    assert "changed since" not in said
    watched.clean()


def test_the_panel_is_used_by_keyboard_alone(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open(f"/shipments/{world.plans[0].id}")
    watched.page.wait_for_selector("#series-chart .xtitle")
    number = watched.page.locator("button.derive").first
    number.focus()
    watched.page.keyboard.press("Enter")
    watched.until(OPEN)
    inside = "document.querySelector('.mantine-Drawer-content').contains(document.activeElement)"
    watched.until(inside)
    for _ in range(12):
        watched.page.keyboard.press("Tab")
        assert watched.page.evaluate(inside)
    watched.page.keyboard.press("Escape")
    watched.until(CLOSED)
    watched.until("document.activeElement?.classList.contains('derive')")
    watched.page.keyboard.press("Enter")
    watched.until(OPEN)
    watched.clean()


def test_filters_stay_in_the_address_and_narrow_every_part(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open("/compliance")
    watched.until("document.querySelectorAll('#compliance-body table').length >= 4")
    watched.page.get_by_role("textbox", name="Customer").click()
    watched.page.get_by_role("option", name="Nordvax").click()
    watched.until("location.search.includes('customer=Nordvax')")
    own = [plan for plan in world.plans if plan.customer == "Nordvax"]
    shipments = "[aria-label='Shipments, least time in range first'] tbody tr"
    watched.until(f'document.querySelectorAll("{shipments}").length === {len(own)}')
    watched.page.reload()
    watched.until(f'document.querySelectorAll("{shipments}").length === {len(own)}')
    watched.clean()


def test_a_customer_derives_only_from_its_own_shipments(opened: Opener, world: World) -> None:
    watched = opened(role="viewer")
    watched.open("/compliance")
    watched.until("document.querySelectorAll('#compliance-body table').length >= 4")
    own = [plan for plan in world.plans if plan.customer == "Nordvax"]
    watched.page.locator(".figure", has_text="Shipments").locator("button.derive").first.click()
    watched.until(OPEN)
    rows = watched.page.locator(".derivation tbody tr")
    assert {rows.nth(k).inner_text().strip() for k in range(rows.count())} == {plan.reference for plan in own}


def test_a_store_shows_its_calendar_and_each_window_its_derivation(opened: Opener, world: World) -> None:
    watched = opened(width=390)
    watched.open(f"/stores/{world.store}")
    watched.until("document.querySelectorAll('#store-windows tbody tr').length >= 2")
    watched.page.locator("#store-window-unit").get_by_text("Month").click()
    watched.until("document.querySelector('#store-windows th').innerText === 'Month'")
    assert watched.page.evaluate("document.documentElement.scrollWidth") == 390
    watched.page.locator("#store-windows button.derive").first.click()
    watched.until(OPEN)
    assert "Part" in watched.page.locator(".derivation").inner_text()
    assert watched.axe() == []
    watched.clean()


def test_what_was_known_at_an_earlier_moment_stands_beside_what_is_known_now(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open(f"/shipments/{world.plans[1].id}")
    watched.page.locator("#known-form summary").click()
    watched.page.locator("#known-at").fill(iso(world.now_ms - 3 * HOUR)[:16])
    watched.page.locator("#known-send").click()
    watched.until("document.querySelectorAll('#known-said tbody tr').length >= 8")
    assert watched.axe() == []
    watched.page.locator("#known-at").fill("2051-01-01T00:00")
    watched.page.locator("#known-send").click()
    watched.until("document.querySelector('#known-said [role=alert]')?.innerText.includes('still to come')")
    watched.clean()


def test_a_period_without_shipments_says_so(opened: Opener) -> None:
    watched = opened()
    watched.open("/compliance?from=2001-01-01&to=2001-01-31")
    watched.page.get_by_text("No shipment departed within this period").wait_for()
    watched.clean()
