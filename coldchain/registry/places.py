"""Checked values that shipments, stores and loggers share: places, times and logger ids."""

from typing import Any

from coldchain.errors import InvalidValue
from coldchain.registry.people import checked_text, checked_zone

_PARTS = {"name", "latitude", "longitude", "zone", "radius_m"}


def checked_place(field: str, place: dict[str, Any] | None) -> dict[str, Any] | None:
    """{"name", "latitude", "longitude", "zone", "radius_m"} with what is absent left out.

    Inside `radius_m` of a place the goods are there.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    if place is None:
        return None
    if unknown := sorted(place.keys() - _PARTS):
        raise InvalidValue(f"{field}.{unknown[0]}: is not part of a place; it takes {', '.join(sorted(_PARTS))}")
    result: dict[str, Any] = {"name": checked_text(f"{field}.name", str(place.get("name") or ""), 200)}
    for name, largest in (("latitude", 90), ("longitude", 180)):
        value = place.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= largest:
            raise InvalidValue(f"{field}.{name}: {value!r} is not within -{largest} to {largest} degrees")
        result[name] = float(value)
    if ("latitude" in result) != ("longitude" in result):
        raise InvalidValue(f"{field}: latitude and longitude go together; send both or neither")
    radius = place.get("radius_m")
    if radius is not None:
        if isinstance(radius, bool) or not isinstance(radius, int | float) or not 50 <= radius <= 50_000:
            raise InvalidValue(f"{field}.radius_m: {radius!r} is not within 50 to 50000 metres")
        result["radius_m"] = float(radius)
    if place.get("zone") is not None:
        result["zone"] = checked_zone(str(place["zone"]))
    return result


def degrees_e7(value: float | None) -> int | None:
    """1e-7 degrees of a checked coordinate."""
    return None if value is None else round(value * 10_000_000)


def checked_interval(field: str, from_ms: int, to_ms: int | None) -> None:
    """Nothing, if the interval is one.

    Raises:
        InvalidValue: it ends before it begins.
    """
    if to_ms is not None and to_ms <= from_ms:
        raise InvalidValue(f"{field}: ends at or before it begins; an open end is null")
