"""Builders for tests of the engine: tracks from (minute, degrees) pairs, judged by a profile made of a few rules."""

from decimal import Decimal
from typing import Any

from coldchain.domain.finding import Findings, Subject, SubjectKind
from coldchain.domain.profile import ProductProfile
from coldchain.domain.profile_format import profile_from
from coldchain.domain.quantity import milli, milli_from_float
from coldchain.domain.reading import Reading
from coldchain.domain.track import Track
from compliance.cadence import Cadence
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.trace import Trace, trace_of

DAWN = 1_767_571_200_000  # 2026-01-05T00:00:00Z
MINUTE = 60_000
BOX = Subject(SubjectKind.SHIPMENT, "box")


def at(minute: float) -> int:
    """Milliseconds of a minute after dawn."""
    return DAWN + round(minute * MINUTE)


def reading(minute: float, celsius: float | str | None, **more: Any) -> Reading:
    """One reading of the only channel."""
    values: dict[str, Any] = {"record_time_ms": at(minute), "time_source": "device", **more}
    if celsius is not None:
        values["temperature_mc"] = milli(celsius) if isinstance(celsius, str) else milli_from_float(celsius)
    return Reading("LG-1", "internal", at(minute), **values)


def track(*samples: tuple[float, float | str | None]) -> Track:
    """A track of (minute, degrees) pairs."""
    return Track.of("LG-1", "internal", [reading(minute, celsius) for minute, celsius in samples])


def trace(*samples: tuple[float, float | str | None], interval_min: float = 10) -> Trace:
    """A trace of (minute, degrees) pairs, judged from the first to the last."""
    made = track(*samples)
    end = int(made.time_ms[-1])
    span = Span(int(made.time_ms[0]), end + 1)
    return trace_of(made, made.temperature_mc, (span,), Cadence.steady(round(interval_min * MINUTE)), end, None)


def rule(kind: str = "consecutive", **more: Any) -> dict[str, Any]:
    """A rule in the profile format: above 8 °C, major, unless told otherwise."""
    body = {"id": "rule", "kind": kind, "severity": "major", **more}
    if kind not in ("no_data", "budget_below", "mkt_headroom_below"):
        body.setdefault("direction", "high")
    return body


def profile(*rules: dict[str, Any], **more: Any) -> ProductProfile:
    """Refrigerated goods, 2 … 8 °C, watched by `rules`."""
    body: dict[str, Any] = {
        "id": "test", "storage_class": "refrigerated", "label_range": {"low_c": 2, "high_c": 8}, **more,
    }  # fmt: skip
    body["alarm_profile"] = {"id": "test", "hysteresis_c": Decimal("0.5"), "clear_hold_min": 10, "rules": list(rules)}
    return profile_from(body)


def judged(
    *samples: tuple[float, float | str | None],
    by: ProductProfile | None = None,
    interval_min: float = 10,
    as_of_min: float | None = None,
    from_min: float | None = None,
    silence: bool = False,
) -> Findings:
    """Findings on one channel, live from the first sample on, as of the last one unless told otherwise."""
    made = track(*samples)
    start = int(made.time_ms[0]) if from_min is None else at(from_min)
    bound = Bound(made, (Span(start, None),), interval_ms=round(interval_min * MINUTE))
    now = int(made.time_ms[-1]) if as_of_min is None else at(as_of_min)
    return findings(Inputs(BOX, by or profile(), (bound,), silence=silence), now)
