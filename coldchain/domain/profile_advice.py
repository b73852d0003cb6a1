"""What is allowed in a product profile and yet worth a second look before somebody approves it."""

from typing import NamedTuple

from coldchain.domain.profile import HOUR_MS, MINUTE_MS, ProductProfile, Rule, RuleKind

USUAL_INTERVAL_MS = 10 * MINUTE_MS
LEAST_INTERVALS = 3  # a hold that fewer readings fill says little


class Advice(NamedTuple):
    """One remark on one field of the format."""

    field: str
    words: str


def advice(profile: ProductProfile, interval_ms: int = USUAL_INTERVAL_MS) -> tuple[Advice, ...]:
    """Remarks on a product profile for loggers that report every `interval_ms` milliseconds."""
    return tuple(
        Advice(f"alarm_profile.rules[{place}].hold", _short_hold(rule, interval_ms))
        for place, rule in enumerate(profile.rules)
        if rule.kind in (RuleKind.CONSECUTIVE, RuleKind.CUMULATIVE) and rule.hold_ms < LEAST_INTERVALS * interval_ms
    )


def _short_hold(rule: Rule, interval_ms: int) -> str:
    least = LEAST_INTERVALS * interval_ms
    words = f"{_time(rule.hold_ms)} is shorter than {LEAST_INTERVALS} reporting intervals of {_time(interval_ms)}"
    if rule.kind is RuleKind.CONSECUTIVE and rule.counts == "time":
        return f"{words}: with such loggers it is raised to {_time(least)}"
    return f"{words}: one or two readings reach it, so give it {_time(least)} or let the loggers report more often"


def _time(ms: int) -> str:
    for unit_ms, unit in ((HOUR_MS, "h"), (MINUTE_MS, "min"), (1000, "s")):
        if ms and ms % unit_ms == 0:
            return f"{ms // unit_ms} {unit}"
    return f"{ms} ms"
