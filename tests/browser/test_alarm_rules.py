"""On-call calendar, policies, contacts and alarm quality: as people use them, in every look, empty and full."""

import re

import alarm_rules_world as rules
import alarm_world
import pytest
from browser_tools import Opener
from browser_world import HOUR, MINUTE, World
from sqlalchemy import select, text

from alerts import rulebook_changes
from coldchain.registry import parties, people
from coldchain.registry.policies import POLICIES
from coldchain.registry.rotas import ROTAS
from coldchain.registry.schema import person
from coldchain.registry.schema_people import contact_proof, drill, rota_override
from coldchain.registry.viewer import SYSTEM

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark"))
FULL = (
    "/alarm-quality", "/alarms?figure=nuisance&days=28", "/on-call", "/on-call?view=month", "/policies",
    "/policies/critical", "/policies/no-such-policy", "/alarm-rules/edit?kind=policy&id=critical",
    "/alarm-rules/edit?kind=rota&id=lab", "/alarm-rules/edit?kind=routing", "/alarm-rules/edit?kind=policy",
    "/contacts",
)  # fmt: skip


@pytest.fixture(scope="module")
def ruled(world: World) -> World:
    """The world with rules, and with alarms that were told to people."""
    rules.write_rules(world)
    for number in range(12):
        at = world.now_ms - (number + 1) * HOUR
        over = {"condition": "returned", "end_ms": at + (number % 3) * 4 * MINUTE} if number % 2 else {}
        id_ = alarm_world.an_alarm(world, (number + 1) * HOUR, logger=f"TL-60{number:02d}", **over)
        alarm_world.told(world, id_, at)
        alarm_world.told(world, id_, at, role="operator", channel="sms")
    return world


def test_before_there_are_rules_the_pages_say_who_hears_all_the_same(opened: Opener, world: World) -> None:
    rules.add_admin(world)
    watched = opened()
    for path, words in (("/on-call", "Everybody who is marked as on call"), ("/policies", "There is no policy yet")):
        watched.open(path)
        assert words in watched.page.inner_text("#content")
        assert (path, watched.axe()) == (path, [])
    watched.clean()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_pages_are_accessible_quiet_at_home_and_fit(opened: Opener, ruled: World, width: int, scheme: str) -> None:
    watched = opened(role="admin", width=width, scheme=scheme)
    for path in FULL:
        watched.open(path)
        wide = watched.page.evaluate("document.documentElement.scrollWidth")
        assert (path, wide) == (path, width)
        assert (path, watched.axe()) == (path, [])
        watched.clean()


def test_each_number_of_alarm_quality_leads_to_its_alarms_and_says_how_it_is_counted(
    opened: Opener, ruled: World
) -> None:
    watched = opened()
    watched.open("/alarm-quality")
    page = watched.page
    figure = page.locator(".figure", has_text="Nuisance")
    figure.get_by_text("How is this counted?").click()
    figure.get_by_text("before anybody acknowledged").wait_for()
    link = figure.locator(".figure-value a")
    number = int(link.inner_text())
    assert number >= 1
    link.click()
    page.wait_for_url(re.compile("figure=nuisance"))
    page.wait_for_selector("#alarm-rows")
    assert page.locator("#alarm-rows [data-href]").count() == number
    page.get_by_role("link", name="Back to alarm quality").click()
    page.wait_for_url(re.compile("alarm-quality"))
    watched.clean()


def test_who_may_not_assess_is_told_so_and_gets_no_figures(opened: Opener, ruled: World) -> None:
    watched = opened(role="operator")
    watched.open("/alarm-quality")
    assert "needs the permission" in watched.page.inner_text("#content")
    watched.open("/alarms?figure=raised&days=28")
    assert "No alarm is behind this figure" in watched.page.inner_text("#content")
    watched.open("/alarm-rules/edit?kind=routing")
    assert "needs the permission" in watched.page.inner_text("#content")
    watched.clean()


