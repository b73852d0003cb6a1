"""Triage: alarms worked down by keyboard and by thumb, and one alarm with everything that became of it."""

import re
import time

import alarm_world
import pytest
from browser_tools import Opener, Watched
from browser_world import HOUR, World
from sqlalchemy import select, update

from coldchain.domain.finding import Severity
from coldchain.registry import passwords, people
from coldchain.registry.schema import alarm, person

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark"))
VIEWS = ("board", "unacknowledged", "mine", "shelved", "out_of_service", "stale", "chattering", "all")


def an_alarm(world: World) -> str:
    query = select(alarm.c.id).where(alarm.c.condition == "active", alarm.c.cause == "high")
    with world.registry.read() as connection:
        return str(connection.execute(query).scalars().one())


def a_critical_alarm(world: World) -> str:
    """The open one, as if the engine had found it that bad."""
    id_ = an_alarm(world)
    with world.registry.write() as connection:
        connection.execute(update(alarm).where(alarm.c.id == id_).values(severity=int(Severity.CRITICAL)))
    return id_


def row_of(world: World, id_: str) -> object:
    with world.registry.read() as connection:
        return connection.execute(select(alarm).where(alarm.c.id == id_)).one()


def choose(watched: Watched, key: str) -> str:
    """Press j until a row offers what `key` does; the id of that row's alarm."""
    page = watched.page
    page.wait_for_selector("#alarm-rows .alarm-row")
    page.keyboard.press("j")
    return str(page.locator(".alarm-row.at-hand").get_attribute("data-alarm"))


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_alarm_pages_are_accessible_quiet_at_home_and_fit(
    opened: Opener, world: World, width: int, scheme: str
) -> None:
    watched = opened(width=width, scheme=scheme)
    some = an_alarm(world)
    for path in (*(f"/alarms?view={view}" for view in VIEWS), f"/alarms/{some}", "/alarms/no-such-alarm"):
        watched.open(path)
        wide = watched.page.evaluate("document.documentElement.scrollWidth")
        assert (path, wide) == (path, width)
        assert (path, watched.axe()) == (path, [])
        watched.clean()


def test_the_list_is_worked_down_by_keys_alone(opened: Opener, world: World) -> None:
    watched = opened(role="operator")
    watched.open("/alarms?view=unacknowledged")
    page, id_ = watched.page, choose(watched, "a")
    before = page.locator(".alarm-row").count()
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_label("Reason").fill("driver called")
    page.get_by_role("button", name="Add comment").click()
    page.locator(".mantine-Notification-root", has_text="Comment added").first.wait_for()
    watched.until("!document.querySelector('.mantine-Modal-content')")
    watched.until("document.querySelector('.alarm-row.at-hand')?.dataset.alarm === " + repr(id_))
    page.keyboard.press("a")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    watched.until(f"document.querySelectorAll('.alarm-row').length === {before - 1}")
    assert row_of(world, id_).acknowledged_via == "browser"
    assert row_of(world, id_).comment == "driver called"
    # The next one is at hand by itself, and is answered without a step back to the list.
    watched.until("!document.querySelector('.mantine-Modal-content')")
    watched.until("!['', undefined, " + repr(id_) + "].includes(document.querySelector('.at-hand')?.dataset.alarm)")
    watched.until("document.querySelector('.at-hand').contains(document.activeElement)")
    following = str(page.locator(".alarm-row.at-hand").get_attribute("data-alarm"))
    page.keyboard.press("a")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    watched.until(f"document.querySelectorAll('.alarm-row').length === {before - 2}")
    assert row_of(world, following).acknowledged_via == "browser"
    watched.until("!document.querySelector('.mantine-Modal-content')")
    watched.open("/alarms?view=all")
    choose(watched, "o")
    page.keyboard.press("o")
    page.wait_for_url(re.compile("/alarms/[0-9a-f-]{36}"))
    watched.clean()


