"""How fast the dispatcher hands mails over: one person each, and a storm that few messages tell in full.

A real SMTP server on loopback and the product's own dispatcher on SQLite with durable commits: each mail is claimed,
sent in a connection of its own and written down before the next one leaves.
"""

import asyncio
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP
from sqlalchemy import insert

from alerts.announcement import Announcement, Reader, facts_of
from alerts.channels.smtp import SmtpChannel, parse_smtp_url
from alerts.dispatcher import Dispatcher
from alerts.outbox import Site
from alerts.subjects import SYSTEM_CARD
from bench.processes import scratch
from bench.table import Anchor
from coldchain.clock import SystemClock
from coldchain.domain.finding import AlarmCondition, Condition, Severity, Subject, SubjectKind
from coldchain.registry.migrations import migrate
from coldchain.registry.schema import alarm, outbox
from coldchain.registry.store import Registry, holder_name, sqlite_url

PEOPLE, STORM = 500, 500
_WAIT_S = 60.0


def measure(scale: float) -> list[Anchor]:
    """Mails per second to as many people, and how soon a storm's first and last mail are there."""
    with scratch() as folder:
        people = max(20, round(PEOPLE * scale))
        one_each = _told(folder / "each.db", [(str(uuid.UUID(int=n)), 1) for n in range(people)])
        storm = _told(folder / "storm.db", [(str(uuid.UUID(int=1)), max(20, round(STORM * scale)))])
    rate = people / one_each[-1]
    return [
        Anchor("mails per second, one person each", f"{rate:.0f} /s", "", rate, ">= 20", f"{people} mails"),
        Anchor("a storm's first mail", f"{storm[0]:.2f} s", "", storm[0], "<= 15", f"{STORM} alarms at once"),
        Anchor("a storm's mails within the first minute", str(len(storm)), "", float(len(storm)), "<= 3"),
    ]


def _told(path: Path, told: list[tuple[str, int]]) -> list[float]:
    """When each mail arrived, in seconds after all were queued: (recipient, alarms) each."""
    registry, server = Registry(sqlite_url(path)), _Server()
    migrate(registry)
    port = server.start()
    try:
        channel = SmtpChannel(parse_smtp_url(f"smtp://127.0.0.1:{port}?starttls=off"), "a@cold.example.org")
        site = Site("http://127.0.0.1:8050", "cold.example.org", b"k" * 32)
        clock = SystemClock()
        _queue(registry, told, clock.now_ms())
        stop = threading.Event()
        dispatcher = Dispatcher(registry, {"email": channel}, clock, holder_name(), site=site)
        began = time.monotonic()
        thread = threading.Thread(target=dispatcher.run, args=(stop,))
        thread.start()
        while _open(registry) and time.monotonic() - began < _WAIT_S:
            time.sleep(0.01)
        stop.set()
        thread.join(30)
    finally:
        server.stop()
        registry.close()
    return sorted(at - began for at in server.times)


class _Server:
    def __init__(self) -> None:
        self.times: list[float] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> int:
        """Listen; the port."""
        self._thread.start()
        listening = self._loop.create_server(lambda: SMTP(self, loop=self._loop), "127.0.0.1", 0)
        made: asyncio.Server = asyncio.run_coroutine_threadsafe(_made(listening), self._loop).result(10)
        return int(made.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """End the server's thread, and with it what is still open."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        self.times.append(time.monotonic())
        return "250 kept"


async def _made(listening: Any) -> asyncio.Server:
    made: asyncio.Server = await listening
    return made


def _queue(registry: Registry, told: list[tuple[str, int]], now_ms: int) -> None:
    condition = AlarmCondition(
        Subject(SubjectKind.SYSTEM, ""), "L1", "internal", "high", Condition.ACTIVE, Severity.CRITICAL, now_ms, now_ms,
        value_mc=9_000, peak_mc=9_000, limit_mc=8_000, rules=("above-8",),
    )  # fmt: skip
    alarms, rows = [], []
    for recipient, count in told:
        for _ in range(count):
            id_ = str(uuid.uuid4())
            alarms.append(_alarm(id_, condition, now_ms))
            reader = Reader(recipient, "Bench")
            content = Announcement("raised", now_ms, reader, (facts_of(id_, condition, SYSTEM_CARD),)).as_json()
            rows.append(
                {
                    "id": str(uuid.uuid4()), "alarm": id_, "occasion": 1, "reason": "raised", "step": 0,
                    "recipient": recipient, "channel": "email", "address": f"p{recipient[-6:]}@example.org",
                    "state": "queued", "content": content, "created_ms": now_ms, "next_due_ms": now_ms,
                }
            )  # fmt: skip
    with registry.write() as connection:
        connection.execute(insert(alarm), alarms)
        connection.execute(insert(outbox), rows)


def _alarm(id_: str, condition: AlarmCondition, now_ms: int) -> dict[str, Any]:
    return {
        "id": id_, "cause": condition.cause, "condition": condition.condition.value,
        "severity": int(condition.severity), "onset_ms": now_ms, "changed_ms": now_ms, "rules": [], "excursions": [],
        "raised_ms": now_ms, "suppression": "none", "quality": "good",
    }  # fmt: skip


def _open(registry: Registry) -> bool:
    from coldchain.registry.outbox import undecided

    with registry.read() as connection:
        return undecided(connection) > 0
