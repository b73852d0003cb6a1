"""`normalized_payload` of The Things Stack: measurements under fixed names in fixed units, whatever the model."""

from collections.abc import Iterator, Mapping
from typing import Any

from coldchain.domain.message import Refusal
from sensors.carriers.fields import Wrong
from sensors.carriers.lorawan import dict_of
from sensors.carriers.sample import INTERNAL, Sample, Stamp, thousandths
from sensors.carriers.stamped import iso_ms

# The schema says volts; some of its authors put the percentage there. No logger has a battery of more than four cells.
_MOST_MILLIVOLTS = 7_000
_AIR = {
    "temperature": "temperature_c", "relativeHumidity": "humidity_pct", "pressure": "pressure_hpa",
    "lightIntensity": "light_lux",
}  # fmt: skip


def normalized_samples(payload: Any) -> tuple[tuple[Sample, ...], tuple[Refusal, ...]]:
    """What the measurements say; one that is wrong does not cost the others. Pure; never raises.

    Args:
        payload: the array of an uplink, or the single object of a normalized uplink; None where there is none.
    """
    samples: list[Sample] = []
    refusals: list[Refusal] = []
    taken: dict[int | None, int] = {}
    elements = payload if type(payload) is list else [] if payload is None else [payload]
    for place, element in enumerate(elements):
        within = f"normalized_payload[{place}]"
        try:
            if type(element) is not dict:
                raise Wrong("measurement", element, "is not an object")
            stamp = _stamp(element)
            samples += _air(element, stamp, within, taken)
            samples += _rest(element, stamp, within)
        except Wrong as wrong:
            refusals.append(wrong.refusal(within))
    return tuple(samples), tuple(refusals)


def _stamp(element: Mapping[str, Any]) -> Stamp | None:
    """A measurement's own time.

    Raises:
        Wrong: it is there and no time: then nothing says when this was measured.
    """
    text = element.get("time")
    if text is None:
        return None
    at_ms = iso_ms(text)
    if at_ms is None:
        raise Wrong("time", text, "is no time with a zone")
    return Stamp(at_ms, "device", text)


def _air(
    element: Mapping[str, Any], stamp: Stamp | None, within: str, taken: dict[int | None, int]
) -> Iterator[Sample]:
    """The air of one measurement; a second temperature of one moment is another probe."""
    air = dict_of(element.get("air"))
    values = {public: air[name] for name, public in _AIR.items() if name in air and name != "lightIntensity"}
    if values:
        channel = INTERNAL
        if "temperature" in air:
            moment = stamp.at_ms if stamp else None
            taken[moment] = taken.get(moment, 0) + 1
            channel = INTERNAL if taken[moment] == 1 else f"probe-{taken[moment]}"
        yield Sample(values, channel, stamp, within=within)
    if "lightIntensity" in air:
        yield Sample({"light_lux": air["lightIntensity"]}, stamp=stamp, within=within)


def _rest(element: Mapping[str, Any], stamp: Stamp | None, within: str) -> Iterator[Sample]:
    soil, water = dict_of(element.get("soil")), dict_of(element.get("water"))
    if "temperature" in soil:
        yield Sample({"temperature_c": soil["temperature"]}, "soil", stamp, within=within)
    now = dict_of(water.get("temperature")).get("current")
    if now is not None:
        yield Sample({"temperature_c": now}, "water", stamp, within=within)
    contact = dict_of(element.get("action")).get("contactState")
    if contact in ("open", "closed"):
        yield Sample({"door_open": contact == "open"}, stamp=stamp, within=within)
    place = dict_of(element.get("position"))
    if place.get("latitude") is not None and place.get("longitude") is not None:
        yield Sample(position=(place["latitude"], place["longitude"]), stamp=stamp, within=within)
    yield from _battery(element, stamp, within)


def _battery(element: Mapping[str, Any], stamp: Stamp | None, within: str) -> Iterator[Sample]:
    """The battery in volts.

    Raises:
        Wrong: it is no number, or more than a logger's battery can have.
    """
    name = "battery" if "battery" in element else "battVolt"
    volts = element.get(name)
    if volts is None:
        return
    if not 0 <= thousandths(name, volts) <= _MOST_MILLIVOLTS:
        raise Wrong(name, volts, "is no voltage of a logger's battery: the schema says volts, this may be per cent")
    yield Sample({"battery_v": volts}, stamp=stamp, within=within)
