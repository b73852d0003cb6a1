"""An alarm in words: its state after ISA-18.2, why somebody was told, why nobody was, and what happens next."""

from typing import Any

from dash import html

from alerts.lifecycle import State, state
from alerts.texts import texts
from dashboard.parts.alarm_amounts import cause_words
from dashboard.parts.elements import moment
from dashboard.parts.subjects import href, logger_href

JsonObject = dict[str, Any]
ISA = {
    State.NORMAL: "Normal",
    State.UNACKNOWLEDGED: "Active, unacknowledged",
    State.ACKNOWLEDGED: "Active, acknowledged",
    State.RETURNED_UNACKNOWLEDGED: "Returned, unacknowledged",
    State.RETURNED_ACKNOWLEDGED: "Returned, acknowledged, not yet reset",
    State.SHELVED: "Set aside",
    State.SUPPRESSED: "Spoken for by another alarm",
    State.OUT_OF_SERVICE: "Out of service",
}
REASONS = {
    "raised": "it was raised",
    "worsened": "it got worse",
    "returned": "it was over, and you had been told of it",
    "amended": "later data changed what you had been told",
    "repeat": "nobody had acknowledged it yet",
    "shelf_ended": "its shelf ended and it was still active",
    "ack_timeout": "it was still active long after its acknowledgement",
}
SILENCES = {
    "pending": "no rule had fired yet",
    "recorded_only": "it is below major: such alarms are recorded and wake nobody",
    "suppressed": "it was set aside; people are told when that ends",
    "merged": "another alarm speaks for it",
    "nothing_new": "people knew all of it already",
    "acknowledged": "somebody had it in hand",
}
_STEPS = {*REASONS, "not_told"}
TONES = {"critical": "excursion", "major": "excursion", "minor": "at_risk", "info": "unknown"}


def isa(alarm: JsonObject) -> State:
    """The one state that the alarm's axes show as."""
    return state(alarm["condition"], alarm["suppression"], acknowledged="acknowledged" in alarm, reset="reset" in alarm)


def name(alarm: JsonObject) -> str:
    """What the alarm is about, in two words: its shipment, its store, its logger, or the product itself."""
    return str(alarm.get("reference") or alarm.get("logger") or "Coldchain")


def title(alarm: JsonObject) -> str:
    """An alarm in a line."""
    words = cause_words(alarm)
    plain = words.split()[0] in ("above", "below", "silent")
    place = f" ({alarm['place']})" if alarm.get("place") and alarm["subject_kind"] == "store" else ""
    return f"{name(alarm)}{place}{'' if plain else ':'} {words}"


def about(alarm: JsonObject) -> list[tuple[str, str]]:
    """(words, address) of what the alarm is about: its newest excursion, its subject, its logger."""
    found = []
    if alarm.get("excursions"):
        found.append(("Excursion", f"/excursions/{alarm['excursions'][-1]}"))
    where = href(alarm["subject_kind"], alarm.get("subject_id"))
    if where is not None:
        found.append((str(alarm["subject_kind"]).capitalize(), where))
    if alarm.get("logger"):
        found.append(("Logger", logger_href(alarm["logger"])))
    return found


def explained(alarm: JsonObject, why: str) -> list[Any]:
    """Sentences for a reader who got nothing: `why`, why others were not told, and what comes next."""
    lines: list[Any] = []
    if alarm["notifications"]:
        lines.append(f"You were not told: {why}.")
    silent = [entry for entry in alarm["timeline"] if entry["kind"] == "not_told"]
    if not alarm["notifications"]:
        why = _silence(silent[-1]) if silent else "nobody who may know of it was on call"
        lines.append(f"Nobody was told: {why}.")
    elif silent and silent[-1] is [one for one in alarm["timeline"] if one["kind"] in _STEPS][-1]:
        lines.append(["The newest change, ", moment(silent[-1]["at"]), f", was not told: {_silence(silent[-1])}."])
    return [*lines, coming(alarm)]


def todo(alarm: JsonObject) -> str:
    """What to do about it now, in the words of the messages; nothing for what is off the board."""
    words = texts("en")
    if "reset" in alarm:
        return ""
    if alarm["condition"] != "returned":
        return words(words.choice("action", str(alarm["cause"])))
    ending = "unwatched" if alarm.get("monitoring_ended") else "returned"
    return words(f"action.{ending}" + ("" if alarm["cause"] in ("high", "low") else "_other"))


def coming(alarm: JsonObject) -> list[Any]:
    """What happens next if nobody does anything."""
    now, when = isa(alarm), alarm.get("next_timer")
    if now in (State.SHELVED, State.OUT_OF_SERVICE):
        return ["It is silent until ", moment(alarm.get("suppressed_until")),
                "; then people are told if it is still active."]  # fmt: skip
    if when is None:
        over = alarm["condition"] == "returned"
        return ["Nothing more is sent; it waits to be assessed and reset." if over and "reset" not in alarm
                else "Nothing more is sent unless it changes."]  # fmt: skip
    if now is State.ACKNOWLEDGED:
        return ["Somebody has it in hand. If it is still active ", moment(when),
                ", people are told again; a comment gives it more time."]  # fmt: skip
    return ["People are told again ", moment(when), " unless somebody acknowledges it."]


def _silence(entry: JsonObject) -> str:
    reason = str(entry["body"].get("reason", ""))
    return SILENCES.get(reason, reason.replace("_", " "))


def badge(alarm: JsonObject) -> html.Span:
    """The state as a word in a frame."""
    return html.Span(ISA[isa(alarm)], className="tag alarm-state", **{"data-state": isa(alarm).value})
