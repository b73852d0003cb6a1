"""One canonical message, from its JSON to rows: what is believed, what is refused, and what rides along."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from coldchain.domain.message import Refusal
from coldchain.domain.quantity import iso, ms_from_iso
from coldchain.domain.reading import FAULTS, MILLI_FIELDS, Reading
from coldchain.errors import InvalidValue
from sensors.carriers.fields import Wrong, flag, number, section, shown, words
from sensors.carriers.native_head import Fields, Head, read_alarm, read_name
from sensors.faults import NATIVE, position_doubt

LARGEST_BATCH = 1000

_ATTRIBUTES = {public: attribute for attribute, public in MILLI_FIELDS.items()}
_MEASURED = ("temperature_c", "humidity_pct", "pressure_hpa", "light_lux", "shock_g")
_NOT_THE_DEVICE = ("registry", "gateway")  # where somebody typed it to be, or where the radio stands


class Body(NamedTuple):
    """What a message measured."""

    rows: tuple[Reading, ...]
    refusals: tuple[Refusal, ...]
    status: dict[str, Any] | None


class _Extra(NamedTuple):
    """Something that rides along: at its own time, or with the newest reading (time None)."""

    time_ms: int | None
    device_time: str | None
    fields: Fields


def _time(tree: Fields) -> tuple[int | None, str | None]:
    text = words(tree, "ts")
    if text is None:
        return None, None
    try:
        return ms_from_iso(text), text
    except InvalidValue:
        raise Wrong("ts", text, "is not an ISO 8601 time with Z or an offset: send 2026-01-05T10:00:00Z") from None


class BodyReader:
    """Reads the body of one message. What is wrong becomes a refusal; the rest of the message stays.

    Its methods raise `NeedText` where a number lies so near a rounding edge that its received text must decide.
    """

    def __init__(self, tree: Fields, logger: str, head: Head, received_at_ms: int) -> None:
        self._tree = tree
        self._logger = logger
        self._head = head
        self._received_at_ms = received_at_ms
        self._refusals: list[Refusal] = []

    def read(self) -> Body:
        """Everything that the message measured."""
        rows = [row for row in self._rows() if row is not None]
        extras = self._extras()
        status = None
        if rows or any("latitude_e7" in extra.fields for extra in extras):
            rows = self._ride_along(rows, extras)
        elif extras:
            status = {name: value for extra in extras for name, value in _status(extra)}
        elif not self._refusals:
            names = shown(", ".join(self._tree))
            reason = f"readings are missing, and so are position, battery and state; the message has only: {names}"
            self._refusals.append(Refusal(reason, "readings", None))
        return Body(tuple(rows), tuple(self._refusals), status)

    def _rows(self) -> Iterator[Reading | None]:
        elements = self._tree.get("readings")
        if elements is None:
            return
        if type(elements) is not list or not 1 <= len(elements) <= LARGEST_BATCH:
            found = f"({len(elements)} of them)" if type(elements) is list else elements
            self._refusals.append(Wrong("readings", found, f"is not a list of 1 to {LARGEST_BATCH}").refusal())
            return
        for index, one in enumerate(elements):
            within = f"readings[{index}]"
            try:
                if type(one) is not dict:
                    raise Wrong(within, one, "is not an object")
                yield self._reading(one, within)
            except Wrong as wrong:
                self._refusals.append(wrong.refusal("" if wrong.field == within else within))

    def _reading(self, one: Fields, within: str) -> Reading | None:
        channel = words(one, "channel")
        channel = "internal" if channel is None or channel == "internal" else read_name(channel, "channel")
        stamp_ms, device_time = _time(one)
        fault = words(one, "fault")
        if fault is not None and fault not in FAULTS:
            raise Wrong("fault", fault, f"is none of {', '.join(FAULTS)}")
        event_time_ms = self._received_at_ms if stamp_ms is None else stamp_ms
        measured, fault = self._values(one, fault, within, channel, event_time_ms)
        if not measured and fault is None:
            return None  # each of its values was refused by name already
        head, historical = self._head, flag(one, "historical")
        return Reading(
            self._logger,
            channel,
            event_time_ms,
            self._received_at_ms,
            "arrival" if stamp_ms is None else "device",
            device_time,
            head.boot,
            head.seq,
            historical=head.historical if historical is None else historical,
            fault=fault,
            device_alarm=read_alarm(one) or head.device_alarm,
            **measured,
        )

    def _values(
        self, one: Fields, fault: str | None, within: str, channel: str, event_time_ms: int
    ) -> tuple[dict[str, Any], str | None]:
        values = section(one, "values") or {}
        measured: dict[str, Any] = {}
        nulls = 0
        for name in _MEASURED:
            if name not in values:
                continue
            try:
                value = number(values, name, 3)
                limits = NATIVE[name]
                if value is None:
                    nulls += 1
                elif limits.believes(value):
                    measured[_ATTRIBUTES[name]] = value
                elif limits.fault(value) is not None:
                    fault = fault or limits.fault(value)
                else:
                    raise Wrong(name, values[name], limits.doubt)
            except Wrong as wrong:
                self._refusals.append(wrong.refusal(f"{within}.values", channel, event_time_ms))
        if fault is None and not measured:
            if nulls:
                fault = "sensor_error"  # it measured nothing and does not say why
            elif not any(name in values for name in _MEASURED):
                raise Wrong("values", values, f"has none of {', '.join(_MEASURED)}")
        return measured, fault

    def _extras(self) -> list[_Extra]:
        extras = []
        readers: tuple[tuple[str, Callable[[Fields], Fields]], ...] = (
            ("position", _position),
            ("battery", _battery),
            ("state", _state),
        )
        for name, read in readers:
            try:
                tree = section(self._tree, name)
                if tree is not None and (fields := read(tree)):
                    extras.append(_Extra(*_time(tree), fields))
            except Wrong as wrong:
                self._refusals.append(wrong.refusal("" if wrong.field == name else name))
        return extras

    def _ride_along(self, rows: list[Reading], extras: list[_Extra]) -> list[Reading]:
        channels = ["internal", rows[0].channel] if rows else []
        # Without measurements, what has no time of its own goes with what has one.
        stamped = next(((extra.time_ms, extra.device_time) for extra in extras if extra.time_ms is not None), None)
        riding: dict[int, Fields] = {}
        own: dict[int | None, tuple[str | None, Fields]] = {}
        for time_ms, device_time, fields in extras:
            index = _carrier_of(rows, channels, time_ms)
            if index is not None:
                riding.setdefault(index, {}).update(fields)
                continue
            at_ms, text = (time_ms, device_time) if time_ms is not None else stamped or (None, None)
            own.setdefault(at_ms, (text, {}))[1].update(fields)
        for index, fields in riding.items():
            rows[index] = _filled(rows[index], fields)
        return rows + [_filled(self._device_row(at_ms, text), fields) for at_ms, (text, fields) in own.items()]

    def _device_row(self, at_ms: int | None, device_time: str | None) -> Reading:
        head, arrival_ms = self._head, self._received_at_ms
        event_time_ms, source = (arrival_ms, "arrival") if at_ms is None else (at_ms, "device")
        row = Reading(self._logger, "device", event_time_ms, arrival_ms, source, device_time, head.boot, head.seq)
        return row._replace(historical=head.historical, device_alarm=head.device_alarm)


def _carrier_of(rows: list[Reading], channels: list[str], time_ms: int | None) -> int | None:
    """The row that something of `time_ms` rides on: of channel `internal`, else of the first; None where none fits."""
    if len(rows) == 1:
        return 0 if time_ms is None or time_ms == rows[0].event_time_ms else None
    for channel in channels:
        fitting = [i for i, row in enumerate(rows) if row.channel == channel and time_ms in (None, row.event_time_ms)]
        if fitting:
            return max(fitting, key=lambda i: rows[i].event_time_ms)
    return None


def _filled(row: Reading, fields: Fields) -> Reading:
    """`row` with what it does not hold itself yet."""
    return row._replace(**{name: value for name, value in fields.items() if getattr(row, name) is None})


def _status(extra: _Extra) -> Iterator[tuple[str, Any]]:
    for name, value in extra.fields.items():
        public = MILLI_FIELDS.get(name)
        yield (public, value / 1000) if public else (name, value)
    if extra.time_ms is not None:
        yield "time", iso(extra.time_ms)


def _position(tree: Fields) -> Fields:
    latitude, longitude = number(tree, "lat", 7), number(tree, "lon", 7)
    if latitude is None or longitude is None or tree.get("source") in _NOT_THE_DEVICE:
        return {}
    if (doubt := position_doubt(latitude, longitude)) is not None:
        raise Wrong("position", f"{shown(tree['lat'])}, {shown(tree['lon'])}", doubt)
    return {"latitude_e7": latitude, "longitude_e7": longitude}


def _battery(tree: Fields) -> Fields:
    """Percent or volts as sent: neither is ever converted into the other."""
    return _limited(tree, {"pct": "battery_pct", "v": "battery_v"})


def _state(tree: Fields) -> Fields:
    fields = _limited(tree, {"light_lux": "light_lux", "shock_g": "shock_g"})
    door_open = flag(tree, "door_open")
    return fields if door_open is None else {**fields, "door_open": door_open}


def _limited(tree: Fields, names: dict[str, str]) -> Fields:
    fields = {}
    for name, public in names.items():
        value = number(tree, name, 3)
        if value is None:
            continue
        if not NATIVE[public].believes(value):
            raise Wrong(name, tree[name], NATIVE[public].doubt)
        fields[_ATTRIBUTES[public]] = value
    return fields
