"""The protobuf bytes of a Sparkplug B payload, read and written without generated code.

Field numbers and data types are those of the Sparkplug 3.0 specification. Whatever has no single value (data sets,
templates, arrays, files) is passed over by its length.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10  # bytes
_MOST_METRICS = 1500  # of one message that are read
_MOST_PROPERTIES = 64  # of one metric
_MOST_FIELDS = 64  # of one metric or property: what has more was not written by a node
LATEST_MS = 253_402_300_799_999  # the last moment of year 9999: a stamp beyond it is none

BOOLEAN = 11
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}  # data types Int8 … Int64, which travel as unsigned numbers, → bits
_UNSIGNED = {5: 8, 6: 16, 7: 32, 8: 64, 13: 64}  # UInt8 … UInt64, DateTime


class Malformed(Exception):
    """Bytes that are no Sparkplug B payload."""


class Metric(NamedTuple):
    """One metric as it was sent; what was left out is None, or 0 for the data type."""

    name: str | None = None
    alias: int | None = None
    at_ms: int | None = None
    datatype: int = 0
    historical: bool = False
    null: bool = False
    value: int | float | bool | str | None = None
    single: bool = True  # False: its value is a data set, a template or bytes, and was passed over
    properties: Mapping[str, Any] = {}  # never written to


class Payload(NamedTuple):
    """One message: its own stamp, its number within the edge node's session, and its metrics."""

    at_ms: int | None = None
    seq: int | None = None
    metrics: tuple[Metric, ...] = ()
    wrong: tuple[str, ...] = ()  # what is wrong with metrics that could not be read; the others stand


def read(data: bytes) -> Payload:
    """The payload in `data`.

    Raises:
        Malformed: its outermost fields break off or are none; a single broken metric is named in `wrong` instead.
    """
    at_ms = seq = None
    metrics: list[Metric] = []
    wrong: list[str] = []
    beyond = 0
    for number, kind, value in _fields(data, 0, len(data)):
        if number == 1 and kind == _VARINT:
            at_ms = _moment(value)
        elif number == 3 and kind == _VARINT:
            seq = value
        elif number == 2 and kind == _BYTES:
            place = len(metrics) + len(wrong)
            if place >= _MOST_METRICS:
                beyond += 1
                continue
            try:
                metrics.append(_metric(data, *value))
            except Malformed as error:
                wrong.append(f"metrics[{place}] {error}")
    if beyond:
        wrong.append(
            f"metrics[{_MOST_METRICS}] and {beyond - 1} more were not read: publish at most {_MOST_METRICS} at once"
        )
    return Payload(at_ms, seq, tuple(metrics), tuple(wrong))


def signed(value: Any, datatype: int) -> Any:
    """A whole number as its data type means it: negative ones travel as unsigned. Any other value stays."""
    if type(value) is not int:
        return value
    if (bits := _SIGNED.get(datatype)) is not None:
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value
    if (bits := _UNSIGNED.get(datatype)) is not None:
        return value & ((1 << bits) - 1)
    return value


def rebirth(at_ms: int) -> bytes:
    """The payload of an NCMD that asks an edge node to publish its births again."""
    name = b"Node Control/Rebirth"
    metric = b"\x0a" + bytes((len(name),)) + name + b"\x18" + _varint(at_ms) + b"\x20" + bytes((BOOLEAN,)) + b"\x70\x01"
    return b"\x08" + _varint(at_ms) + b"\x12" + bytes((len(metric),)) + metric


# --- one metric ------------------------------------------------------------------------------------------------------


def _metric(data: bytes, at: int, end: int) -> Metric:
    found: dict[str, Any] = {}
    for count, (number, kind, value) in enumerate(_fields(data, at, end)):
        if count > _MOST_FIELDS:
            raise Malformed(f"has more than {_MOST_FIELDS} fields")
        if (place := _PLACES.get((number, kind))) is not None:
            name, read_ = place
            found[name] = read_(data, value)
        elif number >= 16:
            found["single"] = False
    if "value" in found:
        found["value"] = signed(found["value"], found.get("datatype", 0))
    return Metric(**found)


