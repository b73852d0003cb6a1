"""The sentinel is watched as well: when it no longer comes by that is an alarm; who never had one is left alone."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from alert_cast import NOON
from engine_house import House
from web_cast import installed

from alerts.sentinel_visits import KIND, PATH, Missed, Visitor
from alerts.watch import Check, Watchman
from coldchain.cli import main
from coldchain.clock import HandClock
from coldchain.registry import sentinel_visits, signals
from coldchain.registry.sentinel_visits import Visit

from server_process import wait_until  # isort: skip

SECOND, MINUTE = 1000, 60_000


class Rounds:
    """The notifier's look every ten seconds, and a sentinel that comes by when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.house = House(folder, NOON)
        self.web_works = True
        self.restarts()

    def restarts(self) -> None:
        missed = Missed(self.house.registry, self.house.clock, "notifier", lambda: self.web_works)
        self.watchman = Watchman(self.house.registry, "notifier", [Check(KIND, 10.0, missed.look)], self.house.clock)

    def passes(self, seconds: int) -> bool:
        """Whether the sentinel is missed at the end of so many seconds."""
        for _ in range(seconds // 10):
            self.house.clock.advance(10 * SECOND)
            self.watchman.turn()
        with self.house.registry.read() as connection:
            return KIND in signals.held(connection, "notifier")

    def comes_by(self, *, ended: bool = False) -> None:
        with self.house.registry.write() as connection:
            sentinel_visits.note(connection, ended=ended, now_ms=self.house.clock.now_ms())


@pytest.fixture
def rounds(tmp_path: Path) -> Iterator[Rounds]:
    made = Rounds(tmp_path)
    yield made
    made.house.close()


def test_a_sentinel_that_was_never_seen_is_missed_by_nobody(rounds: Rounds) -> None:
    assert not rounds.passes(3600)


def test_one_that_stays_away_for_five_minutes_is_missed_until_it_comes_by_again(rounds: Rounds) -> None:
    rounds.comes_by()
    assert not rounds.passes(300)
    rounds.comes_by()
    assert not rounds.passes(300)
    assert rounds.passes(20)
    rounds.comes_by()
    assert not rounds.passes(10)


def test_one_that_was_ended_is_missed_after_a_minute_and_one_that_was_started_anew_is_not(rounds: Rounds) -> None:
    rounds.comes_by()
    rounds.comes_by(ended=True)
    assert not rounds.passes(30)
    rounds.comes_by()
    assert not rounds.passes(120)
    rounds.comes_by(ended=True)
    assert rounds.passes(80)


def test_after_a_restart_it_has_five_minutes_and_an_alarm_that_stands_goes_on_standing(rounds: Rounds) -> None:
    rounds.comes_by()
    rounds.house.clock.advance(24 * 60 * MINUTE)  # the whole monitor was off: nobody could come by
    rounds.restarts()
    assert not rounds.passes(290)
    assert rounds.passes(30)
    rounds.restarts()
    assert rounds.passes(10)


def test_while_the_web_role_is_down_nobody_can_come_by_and_nobody_is_missed(rounds: Rounds) -> None:
    rounds.comes_by()
    rounds.web_works = False
    assert not rounds.passes(600)
    rounds.web_works = True
    assert not rounds.passes(290)
    assert rounds.passes(30)


@pytest.mark.parametrize("step", [-60 * MINUTE, 60 * MINUTE])
def test_a_clock_that_is_moved_makes_nobody_miss_it(rounds: Rounds, step: int) -> None:
    rounds.comes_by()
    rounds.passes(10)
    rounds.house.clock.set(rounds.house.clock.now_ms() + step)
    assert not rounds.passes(280)
    assert rounds.passes(40)


def test_one_that_is_given_up_is_forgotten(
    rounds: Rounds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds.comes_by()
    assert rounds.passes(400)
    with rounds.house.registry.write() as connection:
        sentinel_visits.forget(connection)
    assert not rounds.passes(10)
    monkeypatch.setenv("COLDCHAIN_DATA", str(tmp_path / "var"))
    assert main(["sentinel", "--forget"]) == 0
    assert "misses no sentinel" in capsys.readouterr().out


def test_the_monitor_believes_only_who_can_read_its_registry(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        with web.registry.write() as connection:
            sentinel_visits.ensure_token(connection)
            word = sentinel_visits.token(connection)
            sentinel_visits.ensure_token(connection)
            assert sentinel_visits.token(connection) == word
        anybody = web.client()
        for body, status in (({"token": "guessed"}, 403), ({"token": 7}, 422), ({}, 422), ({"token": word}, 204)):
            with web.registry.read() as connection:
                assert sentinel_visits.last(connection) is None
            assert anybody("POST", PATH, json=body).status_code == status, body
        with web.registry.read() as connection:
            assert sentinel_visits.last(connection) == Visit(web.clock.now_ms(), ended=False)
        assert anybody("POST", PATH, json={"token": word, "ended": True}).status_code == 204
        with web.registry.read() as connection:
            assert sentinel_visits.last(connection) == Visit(web.clock.now_ms(), ended=True)


class Door(HTTPServer):
    """Writes down what is posted to it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == PATH
                door.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    yield made
    made.shutdown()
    made.server_close()
    made.thread.join(10)


def test_it_comes_by_once_a_minute_and_says_goodbye(door: Door) -> None:
    clock = HandClock(NOON)
    visitor = Visitor(f"{door.url}/", clock)
    visitor.come_by(None)  # it has not been able to read the word yet
    for count in range(1, 4):
        visitor.come_by("word")
        wait_until(lambda count=count: len(door.bodies) == count and not visitor._under_way.is_alive(), 10)  # type: ignore[misc, union-attr]
        visitor.come_by("word")
        clock.advance(60 * SECOND)
    visitor.farewell("word")
    assert door.bodies == [b'{"token": "word", "ended": false}'] * 3 + [b'{"token": "word", "ended": true}']


def test_a_monitor_that_cannot_be_reached_stops_no_sentinel() -> None:
    def away(*_: Any) -> None:
        raise ConnectionRefusedError

    visitor = Visitor("http://127.0.0.1:9", HandClock(NOON), away)
    visitor.come_by("word")
    visitor.farewell("word")
    Visitor("http://127.0.0.1:9", HandClock(NOON)).farewell("word")


@pytest.mark.parametrize(
    ("age_s", "ended", "words"),
    [(None, False, "was never seen here"), (10, False, "came by at"), (600, False, "has not come by since"),
     (10, True, "was ended at")],
)  # fmt: skip
def test_doctor_says_when_it_last_came_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], door: Door,
    age_s: int | None, ended: bool, words: str,
) -> None:  # fmt: skip
    from coldchain.clock import SystemClock
    from coldchain.config import read_config
    from coldchain.wiring import opened_registry

    data = {"COLDCHAIN_DATA": str(tmp_path / "var")}
    if age_s is not None:
        with opened_registry(read_config(None, data)) as registry, registry.write() as connection:
            now_ms = SystemClock().now_ms() - age_s * SECOND
            sentinel_visits.note(connection, ended=ended, now_ms=now_ms)
    settings = {"SENTINEL_TO": "+49170123456", "SENTINEL_SMS_URL": door.url, "SENTINEL_SMS_ACCOUNT": "a",
                "SENTINEL_SMS_TOKEN": "t", "SENTINEL_SMS_FROM": "+4930"}  # fmt: skip
    for name, value in (*data.items(), *((f"COLDCHAIN_{name}", value) for name, value in settings.items())):
        monkeypatch.setenv(name, value)
    main(["doctor"])
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.split()[1:2] == ["sentinel"]]
    assert words in line
