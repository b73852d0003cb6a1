"""SenML (RFC 8428) in JSON or CBOR: each name's device and sensor, each unit's meaning, each record's own time."""

import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from coldchain.domain.identity import logger_id
from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from coldchain.errors import InvalidValue
from sensors.carriers import senml_names, senml_pack
from sensors.carriers.fields import Wrong
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import Head, Sample, Stamp, decoded
from sensors.carriers.senml_pack import Record
from sensors.carriers.stamped import stamped_key
from sensors.carriers.uplink import named, tree_of

_TYPES = ("application/senml+json", "application/senml+cbor", "application/sensml+json", "application/sensml+cbor")
_COORDINATES = ("lat", "lon")


class SenML:
    """Reads packs of measurements, one device or several in each."""

    name = "senml@1"
    source = "senml"
    filters = ("+/senml", "+/+/senml", "senml/+")

    def claims(self, envelope: Envelope) -> bool:
        """Topics with a level `senml` at an end, and the webhook of its name."""
        if envelope.transport == "mqtt":
            levels = envelope.source.split("/")
            return levels[-1] == "senml" or (levels[0] == "senml" and len(levels) > 1)
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """Its media types; or an array of objects whose first one holds a base field or a name with a value."""
        if (envelope.content_type or "").partition(";")[0].strip().lower() in _TYPES:
            return True
        if envelope.payload.lstrip()[:1] != b"[":
            return False
        try:
            tree = tree_of(envelope.payload)
        except Wrong:
            return False
        first = tree[0] if type(tree) is list and tree else None
        if type(first) is not dict:
            return False
        return bool({"bn", "bt", "bu"} & first.keys()) or (
            "n" in first and bool({"v", "vs", "vb", "vd"} & first.keys())
        )

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:  # noqa: ARG002 - its units say all
        """A message for each device of the pack."""
        try:
            found, wrongs = senml_pack.records(envelope.payload)
        except Wrong as wrong:
            undecoded = wrong.field in ("bver", "must-understand")
            return Arrival(envelope, refusal=wrong.refusal(), undecoded=undecoded)
        devices, more = _by_device(found, envelope)
        refusals = [wrong.refusal() for wrong in (*wrongs, *more)]
        if not devices:
            refusal = refusals[0] if refusals else Refusal("the pack holds no record", "payload")
            return Arrival(envelope, refusal=refusal)
        messages = []
        for logger, own in devices.items():
            payload = envelope.payload if len(devices) == 1 else _bytes(own)
            messages.append(_message(logger, own, payload, refusals, envelope))
            refusals = []  # told once
        return Arrival(envelope, tuple(messages))


_Part = tuple[Record, str]


def _by_device(found: Iterable[Record], envelope: Envelope) -> tuple[dict[str, list[_Part]], list[Wrong]]:
    devices: dict[str, list[_Part]] = {}
    wrongs = []
    for record in found:
        try:
            source = senml_names.source_of(record.name, record.base, _topic_device(envelope))
            devices.setdefault(named(source.device, "n"), []).append((record, source.part))
        except Wrong as wrong:
            wrongs.append(wrong)
    return devices, wrongs


def _topic_device(envelope: Envelope) -> str | None:
    """The level beside `senml` in the topic."""
    levels = envelope.source.split("/")
    if envelope.transport != "mqtt" or len(levels) < 2:
        return None
    try:
        return logger_id(levels[-2] if levels[-1] == "senml" else levels[-1])
    except InvalidValue:
        return None


def _bytes(own: Sequence[_Part]) -> bytes:
    return json.dumps(senml_pack.pack(record for record, _ in own), default=float, separators=(",", ":")).encode()


def _message(
    logger: str, own: Sequence[_Part], payload: bytes, refusals: Sequence[Refusal], envelope: Envelope
) -> Decoded:
    arrival = Stamp(envelope.received_at_ms, "arrival")
    absolute = [record.offset_ms for record, _ in own if record.offset_ms is not None and not record.relative]
    key = stamped_key(max(absolute), payload) if len(absolute) == len(own) else ""
    head = Head(logger, key, SenML.name, arrival, envelope.received_at_ms)
    unknown: list[Refusal] = []
    samples = list(_samples(own, envelope.received_at_ms, unknown))
    if not samples and unknown:
        return decoded(head, (), payload, refusals=(*unknown, *refusals))._replace(undecoded=True)
    odd = [refusal for refusal in unknown if refusal.value not in _IRRELEVANT]
    # Without a set clock SenML writes times relative to now, so an absolute one is believed however old it is.
    return decoded(head, samples, payload, refusals=(*refusals, *odd))._replace(clock_set=True)


# Units of the registry that say nothing of a cold chain: beside measurements that do, they are no reason to complain.
_IRRELEVANT = frozenset(
    {"m", "kg", "g", "s", "A", "mA", "V", "mV", "W", "kW", "J", "N", "Hz", "MHz", "cd", "lm", "C", "F", "Ohm", "S", "T"}
    | {"H", "Bq", "Gy", "Sv", "kat", "Wb", "mol", "rad", "sr", "deg", "m2", "m3", "l", "m/s", "km/h", "m/s2", "m3/s"}
    | {"l/s", "W/m2", "cd/m2", "bit", "bit/s", "B", "KiB", "GB", "pH", "dB", "dBW", "dBm", "Bspl", "count", "/", "%"}
    | {"%RL", "EL", "1/s", "1/min", "beats", "beat/min", "S/m", "VA", "VAs", "var", "kg/m3", "NTU", "ppm", "ug/m3"}
    | {"Ah", "Wh", "kWh", "min", "h", "ms", "mm", "cm", "km", "mm/h", "m/h"}
)


def _samples(own: Sequence[_Part], arrival_ms: int, unknown: list[Refusal]) -> Iterator[Sample]:
    """The samples of one device; what has a number and no meaning here goes to `unknown`."""
    places: dict[tuple[Stamp | None, str], dict[str, Any]] = {}
    for record, part in own:
        stamp, unit, value = _stamp(record, arrival_ms), record.unit, record.value
        if type(value) is bool:
            if senml_names.is_door(part):
                yield Sample({"door_open": value}, stamp=stamp)
        elif isinstance(value, Decimal):
            if unit in _COORDINATES:
                places.setdefault((stamp, part if part not in _COORDINATES else ""), {})[unit] = value
            elif unit is not None and (meaning := senml_names.meaning_of(unit, part)) is not None:
                channel = senml_names.channel_of(part) if unit in senml_names.MEASURED else ""
                yield Sample({meaning.public: meaning.value(value)}, channel, stamp, within=f"[{record.place}]")
            else:
                unknown.append(_unknown(record))
    for (stamp, _), place in places.items():
        if len(place) == 2:
            yield Sample(stamp=stamp, position=(place["lat"], place["lon"]))
        else:
            unknown.append(Refusal("a position lacks its latitude or longitude", "position"))


def _stamp(record: Record, arrival_ms: int) -> Stamp | None:
    """The record's own time; one relative to now hangs on the arrival."""
    if record.offset_ms is None:
        return None
    if record.relative:
        return Stamp(arrival_ms + record.offset_ms, "arrival", f"{record.offset_ms / 1000:g} s from now")
    return Stamp(record.offset_ms, "device", f"{record.offset_ms / 1000:.3f}")


def _unknown(record: Record) -> Refusal:
    unit = record.unit
    said = "no unit is declared" if unit is None else f"unit {unit[:32]} is not one of a cold chain that is known here"
    return Refusal(f"[{record.place}] {record.name[:64]} {str(record.value)[:32]}: {said}", "u", unit)
