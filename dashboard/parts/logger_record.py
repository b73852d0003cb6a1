"""What is on record about one logger beyond its row: channels, faults, holes, and how complete its readings can be."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from coldchain.domain.quantity import iso, ms_from_iso
from coldchain.domain.reading import Reading
from coldchain.journal.port import Unread
from coldchain.registry import logger_views, spans
from coldchain.registry.viewer import Viewer
from dashboard.services import Services

DAYS = 7
_DAY_MS = 86_400_000
_MOST = 20_000  # readings that are looked through

JsonObject = dict[str, Any]
COMPLETE = "watermark"
ESTIMATED = "estimated"


class Record(NamedTuple):
    """A logger as its page and the API show it."""

    shown: JsonObject
    spans: list[spans.Span]  # of the last days, as far as the viewer may see readings
    newest: list[Reading]  # of these days, oldest first
    unread: list[Unread]  # what it sent and nobody understood


def load(services: Services, viewer: Viewer, logger: str, now_ms: int) -> Record:
    """Everything about one logger that exists for this viewer.

    Raises:
        NotFound: no such logger for this viewer.
    """
    state = services.journal.logger(logger)
    with services.registry.read() as connection:
        shown = logger_views.shown(connection, viewer, state, logger, now_ms)
        end_ms = ms_from_iso(shown["last_event"]) + 1 if "last_event" in shown else now_ms
        seen = spans.of_loggers(connection, viewer, [logger], end_ms - DAYS * _DAY_MS, end_ms)
    readings = _readings(services, seen)
    whole = not viewer.scoped
    unread = [one for one in services.journal.unread() if one.logger == logger] if whole else []
    shown |= {
        "channels": channels(readings, _known_channels(services, seen)),
        "faults": faults(readings),
        "completeness": completeness(shown, readings),
    }
    if whole:
        shown["holes"] = [
            {"boot": gap.boot, "first": gap.first_seq, "last": gap.last_seq, "recorded": iso(gap.recorded_at_ms)}
            for gap in services.journal.gaps(logger)
        ]
        shown["not_understood"] = sum(one.messages for one in unread)
    return Record(shown, seen, readings, unread)


def _readings(services: Services, seen: Iterable[spans.Span]) -> list[Reading]:
    found: list[Reading] = []
    for span in seen:
        some = services.history.readings(span.logger, span.start_ms, span.end_ms)
        found.extend(one for one in some if span.channels is None or one.channel in span.channels)
    return found[-_MOST:]


def _known_channels(services: Services, seen: Iterable[spans.Span]) -> set[str]:
    return {
        channel
        for span in seen
        for channel in services.history.channels(span.logger)
        if span.channels is None or channel in span.channels
    }


def channels(readings: Iterable[Reading], known: Iterable[str]) -> list[JsonObject]:
    """Each channel with its newest value of the last days."""
    newest: dict[str, Reading] = {}
    for reading in readings:
        newest[reading.channel] = reading
    return [_channel(name, newest.get(name)) for name in sorted({*known, *newest})]


def _channel(name: str, newest: Reading | None) -> JsonObject:
    if newest is None:
        return {"channel": name}
    values = {
        "event_time": iso(newest.event_time_ms), "fault": newest.fault, "message": newest.message,
        "temperature_c": None if newest.temperature_mc is None else newest.temperature_mc / 1000,
        "humidity_pct": None if newest.humidity_mpct is None else newest.humidity_mpct / 1000,
        "device_profile": newest.device_profile,
    }  # fmt: skip
    return {"channel": name, **{key: value for key, value in values.items() if value is not None}}


def faults(readings: Iterable[Reading]) -> list[JsonObject]:
    """What the sensors reported of themselves in the last days, by channel."""
    counted: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], int] = {}
    for reading in readings:
        if reading.fault is not None:
            key = (reading.channel, reading.fault)
            counted[key] += 1
            last[key] = reading.event_time_ms
    return [
        {"channel": channel, "fault": fault, "count": count, "last": iso(last[channel, fault])}
        for (channel, fault), count in counted.most_common()
    ]


def completeness(shown: JsonObject, readings: Iterable[Reading]) -> JsonObject:
    """Whether everything that the logger measured can be known to have arrived.

    A logger that numbers its messages and waits for the watermark gets every hole named. Of any other one, counters and
    the reporting interval tell only so much: its readings are at most as durable as the broker or sender before us.
    """
    if shown.get("boot") is not None:
        return {"by": COMPLETE, "holes": shown.get("gaps", 0)}
    missing, restarts = counter_holes(readings)
    found: JsonObject = {"by": ESTIMATED, "at_most": "broker-durable", "days": DAYS}
    if missing is not None:
        found |= {"missing_messages": missing, "counter_restarts": restarts}
    interval_s, expected = shown.get("interval_s"), None
    times = sorted({reading.event_time_ms for reading in readings if reading.channel != "device"})
    if interval_s and len(times) > 1:
        expected = round((times[-1] - times[0]) / (interval_s * 1000)) + 1
        found |= {"expected_readings": expected, "moments": len(times)}
    return found


def counter_holes(readings: Iterable[Reading]) -> tuple[int | None, int]:
    """How many numbers are missing in the device's own counter, and how often it began again; None without one."""
    missing, restarts, last, counted = 0, 0, None, False
    for reading in readings:
        if reading.seq is None or reading.seq == last:
            continue
        counted = True
        if last is not None and reading.seq > last:
            missing += reading.seq - last - 1
        elif last is not None and last - reading.seq > 1:
            restarts += 1
        last = reading.seq
    return (missing if counted else None), restarts
