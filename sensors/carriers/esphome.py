"""ESPHome: one value a topic as plain text, `{node}/sensor/{name}/state`, whose unit only a profile can say."""

from coldchain.domain.message import Arrival, Envelope, Refusal
from sensors.carriers.fields import Wrong
from sensors.carriers.port import PLAIN, Context
from sensors.carriers.sample import Head, Stamp, decoded
from sensors.carriers.strict_json import NumberText
from sensors.carriers.uplink import Uplink, message, named

_KINDS = ("sensor", "binary_sensor")
_NOTHING = frozenset({"", "nan", "NAN", "NaN", "unknown", "unavailable"})
_LONGEST = 64
_LEVELS = 4  # node, kind, name, state


class EspHome:
    """Reads the states of an ESPHome node; the fields of its profile are the names of its sensors."""

    name = "esphome@1"
    source = "esphome"
    filters = ("+/sensor/+/state", "+/binary_sensor/+/state")

    def claims(self, envelope: Envelope) -> bool:
        """Topics `{node}/sensor/{name}/state`."""
        levels = envelope.source.split("/")
        mine = len(levels) >= _LEVELS and levels[-1] == "state" and levels[-3] in _KINDS
        return envelope.transport == "mqtt" and mine

    def recognises(self, envelope: Envelope) -> bool:  # noqa: ARG002 - the port's names
        """Never: a bare number could be anybody's."""
        return False

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """The one state of a topic."""
        try:
            levels = envelope.source.split("/")
            if len(levels) < _LEVELS:
                raise Wrong("topic", envelope.source, "is no {node}/sensor/{name}/state")
            logger, sensor = named(levels[-4], "node"), levels[-2]
            value = _value(envelope.payload)
        except Wrong as wrong:
            return Arrival(envelope, refusal=wrong.refusal())
        stamp = Stamp(envelope.received_at_ms, "arrival")
        hints = {"esphome.node": logger, "esphome.sensor": sensor}
        uplink = Uplink(logger, "", stamp, {sensor: value}, hints)
        understood = message(uplink, envelope, self.name, context)
        if understood.undecoded and value is None:
            head = Head(logger, "", self.name, stamp, envelope.received_at_ms)
            return Arrival(envelope, (decoded(head, (), envelope.payload),))  # nothing was measured, in whatever unit
        if understood.undecoded and context.profiles.of(logger, hints) is None:
            reason = f"{logger} sends {sensor} as a bare number: choose or make a device profile that says its unit"
            return Arrival(envelope, (understood._replace(refusals=(Refusal(reason, "device_profile"),)),))
        return Arrival(envelope, (understood,))


def _value(payload: bytes) -> str | bool | None:
    """The state: a number's text, on or off, None for nothing.

    Raises:
        Wrong: it is no short text.
    """
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError as error:
        raise Wrong("payload", payload[:64].hex(), f"is not UTF-8 at byte {error.start}") from None
    if len(text) > _LONGEST:
        raise Wrong("payload", text, "is no state of a sensor: it is too long")
    if text in ("ON", "OFF"):
        return text == "ON"
    return None if text in _NOTHING else NumberText(text)
