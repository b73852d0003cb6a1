"""Applying a device profile to the fields of one message. Pure; never raises: what is wrong becomes a refusal."""

from collections.abc import Iterator
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from coldchain.domain.message import Refusal
from coldchain.domain.reading import Fault
from sensors.carriers.fields import Wrong
from sensors.carriers.port import Extract
from sensors.carriers.sample import Sample, Stamp
from sensors.device_profiles.fields import Faulted, decimal_of
from sensors.device_profiles.paths import ABSENT
from sensors.device_profiles.profile import Channel, Place, Profile, Records

MOST_RECORDS = 2000

_OLDEST_S = Decimal(10**9)
_FLOAT_OR_INT = (float, int)
_QUIET = frozenset({"", "false", "none", "null", "normal", "ok", "0"})


def read(profile: Profile, tree: Any, zone: tzinfo | None = None) -> Extract:
    """What `tree`, the model's own fields, says.

    Args:
        profile: how they are named.
        tree: a JSON value, as a carrier read it.
        zone: on record for the logger; needed for local times alone.
    """
    if profile.root is not None:
        tree = profile.root(tree)
        if tree is ABSENT:
            return Extract(known=False)
    reader = _Reader(profile, zone)
    for records in profile.records:
        reader.take(records, tree)
    known = reader.known or any(get(tree) is not ABSENT for get in profile.other)
    return Extract(tuple(reader.samples), tuple(reader.refusals), known)


class _Reader:
    def __init__(self, profile: Profile, zone: tzinfo | None) -> None:
        self._profile = profile
        self._zone = zone
        self.samples: list[Sample] = []
        self.refusals: list[Refusal] = []
        self.known = False

    def take(self, records: Records, tree: Any) -> None:
        """Read one set of records."""
        if records.get is None:
            self._record(records, tree, tree, "")
            return
        found = records.get(tree)
        if type(found) is dict:
            found = [found]
        if type(found) is not list:
            return
        for place, record in enumerate(found[:MOST_RECORDS]):
            within = f"{records.path.removesuffix('[]')}[{place}]"
            try:
                self._record(records, self._pivoted(records, record), record, within)
            except Wrong as wrong:
                self.known = True
                self.refusals.append(wrong.refusal(within))
        if len(found) > MOST_RECORDS:
            reason = f"{records.path} holds {len(found)} records: at most {MOST_RECORDS} of a message are read"
            self.refusals.append(Refusal(reason, records.path, f"{len(found)} records"))

    def _pivoted(self, records: Records, record: Any) -> Any:
        if records.name is None or records.value is None:
            return record
        name, value = records.name(record), records.value(record)
        return {} if value is ABSENT or not isinstance(name, str) else {str(name): value}

    def _record(self, records: Records, tree: Any, record: Any, within: str) -> None:
        """Read one record: `tree` holds the values and `record` the time, which differ for pivoted ones."""
        stamp = None
        if records.time is not None and self._profile.trusted_clock:
            stamp = self._stamp(records, record, within)
        pivoted = records.name is not None
        for channel in records.channels:
            self._channel(channel, tree, stamp, records.historical, within, pivoted=pivoted)
        if records.place is not None:
            self._place(records.place, tree, stamp, records.historical, within)

    def _stamp(self, records: Records, record: Any, within: str) -> Stamp | None:
        assert records.time is not None
        if not records.time.optional:
            return records.time.stamp(record, self._zone)
        try:
            return records.time.stamp(record, self._zone)
        except Wrong as wrong:
            self.refusals.append(wrong.refusal(within))
            return None

    def _channel(
        self, channel: Channel, tree: Any, stamp: Stamp | None, historical: bool, within: str, *, pivoted: bool
    ) -> None:
        values: dict[str, Any] = {}
        fault: Fault | None = None
        for field in channel.fields:
            received = field.get(tree)
            if type(received) in _FLOAT_OR_INT and field.takes(received, tree):
                values[field.name] = received
                continue
            if received is ABSENT:
                said = field.telltale.says(tree) if field.telltale is not None else None
                if said is not None:
                    self.known = True
                elif field.missing is not None and not pivoted:
                    said = field.missing
                fault = fault or said
                continue
            self.known = True
            try:
                value = field.value(received, tree)
                if value is not ABSENT:
                    values[field.name] = value
            except Faulted as told:
                fault = fault or told.fault
            except Wrong as wrong:
                self.refusals.append(wrong.refusal(within, channel.name or None, stamp.at_ms if stamp else None))
        self._door(channel, tree, values, within, stamp)
        alarm = self._alarm(channel, tree)
        if values or fault is not None or alarm is not None:
            self.known = self.known or bool(values) or alarm is not None
            self.samples.append(Sample(values, channel.name, stamp, None, fault, historical, alarm, within))

    def _door(self, channel: Channel, tree: Any, values: dict[str, Any], within: str, stamp: Stamp | None) -> None:
        if channel.door is None or (received := channel.door.get(tree)) is ABSENT:
            return
        self.known = True
        try:
            state = channel.door.value(received)
            if state is not ABSENT:
                values["door_open"] = state
        except Wrong as wrong:
            self.refusals.append(wrong.refusal(within, channel.name or None, stamp.at_ms if stamp else None))

    def _alarm(self, channel: Channel, tree: Any) -> str | None:
        if channel.alarm is None:
            return None
        said = channel.alarm.get(tree)
        if said is ABSENT or said is None or said is False:
            return None
        self.known = True
        text = channel.alarm.path if said is True else str(said).strip()
        return None if text.lower() in _QUIET or text.lower() in channel.alarm.quiet else text[:200]

    def _place(self, place: Place, tree: Any, stamp: Stamp | None, historical: bool, within: str) -> None:
        latitude, longitude = place.latitude_get(tree), place.longitude_get(tree)
        if latitude is ABSENT and longitude is ABSENT:
            return
        self.known = True
        if not _is_fix(place, tree, latitude, longitude):
            return
        try:
            at = place.time.stamp(tree, self._zone) if place.time is not None else stamp
        except Wrong as wrong:
            self.refusals.append(wrong.refusal(within))
            return
        if place.age is not None and (age := decimal_of(place.age(tree))) is not None and age > 0:
            if at is not None:
                at = Stamp(at.at_ms - int(min(age, _OLDEST_S) * 1000), at.source, at.text)
            elif age * 1000 > place.oldest_ms:
                return  # where it was then is not where it is now, and nothing says when "then" was
        self.samples.append(Sample({}, "", at, (latitude, longitude), historical=historical, within=within))


def _is_fix(place: Place, tree: Any, latitude: Any, longitude: Any) -> bool:
    """Whether the coordinates are a place where the logger was, as far as the message knows."""
    if any(_says_nothing(value) for value in (latitude, longitude)):
        return False
    if place.valid is not None and _word(place.valid(tree)) not in place.valid_words:
        return False
    return not place.nowhere or decimal_of(latitude) not in place.nowhere


def _says_nothing(value: Any) -> bool:
    return value is ABSENT or value is None or (isinstance(value, str) and decimal_of(value) is None)


def _word(value: Any) -> str:
    if type(value) is bool:
        return "true" if value else "false"
    return "" if value is ABSENT or value is None else str(value).strip().lower()


def channels_of(profile: Profile) -> Iterator[str]:
    """The channels that a profile may give, in its order."""
    seen: set[str] = set()
    for records in profile.records:
        for channel in records.channels:
            if channel.name and channel.name not in seen:
                seen.add(channel.name)
                yield channel.name