def test_somebody_takes_a_turn_by_thumb_and_gives_it_back(opened: Opener, ruled: World) -> None:
    watched = opened(width=390)
    watched.open("/on-call")
    page = watched.page
    turn = page.locator(".duty-strip li", has_text="Jon Reed").last.get_by_role("button")
    box = turn.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    turn.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Instead of Jon Reed").wait_for()
    assert watched.axe() == []
    dialog.get_by_label("Reason").fill("he is ill")
    dialog.get_by_role("button", name="Enter it").click()
    page.locator("tr", has_text="he is ill").wait_for()
    with ruled.registry.read() as connection:
        row = connection.execute(select(rota_override).where(rota_override.c.reason == "he is ill")).one()
    assert (row.person, row.replaces) == (ruled.people["quality"], ruled.people["operator"])
    page.locator("tr", has_text="he is ill").get_by_role("button", name="Take back").click()
    page.locator(".mantine-Notification-root", has_text="Taken back").wait_for()
    watched.until("!document.querySelector('#oncall-body').innerText.includes('he is ill')")
    watched.clean()


def test_who_is_on_call_may_give_away_own_turns_only(opened: Opener, ruled: World) -> None:
    watched = opened(role="operator")
    watched.open("/on-call")
    watched.page.wait_for_selector(".duty-strip")
    names = watched.page.locator(".duty-strip button strong").all_inner_texts()
    assert set(names) <= {"Jon Reed", "JR"}  # who is cut short is so in sight alone
    assert watched.page.get_by_role("link", name="Edit the rota").count() == 0
    watched.clean()


def test_a_hole_is_seen_before_it_happens(opened: Opener, ruled: World) -> None:
    def ends(at_ms: int | None) -> None:
        with ruled.registry.write() as connection:
            whose = person.c.id == ruled.people["operator"]
            connection.execute(person.update().where(whose).values(expires_ms=at_ms))

    watched = opened()
    watched.open("/on-call")
    assert "Nobody is on duty" not in watched.page.inner_text("#oncall-body")
    ends(ruled.now_ms - HOUR)
    try:
        watched.open("/on-call")
        watched.page.locator(".banner", has_text="Nobody is on duty").get_by_text("access has ended").first.wait_for()
        watched.page.locator('.duty-strip li[data-kind="nobody"]').first.wait_for()
        assert watched.axe() == []
    finally:
        ends(None)
    watched.clean()


def test_a_mistake_in_a_policy_stands_beside_its_field_and_the_next_version_says_what_changed(
    opened: Opener, ruled: World
) -> None:
    watched = opened()
    watched.open("/alarm-rules/edit?kind=policy&id=critical")
    page = watched.page
    page.get_by_label("Minutes after the alarm").nth(1).fill("soon")
    page.get_by_label("Reason").fill("the deputy has further to go")
    page.get_by_role("button", name="Save as version 3").click()
    page.get_by_text("is not a whole number").first.wait_for()
    assert watched.axe() == []
    page.get_by_label("Minutes after the alarm").nth(1).fill("20")
    page.get_by_role("button", name="Add a step").click()
    page.get_by_role("button", name="Remove step 3").click()
    watched.until("document.querySelectorAll('.rule-row').length === 2")
    page.get_by_role("button", name="Save as version 3").click()
    page.wait_for_url(re.compile("/policies/critical$"))
    page.locator("ins", has_text="after 20 min").wait_for()
    with ruled.registry.read() as connection:
        stored = POLICIES.get(connection, "critical")
    assert (stored.version, stored.reason) == (3, "the deputy has further to go")
    assert [step["after_min"] for step in stored.body["steps"]] == [0, 20]
    watched.clean()


