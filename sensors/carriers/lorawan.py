"""What LoRaWAN network servers have in common: an uplink is a model's own fields, or a frame that nobody decoded."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from coldchain.domain.message import Decoded, Envelope, Refusal
from sensors.carriers import uplink as uplinks
from sensors.carriers.cayenne_names import named_samples
from sensors.carriers.fields import Wrong
from sensors.carriers.port import NOTHING, Context, DeviceProfile
from sensors.carriers.sample import Head, Sample, Stamp, decoded
from sensors.carriers.uplink import Uplink

CAYENNE = "cayenne-lpp"  # the codec that a device profile may declare for raw frames

# How models introduce themselves after power-on: nothing of it is measured.
_INTRODUCTION = frozenset({
    "device_status", "firmware_version", "hardware_version", "ipso_version", "lorawan_class", "lpp_version",
    "power_status", "protocol_version", "reset_event", "serial_number", "sn", "tsl_version",
})  # fmt: skip


class Frame(NamedTuple):
    """One uplink as its network server reports it."""

    logger: str
    key: str
    stamp: Stamp
    seq: int | None
    tree: Any  # what the server's decoder made of it; None or empty where it has none
    data: bytes | None  # the frame, None where the server did not pass it on
    server_ms: int | None = None
    hints: Mapping[str, str] = NOTHING
    declared: tuple[Sample, ...] = ()  # in fields that the server itself defines; a fitting device profile knows more
    undeclared: tuple[Refusal, ...] = ()  # what was wrong with those, which matters only where they are used
    position: tuple[Any, Any] | None = None  # of the logger, as its own receiver found it
    refusals: tuple[Refusal, ...] = ()


def message(frame: Frame, envelope: Envelope, adapter: str, context: Context) -> Decoded:
    """The message that an uplink is.

    A device profile that fits and knows the fields comes first, because it knows every probe of the model; then fields
    that the server defines itself, then the names of decoded Cayenne messages. Whatever else was sent is undecoded.
    """
    tree = frame.tree or None
    if tree is None and not frame.data and not frame.declared:
        return status(frame, envelope, adapter, {})  # a frame for the network alone
    if type(tree) is dict and _INTRODUCTION.issuperset(tree):
        if not frame.declared:
            return status(frame, envelope, adapter, tree)
        return uplinks.message_by(None, _said(frame, frame.declared, frame.refusals), envelope, adapter)
    own = Uplink(
        frame.logger, frame.key, frame.stamp, tree, frame.hints, frame.server_ms, frame.seq,
        refusals=frame.refusals, frame=frame.data,
    )  # fmt: skip
    profile = context.profiles.of(frame.logger, uplinks.model_hints(own))
    if profile is None or profile.codec == CAYENNE or (frame.declared and _useless(profile, tree)):
        samples = frame.declared or named_samples(tree)
        if samples is not None:
            if samples and frame.position is not None and not any(sample.position for sample in samples):
                samples = (*samples, Sample(position=frame.position))
            own = _said(frame, samples, (*frame.refusals, *frame.undeclared))
    return uplinks.message_by(profile, own, envelope, adapter)


def _said(frame: Frame, samples: tuple[Sample, ...], refusals: tuple[Refusal, ...]) -> Uplink:
    """An uplink that needs no device profile."""
    return Uplink(
        frame.logger, frame.key, frame.stamp, server_ms=frame.server_ms, seq=frame.seq, samples=samples,
        refusals=refusals, enough=True,
    )  # fmt: skip


def _useless(profile: DeviceProfile, tree: Any) -> bool:
    """Whether a device profile has nothing to say of this message."""
    return not profile.counts or tree is None or not profile.read(tree).known


def status(frame: Frame, envelope: Envelope, adapter: str, told: Mapping[str, Any]) -> Decoded:
    """A message that holds no measurement: what it says of the logger, if anything."""
    quiet = decoded(_head(frame, envelope, adapter), (), envelope.payload, refusals=frame.refusals)
    plain = {name: value for name, value in told.items() if isinstance(value, str | int | float)}
    return quiet._replace(status=plain or None)


def samples_only(frame: Frame, envelope: Envelope, adapter: str, samples: Iterable[Sample]) -> Decoded:
    """A message whose fields the server defines: a position, a battery."""
    return decoded(_head(frame, envelope, adapter), tuple(samples), envelope.payload, refusals=frame.refusals)


def _head(frame: Frame, envelope: Envelope, adapter: str) -> Head:
    return Head(
        frame.logger, frame.key, adapter, frame.stamp, envelope.received_at_ms, frame.seq, None, frame.server_ms
    )


def dict_of(value: Any) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if type(value) is dict else {}


def dicts_of(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [one for one in value if type(one) is dict] if type(value) is list else []


def text_of(value: Any) -> str | None:
    """`value` if it is a text that says something."""
    return value if type(value) is str and value else None


def counter(tree: Mapping[str, Any], name: str, *, absent: int | None = 0) -> int | None:
    """A frame counter, also where it is written as text; servers leave out a counter that is 0.

    Raises:
        Wrong: it is no whole number of 32 bits.
    """
    value = tree.get(name)
    if value is None:
        return absent
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 10:
        value = int(value)
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise Wrong(name, value, "is no frame counter")
    return value


def from_base64(tree: Mapping[str, Any], name: str) -> bytes | None:
    """The bytes of a field in base64, padded or not; None if it is absent or empty.

    Raises:
        Wrong: it is no base64.
    """
    return _bytes_of(tree, name, _base64, "is not base64")


def from_hex(tree: Mapping[str, Any], name: str) -> bytes | None:
    """The bytes of a field in hexadecimal digits; None if it is absent or empty.

    Raises:
        Wrong: it is anything else.
    """
    return _bytes_of(tree, name, bytes.fromhex, "is not written in hexadecimal digits")


def _base64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _bytes_of(tree: Mapping[str, Any], name: str, read: Callable[[str], bytes], otherwise: str) -> bytes | None:
    text = tree.get(name)
    if text is None or text == "":
        return None
    try:
        if type(text) is str:
            return read(text)
    except ValueError:  # what base64 raises is one too
        pass
    raise Wrong(name, text, otherwise)


def same_device(told: str, topic: str | None, what: str) -> None:
    """Hold the payload's device against the topic's.

    Raises:
        Wrong: they differ.
    """
    if topic is not None and topic.lower() != told.lower():
        raise Wrong(what, told, f"is not the device {topic[:64]} that the topic names: one of them is wrong")


def port_of(value: Any) -> str | None:
    """The port of a frame, as a hint for device profiles; None where none is written."""
    return str(value) if type(value) is int or (type(value) is str and value.isdecimal()) else None


def heard(session: str, seq: int | None, frame: bytes | None) -> str:
    """The key of an uplink that a network may report twice, with other gateways around the same frame.

    Args:
        session: what tells one join from the next: the session key's id, or else a time.
        seq: the frame counter, which starts again with each join.
        frame: what the device sent; without it the key stands for the envelope's bytes too.
    """
    if not frame:
        return f"{session}:{seq}"
    return f"heard:{session}:{seq}:{hashlib.sha256(frame).hexdigest()[:16]}"


def topic_agrees(logger: str, topic: str) -> None:
    """For servers whose topics are free: where a level of the topic is an EUI, it is that of the device.

    Raises:
        Wrong: it is another one.
    """
    for level in topic.split("/")[1:]:
        if len(level) == 16 and set(level) <= set("0123456789abcdefABCDEF") and level.upper() != logger:
            raise Wrong("DevEUI", logger, f"is not the device {level} that the topic names: one of them is wrong")


def is_number(value: Any) -> bool:
    """Whether `value` was received as a number; whether it is one to believe is decided later."""
    return type(value) in (int, float, Decimal) or (isinstance(value, str) and type(value) is not str)