def test_a_critical_alarm_is_set_aside_by_two_persons(opened: Opener, world: World) -> None:
    id_ = a_critical_alarm(world)
    first = opened(role="operator")
    first.open(f"/alarms/{id_}")
    first.page.get_by_role("button", name="Set aside").click()
    dialog = first.page.get_by_role("dialog")
    dialog.get_by_text("It takes a second person").wait_for()
    dialog.get_by_label("Reason").fill("unloading")
    dialog.get_by_role("button", name="Set aside").click()
    first.page.get_by_text("You have asked; somebody else has to agree").wait_for()
    assert row_of(world, id_).suppression == "none"
    second = opened(role="quality")
    second.open(f"/alarms/{id_}")
    assert second.axe() == []
    second.page.get_by_role("button", name="Agree").click()
    second.page.get_by_role("dialog").get_by_role("button", name="I agree").click()
    second.page.locator(".alarm-state", has_text="Set aside").wait_for()
    assert row_of(world, id_).suppression == "shelved"
    second.page.get_by_role("button", name="Watch again").click()
    second.page.get_by_role("dialog").get_by_role("button", name="Watch again").click()
    second.page.locator(".mantine-Notification-root", has_text="Watched again").first.wait_for()
    assert row_of(world, id_).suppressed_until_ms <= time.time() * 1000
    for watched in (first, second):
        watched.clean()


def test_one_alarm_says_who_was_told_with_what_result_and_what_comes_next(opened: Opener, world: World) -> None:
    watched = opened()
    watched.open(f"/alarms/{an_alarm(world)}")
    page = watched.page
    page.wait_for_selector("#alarm-chart .xtitle")
    told = page.locator("table", has_text="Because").inner_text()
    assert "Mara Olsen" in told
    assert "Mail" in told
    assert "it was raised" in told
    why = page.locator(".why").inner_text()
    assert "You got this by Mail and SMS" in why
    assert "because you are on call" in why
    assert re.search("told (again|if it is still active)", why)
    watched.clean()


def test_a_shelf_is_for_people_who_may_acknowledge(opened: Opener, world: World) -> None:
    watched = opened(role="auditor")
    watched.open("/alarms?view=all")
    watched.page.wait_for_selector(".alarm-row")
    assert watched.page.locator(".alarm-row button").count() == 0
    watched.clean()


def test_a_link_in_a_message_leads_to_the_alarm_by_its_first_characters_too(opened: Opener, world: World) -> None:
    id_ = an_alarm(world)
    watched = opened()
    for path in (f"/alarms/{id_[:8]}", f"/excursions?alarm={id_}", f"/excursions?alarm={id_[:8]}"):
        watched.page.goto(watched.site + path)
        watched.page.locator("h2", has_text="Who was told").wait_for()
    watched.clean()


def test_an_alarm_is_handed_to_somebody_by_thumb(opened: Opener, world: World) -> None:
    watched = opened(role="operator", width=390)
    watched.open("/alarms?view=all")
    page = watched.page
    button = page.locator(".alarm-row").first.get_by_role("button", name="Hand over")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    button.click()
    page.get_by_role("textbox", name="To").click()
    page.get_by_role("option", name="Mara Olsen").click()
    page.get_by_role("dialog").get_by_role("button", name="Hand over").click()
    page.locator(".alarm-row", has_text="with Mara Olsen").first.wait_for()
    with world.registry.read() as connection:
        whose = select(person.c.name).join(alarm, alarm.c.assigned == person.c.id)
        assert connection.execute(whose).scalars().all() == ["Mara Olsen"]
    watched.clean()


def test_a_storm_is_one_row_that_unfolds_and_is_answered_at_once(opened: Opener, world: World) -> None:
    ids = alarm_world.storm(world, 30)
    watched = opened(role="operator", width=390)
    watched.open("/alarms")
    page = watched.page
    storm = page.locator(".alarm-storm", has_text="30 alarms: silent")
    assert storm.locator(".storm-member").first.is_hidden()
    storm.get_by_text("Show all 30").click()
    storm.locator(".storm-member").nth(29).wait_for()
    assert watched.axe() == []
    button = storm.get_by_role("button", name="Acknowledge all 30")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    button.click()
    page.get_by_role("dialog").get_by_text("30 alarms").wait_for()
    with world.registry.write() as connection:  # this one gets worse while the dialog is open
        connection.execute(update(alarm).where(alarm.c.id == ids[7]).values(version=2))
    page.get_by_role("dialog").get_by_label("Reason or comment").fill("a gateway is down")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    page.locator(".mantine-Notification-root", has_text="1 changed since you saw it").wait_for()
    answered = [id_ for id_ in ids if row_of(world, id_).acknowledged_ms is not None]
    assert sorted(answered) == sorted(set(ids) - {ids[7]})
    watched.clean()


