"""Product profiles in a browser: read, compared, changed, approved and retired; and both results of a shipment."""

import json
from typing import Any

import pytest
from browser_tools import Opener, Watched
from browser_world import World
from playwright.sync_api import Dialog
from servers import wait_until

from coldchain.clock import SystemClock
from coldchain.registry import passwords, people, profiles

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark"))
EDIT = "/product-profiles/-/edit"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module", autouse=True)
def second_version(world: World) -> None:
    """A narrower version of the profile that most shipments have; the first one is approved."""
    known = passwords.hashed(PASSWORD)
    with world.registry.write() as connection:
        people.change(connection, world.people["quality"], who="test", now_ms=0, password_hash=known)
        world.people["admin"] = people.create(connection, email="ida@example.org", name="Ida Berg", role="admin",
                                              who="test", now_ms=0, password_hash=known)  # fmt: skip
        body = profiles.get(connection, "refrigerated-2-8").body
        now_ms = SystemClock().now_ms()
        narrower = {**body, "version": 2, "label_range": {"low_c": 2, "high_c": 7.5}}
        profiles.approve(connection, "refrigerated-2-8", 1, who=world.people["quality"], now_ms=now_ms, reason="CC-1")
        profiles.add(connection, narrower, who=world.people["quality"], reason="stability data", now_ms=now_ms)


def field(watched: Watched, path: str) -> Any:
    """The input for a path of the format."""
    return watched.page.locator(f"""[id='{{"at":{json.dumps(path)},"type":"product-field"}}']""")


def fill(watched: Watched, path: str, text: str) -> None:
    field(watched, path).fill(text)


def error_of(watched: Watched, path: str) -> Any:
    box = watched.page.locator(f"""[id='{{"at":{json.dumps(path)},"type":"product-box"}}']""")
    return box.locator(".mantine-InputWrapper-error")


def newest(world: World, id_: str) -> profiles.StoredProfile:
    with world.registry.read() as connection:
        return profiles.get(connection, id_)


def test_who_looks_reads_the_rules_in_words_and_sees_what_differs(opened: Opener) -> None:
    watched = opened(role="operator")
    page = watched.page
    watched.open("/product-profiles")
    row = page.locator("tr", has_text="refrigerated-2-8").first
    assert "proposal" in row.inner_text()
    assert "version 1 is approved" in row.inner_text()
    page.get_by_role("link", name="Refrigerated 2–8 °C", exact=True).click()
    page.locator("h1", has_text="Refrigerated 2–8 °C").wait_for()
    page.get_by_text("Above 8 °C for 30 min without a break").wait_for()
    page.get_by_text("Nobody of the quality unit has approved this version yet").wait_for()
    compared = page.locator("#compare")
    assert "7.5" in compared.inner_text()
    assert page.locator("tr", has_text="Cold room A").count() == 1
    assert page.get_by_role("button", name="Approve version 2").count() == 0
    assert page.get_by_role("link", name="Edit").count() == 0
    watched.open(f"{EDIT}?profile=refrigerated-2-8")
    assert "needs the permission" in page.inner_text("#content")
    watched.clean()


def test_every_mistake_stands_beside_its_field_and_nothing_is_saved(opened: Opener, world: World) -> None:
    watched = opened()
    page = watched.page
    watched.open(f"{EDIT}?profile=cct-2-8")
    page.locator("#edit-preview", has_text="No difference").wait_for()
    fill(watched, "label_range.low_c", "9")
    error_of(watched, "label_range.low_c").filter(has_text="is crossed").wait_for()
    page.locator("#edit-preview", has_text="nothing can be saved yet").wait_for()
    page.locator("#edit-reason").fill("a slip")
    page.get_by_role("button", name="Save as version 2").click()
    page.locator("#edit-said", has_text="is crossed").wait_for()
    assert newest(world, "cct-2-8").profile.version == 1
    fill(watched, "label_range.low_c", "2")
    page.locator("summary", has_text="warm-in-all").click()
    hold = "alarm_profile.rules[5].hold"
    fill(watched, hold, "60")
    error_of(watched, hold).filter(has_text="has no unit").wait_for()
    page.locator("summary", has_text="1 mistake").wait_for()
    fill(watched, hold, "20 min")
    page.locator(".field-note", has_text="20 min is shorter than 3 reporting intervals of 10 min").wait_for()
    page.locator("#edit-interval").fill("5")
    page.locator(".field-note", has_text="20 min is shorter").wait_for(state="detached")
    watched.clean()