def test_a_rota_is_made_by_a_form(opened: Opener, ruled: World) -> None:
    watched = opened()
    watched.open("/alarm-rules/edit?kind=rota")
    page = watched.page
    page.get_by_label("Name").first.fill("Night watch")
    page.get_by_label("Id").fill("night")
    page.get_by_role("textbox", name="People, in the order of their turns").click()
    page.get_by_role("option", name="Jon Reed").click()
    page.keyboard.press("Escape")
    page.get_by_label("Begins").fill("2026-01-05T20:00")
    page.get_by_label("Only at these hours").fill("monday to friday")
    page.get_by_role("button", name="Save as version 1").click()
    page.get_by_text("is not understood: write for example").wait_for()
    page.get_by_label("Only at these hours").fill("mon-fri 18:00-24:00, sat 08:00-12:00")
    page.get_by_role("button", name="Save as version 1").click()
    page.wait_for_url(re.compile("/on-call"))
    with ruled.registry.read() as connection:
        [layer] = ROTAS.get(connection, "night").body["layers"]
    assert layer["people"] == [ruled.people["operator"]]
    assert layer["restrict"]["fri"] == [["18:00", "24:00"]]
    assert set(layer["restrict"]) == {"mon", "tue", "wed", "thu", "fri", "sat"}
    watched.clean()


def test_the_simulation_names_who_would_hear_when_and_by_what(opened: Opener, ruled: World) -> None:
    watched = opened(role="auditor")
    watched.open("/policies")
    page = watched.page
    page.get_by_role("button", name="Who hears?").click()
    page.wait_for_selector("#simulated .climb")
    said = page.inner_text("#simulated")
    assert re.search(r"goes by policy “Critical alarms”", said)
    assert "by SMS, if that fails mail" in said
    assert "not verified" in said
    assert watched.axe() == []
    page.get_by_role("textbox", name="Severity").click()
    page.get_by_role("option", name="Minor").click()
    page.get_by_role("button", name="Who hears?").click()
    page.get_by_text("Nobody would hear of it").wait_for()
    watched.clean()


def test_an_address_is_verified_and_a_drill_sent(opened: Opener, ruled: World) -> None:
    watched = opened(role="admin", width=390)
    watched.open("/contacts")
    page = watched.page
    page.get_by_role("button", name="Send a drill: Jon Reed, SMS").click()
    page.locator(".mantine-Notification-root", has_text="Drill sent").wait_for()
    page.locator(".contacts > li", has_text="Jon Reed").get_by_text("drill sent, answer due").wait_for()
    page.get_by_role("button", name="Verify: Ida Adler, Mail").click()
    page.locator(".mantine-Notification-root", has_text="on their way to ida@example.org").wait_for()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("is wrong, too old").wait_for()
    with ruled.registry.read() as connection:
        assert connection.execute(select(drill.c.channel)).scalars().all() == ["sms"]
        assert connection.execute(select(contact_proof.c.tries)).scalar_one() == 1
    watched.clean()


def test_the_contact_of_a_party_proves_its_address_by_the_link_that_the_button_sends(
    opened: Opener, ruled: World
) -> None:
    with ruled.registry.write() as connection:
        parties.create(connection, party="Copenhagen DC", name="Night desk", email="night@cph.example.org", phone=None,
                       zone="Europe/Copenhagen", language="de", who="test", now_ms=ruled.now_ms)  # fmt: skip
    watched = opened(role="admin", width=390)
    watched.open("/contacts")
    page = watched.page
    row = page.locator("tr", has_text="night@cph.example.org")
    row.get_by_text("not verified").wait_for()
    button = row.get_by_role("button", name="Verify: Night desk of Copenhagen DC, Mail")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 42
    button.click()
    page.locator(".mantine-Notification-root", has_text="on its way to night@cph.example.org").wait_for()
    ruled.deliver()
    mail = next(one for one in ruled.inbox.messages() if one.recipient == "night@cph.example.org")
    assert "Bitte bestätigen" in mail.text
    link = re.search(r"http://127\.0\.0\.1:8050(/api/v1/proofs/\S+)", mail.text)
    assert link is not None
    page.goto(watched.site + link[1])
    page.get_by_role("button").first.click()
    page.wait_for_load_state()
    watched.open("/contacts")
    page.locator("tr", has_text="night@cph.example.org").get_by_text("verified").wait_for()
    assert page.locator("tr", has_text="night@cph.example.org").get_by_role("button", name="Verify").count() == 0
    watched.clean()


