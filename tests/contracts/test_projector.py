"""The projection equals the journal, whatever happens to InfluxDB or to the projector on the way."""

import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import servers
from sqlalchemy import select

from coldchain.clock import HandClock
from coldchain.domain.message import Arrival, Decoded, Envelope
from coldchain.domain.quantity import ms_from_iso
from coldchain.domain.reading import Reading
from coldchain.errors import PermanentError, TransientError
from coldchain.journal.sqlite import SqliteJournal
from coldchain.registry.migrations import migrate
from coldchain.registry.schema import signal
from coldchain.registry.store import Registry, sqlite_url
from coldchain.telemetry.influx import InfluxTelemetry
from coldchain.telemetry.influx_server import InfluxAddress
from coldchain.telemetry.influx_writer import InfluxWriter
from ingest.projection_mark import REFUSED, UNREACHABLE, RegistryMark
from ingest.projector import Projector, rebuild

pytestmark = pytest.mark.server
START = ms_from_iso("2026-01-05T00:00:00Z")
FOREVER = START + 400 * 86_400_000


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = Registry(sqlite_url(tmp_path / "registry.db"))
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(tmp_path / "journal.db")
    yield opened
    opened.close()


class House:
    """A journal, a registry and an InfluxDB with a projector between them."""

    def __init__(self, influx: servers.Influx, journal: SqliteJournal, registry: Registry, batch: int = 100) -> None:
        self.clock = HandClock(START)
        self.address = InfluxAddress(influx.url, influx.token, influx.org, influx.bucket, timeout_s=1.0)
        self.influx, self.journal, self.registry = influx, journal, registry
        self.mark, self.points = RegistryMark(registry, self.clock), InfluxWriter(self.address)
        self.projector = Projector(journal, self.mark, self.points, self.clock, batch=batch)

    def commit(self, count: int, logger: str = "LG-1", first: int = 0, **values: Any) -> None:
        """Commit `count` messages of one reading each."""
        arrivals = []
        for seq in range(first, first + count):
            measured = {
                "temperature_mc": 2000 + seq % 6000,
                "humidity_mpct": 50_001 + seq,
                "latitude_e7": 481_371_234,
            } | values
            at = START + seq * 60_000
            row = Reading(logger, "internal", at, at, "device", None, 1, seq, **measured)
            message = Decoded(logger, f"1:{seq}", b"%d" % seq, "native@1", (row,), boot=1, seq=seq)
            arrivals.append(Arrival(Envelope("mqtt", f"cc/{logger}/up", b"%d" % seq, at), (message,)))
        self.journal.append(arrivals)

    def poison(self) -> None:
        """A first point of another type makes InfluxDB refuse this field in the same days for ever."""
        self.points.write([f'reading,channel=internal,logger=OTHER humidity_pct="wet" {START * 10**6}'])

    def drain(self) -> None:
        while self.projector.step():
            pass

    def stored(self, logger: str = "LG-1") -> list[tuple[object, ...]]:
        found = InfluxTelemetry(self.address).readings(logger, START - 1, FOREVER)
        return [essence(reading) for reading in found]

    def expected(self, logger: str = "LG-1") -> list[tuple[object, ...]]:
        return [essence(one) for one in self.journal.read(0, 100_000) if one.logger == logger]

    def signals(self, kind: str) -> list[Any]:
        with self.registry.read() as connection:
            return list(connection.execute(select(signal).where(signal.c.kind == kind)))


def essence(reading: Reading) -> tuple[object, ...]:
    return (
        reading.logger,
        reading.channel,
        reading.event_time_ms,
        reading.tie,
        reading.offset,
        *reading[6:17],
        reading.fault,
    )


@pytest.fixture
def house(influx: servers.Influx, journal: SqliteJournal, registry: Registry) -> House:
    return House(influx, journal, registry)


def test_every_reading_stands_in_influxdb_value_by_value(house: House) -> None:
    house.commit(350)
    house.commit(20, logger="LG-2", temperature_mc=-80_123, battery_mv=3051, fault="not_ready")
    house.drain()
    assert house.stored() == house.expected()
    assert house.stored("LG-2") == house.expected("LG-2")
    assert len(house.stored()) == 350
    assert house.mark.offset() == house.journal.head()
    assert house.projector.step() is False


def test_influxdb_stopped_in_the_middle_is_equal_afterwards_and_people_are_told_once(house: House) -> None:
    house.commit(250)
    assert house.projector.step() is True
    house.influx.stop()
    waits = []
    for _ in range(8):
        assert house.projector.step() is False
        waits.append(house.projector.due_in_s())
        house.clock.advance(round(waits[-1] * 1000))
        house.commit(10, first=250 + 10 * len(waits))
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    [said] = house.signals(UNREACHABLE)
    assert said.cleared_ms is None
    house.influx.start()
    house.drain()
    assert house.stored() == house.expected()
    assert [one.cleared_ms is not None for one in house.signals(UNREACHABLE)] == [True]


def test_an_influxdb_that_hangs_delays_and_loses_nothing(house: House) -> None:
    house.commit(150)
    house.influx.pause()
    assert house.projector.step() is False
    house.influx.resume()
    house.clock.advance(60_000)
    house.drain()
    assert house.stored() == house.expected()


