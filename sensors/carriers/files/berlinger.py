"""The Berlinger TXT export (Fridge-tag 2, 2 L, Q-tag): what its header, history and log say. Bytes and a zone in.

Times in the file are local and carry no zone, so the zone is stated by whoever brings the file. Daily summaries stay
summaries: nothing here turns a day's minimum into a sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from coldchain.domain.quantity import milli, scaled, strict_decimal
from coldchain.errors import InvalidValue
from sensors.carriers.files.berlinger_tree import Node, parse_tree
from sensors.carriers.files.local_time import LocalClock

# `Type` of an alarm: which side, and whether minutes count in a row or over the day
_TYPES = {
    "1": ("low", "consecutive"),
    "2": ("high", "consecutive"),
    "3": ("low", "cumulative"),
    "4": ("high", "cumulative"),
}
_UNTYPED = {"0": "low", "1": "high"}  # the older models number their two alarms instead
_MISSING = ("--.-", "")


@dataclass(frozen=True, slots=True)
class AlarmLimit:
    """An alarm that the logger was set to: beyond `limit_mc` for `minutes`."""

    number: str
    side: str  # low | high
    mode: str | None  # consecutive | cumulative; None where the model does not say
    limit_mc: int
    minutes: int

    def beyond(self, temperature_mc: int | None) -> bool:
        """Whether a sample lies beyond the limit; one on it does not, and one that is missing is unknown."""
        if temperature_mc is None:
            return False
        return temperature_mc > self.limit_mc if self.side == "high" else temperature_mc < self.limit_mc


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of the log that is no sample; `line` counts from 1."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class LogRow:
    """One sample as logged; `temperature_mc` is None where the logger wrote that it has none."""

    local: str
    at_ms: int
    temperature_mc: int | None
    out_of_limits: bool


@dataclass(frozen=True, slots=True)
class DayAlarm:
    """What one alarm counted on one day."""

    minutes_out: int
    alarm_at: str | None  # local hh:mm
    ambient_mc: int | None
    checked: str | None


@dataclass(frozen=True, slots=True)
class Day:
    """The logger's own summary of one local day, from its minute-by-minute measurement."""

    day: date
    min_mc: int | None
    min_at: str | None
    max_mc: int | None
    max_at: str | None
    mean_mc: int | None
    alarms: dict[str, DayAlarm]
    sensor_timeout_min: int
    sensor_timeout_at: str | None
    events: int


@dataclass(frozen=True, slots=True)
class RunAlarm:
    """One alarm of a run, as the logger reports it; times are local."""

    number: str
    start: str | None
    alarm: str | None
    end: str | None
    minutes: int


@dataclass(frozen=True, slots=True)
class RunResult:
    """A shipment logger's own figures of its run; it cuts mean and MKT off to 0.1 degrees."""

    start: str | None
    stop: str | None
    min_mc: int | None
    max_mc: int | None
    mean_mc: int | None
    mkt_mc: int | None
    mkt_energy_kj_mol: Decimal | None
    alarms: tuple[RunAlarm, ...]


@dataclass(frozen=True, slots=True)
class DeviceError:
    """An error that the logger counted."""

    code: str
    count: int
    at: str | None


@dataclass(frozen=True, slots=True)
class BerlingerExport:
    """Everything that an export says; local times are text as written, `zone` is the one that was stated."""

    serial: str
    model: str
    firmware: str | None
    unit: str
    zone: str
    interval_min: int | None
    activated: str | None
    report_created: str | None
    limits: tuple[AlarmLimit, ...]
    rows: tuple[LogRow, ...]
    days: tuple[Day, ...]
    result: RunResult | None
    errors: tuple[DeviceError, ...]
    bad_rows: tuple[BadRow, ...]
    certified: bool  # a certificate and a signature stand in the file; they are not verified


def parse(content: bytes, zone: str) -> BerlingerExport:
    """Read an export whose times are local times of `zone` (an IANA name or an offset such as +01:00).

    Raises:
        InvalidValue: no such export, no such zone, or a clock that cannot have run in it; the text says what to do.
    """
    tree = parse_tree(content)
    conf = tree.child("Conf")
    serial = conf.value("Serial")
    if serial is None:
        raise InvalidValue("this is no Berlinger export: it has no 'Serial' under 'Conf'")
    unit = conf.value("Temp unit") or "C"
    if unit not in ("C", "F"):
        raise InvalidValue(f"Temp unit: {unit!r} is neither C nor F")
    history = tree.child("Hist")
    interval = conf.value("Logging Interval")
    rows, bad_rows = _rows(tree.child("Data"), unit, LocalClock(zone))
    return BerlingerExport(
        serial=serial,
        model=tree.value("Device") or "unknown",
        firmware=tree.value("Fw Vers"),
        unit=unit,
        zone=zone,
        interval_min=_whole(interval) if interval else None,
        activated=history.value("TS Actv") or tree.child("Res").value("TS Actv"),
        report_created=history.value("TS Report Creation"),
        limits=tuple(_limits(conf.child("Alarm"), unit)),
        rows=rows,
        days=tuple(_day(node, unit) for name, node in history.children.items() if name.isdigit()),
        result=_result(tree, unit) if "Res" in tree.children else None,
        errors=tuple(_errors(tree.child("Errors"))),
        bad_rows=bad_rows,
        certified="Cert" in tree.children and bool(tree.value("Sig")),
    )