def test_many_people_with_long_names_and_duties_fit_a_phone_and_the_own_row_comes_first(
    opened: Opener, ruled: World
) -> None:
    long = "Bartholomäus Freiherr von Hohenstein-Schillingsfürst"
    with ruled.registry.write() as connection:
        for number in range(30):
            id_ = people.create(
                connection, email=f"n{number}@example.org", name=f"{long} {number}", role="operator", who="test",
                now_ms=ruled.now_ms, zone="America/Argentina/ComodRivadavia", language="de", on_call=number < 3,
            )  # fmt: skip
        both = [id_, ruled.people["operator"]]
        layer = {"name": "Erstansprechpartner Leitstelle", "people": both, "turn": "8h", "from": "2026-01-05T08:00"}
        body = {"name": "Nacht- und Wochenendbereitschaft Zentrallager", "zone": "Europe/Berlin", "layers": [layer]}
        rulebook_changes.put_rota(connection, "south", body, reason=None, by=SYSTEM, now_ms=ruled.now_ms)
    watched = opened(role="operator", width=390)
    for path in ("/contacts", "/on-call?rota=south"):
        watched.open(path)
        assert (path, watched.page.evaluate("document.documentElement.scrollWidth")) == (path, 390)
        assert (path, watched.axe()) == (path, [])
    watched.open("/contacts")
    assert "(you)" in watched.page.locator(".contacts > li").first.inner_text()
    assert "without a phone number" in watched.page.locator("#contact-people header").first.inner_text()
    watched.page.get_by_label("Code").wait_for()
    wide = opened()
    wide.open("/on-call?rota=south")
    turn = wide.page.locator(".duty-strip li[data-narrow]", has_text="BFH").first
    assert "Hohenstein" in turn.locator(".full").first.inner_text()
    for one in (watched, wide):
        one.clean()


def test_an_operator_sees_no_addresses_and_verifies_the_own_one_only(opened: Opener, ruled: World) -> None:
    watched = opened(role="operator")
    watched.open("/contacts")
    words = watched.page.inner_text("#content")
    assert "mara@example.org" not in words
    buttons = watched.page.locator(".contacts button").all_inner_texts()
    assert set(buttons) == {"Verify", "Hours"}
    assert buttons.count("Hours") == 1  # the own ones
    assert watched.page.get_by_text("Programs that are told").count() == 0
    watched.clean()


def test_people_set_their_hours_with_mistakes_said_beside_the_field(opened: Opener, ruled: World) -> None:
    watched = opened(role="operator", width=390)
    watched.open("/contacts")
    page = watched.page
    page.get_by_role("button", name="Hours of").click()
    box = page.get_by_role("dialog")
    box.get_by_text("Major and critical alarms never wait").wait_for()
    box.get_by_label("Working hours").fill("weekdays")
    box.get_by_label("Daily digest at").fill("07:30")
    box.get_by_role("button", name="Keep").click()
    box.get_by_text("'weekdays' cannot be read: write mon-fri 08:00-17:00").wait_for()
    assert box.get_by_label("Working hours").get_attribute("aria-invalid") == "true"
    assert watched.axe() == []
    box.get_by_label("Working hours").fill("mon-fri 08:00-17:00")
    box.get_by_role("button", name="Keep").click()
    page.get_by_text("works mon-fri 08:00-17:00").wait_for()
    page.get_by_text("daily digest at 07:30").wait_for()
    watched.clean()


