"""A product profile in the words of who signs for it: ranges, rules, windows, what changed."""

import re
from collections.abc import Mapping
from typing import Any

from coldchain.domain.finding import Severity
from coldchain.domain.profile import Band, Direction, MktWindow, ProductProfile, Range, Rule, RuleKind, Window
from coldchain.domain.profile_compare import spelled
from coldchain.domain.profile_format import profile_from
from coldchain.domain.quantity import milli_text
from coldchain.errors import InvalidValue
from dashboard.parts import text

STATE_WORDS = {"proposal": "proposal", "approved": "approved", "retired": "retired"}
CLASS_WORDS = {
    "refrigerated": "refrigerated", "cct": "controlled cold temperature", "crt": "controlled room temperature",
    "eu_15_25": "15 to 25 °C (EU)", "below_25": "not above 25 °C (EU)", "below_30": "not above 30 °C (EU)",
    "freezer": "frozen", "ultra_low": "ultra-low", "cryogenic": "cryogenic",
}  # fmt: skip
KIND_WORDS = {
    "instant": "readings in a row", "consecutive": "time without a break", "cumulative": "time in all",
    "rate": "speed of change", "no_data": "silence", "budget_below": "stability budget left",
    "mkt_headroom_below": "time left before the MKT limit",
}  # fmt: skip
STAGE_WORDS = {
    "conditioning": "conditioning", "loading": "loading", "in_transit": "in transit", "handover": "hand-over",
    "arrived": "after arrival", "post_removal": "after removal",
}  # fmt: skip
_HIGH_WORDS = {True: "at or above", False: "above"}
_LOW_WORDS = {True: "at or below", False: "below"}
_FIELD_WORDS = {
    "name": "Name", "storage_class": "Storage class", "label_range": "Label range",
    "transport_range": "Transport range", "freeze_sensitive": "Sensitive to freezing", "low_c": "lowest, °C",
    "high_c": "highest, °C", "delta_h_kj_mol": "Activation energy ΔH, kJ/mol",
    "gas_constant_kj_mol_k": "Gas constant, kJ/(mol·K)", "gap_warming_c_per_min": "Warming in gaps, °C/min",
    "stability_budget": "Stability budget", "allowed": "allowed time", "mkt_windows": "MKT windows",
    "length": "length", "limit_c": "limit, °C", "limit_pct": "limit, % RH", "limit_c_per_h": "limit, °C/h",
    "alarm_profile": "Alarm profile", "rules": "Rule", "hysteresis_c": "hysteresis, °C",
    "hysteresis_pct": "hysteresis, % RH", "clear_hold": "good for", "hold": "hold", "kind": "kind",
    "direction": "side", "severity": "severity", "inclusive": "limit itself counts",
    "confirm_readings": "readings in a row", "quantity": "quantity", "window": "window", "zone": "time zone",
    "reset": "counting begins anew", "stages": "stages", "factor": "reporting intervals", "below": "below",
    "below_pct": "below, %", "id": "id", "severity_matrix": "Severity matrix", "bands": "row",
    "peak_c": "peak from, °C",
    "minor": "minor after", "major": "major after", "critical": "critical after", "counts": "counts",
    "context": "Context", "light_from_lux": "light told from, lux", "shock_from_g": "shock told from, g",
    "ignore_start": "ignored at the start",
    "ignore_end": "ignored at the end",
}  # fmt: skip
_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)|\[([^\]]*)\]")


def milli_limit(milli: int, quantity: str = "temperature") -> str:
    """A limit with its unit."""
    return text.minus(milli_text(milli)) + (" °C" if quantity == "temperature" else " % RH")


def range_words(of: Range | None) -> str:
    """A range: "2 … 8 °C", "up to 25 °C"."""
    return text.ABSENT if of is None else text.minus(of.text())


def time_words(ms: int) -> str:
    """A duration."""
    return text.duration(ms / 1000)


def band_words(band: Band) -> str:
    """How long the goods may be there."""
    return "no limit of its own" if band.allowed_ms is None else time_words(band.allowed_ms)


def window_words(window: MktWindow) -> str:
    """What a window of the mean kinetic temperature asks for."""
    limit = milli_limit(window.limit_mc)
    return f"at most {limit} over every {time_words(window.length_ms)} that cover an excursion"


def when_words(rule: Rule, label: Range | None = None) -> str:
    """When a rule fires, as a clause: "above 8 °C for 30 min without a break"."""
    words = _condition(rule)
    if rule.stages:
        words += ", only in the stages " + ", ".join(STAGE_WORDS.get(one, one) for one in rule.stages)
    if rule.ignore_start_ms:
        words += f", not in the first {time_words(rule.ignore_start_ms)}"
    if rule.ignore_end_ms:
        words += f", not in the last {time_words(rule.ignore_end_ms)}"
    if label is not None and rule.direction is not None and rule.limit == label.limit(rule.direction):
        words += " (the label limit)" if rule.quantity == "temperature" and rule.kind is not RuleKind.RATE else ""
    return words


