"""MQTT 3.1.1 and 5 on the wire, as far as a logger and the listener need it: bytes to values."""

import struct
from typing import Any, NamedTuple

V311 = 4
V5 = 5

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 10, 11, 12, 13, 14

# Reason codes of MQTT 5; 3.1.1 knows only those of CONNACK, and closes without a word otherwise.
SUCCESS = 0x00
UNSPECIFIED = 0x80
MALFORMED = 0x81
PROTOCOL_ERROR = 0x82
UNSUPPORTED_VERSION = 0x84
BAD_CLIENT_ID = 0x85
BAD_CREDENTIALS = 0x86
NOT_AUTHORIZED = 0x87
SERVER_UNAVAILABLE = 0x88
SERVER_SHUTTING_DOWN = 0x8B
KEEP_ALIVE_TIMEOUT = 0x8D
TAKEN_OVER = 0x8E
RECEIVE_MAXIMUM_EXCEEDED = 0x93
NO_TOPIC_ALIAS = 0x94
PACKET_TOO_LARGE = 0x95
QOS_NOT_SUPPORTED = 0x9B

_PAIR = struct.Struct("!H")
_LONGEST_LENGTH = 4  # bytes of a remaining length


class Malformed(Exception):
    """Bytes that no client may send; `code` is the reason for which the connection ends."""

    def __init__(self, what: str, code: int = MALFORMED) -> None:
        super().__init__(what)
        self.code = code


class Connect(NamedTuple):
    """What a client asks for when it connects. Its will is read and not kept: the listener routes nothing."""

    level: int
    client_id: str
    clean: bool
    keep_alive_s: int
    user: str | None
    password: str | None
    receive_maximum: int


class Publish(NamedTuple):
    """The head of a PUBLISH; its payload runs from `payload_at` to the end of the packet."""

    topic: bytes
    packet_id: int  # 0 for QoS 0
    payload_at: int


def remaining_length(data: bytes, at: int) -> tuple[int, int] | None:
    """The length at `at` and where what it counts begins; None if more bytes are needed.

    Raises:
        Malformed: it has more than four bytes.
    """
    if at + 1 < len(data):  # nearly every packet is shorter than 16 KiB: one or two bytes
        low, high = data[at], data[at + 1]
        if low < 0x80:
            return low, at + 1
        if high < 0x80:
            return low & 0x7F | high << 7, at + 2
    value, shift = 0, 0
    for position in range(at, min(at + _LONGEST_LENGTH, len(data))):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
        shift += 7
    if len(data) - at >= _LONGEST_LENGTH:
        raise Malformed("a length of more than four bytes")
    return None


def connect(body: bytes) -> Connect:
    """The fields of a CONNECT.

    Raises:
        Malformed: they do not fit together, or the protocol is not MQTT 3.1.1 or 5.
    """
    name, at = _binary(body, 0)
    if len(body) < at + 4:
        raise Malformed("CONNECT breaks off")
    level, flags = body[at], body[at + 1]
    if name != b"MQTT" or level not in (V311, V5):
        raise Malformed("another protocol than MQTT 3.1.1 or 5", UNSUPPORTED_VERSION)
    keep_alive_s = _PAIR.unpack_from(body, at + 2)[0]
    will, will_qos = bool(flags & 0x04), flags >> 3 & 3
    if flags & 0x01 or will_qos == 3 or (not will and flags & 0x38) or (level == V311 and flags & 0xC0 == 0x40):
        raise Malformed("CONNECT with flags that exclude each other")
    at += 4
    wishes: dict[int, Any] = {}
    if level == V5:
        wishes, at = properties(body, at)
    client_id, at = text(body, at)
    if will:
        if level == V5:
            _, at = properties(body, at)
        _, at = text(body, at)
        _, at = _binary(body, at)
    user = password = None
    if flags & 0x80:
        user, at = text(body, at)
    if flags & 0x40:
        secret, at = _binary(body, at)
        password = secret.decode(errors="surrogateescape")
    if at != len(body):
        raise Malformed("CONNECT is longer than its fields")
    receive_maximum = wishes.get(0x21, 65_535)
    if receive_maximum == 0:
        raise Malformed("a receive maximum of 0", PROTOCOL_ERROR)
    return Connect(level, client_id, bool(flags & 0x02), keep_alive_s, user, password, receive_maximum)


