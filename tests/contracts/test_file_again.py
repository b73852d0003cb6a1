"""A file read again in another way: its old interpretation stays on record, and nothing is doubled."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from roads import Roads, roads_at

from coldchain import audit
from coldchain.domain.quantity import iso, ms_from_iso
from coldchain.domain.reading import Reading
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import file_imports
from coldchain.telemetry.embedded import compact
from ingest import webhook
from ingest.csv_files import Options
from ingest.files import import_file
from ingest.files_again import Again, look_again, read_again

ROWS = 40
AT = ms_from_iso("2026-11-10T10:00:00Z")


def table(rows: int = ROWS, logger: str = "") -> bytes:
    """Temperatures in degrees Fahrenheit, as the title does not say, with humidity beside them."""
    head = "Time;Wert;rH (%)" + (";Serial" if logger else "")
    lines = [f"{iso(AT + n * 60_000)[:-5].replace('T', ' ')};{41 + n % 5};{50 + n % 3}"
             + (f";{logger}" if logger else "") for n in range(rows)]  # fmt: skip
    return "\n".join([head, *lines, ""]).encode()


def stated(unit: str = "C", zone: str = "UTC", logger: str | None = "USB-1", channel: str = "internal") -> Options:
    body = {
        "time": {"columns": ["Time"]},
        "channels": [
            {"column": "Wert", "channel": channel, "quantity": "temperature", "unit": unit},
            {"column": "rH (%)", "channel": channel, "quantity": "humidity", "unit": "%"},
        ],
    }
    return Options(zone=zone, logger=logger, mapping=body)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def roads(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Roads]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with roads_at(tmp_path, url) as made:
        yield made


def brought(roads: Roads, content: bytes, options: Options) -> str:
    """The file is imported; its hash."""
    done = import_file(roads.pages, roads.registry, content, "run.csv", who="ada", options=options)
    return str(done.report["sha256"])


def again(roads: Roads, digest: str, options: Options, reason: str = "its unit is Fahrenheit") -> Again:
    return read_again(roads.pages, roads.registry, roads.history, digest, options, who="ben", reason=reason)


def shown(roads: Roads, logger: str = "USB-1") -> list[tuple[int | None, int]]:
    return [(row.temperature_mc, row.interpretation) for row in roads.shown(logger)]


def test_another_unit_makes_a_second_interpretation_and_the_first_stays_on_record(roads: Roads) -> None:
    content = table()
    digest = brought(roads, content, stated())
    would = look_again(roads.pages, roads.registry, roads.history, digest, stated("F"))
    assert (would.messages, would.before, would.after, would.done) == (1, ROWS, ROWS, False)
    assert shown(roads)[0] == (41_000, 1)  # a look changes nothing
    made = again(roads, digest, stated("F"))
    assert made.done
    assert shown(roads)[:2] == [(5_000, 2), (5_556, 2)]
    assert len(shown(roads)) == ROWS
    assert len(roads.journal.read(0, 1000)) == 2 * ROWS
    with roads.registry.read() as connection:
        found = file_imports.get(connection, digest)
        assert file_imports.content(connection, digest) == content
        *_, last = audit.entries(connection)
    assert (last.action, last.who, last.reason) == ("file read again", "ben", "its unit is Fahrenheit")
    assert found.who == "ada"
    assert (found.report["read"]["number"], found.report["stored"]) == (2, ROWS)
    [earlier] = found.report["earlier"]
    assert (earlier["number"], earlier["who"], earlier["stored"]) == (1, "ada", ROWS)


def test_reading_it_again_in_the_same_way_changes_nothing(roads: Roads) -> None:
    digest = brought(roads, table(), stated())
    assert again(roads, digest, stated()).done is False
    again(roads, digest, stated("F"))
    head = roads.journal.head()
    assert again(roads, digest, stated("F")).messages == 0
    assert roads.journal.head() == head
    with roads.registry.read() as connection:
        assert [one.action for one in audit.entries(connection)].count("file read again") == 1


def test_another_zone_moves_every_reading_and_leaves_none_behind(roads: Roads) -> None:
    digest = brought(roads, table(), stated())
    again(roads, digest, stated(zone="+01:00"), "the logger's clock is an hour ahead")
    rows = roads.shown("USB-1")
    assert [row.event_time_ms for row in rows] == [AT - 3_600_000 + n * 60_000 for n in range(ROWS)]
    again(roads, digest, stated(), "no, it was not")
    assert [row.event_time_ms for row in roads.shown("USB-1")] == [AT + n * 60_000 for n in range(ROWS)]
    assert {row.interpretation for row in roads.shown("USB-1")} == {3}


def test_another_channel_takes_the_readings_away_from_the_first(roads: Roads) -> None:
    digest = brought(roads, table(), stated())
    again(roads, digest, stated(channel="ambient"), "it lay outside the box")
    assert {row.channel for row in roads.shown("USB-1")} == {"ambient"}
    assert len(roads.shown("USB-1")) == ROWS


def test_a_file_of_another_logger_goes_to_it_whole_and_comes_back(roads: Roads) -> None:
    digest = brought(roads, table(), stated())
    again(roads, digest, stated(logger="USB-2"), "the label was read wrongly")
    assert (len(shown(roads)), len(shown(roads, "USB-2"))) == (0, ROWS)
    assert ("USB-1", "internal") not in roads.history.latest()
    again(roads, digest, stated(logger="USB-1"), "it was read rightly")
    assert (len(shown(roads)), len(shown(roads, "USB-2"))) == (ROWS, 0)
    assert {interpretation for _, interpretation in shown(roads)} == {3}


def test_a_long_file_of_several_parts_is_read_again_as_a_whole_compacted_or_not(roads: Roads) -> None:
    rows = 8_100
    digest = brought(roads, table(rows), stated())
    with roads.registry.read() as connection:
        assert len(file_imports.get(connection, digest).report["kept"]) == 2
    compact(roads.journal, roads.journal.head(), AT + 60 * 86_400_000)
    body = stated("F").mapping
    assert isinstance(body, dict)
    single = {**body, "channels": body["channels"][:1]}
    made = again(roads, digest, Options("UTC", "USB-1", single), "Fahrenheit, and the humidity is another's")
    assert (made.before, made.after) == (rows, rows)
    found = roads.shown("USB-1")
    assert len(found) == rows
    assert {row.humidity_mpct for row in found} == {None}
    assert {row.interpretation for row in found} == {2}


def test_what_another_road_tells_is_not_put_out_of_force_by_a_file(roads: Roads) -> None:
    live = _native("USB-1", {0: 5.0, 1: 6.5})
    webhook.accept(roads.pages, "native", live, "application/json", None, roads.clock.now_ms())
    digest = brought(roads, table(), stated())
    would = look_again(roads.pages, roads.registry, roads.history, digest, stated("F"))
    assert (would.known, len(would.refused)) == (1, 1)
    again(roads, digest, stated("F"))
    rows: list[Reading] = roads.shown("USB-1")
    assert len(rows) == ROWS
    assert [(row.temperature_mc, row.interpretation) for row in rows[:3]] == [(5_000, 1), (6_500, 1), (6_111, 2)]
    assert {row.message for row in rows[:2]} == {1}  # the live message's own


def _native(logger: str, values: dict[int, float]) -> bytes:
    readings = ",".join(
        f'{{"ts":"{iso(AT + n * 60_000)}","values":{{"temperature_c":{value},"humidity_pct":{50 + n % 3}}}}}'
        for n, value in values.items()
    )  # fmt: skip
    return f'{{"v":1,"device":"{logger}","readings":[{readings}]}}'.encode()


def test_what_cannot_be_read_again_is_refused_and_changes_nothing(roads: Roads) -> None:
    digest = brought(roads, table(), stated())
    head = roads.journal.head()
    with pytest.raises(NotFound, match="no file with the SHA-256"):
        again(roads, "0" * 64, stated("F"))
    with pytest.raises(InvalidValue, match="reason is missing"):
        again(roads, digest, stated("F"), " ")
    with pytest.raises(InvalidValue, match="zone"):
        again(roads, digest, stated("F", zone=""))
    with pytest.raises(InvalidValue, match="not by this as-sent@1; to read what was imported in another way"):
        brought(roads, table(), stated("F"))
    assert roads.journal.head() == head
