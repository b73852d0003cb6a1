"""Efento: measurements of loggers as its gateways, its CoAP loader and its cloud send them, until answered 201.

Types have fixed units: °C, % RH and hPa; times are UTC.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from coldchain.domain.message import Decoded, Envelope, Refusal
from sensors.carriers.cloud import Cloud, Part, array, broken, fixed, nested, stamped, utc_ms
from sensors.carriers.declared import from_fahrenheit
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import Context
from sensors.carriers.sample import INTERNAL, RIDES, Head, Sample, decoded
from sensors.carriers.uplink import named, tree_of

_PROBED = {
    "temperature": "temperature_c", "humidity": "humidity_pct", "atmospheric_pressure": "pressure_hpa",
    "pressure": "pressure_hpa",
}  # fmt: skip
_DOOR = frozenset({"open_close", "open-close", "ok_alarm"})
_FAILED = frozenset({"error", "sensor error", "sensor_error", "sensor failure", "sensor_failure", "failure", "fault"})
_FAHRENHEIT = frozenset({"°f", "f", "fahrenheit"})
_LONGEST_S = 31 * 86_400


class Efento(Cloud):
    """`POST /ingest/efento`, which answers 201."""

    name = "efento@1"
    source = "efento"
    marks = (b'"measured_at"', b'"params"')

    def fits(self, tree: Any) -> bool:
        """A measurement: a serial number, a time and a list of parameters."""
        return type(nested(tree, "serial")) is str and type(nested(tree, "params")) is list

    def parts(self, payload: bytes) -> list[Part | tuple[Wrong, bytes]]:
        """Each measurement, with bytes that do not depend on what is sent with it the next time."""
        if payload.lstrip().startswith(b"["):
            return _alone(array(payload))
        try:
            tree = tree_of(payload)
        except Wrong as wrong:
            return _alone(broken(payload, "measurements", wrong))
        found = tree.get("measurements") if type(tree) is dict else None
        if type(found) is not list:
            return [Part(tree, fixed(tree) if self.fits(tree) else payload)]
        return [Part(one, fixed(one)) for one in found]

    def read(self, part: Part, envelope: Envelope, context: Context) -> Iterator[Decoded]:  # noqa: ARG002 - the port's names
        """One measurement of one logger."""
        tree = part.tree
        if not self.fits(tree):
            raise Wrong("measurements", tree, "is no measurement with serial and params")
        logger = named(tree["serial"], "serial")
        refusals: list[Refusal] = []
        stamp = stamped(tree.get("measured_at"), "measured_at", utc_ms, envelope, refusals)
        interval = tree.get("measurement_interval")
        known = type(interval) is int and 0 < interval <= _LONGEST_S
        head = Head(
            logger, _key(tree, stamp.text), self.name, stamp, envelope.received_at_ms,
            interval_ms=interval * 1000 if known else None,
        )  # fmt: skip
        battery = tree.get("battery")
        status = {"battery": shown(battery)} if battery is not None else None
        yield decoded(head, list(_samples(tree["params"])), part.payload, refusals=refusals, status=status)


def _alone(found: Iterable[Part | tuple[Wrong, bytes]]) -> list[Part | tuple[Wrong, bytes]]:
    return [Part(one.tree, fixed(one.tree)) if isinstance(one, Part) else one for one in found]


def _key(tree: dict[str, Any], measured: str | None) -> str:
    """Logger and time are unique; a part of it that is sent alone (other parameters, same time) is another message."""
    types = ",".join(f"{nested(one, 'channel')}={nested(one, 'type')}" for one in tree["params"] if type(one) is dict)
    return f"{measured}:{types}" if measured is not None and len(types) <= 120 else ""


def _samples(params: list[Any]) -> Iterator[Sample]:
    temperatures = [one for one in params if nested(one, "type") == "temperature"]
    single = len(temperatures) <= 1
    for index, one in enumerate(params, start=1):
        kind, value = nested(one, "type"), nested(one, "value")
        if type(kind) is not str:
            continue
        channel = INTERNAL if single else f"probe-{shown(one.get('channel') or index)}"
        public = _PROBED.get(kind.lower())
        if public is not None:
            yield _measured(public, value, one.get("unit"), channel)
        elif kind.lower() in _DOOR and value in ("open", "closed", "close"):
            yield Sample({"door_open": value == "open"}, RIDES)


def _measured(public: str, value: Any, unit: Any, channel: str) -> Sample:
    if isinstance(value, str) and value.strip().lower() in _FAILED:
        return Sample({}, channel, fault="sensor_error", within="params")
    if public == "temperature_c" and type(unit) is str and unit.strip().lower() in _FAHRENHEIT:
        value = from_fahrenheit(value)
    return Sample({public: value}, channel, within="params")
