"""What the listener says in MQTT 3.1.1 and 5: values to bytes."""

import struct

from ingest.listener.packets import (
    BAD_CLIENT_ID,
    BAD_CREDENTIALS,
    CONNACK,
    DISCONNECT,
    NOT_AUTHORIZED,
    PUBLISH,
    SUBACK,
    SUCCESS,
    UNSUBACK,
    UNSUPPORTED_VERSION,
    V5,
)

PING_ANSWER = b"\xd0\x00"

_CONNACK_311 = {UNSUPPORTED_VERSION: 1, BAD_CLIENT_ID: 2, BAD_CREDENTIALS: 4, NOT_AUTHORIZED: 5}
_UNAVAILABLE_311 = 3
_REFUSED_SUBSCRIPTION_311 = 0x80
_PAIR = struct.Struct("!H")


def connack(level: int, code: int, said: bytes = b"") -> bytes:
    """The answer to CONNECT; `said` are the listener's own properties (MQTT 5)."""
    if level == V5:
        return _packet(CONNACK << 4, bytes((0, code)) + _length(len(said)) + said)
    return _packet(CONNACK << 4, bytes((0, _CONNACK_311.get(code, _UNAVAILABLE_311) if code else 0)))


def greeting(*, receive_maximum: int, maximum_packet: int, client_id: str | None) -> bytes:
    """What the listener can do, as properties of an MQTT 5 CONNACK: QoS 1, no wildcards, no kept session."""
    said = struct.pack("!BI", 0x11, 0) + struct.pack("!BH", 0x21, receive_maximum) + b"\x24\x01"
    said += struct.pack("!BI", 0x27, maximum_packet) + b"\x28\x00\x29\x00\x2a\x00"
    if client_id is not None:
        said += b"\x12" + _string(client_id)
    return said


def puback(level: int, packet_id: int, code: int) -> bytes:
    """The acknowledgement of one message; in 3.1.1 there is no other answer than success."""
    if code == SUCCESS or level != V5:
        return b"\x40\x02" + _PAIR.pack(packet_id)
    return b"\x40\x03" + _PAIR.pack(packet_id) + bytes((code,))


def suback(level: int, packet_id: int, codes: list[int]) -> bytes:
    """The answer to SUBSCRIBE: a granted QoS or a refusal for each filter."""
    if level == V5:
        return _packet(SUBACK << 4, _PAIR.pack(packet_id) + b"\0" + bytes(codes))
    told = [min(code, _REFUSED_SUBSCRIPTION_311) for code in codes]
    return _packet(SUBACK << 4, _PAIR.pack(packet_id) + bytes(told))


def unsuback(level: int, packet_id: int, count: int) -> bytes:
    """The answer to UNSUBSCRIBE from `count` filters."""
    return _packet(UNSUBACK << 4, _PAIR.pack(packet_id) + (b"\0" + bytes(count) if level == V5 else b""))


def message(level: int, topic: str, payload: bytes, packet_id: int, *, qos: int, retain: bool) -> bytes:
    """A PUBLISH to a client."""
    head = _string(topic) + (_PAIR.pack(packet_id) if qos else b"") + (b"\0" if level == V5 else b"")
    return _packet(PUBLISH << 4 | qos << 1 | retain, head + payload)


def disconnect(level: int, code: int) -> bytes:
    """The last word to a client; empty for 3.1.1, whose servers only close."""
    return _packet(DISCONNECT << 4, bytes((code,))) if level == V5 else b""


def _string(value: str) -> bytes:
    raw = value.encode()
    return _PAIR.pack(len(raw)) + raw


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, byte = value >> 7, value & 0x7F
        out.append(byte | 0x80 if value else byte)
        if not value:
            return bytes(out)


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + _length(len(body)) + body
