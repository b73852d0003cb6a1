"""How bad an excursion is: the worst of the rules that fired on it, the severity matrix, and a freeze event.

It moves no alarm: an alarm is raised by rules alone.
"""

from coldchain.domain.finding import Severity, SeverityBasis
from coldchain.domain.profile import Direction, FreezeEvent, ProductProfile, Rule, RuleKind
from compliance.excursions import Outside
from compliance.rules import Firing, Watch, at_the_end, watch
from compliance.trace import Trace


def frozen(profile: ProductProfile, trace: Trace) -> tuple[Watch, ...]:
    """When freeze-sensitive goods froze: readings confirmed by each other, or one that stood for long enough."""
    event = profile.freeze
    if event is None:
        return ()
    # The hold is not raised to three intervals here: one reading that stands for an hour is enough.
    return tuple(at_the_end(watch(rule, trace, 0), trace) for rule in _freeze_rules(event))


def _freeze_rules(event: FreezeEvent) -> tuple[Rule, Rule]:
    def rule(kind: RuleKind, readings: int, hold_ms: int) -> Rule:
        return Rule(
            "freeze", kind, event.severity, direction=Direction.LOW, limit=event.limit_mc, inclusive=True,
            confirm_readings=readings, hold_ms=hold_ms, hysteresis=0,
        )  # fmt: skip

    return rule(RuleKind.INSTANT, event.confirm_readings, 0), rule(RuleKind.CONSECUTIVE, 1, event.hold_ms)


def by_matrix(profile: ProductProfile, direction: Direction, peak_mc: int, outside_ms: int) -> Severity | None:
    """The worst severity that any row of the matrix gives to this peak after this time; None where none speaks."""
    found = [
        severity
        for band in profile.severity_matrix
        if band.direction is direction and _reached(direction, peak_mc, band.peak_mc)
        for after_ms, severity in band.after_ms
        if outside_ms >= after_ms
    ]
    return max(found, default=None)


def _reached(direction: Direction, peak_mc: int, limit_mc: int) -> bool:
    return peak_mc >= limit_mc if direction is Direction.HIGH else peak_mc <= limit_mc


def overlaps(firing: Firing, stretch: Outside) -> bool:
    """Whether a firing and an excursion share a moment."""
    starts_before = stretch.end_ms is None or firing.onset_ms <= stretch.end_ms
    return starts_before and (firing.end_ms is None or firing.end_ms >= stretch.onset_ms)


def worst(basis: SeverityBasis) -> Severity:
    """The severity that an excursion gets; `INFO` when nothing spoke."""
    return max((item for item in basis[:3] if item is not None), default=Severity.INFO)
