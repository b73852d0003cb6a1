"""The blocks of a logger's page: its figures, channels, holes and faults, certificates, and its newest readings."""

from typing import Any

from dash import html

from coldchain.domain.reading import Reading
from dashboard.parts import text
from dashboard.parts.elements import Column, Figure, link, moment, table, tag
from dashboard.parts.logger_record import COMPLETE, DAYS, JsonObject, Record
from dashboard.parts.states import empty
from dashboard.parts.subjects import href

NEWEST = 40  # readings with the link to their original message
LOW_BATTERY_PCT = 20
_BROKER_DURABLE = (
    "At most broker-durable: it does not wait until its messages are stored, so what its sender lost cannot be known."
)


def condition(shown: JsonObject, clock: str | None) -> list[Figure]:
    """How the logger is, in eight figures."""
    heard = shown.get("last_heard")
    due = shown.get("calibration_due")
    battery, quarantined = shown.get("battery_pct"), shown.get("quarantined", 0)
    return [
        Figure("Last heard", moment(heard, "ago") if heard else "never", moment(heard) if heard else ""),
        Figure("Battery", text.ABSENT if battery is None else f"{battery:.0f} %",
               text.fixed(shown["battery_v"], 2, "V") if "battery_v" in shown else "",
               "at_risk" if battery is not None and battery < LOW_BATTERY_PCT else "calm"),
        Figure("Interval", text.duration(shown.get("interval_s")), "between reports"),
        Figure("Clock off by", clock or text.ABSENT, "arrival minus its own stamp"),
        Figure("Calibration due", moment(due, "date") if due else "none on record",
               shown["calibrations"][0]["certificate"] if shown["calibrations"] else "",
               "calm" if shown["calibrated"] else "at_risk"),
        Figure("Readings", f"{shown.get('readings', 0):,}", f"{text.count(shown.get('messages', 0), 'message')}, "
               f"{shown.get('duplicates', 0):,} sent again and kept once"),
        Figure("Quarantined", f"{quarantined:,}", "not believed, kept with their bytes",
               "at_risk" if quarantined else "calm"),
        missing_figure(shown),
    ]  # fmt: skip


def missing_figure(shown: JsonObject) -> Figure:
    """How many messages are missing: known for who waits for the watermark, estimated for all others."""
    known = shown["completeness"]
    if known["by"] == COMPLETE:
        return Figure("Numbers missing", f"{known['holes']:,}", "holes: announced, and never came",
                      "at_risk" if known["holes"] else "calm")  # fmt: skip
    missing = known.get("missing_messages")
    if missing is None:
        return Figure("Numbers missing", "not known", "its messages carry no counter")
    return Figure(
        "Numbers missing", f"{missing:,}", f"by its counter, last {DAYS} days", "at_risk" if missing else "calm"
    )


def completeness(shown: JsonObject) -> html.P:
    """What can be known about readings that never arrived."""
    known = shown["completeness"]
    if known["by"] == COMPLETE:
        words = (
            "It numbers its messages and keeps them until they are acknowledged as stored: every hole is known by name."
        )
        return html.P(words, className="note")
    parts = [_BROKER_DURABLE]
    if "expected_readings" in known:
        parts.append(f" {known['moments']:,} of about {known['expected_readings']:,} moments of the last {DAYS} days "
                     "have a reading, by its interval.")  # fmt: skip
    return html.P(parts, className="note")


def channel_table(shown: JsonObject) -> Any:
    """Each channel with its newest value."""
    rows = [
        (one["channel"], _newest(one), moment(one["event_time"], "ago") if "event_time" in one else "not lately",
         one.get("device_profile", text.ABSENT))
        for one in shown["channels"]
    ]  # fmt: skip
    if not rows:
        return empty("No channel yet", html.Span("Channels appear with its first reading."))
    return table([Column(name) for name in ("Channel", "Newest", "When", "Read by")], rows, "Channels")


def _newest(one: JsonObject) -> Any:
    if "fault" in one:
        return html.Span(one["fault"].replace("_", " "), className="status", **{"data-status": "at_risk"})
    parts = [
        text.celsius(one["temperature_c"]) if "temperature_c" in one else "",
        f"{one['humidity_pct']:.1f} % RH" if "humidity_pct" in one else "",
    ]
    return ", ".join(part for part in parts if part) or text.ABSENT


