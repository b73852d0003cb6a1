"""What a telemetry store answers, whichever it is: a class of tests that each adapter's tests inherit.

The inheriting class gives a fixture `store`: called with arrivals, it commits them to a journal, brings the store up
to date with it and returns the store.
"""

from collections.abc import Callable

import pytest
from journal_cast import DAWN, DAY, MINUTE, arrival, content, reading

from coldchain.domain.message import Arrival
from coldchain.domain.track import ABSENT
from coldchain.telemetry.port import Telemetry

Store = Callable[..., Telemetry]
END = DAWN + 400 * DAY


def minutes(store: Telemetry, start: int, end: int, logger: str = "LG-1") -> list[int]:
    track = store.track(logger, "internal", DAWN + start * MINUTE, DAWN + end * MINUTE)
    return [(time - DAWN) // MINUTE for time in track.time_ms.tolist()]


def spread(*days: int, per_day: int = 4, logger: str = "LG-1") -> list[Arrival]:
    """One message of a few readings for each of these days, numbered by the day."""
    return [
        arrival(*(reading(day * 1440 + n * 60, 5.0 + n / 10) for n in range(per_day)), logger=logger, seq=day)
        for day in days
    ]


class TelemetryContract:
    """The promises of `Telemetry`."""

    @pytest.fixture
    def store(self) -> Store:
        pytest.fail("the inheriting class gives this fixture")

    def test_a_logger_that_was_never_heard_has_nothing(self, store: Store) -> None:
        empty = store()
        assert empty.channels("LG-9") == ()
        assert len(empty.track("LG-9", "internal", 0, END)) == 0
        assert list(empty.readings("LG-9", 0, END)) == []
        assert empty.latest() == {}

    def test_channels_are_those_that_reported_sorted(self, store: Store) -> None:
        told = store(arrival(reading(0, channel="probe-1"), reading(0), reading(1)), arrival(reading(0), logger="LG-2"))
        assert told.channels("LG-1") == ("internal", "probe-1")
        assert told.channels("LG-2") == ("internal",)

    def test_a_track_is_ordered_by_event_time_whatever_the_arrival(self, store: Store) -> None:
        told = store(*reversed(spread(0, 1, 2)))
        assert minutes(told, 0, 3000) == [0, 60, 120, 180, 1440, 1500, 1560, 1620, 2880, 2940]

    def test_an_interval_contains_its_start_but_not_its_end(self, store: Store) -> None:
        told = store(*spread(0))
        assert minutes(told, 60, 180) == [60, 120]
        found = told.readings("LG-1", DAWN + 60 * MINUTE, DAWN + 180 * MINUTE)
        assert [(r.event_time_ms - DAWN) // MINUTE for r in found] == [60, 120]

    def test_the_columns_of_a_track_are_the_values_of_the_readings(self, store: Store) -> None:
        full = reading(0, -18.25, humidity_mpct=51_000, latitude_e7=481_371_000, longitude_e7=-115_754_000)
        told = store(arrival(full, reading(1, 4.0)))
        track = told.track("LG-1", "internal", 0, END)
        first, second = told.readings("LG-1", 0, END)
        assert track.temperature_mc.tolist() == [-18_250, 4_000]
        assert track.humidity_mpct.tolist() == [51_000, ABSENT]
        assert track.latitude_e7.tolist() == [481_371_000, ABSENT]
        assert track.longitude_e7.tolist() == [-115_754_000, ABSENT]
        assert track.offset.tolist() == [first.offset, second.offset]

    def test_a_faulty_value_keeps_its_moment_but_no_value(self, store: Store) -> None:
        told = store(arrival(reading(0, 4.0), reading(1, None, fault="probe_open"), reading(2, 4.2)))
        assert told.track("LG-1", "internal", 0, END).temperature_mc.tolist() == [4_000, ABSENT, 4_200]
        assert [r.fault for r in told.readings("LG-1", 0, END)] == [None, "probe_open", None]

    def test_channels_and_loggers_are_kept_apart(self, store: Store) -> None:
        told = store(
            arrival(reading(0, 4.0), reading(0, 5.0, channel="probe-1")), arrival(reading(0, 6.0), logger="LG-2")
        )
        assert told.track("LG-1", "probe-1", 0, END).temperature_mc.tolist() == [5_000]
        assert [r.temperature_mc for r in told.readings("LG-1", 0, END, "internal")] == [4_000]
        assert [r.temperature_mc for r in told.readings("LG-2", 0, END)] == [6_000]

    def test_readings_are_ordered_by_time_then_channel(self, store: Store) -> None:
        told = store(arrival(reading(1, channel="b"), reading(0, channel="b"), reading(1, channel="a")))
        found = [((r.event_time_ms - DAWN) // MINUTE, r.channel) for r in told.readings("LG-1", 0, END)]
        assert found == [(0, "b"), (1, "a"), (1, "b")]

    def test_every_measured_value_comes_back_exactly(self, store: Store) -> None:
        full = reading(
            0, 8.001, humidity_mpct=1, latitude_e7=-900_000_000, longitude_e7=1_799_999_999, battery_mpct=99_999,
            battery_mv=3_301, light_mlux=0, shock_mg=1, pressure_mhpa=1_013_257,
        )  # fmt: skip
        [found] = store(arrival(full, seq=3)).readings("LG-1", 0, END)
        assert content(found) == content(full)
        assert (found.boot, found.seq) == (7, 3)

    def test_ties_are_ordered_by_the_message_that_made_them_not_by_arrival(self, store: Store) -> None:
        told = store(arrival(reading(0, 7.0), seq=2), arrival(reading(0, 6.0), seq=1), arrival(reading(0, 9.0), seq=0))
        assert told.track("LG-1", "internal", 0, END).temperature_mc.tolist() == [9_000, 6_000, 7_000]
        assert [r.seq for r in told.readings("LG-1", 0, END)] == [0, 1, 2]

    def test_the_latest_is_the_newest_by_event_time_of_each_channel(self, store: Store) -> None:
        told = store(
            arrival(reading(60, 5.0), reading(0, 4.0, channel="probe-1"), seq=1),
            arrival(reading(30, 9.0), seq=0),
            arrival(reading(0, 1.0), logger="LG-2"),
        )
        found = {key: r.temperature_mc for key, r in told.latest().items()}
        assert found == {("LG-1", "internal"): 5_000, ("LG-1", "probe-1"): 4_000, ("LG-2", "internal"): 1_000}