def test_some_are_chosen_and_answered_by_keys_and_nothing_happens_while_typing(opened: Opener, world: World) -> None:
    alarm_world.storm(world, 6, cause="low")
    watched = opened(role="operator")
    watched.open("/alarms?view=unacknowledged")
    page = watched.page
    page.locator(".alarm-storm", has_text="6 alarms").locator("summary").focus()
    page.keyboard.press("o")
    page.locator(".storm-member").first.wait_for()
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    watched.until("document.getElementById('pick-count').textContent === '2 chosen'")
    page.keyboard.press("Shift+A")
    page.get_by_role("dialog").get_by_label("Reason or comment").fill("")
    page.keyboard.type("jax sc")
    assert page.get_by_role("dialog").get_by_label("Reason or comment").input_value() == "jax sc"
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    page.locator(".mantine-Notification-root", has_text="2 alarms recorded under your name").wait_for()
    watched.until("document.getElementById('pick-count').textContent === ''")
    watched.until("document.querySelector('.mantine-Modal-content') === null")  # keys belong to it until it is gone
    page.locator("body").press("?")
    page.get_by_role("dialog").get_by_text("acknowledge the chosen ones").wait_for()
    watched.clean()


def test_a_list_drawn_anew_keeps_the_alarm_at_hand_its_place_the_focus_and_an_open_storm(
    opened: Opener, world: World
) -> None:
    alarm_world.storm(world, 12, cause="humidity_low")
    below = [alarm_world.an_alarm(world, (30 + n) * HOUR, logger=f"TL-77{n:02d}", severity=1) for n in range(12)]
    watched = opened(role="operator")
    watched.open("/alarms")
    page = watched.page
    page.locator(".alarm-storm", has_text="12 alarms").locator("summary").click()
    page.locator(".alarm-storm", has_text="12 alarms").locator(".storm-member").nth(11).wait_for()
    for id_ in below[5:7]:  # a link, and a button of a row
        at_hand = page.locator(f'[data-alarm="{id_}"]')
        at_hand.get_by_role("link").focus()
        if id_ == below[6]:
            at_hand.get_by_role("button", name="Comment").focus()
        page.evaluate("document.activeElement.scrollIntoView({block: 'center'})")
        watched.until("scrollY > 100")
        before = page.evaluate(WHERE)
        news = alarm_world.an_alarm(world, 5 * 60_000, logger="TL-7999", severity=int(Severity.CRITICAL))
        page.locator(f'[data-alarm="{news}"]').wait_for(state="attached")
        watched.until(f"document.querySelector('.at-hand')?.dataset.alarm === {id_!r}")
        after = page.evaluate(WHERE)
        assert after["alarm"] == before["alarm"] == id_
        assert after["label"] == before["label"]
        assert abs(after["top"] - before["top"]) < 3
        assert after["open"] == 1
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_label("Reason").fill("the one that was at hand")
    page.get_by_role("button", name="Add comment").click()
    page.locator(".mantine-Notification-root", has_text="Comment added").first.wait_for()
    assert row_of(world, below[6]).comment == "the one that was at hand"
    watched.clean()


WHERE = """() => {
  const row = document.querySelector('.at-hand'), focused = document.activeElement;
  const open = document.querySelectorAll('details[data-storm][open]').length;
  const label = row.contains(focused) ? focused.getAttribute('aria-label') || focused.textContent : null;
  return { alarm: row.dataset.alarm, top: row.getBoundingClientRect().top, open, label };
}"""


def test_what_is_over_and_answered_is_reset_with_reason_and_password(opened: Opener, world: World) -> None:
    id_ = alarm_world.over_and_answered(world)
    with world.registry.write() as connection:
        hashed = passwords.hashed("a long walk in the cold", email="mara@example.org")
        people.change(connection, world.people["quality"], who="test", now_ms=world.now_ms, password_hash=hashed)
    watched = opened()
    watched.open(f"/alarms/{id_}")
    page = watched.page
    for password, said in (("wrong", "password is not yours"), ("a long walk in the cold", "It is off the board")):
        if not page.get_by_role("dialog").is_visible():
            page.get_by_role("button", name="Reset: Cold room A").click()
        page.get_by_role("dialog").get_by_label("Reason or comment").fill("assessed, deviation 12")
        page.get_by_label("Your password", exact=True).fill(password)
        page.get_by_role("dialog").get_by_role("button", name="Reset").click()
        page.locator(".mantine-Notification-root", has_text=said).wait_for()
    assert row_of(world, id_).reset_ms is not None
    for entry in watched.complaints:
        assert "40" in entry  # the refused password is a status, and the browser notes it


