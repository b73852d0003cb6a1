"""EPCIS 2.0 in JSON: what sensors reported with the events of a supply chain.

An event holds elements, an element reports; time and device stand on the report, else on the element, else on the
event. Statistics of an interval never become readings. An event that was declared erroneous adds none either.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as own
from typing import Any

from coldchain.domain.message import Decoded, Envelope, Refusal
from sensors.carriers.cloud import (
    Cloud,
    Part,
    array,
    broken,
    digest,
    epoch_ms,
    fixed,
    stamped,
    utc_ms,
)
from sensors.carriers.declared import number_of
from sensors.carriers.epcis_words import (
    DOCUMENTS,
    EVENTS,
    QUANTITIES,
    converted,
    field,
    kind,
    logger_of,
    objects,
    place_of,
    plain,
    prefixes,
    quantity,
    spelled,
)
from sensors.carriers.fields import Wrong, shown
from sensors.carriers.port import Context
from sensors.carriers.sample import DEVICE, INTERNAL, RIDES, Head, Sample, Stamp, decoded
from sensors.carriers.uplink import tree_of

_STATISTICS = ("minValue", "maxValue", "meanValue", "sDev", "percValue")
_STATISTICAL = frozenset(_STATISTICS)
_DEGREES = frozenset({"DD", None})
_MOST_OBJECTS, _LONGEST_OBJECT = 20, 256


@dataclass
class _Device:
    """What one device says in one event."""

    samples: list[Sample] = own(default_factory=list)
    refusals: list[Refusal] = own(default_factory=list)
    statistics: list[dict[str, Any]] = own(default_factory=list)
    status: dict[str, Any] = own(default_factory=dict)
    angles: dict[Stamp, dict[str, Any]] = own(default_factory=dict)


class Epcis(Cloud):
    """`POST /ingest/epcis`: documents, query results, single events and lists of them."""

    name = "epcis@1"
    source = "epcis"

    def fits(self, tree: Any) -> bool:
        """An event, or a document of events."""
        if type(tree) is dict and "specversion" in tree:
            return False
        return kind(tree) in DOCUMENTS or (kind(tree) in EVENTS and spelled(tree, "eventTime") is not None)

    def parts(self, payload: bytes) -> list[Part | tuple[Wrong, bytes]]:
        """Each event, with the names that its document explains, and bytes of its own."""
        if payload.lstrip().startswith(b"["):
            return _alone(array(payload))
        try:
            tree = tree_of(payload)
        except Wrong as wrong:
            return _alone(broken(payload, "eventList", wrong))
        if kind(tree) not in DOCUMENTS:
            return [_part(tree, None)]
        body = spelled(tree, "epcisBody")
        results = spelled(spelled(body, "queryResults"), "resultsBody")
        found = spelled(body, "eventList", "event") or spelled(results, "eventList", "event") or []
        return [_part(one, spelled(tree, "context")) for one in (found if type(found) is list else [found])]

    def read(self, part: Part, envelope: Envelope, context: Context) -> Iterator[Decoded]:  # noqa: ARG002 - the port's names
        """One message for each device of the event."""
        event = plain(part.tree)
        if kind(event) not in EVENTS:
            raise Wrong("type", field(event, "type"), f"is none of {', '.join(sorted(EVENTS))}")
        reader = _Reader(event, envelope)
        for logger, device in reader.read().items():
            number = field(event, "eventID")
            key = f"{shown(number) if number is not None else ''}:{digest(part.payload)}"
            head = Head(logger, key, self.name, reader.stamp, envelope.received_at_ms, server_ms=reader.server_ms)
            status = {**reader.about, **device.status}
            if device.statistics:
                status["statistics"] = device.statistics
            refusals = (*reader.refusals, *device.refusals)
            message = decoded(head, device.samples, part.payload, refusals=refusals, status=status)
            yield message._replace(aggregate=bool(device.statistics) and not message.readings)


def _alone(found: Iterable[Part | tuple[Wrong, bytes]]) -> list[Part | tuple[Wrong, bytes]]:
    return [_part(one.tree, None) if isinstance(one, Part) else one for one in found]


def _part(event: Any, context: Any) -> Part:
    tree = {"@context": context, **event} if context is not None and type(event) is dict else event
    return Part(tree, fixed(tree))


class _Reader:
    """One event, device by device."""

    def __init__(self, event: dict[str, Any], envelope: Envelope) -> None:
        self._event = event
        self._envelope = envelope
        self._known = prefixes(field(event, "context"))
        self._devices: dict[str, _Device] = {}
        self.refusals: list[Refusal] = []
        self.stamp = stamped(field(event, "eventTime"), "eventTime", _time, envelope, self.refusals)
        self.server_ms = self.stamp.at_ms if self.stamp.source == "device" else None
        self.about = _about(event)
        self._erroneous = field(event, "errorDeclaration") is not None

    def read(self) -> dict[str, _Device]:
        """Every device that reported, in the order of the event; the object alone where none did.

        Raises:
            Wrong: nothing says who measured.
        """
        found = field(self._event, "sensorElementList")
        elements = [one for one in (found if type(found) is list else [found]) if type(one) is dict]
        statistics = any(_statistic(report, metadata) for metadata, report in _reports(elements))
        for metadata, report in _reports(elements):
            device = self._device(logger_of(report, metadata, self._event))
            try:
                self._report(report, metadata, device, statistics=statistics)
            except Wrong as wrong:
                device.refusals.append(wrong.refusal("sensorReport"))
        for device in self._devices.values():
            self._place(device)
        if not self._devices:
            self._no_report()
        return self._devices

    def _device(self, logger: str) -> _Device:
        return self._devices.setdefault(logger, _Device())

    def _no_report(self) -> None:
        """An event without sensors: the place of a moving read point, where a sensor's report is what it is."""
        device = self._device(logger_of(None, None, self._event))
        place, step = place_of(self._event), field(self._event, "bizStep")
        if place is not None and type(step) is str and step.endswith("sensor_reporting") and not self._erroneous:
            device.samples.append(Sample(position=place, within="readPoint"))

    def _report(self, report: dict[str, Any], metadata: Any, device: _Device, *, statistics: bool) -> None:
        what, value = quantity(report, self._known), field(report, "value")
        sample = Sample(channel=_channel(report), stamp=self._stamp(report, metadata, device))
        alarm = self._exception(report, what, sample, device)
        if alarm is not None and alarm.fault is not None:
            return  # what a failed sensor says beside is not believed
        if _statistic(report, metadata):
            device.statistics.append(_plain(report, metadata, what))
        elif what == "Angle" and field(report, "component") is not None:
            self._angle(report, device.angles.setdefault(sample.stamp or self.stamp, {}))
        elif what not in QUANTITIES:
            if value is not None:
                told = f"{shown(value)} {shown(field(report, 'uom') or '')}".strip()
                device.status[what or shown(field(report, "type") or "report")] = told
        elif value is not None:
            self._measured(report, what, alarm or sample, device)
        elif alarm is None:
            self._nothing(what, sample, device, statistics=statistics)

    def _measured(self, report: dict[str, Any], what: str, sample: Sample, device: _Device) -> None:
        unit, value = field(report, "uom"), field(report, "value")
        if what == "Humidity" and unit not in QUANTITIES[what][1]:
            device.status["AbsoluteHumidity"] = f"{shown(value)} {shown(unit or '')}".strip()  # no part of 100 %
            return
        public, number = converted(what, unit, value)
        if self._erroneous:
            raise Wrong("value", value, "belongs to an event that its sender declared erroneous")
        channel = RIDES if public == "light_lux" else sample.channel
        device.samples.append(sample._replace(values={public: number}, channel=channel, within="sensorReport"))

    def _exception(self, report: Any, what: str, sample: Sample, device: _Device) -> Sample | None:
        """A sensor that failed is a fault, one that warns an alarm beside ours; None where neither is said."""
        said = field(report, "exception")
        if said is None:
            return None
        word = shown(said)
        if word.endswith("ERROR_CONDITION") and not self._erroneous:
            device.samples.append(sample._replace(fault="sensor_error"))
            return device.samples[-1]
        device.status["device_alarm"] = f"{what} {word}".strip()
        return sample._replace(device_alarm=word)

    def _nothing(self, what: str, sample: Sample, device: _Device, *, statistics: bool) -> None:
        """A report without a value: beside statistics an incomplete one, alone a sensor that measured nothing."""
        if statistics:
            raise Wrong("value", None, f"of {what} is missing: the report says nothing")
        device.samples.append(sample._replace(fault="sensor_error"))

    def _stamp(self, report: Any, metadata: Any, device: _Device) -> Stamp:
        for tree in (report, metadata):
            if field(tree, "time") is not None:
                return stamped(field(tree, "time"), "time", _time, self._envelope, device.refusals)
        return self.stamp

    def _angle(self, report: dict[str, Any], angles: dict[str, Any]) -> None:
        system, unit = field(report, "coordinateReferenceSystem"), field(report, "uom")
        declared = (unit is None or type(unit) is str) and unit in _DEGREES
        if not declared or (system is not None and not str(system).endswith(("CRS84", "4326", "CRS84h"))):
            raise Wrong("coordinateReferenceSystem", system, "is not WGS 84 in degrees: the place is left out")
        component = str(field(report, "component"))
        angles[component.rpartition(":")[2].rpartition("/")[2]] = field(report, "value")

    def _place(self, device: _Device) -> None:
        for stamp, angles in device.angles.items():
            place = (angles.get("latitude"), angles.get("longitude"))
            if None not in place and not self._erroneous:
                device.samples.append(Sample(position=place, stamp=stamp, within="sensorReport"))


