"""The native format: canonical JSON over MQTT or HTTP, the only one that speaks the watermark protocol."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from coldchain.domain.identity import logger_id
from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from coldchain.domain.reading import shard_of
from coldchain.errors import InvalidValue
from sensors.carriers.fields import NeedText, Wrong, shown, words
from sensors.carriers.native_head import message_key, read_head, read_number
from sensors.carriers.native_message import BodyReader
from sensors.carriers.native_plain import plain
from sensors.carriers.port import PLAIN, Context, refused
from sensors.carriers.sample import Stamp
from sensors.carriers.strict_json import element, exact, quick, skip_space
from sensors.carriers.uplink import Uplink, tree_of
from sensors.carriers.uplink import message as message_of

NAME = "native@1"
# Other formats have a `device` that is an object, or a `battery` that is a number.
_DEVICE = re.compile(rb'"device"\s*:\s*"')
_BODY = re.compile(rb'"readings"|"(?:position|battery|state)"\s*:\s*\{')
_NATIVE_ONLY = frozenset({"device", "readings", "v", "boot"})
_PLACES = 20_000  # topics whose owners are remembered
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


class Native:
    """Reads `cc/{logger}/up`, `cc/v1/{tenant}/{shard}/{logger}/up` and `POST /ingest/native`."""

    name = NAME
    source = "native"

    def __init__(self, tenant: str = "main") -> None:
        self._tenant = tenant
        self._places: dict[tuple[str, str, str | None], tuple[str | None, Refusal | None]] = {}
        self.filters = ("cc/+/up", f"cc/v1/{tenant}/+/+/up")

    def claims(self, envelope: Envelope) -> bool:
        """Every topic under `cc/`, and the source `native`."""
        if envelope.transport == "mqtt":
            return envelope.source.startswith("cc/")
        return envelope.transport == "http" and envelope.source == self.source

    def recognises(self, envelope: Envelope) -> bool:
        """A JSON object, or an array of them, that names its device and holds readings, a position or a battery."""
        if b'"specversion"' in envelope.payload:  # a wrapper; what is inside is not ours to open
            return False
        return _DEVICE.search(envelope.payload) is not None and _BODY.search(envelope.payload) is not None

    def speaker(self, envelope: Envelope) -> str | None:
        """The logger that the topic or the sign-in names, None if they name none or two."""
        speaker, _ = self._place(envelope.transport, envelope.source, envelope.user)
        return None if isinstance(speaker, Refusal) else speaker

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The messages in `envelope`: one object, or each element of an array with its own bytes.

        JSON of another kind on a logger's own topic is read by its device profile.
        """
        speaker, misplaced = self._place(envelope.transport, envelope.source, envelope.user)
        if isinstance(speaker, Refusal):
            return Arrival(envelope, refusal=speaker)
        if speaker is not None and misplaced is None:
            ordinary = plain(envelope.payload, envelope, speaker, NAME)
            if ordinary is not None:
                return Arrival(envelope, (ordinary,))
        messages = []
        for payload in _payloads(envelope.payload):
            message = _message(payload, envelope, speaker)
            if isinstance(message, Refusal):
                # Over HTTP nothing but the payload says who speaks; if that cannot be read, nobody does.
                if speaker is None:
                    return Arrival(envelope, refusal=message)
                other = None if misplaced else _other_json(payload, envelope, speaker, context)
                message = other or Decoded(speaker, "", payload, NAME, refusals=(message,))
            elif misplaced is not None:
                message = message._replace(readings=(), status=None, refusals=(misplaced,))
            messages.append(message)
        if not messages:
            return refused(envelope, "payload [] is an array without a message", field="payload", value="[]")
        return Arrival(envelope, tuple(messages))

    def _place(self, transport: str, source: str, user: str | None) -> tuple[str | Refusal | None, Refusal | None]:
        """Who speaks here (None over a trusted road that names nobody), or why nobody may; and why not on this topic.

        The same loggers speak on the same topics for ever, so the answers are kept.
        """
        known = self._places.get((transport, source, user))
        if known is None:
            try:
                speaker = _speaker(transport, source, user, self._tenant)
                known = (speaker, _misplaced(source, speaker, self._tenant) if transport == "mqtt" else None)
            except Wrong as wrong:
                return wrong.refusal(), None
            if len(self._places) >= _PLACES:
                self._places.clear()
            self._places[transport, source, user] = known
        return known


def _speaker(transport: str, source: str, user: str | None, tenant: str) -> str | None:
    """The logger that the topic or the sign-in names.

    Raises:
        Wrong: they name two, or the topic is none of ours.
    """
    known = None if user is None else _logger(user, "user")
    if transport != "mqtt":
        return known
    match source.split("/"):
        case ["cc", name, "up"]:
            topic = _logger(name, "topic")
        case ["cc", "v1", spoken, _, name, "up"]:
            if spoken != tenant:
                raise Wrong("topic", source, f"names another tenant: this one is {tenant}")
            topic = _logger(name, "topic")
        case _:
            raise Wrong("topic", source, "is not one to publish to: send to cc/{logger}/up")
    if known is not None and known != topic:
        raise Wrong("topic", source, f"is not for user {known}: it may publish only to cc/{known}/up")
    return topic


