"""When no channel works, people on site and the watchdog outside know; when one does again, nothing was lost.

Mail and SMS go to real servers that refuse; minutes pass by a clock that is moved by hand.
"""

import threading
from collections.abc import Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from alert_cast import HIGH, MINUTE, NOON, SITE, Story, new_registry
from mail_servers import SmsServer, SmtpServer
from monitor_rig import Watchdog
from sqlalchemy import select

from alerts import watch_work
from alerts.annunciation import Annunciation
from alerts.annunciator import OVER, RAISED, announce
from alerts.canary import CanaryChannel, CanaryPost
from alerts.channels.port import Channel
from alerts.channels.sms import SmsChannel, SmsSettings
from alerts.channels.smtp import SmtpChannel, parse_smtp_url
from alerts.dispatcher import Dispatcher
from alerts.heartbeat import Heartbeat
from coldchain.clock import HandClock
from coldchain.domain.canary import CHANNEL, LISTENER, Canary
from coldchain.errors import ConfigError, PermanentError, TransientError
from coldchain.registry import canary
from coldchain.registry.schema import outbox
from coldchain.registry.store import Registry, holder_name

pytestmark = pytest.mark.slow


class Canaries:
    """What the journal says of canaries: one a minute."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock

    def canaries(self) -> list[Canary]:
        return [Canary(LISTENER, self._clock.now_ms(), 0)]


class Site:
    """Everything from the outbox outwards, with a siren that writes down what it was called with."""

    def __init__(self, folder: Path, smtp: SmtpServer, sms: SmsServer, watchdog: Watchdog) -> None:
        self.registry: Registry = new_registry(folder)
        self.clock = HandClock(NOON)
        self.sounded = folder / "siren.txt"
        siren = folder / "siren.sh"
        siren.write_text(f'#!/bin/sh\necho "$1|$2|$(cat)" >> {self.sounded}\n')
        siren.chmod(0o755)
        channels: dict[str, Channel] = {
            "email": SmtpChannel(parse_smtp_url(smtp.url()), "alerts@example.org"),
            "sms": SmsChannel(SmsSettings(sms.url, SmsServer.account, SmsServer.token, "+4930000000")),
            CHANNEL: CanaryChannel(),
        }
        self.dispatcher = Dispatcher(self.registry, channels, self.clock, holder_name(), site=SITE)
        self.post = CanaryPost(Canaries(self.clock))
        self.siren = Annunciation(str(siren), self.clock)
        self.beat = Heartbeat(watchdog.url, self.registry, self.clock)
        with self.registry.write() as connection:
            canary.expect(connection, (LISTENER,), 60.0, NOON)

    def minute(self) -> None:
        """A minute of the notifier's life, seen every ten seconds."""
        for second in range(0, 60, 10):
            if second == 0 and self.post.waits(0):
                with self.registry.write() as connection:
                    self.post.pass_on(connection, self.clock.now_ms())
            self.dispatcher.drain()
            with self.registry.read() as connection:
                said = watch_work.no_channel(connection, self.clock.now_ms())
            self.siren.follow(said)
            if second == 0:
                assert self.beat.look() is None
            self.clock.advance(10_000)

    def siren_said(self) -> list[str]:
        return self.sounded.read_text().splitlines() if self.sounded.exists() else []


@pytest.fixture
def site(tmp_path: Path, smtp_server: SmtpServer, sms_server: SmsServer, watchdog: Watchdog) -> Iterator[Site]:
    made = Site(tmp_path, smtp_server, sms_server, watchdog)
    yield made
    made.dispatcher.close()
    made.registry.close()


