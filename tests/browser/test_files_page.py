"""A file on the page: dropped or chosen, looked at, read another way, stored once, and never more than the screen."""

import os
from pathlib import Path

import pytest
from browser_tools import Opener, Watched
from browser_world import World

from coldchain.domain.quantity import iso

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LOOKS = ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark"))
SHOTS = os.environ.get("COLDCHAIN_TEST_SHOTS")  # a folder for pictures of what is tested


def shoot(watched: Watched, name: str) -> None:
    if SHOTS:
        watched.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def at(world: World, minutes_ago: int) -> str:
    return iso(world.clock.now_ms() - minutes_ago * 60_000)[:16].replace("T", " ")


def csv_of(world: World, header: str = "When,Temp (°C),Note") -> bytes:
    rows = [f"{at(world, 120 - 5 * n)},{4 + n / 10:.1f},ok" for n in range(12)]
    return "\r\n".join([header, *rows[:6], "soon,9.9,bad", *rows[6:], ""]).encode()


def choose(watched: Watched, name: str, content: bytes) -> None:
    watched.page.wait_for_selector("#file-input")
    watched.page.set_input_files("#file-input", {"name": name, "mimeType": "text/plain", "buffer": content})


def words(watched: Watched, selector: str) -> str:
    return watched.page.inner_text(selector)


def see(watched: Watched, selector: str, text: str) -> None:
    watched.until(
        "([where, what]) => (document.querySelector(where)?.innerText || '').includes(what)", [selector, text]
    )


def fill(watched: Watched, selector: str, text: str) -> None:
    watched.page.fill(selector, text)
    watched.page.press(selector, "Tab")


def wider(watched: Watched, width: int) -> list[str]:
    """What makes the page wider than the screen."""
    if watched.page.evaluate("document.documentElement.scrollWidth") == width:
        return []
    found: list[str] = watched.page.evaluate(
        "(width) => [...document.querySelectorAll('#content *')].filter(e => e.getBoundingClientRect().right > width"
        " && !e.closest('.scroller')).map(e => e.tagName + '.' + e.className + '#' + JSON.stringify(e.id))",
        width,
    )
    return found or ["something"]


def test_a_table_is_looked_at_and_then_stored_once(opened: Opener, world: World) -> None:
    watched = opened(role="operator")
    watched.open("/files")
    see(watched, "#file-view", "No file chosen yet")
    content = csv_of(world)
    choose(watched, "fridge.csv", content)
    see(watched, "#file-view", "state the logger's, such as Europe/Berlin")
    store = watched.page.get_by_role("button", name="Store these readings")
    assert store.is_disabled()
    fill(watched, "#file-zone", "UTC")
    fill(watched, "#file-logger", "USB-0001")
    watched.until("!document.querySelector('#file-view').innerText.includes('state its id')")
    see(watched, "#file-view", "First readings")
    assert "soon,9.9,bad" in words(watched, "#file-view")
    assert watched.axe() == []
    shoot(watched, "files-preview")
    watched.page.get_by_role("button", name="Store these readings").click()
    see(watched, "#file-result", "12 readings stored, 0 known already, 1 not read")
    see(watched, "#file-list", "fridge.csv")
    shoot(watched, "files-done")
    watched.page.get_by_role("button", name="Store these readings").click()
    see(watched, "#file-result", "Imported before, nothing changed")
    watched.page.get_by_role("link", name="See this import").click()
    see(watched, "#import-view", "Rows that cannot be read")
    assert watched.axe() == []
    watched.clean()


def test_a_column_without_a_unit_is_mapped_by_hand_and_the_mapping_is_kept(opened: Opener, world: World) -> None:
    watched = opened(role="operator")
    watched.open("/files")
    choose(watched, "plain.csv", csv_of(world, "When,Value,Note"))
    see(watched, "#file-view", "no title declares a quantity with its unit")
    fill(watched, "#file-zone", "UTC")
    fill(watched, "#file-logger", "USB-0002")
    watched.until("!document.querySelector('#file-view').innerText.includes('state its id')")
    pick(watched, "What Value becomes", "temperature")
    pick(watched, "Unit of Value", "F")
    watched.page.get_by_role("button", name="Read it this way").click()
    see(watched, "#file-view", "First readings")
    see(watched, "#file-view", "-15.5")
    fill(watched, "[placeholder='our-logger']", "our-fridges")
    watched.page.get_by_role("button", name="Keep mapping").click()
    watched.page.get_by_text("Mapping our-fridges version 1").wait_for()
    watched.open("/files")
    choose(watched, "again.csv", csv_of(world, "When,Value,Note"))
    see(watched, "#file-view", "our-fridges@1, recognised")
    watched.clean()


