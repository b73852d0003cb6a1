"""The page behind a mail's link, pressed by a tired person while the alarm goes on living."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from web_cast import HOUR, MINUTE, NOON, Web

from alerts import ack_link, lifecycle
from alerts.planner import AlertPlanner
from coldchain.domain.finding import Condition, Severity
from coldchain.registry.schema import alarm, outbox, person
from coldchain.registry.store import new_id


class Link:
    """An alarm that somebody was told of, and the page of the link that came with it."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.person = web.person("operator")
        self.alarm = web.alarm(web.shipment("S-1"), severity=int(Severity.MAJOR), rules=["above-8"])
        token = ack_link.make(b"k" * 32, ack_link.Claim(self.alarm, self.person, 1, NOON + HOUR))
        self.path = f"/api/v1/ack/{token}"

    def opened(self) -> dict[str, str]:
        """What the page's form would send."""
        text = self.web.client().get(self.path).text
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text))

    def pressed(self, form: dict[str, str]) -> Any:
        return self.web.client().post(self.path, data=form)

    def becomes(self, **values: Any) -> None:
        with self.web.registry.write() as connection:
            changed = update(alarm).where(alarm.c.id == self.alarm)
            connection.execute(changed.values(version=alarm.c.version + 1, **values))

    @property
    def acknowledged_by(self) -> str | None:
        shown = self.web.as_role("viewer").get(f"/api/v1/alarms/{self.alarm}").json()
        name: str | None = shown.get("acknowledged_by")
        return name


@pytest.fixture
def link(tmp_path: Path) -> Link:
    return Link(Web(tmp_path))


def test_an_alarm_that_climbs_while_its_page_is_open_is_acknowledged_all_the_same(link: Link) -> None:
    link.becomes(next_timer_ms=NOON)
    form = link.opened()
    with link.web.registry.write() as connection:
        AlertPlanner().due(connection, NOON + MINUTE)
        lifecycle.comment(connection, link.alarm, who=link.person, text="driver called", now_ms=NOON + MINUTE)
    assert "Acknowledged. Thank you." in link.pressed(form).text
    assert link.acknowledged_by == "Operator"


def test_a_value_that_comes_back_and_goes_again_does_not_refuse_the_answer(link: Link) -> None:
    form = link.opened()
    link.becomes(condition=Condition.RETURNING.value)
    assert "Acknowledged. Thank you." in link.pressed(form).text


@pytest.mark.parametrize("worse", [{"severity": int(Severity.CRITICAL)}, {"condition": Condition.RETURNED.value}])
def test_what_changed_since_is_shown_again_as_a_page_with_its_button(link: Link, worse: dict[str, Any]) -> None:
    form = link.opened()
    link.becomes(**worse)
    again = link.pressed(form)
    assert again.headers["content-type"].startswith("text/html")
    assert "look at it again" in again.text
    assert link.acknowledged_by is None
    assert "Acknowledged. Thank you." in link.pressed(link.opened()).text


@pytest.mark.parametrize("form", [{"comment": "x" * 2001}, {"comment": "bell \x07"}])
def test_a_comment_that_cannot_be_kept_is_told_on_the_page(link: Link, form: dict[str, str]) -> None:
    reply = link.pressed(link.opened() | form)
    assert reply.headers["content-type"].startswith("text/html")
    assert 'role="alert"' in reply.text
    assert link.acknowledged_by is None


@pytest.mark.parametrize("seen", ["9" * 5000, "\u0661", "\x00"])
def test_whatever_a_form_claims_to_have_seen_breaks_nothing(link: Link, seen: str) -> None:
    assert link.pressed({"seen": seen}).status_code == 200
    assert link.acknowledged_by is None


def a_message(web: Web, person: str, number: int) -> str:
    """The path of the link in a message that told of so many alarms."""
    lead = new_id()
    told = [web.alarm(web.shipment(f"S-{number}-{n}")) for n in range(number)]
    with web.registry.write() as connection:
        for n, alarm_id in enumerate(told):
            values = {
                "id": lead if n == 0 else new_id(), "lead": None if n == 0 else lead, "alarm": alarm_id, "occasion": 1,
                "reason": "raised", "step": 0, "recipient": person, "channel": "email", "address": "a@example.org",
                "state": "accepted", "content": {}, "created_ms": NOON,
            }  # fmt: skip
            connection.execute(outbox.insert().values(**values))
    return f"/api/v1/ack/{ack_link.make_group(b'k' * 32, ack_link.GroupClaim(lead, person, NOON + HOUR))}"


def test_a_short_list_stands_above_the_button_and_a_storm_below_it(tmp_path: Path) -> None:
    web = Web(tmp_path)
    person = web.person("operator")
    for number, above in ((3, True), (9, False)):
        text = web.client().get(a_message(web, person, number)).text
        assert text.count("<li>") == number
        assert (text.index('class="alarms"') < text.index("<button>")) is above
        assert ("The worst: MAJOR: S-" in text) is not above
        assert f"Acknowledge all {number} as Operator" in text


@pytest.mark.parametrize("lost", [{"scope_customer": "Southwind Pharma"}, {"role": "viewer"}, {"disabled_ms": NOON}])
def test_a_link_is_good_for_nothing_once_its_reader_has_lost_the_right(link: Link, lost: dict[str, Any]) -> None:
    form = link.opened()
    with link.web.registry.write() as connection:
        connection.execute(update(person).where(person.c.id == link.person).values(**lost))
    for reply in (link.web.client().get(link.path), link.pressed(form), link.pressed({})):
        assert reply.status_code == 403
        assert reply.headers["content-type"].startswith("text/html")
        assert "S-1" not in reply.text
    assert link.acknowledged_by is None
