"""Tables of columns: how they are written is found out, what cannot be found out is asked, nothing is guessed."""

from typing import Any

import pytest

from coldchain.domain.quantity import iso, ms_from_iso
from coldchain.domain.reading import Reading
from coldchain.errors import InvalidValue, NotFound
from ingest.csv_files import Options, Table, Totals
from sensors.carriers.files.csv_text import encoding_of
from sensors.carriers.files.mapping import mapping_from, shipped

NOW = ms_from_iso("2026-11-22T12:00:00Z")
IBUTTON = (
    "1-Wire/iButton Part Number: DS1922L-F5\r\n1-Wire/iButton Registration Number: 4B00000020C6E641\r\n"
    "Is Mission Active?  false\r\n\r\nDate/Time,Unit,Value\r\n"
)
LASCAR = "Depot 4,Time,Celsius(°C),High Alarm,Low Alarm,Humidity(%rh),dew point(°C),Serial Number\r\n"


def table(text: str | bytes, **options: Any) -> Table:
    content = text if isinstance(text, bytes) else text.encode()
    return Table(None, content, Options(**options), NOW)


def read(text: str | bytes, **options: Any) -> tuple[list[Reading], Totals]:
    found = table(text, **{"mapping": "generic", "zone": "UTC", "logger": "L1", **options})
    assert found.needs == ()
    totals, readings = Totals(), []
    for _, made in found.parts("sha", totals):
        readings += [one for message in made.messages for one in message.readings]
    return readings, totals


def times(readings: list[Reading]) -> list[str]:
    return [iso(one.event_time_ms)[:16] for one in readings]


def needs(text: str | bytes, **options: Any) -> set[str]:
    return {one.field for one in table(text, **options).needs}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_every_usual_encoding_is_told_by_itself(encoding: str) -> None:
    text = "Zeit;Kühlraum Temperatur (°C)\r\n2026-01-05 10:00;4,62\r\n2026-01-05 10:05;4,7\r\n"
    readings, totals = read(text.encode(encoding))
    assert [one.temperature_mc for one in readings] == [4620, 4700]
    assert totals.problems == 0


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_ends_are_found(delimiter: str, newline: str) -> None:
    rows = [["Time", "Temp (C)", "RH (%)"], ["2026-01-05 10:00:30", "4.5", "51"], ["2026-01-05 10:05:30", "-0.1", "52"]]
    readings, _ = read(newline.join(delimiter.join(row) for row in rows))
    assert [(one.temperature_mc, one.humidity_mpct) for one in readings] == [(4500, 51_000), (-100, 52_000)]


def test_decimal_commas_in_a_table_separated_by_commas_are_put_together() -> None:
    readings, _ = read(IBUTTON + "20/12/25 9:45:01,C,20,765\r\n20/12/25 9:50:01,C,20\r\n21/12/25 9:55:01,C,20,5\r\n",
                       mapping="ibutton", logger=None)  # fmt: skip
    assert [one.temperature_mc for one in readings] == [20_765, 20_000, 20_500]


def test_quoted_cells_keep_their_delimiters_and_a_quote_left_open_costs_its_line_only() -> None:
    text = 'Time,Note,"Temp, probe (°C)"\n'
    text += '2026-01-05 10:00,"a, b",4.5\n2026-01-05 10:05,"open,4.6\n2026-01-05 10:10,"c",4.7\n'
    readings, totals = read(text)
    assert [one.temperature_mc for one in readings] == [4500, 4700]
    assert [one.line for one in totals.first_problems] == [3]


def test_units_come_from_titles_and_are_converted() -> None:
    text = "Time,Probe A (°F),Probe B [K],Celsius\n2026-01-05 10:00,41,277.15,5\n"
    readings, _ = read(text)
    assert [(one.channel, one.temperature_mc) for one in readings] == [
        ("probe-1", 5000), ("probe-2", 4000), ("probe-3", 5000),
    ]  # fmt: skip


def test_a_line_of_units_below_the_titles_counts_as_the_titles() -> None:
    readings, _ = read("Time,Temperature,Humidity\n,°C,%RH\n2026-01-05 10:00,4.5,51\n2026-01-05 10:05,4.5,51\n")
    assert [(one.temperature_mc, one.humidity_mpct) for one in readings] == [(4500, 51_000)] * 2


