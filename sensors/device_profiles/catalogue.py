"""Which device profile is a logger's: a person's assignment first, then what the envelope says about the model."""

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from coldchain.domain.device_profile import Assignment
from sensors.carriers.port import DeviceProfile, Extract
from sensors.device_profiles.profile import Profile
from sensors.device_profiles.read import read
from sensors.faults import Limits

Origin = Literal["shipped", "folder", "saved"]
# A hint with the names of the message's own fields, one a line; in `match` a list of names that all have to be there.
FIELDS = "fields"
NAMED = "device_profile"  # a hint that names a profile outright: the carrier was configured with it

_REMEMBERED = 20_000  # choices; hostile ids must not grow the process without bound


class Entry(NamedTuple):
    """A profile, and where it comes from."""

    profile: Profile
    origin: Origin


class Applied:
    """A profile as it holds for one logger."""

    __slots__ = ("_zone", "codec", "counts", "interval_ms", "label", "limits", "profile")

    def __init__(self, profile: Profile, *, counts: bool, zone: tzinfo | None = None) -> None:
        self.profile = profile
        self.label: str = profile.label
        self.codec: str | None = profile.codec
        self.counts: bool = counts
        self.interval_ms: int | None = profile.interval_ms
        self.limits: Mapping[str, Limits] = profile.limits
        self._zone = zone

    def read(self, tree: Any) -> Extract:
        """What `tree`, the model's own fields, says. Pure; never raises."""
        return read(self.profile, tree, self._zone)


class Snapshot:
    """The device profiles of an installation, at one moment. Never changed; safe to use from several threads."""

    def __init__(self, entries: Iterable[Entry] = (), assignments: Mapping[str, Assignment] | None = None) -> None:
        """Know `entries` (of two with the same id and version the later one counts) and what persons assigned."""
        self._by_label = {entry.profile.label: entry for entry in entries}
        newest: dict[str, Entry] = {}
        for entry in self._by_label.values():
            known = newest.get(entry.profile.id)
            if known is None or known.profile.version < entry.profile.version:
                newest[entry.profile.id] = entry
        self._newest = newest
        self._matching = sorted(newest.values(), key=_precedence)
        sourced = [entry for entry in self._matching if entry.profile.source is not None]
        # The newest profiles that say which messages they are for: the customer's own, and presets of the program.
        self.connections = tuple(entry for entry in sourced if entry.origin != "shipped")
        self.presets = tuple(entry for entry in sourced if entry.origin == "shipped")
        self.assignments: Mapping[str, Assignment] = assignments or {}
        self._chosen: dict[tuple[str, tuple[tuple[str, str], ...]], Applied | None] = {}

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every version of every profile, by id and version."""
        return tuple(sorted(self._by_label.values(), key=lambda entry: (entry.profile.id, entry.profile.version)))

    def get(self, name: str) -> Entry | None:
        """The profile `id@version`, or the newest of an id."""
        return self._by_label.get(name) or self._newest.get(name)

    def of(self, logger: str, hints: Mapping[str, str]) -> DeviceProfile | None:
        """The profile of a logger: the one that a person assigned, else the one whose `match` fits the hints."""
        asked = (logger, tuple(hints.items()))
        try:
            return self._chosen[asked]
        except KeyError:
            found = self._choose(logger, hints)
        if len(self._chosen) >= _REMEMBERED:
            self._chosen.clear()
        self._chosen[asked] = found
        return found

    def _choose(self, logger: str, hints: Mapping[str, str]) -> Applied | None:
        said = self.assignments.get(logger)
        zone = None if said is None else _zone(said.zone)
        if said is not None and said.device_profile is not None:
            # Where the one that a person chose is gone (a folder that is not there, a retired version), another is
            # not put in its place: its messages are kept until somebody says what they are.
            own = self.get(said.device_profile)
            return None if own is None else Applied(own.profile, counts=True, zone=zone)
        if (named := hints.get(NAMED)) is not None and (entry := self.get(named)) is not None:
            # Who connects a topic or a webhook by a profile of their own has confirmed it by that, unless it says
            # itself that it is untested.
            own_word = entry.origin != "shipped" and not entry.profile.asks
            counts = entry.profile.status == "supported" or own_word
            return Applied(entry.profile, counts=counts, zone=zone)
        lowered = {name: value.lower() for name, value in hints.items()}
        fitting = [(fit, entry) for entry in self._matching if (fit := _fit(entry, lowered)) is not None]
        if not fitting:
            return None
        best = max(fit for fit, _ in fitting)
        equals = [entry for fit, entry in fitting if fit == best]
        entry = equals[0]  # the customer's own comes first
        if best.told == 0 and len({one.profile.id for one in equals if one.origin == entry.origin}) > 1:
            return None  # names of fields alone do not tell two models apart
        return Applied(entry.profile, counts=_counts(entry), zone=zone)


def _precedence(entry: Entry) -> tuple[bool, bool, str]:
    return entry.origin == "shipped", entry.profile.status != "supported", entry.profile.id


def _counts(entry: Entry) -> bool:
    """Whether its readings count unasked: proved, or put into the customer's folder by whoever runs this."""
    return entry.profile.status == "supported" or (entry.origin == "folder" and not entry.profile.asks)


class _Fit(NamedTuple):
    """How closely hints fit: what the envelope tells of the model or its maker counts before names of fields."""

    own: bool  # told, and the customer's own: who writes down a model or a logger knows it better than the program
    told: int  # signs that are not wild
    fields: int  # names of fields that have to be there


def _fit(entry: Entry, hints: Mapping[str, str]) -> _Fit | None:
    """How closely the hints fit `match`; None where they do not."""
    fits = (_fits(alternative, hints) for alternative in entry.profile.match)
    best = max((fit for fit in fits if fit is not None), default=None)
    if best is not None and best.told and entry.origin != "shipped":
        return best._replace(own=True)
    return best


def _fits(alternative: Mapping[str, tuple[str, ...]], hints: Mapping[str, str]) -> _Fit | None:
    told = fields = 0
    for name, globs in alternative.items():
        value = hints.get(name)
        if value is None:
            return None
        if name == FIELDS:
            there = set(value.split("\n"))
            if not there.issuperset(globs):
                return None
            fields += len(globs)
            continue
        fitting = [glob for glob in globs if fnmatchcase(value, glob)]
        if not fitting:
            return None
        told += max(len(glob) - glob.count("*") - glob.count("?") for glob in fitting)
    return _Fit(own=False, told=told, fields=fields)


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
