"""Importing a logger's file: once, byte-exact, in a stated zone, and only its samples become readings."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from coldchain import audit
from coldchain.clock import HandClock
from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from coldchain.journal.sqlite import SqliteJournal
from coldchain.registry.migrations import migrate
from coldchain.registry.schema import file_import, signal
from coldchain.registry.store import Registry, sqlite_url
from ingest.files import import_file
from ingest.pipeline import Pipeline

NOW = ms_from_iso("2022-06-09T12:00:00Z")
HEAD = b"Device: X\r\nConf:\r\n Serial: 42\r\n Logging Interval: 5\r\nData:\r\n"
SMALL = HEAD + b"\t2022-05-02 04:44\t4.6\t\r\n\t2022-05-02 04:49\t--.-\t\r\n"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = Registry(sqlite_url(tmp_path / "registry.db"))
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    journal = SqliteJournal(tmp_path / "journal.db")
    yield Pipeline(journal, HandClock(NOW))
    journal.close()


def berlinger(recordings: Path, name: str) -> bytes:
    return (recordings / "series" / "berlinger" / name).read_bytes()


def test_a_whole_log_becomes_readings_and_the_file_is_kept_byte_for_byte(
    recordings: Path, pipeline: Pipeline, registry: Registry
) -> None:
    content = berlinger(recordings, "130500109088_202206081014.txt")
    report, again = import_file(pipeline, registry, content, "export.txt", zone="Europe/Berlin", who="anna")
    assert (report["rows"], report["stored"], report["state"], again) == (10_653, 10_653, "imported", False)
    readings = pipeline.journal.read(0, 20_000)
    assert len(readings) == 10_653
    first = readings[0]
    assert (first.logger, first.event_time_ms) == ("130500109088", ms_from_iso("2022-05-02T02:44:00Z"))
    assert (first.temperature_mc, first.historical) == (26_300, True)
    assert first.device_time == "2022-05-02 04:44"
    with registry.read() as connection:
        row = connection.execute(select(file_import)).one()
        assert (bytes(row.content), row.zone, row.who) == (content, "Europe/Berlin", "anna")
        assert [entry.action for entry in audit.entries(connection)] == ["import"]
    kept = pipeline.journal.message(report["message"])
    assert kept is not None
    assert kept.envelope.payload == content


def test_daily_summaries_never_become_samples(recordings: Path, pipeline: Pipeline, registry: Registry) -> None:
    content = berlinger(recordings, "130400191542_202302140605.txt")
    pipeline.clock.set(ms_from_iso("2023-02-15T00:00:00Z"))  # type: ignore[attr-defined]
    report, _ = import_file(pipeline, registry, content, "export.txt", zone="UTC", who="anna")
    assert (report["rows"], len(report["days"])) == (0, 60)
    assert pipeline.journal.read(0, 10) == []


def test_the_same_file_again_changes_nothing(pipeline: Pipeline, registry: Registry) -> None:
    first = import_file(pipeline, registry, SMALL, "a.txt", zone="UTC", who="anna")
    second = import_file(pipeline, registry, SMALL, "b.txt", zone=None, who="ben")
    assert (second.report, second.again) == (first.report, True)
    assert len(pipeline.journal.read(0, 10)) == 2
    with registry.read() as connection:
        assert len(list(audit.entries(connection))) == 1


def test_a_missing_sample_is_a_fault_with_its_moment(pipeline: Pipeline, registry: Registry) -> None:
    report, _ = import_file(pipeline, registry, SMALL, "a.txt", zone="UTC", who="anna")
    assert report["missing"] == 1
    assert [(row.temperature_mc, row.fault) for row in pipeline.journal.read(0, 10)] == [
        (4600, None),
        (None, "sensor_error"),
    ]


def test_an_export_that_contradicts_itself_is_imported_and_people_are_told(
    recordings: Path, pipeline: Pipeline, registry: Registry
) -> None:
    lines = berlinger(recordings, "130500109088_202206081014.txt").split(b"\r\n")
    log = lines.index(b"Data:") + 2
    tampered = b"\r\n".join(lines[: log + 40] + lines[log + 10_640 :])
    report, _ = import_file(pipeline, registry, tampered, "short.txt", zone="Europe/Berlin", who="anna")
    assert (report["state"], report["rows"]) == ("contradictory", 53)
    with registry.read() as connection:
        [row] = connection.execute(select(signal)).all()
    assert row.kind == "file_contradictory"
    assert "short.txt" in row.detail


@pytest.mark.parametrize(
    ("content", "zone", "words"),
    [
        (SMALL, None, "state the logger's"),
        (SMALL, "Mars/Olympus", "Mars/Olympus"),
        (b"time,temperature\n", "UTC", "no format"),
        (b"%PDF-1.7", "UTC", "no format"),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_is_stored(
    pipeline: Pipeline, registry: Registry, content: bytes, zone: str | None, words: str
) -> None:
    with pytest.raises(InvalidValue, match=words):
        import_file(pipeline, registry, content, "a.txt", zone=zone, who="anna")
    assert pipeline.journal.head() == 0
    with registry.read() as connection:
        assert connection.execute(select(file_import)).first() is None


def test_one_file_cannot_have_two_zones(pipeline: Pipeline, registry: Registry) -> None:
    import_file(pipeline, registry, SMALL, "a.txt", zone="UTC", who="anna")
    with pytest.raises(InvalidValue, match=r"imported as a\.txt with zone UTC"):
        import_file(pipeline, registry, SMALL, "a.txt", zone="Europe/Berlin", who="anna")