def _condition(rule: Rule) -> str:
    match rule.kind:
        case RuleKind.INSTANT:
            count = rule.confirm_readings
            return f"one reading {_beyond(rule)}" if count == 1 else f"{count} readings in a row {_beyond(rule)}"
        case RuleKind.CONSECUTIVE:
            return f"{_beyond(rule)} for {time_words(rule.hold_ms)} without a break"
        case RuleKind.CUMULATIVE:
            return f"{_beyond(rule)} for {time_words(rule.hold_ms)} in all, {_counted(rule)}"
        case RuleKind.RATE:
            moves = "rises" if rule.direction is Direction.HIGH else "falls"
            over = "" if rule.window is None else f", over {time_words(rule.window.length_ms)}"
            return f"{moves} by more than {milli_limit(rule.limit or 0, rule.quantity)} per hour{over}"
        case RuleKind.NO_DATA:
            return f"nothing heard for {_plain(rule.factor)} reporting intervals"
        case RuleKind.BUDGET_BELOW:
            return f"less than {_plain(rule.below)} % of a stability budget is left"
        case RuleKind.MKT_HEADROOM_BELOW:
            hours = _plain(rule.below)
            return f"less than {hours} h at the present temperature until an MKT window passes its limit"


def _beyond(rule: Rule) -> str:
    words = _HIGH_WORDS if rule.direction is Direction.HIGH else _LOW_WORDS
    return f"{words[rule.inclusive]} {milli_limit(rule.limit or 0, rule.quantity)}"


def _counted(rule: Rule) -> str:
    if rule.window is not None:
        return _within(rule.window)
    return "counted anew after each return" if rule.reset == "on_return" else "over the whole time"


def _within(window: Window) -> str:
    if window.calendar:
        return f"within a calendar day ({window.zone})"
    return f"within any {time_words(window.length_ms)}"


def returns_words(rule: Rule) -> str:
    """When its alarm returns."""
    if rule.kind in (RuleKind.NO_DATA, RuleKind.BUDGET_BELOW, RuleKind.MKT_HEADROOM_BELOW):
        return "when it is so no longer"
    inside = f"{milli_limit(rule.hysteresis, rule.quantity)} inside the limit" if rule.hysteresis else "inside"
    if rule.kind is RuleKind.RATE:
        inside = "slower again"
    return f"{inside} for {time_words(rule.clear_hold_ms)}, two good readings at least"


def _plain(number: Any) -> str:
    return f"{number.normalize():f}"


def worst(profile: ProductProfile) -> Severity:
    """The worst severity that a rule of the profile can raise."""
    return max((rule.severity for rule in profile.rules), default=Severity.INFO)


def field_words(path: str) -> str:
    """A path of the format as a person says it: "Rule warm: hold"."""
    steps = [(name, key) for name, key in _STEP.findall(path)]
    words: list[str] = []
    for name, key in steps:
        if key:
            named = text.minus(key) if key.endswith("°C") else key  # an id keeps its hyphens
            named = str(int(named) + 1) if named.isdecimal() else named  # people count from one
            words[-1] = f"{words[-1]} {named}" if words else named
        elif name == "alarm_profile" and len(steps) > 2:
            continue
        else:
            words.append(_FIELD_WORDS.get(name, name.replace("_", " ")))
    first, *rest = words or [path]
    return f"{first}: {', '.join(rest)}" if rest else first


def _rule_words(table: Mapping[str, Any]) -> str | None:
    """A rule's table as its sentence; None where it is no rule, or takes its limit from a label range."""
    limited = any(name.startswith("limit_") for name in table)
    if "severity" not in table or (table.get("kind") in ("instant", "consecutive", "cumulative") and not limited):
        return None
    alone = {"id": "x", "storage_class": "x", "label_range": {"low_c": -273}, "alarm_profile": {"id": "x"}}
    try:
        [rule] = profile_from({**alone, "alarm_profile": {"id": "x", "rules": [table]}}).rules
    except InvalidValue:
        return None
    return f"{rule.severity.word}: {when_words(rule)}"


def value_words(value: Any) -> str:
    """A value of the format; a whole table as its pairs."""
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return text.minus(f"{value:.15g}")
    if isinstance(value, Mapping):
        named = ((name, one) for name, one in spelled(value).items() if name != "id")
        pairs = ((_FIELD_WORDS.get(name, name.replace("_", " ")), one) for name, one in named)
        return _rule_words(value) or "; ".join(f"{name} {value_words(one)}" for name, one in pairs)
    if isinstance(value, list):
        return "; ".join(value_words(one) for one in value) or "none"
    return str(value).replace("_", " ")
