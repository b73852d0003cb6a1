"""Batches in a browser: a budget that burns down over two shipments, and stages set by hand on a shipment's page."""

from typing import NamedTuple

import pytest
from browser_tools import Opener
from browser_world import HOUR, MINUTE, World

from coldchain.domain.quantity import iso
from coldchain.registry import batches, bindings, loggers, maintenance, shipment_views, shipments
from coldchain.registry.batches import BatchKey
from coldchain.registry.bindings import NewBinding
from coldchain.registry.shipments import NewMilestone, NewShipment
from coldchain.registry.viewer import SYSTEM

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BATCH = ("KB-88120", "04012345678918")
LOOKS = ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark"))


class Goods(NamedTuple):
    """The batch's page, its shipment that arrived, and the one under way."""

    path: str
    first: str
    second: str


@pytest.fixture(scope="module")
def goods(world: World) -> Goods:
    """Two shipments of one batch: the first spent two hours too warm, the second is too warm now after a gap."""
    first = shipped(world, "KB-1", "TL-8101", 60, 40)
    second = shipped(world, "KB-2", "TL-8102", 20, None)
    now = world.now_ms
    early = list(range(now - 60 * HOUR, now - 40 * HOUR, 10 * MINUTE))
    warm = (now - 52 * HOUR, now - 50 * HOUR)
    world.send("TL-8101", early, [11.5 if warm[0] <= at < warm[1] else 5.2 for at in early], seq=0)
    late = [at for at in range(now - 20 * HOUR, now, 10 * MINUTE) if not 9 * HOUR < now - at < 10 * HOUR]
    world.send("TL-8102", late, [12.0 if now - at < 100 * MINUTE else 4.8 for at in late], seq=0)
    world.judge()
    return Goods(f"/batches/{BatchKey.of(*BATCH, None).id}", first, second)


def shipped(world: World, reference: str, logger: str, began_h: int, ended_h: int | None) -> str:
    begun = world.now_ms - began_h * HOUR
    with world.registry.write() as connection:
        new = NewShipment(reference, "cct-2-8", customer="Kestrel Biologics", carrier="Blue Lane", lane="VIE → DUB",
                          batches=[BATCH])  # fmt: skip
        id_ = shipments.create(connection, new, by=SYSTEM, now_ms=begun)
        loggers.register(connection, logger, who="test", now_ms=begun, interval_ms=10 * MINUTE)
        bindings.bind(connection, shipments.subject(id_), NewBinding(logger, begun, reason="test"), who="test",
                      now_ms=begun)  # fmt: skip
        for kind, name, hours, custodian in (("departure", "Departed Vienna", 0, "Arctos Freight"),
                                             ("leg", "Took off from Vienna", 9, "Blue Lane")):  # fmt: skip
            reached = NewMilestone(kind, name, custodian=custodian, happened_ms=begun + hours * HOUR)
            shipments.add_milestone(connection, id_, reached, by=SYSTEM, now_ms=begun + hours * HOUR)
        shipments.change(connection, id_, {"state": "in_transit", "departed_ms": begun}, version=1, by=SYSTEM,
                         now_ms=begun)  # fmt: skip
        if ended_h is not None:
            end = world.now_ms - ended_h * HOUR
            change = {"state": "arrived", "arrived_ms": end}
            shipments.change(connection, id_, change, version=2, by=SYSTEM, now_ms=end)
    return id_


def test_a_batch_is_found_from_the_list_and_shows_what_is_left_and_for_how_long(opened: Opener, goods: Goods) -> None:
    watched = opened()
    watched.open("/batches")
    row = watched.page.locator("#batches-list tr", has_text=BATCH[0])
    assert "8 … 15 °C" in row.inner_text()
    row.get_by_role("link", name=BATCH[0]).click()
    watched.page.wait_for_selector("#batch-burndown .xtitle")
    shown = watched.page.inner_text("#content")
    assert "left" in shown
    assert "KB-1" in shown
    assert "between" in watched.page.inner_text("#time-left")
    lines = watched.page.locator("table:has(caption:text-is('Ledger of the stability budget')) tbody tr")
    assert [line.inner_text().split("\t")[6] for line in lines.all()] == [
        "Took off from Vienna",
        "Took off from Vienna",
        "Departed Vienna",
    ]
    watched.clean()


def test_a_stay_in_a_store_is_recorded_charged_and_taken_back_on_the_page(
    opened: Opener, goods: Goods, world: World
) -> None:
    watched = opened()
    page = watched.page
    watched.open(goods.path)
    page.get_by_text("Record or end a stay").click()
    page.get_by_role("button", name="Record stay").click()
    page.get_by_text("Store, From: say where the batch was").wait_for()
    page.locator("#stay-store").click()
    page.get_by_role("option", name="Cold room A").click()
    page.locator("#stay-from").fill(iso(world.now_ms - 30 * HOUR)[:16])
    page.locator("#stay-to").fill(iso(world.now_ms - 26 * HOUR)[:16])
    page.locator("#stay-reason").fill("waited for the flight")
    page.get_by_role("button", name="Record stay").click()
    page.locator("#stay-list tr", has_text="waited for the flight").wait_for()
    page.locator("#batch-body table tr", has_text="Cold room A").first.wait_for()
    page.get_by_role("button", name="Take back: Cold room A").click()
    page.get_by_text("reason: missing").or_(page.get_by_text("Taken back")).first.wait_for()
    page.locator("#stay-list", has_text="No stay on record").wait_for()
    watched.clean()


