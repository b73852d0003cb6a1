"""What an alarm is about and how much of it, with the unit of what was measured: degrees, or of humidity per cent."""

from typing import Any

from alerts.texts import texts
from dashboard.parts import text

JsonObject = dict[str, Any]
HUMIDITY = {"humidity_high": "high", "humidity_low": "low"}


def cause_words(alarm: JsonObject) -> str:
    """What an alarm is about: "above 8 °C", "below 30 % RH", "silent"; the rest as messages call it."""
    cause = str(alarm["cause"])
    direction = HUMIDITY.get(cause, cause)
    limit = "" if alarm.get("limit_c") is None else f" {_limit(alarm)}"
    if direction in ("high", "low") and (cause == direction or limit):
        return f"{'above' if direction == 'high' else 'below'}{limit}"
    return "silent" if cause == "silence" else texts("en").entries.get(f"cause.{cause}", cause.replace("_", " "))


def amount(alarm: JsonObject, value: float | None) -> str:
    """A measured value of the alarm (`value_c`, `peak_c`) with its unit, a dash where there is none."""
    if value is None:
        return text.ABSENT
    limit = alarm.get("limit_c")
    if str(alarm["cause"]) in HUMIDITY:
        return f"{text.degrees(value, limit)} % RH"
    return text.celsius(value, limit)


def extreme(alarm: JsonObject) -> str:
    """What its farthest value is called."""
    cause = str(alarm["cause"])
    return text.extreme(HUMIDITY.get(cause, cause))


def detail(alarm: JsonObject) -> str:
    """What was found wrong with the product itself; nothing for goods."""
    rules = alarm.get("rules") or []
    return str(rules[0]) if alarm["subject_kind"] == "system" and rules else ""


def _limit(alarm: JsonObject) -> str:
    words = text.limit(alarm["limit_c"])
    return words.replace("°C", "% RH") if str(alarm["cause"]) in HUMIDITY else words
