"""InfluxDB 1.8 and 2.x as a projection: what is written stands there, and what is read back is what was written."""

import itertools

import pytest
import servers

from coldchain.clock import HandClock
from coldchain.domain.reading import Reading
from coldchain.domain.track import ABSENT
from coldchain.errors import ConfigError, PermanentError, TransientError
from coldchain.telemetry.influx import SLICE_MS, InfluxTelemetry
from coldchain.telemetry.influx_lines import READING, reading_line, reading_ns
from coldchain.telemetry.influx_server import InfluxAddress, InfluxServer
from coldchain.telemetry.influx_writer import InfluxWriter, Refused

pytestmark = pytest.mark.server
JUNE_2022 = 1_654_041_600_000
MINUTE = 60_000


def address(influx: servers.Influx, timeout_s: float = 10.0) -> InfluxAddress:
    return InfluxAddress(influx.url, influx.token, influx.org, influx.bucket, timeout_s)


def reading(minute: int, temperature_mc: int | None = 4620, **rest: object) -> Reading:
    at = JUNE_2022 + minute * MINUTE
    fields: dict[str, object] = {"logger": "LG-0042", "channel": "internal", "offset": minute + 1} | rest
    return Reading(event_time_ms=at, record_time_ms=at, time_source="device", temperature_mc=temperature_mc, **fields)  # type: ignore[arg-type]


def write(influx: servers.Influx, *readings: Reading) -> None:
    writer = InfluxWriter(address(influx))
    writer.write([reading_line(one) for one in readings])
    writer.close()


def test_every_value_comes_back_as_it_was_stored(influx: servers.Influx) -> None:
    sent = reading(
        0, -18_005, humidity_mpct=51_300, latitude_e7=481_371_234, longitude_e7=-115_754_321, battery_mpct=87_500,
        battery_mv=3_051, light_mlux=1, shock_mg=400, pressure_mhpa=1_013_257, boot=7, seq=0, tie=2,
    )  # fmt: skip
    write(influx, sent)
    assert list(InfluxTelemetry(address(influx)).readings("LG-0042", JUNE_2022, JUNE_2022 + 1)) == [sent]


def test_a_month_is_read_in_slices_and_misses_nothing(influx: servers.Influx) -> None:
    sent = [reading(minute, 4000 + minute % 7 * 100) for minute in range(0, 30 * 24 * 60, 10)]
    write(influx, *sent)
    track = InfluxTelemetry(address(influx)).track("LG-0042", "internal", 0, JUNE_2022 + 90 * 86_400_000)
    assert sent[-1].event_time_ms - sent[0].event_time_ms > 9 * SLICE_MS
    assert track.time_ms.tolist() == [one.event_time_ms for one in sent]
    assert track.temperature_mc.tolist() == [one.temperature_mc for one in sent]
    assert track.offset.tolist() == [one.offset for one in sent]


def test_the_end_of_an_interval_is_outside_it(influx: servers.Influx) -> None:
    write(influx, reading(0), reading(1), reading(2))
    store = InfluxTelemetry(address(influx))
    first, last = JUNE_2022, JUNE_2022 + 2 * MINUTE
    assert store.track("LG-0042", "internal", first, last).time_ms.tolist() == [first, JUNE_2022 + MINUTE]
    assert len(store.track("LG-0042", "internal", last, last)) == 0


def test_a_fault_keeps_its_moment_and_has_no_temperature(influx: servers.Influx) -> None:
    write(influx, reading(0), reading(1, None, fault="probe_open"))
    track = InfluxTelemetry(address(influx)).track("LG-0042", "internal", JUNE_2022, JUNE_2022 + 10 * MINUTE)
    assert track.temperature_mc.tolist() == [4620, ABSENT]


def test_ties_are_ordered_by_what_the_logger_numbered_not_by_arrival(influx: servers.Influx) -> None:
    late, early = reading(0, 9000, boot=1, seq=8, tie=0), reading(0, 3000, boot=1, seq=7, tie=1, offset=2)
    write(influx, late, early)
    store = InfluxTelemetry(address(influx))
    assert store.track("LG-0042", "internal", JUNE_2022, JUNE_2022 + 1).temperature_mc.tolist() == [3000, 9000]
    assert list(store.readings("LG-0042", JUNE_2022, JUNE_2022 + 1)) == [early, late]