def pick(watched: Watched, label: str, choice: str) -> None:
    box = watched.page.get_by_role("combobox", name=label).or_(watched.page.get_by_label(label, exact=True)).first
    box.click()
    watched.page.get_by_role("option", name=choice, exact=True).last.click()


def test_a_file_can_be_dropped_and_a_foreign_one_is_refused_with_the_reason(opened: Opener, world: World) -> None:
    watched = opened(role="operator")
    watched.open("/files")
    watched.page.wait_for_selector("#file-input")
    watched.page.evaluate(
        "(text) => { const drop = document.getElementById('file-drop'), carried = new DataTransfer();"
        "carried.items.add(new File([text], 'dropped.csv'));"
        "drop.dispatchEvent(new DragEvent('drop', {dataTransfer: carried, bubbles: true})); }",
        csv_of(world).decode(),
    )
    see(watched, "#file-view", "First cells")
    see(watched, "#file-name", "dropped.csv")
    watched.complaints.clear()
    choose(watched, "report.pdf", b"%PDF-1.7 no table at all")
    see(watched, "#file-view", "is in no format that is known here")
    assert watched.axe() == []
    shoot(watched, "files-refused")
    watched.complaints = [one for one in watched.complaints if "422" not in one]  # the browser logs each refusal
    watched.clean()


def test_a_file_that_was_taken_for_the_wrong_thing_is_read_again_on_the_page(opened: Opener, world: World) -> None:
    content = csv_of(world, "When,Temp (°C),Serie").replace(b",4.", b",41.")
    watched = opened(role="operator")
    watched.open("/files")
    choose(watched, "wrong.csv", content)
    fill(watched, "#file-zone", "UTC")
    fill(watched, "#file-logger", "USB-0099")
    see(watched, "#file-view", "First readings")
    watched.page.get_by_role("button", name="Store these readings").click()
    see(watched, "#file-result", "12 readings stored")
    page_of_it = watched.page.get_by_role("link", name="See this import").get_attribute("href")
    assert page_of_it is not None
    watched.clean()
    watched = opened(role="quality")
    watched.open(page_of_it)
    watched.page.get_by_role("link", name="Read it in another way").click()
    see(watched, "#file-view", "This very file was imported before")
    see(watched, "#file-view", "First readings")  # as it was read last
    assert watched.page.input_value("#file-zone") == "UTC"
    fill(watched, "#file-zone", "+01:00")
    see(watched, "#file-view", "+01:00")
    again = watched.page.get_by_role("button", name="Read it again this way")
    again.click()
    see(watched, "#file-result", "The reason is missing")
    watched.page.get_by_label("Reason").fill("its clock is an hour ahead")
    again.click()
    see(watched, "#file-result", "12 readings became 12")
    shoot(watched, "files-again")
    watched.page.get_by_role("link", name="See this import").first.click()
    see(watched, "#import-view", "its clock is an hour ahead")
    see(watched, "#import-view", "1, superseded")
    assert watched.axe() == []
    shoot(watched, "files-how-read")
    found = list(world.history.readings("USB-0099", 0, 1 << 50))
    assert len(found) == 12
    assert {row.interpretation for row in found} == {2}
    watched.clean()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_page_fits_and_is_accessible_empty_and_full(
    opened: Opener, world: World, recordings: Path, width: int, scheme: str
) -> None:
    watched = opened(role="operator", width=width, scheme=scheme)
    watched.open("/files")
    watched.page.wait_for_selector("#file-input")
    see(watched, "#file-view", "No file chosen yet")
    assert watched.axe() == []
    shoot(watched, f"files-empty-{width}-{scheme}")
    content = (recordings / "series" / "berlinger" / "130500109088_202206081014.txt").read_bytes()
    choose(watched, "130500109088.txt", content)
    see(watched, "#file-view", "The logger's own days")
    assert wider(watched, width) == []
    assert watched.axe() == []
    shoot(watched, f"files-berlinger-{width}-{scheme}")
    choose(watched, "fridge.csv", csv_of(world))
    see(watched, "#file-view", "First cells")
    assert wider(watched, width) == []
    assert watched.axe() == []
    shoot(watched, f"files-table-{width}-{scheme}")
    watched.clean()
