"""The whole way of an alarm's messages with the registry on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from alert_cast import ALICE, HIGH, MINUTE, NOON, RETURNED, SITE, Story, filled
from mail_servers import SmsServer, SmtpServer
from rules_cast import DORA, EMIL, ROTA_STEP, Rules, ladder, step, to, who

from alerts import lifecycle, maintenance
from alerts.channels.port import Message, Refused, Sent
from alerts.channels.sms import SmsChannel, SmsSettings
from alerts.channels.smtp import SmtpChannel, parse_smtp_url
from alerts.dispatcher import Dispatcher
from alerts.explain import explanation
from alerts.fallback import ChannelFallback
from alerts.simulation import Asked, simulate
from alerts.subjects import routed
from coldchain import audit
from coldchain.clock import HandClock
from coldchain.domain.finding import Severity
from coldchain.errors import NotFound
from coldchain.registry import outbox, sentinel_visits, undelivered
from coldchain.registry.alarms import alarm, alarms
from coldchain.registry.store import Registry
from coldchain.registry.viewer import SYSTEM, Viewer

pytestmark = pytest.mark.server


@pytest.fixture
def registry(postgres_url: str) -> Iterator[Registry]:
    registry = filled(Registry(postgres_url))
    yield registry
    registry.close()


def test_an_alarm_is_told_repeated_acknowledged_and_ended(
    registry: Registry, smtp_server: SmtpServer, sms_server: SmsServer
) -> None:
    story, clock = Story(registry), HandClock(NOON)
    channels = {
        "email": SmtpChannel(parse_smtp_url(smtp_server.url()), "alerts@cold.example.org"),
        "sms": SmsChannel(SmsSettings(sms_server.url, sms_server.account, sms_server.token, "+49")),
    }
    dispatcher = Dispatcher(registry, channels, clock, "one", site=SITE, timers=story.planner)
    story.happens(HIGH)
    assert dispatcher.drain() == 3
    clock.advance(10 * MINUTE)
    assert dispatcher.drain() == 3
    with registry.write() as connection:
        lifecycle.acknowledge(connection, str(story.id), who=ALICE, via="link", comment="mine", now_ms=clock.now_ms())
    story.happens(RETURNED, NOON + 30 * MINUTE)
    clock.advance(20 * MINUTE)
    assert dispatcher.drain() == 3
    assert [reason for reason, _, _ in story.messages()] == ["raised"] * 3 + ["repeat"] * 3 + ["returned"] * 3
    assert (len(smtp_server.mails), len(sms_server.forms)) == (6, 3)
    with registry.read() as connection:
        assert audit.verify(connection) is None
        assert len(alarm(connection, SYSTEM, str(story.id))["notifications"]) == 9
        with pytest.raises(NotFound):
            alarm(connection, Viewer("x", "X", "viewer", customer="Other"), str(story.id))


def test_a_digest_collects_and_is_found_under_each_of_its_alarms(registry: Registry, smtp_server: SmtpServer) -> None:
    late = replace(RETURNED, late=True, digest=True)
    first, second = Story(registry), Story(registry)
    first.happens(late)
    second.happens(replace(late, cause="low"))
    clock = HandClock(NOON + 2 * MINUTE)
    channels = {"email": SmtpChannel(parse_smtp_url(smtp_server.url()), "alerts@cold.example.org")}
    assert Dispatcher(registry, channels, clock, "one", site=SITE).drain() == 2
    with registry.read() as connection:
        assert len(alarms(connection, SYSTEM).items) == 2
        for story in (first, second):
            assert len(alarm(connection, SYSTEM, str(story.id))["notifications"]) == 2


def test_an_alarm_climbs_goes_on_by_the_next_channel_rests_and_is_explained(registry: Registry) -> None:
    rules, story = Rules(registry), Story(registry)
    rules.set(ALICE, digest_at="07:30")
    rules.rota(DORA)
    rules.policy("ladder", ladder(ROTA_STEP | {"channel_mode": "first"}, step(10, to(EMIL)), repeat=10))
    rules.routes({"match": {"severity": ["critical"]}, "policy": "ladder", "inform": ["consignor"]})
    story.happens(HIGH)
    with registry.write() as connection:
        assert ChannelFallback().due(connection, NOON + 61_000) == 1
    assert story.time_passes(NOON + 10 * MINUTE) == 1
    assert who(story) == ["Dora", "Emil"]
    with registry.write() as connection:
        maintenance.take_out(
            connection, subject=HIGH.subject, work_order="WO", reason="work", until_ms=NOON + 60 * MINUTE, who=ALICE,
            now_ms=NOON + 11 * MINUTE,
        )  # fmt: skip
    assert story.time_passes(NOON + 60 * MINUTE) == 1
    assert story.row().suppression == "none"
    Story(registry).happens(replace(HIGH, severity=Severity.MINOR, channel="probe"), NOON + 61 * MINUTE)
    with registry.read() as connection:
        codes = [one["why"]["code"] for one in explanation(connection, str(story.id))["messages"]]
        assert codes == ["rota", "fail_over", "person", "person", "rota"]
        assert outbox.open_daily(connection, ALICE) is not None  # minor ones have no route: everybody on call
        asked = Asked(routed(connection, HIGH.subject, Severity.CRITICAL, "high", NOON), HIGH.subject, NOON)
        assert simulate(connection, asked)["messages"][0]["name"] == "Dora"


class Refusing:
    """A mail server that knows none of its recipients."""

    def send(self, message: Message) -> Sent:
        raise Refused(f"no {message.to} here", code="550")


def test_what_every_address_refuses_is_handed_on_once_and_then_no_channel_works(registry: Registry) -> None:
    rules, story, clock = Rules(registry), Story(registry), HandClock(NOON)
    rules.policy("ladder", ladder(step(0, to(DORA), channels=["email"]), step(10, to(EMIL), channels=["email"])))
    rules.routes(otherwise="ladder")
    story.happens(HIGH)
    servers = {"email": Refusing(), "sms": Refusing()}
    dispatcher = Dispatcher(
        registry, servers, clock, "one", site=SITE, timers=story.planner, failover=ChannelFallback()
    )  # fmt: skip
    assert dispatcher.drain() == 5
    assert set(who(story)) == {"Dora", "Emil", "Alice", "Bob"}
    clock.advance(2 * MINUTE)
    assert dispatcher.drain() == 0
    with registry.read() as connection:
        assert undelivered.stuck_since_ms(connection, clock.now_ms()) == NOON
        said = explanation(connection, str(story.id))
    assert "step 1 was refused" in next(one["why"]["words"] for one in said["messages"] if one["name"] == "Emil")


def test_the_sentinel_s_visits_are_kept(registry: Registry) -> None:
    with registry.write() as connection:
        sentinel_visits.ensure_token(connection)
        word = sentinel_visits.token(connection)
        assert word is not None
        assert sentinel_visits.known(connection, word)
        for ended in (False, True):
            sentinel_visits.note(connection, ended=ended, now_ms=NOON)
            assert sentinel_visits.last(connection) == sentinel_visits.Visit(NOON, ended)
        sentinel_visits.forget(connection)
        assert sentinel_visits.last(connection) is None