def test_a_change_is_saved_with_its_reason_shown_and_approved(opened: Opener, world: World) -> None:
    watched = opened()
    page = watched.page
    watched.open("/product-profiles/eu-15-25")
    page.get_by_role("link", name="Edit").click()
    page.locator("#edit-preview", has_text="No difference").wait_for()
    fill(watched, "label_range.high_c", "24")
    page.locator("#edit-preview tr", has_text="Label range: highest").filter(has_text="24").wait_for()
    page.get_by_role("button", name="Save as version 2").click()
    page.locator("#edit-said", has_text="say why the profile changes").wait_for()
    page.locator("#edit-reason").fill("CC-114")
    page.get_by_role("button", name="Save as version 2").click()
    approve(watched, "board of 3 March")
    page.locator("#profile-approve-said", has_text="was written by you").wait_for()
    assert watched.axe() == []
    assert newest(world, "eu-15-25").state == "proposal"
    watched.clean()
    second = opened(role="admin")
    second.open("/product-profiles/eu-15-25")
    approve(second, "board of 3 March", password="not the password")
    second.page.locator("#profile-approve-said", has_text="the password is not yours").wait_for()
    second.page.get_by_role("button", name="Cancel").click()
    approve(second, "board of 3 March")
    second.page.locator(".lead", has_text="approved by").wait_for()
    assert second.page.get_by_text("Nobody of the quality unit has approved").count() == 0
    stored = newest(world, "eu-15-25")
    assert (stored.profile.version, stored.reason, stored.approved_by) == (2, "CC-114", world.people["admin"])
    second.clean()


def approve(watched: Watched, reason: str, password: str = PASSWORD) -> None:
    page = watched.page
    page.get_by_role("button", name="Approve version 2").click()
    page.get_by_text("under your name; whoever wrote it may not").wait_for()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_label("Your password").fill(password)
    dialog.get_by_role("button", name="Approve", exact=True).click()


def test_leaving_the_form_with_changes_asks_first_and_without_them_does_not(opened: Opener) -> None:
    watched = opened()
    page = watched.page
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", stay)
    watched.open(f"{EDIT}?profile=frozen-25-15")
    page.locator("#edit-preview", has_text="No difference").wait_for()
    page.get_by_role("link", name="Stores").first.click()
    page.wait_for_url("**/stores")
    assert asked == []
    watched.open(f"{EDIT}?profile=frozen-25-15")
    page.locator("#edit-preview", has_text="No difference").wait_for()
    fill(watched, "label_range.high_c", "-16")
    page.get_by_role("link", name="Stores").first.click()
    assert asked == ["Your changes are not saved. Leave the page without them?"]
    page.locator("#edit-preview tr", has_text="Label range: highest").wait_for()
    assert page.evaluate("location.pathname") == EDIT
    fill(watched, "label_range.high_c", "-15")
    page.locator("#edit-preview", has_text="No difference").wait_for()
    page.get_by_role("link", name="Stores").first.click()
    page.wait_for_url("**/stores")
    assert len(asked) == 1
    watched.clean()