def _time(value: Any, name: str) -> int:
    """Times of events have a zone; one without is not believed."""
    if type(value) is str and (value[-1:] in "Zz" or value[-6:-5] in ("+", "-") or value[-5:-4] in ("+", "-")):
        return utc_ms(value, name)
    if type(value) is int:
        return epoch_ms(value, name, per_second=1000)
    raise Wrong(name, value, "is no time with a zone, such as 2026-01-05T10:00:00Z")


def _reports(elements: list[dict[str, Any]]) -> Iterator[tuple[Any, dict[str, Any]]]:
    for one in elements:
        metadata = field(one, "sensorMetadata", "sensorMetaData")
        found = field(one, "sensorReport")
        for report in found if type(found) is list else [found]:
            if type(report) is dict:
                yield metadata, report


def _statistic(report: Any, metadata: Any) -> bool:
    """Whether a report is about an interval: it has a minimum, mean and so on, or a value but no moment."""
    if not _STATISTICAL.isdisjoint(report) and any(report[name] is not None for name in _STATISTICAL & report.keys()):
        return True
    if type(metadata) is not dict or field(report, "value") is None:
        return False
    interval = field(metadata, "startTime", "endTime") is not None
    return interval and field(report, "time") is None and field(metadata, "time") is None


def _plain(report: dict[str, Any], metadata: Any, what: str) -> dict[str, Any]:
    """The statistics of an interval, as they were sent."""
    told: dict[str, Any] = {"type": what or shown(field(report, "type") or "")}
    for name in ("value", *_STATISTICS, "percRank", "uom"):
        value = field(report, name)
        if value is not None:
            number = number_of(value)
            told[name] = shown(value) if number is None else float(number)
    for name in ("startTime", "endTime"):
        if (moment := field(metadata, name)) is not None:
            told[name] = shown(moment)
    return told


def _channel(report: dict[str, Any]) -> str:
    """What was measured of the object, where the report says it (`ambiance`, `outerPackage`), else `internal`.

    The standard's own word for a part of a measurement, `component`, counts where there is no extension that says more.
    """
    told = {name.rpartition(":")[2]: value for name, value in report.items()}
    for value in (told.get("feature"), told.get("component")):
        word = value.rpartition(":")[2].rpartition("/")[2] if type(value) is str else ""
        if word.isprintable() and 0 < len(word) <= 40 and word not in (DEVICE, RIDES):
            return word
    return INTERNAL


def _about(event: dict[str, Any]) -> dict[str, Any]:
    """What the event is about, and whether somebody took it back."""
    found = [one for one in objects(event) if one.isprintable() and len(one) <= _LONGEST_OBJECT][:_MOST_OBJECTS]
    about: dict[str, Any] = {"object": found[0]} if found else {}
    if len(found) > 1:
        about["objects"] = found
    if (declared := field(event, "errorDeclaration")) is not None:
        about["erroneous"] = shown(field(declared, "reason") or field(declared, "declarationTime") or "declared")
    return about
