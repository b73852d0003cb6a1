"""The form under a preview: what a person says of each column becomes a mapping, and the mapping reads the file."""

from typing import Any

import pytest

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from dashboard.parts import file_blocks, file_form
from ingest.csv_files import Options, Table, preview

NOW = ms_from_iso("2026-11-22T12:00:00Z")
CONTENT = b"No: 7\nWhen,Value,Value,Unit,Who\n2026-11-20 10:00,41,50,F,A1\n2026-11-20 10:05,42,51,F,\n"


def looked(**options: Any) -> dict[str, Any]:
    return {**preview(Table(None, CONTENT, Options(zone="UTC", **options), NOW), "sha"), "sha256": "sha"}


def form(found: dict[str, Any], *what: str, channels: tuple[str, ...] = (), units: tuple[str, ...] = ()) -> Any:
    width = len(found["columns"])
    named = (*channels, *[""] * width)[:width]
    return file_form.mapping_of(found, what, named, (*units, *["title"] * width)[:width])


def test_what_is_said_of_each_column_reads_the_file_that_way() -> None:
    body = form(looked(), "time", "temperature", "humidity", "unused", "logger", units=("", "F", "%"))
    again = looked(mapping=body)
    assert again["needs"] == []
    first = again["sample"][0]
    assert (first["logger"], first["channel"], first["temperature_c"], first["humidity_pct"]) == (
        "A1",
        "internal",
        5,
        50,
    )


def test_titles_that_stand_twice_are_named_by_their_number_and_others_by_their_words() -> None:
    body = form(looked(), "time", "temperature", "unused", "unused", "logger", units=("", "F"))
    assert (body["time"]["columns"], body["channels"][0]["column"], body["logger"]) == (["When"], 2, {"column": "Who"})
    assert body["match"]["columns"] == ["When", "Value", "Value", "Unit", "Who"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (("unused", "temperature", "unused", "unused", "unused"), "holds the time"),
        (("time", "unused", "unused", "unused", "unused"), "what it measures"),
        (("time", "temperature", "logger", "unused", "logger"), "Only one column"),
    ],
)
def test_a_form_that_cannot_be_a_mapping_says_what_is_missing(what: tuple[str, ...], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        form(looked(), *what)


def test_a_preview_and_a_report_can_be_shown_with_what_they_lack() -> None:
    found = looked(logger="L")
    assert file_blocks.problems(found) is None
    assert file_blocks.sample(found) is None
    assert file_form.columns(found) is not None
    assert file_blocks.summary(found).children
