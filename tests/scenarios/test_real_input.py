"""Real input, end to end: three recorded days and a recorded drive through a real broker, to findings and to people.

The logger's wall clock was Central European; one offset moves the three days to the present, and the drive lies inside
one of their excursions. Every part is the product's own, every server is real.
"""

import csv
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import servers
from sqlalchemy import select

from alerts.channels.port import Channel
from alerts.channels.sms import SmsChannel, SmsSettings
from alerts.channels.smtp import SmtpChannel, parse_smtp_url
from alerts.dispatcher import Dispatcher
from alerts.inbox import Inbox, InboxMessage
from alerts.outbox import Site
from alerts.planner import AlertPlanner
from alerts.sinks import SmsSink, SmtpSink
from coldchain.clock import SystemClock
from coldchain.domain.quantity import iso, milli_text
from coldchain.domain.reading import Reading
from coldchain.domain.track import ABSENT
from coldchain.domain.way import leaps, step_m, top_speed_m_s
from coldchain.journal.sqlite import SqliteJournal
from coldchain.registry import bindings, people, shipments
from coldchain.registry.bindings import NewBinding
from coldchain.registry.migrations import migrate
from coldchain.registry.profiles import seed_profiles
from coldchain.registry.schema import excursion, subject_state
from coldchain.registry.shipments import NewShipment
from coldchain.registry.store import Registry, holder_name, sqlite_url
from coldchain.registry.viewer import SYSTEM
from coldchain.telemetry.embedded import EmbeddedTelemetry
from coldchain.telemetry.influx_server import InfluxAddress
from coldchain.telemetry.influx_writer import InfluxWriter
from compliance.evidence.csv import ReadingsCsv
from compliance.loop import EngineLoop
from compliance.shipped import shipped_bodies
from dashboard.figures.route import route, way
from ingest.pipeline import Pipeline
from ingest.projection_mark import RegistryMark
from ingest.projector import Projector
from ingest.subscriber import Subscriber
from ingest.writer import Writer
from sensors.carriers.files.berlinger import BerlingerExport, Day, parse
from sensors.recordings import Recorded, native_messages, track
from sensors.replay import replay

pytestmark = [pytest.mark.server, pytest.mark.slow]

LOGGER = "130500109088"
ZONE = "Europe/Berlin"
DAYS = (date(2022, 5, 3), date(2022, 5, 4), date(2022, 5, 5))
BERLIN = ZoneInfo(ZONE)
DRIVE = datetime(2022, 5, 5, 12, 0, tzinfo=BERLIN)  # inside the excursion of 10:01 to 16:21
MINUTE = 60_000
FLOATS = {
    "temperature_mc": ("temperature_c", 1000), "latitude_e7": ("latitude", 10**7), "longitude_e7": ("longitude", 10**7),
}  # fmt: skip


@dataclass
class Recording:
    """The three days and the drive as messages of one logger, moved to the present by one offset."""

    export: BerlingerExport
    messages: list[Recorded]
    shift_ms: int

    @property
    def days(self) -> dict[date, Day]:
        return {day.day: day for day in self.export.days if day.day in DAYS}

    def local_day(self, time_ms: float) -> date:
        """The day on the logger's own wall clock of a moment that was moved."""
        return datetime.fromtimestamp((time_ms - self.shift_ms) / 1000, BERLIN).date()


@pytest.fixture(scope="module")
def recording(recordings: Path) -> Recording:
    export = parse((recordings / "series" / "berlinger" / f"{LOGGER}_202206081014.txt").read_bytes(), ZONE)
    rows = [row for row in export.rows if str(DAYS[0]) <= row.local[:10] <= str(DAYS[-1])]
    fixes = track((recordings / "series" / "gps" / "vehicle-munich-1hz.json").read_bytes())
    into_the_days = round(DRIVE.timestamp() * 1000) - fixes[0].at_ms
    moved = [type(fix)(fix.at_ms + into_the_days, fix.latitude, fix.longitude) for fix in fixes]
    shift_ms = round(time.time() * 1000) - 5 * MINUTE - rows[-1].at_ms
    return Recording(export, native_messages(LOGGER, rows, moved, shift_ms), shift_ms)