@pytest.mark.parametrize(
    "title", ["Temperature", "T", "Value", "Ambient (°C)", "Dew point (°C)", "Board temp (°C)", "Max (°C)"]
)
def test_a_unit_is_never_guessed_and_what_is_not_the_goods_is_never_taken(title: str) -> None:
    assert needs(f"Time,{title}\n2026-01-05 10:00,4.5\n") == {"channels", "logger", "zone", "mapping"}


def test_a_mapping_that_contradicts_the_title_is_refused() -> None:
    channel = {"column": "Temp (°F)", "channel": "internal", "unit": "C"}
    with pytest.raises(InvalidValue, match=r"is C, but the title 'Temp \(°F\)' declares F"):
        table("Time,Temp (°F)\n2026-01-05 10:00,41\n", mapping={"channels": [channel]})


def test_a_unit_behind_the_number_has_to_be_the_columns_own() -> None:
    readings, totals = read("Time,Temp (°C)\n2026-01-05 10:00,4.5 °C\n2026-01-05 10:05,41 °F\n2026-01-05 10:10,4.6\n")
    assert [one.temperature_mc for one in readings] == [4500, 4600]
    assert "another unit" in totals.first_problems[0].reason


@pytest.mark.parametrize("marker", ["", "--.-", "NaN", "N/A", "Err", "null", "---"])
def test_a_missing_value_is_a_fault_at_its_moment(marker: str) -> None:
    readings, totals = read(f"Time,Temp (°C)\n2026-01-05 10:00,4.5\n2026-01-05 10:05,{marker}\n")
    assert [(one.temperature_mc, one.fault) for one in readings] == [(4500, None), (None, "sensor_error")]
    assert totals.faults == 1


def test_a_marker_of_ones_own_is_missing_too() -> None:
    body = {"text": {"missing": ["OFF"]}}
    readings, _ = read("Time,Temp (°C)\n2026-01-05 10:00,4.5\n2026-01-05 10:05,off\n", mapping=body)
    assert [one.fault for one in readings] == [None, "sensor_error"]


def test_a_probe_code_is_a_fault_and_an_impossible_value_is_refused_with_its_line() -> None:
    readings, totals = read("Time,Temp (°C)\n2026-01-05 10:00,327.67\n2026-01-05 10:05,900\n2026-01-05 10:10,4\n")
    assert [(one.temperature_mc, one.fault) for one in readings] == [(None, "probe_open"), (4000, None)]
    [problem] = totals.first_problems
    assert (problem.line, problem.text) == (3, "2026-01-05 10:05,900")
    assert "outside what such a sensor can measure" in problem.reason


ORDERED = "Time,Temp (°C)\n{},4.5\n{},4.6\n"


@pytest.mark.parametrize(
    ("first", "second", "order", "expected"),
    [
        ("25/03/2026 10:00", "26/03/2026 10:00", "dmy", "2026-03-25T10:00"),
        ("03/25/2026 10:00", "03/26/2026 10:00", "mdy", "2026-03-25T10:00"),
        ("2026/03/25 10:00", "2026/03/26 10:00", "ymd", "2026-03-25T10:00"),
        ("01.02.2026 10:00", "13.02.2026 10:00", "dmy", "2026-02-01T10:00"),
        ("25-Mar-2026 10:00", "26-Mar-2026 10:00", "ymd", "2026-03-25T10:00"),
        ("25/03/26 9:05:00 PM", "26/03/26 12:05:00 AM", "dmy", "2026-03-25T21:05"),
        ("20-12-25 09:45:01", "21-12-25 09:45:01", "dmy", "2025-12-20T09:45"),
        ("25-12-20 09:45:01", "25-12-21 09:45:01", "ymd", "2025-12-20T09:45"),
    ],
)
def test_the_order_of_the_date_is_read_from_the_whole_column(
    first: str, second: str, order: str, expected: str
) -> None:
    text = ORDERED.format(first, second)
    assert table(text, zone="UTC", logger="L").survey.order == order
    assert times(read(text)[0])[0] == expected


def test_a_column_that_reads_both_ways_is_refused_until_somebody_decides() -> None:
    text = ORDERED.format("03/04/2026 10:00", "05/04/2026 10:00")
    assert needs(text, zone="UTC", logger="L", mapping="generic") == {"order"}
    assert times(read(text, order="dmy")[0]) == ["2026-04-03T10:00", "2026-04-05T10:00"]
    assert times(read(text, order="mdy")[0]) == ["2026-03-04T10:00", "2026-05-04T10:00"]


def test_a_stated_order_that_the_column_contradicts_is_refused_with_the_line() -> None:
    with pytest.raises(InvalidValue, match="line 2 can be read day first only"):
        read(ORDERED.format("25/03/2026 10:00", "26/03/2026 10:00"), order="mdy")


