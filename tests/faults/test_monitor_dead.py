"""The monitor dead, stuck or partly dead: somebody is told, whichever single stage it is that stands still.

Each stage of a reading's way is broken alone: the watchdog outside misses its beat, and the sentinel writes by its own
server. A canary a second stands for one a minute, so three minutes are three seconds; busy machines get a few more.
"""

import signal
import sqlite3
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from mail_servers import SmtpServer
from monitor_rig import PERIOD_S, Monitor, Watchdog, well
from role_that_hangs import STAGES
from server_process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

THREE_MINUTES = 3 * PERIOD_S
SLACK_S = 6.0  # of a busy machine


@pytest.fixture(scope="module")
def watchdog() -> Iterator[Watchdog]:
    made = Watchdog()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def post() -> Iterator[SmtpServer]:
    server = SmtpServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory, watchdog: Watchdog, post: SmtpServer) -> Iterator[Monitor]:
    made = Monitor(tmp_path_factory.mktemp("monitor"), watchdog, post)
    for role in ("ingest", "engine", "notify"):
        made.start(role)
    try:
        wait_until(lambda: len(watchdog.beats) >= 2, 60, "the first beats")
        made.start("sentinel")
        yield made
    finally:
        made.stop()


def mails(post: SmtpServer, since: int) -> list[Message]:
    return [message_from_bytes(mail) for _, mail in post.mails[since:]]


def told(post: SmtpServer, since: int, state: str) -> bool:
    return any(mail["X-Coldchain-Sentinel"] == state for mail in mails(post, since))


def missed(watchdog: Watchdog) -> None:
    """A beat stays away within three minutes of now."""
    broken_s = time.monotonic()
    wait_until(
        lambda: time.monotonic() - max(watchdog.beats[-1], broken_s) > 1.8 * PERIOD_S,
        THREE_MINUTES + SLACK_S, "a missed beat",
    )  # fmt: skip


@pytest.mark.parametrize("stage", [*STAGES])
def test_a_stage_that_stands_still_is_noticed_outside_and_by_the_sentinel(
    stage: str, monitor: Monitor, watchdog: Watchdog, post: SmtpServer
) -> None:
    well(watchdog)
    before = len(post.mails)
    monitor.hold(stage)
    missed(watchdog)
    if stage != "beating":  # only the way out of the house is broken then, which the watchdog there is for
        wait_until(lambda: told(post, before, "first"), THREE_MINUTES + SLACK_S, "the sentinel's mail")
    monitor.release(stage)
    well(watchdog)
    if stage != "beating":
        wait_until(lambda: told(post, before, "over"), 20, "the sentinel's last word")


@pytest.mark.parametrize("role", ["ingest", "engine", "notify"])
def test_a_role_that_is_stopped_is_noticed_and_the_sentinel_says_what_is_wrong(
    role: str, monitor: Monitor, watchdog: Watchdog, post: SmtpServer
) -> None:
    well(watchdog)
    before = len(post.mails)
    monitor.signal(role, signal.SIGSTOP)
    missed(watchdog)
    wait_until(lambda: told(post, before, "first"), THREE_MINUTES + SLACK_S, "the sentinel's mail")
    [first, *_] = mails(post, before)
    assert first["To"] == "boss@elsewhere.example"
    assert "the test message that passes the whole chain" in first.get_payload()
    monitor.signal(role, signal.SIGCONT)
    well(watchdog)
    wait_until(lambda: told(post, before, "over"), 20, "the sentinel's last word")


def test_a_locked_registry_is_noticed(monitor: Monitor, watchdog: Watchdog, post: SmtpServer) -> None:
    well(watchdog)
    before = len(post.mails)
    lock = sqlite3.connect(monitor.data / "registry.db", isolation_level=None, timeout=30)
    lock.execute("BEGIN IMMEDIATE")
    try:
        missed(watchdog)
        wait_until(lambda: told(post, before, "first"), THREE_MINUTES + SLACK_S, "the sentinel's mail")
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    well(watchdog)


def test_everything_killed_at_once_is_told_and_repeated_until_it_is_well(
    monitor: Monitor, watchdog: Watchdog, post: SmtpServer
) -> None:
    well(watchdog)
    wait_until(lambda: told(post, len(post.mails) - 1, "over"), 20, "quiet")
    before = len(post.mails)
    for role in ("ingest", "engine", "notify"):
        monitor.signal(role, signal.SIGKILL)
        monitor.running[role].wait(10)
    wait_until(lambda: told(post, before, "first"), THREE_MINUTES + SLACK_S, "the sentinel's mail")
    wait_until(lambda: told(post, before, "repeat"), 10 * PERIOD_S + SLACK_S, "the sentinel's repeat")
    first, repeat = (
        mails(post, before)[0],
        next(m for m in mails(post, before) if m["X-Coldchain-Sentinel"] == "repeat"),
    )
    assert repeat["In-Reply-To"] == first["In-Reply-To"]
    assert repeat["Subject"].startswith("[REPEAT]")
    for role in ("ingest", "engine", "notify"):
        monitor.start(role)
    well(watchdog)
    wait_until(lambda: told(post, before, "over"), 30, "the sentinel's last word")


def test_nothing_of_all_these_canaries_is_kept(monitor: Monitor) -> None:
    with sqlite3.connect(monitor.data / "journal.db") as journal:
        assert journal.execute("SELECT count(*) FROM message").fetchone() == (0,)
        assert journal.execute("SELECT count(*) FROM logger").fetchone() == (0,)
    with sqlite3.connect(monitor.data / "registry.db") as registry:
        assert registry.execute("SELECT count(*) FROM outbox WHERE channel = 'canary'").fetchone()[0] <= 5
        assert registry.execute("SELECT count(*) FROM delivery_attempt").fetchone()[0] <= 20


def test_a_sentinel_without_a_registry_says_so(tmp_path: Path, watchdog: Watchdog) -> None:
    server = SmtpServer()
    alone = Monitor(tmp_path, watchdog, server)
    alone.start("sentinel")
    try:
        wait_until(lambda: bool(server.mails), 20, "a mail about what is not there")
        assert b"its registry cannot be read" in server.mails[0][1]
        assert not alone.data.exists()
    finally:
        alone.stop()
        server.stop()
