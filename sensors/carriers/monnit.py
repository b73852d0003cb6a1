"""Monnit (iMonnit): a gateway's message with the readings of its sensors, and places that they found themselves at.

A reading is a list of numbers with a list of labels, both separated by `|`. The labels follow the customer's settings
and are the only place where the unit stands, so a number counts only under a label that names one.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from coldchain.domain.message import Decoded, Envelope, Refusal
from sensors.carriers.cloud import Cloud, Part, broken, fixed, nested, stamped, utc_ms
from sensors.carriers.declared import from_fahrenheit, number_of
from sensors.carriers.fields import Wrong
from sensors.carriers.port import Context
from sensors.carriers.sample import INTERNAL, Head, Sample, decoded
from sensors.carriers.uplink import named, tree_of

_CELSIUS = frozenset({"celsius", "°c", "c"})
_FAHRENHEIT = frozenset({"fahrenheit", "°f", "f"})
_HUMIDITY = frozenset({"humidity", "relative humidity", "% humidity", "rh", "%rh"})
_MAINS = 101  # as a battery level: there is no battery
_AWARE = 2  # in `state`: beyond the limits that are set in the sensor
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2}):(\d{2}) ([AaPp])[Mm]\Z", re.ASCII)


class Monnit(Cloud):
    """`POST /ingest/monnit`."""

    name = "monnit@1"
    source = "monnit"

    def fits(self, tree: Any) -> bool:
        """A gateway's message, or a list of sensors' or of places."""
        if type(tree) is not dict:
            return False
        lists = [tree[name] for name in ("sensorMessages", "locationMessages") if type(tree.get(name)) is list]
        return type(tree.get("gatewayMessage")) is dict or any(lists)

    def parts(self, payload: bytes) -> list[Part | tuple[Wrong, bytes]]:
        """Each sensor's message, and each place, with the gateway's beside it; the gateway's alone where it is all."""
        try:
            tree = tree_of(payload)
        except Wrong as wrong:
            return [
                Part({"sensorMessages": [one.tree]}, fixed({"sensorMessages": [one.tree]}))
                if isinstance(one, Part)
                else one
                for one in broken(payload, "sensorMessages", wrong)
            ]
        if not self.fits(tree):
            return [Part(tree, payload)]
        about = {"gatewayMessage": tree["gatewayMessage"]} if "gatewayMessage" in tree else {}
        alone = []
        for name in ("sensorMessages", "locationMessages"):
            found = tree.get(name)
            for one in found if type(found) is list else ():
                part = {**about, name: [one]}
                alone.append(Part(part, fixed(part)))
        return [*alone] or [Part(tree, payload)]

    def read(self, part: Part, envelope: Envelope, context: Context) -> Iterator[Decoded]:  # noqa: ARG002 - the port's names
        """One reading of one sensor, one place, or the gateway's own state."""
        if not self.fits(part.tree):
            raise Wrong("payload", part.tree, "is no message of a Monnit gateway")
        refusals: list[Refusal] = []
        for name, who, when, key in (
            ("sensorMessages", "sensorID", "messageDate", "dataMessageGUID"),
            ("locationMessages", "deviceID", "locationDate", "locationMessageGUID"),
        ):
            listed = part.tree.get(name)
            if listed is not None and type(listed) is not list:
                raise Wrong(name, listed, "is no list of messages")
            for one in listed or ():
                if type(one) is not dict:
                    raise Wrong(name, one, "holds no object")
                head = self._head(part.tree, one, (who, when, key), envelope, refusals)
                samples = list(_samples(one) if name == "sensorMessages" else _places(one))
                refusals += [found for found in samples if isinstance(found, Refusal)]
                rows = [found for found in samples if isinstance(found, Sample)]
                yield decoded(head, rows, part.payload, refusals=refusals, status=_status(one))
                return
        gateway = part.tree["gatewayMessage"]
        head = self._head(part.tree, gateway, ("gatewayID", "date", ""), envelope, refusals)
        yield decoded(head, (), part.payload, refusals=refusals, status=_status(gateway))

    def _head(
        self, tree: dict[str, Any], one: dict[str, Any], names: tuple[str, str, str], envelope: Envelope,
        refusals: list[Refusal],
    ) -> Head:  # fmt: skip
        who, when, key = names
        number = one.get(who)
        logger = named(str(number) if type(number) is int else number, who)
        stamp = stamped(one.get(when), when, _time, envelope, refusals)
        server = stamped(nested(tree, "gatewayMessage", "date"), "gatewayMessage.date", _time, envelope, refusals)
        guid = one.get(key)
        return Head(
            logger, guid if type(guid) is str else "", self.name, stamp, envelope.received_at_ms,
            server_ms=server.at_ms if server.source == "device" else None,
        )  # fmt: skip