def test_both_orders_in_one_column_are_refused_but_one_bad_row_is_only_a_bad_row() -> None:
    assert needs(ORDERED.format("25/03/2026 10:00", "03/26/2026 10:00"), zone="UTC", logger="L", mapping="generic") == {
        "order"
    }
    many = "".join(f"{25 + n // 60}/03/2026 10:{n % 60:02d},4.5\n" for n in range(150))
    readings, totals = read(f"Time,Temp (°C)\n{many}03/26/2026 10:00,4.6\n")
    assert (len(readings), totals.first_problems[0].line) == (150, 152)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("05.01.2026;10:00;4,5", "2026-01-05T10:00"),  # date and time of day in two columns
        ("2026-01-05;10:00:30;4,5", "2026-01-05T10:00"),
    ],
)
def test_date_and_time_may_stand_in_two_columns(rows: str, expected: str) -> None:
    assert times(read(f"Datum;Zeit;Temperatur (°C)\n{rows}\n", order="dmy")[0]) == [expected]


def test_epochs_are_read_where_a_mapping_says_so() -> None:
    body = {"time": {"columns": ["t"], "order": "epoch_s"}}
    readings, _ = read("t,Temp (°C)\n1767607200,4.5\n1767607500,4.6\n", mapping=body, zone=None)
    assert times(readings) == ["2026-01-05T10:00", "2026-01-05T10:05"]


def test_a_time_with_its_own_offset_needs_no_zone() -> None:
    text = "Time,Temp (°C)\n2026-01-05T10:00:00+01:00,4.5\n2026-01-05T09:05:00Z,4.6\n"
    assert times(read(text, zone=None)[0]) == ["2026-01-05T09:00", "2026-01-05T09:05"]


def test_the_zone_is_asked_and_an_unknown_one_refused() -> None:
    text = "Time,Temp (°C)\n2026-01-05 10:00,4.5\n"
    assert needs(text, logger="L", mapping="generic") == {"zone"}
    with pytest.raises(InvalidValue, match="Mars/Olympus"):
        read(text, zone="Mars/Olympus")
    assert times(read(text, zone="Europe/Berlin")[0]) == ["2026-01-05T09:00"]
    assert times(read(text, zone="+05:30")[0]) == ["2026-01-05T04:30"]


AUTUMN = [f"2026-10-25 {hour:02d}:{minute:02d}" for hour, minute in
          [(1, 30), (2, 0), (2, 30), (2, 0), (2, 30), (3, 0)]]  # fmt: skip
TWICE = [
    "2026-10-24T23:30",
    "2026-10-25T00:00",
    "2026-10-25T00:30",
    "2026-10-25T01:00",
    "2026-10-25T01:30",
    "2026-10-25T02:00",
]


def column(rows: list[str]) -> str:
    return "Time,Temp (°C)\n" + "".join(f"{row},{4 + at / 10:.1f}\n" for at, row in enumerate(rows))


def test_a_doubled_hour_is_told_apart_by_the_step_back_in_either_direction_of_the_file() -> None:
    assert times(read(column(AUTUMN), zone="Europe/Berlin")[0]) == TWICE
    assert times(read(column(AUTUMN[::-1]), zone="Europe/Berlin")[0]) == TWICE[::-1]


def test_a_doubled_hour_that_stands_once_shows_another_clock() -> None:
    with pytest.raises(InvalidValue, match=r"did not follow Europe/Berlin.*fixed offset"):
        read(column([*AUTUMN[:3], "2026-10-25 03:00"]), zone="Europe/Berlin")


def test_a_skipped_hour_shows_another_clock() -> None:
    with pytest.raises(InvalidValue, match=r"line 3.*skipped that hour.*fixed offset"):
        read(column(["2026-03-29 01:30", "2026-03-29 02:30", "2026-03-29 03:30"]), zone="Europe/Berlin")


def test_a_lonely_row_in_a_doubled_hour_is_named_and_costs_no_other() -> None:
    readings, totals = read(column(["2026-10-24 12:00", "2026-10-25 02:30", "2026-10-25 18:00"]), zone="Europe/Berlin")
    assert len(readings) == 2
    assert "stood twice" in totals.first_problems[0].reason


@pytest.mark.parametrize("day", ["2031-01-05", "1970-01-01", "2010-01-05"])
def test_a_time_that_cannot_be_is_a_bad_row(day: str) -> None:
    readings, totals = read(f"Time,Temp (°C)\n2026-01-05 10:00,4.5\n{day} 10:05,4.6\n")
    assert (len(readings), totals.first_problems[0].line) == (1, 3)


