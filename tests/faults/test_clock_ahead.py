"""A whole monitor started under a clock an hour ahead, then again under the right one.

No deadline waits for the hour, nothing is said over and over, what happens next is told in time, and the clock itself
is an alarm: while it is wrong by the outside watchdog's answer, afterwards because it was put back.
"""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from mail_servers import SmtpServer
from monitor_rig import Monitor, Watchdog
from paho.mqtt.enums import CallbackAPIVersion
from server_process import wait_until

from coldchain.config import read_config
from coldchain.domain.quantity import iso
from coldchain.registry import bindings, people, shipments
from coldchain.registry.bindings import NewBinding
from coldchain.registry.shipments import NewShipment
from coldchain.registry.viewer import SYSTEM
from coldchain.wiring import opened_stores

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("faketime") is None, reason="needs Debian's package faketime: .ci/servers has it"),
]

ROLES = ("ingest", "engine", "notify")
LOGGERS = ("LG-0", "LG-1", "LG-2")
AHEAD_S = 3600
SOON_S = 60.0  # on a busy machine, and no more than a fraction of the hour


class Wrong(Monitor):
    """A monitor whose clock can be wrong at the start of its roles; its timers are those of the machine."""

    def begin(self, ahead: str | None) -> None:
        fake = (
            {} if ahead is None else {"FAKETIME": ahead, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "LD_PRELOAD": _library()}
        )
        right, self.environment = self.environment, self.environment | fake | {"DONT_FAKE_MONOTONIC": "1"}
        for role in ROLES:
            self.start(role)
        self.environment = right
        pulses = [self.data / "run" / f"{role}.pulse" for role in ROLES]
        wait_until(lambda: all(pulse.exists() for pulse in pulses), SOON_S, "the roles")

    def asked(self, query: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(f"file:{self.data / 'registry.db'}?mode=ro", uri=True, timeout=10) as connection:
            return connection.execute(query).fetchall()


def _library() -> str:
    [found] = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return str(found)


@pytest.fixture
def monitor(tmp_path: Path, watchdog: Watchdog, smtp_server: SmtpServer) -> Iterator[Wrong]:
    made = Wrong(
        tmp_path, watchdog, smtp_server, COLDCHAIN_SMTP_URL=smtp_server.url(),
        COLDCHAIN_MAIL_FROM="alerts@example.org",
    )  # fmt: skip
    with opened_stores(read_config(None, {"COLDCHAIN_DATA": str(made.data)})) as stores:
        now_ms = int(time.time() * 1000) - 600_000
        with stores.registry.write() as connection:
            people.create(
                connection, email="boss@example.org", name="Boss", role="admin", who="test", now_ms=now_ms,
                on_call=True,
            )  # fmt: skip
            for name in LOGGERS:
                people.create(
                    connection, email=f"{name.lower()}@example.org", name=name, role="viewer", who="test",
                    now_ms=now_ms, on_call=True, scope_customer=name,
                )  # fmt: skip
                new = shipments.create(
                    connection, NewShipment(name, "refrigerated-2-8", customer=name), by=SYSTEM, now_ms=now_ms
                )
                binding = NewBinding(name, now_ms, reason="of this test")
                bindings.bind(connection, shipments.subject(new), binding, who="test", now_ms=now_ms)
                shipments.change(connection, new, {"state": "in_transit"}, by=SYSTEM, version=1, now_ms=now_ms)
    yield made
    made.stop()


def too_warm(port: int, name: str) -> None:
    """Three readings of the last seconds by the right clock, the last two far too warm."""
    now_ms = int(time.time() * 1000)
    rows = [
        {"ts": iso(now_ms - 1000 * (3 - place)), "values": {"temperature_c": value}}
        for place, value in enumerate((5.0, 17.0, 18.0))
    ]
    client = mqtt.Client(CallbackAPIVersion.VERSION2, name)
    client.connect("127.0.0.1", port)
    client.loop_start()
    body = {"v": 1, "device": name, "boot": 1, "seq": 0, "readings": rows}
    sent = client.publish(f"cc/{name}/up", json.dumps(body), qos=1)
    wait_until(sent.is_published, SOON_S, f"the acknowledgement of {name}'s message")
    client.disconnect()
    client.loop_stop()


def mails(post: SmtpServer, name: str) -> list[str]:
    """Subjects of what came to this logger's person about too warm goods."""
    said = [str(message_from_bytes(raw)["Subject"]) for to, raw in post.mails if to == f"{name.lower()}@example.org"]
    return [subject for subject in said if not subject.startswith("Confirm this address")]


def test_after_an_hour_ahead_nothing_waits_for_that_hour_and_nothing_is_said_again_and_again(
    monitor: Wrong, smtp_server: SmtpServer, watchdog: Watchdog
) -> None:
    monitor.begin(f"+{AHEAD_S}s")
    too_warm(monitor.mqtt_port, "LG-0")
    wait_until(lambda: bool(mails(smtp_server, "LG-0")), SOON_S, "a mail under the wrong clock")
    [(judged_ms,)] = monitor.asked("select max(as_of_ms) from subject_state")
    assert int(str(judged_ms)) > (time.time() + AHEAD_S / 2) * 1000, "the clock was not wrong"
    offset = "select 1 from signal where kind = 'clock_offset'"
    wait_until(lambda: bool(monitor.asked(offset)), SOON_S, "an alarm by comparison")
    smtp_server.pause()
    too_warm(monitor.mqtt_port, "LG-1")
    wait_until(
        lambda: bool(monitor.asked("select 1 from outbox where attempts > 0 and state = 'failed_temporary'")),
        SOON_S, "a mail that is put off",
    )  # fmt: skip
    monitor.stop()
    smtp_server.resume()
    before = {name: len(mails(smtp_server, name)) for name in LOGGERS}

    monitor.begin(None)
    wait_until(lambda: bool(mails(smtp_server, "LG-1")), SOON_S, "the mail that was put off under the wrong clock")
    too_warm(monitor.mqtt_port, "LG-2")
    wait_until(lambda: bool(mails(smtp_server, "LG-2")), SOON_S, "what happens now")
    wait_until(
        lambda: bool(monitor.asked("select 1 from signal where kind = 'clock' and role = 'engine'")), SOON_S, "an alarm"
    )
    since, now_ms = len(watchdog.beats), time.time() * 1000
    wait_until(lambda: len(watchdog.beats) >= since + 5, SOON_S, "beats of the whole chain")
    # A repeat of a critical alarm is ten minutes away at most, one of a major alarm an hour; not an hour more.
    timers = monitor.asked(
        "select severity, next_timer_ms from alarm where next_timer_ms is not null and condition = 'active'"
    )
    assert timers
    for severity, next_ms in timers:
        assert int(str(next_ms)) <= now_ms + (3600_000 if int(str(severity)) < 3 else 600_000) + 120_000
    ahead = monitor.asked(f"select 1 from subject_state where as_of_ms > {int(now_ms) + 120_000}")
    assert ahead == [], "judged in the future still"
    # A canary a second is late now and then on a busy machine, and that is an alarm each time.
    counted = "select subject_id, cause, count(*) from alarm where cause <> 'canary' group by 1, 2 having count(*) > 2"
    raised = monitor.asked(counted)
    assert raised == [], "raised again and again"
    for name in LOGGERS:
        assert len(mails(smtp_server, name)) - before[name] <= 2, mails(smtp_server, name)
