"""Recorded Berlinger exports give what their publishers say that they hold."""

import json
from pathlib import Path
from typing import Any

import pytest

from coldchain.domain.message import Envelope
from ingest import berlinger_files
from sensors.carriers.files.berlinger import BerlingerExport, local_moment, parse
from sensors.carriers.files.berlinger_carrier import Berlinger
from sensors.carriers.files.berlinger_checks import contradictions, minutes_out
from sensors.carriers.files.berlinger_run import checked_run

IDS = ("ft2-no-log", "ft2l-full", "qtag-run2")


@pytest.fixture(params=IDS)
def vector(request: pytest.FixtureRequest, recordings: Path) -> dict[str, Any]:
    return find(recordings, request.param)


def find(recordings: Path, identity: str) -> dict[str, Any]:
    document = json.loads((recordings / "devices" / "berlinger-txt.json").read_text())
    [found] = [one for one in document["vectors"] if one["id"] == identity]
    found["content"] = (recordings / "devices" / found["transport"]["path"]).read_bytes()
    return dict(found)


def export_of(vector: dict[str, Any]) -> BerlingerExport:
    return parse(vector["content"], "UTC")


def mc(celsius: float | None) -> int | None:
    return None if celsius is None else round(celsius * 1000)


def test_the_header_is_read(vector: dict[str, Any]) -> None:
    export, expect = export_of(vector), vector["expect"]
    assert {"serial": export.serial, "model": export.model, "firmware": export.firmware} == expect["device"]
    assert export.interval_min == expect["logging_interval_min"]
    assert (export.activated, export.unit) == (expect["activated_local"], expect["unit"])
    assert export.report_created == expect.get("report_created_local")
    limits = [(one["side"], mc(one["limit_c"]), one["minutes"], one.get("mode")) for one in expect["alarm_limits"]]
    assert [(one.side, one.limit_mc, one.minutes, one.mode) for one in export.limits] == limits
    errors = [(str(one["code"]), one["count"], one["at_local"]) for one in expect.get("errors", [])]
    assert [(one.code, one.count, one.at) for one in export.errors] == errors


def test_every_logged_sample_is_read_and_none_is_invented(vector: dict[str, Any]) -> None:
    export, expect = export_of(vector), vector["expect"].get("log")
    if expect is None:
        assert export.rows == ()
        return
    values = [row.temperature_mc for row in export.rows if row.temperature_mc is not None]
    assert (len(export.rows), len(values)) == (expect["rows"], expect["valid"])
    assert (min(values), max(values)) == (mc(expect["min_c"]), mc(expect["max_c"]))
    assert sum(values) / len(values) == pytest.approx(expect["mean_c"] * 1000, abs=1)
    assert sum(row.out_of_limits for row in export.rows) == expect["out_of_limit_flags"]
    shown = [[f"{row.local.replace(' ', 'T')}:00", row.temperature_mc] for row in export.rows]
    assert shown[:3] == [[at, mc(celsius)] for at, celsius in expect["first_rows"]]
    assert shown[-3:] == [[at, mc(celsius)] for at, celsius in expect["last_rows"]]


def test_the_daily_history_is_read_as_summaries(vector: dict[str, Any]) -> None:
    export, expect = export_of(vector), vector["expect"].get("days", [])
    assert len(export.days) == len(expect)
    for day, wanted in zip(export.days, expect, strict=True):
        assert str(day.day) == wanted["date"]
        assert (day.min_mc, day.min_at) == (mc(wanted["min_c"]), wanted["min_at"])
        assert (day.max_mc, day.max_at) == (mc(wanted["max_c"]), wanted["max_at"])
        assert (day.mean_mc, day.events) == (mc(wanted["avg_c"]), wanted["events"])
        assert day.sensor_timeout_min == wanted["int_sensor_timeout_min"]
        for number, alarm in wanted["alarms"].items():
            read = day.alarms[number]
            assert (read.minutes_out, read.alarm_at, read.checked) == (
                alarm["minutes_out"], alarm["alarm_at"], alarm["checked"],
            )  # fmt: skip


def test_the_run_that_a_shipment_logger_judged_itself(recordings: Path) -> None:
    vector = find(recordings, "qtag-run2")
    expect, result = vector["expect"]["result_by_logger"], export_of(vector).result
    assert result is not None
    assert (result.mkt_mc, result.mean_mc) == (mc(expect["mkt_c"]), mc(expect["mean_c"]))
    assert (result.min_mc, result.max_mc) == (mc(expect["min_c"]), mc(expect["max_c"]))
    assert float(result.mkt_energy_kj_mol or 0) == expect["mkt_activation_energy_kj_mol"]
    assert (result.start, result.stop) == (expect["start_local"], expect["stop_local"])
    wanted = [
        (one["start_local"], one["alarm_local"], one.get("end_local"), one["minutes"]) for one in expect["alarms"]
    ]
    assert [(one.start, one.alarm, one.end, one.minutes) for one in result.alarms] == wanted


