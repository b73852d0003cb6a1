"""A Bluetooth advertisement as a gateway hands it on: its AD structures, addresses, and when a gateway heard it."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from coldchain.domain.identity import logger_id
from coldchain.domain.message import Decoded, Refusal
from coldchain.domain.quantity import milli_from_float, scaled, strict_decimal
from coldchain.errors import InvalidValue
from sensors.carriers.fields import Wrong
from sensors.carriers.sample import INTERNAL, Head, Sample, Stamp, decoded
from sensors.faults import NATIVE, Limits

MANUFACTURER, SERVICE_16 = 0xFF, 0x16
_ADDRESS_DIGITS, _HEX = 12, frozenset("0123456789ABCDEF")
_LONGEST = 510  # hex digits of an extended advertisement's 255 bytes


class Frame(NamedTuple):
    """What one advertisement says: the device's own words, without anything that a gateway adds."""

    samples: tuple[Sample, ...] = ()
    seq: int | None = None
    wrap_s: int = 60  # within which the same bytes are the same measurement
    at_ms: int | None = None  # the device's own clock, where it sends one
    status: tuple[tuple[str, Any], ...] = ()
    refusals: tuple[Wrong, ...] = ()
    limits: Mapping[str, Limits] = NATIVE
    unread: str | None = None  # why nobody here can read it


def hex_bytes(field: str, value: Any) -> bytes:
    """The bytes of a hex text.

    Raises:
        Wrong: it is none, or longer than any advertisement.
    """
    if type(value) is not str:
        raise Wrong(field, value, "is no text of hex digits")
    if len(value) > _LONGEST or not value.isascii() or not value.isalnum():
        raise Wrong(field, value, f"is not a text of up to {_LONGEST} hex digits")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise Wrong(field, value, "is not a text of pairs of hex digits") from None


def structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The (type, content) pairs of an advertisement, as far as they are whole; zero padding ends them."""
    at = 0
    while at + 1 < len(data) and data[at]:
        end = at + 1 + data[at]
        if end > len(data):
            return
        yield data[at + 1], data[at + 2 : end]
        at = end


def address(text: Any) -> str | None:
    """A Bluetooth address in its one spelling, None where `text` is none."""
    if type(text) is not str:
        return None
    try:
        found = logger_id(text)
    except InvalidValue:
        return None
    return found if len(found) == _ADDRESS_DIGITS and _HEX.issuperset(found) else None


def agreed(named: tuple[tuple[str, str | None], ...]) -> str:
    """The one address that all of the (where, address) pairs give; None means that it stands not there.

    Raises:
        Wrong: two of them differ, or there is none.
    """
    given = [(where, one) for where, one in named if one is not None]
    if not given:
        raise Wrong("id", None, "is missing: no Bluetooth address says who measured")
    first_where, first = given[0]
    for where, one in given[1:]:
        if one != first:
            raise Wrong(where, one, f"is another device than {first} of the {first_where}")
    return first


def seconds_ms(field: str, value: Any) -> int | None:
    """Unix seconds, a number or its text, as milliseconds; None where there are none.

    Raises:
        Wrong: it is anything else.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            return scaled(strict_decimal(value), 3)
        if type(value) is float:
            return milli_from_float(value)
        if type(value) is int:
            return scaled(strict_decimal(repr(value)), 3)
    except InvalidValue:
        pass
    raise Wrong(field, value, "is no time in seconds since 1970")


def spoken(frame: Frame, own: bytes, head: Head, payload: bytes) -> Decoded:
    """The message that a frame is. `own` are the bytes that the device sent; `head.stamp` is when they were heard."""
    stamp = head.stamp if frame.at_ms is None else Stamp(frame.at_ms, "device", str(frame.at_ms // 1000))
    key = _key(frame, own, head.stamp)
    head = Head(head.logger, key, head.adapter, stamp, head.received_at_ms, frame.seq, *head[6:10], frame.limits)
    if frame.unread is not None:
        reason = Refusal(f"{head.logger}: {frame.unread}", "data")
        return decoded(head, (), payload, refusals=(reason,))._replace(undecoded=True)
    refusals = [wrong.refusal("", INTERNAL, head.stamp.at_ms) for wrong in frame.refusals]
    return decoded(head, frame.samples, payload, refusals=refusals, status=dict(frame.status))


def _key(frame: Frame, own: bytes, stamp: Stamp) -> str:
    """Two gateways that hear one advertisement give it one key, whatever else they write.

    With a gateway's clock it is for ever: the number, when it was heard within its wrap time, a digest of the bytes.
    """
    digest = hashlib.sha256(own).hexdigest()
    if stamp.source == "arrival":
        return f"sha256:{digest}"
    number = "" if frame.seq is None else frame.seq
    return f"heard:{number}:{stamp.at_ms // 1000 // frame.wrap_s}:{digest[:16]}"
