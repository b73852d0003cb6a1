"""Importing a table of columns: looked at first, stored once, only what is new, and the mapping kept with a version."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from coldchain import audit
from coldchain.clock import HandClock
from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue, Stale
from coldchain.journal.sqlite import SqliteJournal
from coldchain.registry import file_imports
from coldchain.registry.migrations import migrate
from coldchain.registry.schema import file_import
from coldchain.registry.store import Registry, sqlite_url
from ingest import file_mappings
from ingest.csv_files import Options
from ingest.files import Imported, import_file, preview_file
from ingest.pipeline import Pipeline

NOW = ms_from_iso("2026-11-22T12:00:00Z")
STATED = Options(zone="Europe/Berlin", logger="USB-7", mapping="generic")
MAPPING = {
    "id": "our-fridges", "match": {"columns": ["Wann", "Wert"]}, "time": {"columns": ["Wann"], "order": "dmy"},
    "logger": {"preamble": "Nummer"}, "channels": [{"column": "Wert", "channel": "probe-1", "unit": "C"}],
}  # fmt: skip


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


def rows(first: int, last: int) -> bytes:
    lines = [f"2026-01-05 {10 + n // 60:02d}:{n % 60:02d},{4 + n % 10 / 10}" for n in range(first, last)]
    return "\r\n".join(["Time,Temp (°C)", *lines, ""]).encode()


def bring(pipeline: Pipeline, registry: Registry, content: bytes, options: Options = STATED, **more: Any) -> Imported:
    return import_file(pipeline, registry, content, "run.csv", who="anna", options=options, **more)


def test_a_table_becomes_readings_and_the_file_is_kept_byte_for_byte(pipeline: Pipeline, registry: Registry) -> None:
    content = rows(0, 100) + b"soon,4.6\r\n"
    report, again = bring(pipeline, registry, content)
    assert (report["rows"], report["stored"], report["duplicates"], again) == (101, 100, 0, False)
    assert report["problems"] == [{"line": 102, "text": "soon,4.6", "reason": "'soon' is no date and time"}]
    stored = pipeline.journal.read(0, 1000)
    assert (stored[0].event_time_ms, stored[0].temperature_mc) == (ms_from_iso("2026-01-05T09:00:00Z"), 4000)
    assert {(one.logger, one.channel, one.historical, one.device_profile) for one in stored} == {
        ("USB-7", "internal", True, "generic@1")
    }
    with registry.read() as connection:
        assert file_imports.content(connection, report["sha256"]) == content
        [entry] = audit.entries(connection)
        assert entry.action == "import"
    kept = pipeline.journal.message(report["message"])
    assert kept is not None
    assert kept.envelope.payload == content


def test_the_same_file_again_gives_the_first_report_and_an_overlapping_one_only_adds_what_is_new(
    pipeline: Pipeline, registry: Registry
) -> None:
    first = bring(pipeline, registry, rows(0, 100))
    second = bring(pipeline, registry, rows(0, 100), Options())
    assert (second.report, second.again) == (first.report, True)
    third = bring(pipeline, registry, rows(50, 150))
    assert (third.report["stored"], third.report["duplicates"]) == (50, 50)
    assert len(pipeline.journal.read(0, 1000)) == 150


def test_an_import_that_was_cut_off_goes_on_where_it_stopped(pipeline: Pipeline, registry: Registry) -> None:
    lines = [f"2026-01-{5 + n // 1440:02d} {n // 60 % 24:02d}:{n % 60:02d},{n % 80 / 10}" for n in range(17_000)]
    content = "\n".join(["Time,Temp (C)", *lines]).encode()

    def stop(done: int, total: int) -> None:
        if done < total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(pipeline, registry, content, progress=stop)
    assert len(pipeline.journal.read(0, 20_000)) == 8000
    report, again = bring(pipeline, registry, content)
    assert (report["rows"], report["stored"], report["duplicates"], again) == (17_000, 9000, 8000, False)


def test_a_preview_stores_nothing_and_says_what_an_import_would_do(pipeline: Pipeline, registry: Registry) -> None:
    content = rows(0, 30) + b"2026-01-05 10:40,warm\r\n"
    shown = preview_file(registry, content, "run.csv", STATED, NOW)
    assert (shown["rows"], shown["readings"], shown["problem_count"], shown["needs"]) == (31, 30, 1, [])
    assert (shown["first"], shown["interval_estimate_s"]) == ("2026-01-05T09:00:00.000Z", 60)
    assert [one["becomes"] and one["becomes"]["what"] for one in shown["columns"]] == ["time", "temperature"]
    assert shown["sample"][0]["temperature_c"] == 4.0
    assert pipeline.journal.head() == 0
    with registry.read() as connection:
        assert connection.execute(select(file_import)).first() is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (STATED._replace(zone=None), "zone: "),
        (STATED._replace(logger=None), "logger: "),
        (STATED._replace(mapping=None), "mapping: no mapping knows these titles"),
        (STATED._replace(order="dmy"), None),
        (STATED._replace(order="sideways"), "order: 'sideways'"),
        (STATED._replace(logger="a/b"), "holds one of"),
    ],
)
def test_what_is_not_stated_is_asked_and_nothing_is_stored(
    pipeline: Pipeline, registry: Registry, options: Options, words: str | None
) -> None:
    if words is None:  # an order that does not matter here, because every date begins with its year
        assert bring(pipeline, registry, rows(0, 3), options).report["stored"] == 3
        return
    with pytest.raises(InvalidValue, match=words):
        bring(pipeline, registry, rows(0, 3), options)
    assert pipeline.journal.head() == 0


def test_a_table_without_one_good_row_is_refused_whole(pipeline: Pipeline, registry: Registry) -> None:
    with pytest.raises(InvalidValue, match=r"not one of 1 rows can be read: line 2: .*ten years back"):
        bring(pipeline, registry, b"Time,Temp (C)\n1999-01-05 10:00,4.5\n")
    assert pipeline.journal.head() == 0


def test_a_saved_mapping_recognises_its_files_by_their_titles(pipeline: Pipeline, registry: Registry) -> None:
    file_mappings.save(registry, MAPPING, who="anna", now_ms=NOW)
    content = "Nummer: FR-12\r\n\r\nWann;Wert\r\n03.04.2026 10:00;4,62\r\n04.04.2026 10:00;--.-\r\n".encode("cp1252")
    report, _ = bring(pipeline, registry, content, Options(zone="Europe/Berlin"))
    assert (report["mapping"], report["mapping_how"], report["logger"]) == ("our-fridges@1", "recognised", "FR-12")
    assert [(one.temperature_mc, one.fault) for one in pipeline.journal.read(0, 10)] == [
        (4620, None), (None, "sensor_error"),
    ]  # fmt: skip


def test_a_mapping_changes_by_a_new_version_with_a_reason(registry: Registry) -> None:
    file_mappings.save(registry, MAPPING, who="anna", now_ms=NOW)
    with pytest.raises(InvalidValue, match="reason is missing"):
        file_mappings.save(registry, MAPPING, who="anna", now_ms=NOW)
    changed = {**MAPPING, "interval_s": 300, "reason": "the interval is known"}
    assert file_mappings.save(registry, changed, who="ben", now_ms=NOW)["version"] == 2
    assert file_mappings.named(registry, "our-fridges").interval_s == 300
    assert file_mappings.named(registry, "our-fridges@1").interval_s is None
    with pytest.raises(Stale):
        file_mappings.save(registry, {**changed, "version": 2}, who="ben", now_ms=NOW)
    with pytest.raises(InvalidValue, match="comes with the program"):
        file_mappings.save(registry, {**MAPPING, "id": "ibutton"}, who="ben", now_ms=NOW)


def test_an_untested_mapping_counts_once_somebody_confirmed_it(pipeline: Pipeline, registry: Registry) -> None:
    content = "LogTag Analyzer: 1\n\nDate,Time,Reading (°C)\n25/03/2026,10:00,4.5\n".encode()
    stated = Options(zone="UTC", logger="LT-1")
    with pytest.raises(InvalidValue, match="logtag@1 is untested"):
        bring(pipeline, registry, content, stated)
    report, _ = bring(pipeline, registry, content, stated._replace(confirm=True))
    assert (report["stored"], report["confirmed"]) == (1, True)


def test_one_file_cannot_be_of_two_loggers(pipeline: Pipeline, registry: Registry) -> None:
    bring(pipeline, registry, rows(0, 3))
    with pytest.raises(InvalidValue, match="of logger USB-7, not USB-8"):
        bring(pipeline, registry, rows(0, 3), STATED._replace(logger="USB-8"))
