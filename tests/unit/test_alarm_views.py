"""Alarms as pages and the API see them, and that nobody sees another's."""

from dataclasses import replace
from pathlib import Path

import pytest
from alert_cast import ALICE, HIGH, MINUTE, NOON, RETURNED, SITE, Story, new_registry

from alerts import lifecycle, shelving
from alerts.channels.port import Message, Refused, Sent
from alerts.dispatcher import Dispatcher
from coldchain.clock import HandClock
from coldchain.domain.finding import Condition, Severity, Subject, SubjectKind
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry.alarms import AlarmFilter, alarm, alarms
from coldchain.registry.schema import store
from coldchain.registry.store import Registry
from coldchain.registry.viewer import SYSTEM, Viewer

OWNER = Viewer("c1", "Customer", "viewer", customer="Helvetia Pharma")
STRANGER = Viewer("c2", "Other", "viewer", customer="Other Pharma")
CARRIER = Viewer("c3", "Carrier", "viewer", carrier="Northbound")


class PickyDesk:
    def send(self, message: Message) -> Sent:
        if message.to.startswith("bob"):
            raise Refused("550 no such user", code="550")
        return Sent(None, "250", "250 kept")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def story(registry: Registry) -> Story:
    story = Story(registry)
    story.happens(HIGH)
    return story


def listed(registry: Registry, viewer: Viewer = SYSTEM, **filters: object) -> list[str]:
    with registry.read() as connection:
        return [item["id"] for item in alarms(connection, viewer, AlarmFilter(**filters)).items]


def test_a_list_item_says_what_is_wrong_in_units_that_people_use(story: Story) -> None:
    with story.registry.read() as connection:
        [item] = alarms(connection, SYSTEM).items
    assert (item["reference"], item["severity"], item["cause"]) == ("SHP-2026-0042", "critical", "high")
    assert (item["value_c"], item["peak_c"], item["limit_c"]) == (12.4, 12.8, 8.0)
    assert item["onset"] == "2026-11-22T11:46:00.000Z"
    assert "end" not in item


def test_one_alarm_tells_who_was_told_when_with_what_result(story: Story) -> None:
    channels = {"email": PickyDesk(), "sms": PickyDesk()}
    Dispatcher(story.registry, channels, HandClock(NOON + 1_000), "one", site=SITE).drain()
    with story.registry.write() as connection:
        lifecycle.acknowledge(connection, str(story.id), who=ALICE, via="browser", comment="seen", now_ms=NOON + MINUTE)
    with story.registry.read() as connection:
        document = alarm(connection, SYSTEM, str(story.id))
    told = {(n["recipient"], n["channel"]): (n["state"], n["attempts"][0]["code"]) for n in document["notifications"]}
    assert told == {
        ("Alice", "email"): ("accepted", "250"), ("Alice", "sms"): ("accepted", "250"),
        ("Bob", "email"): ("failed_permanent", "550"),
    }  # fmt: skip
    assert [entry["kind"] for entry in document["timeline"]] == ["raised", "delivery_failed", "acknowledged"]
    assert document["timeline"][-1]["who"] == "Alice"
    assert [told["name"] for told in document["timeline"][0]["body"]["told"]] == ["Alice", "Alice", "Bob"]
    assert document["timeline"][1]["body"]["name"] == "Bob"
    assert (document["acknowledged_by"], document["comment"]) == ("Alice", "seen")


def test_a_digest_is_listed_with_every_alarm_that_it_names(registry: Registry) -> None:
    late = replace(RETURNED, late=True, digest=True)
    first, second = Story(registry), Story(registry)
    first.happens(late)
    second.happens(replace(late, cause="low"))
    with registry.read() as connection:
        documents = [alarm(connection, SYSTEM, str(story.id)) for story in (first, second)]
    ids = [{n["id"] for n in document["notifications"]} for document in documents]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 2


def test_a_scoped_viewer_sees_its_own_shipments_alarms_and_no_names(story: Story) -> None:
    for viewer in (OWNER, CARRIER):
        assert listed(story.registry, viewer) == [story.id]
        with story.registry.read() as connection:
            document = alarm(connection, viewer, str(story.id))
        text = str(document)
        for secret in ("Alice", "alice@example.org", "+49151", ALICE):
            assert secret not in text
        assert len(document["notifications"]) == 3


def test_a_scoped_viewer_does_not_read_what_colleagues_write(story: Story) -> None:
    with story.registry.write() as connection:
        given = {"who": ALICE, "now_ms": NOON}
        shelving.shelve(connection, str(story.id), until_ms=NOON + MINUTE, reason="hush-shelf", **given)
        lifecycle.acknowledge(connection, str(story.id), via="api", comment="hush-ack", **given)
    with story.registry.read() as connection:
        assert "hush" not in str(alarm(connection, OWNER, str(story.id)))
        assert str(alarm(connection, SYSTEM, str(story.id))).count("hush") >= 2


def test_a_strangers_list_is_empty_and_its_look_finds_nothing(story: Story) -> None:
    assert listed(story.registry, STRANGER) == []
    with story.registry.read() as connection, pytest.raises(NotFound):
        alarm(connection, STRANGER, str(story.id))


def test_a_scoped_viewer_sees_no_stores(registry: Registry) -> None:
    with registry.write() as connection:
        connection.execute(store.insert().values(id="s1", name="Cold room 3", zone="UTC", created_ms=NOON))
    other = Story(registry)
    other.happens(replace(HIGH, subject=Subject(SubjectKind.STORE, "s1")))
    assert listed(registry) == [other.id]
    assert listed(registry, OWNER) == []


def test_lists_can_be_narrowed(registry: Registry) -> None:
    live, over, small = Story(registry), Story(registry), Story(registry)
    live.happens(HIGH, NOON)
    over.happens(replace(RETURNED, cause="low"), NOON + 1)
    small.happens(replace(HIGH, severity=Severity.MINOR, logger="other"), NOON + 2)
    with registry.write() as connection:
        lifecycle.acknowledge(connection, str(over.id), who=ALICE, via="api", comment="", now_ms=NOON)
    assert listed(registry) == [small.id, over.id, live.id]
    assert listed(registry, open=True) == [small.id, live.id]
    assert listed(registry, open=False) == [over.id]
    assert listed(registry, acknowledged=True) == [over.id]
    assert listed(registry, at_least=Severity.MAJOR) == [over.id, live.id]
    assert listed(registry, cause="low") == [over.id]
    assert listed(registry, logger="other") == [small.id]
    assert listed(registry, from_ms=NOON + 1, to_ms=NOON + 2) == [over.id]


def test_what_has_not_fired_is_in_no_list(registry: Registry) -> None:
    Story(registry).happens(replace(HIGH, condition=Condition.PENDING))
    assert listed(registry) == []


def test_pages_show_every_alarm_once(registry: Registry) -> None:
    ids = []
    for n in range(7):
        story = Story(registry)
        ids.append(story.happens(HIGH, NOON + n // 2))
    seen: list[str] = []
    cursor = None
    while True:
        with registry.read() as connection:
            page = alarms(connection, SYSTEM, cursor=cursor, limit=3)
        seen += [item["id"] for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 7


def test_a_foreign_cursor_is_refused(registry: Registry) -> None:
    with registry.read() as connection, pytest.raises(InvalidValue, match="cursor"):
        alarms(connection, SYSTEM, cursor="nonsense")