def _time(value: Any, field: str) -> int:
    """All of Monnit's dates are UTC; older webhooks write them the American way."""
    if type(value) is str and (found := _AMERICAN.match(value)):
        month, day, year, hour, minute, second = (int(found[index]) for index in range(1, 7))
        hour = hour % 12 + (12 if found[7] in "pP" else 0)
        try:
            moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            raise Wrong(field, value, "is no date of the calendar") from None
        return max(0, int(moment.timestamp()) * 1000)
    return utc_ms(value, field)


def _samples(one: dict[str, Any]) -> Iterator[Sample | Refusal]:
    labels, values = _list(one.get("plotLabels")), _list(one.get("plotValues"))
    alarm = "aware" if _aware(one.get("state")) else None
    if len(labels) != len(values):
        yield Wrong("plotValues", one.get("plotValues"), f"are not {len(labels)}, as plotLabels are").refusal()
        labels = values = []
    probes = [label for label in labels if label.lower() in _CELSIUS | _FAHRENHEIT]
    count = 0
    for label, value in zip(labels, values, strict=True):
        if label.lower() in _CELSIUS | _FAHRENHEIT:
            count += 1
            channel = INTERNAL if len(probes) == 1 else f"probe-{count}"
            yield _temperature(label.lower(), value, channel, alarm)
        elif label.lower() in _HUMIDITY:
            yield Sample({"humidity_pct": value or None}, INTERNAL, within="plotValues", device_alarm=alarm)
    if not labels and _list(one.get("dataValue")) and "TemperatureData" in _list(one.get("dataType")):
        yield Wrong("plotLabels", one.get("plotLabels"), "name no unit: send °C or °F with the values").refusal()
    yield Sample(_battery(one))


def _temperature(label: str, value: str, channel: str, alarm: str | None) -> Sample:
    number = from_fahrenheit(value) if label in _FAHRENHEIT else number_of(value)
    if number is not None and not isinstance(number, str) and number < -900:
        # What the sensor sends when its own test fails (-999.7, -999.8, -999.9).
        return Sample({}, channel, fault="sensor_error", within="plotValues")
    known = value or None if number is None or isinstance(number, str) else number
    return Sample({"temperature_c": known}, channel, within="plotValues", device_alarm=alarm)


def _list(value: Any) -> list[str]:
    return [item.strip() for item in str(value).split("|")] if value not in (None, "") else []


def _aware(state: Any) -> bool:
    number = number_of(state)
    return number is not None and number == int(number) and 0 <= number < 256 and bool(int(number) & _AWARE)


def _battery(one: dict[str, Any]) -> dict[str, Any]:
    level, volts = number_of(one.get("batteryLevel")), number_of(one.get("voltage"))
    told = {"battery_pct": level if level != _MAINS else None, "battery_v": volts}
    return {name: value for name, value in told.items() if value is not None}


def _places(one: dict[str, Any]) -> Iterator[Sample]:
    place = (one.get("latitude"), one.get("longitude"))
    yield Sample(_battery(one), position=None if None in place else place, within="locationMessages")


def _status(one: dict[str, Any]) -> dict[str, Any] | None:
    told: dict[str, Any] = {"power": "mains"} if number_of(one.get("batteryLevel")) == _MAINS else {}
    if _aware(one.get("state")):
        told["device_alarm"] = "aware"
    return told or None
