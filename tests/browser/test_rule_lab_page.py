"""The rule lab on the page: a draft replayed over past shipments, one of them looked at closely, in every look."""

import os
from pathlib import Path

import pytest
from browser_tools import Opener, Watched
from browser_world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LOOKS = ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark"))
SHOTS = os.environ.get("COLDCHAIN_TEST_SHOTS")  # a folder for pictures of what is tested


def shoot(watched: Watched, name: str) -> None:
    if SHOTS:
        watched.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def see(watched: Watched, text: str, where: str = "#content", timeout_s: float = 60) -> None:
    found = "([where, what]) => (document.querySelector(where)?.innerText || '').includes(what)"
    watched.until(found, [where, text], timeout_s)


def write(watched: Watched, old: str, new: str) -> None:
    watched.until("document.querySelector('#lab-draft')?.value.length > 100")
    field = watched.page.locator("#lab-draft")
    text = field.input_value()
    assert old in text
    field.fill(text.replace(old, new))


def replay(watched: Watched) -> None:
    watched.page.get_by_role("button", name="Replay").click()
    see(watched, "done", "#lab-body")
    see(watched, "Alarm load per person and week")


def test_a_draft_is_replayed_and_one_shipment_looked_at_closely(opened: Opener, world: World) -> None:
    watched = opened(role="quality")
    watched.open("/rule-lab?profile=refrigerated-2-8&version=1")
    see(watched, "No run yet")
    shoot(watched, "lab-empty")
    write(watched, "high_c = 8\n", "high_c = 5\n")
    replay(watched)
    words = watched.page.inner_text("#lab-body")
    assert "Shipments that change" in words
    assert "excursion high" in words, words
    assert "not as recorded" not in words, words
    assert watched.axe() == []
    shoot(watched, "lab-done")
    watched.page.locator("#lab-body td a").first.click()
    watched.page.wait_for_selector("#lab-after .xtitle")
    see(watched, "As it is judged now")
    see(watched, "With the draft")
    drawn = watched.page.evaluate(
        "document.querySelectorAll('#lab-after .scatterlayer .points path').length"
        " - document.querySelectorAll('#lab-before .scatterlayer .points path').length"
    )
    assert drawn > 0, "the draft's excursions are not marked"
    assert watched.axe() == []
    shoot(watched, "lab-shipment")
    watched.clean()


def test_what_is_wrong_with_a_draft_is_said_and_nothing_runs(opened: Opener, world: World) -> None:
    watched = opened(role="quality")
    watched.open("/rule-lab?profile=cct-2-8")
    write(watched, "low_c = 2\n", "low_c = 9\n")
    watched.page.get_by_role("button", name="Replay").click()
    see(watched, "low_c", "#lab-refusal")
    watched.page.locator("#lab-draft").fill("high = [")
    watched.page.get_by_role("button", name="Replay").click()
    see(watched, "neither TOML nor JSON", "#lab-refusal")
    assert watched.axe() == []
    watched.page.set_viewport_size({"width": 390, "height": 844})
    watched.until("document.documentElement.scrollWidth === 390")
    watched.clean()


def test_who_may_not_assess_sees_that_and_no_lab(opened: Opener, world: World) -> None:
    watched = opened(role="operator")
    watched.open("/rule-lab")
    see(watched, "You may not see this page")
    assert watched.page.locator("nav a", has_text="Rule lab").count() == 0
    watched.clean()


def test_a_run_that_is_not_ones_own_does_not_exist(opened: Opener, world: World) -> None:
    watched = opened(role="quality")
    watched.open("/rule-lab/no-such-run/no-such-shipment")
    see(watched, "No such shipment")
    watched.open("/rule-lab?run=no-such-run")
    see(watched, "No run yet")
    watched.clean()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_both_pages_are_accessible_and_fit(opened: Opener, world: World, width: int, scheme: str) -> None:
    watched = opened(width=width, scheme=scheme)
    watched.open("/rule-lab?profile=refrigerated-2-8")
    write(watched, "high_c = 8\n", "high_c = 6\n")
    replay(watched)
    fits(watched, width, f"lab-{width}-{scheme}")
    address = watched.page.locator("#lab-body td a").first.get_attribute("href")
    assert address
    watched.open(address)
    watched.page.wait_for_selector("#lab-after .xtitle")
    fits(watched, width, f"lab-shipment-{width}-{scheme}")


def fits(watched: Watched, width: int, name: str) -> None:
    shoot(watched, name)
    assert watched.page.evaluate("document.documentElement.scrollWidth") == width
    assert watched.axe() == []
    watched.clean()
