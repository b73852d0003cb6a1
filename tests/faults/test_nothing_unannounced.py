"""Five hundred excursions against random outages of every part: each is announced with its true onset, end and peak.

The roles are the product's own commands in processes of their own; they are killed and stopped at random, and the mail
server refuses, defers and goes away. Every excursion is over before anybody can have looked: nothing of it is live.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from functools import partial
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from mail_servers import SmtpServer
from paho.mqtt.enums import CallbackAPIVersion
from server_process import free_port, wait_until
from sqlalchemy import func, select

from coldchain.clock import SystemClock
from coldchain.config import read_config
from coldchain.domain.quantity import iso
from coldchain.registry import bindings, loggers, people, shipments
from coldchain.registry.bindings import NewBinding
from coldchain.registry.outbox import WAITING_STATES
from coldchain.registry.schema import alarm, cursor, dirty, outbox
from coldchain.registry.shipments import NewShipment
from coldchain.registry.viewer import SYSTEM
from coldchain.wiring import Stores, opened_stores

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

COUNT = int(os.environ.get("COLDCHAIN_TEST_EXCURSIONS", "500"))
OUTAGES_S = 20.0 * COUNT / 500
SEED = int(os.environ.get("COLDCHAIN_TEST_SEED", "6"))
ROLES = ("ingest", "engine", "notify")
HOUR = 3_600_000


@dataclass(frozen=True)
class Planned:
    """One excursion, worked out here and nowhere else."""

    logger: str
    before_ms: int  # the last reading inside
    outside: tuple[tuple[int, int], ...]  # (event time, milli-degrees)
    end_ms: int

    @property
    def said(self) -> tuple[int, int, int]:
        """(onset, end, peak) as people must hear them."""
        return self.outside[0][0], self.end_ms, max(mc for _, mc in self.outside)

    def messages(self) -> list[bytes]:
        """What the logger sends: once when it is outside, once when it is back."""
        rows = [(self.before_ms, 5000), *self.outside]
        back = [(self.end_ms + minutes * 60_000, 5000) for minutes in (0, 5, 9, 13)]
        return [self._message(seq, part) for seq, part in enumerate((rows, back))]

    def _message(self, seq: int, rows: list[tuple[int, int]]) -> bytes:
        readings = [{"ts": iso(at), "values": {"temperature_c": mc / 1000}} for at, mc in rows]
        body = {"v": 1, "device": self.logger, "boot": 1, "seq": seq, "readings": readings}
        return json.dumps(body).encode()


def planned(dice: random.Random, number: int, now_ms: int) -> Planned:
    """From one second to six hours long, in the last twelve hours, above the limit that allows of no delay."""
    length_ms = int(1000 * 10 ** dice.uniform(0, 4.33))
    onset_ms = now_ms - 12 * HOUR + dice.randrange(5 * HOUR)
    samples = max(2, min(5 + length_ms // 300_000, 80))
    step_ms = length_ms // (samples - 1)
    outside = [(onset_ms + step * step_ms, dice.randrange(15_100, 30_000)) for step in range(samples)]
    return Planned(f"LG-{number:04d}", onset_ms - 200_000, tuple(outside), outside[-1][0] + min(step_ms, 200_000) + 1)


class Part:
    """A role in a process of its own."""

    def __init__(self, role: str, environment: dict[str, str], folder: Path) -> None:
        self.role, self._environment, self._log = role, environment, folder / f"{role}.log"
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "coldchain", self.role]
            self.process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Told:
    """What is left when everything works again."""

    excursions: list[Planned]
    stores: Stores
    post: SmtpServer
    outages: int


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder, dice, clock = tmp_path_factory.mktemp("house"), random.Random(SEED), SystemClock()
    post, port = SmtpServer(), free_port()
    settings = {
        "DATA": str(folder / "var"), "MQTT_LISTEN": f"127.0.0.1:{port}", "MQTT_ANONYMOUS": "on",
        "SMTP_URL": post.url(), "MAIL_FROM": "alerts@example.org", "CANARY_S": "0",
    }  # fmt: skip
    environment = {f"COLDCHAIN_{name}": value for name, value in settings.items()}
    excursions = [planned(dice, number, clock.now_ms()) for number in range(COUNT)]
    with opened_stores(read_config(None, environment)) as stores:
        prepare(stores, excursions, clock.now_ms() - 13 * HOUR)
        plain = {name: value for name, value in os.environ.items() if not name.startswith("COLDCHAIN_")}
        parts = {role: Part(role, plain | environment, folder) for role in ROLES}
        sender = mqtt.Client(CallbackAPIVersion.VERSION2, "loggers", clean_session=False)
        try:
            outages = happen(dice, excursions, parts, post, sender, port)
            settle(stores, parts)
        finally:
            sender.loop_stop()
            for part in parts.values():
                part.stop()
        yield Told(excursions, stores, post, outages)
    post.stop()


def prepare(stores: Stores, excursions: list[Planned], start_ms: int) -> None:
    """A person for each shipment: that messages to one of them keep to three in five minutes is tried elsewhere."""
    with stores.registry.write() as connection:
        for number, one in enumerate(excursions):
            whose = f"p{number:04d}"
            people.create(
                connection, email=f"{whose}@example.org", name=whose, role="viewer", who="test", now_ms=start_ms,
                on_call=True, scope_customer=whose,
            )  # fmt: skip
            new = NewShipment(one.logger, "refrigerated-2-8", customer=whose)
            made = shipments.create(connection, new, by=SYSTEM, now_ms=start_ms)
            loggers.declare_interval(connection, one.logger, 300_000, who="test", now_ms=start_ms)
            # Watched while it sends: silence before and after is not what this is about.
            binding = NewBinding(one.logger, one.before_ms, one.end_ms + 14 * 60_000, reason="of this test")
            bindings.bind(connection, shipments.subject(made), binding, who="test", now_ms=start_ms)
            shipments.change(connection, made, {"state": "in_transit"}, by=SYSTEM, version=1, now_ms=start_ms)


def happen(
    dice: random.Random,
    excursions: list[Planned],
    parts: dict[str, Part],
    post: SmtpServer,
    sender: mqtt.Client,
    port: int,
) -> int:
    """Loggers send all the time while one part after the other is away, for a moment or for seconds."""
    acknowledged: list[int] = []
    sender.on_publish = lambda *_: acknowledged.append(1)
    sender.max_inflight_messages_set(100)
    sender.max_queued_messages_set(0)
    sender.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]
    sender.connect_async("127.0.0.1", port)
    sender.loop_start()
    outgoing = [(one.logger, payload) for one in excursions for payload in one.messages()]
    began_s, outages, sent = time.monotonic(), 0, 0
    while (past_s := time.monotonic() - began_s) < OUTAGES_S or sent < len(outgoing):
        due = int(len(outgoing) * min(1.0, past_s / OUTAGES_S + 0.01))
        for logger, payload in outgoing[sent:due]:
            sender.publish(f"cc/{logger}/up", payload, qos=1)
        sent = max(sent, due)
        outage(dice, parts, post)
        outages += 1
    post.answers.clear()
    wait_until(lambda: len(acknowledged) >= len(outgoing), 120, "every acknowledgement")
    return outages


def outage(dice: random.Random, parts: dict[str, Part], post: SmtpServer) -> None:
    """One part is away for a while."""
    away_s = dice.uniform(0.1, 1.5)
    what = dice.choice([*ROLES, *ROLES, "mail", "mail"])
    if what == "mail":
        kind = dice.choice(["MAIL", "MAIL", "gone"])
        if kind == "gone":
            post.pause()
        else:
            post.answers[kind] = "451 later"
        time.sleep(away_s)
        if kind == "gone":
            post.resume()
        post.answers.clear()
    elif dice.random() < 0.5:
        parts[what].kill()
        time.sleep(away_s)
        parts[what].start()
    else:
        parts[what].process.send_signal(signal.SIGSTOP)
        time.sleep(away_s)
        parts[what].process.send_signal(signal.SIGCONT)
    time.sleep(dice.uniform(0.1, 0.6))


def settle(stores: Stores, parts: dict[str, Part]) -> None:
    """Until everybody has done what there was to do."""

    def judged() -> bool:
        with stores.registry.read() as connection:
            offset = connection.execute(select(cursor.c.journal_offset).where(cursor.c.name == "engine")).scalar() or 0
            left = connection.execute(select(func.count()).select_from(dirty)).scalar_one()
        return bool(offset >= stores.journal.head() and left == 0)

    def delivered() -> bool:
        with stores.registry.read() as connection:
            waiting = select(func.count()).select_from(outbox).where(outbox.c.state.in_(WAITING_STATES))
            return bool(connection.execute(waiting).scalar_one() == 0)

    for condition, what in ((judged, "every judgement"), (delivered, "every mail")):
        wait_until(partial(condition), 240, what)
    assert all(part.process.poll() is None for part in parts.values())


def test_every_excursion_was_announced_with_its_true_onset_end_and_peak(told: Told) -> None:
    said: dict[str, set[tuple[int, int | None, int]]] = {}
    with told.stores.registry.read() as connection:
        rows = connection.execute(select(outbox).where(outbox.c.state.in_(("accepted", "delivered"))))
        for row in rows:
            for facts in row.content["alarms"]:
                told_so = (facts["onset_ms"], facts["end_ms"], facts["peak_mc"])
                said.setdefault(facts["logger"], set()).add(told_so)
    missing = {
        one.logger: (one.said, said.get(one.logger))
        for one in told.excursions
        if one.said not in said.get(one.logger, set())
    }
    assert missing == {}
    assert told.outages >= 10


def test_what_was_over_before_anybody_could_look_is_marked_as_discovered_late(told: Told) -> None:
    with told.stores.registry.read() as connection:
        rows = list(connection.execute(select(alarm).where(alarm.c.cause == "high")))
    assert {row.late for row in rows} == {True}
    assert len(rows) == COUNT


def test_every_shipment_stands_in_a_mail_that_arrived(told: Told) -> None:
    texts = []
    for recipient, raw in told.post.mails:
        assert recipient.endswith("@example.org")
        mail = message_from_bytes(raw)
        part = mail.get_payload(0) if mail.is_multipart() else mail
        texts.append(part.get_payload(decode=True).decode())  # type: ignore[union-attr]
    everything = "\n".join(texts)
    assert [one.logger for one in told.excursions if one.logger not in everything] == []
    assert "DISCOVERED LATE" in everything
