"""What a number from a sensor can be trusted to be: measured, a code for a fault, or impossible.

The order of checks is fixed: parse and finite (by the carrier), then the sentinels of the device profile, then the
physical range of its sensor. A sentinel is a *fault*, an impossible value is *refused*; neither is ever judged against
a product's limits, and both count as missing coverage. A jump between two readings is no reason to doubt either of
them here: how fast a temperature may change is a rule of the alarm profile, which sees the neighbours.
"""

from collections.abc import Mapping
from typing import NamedTuple

from coldchain.domain.quantity import milli_text
from coldchain.domain.reading import Fault


class Limits(NamedTuple):
    """What one sensor can say, in thousandths of its unit: its range, and numbers that are codes for a fault."""

    low: int
    high: int
    unit: str
    sentinels: Mapping[int, Fault] = {}

    def believes(self, value: int) -> bool:
        """Whether `value` is a measurement."""
        return self.low <= value <= self.high and value not in self.sentinels

    def fault(self, value: int) -> Fault | None:
        """The fault that `value` stands for, None if it is no sentinel."""
        return self.sentinels.get(value)

    @property
    def doubt(self) -> str:
        """Why a value is not believed, as the end of a sentence."""
        return (
            f"is outside what such a sensor can measure, {milli_text(self.low)} to {milli_text(self.high)} {self.unit}"
        )


# int16 limits over 100 or 10 mean "no probe" on any sensor that sends two bytes; -127 is the read failure of 1-Wire
# probes. 85 °C, their power-on value, is not here: nothing in one message tells it from a real 85 °C.
_NO_PROBE: Mapping[int, Fault] = {
    327_670: "probe_open",
    -327_680: "probe_open",
    3_276_700: "probe_open",
    -3_276_800: "probe_open",
    -127_000: "sensor_error",
}

# The native format names no sensor model, so these are the widest that cold-chain sensors reach: a probe in liquid
# nitrogen (-196 °C) up to a platinum probe in a steriliser (150 °C); capacitive humidity sensors read a little above
# 100 % when wet and a little below 0 % when dry; the air pressure of any flight or site.
NATIVE: Mapping[str, Limits] = {
    "temperature_c": Limits(-200_000, 150_000, "°C", _NO_PROBE),
    "humidity_pct": Limits(-2_000, 105_000, "% RH", {}),
    "pressure_hpa": Limits(100_000, 1_200_000, "hPa", {}),
    "light_lux": Limits(0, 250_000_000, "lux", {}),
    "shock_g": Limits(-1_000_000, 1_000_000, "g", {}),
    "battery_pct": Limits(0, 100_000, "%", {}),
    "battery_v": Limits(0, 100_000, "V", {}),
}

_QUARTER_E7 = 900_000_000
_HALF_E7 = 1_800_000_000


def position_doubt(latitude_e7: int, longitude_e7: int) -> str | None:
    """Why this is not a place where the logger was, as the end of a sentence; None if it may be one.

    Unit: 1e-7 degrees.
    """
    if latitude_e7 == 0 and longitude_e7 == 0:
        return "means that the receiver had no fix: leave the position out instead"
    if not -_QUARTER_E7 <= latitude_e7 <= _QUARTER_E7 or not -_HALF_E7 <= longitude_e7 <= _HALF_E7:
        return "is no place on earth: latitude runs from -90 to 90 degrees, longitude from -180 to 180"
    return None
