"""Our minutes above the limit beside the logger's own, on each of the 38 recorded days of one logger.

The logger judges each minute unrounded and exports every fifth, rounded to 0.1 °C. Where the temperature dwells at the
limit, a sample of 8.04 is exported as 8.0 and the interpolated edge moves outwards to it: those days count longer here.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from coldchain.domain.message import Envelope
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading
from compliance.engine import findings
from compliance.evaluate import inputs_of
from sensors.carriers.files.berlinger import BerlingerExport, parse
from sensors.carriers.files.berlinger_carrier import message

BERLIN = ZoneInfo("Europe/Berlin")
HALF_A_STEP_MC = 50


@pytest.fixture(scope="module")
def export(recordings: Path) -> BerlingerExport:
    path = recordings / "series" / "berlinger" / "130500109088_202206081014.txt"
    return parse(path.read_bytes(), "Europe/Berlin")


def readings_of(export: BerlingerExport) -> list[Reading]:
    return list(message(export, Envelope("file", "export.txt", b"", 0)).readings)


def differences(export: BerlingerExport, readings: list[Reading]) -> dict[date, float]:
    """Minutes above 8 °C on each local day: the engine's minus the logger's."""
    newest = readings[-1].event_time_ms
    found = findings(inputs_of({"internal": readings}, "refrigerated-2-8", 300), newest)
    ours = {day.day: 0.0 for day in export.days}
    for one in found.excursions:
        if one.direction == "high":
            share = one.duration_ms / one.duration_upper_ms  # a gap inside belongs to no day
            for day, minutes in by_day(one.onset_ms, newest if one.end_ms is None else one.end_ms):
                ours[day] += minutes * share
    return {day.day: ours[day.day] - day.alarms["1"].minutes_out for day in export.days}


def by_day(start_ms: int, end_ms: int) -> list[tuple[date, float]]:
    """Minutes of an interval on each local day."""
    start, end = (datetime.fromisoformat(iso(at)).astimezone(BERLIN) for at in (start_ms, end_ms))
    parts = []
    while start < end:
        midnight = datetime.combine(start.date() + timedelta(days=1), datetime.min.time(), BERLIN)
        until = min(midnight, end)
        parts.append((start.date(), (until - start) / timedelta(minutes=1)))
        start = until
    return parts


def test_on_33_of_38_days_they_agree_within_eight_minutes_and_no_excursion_is_missed(export: BerlingerExport) -> None:
    found = differences(export, readings_of(export))
    assert len(found) == 38
    beyond = {str(day): round(minutes) for day, minutes in sorted(found.items()) if abs(minutes) > 8}
    assert beyond == {"2022-05-10": 20, "2022-05-12": 14, "2022-05-16": 10, "2022-05-26": 15, "2022-06-07": 14}
    assert min(found.values()) > -8


def test_what_differs_is_the_rounding_of_the_export_alone(export: BerlingerExport) -> None:
    # Read every exported value as the lowest that it may stand for, and all 38 days agree.
    lowest = [one._replace(temperature_mc=(one.temperature_mc or 0) - HALF_A_STEP_MC) for one in readings_of(export)]
    assert max(abs(minutes) for minutes in differences(export, lowest).values()) <= 8
