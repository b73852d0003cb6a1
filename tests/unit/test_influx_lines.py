"""Line protocol of our own: what it escapes, what it refuses, and how numbers and times are written."""

import pytest
from influxdb_client import Point

from coldchain.domain.reading import Reading
from coldchain.errors import InvalidValue
from coldchain.telemetry.influx_lines import reading_line

FULL = Reading(
    "LG-0042", "probe-1", 1_767_607_200_123, 1_767_607_201_000, "device", boot=7, seq=1893, temperature_mc=4620,
    humidity_mpct=51_000, latitude_e7=481_371_000, longitude_e7=-115_754_321, battery_mpct=87_500, battery_mv=3050,
    light_mlux=0, shock_mg=400, pressure_mhpa=1_013_250, fault=None, tie=1, offset=99,
)  # fmt: skip


def test_a_reading_is_one_line_with_float_values_and_integer_numbers() -> None:
    assert reading_line(FULL) == (
        "reading,channel=probe-1,logger=LG-0042 temperature_c=4.62,humidity_pct=51.0,latitude=48.1371,"
        "longitude=-11.5754321,battery_pct=87.5,battery_v=3.05,light_lux=0.0,shock_g=0.4,pressure_hpa=1013.25,"
        "boot=7i,seq=1893i,journal_offset=99i 1767607200123000001"
    )


def test_an_absent_value_is_no_field_and_a_fault_is_text() -> None:
    bare = Reading("A", "internal", 1000, 2000, "device", fault="probe_open", offset=5)
    assert reading_line(bare) == 'reading,channel=internal,logger=A fault="probe_open",journal_offset=5i 1000000000'


@pytest.mark.parametrize("name", ["a b", "a,b", "a=b", "ü°", 'x"y', "a\\b", "a\\ b", " a "])
def test_a_hostile_name_is_written_as_the_vendor_writes_it(name: str) -> None:
    line = reading_line(Reading(name, "internal", 1000, 2000, "device", offset=5))
    theirs = Point("reading").tag("logger", name).tag("channel", "internal").field("journal_offset", 5).time(10**9)
    assert line == theirs.to_line_protocol()


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00b", "a\\"])
def test_a_name_that_cannot_be_a_tag_is_refused_with_its_text(name: str) -> None:
    with pytest.raises(InvalidValue, match="logger"):
        reading_line(Reading(name, "internal", 1000, 2000, "device"))