def _properties(data: bytes, span: tuple[int, int]) -> Mapping[str, Any]:
    keys: list[str] = []
    values: list[Any] = []
    for number, kind, value in _fields(data, *span):
        if kind != _BYTES:
            continue
        if len(keys) > _MOST_PROPERTIES or len(values) > _MOST_PROPERTIES:
            raise Malformed(f"has more than {_MOST_PROPERTIES} properties")
        if number == 1:
            keys.append(_text(data, value))
        elif number == 2:
            values.append(_property(data, *value))
    return dict(zip(keys, values, strict=False))


def _property(data: bytes, at: int, end: int) -> Any:
    """A property's value, None where it is null or no single value."""
    datatype, null, found = 0, False, None
    for number, kind, value in _fields(data, at, end):
        if number == 1 and kind == _VARINT:
            datatype = value
        elif number == 2 and kind == _VARINT:
            null = bool(value)
        elif number in (3, 4) and kind == _VARINT:
            found = value
        elif number == 5 and kind == _FIXED32:
            found = _single(data, value)
        elif number == 6 and kind == _FIXED64:
            found = _double(data, value)
        elif number == 7 and kind == _VARINT:
            found = bool(value)
        elif number == 8 and kind == _BYTES:
            found = _text(data, value)
    return None if null else signed(found, datatype)


def _as_is(_data: bytes, value: int) -> int:
    return value


def _flag(_data: bytes, value: int) -> bool:
    return bool(value)


def _stamp(_data: bytes, value: int) -> int | None:
    return _moment(value)


def _text(data: bytes, span: tuple[int, int]) -> str:
    try:
        return data[span[0] : span[1]].decode()
    except UnicodeDecodeError:
        raise Malformed("holds a text that is not UTF-8") from None


def _single(data: bytes, at: int) -> float:
    """A 32-bit number as the shortest decimal that means it: 4.6, not 4.599999904632568."""
    raw = data[at : at + 4]
    value: float = struct.unpack("<f", raw)[0]
    if value - value != 0:  # not finite: nothing is shorter
        return value
    for digits in (6, 7, 8):
        near = float(f"{value:.{digits}g}")
        try:
            if struct.pack("<f", near) == raw:
                return near
        except OverflowError:  # rounded up beyond the largest
            continue
    return float(f"{value:.9g}")


def _double(data: bytes, at: int) -> float:
    value: float = struct.unpack_from("<d", data, at)[0]
    return value


_PLACES: Mapping[tuple[int, int], tuple[str, Callable[[bytes, Any], Any]]] = {
    (1, _BYTES): ("name", _text),
    (2, _VARINT): ("alias", _as_is),
    (3, _VARINT): ("at_ms", _stamp),
    (4, _VARINT): ("datatype", _as_is),
    (5, _VARINT): ("historical", _flag),
    (7, _VARINT): ("null", _flag),
    (9, _BYTES): ("properties", _properties),
    (10, _VARINT): ("value", _as_is),
    (11, _VARINT): ("value", _as_is),
    (12, _FIXED32): ("value", _single),
    (13, _FIXED64): ("value", _double),
    (14, _VARINT): ("value", _flag),
    (15, _BYTES): ("value", _text),
}


# --- the wire --------------------------------------------------------------------------------------------------------


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, Any]]:
    """Each field as (number, wire type, value): a number, where a fixed one begins, or where bytes begin and end."""
    while at < end:
        tag = data[at]
        if tag < 0x80:  # numbers of one byte are most of them
            at += 1
        else:
            tag, at = _read_varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise Malformed(f"has no field at byte {at - 1}")
        value: Any
        if kind in (_VARINT, _BYTES):
            if at < end and data[at] < 0x80:
                value = data[at]
                at += 1
            else:
                value, at = _read_varint(data, at, end)
            if kind == _BYTES:
                value, at = (at, at + value), at + value
        elif kind in (_FIXED64, _FIXED32):
            value, at = at, at + (8 if kind == _FIXED64 else 4)
        else:
            raise Malformed(f"has a field of unknown kind {kind} at byte {at - 1}")
        if at > end:
            raise Malformed("breaks off inside a field")
        yield number, kind, value


def _read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value, shift = 0, 0
    for position in range(at, min(at + _LONGEST_VARINT, end)):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position + 1
        shift += 7
    raise Malformed("breaks off inside a number")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def _moment(value: int) -> int | None:
    return value if 0 < value <= LATEST_MS else None