def trouble_table(shown: JsonObject) -> Any:
    """Faults and holes, newest first."""
    rows: list[tuple[Any, ...]] = [
        (html.Span(one["fault"].replace("_", " "), className="status", **{"data-status": "at_risk"}),
         f"{one['channel']}, {text.count(one['count'], 'reading')} in {DAYS} days", moment(one["last"]))
        for one in shown["faults"]
    ]  # fmt: skip
    rows += [
        ("numbers lost for good", f"boot {one['boot']}, {one['first']} to {one['last']}", moment(one["recorded"]))
        for one in reversed(shown.get("holes", []))
    ]
    if not rows:
        return empty("No fault and no hole on record")
    return table([Column(name) for name in ("What", "Where", "Last seen")], rows, "Faults and holes")


def serving_table(shown: JsonObject, called: dict[str, str]) -> Any:
    """What the logger served and serves."""
    rows = []
    for one in sorted(shown["bindings"], key=lambda item: str(item["from"]), reverse=True):
        name = called.get(one["subject_id"], one["subject_id"])
        where = href(one["subject_kind"], one["subject_id"])
        ends = moment(one["to"]) if one["to"] else "still bound"
        rows.append((link(name, where) if where else name, one["role"], moment(one["from"]), ends, one["reason"] or ""))
    if not rows:
        sentence = "Its readings are kept, and belong to no shipment until somebody assigns it."
        return empty("Seen, not assigned", html.Span(sentence))
    return table(
        [Column(name) for name in ("Subject", "Part", "From", "To", "Reason")], rows, "What this logger serves"
    )


def certificates(shown: JsonObject) -> Any:
    """Calibration certificates, newest first."""
    rows = [
        (
            tag(one["certificate"]),
            one["laboratory"] or "",
            moment(one["calibrated"], "date"),
            moment(one["due"], "date"),
        )
        for one in shown["calibrations"]
    ]
    if not rows:
        return empty("No certificate on record", html.Span("Figures that rest on this logger say so."))
    return table([Column(name) for name in ("Certificate", "Laboratory", "Calibrated", "Due")], rows, "Certificates")


def newest_readings(record: Record, *, originals: bool) -> Any:
    """The newest readings, each with the message that it came in."""
    rows = [_row(one, originals=originals) for one in reversed(record.newest[-NEWEST:])]
    if not rows:
        return empty(f"No reading in the last {DAYS} days")
    names = ["Measured at", "Channel", "Value", "Arrived", "Read by", *(["Original"] if originals else [])]
    return table([Column(name) for name in names], rows, "Newest readings")


def _row(one: Reading, *, originals: bool) -> tuple[Any, ...]:
    values = {
        "temperature_c": None if one.temperature_mc is None else one.temperature_mc / 1000,
        "humidity_pct": None if one.humidity_mpct is None else one.humidity_mpct / 1000, "fault": one.fault,
    }  # fmt: skip
    shown = _newest({name: value for name, value in values.items() if value is not None})
    original = [link(f"Message {one.message}", f"/messages/{one.message}")] if originals else []
    return (moment(one.event_time_ms, "second"), one.channel, shown, moment(one.record_time_ms, "second"),
            one.device_profile, *original)  # fmt: skip


def about(shown: JsonObject) -> list[tuple[str, Any]]:
    """What is registered."""
    counter = ""
    if shown.get("seq") is not None:
        counter = (
            f"number {shown['seq']}" if shown.get("boot") is None else f"boot {shown['boot']}, number {shown['seq']}"
        )
    return [
        ("Registered", moment(shown["created"]) if "created" in shown else "no"),
        ("Model", shown.get("model")),
        ("Serial number", shown.get("serial")),
        ("Zone of its local times", shown.get("zone")),
        ("MQTT password", "it has one" if shown.get("has_password") else ""),
        ("Note", shown.get("note")),
        ("First heard", moment(shown["first_heard"]) if "first_heard" in shown else "never"),
        ("Newest message", counter),
    ]
