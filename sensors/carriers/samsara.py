"""Samsara: webhooks tell of alerts and not of values; the answers of its sensor API, passed on by a bridge, hold them.

In those, temperatures are thousandths of a °C, and every value has a time of its own.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from coldchain.domain.message import Decoded, Envelope, Refusal
from sensors.carriers.cloud import Cloud, Part, digest, fixed, nested, stamped, utc_ms
from sensors.carriers.declared import number_of
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import Context
from sensors.carriers.sample import Head, Sample, decoded
from sensors.carriers.uplink import named, tree_of

_ALERTS = ("AlertIncident", "Alert", "Ping")
_ABOUT = ("sensor", "asset", "trailer", "vehicle", "device", "gateway", "machineInput")
# Field, its time, channel, public name and what it is divided by. The ambient temperature is not that of the goods.
_SENSORS = (
    ("probeTemperature", "probeTemperatureTime", "probe-1", "temperature_c", 1000),
    ("ambientTemperature", "ambientTemperatureTime", "ambient", "temperature_c", 1000),
    ("humidity", "humidityTime", "ambient", "humidity_pct", 1),
)


class Samsara(Cloud):
    """`POST /ingest/samsara`."""

    name = "samsara@1"
    source = "samsara"

    def fits(self, tree: Any) -> bool:
        """An alert or a test with an event's number, or a list of sensors with probes."""
        if type(tree) is not dict:
            return False
        alert = tree.get("eventType") in _ALERTS and type(tree.get("eventId")) is str
        return alert or _probed(tree)

    def parts(self, payload: bytes) -> list[Part | tuple[Wrong, bytes]]:
        """The alert, or each sensor of a list."""
        tree = tree_of(payload)
        if type(tree) is not dict or not _probed(tree):
            return [Part(tree, payload)]
        return [Part({"sensors": [one]}, fixed({"sensors": [one]})) for one in tree["sensors"]]

    def read(self, part: Part, envelope: Envelope, context: Context) -> Iterator[Decoded]:  # noqa: ARG002 - the port's names
        """Alerts by whom they are about; or one sensor."""
        if not self.fits(part.tree):
            raise Wrong("payload", part.tree, "is neither an alert nor a list of sensors")
        if "sensors" in part.tree:
            yield self._sensor(part, envelope)
        elif part.tree["eventType"] == "Ping":
            raise Wrong("eventType", "Ping", "is a test: the webhook works, and there is nothing to store")
        else:
            yield from self._alerts(part, envelope)

    def _sensor(self, part: Part, envelope: Envelope) -> Decoded:
        one = part.tree["sensors"][0]
        number = nested(one, "id")
        logger = named(str(number) if type(number) is int else number, "sensors.id")
        refusals: list[Refusal] = []
        samples = []
        arrived = stamped(None, "", utc_ms, envelope, refusals)
        for name, when, channel, public, divisor in _SENSORS:
            if one.get(name) is None:
                continue
            stamp = stamped(one.get(when), when, utc_ms, envelope, refusals)
            value = number_of(one[name])
            measured = one[name] if value is None else value / Decimal(divisor)
            samples.append(Sample({public: measured}, channel, stamp, within=name))
        stamps = [sample.stamp for sample in samples if sample.stamp is not None]
        newest = max(stamps, key=lambda stamp: stamp.at_ms, default=arrived)
        head = Head(logger, digest(part.payload), self.name, newest, envelope.received_at_ms)
        return decoded(head, samples, part.payload, refusals=refusals)

    def _alerts(self, part: Part, envelope: Envelope) -> Iterator[Decoded]:
        tree = part.tree
        refusals: list[Refusal] = []
        happened = nested(tree, "data", "happenedAtTime") or tree.get("eventTime")
        stamp = stamped(happened, "happenedAtTime", utc_ms, envelope, refusals)
        found = 0
        for words, about in _conditions(tree):
            for logger in _loggers(about):
                key = f"{tree['eventId']}:{found}"
                head = Head(logger, key, self.name, stamp, envelope.received_at_ms)
                resolved = nested(tree, "data", "isResolved") or nested(tree, "event", "resolved")
                status = {"device_alarm": words, "resolved": resolved is True, "event": tree["eventId"]}
                yield decoded(head, (), part.payload, refusals=refusals, status=status)
                found += 1
        if not found:
            raise Wrong("eventId", tree["eventId"], "is an alert about no sensor, asset or vehicle with an id")


def _probed(tree: dict[str, Any]) -> bool:
    found = tree.get("sensors")
    names = {name for name, *_ in _SENSORS} | {"ambientTemperature"}
    return type(found) is list and any(type(one) is dict and "id" in one and names & one.keys() for one in found)


def _conditions(tree: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What each condition says, and the object about which it says it."""
    if tree["eventType"] == "Alert":
        event = tree.get("event")
        said = nested(event, "alertConditionDescription") or nested(event, "details") or "alert"
        yield shown(said), event
        return
    conditions = nested(tree, "data", "conditions")
    for one in conditions if type(conditions) is list else ():
        details = nested(one, "details")
        for kind, about in details.items() if type(details) is dict else ():
            yield shown(nested(one, "description") or kind), about


def _loggers(about: Any) -> Iterator[str]:
    """The first of sensor, asset, trailer and so on that has a serial number or an id."""
    for name in _ABOUT:
        one = nested(about, name)
        number = nested(one, "serial") or nested(one, "id")
        if type(number) is int or (type(number) is str and number):
            yield named(str(number), f"{name}.id")
            return