def test_a_rule_is_added_and_another_taken_away(opened: Opener, world: World) -> None:
    watched = opened()
    page = watched.page
    watched.open(f"{EDIT}?profile=below-30&copy=1")
    page.locator("#edit-preview", has_text="no limit").or_(page.locator("#edit-preview td")).first.wait_for()
    fill(watched, "id", "below-30-own")
    count = page.locator(".rule-line").count()
    page.get_by_role("button", name="Add a rule").click()
    path = f"alarm_profile.rules[{count}]"
    error_of(watched, f"{path}.id").filter(has_text="is missing").wait_for()
    fill(watched, f"{path}.id", "glowing")
    fill(watched, f"{path}.limit", "40")
    page.locator(".rule-line", has_text="above 40 °C for 30 min without a break").wait_for()
    page.locator("summary").filter(has=page.locator(".rule-line").first).first.click()
    page.get_by_role("button", name="Remove this rule").first.click()
    wait_until(lambda: page.locator(".rule-line").count() == count, what="the rule's end")
    page.locator("#edit-preview", has_text="glowing").wait_for()
    page.get_by_role("button", name="Save as version 1").click()
    page.locator("h1", has_text="Copy of").wait_for()
    stored = newest(world, "below-30-own")
    assert "glowing" in {rule.id for rule in stored.profile.rules}
    assert len(stored.profile.rules) == count
    assert stored.reason == "copied from below-30@1"
    watched.clean()


def test_a_profile_goes_out_of_use_with_a_reason(opened: Opener, world: World) -> None:
    watched = opened()
    page = watched.page
    watched.open("/product-profiles/ultra-low")
    page.get_by_role("button", name="Retire", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Retire", exact=True).click()
    dialog.get_by_text("say why it goes out of use").wait_for()
    dialog.get_by_label("Reason").fill("nobody ships it")
    dialog.get_by_role("button", name="Retire", exact=True).click()
    page.locator(".banner", has_text="nobody ships it").wait_for()
    assert newest(world, "ultra-low").state == "retired"
    watched.open("/product-profiles")
    page.locator("section", has=page.get_by_role("heading", name="Retired")).get_by_role(
        "link", name="Ultra-low"
    ).wait_for()
    watched.clean()


@pytest.mark.usefixtures("judging")
def test_both_results_of_a_shipment_stand_side_by_side_with_the_reason(opened: Opener, world: World) -> None:
    watched = opened()
    page = watched.page
    plan = world.plans[0]
    watched.open(f"/shipments/{plan.id}")
    page.get_by_text("Judge by another version").click()
    page.locator("#judged-choice").click()
    page.get_by_role("option", name="refrigerated-2-8 version 2 (proposal)").click()
    page.get_by_role("button", name="Judge again").click()
    page.locator("#judged-said", has_text="every figure changes").wait_for()
    page.locator("#judged-reason").fill("change control 26-114")
    page.get_by_role("button", name="Judge again").click()
    table = page.locator("#judged-body table")
    table.locator("tr", has_text="in force").filter(has_text="refrigerated-2-8 v2").wait_for()
    earlier = table.locator("tr", has_text="change control 26-114")
    assert "refrigerated-2-8 v1" in earlier.inner_text()
    assert "Mara Olsen" in earlier.inner_text()
    assert (watched.axe(), page.evaluate("document.documentElement.scrollWidth")) == ([], 1440)
    href = earlier.get_by_role("link", name="JSON").get_attribute("href")
    reply = page.request.get(f"{watched.site}{href}")
    assert reply.json()["profile"] == {"id": "refrigerated-2-8", "version": 1}
    watched.clean()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_pages_are_accessible_quiet_and_fit(opened: Opener, width: int, scheme: str) -> None:
    watched = opened(width=width, scheme=scheme)
    page = watched.page
    for path in ("/product-profiles", "/product-profiles/refrigerated-2-8?version=1&from=1&to=2",
                 "/product-profiles/cct-2-8", f"{EDIT}?profile=cct-2-8", EDIT, "/product-profiles/no-such-profile",
                 f"{EDIT}?profile=no-such-profile"):  # fmt: skip
        watched.open(path)
        if path == f"{EDIT}?profile=cct-2-8":
            fill(watched, "label_range.low_c", "9")
            error_of(watched, "label_range.low_c").wait_for()
            page.locator("summary", has_text="warm-in-all").click()
            page.get_by_text("As text", exact=True).click()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert (path, wide) == (path, width)
        assert (path, watched.axe()) == (path, [])
        watched.clean()
