"""The sentinel's own decisions: when it speaks, to whom again, and when it is over; and how it sees what is wrong."""

import sqlite3
import threading
from pathlib import Path

import pytest
from alert_cast import NOON
from engine_house import House

from alerts.annunciation import Annunciation
from alerts.channels.port import Deferred, Message, Sent
from alerts.sentinel import Pace, Sentinel, Target
from alerts.sentinel_view import Trouble, View
from coldchain.cli import main
from coldchain.clock import HandClock
from coldchain.config import read_config
from coldchain.errors import ConfigError
from coldchain.pulse import Pulse, expect
from coldchain.registry import canary

from server_process import wait_until  # isort: skip

MAIL, PHONE = Target("email", "boss@example.com"), Target("sms", "+49170123456")
DEAD = (Trouble("role engine", "engine is not running"),)


class Taking:
    """A channel that takes what it is given, unless it is told not to."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.refuses = False
        self.hangs = threading.Event()
        self.hangs.set()

    def send(self, message: Message) -> Sent:
        self.hangs.wait(10)
        if self.refuses:
            raise Deferred("not now")
        self.taken.append(message)
        return Sent(None, "250", "ok")


class Post:
    def __init__(self, *targets: Target) -> None:
        self.clock = HandClock(NOON)
        self.channels = {"email": Taking(), "sms": Taking()}
        self.sounds: list[str] = []
        siren = Annunciation("x", self.clock, lambda _target, state, _text: self.sounds.append(state))
        self.sentinel = Sentinel(self.channels, targets or (MAIL,), self.clock, "cold.example.org", Pace(), siren)

    def pass_by(self, seconds: int, *troubles: Trouble) -> None:
        """Look every ten seconds."""
        for _ in range(seconds // 10):
            self.sentinel.turn(troubles)
            for post in self.sentinel._posts.values():
                if post.under_way is not None:
                    wait_until(lambda post=post: post.under_way.done() or not self.quick(), 10)  # type: ignore[misc]
            self.clock.advance(10_000)

    def quick(self) -> bool:
        return all(channel.hangs.is_set() for channel in self.channels.values())

    def states(self, channel: str = "email") -> list[str]:
        return [message.headers.get("X-Coldchain-Sentinel", "sms") for message in self.channels[channel].taken]


def test_a_restart_of_a_role_is_no_news() -> None:
    post = Post()
    post.pass_by(40, *DEAD)
    post.pass_by(300)
    assert post.states() == []


def test_it_speaks_after_a_minute_repeats_every_ten_and_says_when_it_is_over() -> None:
    post = Post()
    post.pass_by(60, *DEAD)
    assert post.states() == ["first"]
    post.pass_by(1200, *DEAD)
    assert post.states() == ["first", "repeat", "repeat"]
    post.pass_by(50)
    assert post.states()[-1] == "repeat"
    post.pass_by(60)
    assert post.states()[-1] == "over"
    assert post.sounds[0] == "raised"
    assert post.sounds[-1] == "over"
    post.pass_by(600)
    assert len(post.states()) == 4
    roots = {message.headers["References"] for message in post.channels["email"].taken}
    assert len(roots) == 1
    assert "engine is not running" in post.channels["email"].taken[0].text


def test_what_comes_and_goes_while_it_is_alarmed_is_not_over() -> None:
    post = Post()
    post.pass_by(60, *DEAD)
    for _ in range(10):
        post.pass_by(30)
        post.pass_by(10, *DEAD)
    assert "over" not in post.states()


def test_further_trouble_is_told_of_at_once() -> None:
    post = Post()
    post.pass_by(120, *DEAD)
    post.pass_by(60, *DEAD, Trouble("canary", "the test message is missing", lasting=True))
    assert post.states() == ["first", "repeat"]
    assert "the test message is missing" in post.channels["email"].taken[-1].text


def test_a_server_that_refuses_is_tried_until_it_takes_and_one_that_hangs_delays_nobody_else() -> None:
    post = Post(MAIL, PHONE)
    post.channels["email"].refuses = True
    post.pass_by(100, *DEAD)
    assert (post.states(), len(post.channels["sms"].taken)) == ([], 1)
    post.channels["email"].refuses = False
    post.pass_by(30, *DEAD)
    assert post.states() == ["first"]
    post = Post(MAIL, PHONE)
    post.channels["email"].hangs.clear()
    post.pass_by(70, *DEAD)
    assert len(post.channels["sms"].taken) == 1
    assert len(post.channels["sms"].taken[0].text) <= 160
    post.channels["email"].hangs.set()


def test_who_was_never_reached_need_not_hear_that_it_is_over() -> None:
    post = Post()
    post.channels["email"].refuses = True
    post.pass_by(100, *DEAD)
    post.pass_by(100)
    post.channels["email"].refuses = False
    post.pass_by(100)
    assert post.states() == []


def test_it_sees_silent_roles_missing_canaries_and_nothing_where_all_is_well(tmp_path: Path) -> None:
    house = House(tmp_path / "var", NOON)
    expect(tmp_path / "var", ("ingest", "engine"))
    Pulse(tmp_path / "var", "ingest", house.clock).beat()
    Pulse(tmp_path / "var", "engine", house.clock).beat()
    view = View(tmp_path / "var", "", house.clock)
    assert view.look().troubles == ()
    with house.registry.write() as connection:
        canary.expect(connection, ("listener",), 60.0, NOON)
    house.clock.advance(121_000)
    Pulse(tmp_path / "var", "ingest", house.clock).beat("the disk is full")
    seen = view.look()
    assert seen.every_s == 60.0
    words = {trouble.key: trouble.words for trouble in seen.troubles}
    assert words["role ingest"] == "ingest says: the disk is full"
    assert "no sign of life since" in words["role engine"]
    assert "is missing: listener" in words["canary"]
    house.close()


@pytest.mark.parametrize("how", ["absent", "broken", "without tables"])
def test_a_registry_that_cannot_be_read_is_what_it_reports(tmp_path: Path, how: str) -> None:
    if how == "broken":
        (tmp_path / "registry.db").write_bytes(b"this is no database" * 1000)
    if how == "without tables":
        sqlite3.connect(tmp_path / "registry.db").close()
    [trouble] = View(tmp_path, "", HandClock(NOON)).look().troubles
    assert trouble.words.startswith("its registry cannot be read")
    assert (tmp_path / "registry.db").exists() is (how != "absent")


def test_a_registry_that_never_answers_is_what_it_reports(tmp_path: Path) -> None:
    house = House(tmp_path / "var", NOON)
    house.close()
    view = View(tmp_path / "var", "", house.clock, patience_s=0.2)
    lock = sqlite3.connect(tmp_path / "var" / "registry.db", isolation_level=None)
    lock.execute("PRAGMA locking_mode=EXCLUSIVE")
    lock.execute("PRAGMA journal_mode=DELETE")
    lock.execute("BEGIN EXCLUSIVE")
    seen = [view.look().troubles for _ in range(2)]
    assert all(troubles[0].key == "registry" for troubles in seen)
    lock.close()


def test_a_database_server_that_is_away_is_what_it_reports(tmp_path: Path) -> None:
    [trouble] = View(tmp_path, "postgresql://me:secret@127.0.0.1:9/none", HandClock(NOON)).look().troubles
    assert trouble.words.startswith("its registry cannot be read")
    assert "secret" not in trouble.words


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"SENTINEL_SMTP_URL": "smtp://x"}, "COLDCHAIN_SENTINEL_TO"),
        ({"SENTINEL_TO": "boss@example.com"}, "COLDCHAIN_SENTINEL_SMTP_URL"),
        ({"SENTINEL_TO": "+49170123456"}, "COLDCHAIN_SENTINEL_SMS_URL"),
        ({"SENTINEL_TO": "0170 123456"}, "COLDCHAIN_SENTINEL_TO"),
        ({"SENTINEL_TO": "a@b.de", "SENTINEL_SMTP_URL": "smtp://x"}, "COLDCHAIN_SENTINEL_FROM"),
        ({"SENTINEL_TO": "a@b.de", "SENTINEL_SMTP_URL": "smpt://x"}, "COLDCHAIN_SENTINEL_SMTP_URL"),
        ({"SENTINEL_SMS_URL": "http://x", "SENTINEL_TO": "+49170123456"}, "COLDCHAIN_SENTINEL_SMS_ACCOUNT"),
        ({"CANARY_S": "often"}, "COLDCHAIN_CANARY_S"),
    ],
)
def test_settings_that_would_leave_it_mute_are_refused_by_name(settings: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        read_config(None, {f"COLDCHAIN_{name}": value for name, value in settings.items()})


def test_without_anybody_to_tell_it_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sentinel"]) == 2
    assert "COLDCHAIN_SENTINEL_TO" in capsys.readouterr().err
    for name, value in {"TO": "a@b.de", "FROM": "w@x.de", "SMTP_URL": "smtp://x?starttls=requird"}.items():
        monkeypatch.setenv(f"COLDCHAIN_SENTINEL_{name}", value)
    assert main(["sentinel"]) == 2
    said = capsys.readouterr().err
    assert "COLDCHAIN_SENTINEL_SMTP_URL" in said
    assert "starttls=requird" in said


def test_doctor_tries_the_sentinel_s_server_and_says_which_setting_is_wrong_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import ssl

    from mail_servers import SmtpServer, certificate

    context, trusting = certificate(tmp_path, name="mail.example.org")
    server = SmtpServer(context)
    monkeypatch.setattr(ssl, "create_default_context", lambda *_args, **_named: trusting)
    monkeypatch.setenv("COLDCHAIN_DATA", str(tmp_path / "var"))
    for name, value in {"TO": "a@b.de", "FROM": "w@x.de", "SMTP_URL": server.url("required")}.items():
        monkeypatch.setenv(f"COLDCHAIN_SENTINEL_{name}", value)
    assert main(["doctor"]) == 1
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.split()[:2] == ["FAIL", "sentinel"]]
    assert "COLDCHAIN_SENTINEL_SMTP_URL" in line
    assert "IP address mismatch" in line
    monkeypatch.setenv("COLDCHAIN_SENTINEL_SMTP_URL", server.url("off"))
    main(["doctor"])
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.split()[:2] == ["ok", "sentinel"]]
    assert "takes mail, without TLS" in line
    server.stop()