class House:
    """Every role of the product, in this process, on real servers."""

    def __init__(self, folder: Path, broker: servers.Mosquitto) -> None:
        self.clock = SystemClock()
        self.registry = Registry(sqlite_url(folder / "registry.db"))
        migrate(self.registry)
        self.journal = SqliteJournal(folder / "journal.db")
        self.history = EmbeddedTelemetry(self.journal)
        self.writer = Writer(Pipeline(self.journal, self.clock))
        self.subscriber = Subscriber(self.writer, broker.url)
        self.engine = EngineLoop(self.registry, self.journal, self.history, AlertPlanner(), self.clock)
        self.inbox = Inbox(folder / "inbox.db")
        self.smtp, self.sms = SmtpSink(self.inbox, self.clock), SmsSink(self.inbox, self.clock)
        self.smtp.start()
        self.sms.start()
        sms = SmsSettings(self.sms.url, self.sms.account, self.sms.token, "+4915100000000")
        channels: dict[str, Channel] = {
            "email": SmtpChannel(parse_smtp_url(self.smtp.url), "alerts@example.org"),
            "sms": SmsChannel(sms),
        }
        site = Site("http://127.0.0.1:8050", "example.org", b"k" * 32)
        self.dispatcher = Dispatcher(self.registry, channels, self.clock, holder_name(), site=site)
        self.writer.start()
        self.subscriber.start()
        servers.wait_until(lambda: self.subscriber.connected, what="the subscription")

    def plan(self, first_ms: int) -> str:
        """One shipment with this logger and one person on call."""
        now_ms = self.clock.now_ms()
        with self.registry.write() as connection:
            seed_profiles(connection, shipped_bodies(), now_ms)
            people.create(
                connection, email="anna@example.org", name="Anna", role="operator", who="test", now_ms=now_ms,
                phone="+4915100000001", zone=ZONE, on_call=True,
            )  # fmt: skip
            new = NewShipment("REAL-1", "refrigerated-2-8", origin={"name": "Munich", "zone": ZONE})
            shipment = shipments.create(connection, new, by=SYSTEM, now_ms=now_ms)
            binding = NewBinding(LOGGER, first_ms, reason="recorded, not calibrated by us")
            bindings.bind(connection, shipments.subject(shipment), binding, who="test", now_ms=now_ms)
            shipments.change(connection, shipment, {"state": "in_transit"}, by=SYSTEM, version=1, now_ms=now_ms)
        return shipment

    def readings(self) -> list[Reading]:
        return self.journal.read(0, 100_000)

    def close(self) -> None:
        self.subscriber.stop()
        self.writer.stop()
        self.smtp.stop()
        self.sms.stop()
        self.journal.close()
        self.registry.close()


@dataclass
class Story:
    """The house after everything happened."""

    house: House
    shipment: str
    recording: Recording

    def excursions(self) -> list[Any]:
        with self.house.registry.read() as connection:
            current = select(excursion).where(excursion.c.superseded.is_(False), excursion.c.withdrawn.is_(False))
            return list(connection.execute(current.order_by(excursion.c.onset_ms)))

    def inbox(self, kind: str) -> list[InboxMessage]:
        return [message for message in self.house.inbox.messages() if message.kind == kind]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, recording: Recording) -> Iterator[Story]:
    broker = servers.mosquitto_server(tmp_path_factory.mktemp("broker"))
    house = House(tmp_path_factory.mktemp("house"), broker)  # type: ignore[arg-type]
    shipment = house.plan(recording.messages[0].at_ms or 0)
    replay(recording.messages, broker.url, client_id="recording")
    servers.wait_until(lambda: len(house.readings()) >= len(recording.messages), 60, "every reading in the journal")
    while house.engine.step():
        pass
    house.dispatcher.drain()
    yield Story(house, shipment, recording)
    house.close()
    if isinstance(broker, servers.Process):
        broker.kill()


def test_every_message_that_was_sent_is_one_reading(story: Story) -> None:
    readings = story.house.readings()
    assert len(story.recording.messages) == 3 * 288 + 1194
    assert [one.seq for one in sorted(readings, key=lambda one: one.seq or 0)] == list(range(len(readings)))
    assert {one.flags for one in readings} == {0}
    assert story.house.journal.watermark(LOGGER).committed_through == (1, len(readings) - 1)


def test_minutes_above_the_limit_agree_with_the_loggers_own_within_eight_a_day(story: Story) -> None:
    ours = dict.fromkeys(DAYS, 0.0)
    for found in story.excursions():
        day = story.recording.local_day(found.onset_ms)
        assert (found.direction, story.recording.local_day(found.end_ms)) == ("high", day)
        ours[day] += found.duration_ms / MINUTE
    theirs = {day: summary.alarms["1"].minutes_out for day, summary in story.recording.days.items()}
    assert theirs == {DAYS[0]: 84, DAYS[1]: 14, DAYS[2]: 385}
    for day in DAYS:
        assert ours[day] == pytest.approx(theirs[day], abs=8), day


def test_the_drive_lies_inside_one_excursion_which_knows_where_it_peaked(story: Story) -> None:
    drive = [one for one in story.house.readings() if one.latitude_e7 is not None]
    first, last = min(one.event_time_ms for one in drive), max(one.event_time_ms for one in drive)
    [around] = [one for one in story.excursions() if one.onset_ms < first and last < one.end_ms]
    assert around.peak_mc == 12_400
    assert 481_000_000 < around.latitude_e7 < 482_000_000
    assert 115_000_000 < around.longitude_e7 < 117_000_000


