"""Sparkplug B payloads as an edge node writes them: a small encoder of the tests' own, apart from what reads them."""

import struct
from typing import Any

INT8, INT16, INT32, INT64, UINT8, UINT64, FLOAT, DOUBLE, BOOLEAN, STRING, DATASET = 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 16


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, body: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(body)) + body


def _value(datatype: int, value: Any) -> bytes:
    match datatype:
        case 9:
            return varint(12 << 3 | 5) + struct.pack("<f", value)
        case 10:
            return varint(13 << 3 | 1) + struct.pack("<d", value)
        case 11:
            return number(14, int(value))
        case 12:
            return block(15, value.encode())
        case 4 | 8:
            return number(11, value & 0xFFFF_FFFF_FFFF_FFFF)
        case _:
            return number(10, value & 0xFFFF_FFFF)


def properties(said: dict[str, Any]) -> bytes:
    keys = b"".join(block(1, name.encode()) for name in said)
    values = b""
    for value in said.values():
        kind = block(8, value.encode()) if isinstance(value, str) else number(3, value)
        values += block(2, number(1, STRING if isinstance(value, str) else INT32) + kind)
    return block(9, keys + values)


def metric(
    name: str | None = None,
    value: Any = None,
    *,
    alias: int | None = None,
    at_ms: int | None = None,
    datatype: int = DOUBLE,
    typed: bool = True,
    historical: bool = False,
    null: bool = False,
    said: dict[str, Any] | None = None,
) -> bytes:
    """One metric; `typed` says whether its data type is sent, `said` are its properties."""
    body = b"" if name is None else block(1, name.encode())
    body += b"" if alias is None else number(2, alias)
    body += b"" if at_ms is None else number(3, at_ms)
    body += number(4, datatype) if typed else b""
    body += number(5, 1) if historical else b""
    body += number(7, 1) if null else b""
    body += b"" if said is None else properties(said)
    body += b"" if value is None else _value(datatype, value)
    return block(2, body)


def payload(*metrics: bytes, at_ms: int | None = None, seq: int | None = None) -> bytes:
    body = b"" if at_ms is None else number(1, at_ms)
    return body + b"".join(metrics) + (b"" if seq is None else number(3, seq))


def bd(value: int) -> bytes:
    """The metric that ties an NDEATH to its NBIRTH."""
    return metric("bdSeq", value, datatype=INT64)