def test_rows_may_be_out_of_order() -> None:
    readings, totals = read(column(["2026-01-05 10:10", "2026-01-05 10:00", "2026-01-05 10:05"]))
    assert (len(readings), totals.problems) == (3, 0)


def test_the_ibutton_export_is_recognised_with_its_registration_number_and_units_by_row() -> None:
    text = IBUTTON + "21/08/26 9:05:00 PM,C,7.5\r\n22/08/26 1:20:00 AM,F,50\r\n"
    readings, _ = read(text, mapping=None, logger=None)
    assert {one.logger for one in readings} == {"4B00000020C6E641"}
    assert [one.temperature_mc for one in readings] == [7500, 10_000]
    assert readings[0].device_profile == "ibutton@1"
    assert times(readings) == ["2026-08-21T21:05", "2026-08-22T01:20"]


@pytest.mark.parametrize("scale", ["Celsius(°C)", "Celsius(C)", "Fahrenheit(°F)"])
def test_the_easylog_export_is_recognised_with_the_serial_number_of_its_first_row(scale: str) -> None:
    text = LASCAR.replace("Celsius(°C)", scale) + (
        "1,26/05/2026 13:23:55,41,46,36,45.5,1.1,010015331\r\n2,26/05/2026 13:28:55,42.8,,,45.0,1.0\r\n"
    )
    readings, _ = read(text.encode("cp1252"), mapping=None, logger=None)
    wanted = [5000, 6000] if scale.startswith("F") else [41_000, 42_800]
    assert [(one.logger, one.temperature_mc) for one in readings] == [("010015331", value) for value in wanted]
    assert [one.humidity_mpct for one in readings] == [45_500, 45_000]


def test_a_template_without_a_sample_asks_before_its_readings_count() -> None:
    text = "LogTag Analyzer: 1010203040\n\nDate,Time,Reading (°C)\n25/03/2026,10:00,4.5\n"
    assert needs(text, zone="UTC", logger="L") == {"confirm"}
    assert needs(text, zone="UTC", logger="L", confirm=True) == set()


def test_a_mapping_that_is_unknown_names_those_that_there_are() -> None:
    with pytest.raises(NotFound, match=r"no 'nonsense'; there are .*ibutton"):
        table("Time,Temp (°C)\n2026-01-05 10:00,4.5\n", mapping="nonsense")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "Our Logger"}, "lower-case"),
        ({"surprise": 1}, "surprise"),
        ({"text": {"delimiter": "x"}}, "text.delimiter"),
        ({"text": {"encoding": "ebcdic"}}, "text.encoding"),
        ({"time": {"order": "ydm"}}, "order"),
        ({"channels": [{"column": 1, "channel": "a/b"}]}, "channels\\[0\\].channel"),
        ({"channels": [{"column": 1, "channel": "a", "quantity": "colour"}]}, "quantity"),
        ({"channels": [{"column": 1, "channel": "a", "unit": "Rankine"}]}, "unit"),
        ({"channels": [{"column": 1, "channel": "a"}, {"column": 2, "channel": "a"}]}, "two columns"),
        ({"interval_s": 0}, "interval_s"),
    ],
)
def test_a_mapping_that_breaks_the_format_is_refused_with_the_field(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        mapping_from({"id": "our-logger", **change})


def test_every_shipped_mapping_is_read_and_only_the_template_is_untested() -> None:
    assert {one.id for one in shipped() if one.status == "untested"} == {"logtag"}


def test_a_long_file_comes_in_parts_whose_bytes_are_the_file() -> None:
    rows = "".join(
        f"2026-01-{1 + n // 1440:02d} {n // 60 % 24:02d}:{n % 60:02d},{n % 80 / 10}\n" for n in range(20_000)
    )
    content = ("Time,Temp (°C)\n" + rows).encode("utf-16")
    found, totals, seen = table(content, zone="UTC", logger="L", mapping="generic"), Totals(), []
    parts = list(found.parts("sha", totals, lambda done, total: seen.append((done, total))))
    assert b"".join(payload for payload, _ in parts) == content
    assert [message.key for _, made in parts for message in made.messages] == ["sha", "sha:1", "sha:2"]
    assert (totals.readings, seen[-1]) == (20_000, (len(content), len(content)))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InvalidValue, match="no text"):
        encoding_of(b"\x00\x01\x02\x03\xff" * 100)
