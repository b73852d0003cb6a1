"""Excursions that began and ended while a part was down are still told of, with their times and as discovered late.

Days pass by a clock that is moved by hand: intake, engine and notifier are the real ones on real stores, mails go to a
real server, and each part is away for hours at a time.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest
from alert_cast import SITE
from engine_house import House
from judging import DAWN
from mail_servers import SmtpServer
from sqlalchemy import select

from alerts.channels.smtp import SmtpChannel, parse_smtp_url
from alerts.dispatcher import Dispatcher
from alerts.planner import AlertPlanner
from coldchain.domain.reading import Reading
from coldchain.registry.schema import alarm, outbox
from coldchain.registry.store import holder_name

pytestmark = pytest.mark.slow

MINUTE, HOUR = 60_000, 3_600_000
TICK, LOGGERS, HOURS = 10 * MINUTE, 4, 44


@dataclass(frozen=True)
class Away:
    """A part that does nothing between two moments."""

    part: str  # intake | engine | notifier | mail
    from_ms: int
    to_ms: int


def outages(dice: random.Random) -> list[Away]:
    """Each part in turn, for one to five hours, with hours between in which all works."""
    found: list[Away] = []
    at_ms, parts = DAWN + 3 * HOUR, ["intake", "engine", "notifier", "mail"]
    while at_ms < DAWN + (HOURS - 12) * HOUR:
        length_ms = dice.randrange(60, 300) * MINUTE
        found.append(Away(parts[len(found) % len(parts)], at_ms, at_ms + length_ms))
        at_ms += length_ms + dice.randrange(60, 240) * MINUTE
    return found


def temperatures(dice: random.Random) -> dict[str, dict[int, int]]:
    """By logger, milli-degrees every ten minutes: a hot stretch of twenty minutes to six hours now and then."""
    found: dict[str, dict[int, int]] = {}
    for number in range(LOGGERS):
        curve, step = {}, 0
        while step < HOURS * 6:
            calm, hot = dice.randrange(12, 60), dice.randrange(2, 36)
            for _ in range(calm):
                curve[DAWN + step * TICK] = 5000
                step += 1
            for _ in range(hot):
                curve[DAWN + step * TICK] = dice.randrange(16_000, 30_000)
                step += 1
        end = [at for at in curve if at < DAWN + (HOURS - 8) * HOUR]
        calm_end = {DAWN + later * TICK: 5000 for later in range(len(end), HOURS * 6)}
        found[f"LG-{number}"] = {at: curve[at] for at in end} | calm_end
    return found


def oracle(curves: dict[str, dict[int, int]]) -> dict[tuple[str, int], tuple[int, int]]:
    """(logger, onset) of each excursion to (end, peak), from the curves alone."""
    found = {}
    for name, curve in curves.items():
        onset, peak = None, 0
        for at, value in sorted(curve.items()):
            if value > 8000:
                onset, peak = onset or at, max(peak, value)
            elif onset is not None:
                found[name, onset] = (at, peak)
                onset, peak = None, 0
    return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "state")
    made.put_on_call("Anna")
    yield made
    made.close()


def test_every_excursion_is_told_whatever_was_down_and_says_so_when_it_was_found_late(
    house: House, smtp_server: SmtpServer
) -> None:
    dice = random.Random(16)
    away, curves = outages(dice), temperatures(dice)
    for name in curves:
        house.declare(name, TICK)
        house.shipment(f"S-{name}", name)
    channel = SmtpChannel(parse_smtp_url(smtp_server.url()), "alerts@example.org")
    dispatcher = Dispatcher(
        house.registry, {"email": channel}, house.clock, holder_name(), site=SITE, timers=AlertPlanner(("email",))
    )
    kept: list[Reading] = []  # by the loggers, while nobody takes their readings
    for step in range(HOURS * 6):
        at = DAWN + step * TICK
        house.clock.set(at + 400)
        down = {one.part for one in away if one.from_ms <= at < one.to_ms}
        kept += [_reading(name, at, step, curve[at]) for name, curve in curves.items()]
        if "intake" not in down:
            house.send(*kept)
            kept = []
        if "engine" in down:
            house.engine = house.loop()  # it will be another process
        else:
            house.settle()
        smtp_server.answers = {"MAIL": "451 later"} if "mail" in down else {}
        if "notifier" not in down:
            dispatcher.drain()
    for _ in range(12):
        house.clock.advance(10 * MINUTE)
        house.settle()
        dispatcher.drain()
    dispatcher.close()

    wanted = oracle(curves)
    with house.registry.read() as connection:
        rows = list(connection.execute(select(outbox).where(outbox.c.state == "accepted")))
        found = list(connection.execute(select(alarm).where(alarm.c.cause == "high", alarm.c.severity == 3)))
    said = {
        (facts["logger"], facts["onset_ms"]): (facts["end_ms"], facts["peak_mc"])
        for row in sorted(rows, key=lambda row: row.occasion)
        for facts in row.content["alarms"]
        if facts["cause"] == "high"
    }
    assert {key: said.get(key) for key in wanted} == wanted
    assert len(wanted) >= 10
    late = {(row.logger, row.onset_ms) for row in found if row.late}
    for name, onset in wanted:
        end = wanted[name, onset][0]
        through = any(
            one.part in ("intake", "engine") and one.from_ms <= onset and max(end + TICK, onset + HOUR) < one.to_ms
            for one in away
        )
        if through:
            assert (name, onset) in late
    assert late
    assert len(late) < len(wanted)
    texts = [message_from_bytes(raw).as_string() for _, raw in smtp_server.mails]
    assert any("DISCOVERED LATE" in text for text in texts)


def _reading(name: str, at: int, step: int, value: int) -> Reading:
    return Reading(name, "internal", at, at, "device", boot=1, seq=step, temperature_mc=value)
