"""What a carrier is: one envelope format, read by a pure function; and what it is told about device models."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, runtime_checkable

from coldchain.domain.message import Arrival, Envelope, Refusal
from sensors.carriers.sample import Sample
from sensors.faults import Limits

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Extract(NamedTuple):
    """What a device profile found in the fields of one message."""

    samples: tuple[Sample, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    known: bool = True  # False: none of the fields that the profile names is there


class DeviceProfile(Protocol):
    """How one model names and scales what it measures: data, of a version that is stored with each reading."""

    @property
    def label(self) -> str:
        """`id@version`."""
        ...

    @property
    def counts(self) -> bool:
        """Whether its readings count: it is proved by a sample, or a person confirmed it for this logger."""
        ...

    @property
    def codec(self) -> str | None:
        """How to read the bytes that no decoder of the network has read, such as `cayenne-lpp`; mostly None."""
        ...

    @property
    def interval_ms(self) -> int | None:
        """How often the model reports, where that is fixed."""
        ...

    @property
    def limits(self) -> Mapping[str, Limits]:
        """What its sensors can say, by public field name."""
        ...

    def read(self, tree: Any) -> Extract:
        """What `tree`, the model's own fields, says. Pure; never raises."""
        ...


class Profiles(Protocol):
    """The device profiles of an installation, at one moment."""

    def of(self, logger: str, hints: Mapping[str, str]) -> DeviceProfile | None:
        """The profile of a logger: the one that a person assigned, else the one whose `match` fits the hints.

        Args:
            logger: the logger's id.
            hints: what the envelope says about the model, such as `{"chirpstack.deviceProfileName": "LHT65N"}`.
        """
        ...


class NoProfiles:
    """An installation that knows no device profile: every model's fields stay undecoded."""

    def of(self, logger: str, hints: Mapping[str, str]) -> DeviceProfile | None:  # noqa: ARG002 - the port's names
        """None, for every logger."""
        return None


class Context(NamedTuple):
    """What a carrier may know beside the envelope; passed in, so that the same input gives the same output."""

    profiles: Profiles = NoProfiles()
    memory: Mapping[str, Any] = NOTHING  # what this carrier asked to be told again (`Arrival.memory`), by key


PLAIN = Context()


class Carrier(Protocol):
    """Reads the envelopes of one family of loggers, platforms or clouds.

    `decode` has no clock, no input or output and never raises: the same envelope in the same context gives the same
    arrival for ever, so that kept messages can be decoded again; what a carrier has to remember goes through
    `Arrival.memory` into the next `Context.memory`. It returns the envelope with the messages it found in it, or with a
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

    def recognises(self, envelope: Envelope) -> bool:
        """Whether the body looks like this format, wherever it came in: for the source `auto` and for a first guess."""
        ...

    def decode(self, envelope: Envelope, context: Context = PLAIN) -> Arrival:
        """What the envelope says."""
        ...


@runtime_checkable
class Addressed(Protocol):
    """A carrier whose topics name their logger, so that a message too large to be read is still known to be its."""

    def speaker(self, envelope: Envelope) -> str | None:
        """The logger that topic and sign-in name, None if they name none. Never raises."""
        ...


def refused(envelope: Envelope, reason: str, *, field: str | None = None, value: str | None = None) -> Arrival:
    """An arrival of which nothing can be believed, not even who sent it."""
    return Arrival(envelope, refusal=Refusal(reason, field, value))
