"""From what a carrier understood to rows: the same checks, in the same order, for every format but the native one.

A carrier (or the device profile that it uses) says which channel measured what, in the units of the public names. Here
each number is read strictly, held against the sentinels and then the range of its sensor, and placed on its row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from coldchain.domain.message import Decoded, Refusal
from coldchain.domain.quantity import scaled, strict_decimal
from coldchain.domain.reading import MILLI_FIELDS, Reading
from coldchain.errors import InvalidValue
from sensors.carriers.fields import Wrong, shown
from sensors.faults import NATIVE, Limits, position_doubt

RIDES = ""  # the channel of what belongs to the device and not to a probe: battery, light, door, shock, position
LATE_MS = 600_000  # how much older than the envelope's own time a stamp is historical, where no interval is known
INTERNAL, DEVICE = "internal", "device"

_ATTRIBUTES = {public: attribute for attribute, public in MILLI_FIELDS.items()}
_PROBED = frozenset({"temperature_c", "humidity_pct", "pressure_hpa"})
_MEASURED = frozenset(_ATTRIBUTES[name] for name in _PROBED)
_BATTERY = frozenset({"battery_mpct", "battery_mv"})
_new = tuple.__new__  # of all fields in their order, at a fraction of the price of naming them
_FIELDS = Reading._fields[8:18]  # what a row holds, in the order of a reading
_LAST = tuple(Reading._field_defaults[name] for name in Reading._fields[22:])
_MOST_ROWS = 20_000
_POWERS: tuple[int, ...] = tuple(10**places for places in range(8))
_LARGEST = 10**12


class Stamp(NamedTuple):
    """A moment, whose clock it comes from (device, network, gateway, arrival), and what that clock wrote."""

    at_ms: int
    source: str
    text: str | None = None


class Sample(NamedTuple):
    """What one channel says of one moment, as received.

    `values` maps public names (`temperature_c`, `humidity_pct`, `pressure_hpa`, `light_lux`, `shock_g`, `battery_pct`,
    `battery_v`, `door_open`) to numbers in those units: int, float, `Decimal`, or decimal text; None means "measured
    nothing". A carrier that has to convert does so in `Decimal`.
    """

    values: Mapping[str, Any] = {}  # never written to
    channel: str = RIDES
    stamp: Stamp | None = None  # None: the message's own
    position: tuple[Any, Any] | None = None  # (latitude, longitude) in degrees: the logger's own, never a gateway's
    fault: str | None = None
    historical: bool = False  # the device or the envelope says so
    device_alarm: str | None = None
    within: str = ""  # where in the message this stands, for the sentence of a refusal


class Head(NamedTuple):
    """What holds for a whole message."""

    logger: str
    key: str
    adapter: str
    stamp: Stamp  # when it was measured, as far as the envelope knows: samples without a stamp of their own take it
    received_at_ms: int
    seq: int | None = None
    boot: int | None = None
    server_ms: int | None = None  # the newest time that a server of the envelope wrote; tells what is historical
    interval_ms: int | None = None
    device_profile: str = ""
    limits: Mapping[str, Limits] = NATIVE


@dataclass(slots=True)
class _Row:
    """One (channel, moment) while its fields come together."""

    channel: str
    stamp: Stamp
    fields: dict[str, Any] = field(default_factory=dict)
    fault: str | None = None
    historical: bool = False
    device_alarm: str | None = None
    silent: frozenset[str] = frozenset()  # what was asked of the probe and not measured

    @property
    def told_fault(self) -> str | None:
        """The fault that was told, or that a probe is at which measured nothing of what it is for.

        A temperature is what a probe is for. One that measured it may say that it has no sensor for the humidity.
        """
        if self.fault is not None or not self.silent:
            return self.fault
        lost = "temperature_c" in self.silent and "temperature_mc" not in self.fields
        return "sensor_error" if lost or _MEASURED.isdisjoint(self.fields) else None


def decoded(
    head: Head,
    samples: Sequence[Sample],
    payload: bytes,
    *,
    refusals: Iterable[Refusal] = (),
    status: Mapping[str, Any] | None = None,
) -> Decoded:
    """The message that `samples` make up. Pure; never raises: what is wrong becomes a refusal, the rest stays."""
    table = _Table(head)
    for sample in samples[:_MOST_ROWS]:
        table.take(sample)
    rows, told = table.close()
    logger, key, adapter, stamp, _, seq, boot, _, interval_ms, device_profile, _ = head
    clock = (stamp.at_ms, stamp.source) if stamp.source in ("network", "gateway") else None
    known = {**(status or {}), **told}
    return Decoded(
        logger, key, payload, adapter, tuple(rows), (*refusals, *table.refusals), boot, seq, None, interval_ms,
        known or None, device_profile or adapter, clock=clock,
    )  # fmt: skip


class _Table:
    def __init__(self, head: Head) -> None:
        self._head = head
        self._rows: dict[tuple[str, int], _Row] = {}
        self._riding: list[_Row] = []
        self.refusals: list[Refusal] = []

    def take(self, sample: Sample) -> None:
        """Check one sample and put what is believed of it where it belongs."""
        channel, stamp = sample.channel, sample.stamp or self._head.stamp
        row = _Row(channel, stamp, {}, sample.fault, sample.historical, sample.device_alarm)
        for name, value in sample.values.items():
            if value is None:
                if name in _PROBED and channel != RIDES:
                    row.silent |= {name}
                continue
            try:
                self._measure(row, name, value)
            except Wrong as wrong:
                self.refusals.append(wrong.refusal(sample.within, channel or None, stamp.at_ms))
        if sample.position is not None:
            self._place(row, sample)
        # An alarm of the logger itself comes without a value of its own, and rides on what it was raised for.
        if row.fields or row.silent or row.fault is not None or (channel == RIDES and row.device_alarm is not None):
            self._put(row)

    def _measure(self, row: _Row, name: str, value: Any) -> None:
        """Take one value into `row`."""
        if name == "door_open":
            if type(value) is not bool:
                raise Wrong(name, value, "is neither true nor false")
            row.fields[name] = value
            return
        number, limits = _scaled(name, value, 3), self._head.limits.get(name) or NATIVE[name]
        if (fault := limits.sentinels.get(number)) is not None:
            if name in _PROBED:
                row.fault = row.fault or fault
        elif limits.low <= number <= limits.high:
            row.fields[_ATTRIBUTES[name]] = number
        else:
            raise Wrong(name, value, limits.doubt)

    def _place(self, row: _Row, sample: Sample) -> None:
        assert sample.position is not None
        try:
            latitude, longitude = (_scaled("position", one, 7) for one in sample.position)
            if (doubt := position_doubt(latitude, longitude)) is not None:
                raise Wrong("position", ", ".join(shown(one) for one in sample.position), doubt)
            row.fields |= {"latitude_e7": latitude, "longitude_e7": longitude}
        except Wrong as wrong:
            self.refusals.append(wrong.refusal(sample.within, sample.channel or None, row.stamp.at_ms))

    def _put(self, row: _Row) -> None:
        if row.channel == RIDES:
            self._riding.append(row)
            return
        known = self._rows.setdefault((row.channel, row.stamp.at_ms), row)
        if known is not row:
            self._join(known, row)

    def _join(self, known: _Row, other: _Row) -> None:
        """Two samples of one channel and moment are one row; a value given twice has to be the same."""
        for name, value in other.fields.items():
            if known.fields.setdefault(name, value) != value:
                public = MILLI_FIELDS.get(name, name)
                wrong = Wrong(public, value / 1000 if name in MILLI_FIELDS else value, "is given twice for one moment")
                self.refusals.append(wrong.refusal("", known.channel, known.stamp.at_ms))
        known.fault = known.fault or other.fault
        known.silent |= other.silent
        known.historical = known.historical or other.historical
        known.device_alarm = known.device_alarm or other.device_alarm

    def close(self) -> tuple[list[Reading], dict[str, Any]]:
        """The rows; and what a message without measurements says of its logger."""
        own: dict[int, _Row] = {}
        alone = not self._rows and not any("latitude_e7" in row.fields for row in self._riding)
        if alone and not any(row.fault for row in self._riding):
            return [], {public: shown_ for row in self._riding for public, shown_ in _told(row)}
        told: dict[str, Any] = {}
        # The others first: they may make the row that a battery rides on.
        for row in sorted(self._riding, key=_is_battery) if len(self._riding) > 1 else self._riding:
            host = self._host(row.stamp.at_ms) or own.get(row.stamp.at_ms)
            if host is None and row.stamp == self._head.stamp and _is_battery(row):
                told |= dict(_told(row))  # the battery of now beside stored records: no reading of this moment
                continue
            host = host or own.setdefault(row.stamp.at_ms, _Row(DEVICE, row.stamp))
            for name, value in row.fields.items():
                host.fields.setdefault(name, value)
            if host.channel == DEVICE:
                host.fault = host.fault or row.fault
            host.historical = host.historical or (row.historical and host.channel == DEVICE)
            host.device_alarm = host.device_alarm or row.device_alarm
        return [self._reading(row) for row in (*self._rows.values(), *own.values())], told

    def _host(self, at_ms: int) -> _Row | None:
        """The row on which something of this moment rides: of channel `internal`, else of the message's first one."""
        if (found := self._rows.get((INTERNAL, at_ms))) is not None:
            return found
        return next((row for row in self._rows.values() if row.stamp.at_ms == at_ms), None)

    def _reading(self, row: _Row) -> Reading:
        head, stamp, known = self._head, row.stamp, row.fields.get
        late = False
        if stamp.source == "device" and head.server_ms is not None:
            late_ms = 2 * head.interval_ms if head.interval_ms else LATE_MS
            late = stamp.at_ms < head.server_ms - late_ms
        return _new(Reading, (
            head.logger, row.channel, stamp.at_ms, head.received_at_ms, stamp.source, stamp.text, head.boot, head.seq,
            *map(known, _FIELDS), row.historical or late, row.told_fault if row.silent else row.fault,
            row.device_alarm,
            head.device_profile or head.adapter, *_LAST,
        ))  # fmt: skip