def chosen_rows(world: World, watched: Watched, number: int) -> list[str]:
    """Fresh alarms, chosen on the list by clicks."""
    ids = [alarm_world.an_alarm(world, (n + 2) * 3_600_000, logger=f"TL-88{n:02d}") for n in range(number)]
    watched.open("/alarms?view=all")
    for id_ in ids:
        watched.page.locator(f'[data-pick^="{id_}"]').click()
    watched.until(f"document.getElementById('pick-count').textContent === '{number} chosen'")
    return ids


def test_several_are_handed_over_and_set_aside_at_once(opened: Opener, world: World) -> None:
    watched = opened()
    page = watched.page
    ids = chosen_rows(world, watched, 2)
    page.locator("#pick-bar").get_by_role("button", name="Hand over").click()
    box = page.get_by_role("dialog")
    box.get_by_text("2 alarms").wait_for()
    box.get_by_role("textbox", name="To").click()
    page.get_by_role("option", name="Jon").first.click()
    box.get_by_role("button", name="Hand over").click()
    page.locator(".mantine-Notification-root", has_text="2 alarms handed over").first.wait_for()
    assert {row_of(world, id_).assigned for id_ in ids} == {world.people["operator"]}
    ids = chosen_rows(world, watched, 2)
    page.locator("#pick-bar").get_by_role("button", name="Set aside").click()
    box.get_by_label("Reason").fill("defrost")
    assert watched.axe() == []
    box.get_by_role("button", name="Set aside").click()
    page.locator(".mantine-Notification-root", has_text="2 alarms set aside").first.wait_for()
    assert {row_of(world, id_).suppression for id_ in ids} == {"shelved"}
    watched.clean()


def test_a_store_goes_out_of_service_from_its_page_and_comes_back(opened: Opener, world: World) -> None:
    watched = opened()
    page = watched.page
    watched.open(f"/stores/{world.store}")
    page.locator("#service-form summary").click()
    page.locator("#service-work_order").fill("WO-4711")
    page.locator("#service-until").fill("2020-01-01T08:00")
    page.locator("#service-send").click()
    page.get_by_text("Is empty; say by which order").wait_for()
    page.locator("#service-reason").fill("compressor")
    page.locator("#service-send").click()
    page.get_by_text("Lies before").wait_for()
    soon = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(world.now_ms / 1000 + 5 * 3600))
    page.locator("#service-until").fill(soon)
    page.locator("#service-send").click()
    page.locator("#service-badge", has_text="out of service until").wait_for()
    page.locator("#service-list", has_text="WO-4711").wait_for()
    assert watched.axe() == []
    watched.open("/stores")
    page.locator("tr .out-of-service").first.wait_for()
    watched.open("/alarms?view=out_of_service")
    row = page.locator("#service-list tr", has_text="WO-4711")
    row.get_by_text("End it").click()
    row.get_by_role("button", name="Back in service now").click()
    page.locator("#service-list", has_text="Nothing is out of service").wait_for()
    watched.open(f"/stores/{world.store}")
    watched.until("document.getElementById('service-badge').textContent === ''")
    watched.clean()


def test_a_channel_is_taken_out_on_the_page_of_its_logger(opened: Opener, world: World) -> None:
    watched = opened(width=390)
    page = watched.page
    watched.open("/loggers/TL-7001")
    page.locator("#service-form summary").click()
    page.locator("#service-channel").fill("probe")
    page.locator("#service-work_order").fill("WO-1")
    page.locator("#service-reason").fill("probe is changed")
    soon = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(world.now_ms / 1000 + 5 * 3600))
    page.locator("#service-until").fill(soon)
    page.locator("#service-send").click()
    page.locator("#service-badge", has_text="probe out of service until").wait_for()
    assert watched.axe() == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    watched.open(f"/stores/{world.store}")
    page.locator("tr", has_text="TL-7001").locator(".out-of-service").first.wait_for()
    watched.clean()


def test_who_may_not_assess_sees_what_is_worked_on_and_ends_nothing(opened: Opener, world: World) -> None:
    watched = opened(role="auditor")
    watched.open("/alarms?view=out_of_service")
    watched.page.locator("#service-list").wait_for()
    assert watched.page.locator("#service-form, [data-service-end]").count() == 0
    watched.clean()
