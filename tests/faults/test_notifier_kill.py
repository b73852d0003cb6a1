"""Killing the notifier at any moment loses no message; what is sent twice says so."""

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from alert_cast import HIGH, NOON, Story, new_registry
from mail_servers import SmsServer, SmtpServer
from sqlalchemy import insert, select, text, update

from coldchain.domain.finding import Severity
from coldchain.registry import outbox
from coldchain.registry.schema import outbox as table
from coldchain.registry.schema import person
from coldchain.registry.store import Registry

PROGRAM = Path(__file__).with_name("notifier_process.py")
# At night it is 100 and so 6,000 notifications; each life of a notifier costs its start.
KILLS = int(os.environ.get("COLDCHAIN_TEST_NOTIFIER_KILLS", "10"))
PEOPLE = KILLS * 15
ALARMS = 2  # each person hears of both, by e-mail and SMS: grouped, or one after the other


def start(registry: Registry, smtp: SmtpServer, sms: SmsServer) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(str(folder) for folder in (PROGRAM.parents[1], PROGRAM.parents[2]))
    arguments = [sys.executable, str(PROGRAM), str(registry.engine.url), smtp.url(), sms.url]
    return subprocess.Popen(
        arguments, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def undecided(registry: Registry) -> int:
    with registry.read() as connection:
        return outbox.undecided(connection)


@pytest.mark.slow
@pytest.mark.timeout(3600)  # each life of the notifier imports its libraries anew
def test_killing_the_notifier_loses_nothing_and_marks_every_repeat(
    tmp_path: Path, smtp_server: SmtpServer, sms_server: SmsServer, request: pytest.FixtureRequest
) -> None:
    registry = new_registry(tmp_path)
    people = [
        {"id": f"00000000-0000-4000-8000-0000000{n:05d}", "name": f"P{n}", "email": f"p{n}@example.org",
         "phone": f"+49151{n:07d}", "role": "operator", "zone": "UTC", "language": "en", "on_call": True,
         "created_ms": NOON}
        for n in range(PEOPLE)
    ]  # fmt: skip
    with registry.write() as connection:
        connection.execute(insert(person), people)
    with registry.write() as connection:
        connection.execute(update(person).where(person.c.name.in_(("Alice", "Bob"))).values(on_call=False))
    stories = [Story(registry) for _ in range(ALARMS)]
    for n, story in enumerate(stories):
        story.happens(replace(HIGH, channel=f"probe{n}", severity=Severity.CRITICAL if n else Severity.MAJOR))
    rows = [row for story in stories for row in story.outbox()]
    wanted, notifications = {row.address for row in rows}, len(rows)
    assert notifications == PEOPLE * 2 * ALARMS

    def arrived() -> int:
        return len(smtp_server.mails) + len(sms_server.forms)

    chance = random.Random(20261122)
    kills = 0
    while kills < KILLS:
        process = start(registry, smtp_server, sms_server)
        enough = arrived() + chance.randint(1, 2 * notifications // KILLS)
        while arrived() < enough and undecided(registry) and process.poll() is None:
            time.sleep(0.01)
        # The kill must fall anywhere in a message's life, not always just after its arrival.
        time.sleep(chance.random() * 0.1)
        process.kill()
        process.wait()
        kills += 1
    last = start(registry, smtp_server, sms_server)
    request.addfinalizer(last.kill)
    deadline = time.monotonic() + 120 + notifications / 5  # on a machine that does much else
    while undecided(registry):
        assert last.poll() is None
        assert time.monotonic() < deadline, f"{undecided(registry)} messages are still undecided"
        time.sleep(0.05)
    last.kill()
    last.wait()

    copies: dict[tuple[str, str], list[bool]] = defaultdict(list)  # by recipient and lasting id
    for recipient, content in smtp_server.mails:
        copies[(recipient, _named(content))].append(b"X-Coldchain-Repeat: possible" in content)
    for form in sms_server.forms:
        copies[(form["To"], form["StatusCallback"])].append(form["Body"].startswith("REPEAT?"))
    repeats = sum(len(marked) - 1 for marked in copies.values())
    with registry.read() as connection:
        states = Counter(connection.execute(select(table.c.state)).scalars())
        integrity = connection.execute(text("pragma integrity_check")).scalar_one()
    print(f"{notifications} notifications, {kills} kills, {repeats} repeats")  # noqa: T201  the measured figure
    assert {to for to, _ in copies} == wanted
    assert len(copies) == len({row.lead or row.id for story in stories for row in story.outbox()})
    assert states == {"accepted": notifications}
    assert repeats <= kills
    assert all(all(marked[1:]) for marked in copies.values()), "a repeat that does not say so"
    assert integrity == "ok"


def _named(content: bytes) -> str:
    found = re.search(rb"^Message-ID: <([^>]+)>", content, re.MULTILINE | re.IGNORECASE)
    assert found is not None
    return found.group(1).decode()