def _rows(data: Node, unit: str, clock: LocalClock) -> tuple[tuple[LogRow, ...], tuple[BadRow, ...]]:
    """The samples, and the rows of the table that are none: each of those names its line and costs no other."""
    samples: list[tuple[str, int | None, bool]] = []
    bad = []
    for line, row in zip(data.table_lines, data.table, strict=True):
        if not any(row) or (row[0] and not row[0][:1].isdigit() and line == data.table_lines[0]):
            continue  # the titles
        try:
            local_moment(row[0][:16])
            samples.append((row[0], _celsius(row[1] if len(row) > 1 else None, unit), "x" in row[2:]))
        except InvalidValue as error:
            bad.append(BadRow(line, " ".join(row)[:120], str(error)))
    times = clock.utc_ms([local for local, _, _ in samples])
    rows = (LogRow(local, at_ms, value, out) for (local, value, out), at_ms in zip(samples, times, strict=True))
    return tuple(rows), tuple(bad)


def _limits(alarms: Node, unit: str) -> Iterator[AlarmLimit]:
    for number, node in alarms.children.items():
        limit, minutes, kind = node.value("T AL"), node.value("t AL"), node.value("Type")
        if limit is None or minutes is None or kind == "0":
            continue
        side, mode = (_UNTYPED.get(number, "high"), None) if kind is None else _TYPES[kind]
        yield AlarmLimit(number, side, mode, _required(limit, unit), _whole(minutes))


def _day(node: Node, unit: str) -> Day:
    timeout = node.child("Int Sensor timeout")
    day = node.value("Date")
    try:
        parsed = date.fromisoformat(day or "")
    except ValueError as error:
        raise InvalidValue(f"Date: {day!r} in the history is no date") from error
    return Day(
        day=parsed,
        min_mc=_celsius(node.value("Min T"), unit),
        min_at=node.value("TS Min T"),
        max_mc=_celsius(node.value("Max T"), unit),
        max_at=node.value("TS Max T"),
        mean_mc=_celsius(node.value("Avrg T"), unit),
        alarms={
            number: DayAlarm(
                minutes_out=_whole(alarm.value("t Acc") or "0"),
                alarm_at=alarm.value("TS A"),
                ambient_mc=_celsius(alarm.value("T A") or alarm.value("Amb T"), unit),
                checked=alarm.value("C A"),
            )
            for number, alarm in node.child("Alarm").children.items()
        },
        sensor_timeout_min=_whole(timeout.value("t AccST") or "0"),
        sensor_timeout_at=timeout.value("TS A") or timeout.value("TS AccST"),
        events=_whole(node.value("Events") or "0"),
    )


def _result(tree: Node, unit: str) -> RunResult:
    result, energy = tree.child("Res"), tree.child("Conf").value("MKT Energy")
    alarms = [
        RunAlarm(number, record.get("TS S") or None, record.get("TS A") or None, record.get("TS E") or None,
                 _whole(record.get("t A") or "0"))
        for number, node in result.child("Alarm").children.items()
        for record in node.records
    ]  # fmt: skip
    return RunResult(
        start=result.value("TS Start"),
        stop=result.value("TS Stop"),
        min_mc=_celsius(result.value("Min T"), unit),
        max_mc=_celsius(result.value("Max T"), unit),
        mean_mc=_celsius(result.value("Avrg T"), unit),
        mkt_mc=_celsius(result.value("MKT"), unit),
        mkt_energy_kj_mol=strict_decimal(energy) if energy else None,
        alarms=tuple(alarms),
    )


def _errors(node: Node) -> Iterator[DeviceError]:
    for code, error in node.children.items():
        yield DeviceError(code, _whole(error.value("Err Count") or "1"), error.value("Err TS"))


def _celsius(text: str | None, unit: str) -> int | None:
    if text is None or text.strip() in _MISSING:
        return None
    return _required(text, unit)


def _required(text: str, unit: str) -> int:
    if unit == "C":
        return milli(text.strip())
    return scaled((strict_decimal(text.strip()) - 32) / Decimal("1.8"), 3)


def _whole(text: str) -> int:
    if not text.strip().isdecimal():
        raise InvalidValue(f"{text[:40]!r} is not a whole number")
    return int(text)


def local_moment(text: str) -> datetime:
    """A local time of the file without its zone, for comparisons inside the file.

    Raises:
        InvalidValue: the text is no such time.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M")  # noqa: DTZ007  a wall clock, on purpose
    except ValueError as error:
        raise InvalidValue(f"{text[:40]!r} is not a time such as 2022-05-02 04:44") from error
