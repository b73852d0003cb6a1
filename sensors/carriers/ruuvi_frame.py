"""What a Ruuvi tag broadcasts: data formats 3 and 5 (RuuviTag) and 6 (Ruuvi Air), read from the bytes after 0x0499."""

import math
import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sensors.carriers.advert import Frame
from sensors.carriers.declared import number_of
from sensors.carriers.fields import Wrong
from sensors.carriers.sample import INTERNAL, Sample
from sensors.faults import NATIVE, Limits

COMPANY = b"\x99\x04"  # Ruuvi Innovations, as it stands in an advertisement

# What the data sheets of the tags promise. Their formats could also say 163 °C and 163 % RH, which no tag measures.
LIMITS: Mapping[str, Limits] = {
    **NATIVE,
    "temperature_c": Limits(-40_000, 85_000, "°C"),
    "humidity_pct": Limits(0, 100_000, "% RH"),
    "pressure_hpa": Limits(300_000, 1_100_000, "hPa"),
    "battery_v": Limits(0, 4_000, "V"),
}

_NO_INT16, _NO_UINT16 = -0x8000, 0xFFFF
_HOUR_S = 3600
_DF3 = struct.Struct(">xBBBH6xH")
_DF5 = struct.Struct(">xhHH6xHBH6s")
_DF6 = struct.Struct(">xhHH6xBxBx3s")


def frame(data: bytes) -> tuple[Frame, str | None]:
    """What manufacturer data after the company's number says, and the last digits of the address that it names itself.

    Raises:
        Wrong: it is of a format that is known here, and cut short.
    """
    kind = data[0] if data else None
    reader = {3: _format_3, 5: _format_5, 6: _format_6}.get(kind if kind is not None else -1)
    if reader is None:
        shown = "nothing" if kind is None else f"0x{kind:02X}"
        return Frame(unread=f"Ruuvi data format {shown} is not read here: 3, 5 and 6 are"), None
    try:
        return reader(data)
    except struct.error:
        raise Wrong("data", data.hex(), f"is cut short for Ruuvi data format {kind}") from None


def _format_3(data: bytes) -> tuple[Frame, None]:
    humidity, degrees, hundredths, pressure, battery = _DF3.unpack_from(data)
    if hundredths > 99:
        raise Wrong("data", data.hex(), f"has {hundredths} hundredths of a degree")
    # Sign and magnitude, unlike the int16 of later formats.
    magnitude = Decimal((degrees & 0x7F) * 100 + hundredths) / 100
    values = {
        "temperature_c": -magnitude if degrees & 0x80 else magnitude,
        "humidity_pct": Decimal(humidity) / 2,
        "pressure_hpa": Decimal(pressure + 50_000) / 100,
        "battery_v": Decimal(battery) / 1000,
    }
    return _framed(values, None, 60), None


def _format_5(data: bytes) -> tuple[Frame, str | None]:
    temperature, humidity, pressure, power, _, seq, mac = _DF5.unpack_from(data)
    values = _climate(temperature, humidity, pressure)
    if (battery := power >> 5) != 0x7FF:
        values["battery_v"] = Decimal(battery + 1600) / 1000
    own = mac.hex().upper()
    return _framed(values, None if seq == _NO_UINT16 else seq, _HOUR_S), None if own == "F" * 12 else own


def _format_6(data: bytes) -> tuple[Frame, str | None]:
    temperature, humidity, pressure, light, seq, mac = _DF6.unpack_from(data)
    values = _climate(temperature, humidity, pressure)
    if light != 0xFF:
        # Its step is one 254th of the logarithm of 65536.
        values["light_lux"] = Decimal(repr(round(math.expm1(light * math.log(65536) / 254), 2)))
    own = mac.hex().upper()
    return _framed(values, seq, 60), None if own == "F" * 6 else own


def _climate(temperature: int, humidity: int, pressure: int) -> dict[str, Any]:
    """The three values that formats 5 and 6 share; None where the tag says "not available"."""
    return {
        "temperature_c": None if temperature == _NO_INT16 else Decimal(temperature) / 200,
        "humidity_pct": None if humidity == _NO_UINT16 else Decimal(humidity) / 400,
        "pressure_hpa": None if pressure == _NO_UINT16 else Decimal(pressure + 50_000) / 100,
    }


def _framed(values: dict[str, Any], seq: int | None, wrap_s: int) -> Frame:
    riding: dict[str, Any] = {name: values.pop(name) for name in ("battery_v", "light_lux") if name in values}
    believed, wrongs = believable(values)
    fault = "sensor_error" if values["temperature_c"] is None else None
    samples = (Sample(believed, INTERNAL, fault=fault), Sample(riding))
    return Frame(samples, seq, wrap_s, refusals=wrongs, limits=LIMITS)


def believable(values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Wrong, ...]]:
    """What one chip measured, without what hangs on an impossible temperature, and the refusals of that.

    Humidity and pressure are corrected by the temperature of the same chip: they are as wrong as it is.
    """
    number, limits = number_of(values.get("temperature_c")), LIMITS["temperature_c"]
    if number is None or limits.low <= number * 1000 <= limits.high:
        return dict(values), ()
    doubts = {"temperature_c": limits.doubt}
    wrongs = [
        Wrong(name, str(value), doubts.get(name, "hangs on that temperature"))
        for name, value in values.items()
        if value is not None
    ]
    return {}, tuple(wrongs)
