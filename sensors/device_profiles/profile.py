"""A device profile as it was read and checked; `read` applies it to the fields of a message."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from sensors.device_profiles.fields import Door, Field
from sensors.device_profiles.paths import Getter
from sensors.device_profiles.times import Clock
from sensors.faults import Limits


class Channel(NamedTuple):
    """What one probe (or, with an empty name, the logger itself) measures, and where it stands."""

    name: str
    fields: tuple[Field, ...]
    door: Door | None = None
    alarm: "Alarm | None" = None


class Alarm(NamedTuple):
    """Where the logger tells of its own alarm."""

    get: Getter
    path: str
    quiet: frozenset[str]  # words, in lower case, that say that there is none


class Place(NamedTuple):
    """Where a message says where the logger is, and when that counts."""

    latitude: str
    longitude: str
    latitude_get: Getter
    longitude_get: Getter
    valid: Getter | None = None
    valid_words: frozenset[str] = frozenset()
    age: Getter | None = None  # seconds since the fix
    oldest_ms: int = 600_000
    time: Clock | None = None
    nowhere: frozenset[Decimal] = frozenset()  # coordinates that mean "no fix"


class Records(NamedTuple):
    """A set of records inside a message: the message itself, or a list of those that the logger had stored."""

    get: Getter | None  # None: the message itself
    path: str
    time: Clock | None
    channels: tuple[Channel, ...]
    place: Place | None = None
    historical: bool = False
    name: Getter | None = None  # pivot: each record names one value
    value: Getter | None = None


class Source(NamedTuple):
    """A connection made by configuration: which messages these are, and where they say who sent them."""

    topics: tuple[str, ...]
    webhook: str | None
    each: Getter | None
    device_level: int | None  # of the topic
    device: Getter | None
    device_path: str
    key: Getter | None
    seq: Getter | None
    time: Clock | None  # that a server of the sender wrote


class Example(NamedTuple):
    """A message, and what has to come out of it."""

    name: str
    given: Any
    rows: tuple[Mapping[str, Any], ...]
    status: Mapping[str, Any]
    refused: int


class Profile(NamedTuple):
    """How one model names and scales what it measures, in one version."""

    id: str
    version: int
    name: str
    maker: str
    status: str  # supported | untested
    asks: bool  # says itself that it is untested: nobody has to be asked where a customer wrote it and did not say so
    proof: str
    note: str
    match: tuple[Mapping[str, tuple[str, ...]], ...]
    root: Getter | None
    records: tuple[Records, ...]
    other: tuple[Getter, ...]  # fields that are understood and hold nothing that is measured
    trusted_clock: bool
    interval_ms: int | None
    codec: str | None  # how frames that no decoder of the network has read are read
    limits: Mapping[str, Limits]
    accuracy: Mapping[str, Decimal]
    source: Source | None
    examples: tuple[Example, ...]
    text: str  # as it was written

    @property
    def label(self) -> str:
        """`id@version`."""
        return f"{self.id}@{self.version}"