def _is_battery(row: _Row) -> bool:
    return row.fault is None and row.device_alarm is None and row.fields.keys() <= _BATTERY


def thousandths(name: str, value: Any) -> int:
    """A received number × 1000, half-even from its decimal text.

    Raises:
        Wrong: it is no finite decimal number.
    """
    return _scaled(name, value, 3)


def _scaled(name: str, value: Any, places: int) -> int:
    try:
        if type(value) is float:
            product = value * _POWERS[places]
            if -_LARGEST < product < _LARGEST:
                whole: int = round(product)
                # Away from the edges a binary fraction rounds as its decimal text does; its error here is below 0.0003.
                if abs(abs(product - whole) - 0.5) > 0.001:
                    return whole
            return scaled(Decimal(repr(value)), places)  # its shortest text is what was written, up to 15 digits
        if type(value) is int and -_LARGEST < value < _LARGEST:
            units: int = value * _POWERS[places]
            return units
        if type(value) is int or type(value) is Decimal:
            return scaled(Decimal(value), places)
        if isinstance(value, str):
            return scaled(strict_decimal(value), places)
    except InvalidValue:
        raise Wrong(name, value, "is not a finite number that a sensor can send") from None
    raise Wrong(name, value, "is not a number: send a finite decimal number, or nothing")


def _told(row: _Row) -> Iterable[tuple[str, Any]]:
    for name, value in row.fields.items():
        public = MILLI_FIELDS.get(name)
        yield (public, value / 1000) if public else (name, value)
    if row.device_alarm is not None:
        yield "device_alarm", row.device_alarm