def test_a_policy_in_use_is_not_retired_and_one_that_nothing_names_is(opened: Opener, ruled: World) -> None:
    step = {"after_min": 0, "targets": [{"kind": "on_call"}]}
    body = {"name": "Spare", "steps": [step], "repeat_last_min": 10}
    with ruled.registry.write() as connection:
        rulebook_changes.put_policy(connection, "spare", body, by=SYSTEM, reason=None, now_ms=ruled.now_ms)
    watched = opened()
    page = watched.page

    def retire(why: str) -> None:
        page.get_by_text("Retire this policy").click()
        page.locator("#retire-reason").fill(why)
        page.get_by_role("button", name="Retire").click()

    watched.open("/policies/critical")
    retire("")
    page.get_by_text("Say why it goes out of use").wait_for()
    page.locator("#retire-reason").fill("too steep")
    page.get_by_role("button", name="Retire").click()
    page.locator("#retire-said", has_text="It is still used for route 1 (critical)").wait_for()
    assert watched.axe() == []
    watched.open("/policies/spare")
    retire("nobody needs it")
    page.locator(".lead", has_text="retired").wait_for()
    assert page.locator("#retire-form").count() == 0
    with ruled.registry.read() as connection:
        assert POLICIES.get(connection, "spare").retired_ms is not None
    watched.open("/on-call")
    page.get_by_text("Retire this rota").click()
    page.locator("#retire-reason").fill("merged")
    page.get_by_role("button", name="Retire").click()
    page.locator("#retire-said", has_text="named by policy Critical alarms").wait_for()
    watched.clean()


def test_a_program_and_a_party_are_entered_with_mistakes_said_beside_them(opened: Opener, ruled: World) -> None:
    watched = opened(role="admin")
    watched.open("/contacts")
    page = watched.page
    page.get_by_text("Enter a contact").click()
    for field, value in (("party", "Munich DC"), ("name", "Desk"), ("email", "nonsense")):
        page.locator(f"#party-{field}").fill(value)
    page.locator("#party-send").click()
    page.get_by_text("is not an address such as").wait_for()
    page.locator("#party-email").fill("desk@example.org")
    page.locator("#party-send").click()
    page.locator("tr", has_text="desk@example.org").wait_for()
    page.get_by_text("Enter an endpoint").click()
    page.locator("#endpoint-name").fill("Pager")
    page.locator("#endpoint-url").fill("https://events.example.org/in")
    page.locator("#endpoint-send").click()
    page.locator("#endpoint-said", has_text="whsec_").wait_for()
    page.locator("#endpoint-kind").click()
    page.get_by_role("option", name="apprise").click()
    page.locator("#endpoint-name").fill("Lamp")
    page.locator("#endpoint-url").fill("syslog://")
    page.locator("#endpoint-send").click()
    page.get_by_text("syslog:// reaches only this machine").wait_for()
    page.get_by_role("button", name="Switch off: Pager").click()
    page.locator("tr", has_text="Pager").get_by_text("switched off").wait_for()
    watched.clean()


@pytest.mark.parametrize(
    ("path", "table"), [("/alarm-quality", "drill"), ("/on-call", "rota_override"), ("/contacts", "drill")]
)
def test_a_page_that_cannot_be_shown_says_so_with_a_reference_and_comes_back(
    opened: Opener, ruled: World, path: str, table: str
) -> None:
    watched = opened()
    with ruled.registry.write() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {table}_away"))
    try:
        watched.page.goto(watched.site + path)
        watched.page.get_by_text("could not be shown").wait_for()
        watched.page.get_by_text("Reference").wait_for()
        assert watched.axe() == []
    finally:
        with ruled.registry.write() as connection:
            connection.execute(text(f"ALTER TABLE {table}_away RENAME TO {table}"))
    watched.page.get_by_role("link", name="Try again").click()
    watched.until("!document.querySelector('#content')?.innerText.includes('could not be shown')")
    watched.page.locator("#content .card h2").first.wait_for()
