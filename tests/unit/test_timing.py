"""Which times are believed, seen from the arrival of the message."""

from coldchain.domain.message import Decoded
from coldchain.domain.quantity import ms_from_iso
from coldchain.domain.reading import Reading, flag_names
from ingest.timing import timed

ARRIVAL = ms_from_iso("2026-01-05T10:00:00Z")
MINUTE = 60_000


def at(*times_ms: int) -> Decoded:
    rows = tuple(
        Reading("L", "internal", time_ms, ARRIVAL, "device", "raw", temperature_mc=index)
        for index, time_ms in enumerate(times_ms)
    )
    return Decoded("L", "", b"", "native@1", rows)


def seen(message: Decoded) -> list[tuple[int, str, list[str]]]:
    return [((r.event_time_ms - ARRIVAL) // MINUTE, r.time_source, flag_names(r.flags)) for r in message.readings]


def test_a_time_in_the_past_stays_as_it_is() -> None:
    message = at(ARRIVAL, ARRIVAL - 5 * 365 * 1440 * MINUTE)
    assert timed(message, ARRIVAL) is message


def test_a_clock_a_little_ahead_is_kept_and_flagged() -> None:
    assert seen(timed(at(ARRIVAL + 5 * MINUTE), ARRIVAL)) == [(5, "device", ["future"])]


def test_a_message_from_1970_is_moved_to_its_arrival_with_its_spacing() -> None:
    assert seen(timed(at(0, 5 * MINUTE, 10 * MINUTE), ARRIVAL)) == [
        (-10, "arrival", ["clock_suspect"]),
        (-5, "arrival", ["clock_suspect"]),
        (0, "arrival", ["clock_suspect"]),
    ]


def test_a_clock_far_ahead_moves_the_whole_message() -> None:
    assert seen(timed(at(ARRIVAL + 60 * MINUTE, ARRIVAL - 60 * MINUTE), ARRIVAL)) == [
        (0, "arrival", ["clock_suspect"]),
        (-120, "arrival", ["clock_suspect"]),
    ]


def test_readings_from_before_the_clock_was_set_do_not_move_the_others() -> None:
    assert seen(timed(at(1000, ARRIVAL - MINUTE), ARRIVAL)) == [(0, "arrival", ["clock_suspect"]), (-1, "device", [])]


def test_stamps_decades_apart_have_no_spacing() -> None:
    assert seen(timed(at(0, ARRIVAL + 10 * 365 * 1440 * MINUTE), ARRIVAL)) == [
        (0, "arrival", ["clock_suspect"]),
        (0, "arrival", ["clock_suspect"]),
    ]


def test_the_raw_stamp_survives_the_correction() -> None:
    assert [r.device_time for r in timed(at(0), ARRIVAL).readings] == ["raw"]


def test_a_retained_message_counts_only_with_a_time_of_its_own() -> None:
    message = at(ARRIVAL - MINUTE, 0)
    arrived = message.readings[0]._replace(event_time_ms=ARRIVAL, time_source="arrival")
    message = message._replace(readings=(*message.readings, arrived), status={"battery_pct": 3})
    kept = timed(message, ARRIVAL, retained=True)
    assert seen(kept) == [(-1, "device", ["retained"])]
    assert kept.status is None