def _misplaced(source: str, speaker: str | None, tenant: str) -> Refusal | None:
    """Why the topic is not the logger's own although it names it: the shard is another one's."""
    parts = source.split("/")
    if len(parts) != 6 or speaker is None or parts[3] == str(shard_of(speaker)):
        return None
    right = f"cc/v1/{tenant}/{shard_of(speaker)}/{speaker}/up"
    return Wrong("topic", source, f"names the wrong shard {shown(parts[3])}: send to {right}").refusal()


_DEFAULT = Native()


def decode(envelope: Envelope) -> tuple[Decoded, ...]:
    """The messages in an envelope for tenant `main`; none where the whole envelope is refused."""
    return _DEFAULT.decode(envelope).messages


def _logger(text: str, field: str) -> str:
    try:
        return logger_id(text)
    except InvalidValue as error:
        raise Wrong(field, text, f"holds no logger id: {error}") from None


def _payloads(payload: bytes) -> Iterator[bytes]:
    """The bytes of each message. Where an array breaks off, the rest of it counts as one more."""
    if not payload.lstrip().startswith(b"["):
        yield payload
        return
    try:
        yield from map(bytes, _ELEMENTS.decode(payload))
    except (ValueError, RecursionError):
        yield from _split(payload)


def _split(payload: bytes) -> Iterator[bytes]:
    try:
        text = payload.decode()
        start = skip_space(text, text.index("[") + 1)
        end = element(text, start)[1]
    except (UnicodeDecodeError, InvalidValue):
        yield payload  # not even its first message can be told from the rest
        return
    while True:
        yield text[start:end].encode()
        comma = skip_space(text, end)
        if text[comma:].rstrip(" \t\r\n") == "]":
            return
        start = skip_space(text, comma + 1) if text[comma : comma + 1] == "," else comma
        try:
            end = element(text, start)[1]
        except InvalidValue:
            yield text[start:].encode()
            return


def _message(payload: bytes, envelope: Envelope, speaker: str | None) -> Decoded | Refusal:
    if speaker is not None and (ordinary := plain(payload, envelope, speaker, NAME)) is not None:
        return ordinary
    return _thorough(payload, envelope, speaker)


def _thorough(payload: bytes, envelope: Envelope, speaker: str | None) -> Decoded | Refusal:
    try:
        if (tree := quick(payload)) is not None:
            try:
                return _decoded(tree, payload, envelope, speaker)
            except NeedText:
                pass
        return _decoded(exact(payload.decode()), payload, envelope, speaker)
    except UnicodeDecodeError as error:
        near = shown(payload[max(0, error.start - 20) : error.start + 20].decode(errors="backslashreplace"))
        return Refusal(f"payload is not UTF-8 at byte {error.start}, near {near}", "payload", near)
    except InvalidValue as error:
        near = shown(payload[:64].decode(errors="backslashreplace"))
        return Refusal(shown_reason(str(error)), "payload", near)
    except Wrong as wrong:
        return wrong.refusal()


def _other_json(payload: bytes, envelope: Envelope, speaker: str, context: Context) -> Decoded | None:
    """What a logger says in its own JSON, by its device profile; None for what is meant to be native, and is wrong."""
    try:
        tree = tree_of(payload)
    except Wrong:
        return None
    if type(tree) is not dict or not tree or tree.keys() & _NATIVE_ONLY:
        return None
    uplink = Uplink(speaker, "", Stamp(envelope.received_at_ms, "arrival"), tree)
    return message_of(uplink, envelope, NAME, context, payload)


def shown_reason(text: str) -> str:
    """A reason that a person can read, whatever bytes are quoted in it."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _decoded(tree: Any, payload: bytes, envelope: Envelope, speaker: str | None) -> Decoded:
    if type(tree) is not dict:
        raise Wrong("payload", tree, "is neither an object nor an array of objects")
    device = words(tree, "device")
    if device is None:
        raise Wrong("device", device, "is missing: every message names its logger")
    logger = _logger(device, "device")
    if speaker is not None and logger != speaker:
        raise Wrong("device", device, f"is not {speaker}, which sent this: a logger speaks for itself only")
    try:
        head, refusals = read_head(tree)
    except Wrong as wrong:
        return _unreadable(tree, payload, logger, wrong)
    body = BodyReader(tree, logger, head, envelope.received_at_ms).read()
    return Decoded(
        logger,
        head.key,
        payload,
        NAME,
        body.rows,
        (*refusals, *body.refusals),
        head.boot,
        head.seq,
        head.oldest,
        head.interval_ms,
        body.status,
    )


def _unreadable(tree: dict[str, Any], payload: bytes, logger: str, wrong: Wrong) -> Decoded:
    """A message that is refused whole. Its number counts if it has one: what is kept aside need not be sent again."""
    try:
        boot, seq = read_number(tree)
    except Wrong:
        boot = seq = None
    return Decoded(logger, message_key(boot, seq), payload, NAME, refusals=(wrong.refusal(),), boot=boot, seq=seq)
