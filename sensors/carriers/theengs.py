"""OpenMQTTGateway and Theengs Gateway: Bluetooth sensors that the gateway decoded, `…/BTtoMQTT/{address}`.

The names of its fields declare their units: `tempc` °C, `tempf` °F, `hum` % RH, `batt` %, `volt` V, `pres` hPa, `lux`.
Extremes (`tempc_max`), uptimes (`time`) and dew points (`tempc_dp`) are never taken for the present temperature.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from coldchain.domain.message import Arrival, Decoded, Envelope
from sensors.carriers import advert, bthome, ruuvi_frame
from sensors.carriers.advert import Frame
from sensors.carriers.body import alone, peeked
from sensors.carriers.declared import from_fahrenheit, number_of
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import INTERNAL, Head, Sample, Stamp
from sensors.carriers.stamped import iso_ms
from sensors.faults import NATIVE, Limits

_TEMPERATURE = re.compile(r"temp([cf])([1-9]|1[0-6])?\Z")
_NO_PROBE_C = frozenset({Decimal("6552.6"), 6552.6, Decimal(65526)})  # 0xFFF6, with and without its tenth
_CLIMATE = {"hum": "humidity_pct", "pres": "pressure_hpa"}
_RIDING = {"batt": "battery_pct", "volt": "battery_v", "lux": "light_lux"}
_OF_GATEWAY = frozenset({"rssi", "distance", "UTCtime", "unixtime"})
_ADVERT_ONLY = ("servicedata", "manufacturerdata")

# Types of the gateway whose one temperature is of something else than what is stored around the sensor.
_OF_ITSELF = {"TIRE": "tyre", "BATT": "vehicle-battery", "BODY": "body"}
_BARBECUE = "BBQ"
_BARBECUE_LIMITS: Mapping[str, Limits] = {**NATIVE, "temperature_c": Limits(-50_000, 400_000, "°C")}


class Theengs:
    """Reads what OpenMQTTGateway and Theengs Gateway decoded, and the adverts that they only relay."""

    name = "theengs@1"
    source = "theengs"
    filters = ("+/+/BTtoMQTT/+",)

    def claims(self, envelope: Envelope) -> bool:
        """Its topics, `…/BTtoMQTT/{address}` or without the address, and the webhook of its name."""
        if envelope.transport == "mqtt":
            return "BTtoMQTT" in envelope.source.split("/")[-2:]
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """A body with an address, a signal strength and the name of a decoded model."""
        tree = peeked(envelope.payload)
        return "model_id" in tree and advert.address(tree.get("id")) is not None

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:  # noqa: ARG002 - its names say all
        """The one sensor of a body."""
        return alone(envelope, "is not an object as the gateway sends it", lambda tree: _message(tree, envelope))


def _message(tree: Mapping[str, Any], envelope: Envelope) -> Decoded:
    """The sensor's message.

    Raises:
        Wrong: nothing says who measured, or its bytes cannot be read.
    """
    logger, stamp = bthome.address_of(tree, envelope), _stamp(tree, envelope)
    head = Head(logger, "", Theengs.name, stamp, envelope.received_at_ms)
    if "model_id" in tree:
        told = sorted([(name, repr(one)) for name, one in tree.items() if name not in _OF_GATEWAY])
        own = repr(told).encode()
        return advert.spoken(_frame(tree), own, head, envelope.payload)
    if bthome.holds_bthome(tree):
        return bthome.relayed(tree, logger, stamp, envelope)
    if "manufacturerdata" in tree:
        own = advert.hex_bytes("manufacturerdata", tree["manufacturerdata"])
        if own.startswith(ruuvi_frame.COMPANY):
            frame, claimed = ruuvi_frame.frame(own[2:])
            advert.agreed((("id", logger), ("frame", claimed if claimed and len(claimed) == 12 else None)))
            return advert.spoken(frame, own, head, envelope.payload)
    return advert.spoken(_undecoded(tree), repr(tree.get("servicedata")).encode(), head, envelope.payload)


def _undecoded(tree: Mapping[str, Any]) -> Frame:
    if any(name in tree for name in _ADVERT_ONLY):
        return Frame(unread="its gateway does not know this model and only relays the bytes of its advertisement")
    return Frame()  # somebody was seen, and said nothing


def _stamp(tree: Mapping[str, Any], envelope: Envelope) -> Stamp:
    """When the gateway heard it, where it is set up to say so; `time` is a sensor's uptime and no date."""
    if (at_ms := iso_ms(tree.get("UTCtime"))) is not None:
        return Stamp(at_ms, "gateway", tree["UTCtime"])
    if type(at_s := tree.get("unixtime")) is int:
        return Stamp(at_s * 1000, "gateway", str(at_s))
    return Stamp(envelope.received_at_ms, "arrival")


def _frame(tree: Mapping[str, Any]) -> Frame:
    kind, climate = tree.get("type"), {public: tree[name] for name, public in _CLIMATE.items() if name in tree}
    seq = next((tree[name] for name in ("seq", "packet") if type(tree.get(name)) is int and tree[name] >= 0), None)
    riding = tuple(_riding(tree, kind))
    if str(tree.get("model_id")).startswith("RuuviTag") and "tempc" in tree:
        believed, wrongs = ruuvi_frame.believable({"temperature_c": tree["tempc"], **climate})
        return Frame((Sample(believed, INTERNAL), *riding), seq, refusals=wrongs, limits=ruuvi_frame.LIMITS)
    probes = kind == _BARBECUE or not tree.keys().isdisjoint(("tempc2", "tempf2")) or tree.get("extprobe") is True
    first = "probe-1" if probes else _OF_ITSELF.get(str(kind), INTERNAL)
    if first in _OF_ITSELF.values():
        climate.pop("pressure_hpa", None)  # a tyre's, which is no weather
    samples = (*_temperatures(tree, first), Sample(climate, first), *riding)
    return Frame(samples, seq, limits=_BARBECUE_LIMITS if kind == _BARBECUE else NATIVE)


def _riding(tree: Mapping[str, Any], kind: Any) -> Iterator[Sample]:
    if kind != "BATT":  # there, volts and per cent are those of what is measured
        yield Sample({public: tree[name] for name, public in _RIDING.items() if name in tree})
        if type(is_open := tree.get("open")) is bool:
            yield Sample({"door_open": is_open})


def _temperatures(tree: Mapping[str, Any], first: str) -> Iterator[Sample]:
    """One sample for each probe; °F only where °C is not there."""
    for name, value in tree.items():
        if not name.startswith("temp") or (found := _TEMPERATURE.match(name)) is None:
            continue
        unit, number = found[1], found[2] or ""
        if unit == "f" and f"tempc{number}" in tree:
            continue
        celsius = value if unit == "c" else from_fahrenheit(value)
        channel = f"probe-{number}" if number else first
        if (celsius if type(celsius) is float else number_of(celsius)) in _NO_PROBE_C:
            yield Sample({"temperature_c": None}, channel, fault="probe_open")
        else:
            yield Sample({"temperature_c": celsius}, channel)
