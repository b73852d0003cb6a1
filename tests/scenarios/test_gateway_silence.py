"""A gateway that speaks for any logger explains the silence of those that it was the last to be heard through.

The journal says who sent what, so nothing depends on what a process remembers. Real engine, journal and planner.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN
from sqlalchemy import select

from alerts.planner import AlertPlanner
from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.registry import gateways, loggers
from coldchain.registry.schema import alarm, outbox
from ingest.identity import sent_by

EVERY = STEP_MS  # five minutes
GATEWAYS = ("GW-A", "GW-B")


@pytest.fixture
def house(house: House) -> House:
    """Anna is on call; two gateways pass on whatever tag comes near them."""
    house.put_on_call("Anna")
    plans_as_the_product(house)
    with house.registry.write() as connection:
        for name in GATEWAYS:
            loggers.register(connection, name, who="test", now_ms=DAWN)
            gateways.declare(connection, name, gateway=True, who="test", now_ms=DAWN)
    for name in (*GATEWAYS, "TAG-1", "TAG-2", "TAG-3", "OWN-1"):
        house.declare(name, EVERY)
        house.shipment(f"S-{name}", name)
    return house


def plans_as_the_product(house: House) -> None:
    """Engine and planner made anew: they know nothing but what is stored."""
    house.planner = AlertPlanner(("email",), sent_by(house.history, house.journal))  # type: ignore[assignment]
    house.engine = house.loop()


def heard(house: House, steps: range, through: Mapping[str, str]) -> None:
    """Every five minutes a reading of each logger, sent by whoever it is heard through; itself, where not named."""
    for step in steps:
        house.clock.set(DAWN + step * EVERY + 400)
        now_ms = house.clock.now_ms()
        arrivals = []
        for name, sender in through.items():
            row = sample(step, 5.0, name)._replace(record_time_ms=now_ms)
            payload = f"{name} {step}".encode()
            envelope = Envelope("mqtt", f"cc/{sender}/up", payload, now_ms, user=sender)
            message = Decoded(name, f"1:{step}", payload, "native@1", (row,), boot=1, seq=step)
            arrivals.append(Arrival(envelope, (message,)))
        house.journal.append(arrivals)
        house.settle()


def silences(house: House) -> dict[str, str]:
    """What rests and what does not, by logger."""
    with house.registry.read() as connection:
        query = select(alarm).where(alarm.c.cause == "silence", alarm.c.condition == "active", alarm.c.severity >= 2)
        return {row.logger: row.suppression for row in connection.execute(query)}


def listed(house: House) -> list[list[str]]:
    """The loggers that each message names."""
    with house.registry.read() as connection:
        rows: list[Any] = list(connection.execute(select(outbox).order_by(outbox.c.created_ms)))
    return [[facts["logger"] for facts in row.content["alarms"]] for row in rows]


THROUGH = {"GW-A": "GW-A", "GW-B": "GW-B", "TAG-1": "GW-A", "TAG-2": "GW-A", "TAG-3": "GW-B", "OWN-1": "OWN-1"}


def test_its_silence_speaks_for_those_it_was_the_last_to_pass_on_and_lists_them(house: House) -> None:
    heard(house, range(4), THROUGH)
    heard(house, range(4, 9), {"GW-B": "GW-B", "TAG-3": "GW-B", "OWN-1": "OWN-1"})
    assert silences(house) == {"GW-A": "none", "TAG-1": "by_design", "TAG-2": "by_design"}
    assert listed(house) == [["GW-A", "TAG-1", "TAG-2"]]


def test_a_tag_that_had_moved_on_to_another_gateway_or_signs_in_itself_is_announced(house: House) -> None:
    heard(house, range(3), THROUGH)
    heard(house, range(3, 4), THROUGH | {"TAG-2": "GW-B"})
    heard(house, range(4, 9), {"GW-B": "GW-B", "TAG-3": "GW-B"})
    assert silences(house) == {"GW-A": "none", "TAG-1": "by_design", "TAG-2": "none", "OWN-1": "none"}
    assert {name for names in listed(house) for name in names} == {"GW-A", "TAG-1", "TAG-2", "OWN-1"}


def test_it_goes_by_what_is_stored_so_a_restart_changes_nothing(house: House) -> None:
    heard(house, range(4), THROUGH)
    plans_as_the_product(house)
    heard(house, range(4, 8), {"GW-B": "GW-B", "TAG-3": "GW-B", "OWN-1": "OWN-1"})
    plans_as_the_product(house)
    with house.registry.write() as connection:
        house.planner.due(connection, house.clock.now_ms() + 3600_000)  # type: ignore[attr-defined]
    assert silences(house) == {"GW-A": "none", "TAG-1": "by_design", "TAG-2": "by_design"}


def test_when_it_is_heard_again_whoever_is_still_silent_is_announced(house: House) -> None:
    heard(house, range(4), THROUGH)
    heard(house, range(4, 8), {"GW-B": "GW-B", "TAG-3": "GW-B", "OWN-1": "OWN-1"})
    back = {name: sender for name, sender in THROUGH.items() if name != "TAG-2"}
    heard(house, range(8, 12), back)
    with house.registry.write() as connection:
        house.planner.due(connection, house.clock.now_ms())  # type: ignore[attr-defined]
    assert silences(house) == {"TAG-2": "none"}
    assert listed(house)[-1] == ["TAG-2"]


def test_a_gateway_that_names_its_loggers_explains_no_other(house: House) -> None:
    with house.registry.write() as connection:
        gateways.declare(connection, "GW-A", gateway=True, gateway_for=["TAG-1"], who="test", now_ms=DAWN)
    heard(house, range(4), THROUGH)
    heard(house, range(4, 9), {"GW-B": "GW-B", "TAG-3": "GW-B", "OWN-1": "OWN-1"})
    assert silences(house) == {"GW-A": "none", "TAG-1": "by_design", "TAG-2": "none"}