def test_the_jump_is_neither_a_distance_nor_a_speed(story: Story) -> None:
    way = story.house.history.track(LOGGER, "device", 0, 1 << 60)
    assert not np.any(way.latitude_e7 == ABSENT)
    columns = (way.time_ms, way.latitude_e7, way.longitude_e7)
    [jump] = np.flatnonzero(leaps(*columns))
    assert step_m(*columns[1:])[jump] == pytest.approx(471, abs=2)
    assert top_speed_m_s(*columns) < 40


def test_the_shipment_is_judged_with_the_same_figures(story: Story) -> None:
    with story.house.registry.read() as connection:
        state = connection.execute(select(subject_state).where(subject_state.c.subject_id == story.shipment)).one()
    figures = state.document
    above_min = sum(one.duration_ms for one in story.excursions()) / MINUTE
    assert figures["temperature"]["time_above_s"] / 60 == pytest.approx(above_min, abs=0.1)
    assert (figures["temperature"]["min_c"], figures["temperature"]["max_c"]) == (3.2, 25.7)
    assert figures["coverage_pct"] > 99
    assert len(figures["excursions"]) == len(story.excursions()) == 4


def test_a_mail_and_an_sms_arrive_and_name_the_shipment(story: Story) -> None:
    mails, texts = story.inbox("email"), story.inbox("sms")
    assert mails
    assert texts
    assert {message.recipient for message in mails} == {"anna@example.org"}
    assert {message.recipient for message in texts} == {"+4915100000001"}
    assert all("REAL-1" in message.subject + message.text for message in mails)
    assert all("REAL-1" in message.text for message in texts)


def test_the_same_readings_stand_in_influxdb_value_by_value(story: Story, influx: servers.Influx) -> None:
    house = story.house
    points = InfluxWriter(InfluxAddress(influx.url, influx.token, influx.org, influx.bucket))
    mark = RegistryMark(house.registry, house.clock, f"projector.{influx.version}")
    projector = Projector(house.journal, mark, points, house.clock, batch=500)
    while projector.step():
        pass
    wanted = sorted(expected_row(one) for one in house.readings())
    stored = influx.rows("SELECT * FROM reading")
    assert (
        sorted(tuple(sorted((key, value) for key, value in row.items() if value is not None)) for row in stored)
        == wanted
    )


def expected_row(reading: Reading) -> tuple[tuple[str, Any], ...]:
    """A reading as InfluxDB's own answer must show it, worked out apart from the product's line protocol."""
    row: dict[str, Any] = {
        "time": reading.event_time_ms * 1_000_000, "logger": reading.logger, "channel": reading.channel,
        "boot": reading.boot, "seq": reading.seq, "journal_offset": reading.offset,
    }  # fmt: skip
    for attribute, (name, divisor) in FLOATS.items():
        value = getattr(reading, attribute)
        if value is not None:
            row[name] = value / divisor
    return tuple(sorted(row.items()))


def test_the_csv_holds_every_reading_once_with_the_exact_numbers(story: Story) -> None:
    table = ReadingsCsv()
    rows = story.house.history.readings(LOGGER, 0, 1 << 60)
    content = b"".join(table.readings((story.shipment, one) for one in rows))
    body, _, last = content.removesuffix(b"\r\n").rpartition(b"\r\n")
    found = list(csv.DictReader(StringIO(body.decode(), newline="")))
    digest = hashlib.sha256(body + b"\r\n").hexdigest()
    assert last.decode() == f"# rows={len(found)} sha256={digest}"
    offsets = sorted(int(row["offset"]) for row in found)
    assert offsets == [one.offset for one in story.house.readings()]
    measured = sorted((row["event_time"], row["temperature_c"]) for row in found if row["temperature_c"])
    logged = [row for row in story.recording.export.rows if str(DAYS[0]) <= row.local[:10] <= str(DAYS[-1])]
    assert measured == [
        (iso(row.at_ms + story.recording.shift_ms), milli_text(row.temperature_mc or 0)) for row in logged
    ]


def test_the_map_shows_the_drive_and_no_line_across_the_jump(story: Story) -> None:
    tracks = [story.house.history.track(LOGGER, channel, 0, 1 << 60) for channel in ("device", "internal")]
    path = way([tracks[0]], tracks[1], 10 * MINUTE)
    figure = route(path, [], [], (2000, 8000))
    lines = [trace for trace in figure["data"] if trace["mode"] == "lines"]
    steps = [
        (a, b)
        for trace in lines
        for a, b in pairwise(zip(trace["lat"], trace["lon"], strict=True))
        if None not in (*a, *b)
    ]
    columns = (np.array([[a[side], b[side]] for a, b in steps]) * 1e7 for side in (0, 1))
    metres = [
        step_m(lat, lon)[0] for lat, lon in zip(*(column.round().astype(np.int64) for column in columns), strict=True)
    ]
    assert len(metres) == len(path.time_ms) - 2 == 1192
    assert max(metres) < 40
    assert {trace["meta"] for trace in lines if trace["lat"]} == {"above"}
