"""What a carrier is: one envelope format, read by a pure function."""

from typing import Protocol

from coldchain.domain.message import Arrival, Envelope, Refusal


class Carrier(Protocol):
    """Reads the envelopes of one family of loggers, platforms or clouds.

    `decode` has no clock, no input or output and never raises: the same envelope gives the same arrival for ever, so
    that kept messages can be decoded again. It returns the envelope with the messages it found in it, or with a
    refusal ("this is wrong") or an undecoded one ("I do not speak this"). Times are the device's own; what the clock
    of the arrival says about them is decided by the pipeline, for all carriers alike.
    """

    @property
    def name(self) -> str:
        """Name and version, such as `native@1`; stored with every message."""
        ...

    @property
    def source(self) -> str:
        """The name in `POST /ingest/{source}`."""
        ...

    @property
    def filters(self) -> tuple[str, ...]:
        """MQTT topic filters to subscribe to at a broker."""
        ...

    def claims(self, envelope: Envelope) -> bool:
        """Whether this carrier, and no other, has to answer for the envelope; decided by topic or source alone."""
        ...

    def decode(self, envelope: Envelope) -> Arrival:
        """What the envelope says."""
        ...


def refused(envelope: Envelope, reason: str, *, field: str | None = None, value: str | None = None) -> Arrival:
    """An arrival of which nothing can be believed, not even who sent it."""
    return Arrival(envelope, refusal=Refusal(reason, field, value))