def test_siren_and_watchdog_learn_of_it_within_two_minutes_and_every_alarm_is_told_when_it_is_over(
    site: Site, smtp_server: SmtpServer, sms_server: SmsServer, watchdog: Watchdog
) -> None:
    site.minute()
    assert len(watchdog.beats) == 1
    smtp_server.pause()
    sms_server.script = [(503, {}, {})] * 1000
    stories = [Story(site.registry) for _ in range(5)]
    for story in stories:
        story.happens(HIGH, site.clock.now_ms())
    site.minute()
    assert site.siren_said() == []
    site.minute()
    before = len(watchdog.beats)
    assert site.siren_said()[0].startswith(f"{RAISED}|no message has reached anybody since")
    text = site.siren_said()[0].split("|")
    assert text[1] == text[2]  # on standard input as well
    with site.registry.read() as connection:
        assert site.beat.withheld(connection) == "no channel to people works"
    sounded = len(site.siren_said())
    site.minute()
    assert len(site.siren_said()) == sounded + 1  # once a minute
    assert len(watchdog.beats) == before  # withheld within two minutes of the first failure
    smtp_server.resume()
    sms_server.script = []
    for _ in range(7):
        site.minute()
    assert site.siren_said()[-1].startswith(OVER)
    assert len(watchdog.beats) > before
    with site.registry.read() as connection:
        rows = list(connection.execute(select(outbox).where(outbox.c.channel != CHANNEL)))
    assert {row.state for row in rows} == {"accepted"}
    assert {row.alarm for row in rows} == {story.id for story in stories}
    texts = [message_from_bytes(raw).as_string() for to, raw in smtp_server.mails if to == "alice@example.org"]
    assert len(texts) <= 2, "pending alarms come together"
    for story in stories:
        assert any(str(story.id) in text or str(story.id)[:8] in text for text in texts)


def test_one_of_two_channels_is_enough(site: Site, smtp_server: SmtpServer, watchdog: Watchdog) -> None:
    smtp_server.pause()
    Story(site.registry).happens(HIGH, site.clock.now_ms())
    for _ in range(3):
        site.minute()
    assert site.siren_said() == []
    assert len(watchdog.beats) == 3
    smtp_server.resume()


def test_no_beat_without_canaries_and_none_while_one_is_missing(site: Site, watchdog: Watchdog) -> None:
    site.minute()
    assert len(watchdog.beats) == 1
    site.clock.advance(2 * MINUTE + 10_000)
    assert site.beat.look() is None
    assert len(watchdog.beats) == 1
    with site.registry.write() as connection:
        canary.expect(connection, (), 60.0, NOON)
    assert site.beat.look() is None
    assert len(watchdog.beats) == 1


def test_a_watchdog_that_cannot_be_reached_and_one_of_another_time_are_told_of(site: Site, watchdog: Watchdog) -> None:
    site.minute()
    assert "server's clock is" in str(site.beat.clock_off())  # this test's noon is not the watchdog's
    away = Heartbeat("http://127.0.0.1:9/", site.registry, site.clock)
    assert "cannot be reached" in str(away.look())
    right = Heartbeat(watchdog.url, site.registry, site.clock, lambda _: "Sun, 22 Nov 2026 12:01:00 GMT")
    assert right.look() is None
    assert right.clock_off() is None


def test_the_annunciator_may_be_a_device_in_the_house_and_nothing_outside() -> None:
    got: list[bytes] = []

    class Device(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Device)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    announce(f"http://127.0.0.1:{server.server_address[1]}/relay", RAISED, "look")
    server.shutdown()
    server.server_close()
    assert got == [b'{"state": "raised", "text": "look"}']
    with pytest.raises(TransientError):
        announce(f"http://127.0.0.1:{server.server_address[1]}/relay", RAISED, "look")
    with pytest.raises(PermanentError, match="not in this house"):
        announce("http://93.184.216.34/relay", RAISED, "look")
    with pytest.raises(TransientError, match="could not be run"):
        announce("/no/such/siren", RAISED, "look")
    with pytest.raises(TransientError, match="ended with 1"):
        announce("false", RAISED, "look")


@pytest.mark.parametrize("value", ["http://siren.example.com/", "https://8.8.8.8/", "aplay 'unfinished"])
def test_an_annunciator_elsewhere_or_malformed_is_refused_by_name(value: str) -> None:
    from coldchain.config import read_config

    with pytest.raises(ConfigError, match="COLDCHAIN_ANNUNCIATOR"):
        read_config(None, {"COLDCHAIN_ANNUNCIATOR": value})