def test_a_projector_that_died_after_writing_repeats_one_batch_and_nothing_is_twice(house: House) -> None:
    house.commit(250)

    class DiesBeforeMoving(RegistryMark):
        def move(self, *_: Any, **__: Any) -> bool:
            raise KeyboardInterrupt

    doomed = Projector(
        house.journal, DiesBeforeMoving(house.registry, house.clock), house.points, house.clock, batch=100
    )
    with pytest.raises(KeyboardInterrupt):
        doomed.step()
    assert house.mark.offset() == 0
    house.drain()
    assert house.stored() == house.expected()


def test_refused_points_are_found_by_halving_named_and_passed_over(house: House) -> None:
    house.poison()
    house.commit(40, humidity_mpct=None)
    house.commit(1, first=40)
    house.commit(40, first=41, humidity_mpct=None)
    house.drain()
    wanted = [row for row in house.expected() if row[2] != START + 40 * 60_000]
    assert house.stored() == wanted
    [said] = house.signals(REFUSED)
    assert "LG-1/internal at 2026-01-05T00:40:00.000Z" in said.detail
    assert "humidity_pct" in said.detail
    assert house.mark.offset() == house.journal.head()


def test_many_refused_points_are_counted_and_do_not_flood(house: House) -> None:
    house.poison()
    house.commit(60)
    house.drain()
    assert len(house.signals(REFUSED)) == 21
    assert "and 40 more readings" in house.signals(REFUSED)[-1].detail


def test_a_name_that_influxdb_cannot_hold_is_set_aside_and_the_rest_goes_on(house: House) -> None:
    house.commit(3, logger="hostile\\")
    house.commit(3)
    house.drain()
    assert house.stored() == house.expected()
    assert len(house.signals(REFUSED)) == 3


def test_rebuilding_drops_and_refills(house: House) -> None:
    house.commit(250)
    house.drain()
    house.points.write(
        [f"reading,channel=internal,logger=LG-1 temperature_c=99.0,journal_offset=7i {START * 10**6 + 5}"]
    )
    seen: list[tuple[int, int]] = []
    reached = rebuild(house.journal, house.mark, house.points, house.clock, lambda done, of: seen.append((done, of)))
    assert reached == house.journal.head() == house.mark.offset()
    assert seen[-1] == (reached, reached)
    assert house.stored() == house.expected()


def test_a_rebuild_that_influxdb_interrupts_is_finished_by_the_projector(house: House) -> None:
    house.commit(150)
    house.drain()

    class GoesAway:
        """The real writer, whose server goes away after the drop."""

        def __init__(self, points: InfluxWriter) -> None:
            self.drop, self.forget = points.drop, points.forget

        def write(self, lines: Sequence[str]) -> None:
            raise TransientError("gone")

    with pytest.raises(TransientError, match="goes on from there"):
        rebuild(house.journal, house.mark, GoesAway(house.points), house.clock)
    assert house.mark.offset() == 0
    house.drain()
    assert house.stored() == house.expected()


def test_a_later_interpretation_replaces_the_point_and_leaves_no_field_of_the_old(house: House) -> None:
    house.commit(3)
    house.drain()
    [old, *_] = house.journal.read(0, 1)
    house.journal.reinterpret("better", {old.message: [old._replace(humidity_mpct=None, temperature_mc=9000)]})
    house.drain()
    [*_, new] = house.journal.read(0, 10)
    assert (new.interpretation, new.temperature_mc, new.humidity_mpct) == (2, 9000, None)
    assert house.stored()[0] == essence(new)
    assert len(house.stored()) == 3


def test_the_loop_forwards_what_arrives_and_ends_when_told(house: House) -> None:
    turns = []

    def wait(seconds: float) -> None:
        turns.append(seconds)
        house.commit(10, first=10 * len(turns))

    house.projector.run(lambda: len(turns) >= 3, wait)
    assert turns == [1.0, 1.0, 1.0]
    house.drain()
    assert len(house.stored()) == 30


class Full:
    """Points that are never taken, to see what waits in memory meanwhile."""

    def write(self, lines: Sequence[str]) -> None:
        raise TransientError("away")

    def forget(self, measurement: str, logger: str, channel: str, time_ns: int) -> None:
        raise PermanentError("not asked for")

    def drop(self, measurement: str) -> None:
        raise PermanentError("not asked for")


def test_memory_stays_bounded_while_influxdb_is_away(journal: SqliteJournal, registry: Registry) -> None:
    clock = HandClock(START)
    mark = RegistryMark(registry, clock)
    projector = Projector(journal, mark, Full(), clock, batch=500)
    filler = House.__new__(House)
    filler.journal = journal
    filler.commit(500)
    projector.step()
    tracemalloc.start()
    peaks = []
    for turn in range(1, 11):
        filler.commit(1000, first=1000 * turn)
        clock.advance(60_000)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        projector.step()
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    assert peaks[-1] < 2 * peaks[0]


def test_what_a_decision_put_out_of_force_is_forgotten_and_its_new_meaning_is_written(house: House) -> None:
    house.commit(30)
    house.drain()
    first, second = (one for one in house.journal.read(0, 2))
    moved = first._replace(channel="probe-1", temperature_mc=-5_000)
    house.journal.reinterpret("decision-1", {first.message: [moved], second.message: []})
    house.drain()
    kept = house.stored()
    assert len(kept) == 29
    assert ("LG-1", "probe-1", first.event_time_ms) in {row[:3] for row in kept}
    assert not {row[:3] for row in kept} & {("LG-1", "internal", one.event_time_ms) for one in (first, second)}
    rebuild(house.journal, house.mark, house.points, house.clock)
    assert house.stored() == kept
