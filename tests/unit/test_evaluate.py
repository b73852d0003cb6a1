"""`coldchain evaluate`: a file in, the compliance document out; wrong lines are named."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from coldchain.errors import InvalidValue
from compliance.document import json_schema
from compliance.evaluate import evaluate_file, inputs_of, read_rows
from compliance.shipped import shipped_bodies
from compliance.twin import differences

ROWS = [f"2026-01-05T10:{k:02}:00Z,{5 if k < 20 or k > 40 else 9.5}" for k in range(0, 60, 5)]


def written(folder: Path, *lines: str, header: str = "event_time,temperature_c") -> Path:
    path = folder / "readings.csv"
    path.write_text("\r\n".join((header, *lines)) + "\r\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("profile", [body["id"] for body in shipped_bodies()])
def test_every_shipped_profile_gives_a_document_of_the_published_schema(tmp_path: Path, profile: str) -> None:
    document = evaluate_file(written(tmp_path, *ROWS), profile, check=True)
    jsonschema.validate(document, json_schema(), cls=jsonschema.Draft202012Validator)
    assert document["profile"]["id"] == profile


def test_row_order_and_equal_duplicates_change_nothing(tmp_path: Path) -> None:
    plain = evaluate_file(written(tmp_path, *ROWS), "refrigerated-2-8")
    again = evaluate_file(written(tmp_path, *reversed(ROWS), *ROWS[:5]), "refrigerated-2-8")
    assert again == plain


def test_offsets_are_times_like_any_other(tmp_path: Path) -> None:
    shifted = [row.replace("T10:", "T12:").replace("Z,", "+02:00,") for row in ROWS]
    assert evaluate_file(written(tmp_path, *shifted), "cct-2-8") == evaluate_file(written(tmp_path, *ROWS), "cct-2-8")


def test_the_interval_is_the_files_median_difference_unless_given(tmp_path: Path) -> None:
    path = written(tmp_path, *ROWS)
    estimated, given = evaluate_file(path, "cct-2-8"), evaluate_file(path, "cct-2-8", interval_s=60)
    assert (estimated["interval_s"], estimated["interval_source"], estimated["gaps"]) == (300, "estimated", [])
    assert (given["interval_s"], given["interval_source"], len(given["gaps"])) == (60, "declared", len(ROWS) - 1)


def test_the_governing_channel_is_the_one_with_the_worst_suggestion(tmp_path: Path) -> None:
    lines = [f"{row},{channel}" for row in ROWS for channel in ("a", "b") if channel == "a" or ",5" in row]
    document = evaluate_file(written(tmp_path, *lines, header="event_time,temperature_c,channel"), "refrigerated-2-8")
    assert document["governing_channel"] == "a"
    assert [channel["channel"] for channel in document["channels"]] == ["a", "b"]
    worst = next(channel for channel in document["channels"] if channel["channel"] == "a")
    for block in ("temperature", "mkt", "excursions", "suggestion", "humidity"):
        assert document[block] == worst[block]


def test_a_profile_from_a_file_brings_its_own_activation_energy(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "compliance" / "product_profiles" / "cct-2-8.toml"
    own = tmp_path / "own.toml"
    own.write_text(shipped.read_text(encoding="utf-8").replace("= 83.144", "= 100"), encoding="utf-8")
    path = written(tmp_path, *ROWS)
    mine, theirs = evaluate_file(path, str(own), check=True), evaluate_file(path, "cct-2-8")
    assert mine["mkt"]["value_c"] > theirs["mkt"]["value_c"]
    assert mine["engine"]["config_hash"] != theirs["engine"]["config_hash"]


@pytest.mark.parametrize(
    ("lines", "header", "names"),
    [
        (["2026-01-05T10:00:00Z,5", "2026-01-05T10:00:00Z,6"], "event_time,temperature_c", ["2", "3", "different"]),
        (["2026-01-05T10:00:00,5"], "event_time,temperature_c", ["line 2", "ISO 8601"]),
        (["2026-01-05T10:00:00Z,warm"], "event_time,temperature_c", ["line 2", "warm"]),
        (["2026-01-05T10:00:00Z,nan"], "event_time,temperature_c", ["line 2", "nan"]),
        (["2026-01-05T10:00:00Z"], "event_time,temperature_c", ["line 2", "temperature_c"]),
        (["2026-01-05T10:00:00Z,5"], "time,temperature_c", ["line 1", "event_time"]),
        (["2026-01-05T10:00:00Z,5,7"], "event_time,temperature_c", ["line 2", "3 cells", "5,7", "decimal comma"]),
        (["2026-03-29T02:30:00,5"], "event_time,temperature_c", ["line 2", "2026-03-29T02:30:00", "offset"]),
        (["2026-01-05T10:00:00Z,5"], "event_time;temperature_c", ["line 1", "event_time;temperature_c"]),
        ([], "event_time,temperature_c", ["no reading"]),
        (["2026-01-05T10:00:00Z,-273.15"], "event_time,temperature_c", ["line 2", "temperature_c = -273.15", "empty"]),
        (["2026-01-05T10:00:00Z,1e12"], "event_time,temperature_c", ["line 2", "temperature_c = 1e12"]),
        (["0001-01-01T00:00:00Z,5"], "event_time,temperature_c", ["line 2", "event_time = 0001-01-01", "1970"]),
        (["9999-12-31T23:59:59Z,5"], "event_time,temperature_c", ["line 2", "event_time = 9999-12-31", "8999"]),
        (["2026-01-05T10:00:00+25:00,5"], "event_time,temperature_c", ["line 2", "+25:00", "no offset"]),
    ],
)
def test_a_bad_line_is_named_with_its_value(tmp_path: Path, lines: list[str], header: str, names: list[str]) -> None:
    with pytest.raises(InvalidValue) as refused:
        evaluate_file(written(tmp_path, *lines, header=header), "refrigerated-2-8")
    assert all(name in str(refused.value) for name in names)


@pytest.mark.parametrize("interval", [0, -5, float("nan"), float("inf"), 1e12])
def test_an_interval_that_is_none_is_refused_with_its_value(tmp_path: Path, interval: float) -> None:
    with pytest.raises(InvalidValue, match=r"interval = .* give the seconds between two readings"):
        evaluate_file(written(tmp_path, *ROWS), "cct-2-8", interval_s=interval)


def test_the_hour_that_comes_twice_is_two_hours(tmp_path: Path) -> None:
    """02:30 in Berlin on 25 October 2026, once by summer time and once by winter time, in a file in mixed order."""
    lines = [f"2026-10-25T{hour:02}:{minute:02}:00+0{offset}:00,5" for hour, offset in ((2, 1), (1, 2), (2, 2))
             for minute in (0, 30)]  # fmt: skip
    document = evaluate_file(written(tmp_path, *lines), "refrigerated-2-8", check=True)
    assert document["period"] == {"from": "2026-10-24T23:00:00.000Z", "to": "2026-10-25T01:30:00.000Z"}
    assert (document["interval_s"], document["gaps"], document["coverage_pct"]) == (1800, [], 100)


def test_gaps_duplicates_and_mixed_order_in_one_file(tmp_path: Path) -> None:
    lines = [f"2026-01-05T10:{minute:02}:00Z,5" for minute in (40, 0, 5, 10, 10, 45, 50)]
    document = evaluate_file(written(tmp_path, *lines), "refrigerated-2-8", check=True)
    [gap] = document["gaps"]
    assert (gap["from"], gap["duration_s"]) == ("2026-01-05T10:10:00.000Z", 1800)


def test_a_hold_below_three_intervals_is_a_note_and_no_refusal(tmp_path: Path) -> None:
    document = evaluate_file(written(tmp_path, *ROWS), "refrigerated-2-8", interval_s=1200)
    [note] = document["notes"]
    assert "outside-high" in note
    assert "raised to three intervals (60 min)" in note


def test_an_unknown_profile_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="cct-2-8"):
        evaluate_file(written(tmp_path, *ROWS), "cct")


def test_the_twin_notices_a_figure_that_is_off_by_a_printed_digit(tmp_path: Path) -> None:
    path = written(tmp_path, *ROWS)
    inputs = inputs_of(read_rows(path), "cct-2-8", None)
    for block, name in (
        ("temperature", "mean_c"),
        ("temperature", "time_above_s"),
        ("mkt", "value_c"),
        ("mkt", "upper_c"),
    ):
        document: dict[str, Any] = evaluate_file(path, "cct-2-8")
        document["channels"][0][block][name] += 0.01
        assert len(differences(inputs, document)) == 1
    document = evaluate_file(path, "cct-2-8")
    del document["channels"][0]["excursions"][0]
    assert differences(inputs, document) != []


def test_minutes_above_the_limit_agree_with_counted_readings_within_one_step_per_edge(tmp_path: Path) -> None:
    """A day at 5-minute steps with 120 minutes above 8 °C: interpolation moves the edges by less than one step each."""
    lines = [f"2026-01-05T{k // 12:02}:{k % 12 * 5:02}:00Z,{9.0 if 100 <= k < 124 else 5.0}" for k in range(288)]
    above = evaluate_file(written(tmp_path, *lines), "refrigerated-2-8", check=True)["temperature"]["time_above_s"]
    assert abs(above - 120 * 60) <= 2 * 300