def publish(data: bytes, at: int, end: int, *, qos: int, level: int) -> Publish:
    """The head of the PUBLISH whose body runs from `at` to `end`; `end` may lie beyond what has arrived of the payload.

    Raises:
        Malformed: the head breaks off or contradicts itself.
    """
    limit = min(end, len(data))
    if at + 2 > limit:
        raise Malformed("PUBLISH breaks off")
    topic_at = at + 2
    at = topic_at + (data[at] << 8 | data[at + 1])
    topic = data[topic_at:at]
    packet_id = 0
    if qos:
        if at + 2 > limit:
            raise Malformed("PUBLISH breaks off")
        packet_id = data[at] << 8 | data[at + 1]
        if packet_id == 0:
            raise Malformed("PUBLISH without a packet id")
        at += 2
    if level == V5:
        if at < limit and data[at] == 0:
            at += 1
        else:
            said, at = properties(data[:limit], at)
            if 0x23 in said:
                raise Malformed("a topic alias, although none was offered", NO_TOPIC_ALIAS)
    if at > limit or not topic:
        raise Malformed("PUBLISH breaks off or has no topic")
    return Publish(topic, packet_id, at)


def subscribe(body: bytes, level: int) -> tuple[int, list[tuple[str, int]]]:
    """The packet id, and each filter with the QoS that is asked for.

    Raises:
        Malformed: the packet breaks off, or asks for nothing.
    """
    packet_id, at = _packet_id(body, level)
    wanted = []
    while at < len(body):
        name, at = text(body, at)
        if at >= len(body) or body[at] & 3 == 3:
            raise Malformed("SUBSCRIBE without options")
        wanted.append((name, body[at] & 3))
        at += 1
    if not wanted:
        raise Malformed("SUBSCRIBE to nothing", PROTOCOL_ERROR)
    return packet_id, wanted


def unsubscribe(body: bytes, level: int) -> tuple[int, list[str]]:
    """The packet id and the filters.

    Raises:
        Malformed: the packet breaks off, or names nothing.
    """
    packet_id, at = _packet_id(body, level)
    names = []
    while at < len(body):
        name, at = text(body, at)
        names.append(name)
    if not names:
        raise Malformed("UNSUBSCRIBE from nothing", PROTOCOL_ERROR)
    return packet_id, names


def _packet_id(body: bytes, level: int) -> tuple[int, int]:
    if len(body) < 2 or body[:2] == b"\0\0":
        raise Malformed("no packet id")
    at = 2
    if level == V5:
        _, at = properties(body, at)
    return _PAIR.unpack_from(body)[0], at


def text(body: bytes, at: int) -> tuple[str, int]:
    """The string at `at`, and where it ends.

    Raises:
        Malformed: it breaks off, is not UTF-8, or holds U+0000.
    """
    raw, end = _binary(body, at)
    return utf8(raw), end


def utf8(raw: bytes) -> str:
    """A string of the protocol.

    Raises:
        Malformed: it is not UTF-8, or holds U+0000.
    """
    try:
        value = raw.decode()
    except UnicodeDecodeError:
        raise Malformed("a string that is not UTF-8") from None
    if "\0" in value:
        raise Malformed("a string with U+0000")
    return value


def _binary(body: bytes, at: int) -> tuple[bytes, int]:
    if at + 2 > len(body):
        raise Malformed("a field breaks off")
    end = at + 2 + _PAIR.unpack_from(body, at)[0]
    if end > len(body):
        raise Malformed("a field breaks off")
    return body[at + 2 : end], end


# Properties by the shape of their value; the two that may stand more than once are user property and subscription id.
_BYTE = {0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A}
_TWO = {0x13, 0x21, 0x22, 0x23}
_FOUR = {0x02, 0x11, 0x18, 0x27}
_TEXT = {0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F}
_BYTES = {0x09, 0x16}
_SUBSCRIPTION_ID = 0x0B
_USER_PROPERTY = 0x26


def properties(body: bytes, at: int) -> tuple[dict[int, Any], int]:
    """The properties at `at`, and where they end.

    Raises:
        Malformed: they break off, are unknown, or one stands twice.
    """
    sized = remaining_length(body, at)
    if sized is None:
        raise Malformed("properties break off")
    length, at = sized
    end = at + length
    if end > len(body):
        raise Malformed("properties break off")
    found: dict[int, Any] = {}
    while at < end:
        kind = body[at]
        value, at = _property(body[:end], kind, at + 1)
        if kind in found and kind not in (_USER_PROPERTY, _SUBSCRIPTION_ID):
            raise Malformed(f"property {kind:#04x} twice", PROTOCOL_ERROR)
        found[kind] = value
    return found, end


def _property(body: bytes, kind: int, at: int) -> tuple[Any, int]:
    width = 1 if kind in _BYTE else 2 if kind in _TWO else 4 if kind in _FOUR else 0
    if width:
        if at + width > len(body):
            raise Malformed("a property breaks off")
        return int.from_bytes(body[at : at + width], "big"), at + width
    if kind in _TEXT:
        return text(body, at)
    if kind in _BYTES:
        return _binary(body, at)
    if kind == _USER_PROPERTY:
        name, at = text(body, at)
        value, at = text(body, at)
        return (name, value), at
    if kind == _SUBSCRIPTION_ID and (sized := remaining_length(body, at)) is not None:
        return sized
    raise Malformed(f"unknown property {kind:#04x}")