def excursion_of(world: World, shipment: str) -> str:
    with world.registry.read() as connection:
        document = shipment_views.compliance(connection, SYSTEM, shipment)
    return str(document["excursions"][0]["id"])


@pytest.mark.parametrize("place", ["batch", "leg", "store", "excursion", "offender"])
def test_a_number_says_how_it_was_computed(opened: Opener, goods: Goods, world: World, place: str) -> None:
    watched = opened()
    page = watched.page
    paths = {
        "batch": goods.path, "leg": f"/shipments/{goods.first}", "store": f"/stores/{world.store}",
        "excursion": f"/excursions/{excursion_of(world, goods.first)}", "offender": "/compliance",
    }  # fmt: skip
    path = paths[place]
    watched.open(path)
    where = {"batch": "#batch-body .figures", "leg": "table:has(caption:text-is('Legs of this shipment'))",
             "store": "#store-body .figures", "excursion": "#content .figures",
             "offender": "table:has(caption:text-is('Most excursions by lane'))"}[place]  # fmt: skip
    page.locator(f"{where} .derive").first.click()
    page.locator("#derive-body h3", has_text="What it rests on").wait_for()
    said = page.inner_text("#derive-body")
    names = {"batch": "Shipments and stays", "leg": "Departed Vienna", "store": "The readings as CSV",
             "excursion": "°C", "offender": "Shipments"}  # fmt: skip
    assert names[place] in said
    assert "The record says" not in said
    assert watched.axe() == []
    if place == "offender":
        return
    href = page.get_by_role("link", name="This derivation as JSON").get_attribute("href")
    assert page.request.get(f"{watched.site}{href}").json()["schema"] == "coldchain.derivation/1"
    watched.clean()


def test_the_list_can_be_searched(opened: Opener, goods: Goods) -> None:
    watched = opened()
    watched.open("/batches")
    watched.page.get_by_role("searchbox", name="Batch or GTIN").fill("no such number")
    watched.page.get_by_text("No batch has this in its number or GTIN").wait_for()
    watched.page.get_by_role("searchbox", name="Batch or GTIN").fill("kb-88")
    watched.page.get_by_role("link", name=BATCH[0]).wait_for()
    watched.clean()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_its_pages_are_accessible_quiet_and_fit(
    opened: Opener, goods: Goods, world: World, width: int, scheme: str
) -> None:
    watched = opened(width=width, scheme=scheme)
    with world.registry.read() as connection:
        other = batches.of_shipment(connection, world.plans[0].id)[0].id
    for path in ("/batches", goods.path, f"/shipments/{goods.second}", f"/batches/{other}", "/batches/nonsense"):
        watched.open(path)
        wide = watched.page.evaluate("document.documentElement.scrollWidth")
        assert (path, wide) == (path, width)
        assert (path, watched.axe()) == (path, [])
        watched.clean()


def test_readings_are_taken_out_of_judgement_by_hand_with_a_reason_and_taken_back(
    opened: Opener, goods: Goods, world: World
) -> None:
    watched = opened()
    page = watched.page
    watched.open(f"/shipments/{goods.first}")
    assert "Took off from Vienna" in page.inner_text("#content")
    page.get_by_text("Set or correct a stage").click()
    page.locator("#stage-name").click()
    page.get_by_role("option", name="conditioning (not judged)").click()
    page.get_by_role("button", name="Set stage").click()
    page.get_by_text("From: say when the stage began.").wait_for()
    page.locator("#stage-from").fill("2026-01-01T00:00")
    page.get_by_role("button", name="Set stage").click()
    page.get_by_text("reason: missing").wait_for()
    page.locator("#stage-reason").fill("cooled down without goods")
    page.get_by_role("button", name="Set stage").click()
    page.get_by_text("Recorded under your name").wait_for()
    row = page.locator("#stage-list tr", has_text="cooled down without goods")
    assert "excluded" in row.inner_text()
    assert "Mara Olsen" in row.inner_text()
    world.judge()
    watched.open(f"/shipments/{goods.first}")
    page.get_by_text("Set or correct a stage").click()
    page.locator("#stage-reason").fill("goods were inside")
    page.get_by_role("button", name="Take back conditioning").click()
    page.get_by_text("Taken back").wait_for()
    page.get_by_text("No stage on record").wait_for()
    world.judge()
    watched.clean()


def test_who_may_not_operate_sees_stages_and_has_no_form(opened: Opener, goods: Goods) -> None:
    watched = opened(role="auditor")
    watched.open(f"/shipments/{goods.second}")
    assert watched.page.get_by_role("heading", name="Stages").count() == 1
    assert watched.page.locator("#stage-form").count() == 0
    watched.clean()


def test_a_batch_says_which_of_its_shipments_is_out_of_service(opened: Opener, goods: Goods, world: World) -> None:
    with world.registry.write() as connection:
        maintenance.begin(
            connection, subject=shipments.subject(goods.second), logger=None, channel=None, work_order="WO-9",
            reason="repacking", from_ms=world.now_ms - HOUR, until_ms=world.now_ms + 9 * HOUR, who="test",
            now_ms=world.now_ms - HOUR,
        )  # fmt: skip
    watched = opened()
    watched.open(goods.path)
    lead = watched.page.locator(".page-head .lead")
    lead.locator(".out-of-service").wait_for()
    assert "KB-2 out of service until" in lead.inner_text()
    assert "KB-1 out of service" not in lead.inner_text()
    watched.clean()


def test_a_customer_sees_no_batch_of_another(opened: Opener, goods: Goods) -> None:
    watched = opened(role="viewer")
    watched.open(goods.path)
    assert "No such batch" in watched.page.inner_text("#content")
    watched.clean()
