"""A model's own fields inside somebody's envelope: the device profile reads them, the envelope says who and when."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from coldchain.domain.identity import logger_id
from coldchain.domain.message import Decoded, Envelope, Refusal
from coldchain.errors import InvalidValue
from sensors.carriers.cayenne_lpp import frame_samples
from sensors.carriers.fields import Wrong
from sensors.carriers.port import NOTHING, Context, DeviceProfile, Extract
from sensors.carriers.sample import Head, Sample, Stamp, decoded
from sensors.carriers.strict_json import exact, quick
from sensors.faults import NATIVE

# The codecs that a device profile may declare for frames that no decoder of the network has read.
CODECS: Mapping[str, Callable[[bytes], tuple[tuple[Sample, ...], tuple[Refusal, ...]]]] = {"cayenne-lpp": frame_samples}


class Uplink(NamedTuple):
    """What an envelope says around the fields of the device that sent."""

    logger: str  # the id, in its one spelling (`named`)
    key: str  # the message key, "" where the envelope has none
    stamp: Stamp  # when, as far as the envelope knows
    tree: Any = None  # the model's fields, None where nobody decoded them
    hints: Mapping[str, str] = NOTHING  # what the envelope says about the model
    server_ms: int | None = None
    seq: int | None = None
    samples: tuple[Sample, ...] = ()  # what the envelope itself declares, whatever the model
    refusals: tuple[Refusal, ...] = ()
    enough: bool = False  # the samples say all: the model's own fields need not be understood
    frame: bytes | None = None  # what the device sent, for a device profile that declares a codec


def message(
    uplink: Uplink, envelope: Envelope, adapter: str, context: Context, payload: bytes | None = None
) -> Decoded:
    """The message that an uplink is, read through the device profile of its logger. Never raises.

    Where no profile fits, or it does not know these fields, or nobody confirmed it yet, the message is undecoded:
    kept under its logger, with the reason, to be decoded again.
    """
    profile = None if uplink.enough else context.profiles.of(uplink.logger, model_hints(uplink))
    return message_by(profile, uplink, envelope, adapter, payload)


def message_by(
    profile: DeviceProfile | None, uplink: Uplink, envelope: Envelope, adapter: str, payload: bytes | None = None
) -> Decoded:
    """As `message`, with the profile that was looked up already."""
    payload = envelope.payload if payload is None else payload
    head = (
        uplink.logger, uplink.key, adapter, uplink.stamp, envelope.received_at_ms, uplink.seq, None, uplink.server_ms
    )  # fmt: skip
    if uplink.enough:
        return decoded(Head(*head), uplink.samples, payload, refusals=uplink.refusals)
    framed = profile is not None and profile.codec in CODECS and uplink.frame is not None
    if profile is None or (uplink.tree is None and not framed):
        reason = _nobody_decoded(uplink) if uplink.tree is None else _no_profile(uplink)
        return _undecoded(decoded(Head(*head), (), payload, refusals=uplink.refusals), reason)
    extract = _framed(profile, uplink.frame) if framed and uplink.frame is not None else profile.read(uplink.tree)
    known = Head(*head, profile.interval_ms, profile.label, {**NATIVE, **profile.limits})
    if not profile.counts:
        reason = f"device profile {profile.label} is untested: confirm it for logger {uplink.logger} before it counts"
        return _undecoded(decoded(known, (), payload), reason)
    if not extract.known and not uplink.samples:
        reason = f"device profile {profile.label} knows none of these fields: choose another for {uplink.logger}"
        return _undecoded(decoded(known, (), payload, refusals=(*uplink.refusals, *extract.refusals)), reason)
    refusals = (*uplink.refusals, *extract.refusals)
    return decoded(known, (*extract.samples, *uplink.samples), payload, refusals=refusals)


def _framed(profile: DeviceProfile, frame: bytes) -> Extract:
    """What the raw frame says in the codec that the profile declares."""
    samples, refusals = CODECS[profile.codec or ""](frame)
    return Extract(samples, refusals, known=bool(samples) or not refusals)


def model_hints(uplink: Uplink) -> Mapping[str, str]:
    """What is known of the model: what the envelope says, the id (its first digits name the maker), names of fields."""
    names = "\n".join(sorted(uplink.tree)) if type(uplink.tree) is dict else ""
    return {**uplink.hints, "logger": uplink.logger, "fields": names}


def _undecoded(message_: Decoded, reason: str) -> Decoded:
    return message_._replace(undecoded=True, refusals=(Refusal(reason, "device_profile"), *message_.refusals))


def _no_profile(uplink: Uplink) -> str:
    about = ", ".join(f"{name} {value}" for name, value in uplink.hints.items())
    said = f" (its envelope says {about})" if about else ""
    return f"no device profile fits logger {uplink.logger}{said}: choose or make one"


def _nobody_decoded(uplink: Uplink) -> str:
    return f"logger {uplink.logger} sent bytes that no decoder of its network has read: add the model's decoder there"


def named(value: Any, field: str) -> str:
    """The logger's id in its one spelling.

    Raises:
        Wrong: it is missing or no id.
    """
    if type(value) is not str:
        raise Wrong(field, value, "names no logger" if value is not None else "is missing: nothing says who measured")
    try:
        return logger_id(value)
    except InvalidValue as error:
        raise Wrong(field, value, f"holds no logger id: {error}") from None


def tree_of(payload: bytes) -> Any:
    """The JSON value of a payload: numbers as int, float or their text, oddities as what they are.

    Raises:
        Wrong: it is no JSON.
    """
    if (tree := quick(payload)) is not None:
        return tree
    try:
        return exact(payload.decode())
    except UnicodeDecodeError as error:
        raise Wrong("payload", payload[:64].hex(), f"is not UTF-8 at byte {error.start}") from None
    except InvalidValue as error:
        raise Wrong("payload", payload[:64].decode(errors="backslashreplace"), f"is refused: {error}") from None