def test_names_with_quotes_commas_and_spaces_are_found_again(influx: servers.Influx) -> None:
    names = ["it's", 'a "b"', "a,b=c d", "Kühl°", "a\\b"]
    write(influx, *(reading(0, logger=name, channel=name) for name in names))
    store = InfluxTelemetry(address(influx))
    for name in names:
        assert store.channels(name) == (name,)
        assert len(store.track(name, name, JUNE_2022, JUNE_2022 + 1)) == 1


def test_channels_and_the_newest_reading_of_each(influx: servers.Influx) -> None:
    sent = [
        reading(minute, channel=channel) for minute, channel in itertools.product(range(3), ("probe-1", "internal"))
    ]
    write(influx, *sent, reading(60, logger="OTHER"))
    store = InfluxTelemetry(address(influx), HandClock(JUNE_2022 + MINUTE))
    assert store.channels("LG-0042") == ("internal", "probe-1")
    assert store.channels("NOBODY") == ()
    assert store.latest() == {("LG-0042", channel): reading(1, channel=channel) for channel in ("probe-1", "internal")}


def test_an_answer_with_an_error_is_never_taken_for_no_data(influx: servers.Influx) -> None:
    with pytest.raises(PermanentError, match="InfluxDB"):
        InfluxServer(address(influx)).select("SELECT nonsense(")


def test_a_wrong_token_may_be_put_right_and_is_not_final(influx: servers.Influx) -> None:
    wrong = InfluxAddress(influx.url, "nobody:wrong" if influx.version == "1.8" else "wrong", influx.org, influx.bucket)
    with pytest.raises(TransientError, match="401"):
        InfluxTelemetry(wrong).channels("LG-0042")
    with pytest.raises(TransientError, match="401"):
        InfluxWriter(wrong).write([reading_line(reading(0))])


def test_a_refused_line_raises_and_the_good_ones_stand(influx: servers.Influx) -> None:
    write(influx, reading(0))
    bad = reading_line(reading(1)).replace("temperature_c=4.62", 'temperature_c="warm"')
    with pytest.raises(Refused, match="temperature_c"):
        InfluxWriter(address(influx)).write([reading_line(reading(2)), bad])
    assert [row["temperature_c"] for row in influx.rows("SELECT * FROM reading")] == [4.62, 4.62]


def test_writing_again_changes_nothing(influx: servers.Influx) -> None:
    write(influx, reading(0), reading(1))
    before = influx.rows("SELECT * FROM reading")
    write(influx, reading(0), reading(1))
    assert influx.rows("SELECT * FROM reading") == before
    assert len(before) == 2


def test_one_point_is_forgotten_and_its_neighbours_stay(influx: servers.Influx) -> None:
    tied = reading(0, tie=1, offset=5)
    write(influx, reading(0), tied, reading(0, channel="probe-1"))
    writer = InfluxWriter(address(influx))
    writer.forget(READING, "LG-0042", "internal", reading_ns(tied))
    left = list(InfluxTelemetry(address(influx)).readings("LG-0042", JUNE_2022, JUNE_2022 + 1))
    assert left == [reading(0), reading(0, channel="probe-1")]
    writer.drop(READING)
    assert influx.rows("SELECT * FROM reading") == []


def test_a_bucket_is_made_only_when_told(influx: servers.Influx) -> None:
    name = f"{influx.bucket.partition('/')[0]}x"
    absent = InfluxAddress(influx.url, influx.token, influx.org, f"{name}/weeks" if influx.version == "1.8" else name)
    writer = InfluxWriter(absent)
    with pytest.raises(ConfigError, match=name):
        writer.check()
    writer.check(create=True)
    writer.check(create=True)
    writer.check()
    writer.write([reading_line(reading(0))])
    assert len(list(InfluxTelemetry(absent).readings("LG-0042", JUNE_2022, JUNE_2022 + 1))) == 1


def test_a_server_that_hangs_or_is_gone_is_a_failure_that_passes(influx: servers.Influx) -> None:
    writer, store = InfluxWriter(address(influx, 0.3)), InfluxTelemetry(address(influx, 0.3))
    influx.pause()
    with pytest.raises(TransientError):
        writer.write([reading_line(reading(0))])
    with pytest.raises(TransientError):
        store.channels("LG-0042")
    influx.resume()
    influx.stop()
    with pytest.raises(TransientError):
        writer.write([reading_line(reading(0))])
    influx.start()
    write(influx, reading(0))
    assert InfluxTelemetry(address(influx)).channels("LG-0042") == ("internal",)
