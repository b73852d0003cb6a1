"""Tive: the default device message of its webhooks; every value stands in an object of its own that names the unit."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from coldchain.domain.message import Decoded, Envelope, Refusal
from sensors.carriers.cloud import Cloud, Part, digest, epoch_ms, nested, stamped, utc_ms
from sensors.carriers.declared import from_fahrenheit, number_of
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import Context
from sensors.carriers.sample import INTERNAL, Head, Sample, Stamp, decoded
from sensors.carriers.uplink import named

_WHO = ("DeviceId", "DeviceName", "EntityName")
_HPA_PER_PSI = Decimal("68.94757293168")
_RIDING = {"battery_pct": ("Battery", "Percentage"), "light_lux": ("Light", "Lux"), "shock_g": ("Shock", "G")}


class Tive(Cloud):
    """`POST /ingest/tive`."""

    name = "tive@1"
    source = "tive"

    def fits(self, tree: Any) -> bool:
        """One of Tive's entry times, and who entered."""
        if type(tree) is not dict or not any(type(tree.get(name)) is str for name in _WHO):
            return False
        return "EntryTimeEpoch" in tree or "EntryTimeUtc" in tree

    def read(self, part: Part, envelope: Envelope, context: Context) -> Iterator[Decoded]:  # noqa: ARG002 - the port's names
        """One entry of one tracker."""
        tree = part.tree
        if type(tree) is not dict:
            raise Wrong("payload", tree, "is not an object")
        logger = named(next((tree[name] for name in _WHO if tree.get(name)), None), "DeviceId")
        refusals: list[Refusal] = []
        stamp = _stamp(tree, envelope, refusals)
        key = f"{stamp.text or ''}:{digest(part.payload)}"
        head = Head(logger, key, self.name, stamp, envelope.received_at_ms)
        yield decoded(head, list(_samples(tree)), part.payload, refusals=refusals, status=_place_quality(tree))


def _stamp(tree: dict[str, Any], envelope: Envelope, refusals: list[Refusal]) -> Stamp:
    if tree.get("EntryTimeEpoch") is not None:
        return stamped(
            tree["EntryTimeEpoch"],
            "EntryTimeEpoch",
            lambda value, field: epoch_ms(value, field, per_second=1000),
            envelope,
            refusals,
        )
    return stamped(tree.get("EntryTimeUtc"), "EntryTimeUtc", utc_ms, envelope, refusals)


def _samples(tree: dict[str, Any]) -> Iterator[Sample]:
    yield Sample(dict(_temperature(tree, "Temperature")), INTERNAL, within="Temperature")
    if (humidity := _of(tree, "Humidity", "Percentage")) is not None:
        yield Sample({"humidity_pct": humidity}, INTERNAL, within="Humidity")
    if (psi := number_of(_of(tree, "Pressure", "Psi"))) is not None:
        yield Sample({"pressure_hpa": psi * _HPA_PER_PSI}, INTERNAL, within="Pressure")
    yield Sample(dict(_temperature(tree, "ProbeTemperature")), "probe-1", within="ProbeTemperature")
    riding = {name: value for name, path in _RIDING.items() if (value := _of(tree, *path)) is not None}
    place = (_of(tree, "Location", "Latitude"), _of(tree, "Location", "Longitude"))
    yield Sample(riding, position=None if None in place else place)


def _of(tree: dict[str, Any], name: str, unit: str) -> Any:
    """The number with this unit; a bare number has none and is left to be refused by name."""
    found = tree.get(name)
    return found.get(unit) if type(found) is dict else None


def _temperature(tree: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    found = tree.get(name)
    if type(found) is dict and "Celsius" in found:
        yield "temperature_c", found["Celsius"]
    elif type(found) is dict and found.get("Fahrenheit") is not None:
        yield "temperature_c", from_fahrenheit(found["Fahrenheit"])
    elif found is not None and type(found) is not dict:
        yield "temperature_c", f"{shown(found)} without a unit"


def _place_quality(tree: dict[str, Any]) -> dict[str, Any] | None:
    """How the tracker found itself, and how far off it may be: Wi-Fi and cells know a district, not a dock."""
    method, radius = _of(tree, "Location", "LocationMethod"), nested(tree, "Location", "Accuracy", "Meters")
    told = {"position_method": method, "position_accuracy_m": radius}
    return {name: value for name, value in told.items() if value is not None} or None
