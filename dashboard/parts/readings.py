"""What a reading measured, in words with units."""

from coldchain.domain.quantity import milli_text
from coldchain.domain.reading import MILLI_FIELDS, Reading
from dashboard.parts import text
from dashboard.parts.arriving import name

UNITS = {"temperature_c": "°C", "humidity_pct": "% RH", "pressure_hpa": "hPa", "light_lux": "lux", "shock_g": "g",
         "battery_pct": "% battery", "battery_v": "V battery"}  # fmt: skip


def values(one: Reading) -> str:
    """Everything that was measured."""
    parts = []
    for attribute, public in MILLI_FIELDS.items():
        thousandths = getattr(one, attribute)
        if thousandths is not None:
            parts.append(text.minus(f"{milli_text(thousandths)} {UNITS[public]}"))
    if one.latitude_e7 is not None and one.longitude_e7 is not None:
        parts.append(text.position(one.latitude_e7 / 1e7, one.longitude_e7 / 1e7))
    if one.door_open is not None:
        parts.append("door open" if one.door_open else "door closed")
    if one.device_alarm is not None:
        parts.append(f"its own alarm: {name(one.device_alarm)}")
    return ", ".join(parts) or text.ABSENT
