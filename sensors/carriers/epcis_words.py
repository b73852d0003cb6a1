"""The words of EPCIS 2.0 as partners write them: drafts and prefixes, JSON-LD aliases, URNs and web addresses."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from coldchain.domain.identity import LONGEST
from sensors.carriers.cloud import nested
from sensors.carriers.declared import number_of
from sensors.carriers.fields import Wrong
from sensors.carriers.uplink import named

EVENTS = frozenset({"ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"})
DOCUMENTS = frozenset({"EPCISDocument", "EPCISQueryDocument"})
_STANDARD = re.compile(r"https?://(www\.|ref\.|id\.)?gs1\.(org|github\.io)/|urn:epcglobal:")
_PREFIXES = frozenset({"gs1", "epcis", "cbv"})
_MEASURED = re.compile(r"(MT-)?(?P<name>.+)")

# What the goods or their surroundings measured, by measurement type: public name, and unit code > how to convert.
_KELVIN = Decimal("273.15")
_TEMPERATURE = ("temperature_c", {"CEL": (1, 0), "KEL": (1, -_KELVIN), "FAH": (Decimal(5) / 9, Decimal(-160) / 9)})
_RELATIVE = ("humidity_pct", {"P1": (1, 0), "A62": (1, 0)})
_PRESSURE = (
    "pressure_hpa",
    {"A97": (1, 0), "MBR": (1, 0), "PAL": (Decimal("0.01"), 0), "KPA": (10, 0), "BAR": (1000, 0)},
)
_ILLUMINANCE = ("light_lux", {"LUX": (1, 0)})
QUANTITIES: Mapping[str, tuple[str, Mapping[str, tuple[Any, Any]]]] = {
    "Temperature": _TEMPERATURE,
    "RelativeHumidity": _RELATIVE,
    "Humidity": _RELATIVE,  # in drafts; with a unit of absolute humidity it is none
    "Pressure": _PRESSURE,
    "AtmosphericPressure": _PRESSURE,
    "Illuminance": _ILLUMINANCE,
}


def spelled(tree: Any, *names: str) -> Any:
    """The value of the first of these keys, plain or with the standard's prefix; None if there is none."""
    if type(tree) is not dict:
        return None
    for name in names:
        for key in (name, f"epcis:{name}", f"@{name}"):
            if tree.get(key) is not None:
                return tree[key]
    return None


def plain(tree: Any) -> Any:
    """`tree` with plain keys wherever the standard's prefix stood, so that `field` finds them."""
    if type(tree) is list:
        return [plain(one) for one in tree]
    if type(tree) is not dict:
        return tree
    found: dict[str, Any] = {}
    for name, value in tree.items():
        key = name.removeprefix("epcis:").removeprefix("@")
        if found.get(key) is None or key == name:
            found[key] = plain(value) if type(value) is dict or type(value) is list else value
    return found


def field(tree: Any, *names: str) -> Any:
    """The value of the first of these keys of a `plain` tree; None if there is none."""
    if type(tree) is dict:
        for name in names:
            if (value := tree.get(name)) is not None:
                return value
    return None


def kind(tree: Any) -> str:
    """The type of a document or an event, without prefix; "" where it has none."""
    found = spelled(tree, "type", "isA")
    return re.split(r"[:/#]", found)[-1] if type(found) is str else ""


def prefixes(context: Any) -> dict[str, str]:
    """What a JSON-LD context calls by short names."""
    found: dict[str, str] = {}
    for one in context if type(context) is list else [context]:
        if type(one) is dict:
            found |= {name: value for name, value in one.items() if type(value) is str}
    return found


def quantity(report: Any, known: Mapping[str, str]) -> str:
    """The measurement type of a report in the standard's plain word; "" if it is somebody's own or none at all."""
    found = field(report, "type")
    if type(found) is not str or not found:
        return ""
    found = known.get(found, found)  # a whole word may be an alias
    if ":" in found:
        head, _, word = found.partition(":")
        address = known.get(head, "")
        if _STANDARD.match(found):
            found = re.split(r"[:/#]", found)[-1]
        elif _STANDARD.match(address) or (not address and head in _PREFIXES):
            found = word
        else:
            return ""
    match = _MEASURED.fullmatch(found)
    return match["name"] if match else ""


def converted(what: str, unit: Any, value: Any) -> tuple[str, Any]:
    """Public name and value in our unit.

    Raises:
        Wrong: the unit is missing or not one of this quantity.
    """
    public, units = QUANTITIES[what]
    if unit not in units if type(unit) is str else True:
        known = ", ".join(units)
        raise Wrong("uom", unit, f"is no unit of {what} that is known here ({known}): nothing is guessed")
    factor, offset = units[unit]
    number = number_of(value)
    if number is None or (factor == 1 and offset == 0):
        return public, value
    return public, number * factor + offset


def logger_of(report: Any, metadata: Any, event: Any) -> str:
    """Who measured: the device that is named, else the place, else the object. `/` becomes `:`, and ids stay as sent.

    Raises:
        Wrong: none of them is there, or it can be no id.
    """
    found = field(report, "deviceID") or field(metadata, "deviceID")
    if found is None:
        places = (nested(field(event, name), "id") for name in ("readPoint", "bizLocation"))
        found = next((place for place in places if type(place) is str and not place.startswith("geo:")), None)
    if found is None:
        found = next(iter(objects(event)), None)
    if type(found) is not str:
        raise Wrong("deviceID", found, "is missing, and so are readPoint and epcList: nothing says what measured")
    text = re.sub(r":?/+", ":", found.strip())
    # A web address with a query or a long path would not fit: the end of it, where the number stands, does.
    return named(text if len(text) <= LONGEST else text[-LONGEST:], "deviceID")


def objects(event: Any) -> Iterator[str]:
    """What the event is about: the shipping unit first, then its contents, then classes of goods."""
    parent = field(event, "parentID")
    if type(parent) is str:
        yield parent
    for name in ("epcList", "childEPCs", "outputEPCList", "inputEPCList"):
        found = field(event, name)
        yield from (one for one in (found if type(found) is list else [found]) if type(one) is str)
    for name in ("quantityList", "childQuantityList", "outputQuantityList", "inputQuantityList"):
        found = field(event, name)
        for one in found if type(found) is list else ():
            if type(nested(one, "epcClass")) is str:
                yield one["epcClass"]


def place_of(event: Any) -> tuple[str, str] | None:
    """Latitude and longitude of a read point written as a `geo:` address."""
    found = nested(field(event, "readPoint"), "id")
    match = re.match(r"geo:(-?[0-9.]+),(-?[0-9.]+)(,[^;]*)?(;.*)?\Z", found) if type(found) is str else None
    return (match[1], match[2]) if match else None