def test_minutes_beyond_a_limit_agree_with_the_logger_within_eight_on_each_day(recordings: Path) -> None:
    vector = find(recordings, "ft2l-full")
    export, expect = export_of(vector), vector["expect"]
    ours = minutes_out(export)
    for day, wanted in zip(export.days, expect["days"], strict=True):
        for number, alarm in wanted["alarms"].items():
            difference = ours.get((day.day, number), 0.0) - alarm["minutes_out"]
            assert abs(difference) <= expect["tolerance"]["minutes_out_abs"], (day.day, number)


def test_the_result_of_a_run_agrees_with_its_log_by_the_loggers_own_counting(recordings: Path) -> None:
    vector = find(recordings, "qtag-run2")
    export, expect = export_of(vector), vector["expect"]["result_by_logger"]
    allowed, checked = vector["expect"]["tolerance"], checked_run(export)
    assert checked is not None
    assert (checked["mkt_cut_c"], checked["mean_cut_c"]) == (expect["mkt_c"], expect["mean_c"])
    assert checked["mkt_c"] == pytest.approx(10.584, abs=0.001)
    assert (checked["min_c"], checked["max_c"]) == (expect["min_c"], expect["max_c"])
    numbers = {(limit.side, limit.mode): limit.number for limit in export.limits}
    for alarm in expect["alarms"]:
        if alarm.get("borderline"):
            continue
        ours = [one for one in checked["alarms"] if one["number"] == numbers[alarm["side"], alarm["mode"]]]
        best = min(ours, key=lambda one: apart(one["start_local"], alarm["start_local"]))
        assert apart(best["start_local"], alarm["start_local"]) <= allowed["excursion_start_min"]
        minutes = allowed["cumulative_minutes" if alarm["mode"] == "cumulative" else "excursion_minutes"]
        assert abs(best["minutes"] - alarm["minutes"]) <= minutes
        assert apart(best["alarm_local"], alarm["alarm_local"]) <= allowed["alarm_min"]


def apart(one: str, other: str) -> float:
    return abs((local_moment(one) - local_moment(other)).total_seconds()) / 60


def test_a_run_whose_log_was_warmed_or_cooled_is_told_from_an_untouched_one(recordings: Path) -> None:
    content = find(recordings, "qtag-run2")["content"]
    said = "; ".join(contradictions(parse(content.replace(b"\t23.", b"\t3."), "UTC")))
    assert "MKT" in said
    assert "alarm" in said


def test_minutes_by_the_named_method_agree_within_eight_on_all_38_days_and_both_limits(recordings: Path) -> None:
    content = (recordings / "series" / "berlinger" / "130500109088_202206081014.txt").read_bytes()
    shown = berlinger_files.report(parse(content, "Europe/Berlin"))
    assert shown["days_method"]["minutes"] == "berlinger-samples-times-interval@1"
    assert len(shown["days"]) == 38
    worst = [
        abs(day["minutes_logged"][number] - counted)
        for day in shown["days"]
        for number, counted in day["minutes_out"].items()
    ]
    assert (len(worst), max(worst) <= 8) == (76, True)


def test_an_untouched_file_agrees_with_itself(vector: dict[str, Any]) -> None:
    assert contradictions(export_of(vector)) == ()


def test_a_file_with_rows_removed_is_told_from_an_untouched_one(recordings: Path) -> None:
    lines = find(recordings, "ft2l-full")["content"].split(b"\r\n")
    log = lines.index(b"Data:") + 2
    for removed in (slice(log + 40, log + 10_640), slice(log + 2000, log + 2100), slice(log, log + 10_600)):
        kept = [line for at, line in enumerate(lines) if not removed.start <= at < removed.stop]
        export = parse(b"\r\n".join(kept), "UTC")
        assert len(export.rows) == 10_653 - (removed.stop - removed.start)
        assert contradictions(export), removed


def test_a_file_with_a_changed_value_is_told_from_an_untouched_one(recordings: Path) -> None:
    content = find(recordings, "ft2l-full")["content"]
    assert contradictions(parse(content.replace(b"\t30.2\t", b"\t7.2\t"), "UTC")) == ()  # one minute more is no proof
    assert contradictions(parse(content.replace(b"\t24.", b"\t4."), "UTC"))


def test_the_carrier_makes_one_message_of_a_file_with_its_hash_as_key(vector: dict[str, Any]) -> None:
    carrier = Berlinger("Europe/Berlin")
    envelope = Envelope("file", "export.txt", vector["content"], 1_700_000_000_000)
    assert carrier.claims(envelope)
    arrival = carrier.decode(envelope)
    [message] = arrival.messages
    assert (message.logger, len(message.key)) == (vector["expect"]["device"]["serial"], 64)
    assert len(message.readings) == vector["expect"].get("log", {"rows": 0})["rows"]
    assert message.payload == vector["content"]
    assert arrival == carrier.decode(envelope)
