"""Berlinger exports of our own making: clocks, missing samples, units, and files that are none."""

import itertools

import pytest

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from sensors.carriers.files.berlinger import parse
from sensors.carriers.files.berlinger_checks import contradictions

HEADER = (
    "Device: Q-tag Fridge-tag 2 L\r\nFw Vers: 4.0\r\nConf:\r\n Serial: 42\r\n Temp unit: C\r\n Logging Interval: 5\r\n"
)


def export(*rows: str, header: str = HEADER) -> bytes:
    table = "".join(f"\t{row}\r\n" for row in rows)
    return f"{header}Data:\r\n\tyyyy-MM-dd hh:mm\tT\tOut of limits\r\n{table}".encode()


def times(content: bytes, zone: str) -> list[int]:
    return [row.at_ms for row in parse(content, zone).rows]


def test_a_wall_clock_is_read_in_the_stated_zone() -> None:
    content = export("2022-05-02 04:44\t26.3\tx", "2022-12-02 04:44\t5.0\t")
    assert times(content, "Europe/Berlin") == [ms_from_iso("2022-05-02T02:44:00Z"), ms_from_iso("2022-12-02T03:44:00Z")]
    assert times(content, "+05:30") == [ms_from_iso("2022-05-01T23:14:00Z"), ms_from_iso("2022-12-01T23:14:00Z")]


def test_the_hour_that_a_zone_has_twice_is_told_apart_by_the_step_back() -> None:
    content = export(*(f"2022-10-30 {at}\t5.0\t" for at in ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00")))
    found = times(content, "Europe/Berlin")
    assert [(after - before) // 60_000 for before, after in itertools.pairwise(found)] == [30] * 5


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (("2022-03-27 01:30\t5.0\t", "2022-03-27 02:30\t5.0\t"), "does not exist"),
        (("2022-10-30 02:55\t5.0\t", "2022-10-30 03:00\t5.0\t"), "had twice"),
    ],
)
def test_a_clock_that_did_not_follow_the_zone_is_refused_with_the_remedy(rows: tuple[str, ...], words: str) -> None:
    with pytest.raises(InvalidValue, match=rf"{words}.*state the fixed offset"):
        parse(export(*rows), "Europe/Berlin")
    assert len(parse(export(*rows), "+01:00").rows) == 2


def test_a_missing_sample_has_a_time_and_no_value() -> None:
    rows = parse(export("2022-05-02 04:44\t--.-\t", "2022-05-02 04:49\t-0.5\tx"), "UTC").rows
    assert [(row.temperature_mc, row.out_of_limits) for row in rows] == [(None, False), (-500, True)]


def test_fahrenheit_is_converted_because_the_file_says_so() -> None:
    content = export("2022-05-02 04:44\t41.0\t", header=HEADER.replace("Temp unit: C", "Temp unit: F"))
    assert [row.temperature_mc for row in parse(content, "UTC").rows] == [5000]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "first line"),
        (b"time,temperature\r\n", "first line"),
        (b"Device: X\r\nConf:\r\n Lot: 1\r\n", "Serial"),
        (b"Device: X\r\nConf:\r\n   Serial: 1\r\n", "line 3"),
        (b"Device: X\r\nConf\r\n", "line 2"),
        (export(header=HEADER.replace(" C\r", " K\r")), "'K'"),
        (b"Device: \xff\xfe\x00\r\n\x00:\r\n", "Serial"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_place(content: bytes, words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        parse(content, "UTC")


def test_an_unknown_zone_is_refused_and_never_guessed() -> None:
    with pytest.raises(InvalidValue, match="Mars/Olympus"):
        parse(export("2022-05-02 04:44\t5.0\t"), "Mars/Olympus")


@pytest.mark.parametrize("row", ["2022-05-02 04:49\twarm\t", "2022-15-02 04:49\t5.0\t", "soon\t5.0\t", "\t5.0"])
def test_a_row_that_is_no_sample_names_its_line_and_costs_no_other(row: str) -> None:
    found = parse(export("2022-05-02 04:44\t4.6\t", row, "2022-05-02 04:54\t4.7\t"), "UTC")
    assert [one.temperature_mc for one in found.rows] == [4600, 4700]
    [bad] = found.bad_rows
    assert bad.line == export().count(b"\r\n") + 2
    assert any(f"line {bad.line} of the log is no sample" in one for one in contradictions(found))
