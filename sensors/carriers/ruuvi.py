"""Ruuvi Gateway: advertisements as it publishes or posts them, raw or decoded by itself.

Over MQTT each advertisement is `ruuvi/{gateway}/{tag}` with `{"gw_mac", "rssi", "gwts", "ts", "data", "coords"}`; over
HTTP one body holds the tags that were heard. The stamp is the gateway's; `coords` is where somebody said that the
gateway stands and is never the tag's place.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from sensors.carriers import advert, bthome_frame, ruuvi_frame
from sensors.carriers.advert import MANUFACTURER, SERVICE_16, Frame
from sensors.carriers.body import object_of, peeked
from sensors.carriers.declared import times
from sensors.carriers.fields import Wrong
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import INTERNAL, RIDES, Head, Sample, Stamp, decoded

_STATUS_TOPIC = "gw_status"
_LEVELS = 3  # of a topic: prefix, gateway, tag


class _Heard(NamedTuple):
    """One advertisement and who heard it when."""

    body: Mapping[str, Any]
    tag: str | None  # as the topic or the list of tags names it
    stamp: Stamp
    payload: bytes


class Ruuvi:
    """Reads what a Ruuvi Gateway forwards."""

    name = "ruuvi@1"
    source = "ruuvi"
    filters = ("ruuvi/+/+",)

    def claims(self, envelope: Envelope) -> bool:
        """Its topics `ruuvi/{gateway}/{tag}`, and the webhook of its name."""
        if envelope.transport == "mqtt":
            levels = envelope.source.split("/")
            return levels[0] == "ruuvi" and len(levels) == _LEVELS
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """A body that names the gateway and holds an advertisement or a list of tags."""
        tree = peeked(envelope.payload)
        inner = tree.get("data")
        if type(inner) is dict:
            return "gw_mac" in inner and type(inner.get("tags")) is dict
        return "gw_mac" in tree and (type(inner) is str or "dataFormat" in tree)

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:  # noqa: ARG002 - a tag needs no profile
        """Each advertisement as a message of its tag."""
        messages, refusal = [], None
        try:
            for heard in _heard(envelope):
                try:
                    messages.append(_message(heard, envelope))
                except Wrong as wrong:
                    refusal = refusal or wrong.refusal(heard.tag or "")
        except Wrong as wrong:
            refusal = wrong.refusal()
        if messages:
            refused = (refusal,) if refusal is not None else ()
            first = messages[0]
            return Arrival(envelope, (first._replace(refusals=(*first.refusals, *refused)), *messages[1:]))
        return Arrival(envelope, refusal=refusal or Refusal("the gateway heard no tag: nothing is in its list", "tags"))


def _heard(envelope: Envelope) -> Iterator[_Heard]:
    """The advertisements of an envelope.

    Raises:
        Wrong: it is not what the gateway sends.
    """
    tree = object_of(envelope.payload, "is not an object as a Ruuvi Gateway sends it")
    inner = tree.get("data")
    if type(inner) is dict:
        yield from _listed(inner, envelope)
        return
    tag = envelope.source.rpartition("/")[2] if envelope.transport == "mqtt" else tree.get("id")
    yield _Heard(tree, tag, _stamp(tree, ("ts", "gwts"), envelope), envelope.payload)


def _listed(inner: dict[str, Any], envelope: Envelope) -> Iterator[_Heard]:
    """The tags of the body that the gateway posts over HTTP; each alone is such a body again."""
    tags = inner.get("tags")
    if type(tags) is not dict:
        raise Wrong("tags", tags, "is not an object of tags")
    around: dict[str, Any] = {name: inner[name] for name in ("gw_mac", "timestamp") if name in inner}
    for tag, body in tags.items():
        one = json.dumps({"data": {**around, "tags": {tag: body}}}, separators=(",", ":")).encode()
        payload = one if len(tags) > 1 else envelope.payload
        if type(body) is not dict:
            yield _Heard({}, tag, Stamp(envelope.received_at_ms, "arrival"), payload)
        else:
            yield _Heard({**around, **body}, tag, _stamp({**around, **body}, ("timestamp",), envelope), payload)


def _stamp(tree: Mapping[str, Any], names: tuple[str, ...], envelope: Envelope) -> Stamp:
    """When the gateway heard it; the arrival where it does not say so in a way that can be read."""
    for name in names:
        try:
            at_ms = advert.seconds_ms(name, tree.get(name))
        except Wrong:
            continue
        if at_ms is not None:
            return Stamp(at_ms, "gateway", str(tree[name]))
    return Stamp(envelope.received_at_ms, "arrival")


def _message(heard: _Heard, envelope: Envelope) -> Decoded:
    """The message of one tag.

    Raises:
        Wrong: nothing of it can be believed.
    """
    body = heard.body
    if heard.tag == _STATUS_TOPIC:
        return _gateway_state(envelope, body)
    frame, claimed, own = _frame(body)
    tag = advert.address(heard.tag)
    if claimed is not None and len(claimed) == 6 and tag is not None:
        claimed = tag[:6] + claimed  # format 6 names only its last half
    logger = advert.agreed((("topic", tag), ("frame", claimed if claimed and len(claimed) == 12 else None)))
    return advert.spoken(frame, own, Head(logger, "", Ruuvi.name, heard.stamp, envelope.received_at_ms), heard.payload)


def _frame(body: Mapping[str, Any]) -> tuple[Frame, str | None, bytes]:
    """What was advertised, the address that it names itself, and its own bytes.

    Raises:
        Wrong: it is no advertisement of a sensor.
    """
    data = body.get("data")
    if data is None and "dataFormat" in body:
        return _by_gateway(body)
    raw = advert.hex_bytes("data", data)
    for kind, content in advert.structures(raw):
        if kind == MANUFACTURER and content.startswith(ruuvi_frame.COMPANY):
            return *ruuvi_frame.frame(content[2:]), content
        if kind == SERVICE_16 and content.startswith(bthome_frame.SERVICE):
            return bthome_frame.frame(content[2:]), None, content
    raise Wrong("data", data, "holds neither data of the manufacturer 0x0499 nor of the service 0xFCD2")


_PASCAL = Decimal("0.01")
_DECLARED = {"temperature": "temperature_c", "humidity": "humidity_pct", "voltage": "battery_v"}


def _by_gateway(body: Mapping[str, Any]) -> tuple[Frame, str | None, bytes]:
    """What the gateway decoded itself: °C, % RH, pascal, volt."""
    values = {public: body[name] for name, public in _DECLARED.items() if name in body}
    if "pressure" in body:
        values["pressure_hpa"] = times(body["pressure"], _PASCAL)
    battery = {"battery_v": values.pop("battery_v")} if "battery_v" in values else {}
    number = body.get("measurementSequenceNumber")
    seq = number if type(number) is int and 0 <= number < 0xFFFF else None
    own = json.dumps([values, battery, number], default=str).encode()
    believed, wrongs = ruuvi_frame.believable(values)
    samples = (Sample(believed, INTERNAL), Sample(battery, RIDES))
    frame = Frame(samples, seq, 60, refusals=wrongs, limits=ruuvi_frame.LIMITS)
    return frame, advert.address(body.get("id")), own


def _gateway_state(envelope: Envelope, body: Mapping[str, Any]) -> Decoded:
    """The gateway's own word that it is there or gone."""
    gateway = advert.address(envelope.source.split("/")[1])
    if gateway is None:
        raise Wrong("topic", envelope.source, "names no gateway by its address")
    head = Head(gateway, "", Ruuvi.name, Stamp(envelope.received_at_ms, "arrival"), envelope.received_at_ms)
    return decoded(head, (), envelope.payload, status={"gateway": body.get("state")})
