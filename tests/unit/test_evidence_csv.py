"""CSV for evidence: byte for byte what was stored, inert in spreadsheets, and checkable by its last line."""

import csv
import hashlib
import io
import tracemalloc
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from judging import reading

from coldchain.domain.reading import JSON_FIELDS
from compliance.evidence.csv import Exact, ReadingsCsv, TableCsv, unguarded


def test_a_reading_stands_with_exact_numbers_and_empty_cells_for_what_is_absent() -> None:
    row = reading(0, "-18.5", longitude_e7=-91_393_000, flags=1, device_alarm="=cmd()", historical=True)
    table = ReadingsCsv()
    text = b"".join(table.readings([("S-1", row)])).decode()
    header, line, last, end = text.split("\r\n")
    assert header == ",".join(("shipment", *JSON_FIELDS))
    cells = dict(zip(header.split(","), line.split(","), strict=True))
    assert (cells["temperature_c"], cells["longitude"], cells["humidity_pct"]) == ("-18.5", "-9.1393", "")
    assert (cells["event_time"], cells["flags"], cells["historical"]) == ("2026-01-05T00:00:00.000Z", "future", "true")
    assert cells["device_alarm"] == "'=cmd()"
    assert end == ""
    body = text[: text.index("# rows=")].encode()
    assert last == f"# rows=1 sha256={hashlib.sha256(body).hexdigest()}"
    assert (table.rows, table.sha256) == (1, hashlib.sha256(body).hexdigest())


def test_an_empty_table_still_has_its_header_and_its_last_line() -> None:
    text = b"".join(TableCsv(("a", "b")).stream([])).decode()
    assert text.startswith("a,b\r\n# rows=0 sha256=")
    assert not text.startswith("\ufeff")


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), min_size=1, max_size=5))
def test_hostile_text_is_inert_and_comes_back_as_it_was(cells: list[str]) -> None:
    text = b"".join(TableCsv([f"c{k}" for k in range(len(cells))]).stream([cells])).decode()
    body = text[: text.rindex("# rows=")]
    read = list(csv.reader(io.StringIO(body, newline="")))[1]
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in read)
    assert [unguarded(cell) for cell in read] == cells


def test_numbers_are_never_guarded() -> None:
    text = b"".join(TableCsv(("n", "t")).stream([(Exact("-1.5"), "-1.5")])).decode()
    assert text.split("\r\n")[1] == "-1.5,'-1.5"


def test_memory_does_not_grow_with_the_rows() -> None:
    def rows(number: int) -> Iterator[tuple[str, int]]:
        return (("x" * 50, k) for k in range(number))

    def peak(number: int) -> int:
        tracemalloc.start()
        for _ in TableCsv(("a", "b")).stream(rows(number)):
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(30_000) < 2 * peak(1_500)
