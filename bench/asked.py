"""What the engine and its peers are asked for in the same words, the engine's own answer, and that two are equal."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from coldchain.domain import profile as profiles
from coldchain.domain.finding import Findings
from coldchain.domain.profile import Direction, ProductProfile, RuleKind
from coldchain.domain.quantity import ms_from_iso
from compliance.figures import band_side

SIDES = (("high", 1), ("low", -1))
T0 = 273.15
MINUTE_MS = 60_000
FIGURES = ("low", "high", "mean", "inside", "above", "below", "unknown", "coverage", "mkt", "mkt_lower", "mkt_upper")
EXCURSION = (
    "logger", "direction", "onset_sample", "onset", "finish", "duration", "upper", "peak", "peak_at", "mean_c", "area",
    "coverage", "severity",
)  # fmt: skip
BREACH = ("logger", "rule", "direction", "fired", "severity", "excursion")
CHARGE = ("logger", "band", "onset", "finish", "duration", "upper")
WINDOW = ("logger", "onset_sample", "worst_c", "trailing_c")


class Columns(NamedTuple):
    """The readings of all loggers, ordered by logger and time."""

    logger: np.ndarray
    time_ms: np.ndarray
    value_mc: np.ndarray


class Rule(NamedTuple):
    """One rule: outside `limit` on a side for `hold_ms` in one go, or added up, or less than `ahead_ms` of headroom."""

    id: str
    kind: str  # run | sum | headroom
    direction: str
    sign: int
    limit: int
    inclusive: bool
    hold_ms: int
    confirm: int
    hysteresis: int
    clear_ms: int
    severity: int
    ahead_ms: int = 0


class Asked(NamedTuple):
    """A product profile in plain numbers, milli-degrees and milliseconds."""

    profile: str
    low: int
    high: int
    gap_ms: int  # what is longer is unknown
    ratio: float
    warming: int  # in a gap, milli-degrees a minute
    rules: tuple[Rule, ...]
    matrix: tuple[tuple[str, int, int, int], ...]  # direction, peak, after ms, severity
    bands: tuple[int, ...]  # of the stability budget on the hot side: the limit
    windows: tuple[tuple[int, int], ...]  # length, limit


class Outcome(NamedTuple):
    """Figures by logger, and sorted rows of the other tables in the order of their names above."""

    figures: dict[str, tuple[float, ...]]
    tables: dict[str, list[tuple[Any, ...]]]


def asked_of(profile: ProductProfile, interval_ms: int) -> Asked:
    """The profile as a user of another tool would write it down."""
    rules = [asked for rule in profile.rules for asked in _rules(rule, profile, interval_ms)]
    matrix = [
        (str(band.direction), band.peak_mc, after, int(severity))
        for band in profile.severity_matrix
        for after, severity in band.after_ms
    ]
    return Asked(
        profile.id, profile.label.low_mc or 0, profile.label.high_mc or 0, 2 * interval_ms, float(profile.ratio),
        profile.gap_warming_mc_per_min, tuple(rules), tuple(matrix),
        tuple(band_side(profile, band)[1] for band in profile.budget),
        tuple((window.length_ms, window.limit_mc) for window in profile.windows),
    )  # fmt: skip


def _rules(rule: profiles.Rule, profile: ProductProfile, interval_ms: int) -> list[Rule]:
    plain = Rule(rule.id, "headroom", "high", 1, 0, inclusive=False, hold_ms=0, confirm=1, hysteresis=rule.hysteresis,
                 clear_ms=rule.clear_hold_ms, severity=int(rule.severity))  # fmt: skip
    if rule.kind is RuleKind.NO_DATA:  # goods that have arrived need not be heard
        return []
    if rule.kind is RuleKind.MKT_HEADROOM_BELOW:
        return [plain._replace(ahead_ms=int(rule.below * 3_600_000))]
    if rule.kind is RuleKind.BUDGET_BELOW:
        return [
            plain._replace(kind="sum", limit=band_side(profile, band)[1],
                           hold_ms=int((band.allowed_ms or 0) * (100 - rule.below) / 100))
            for band in profile.budget
        ]  # fmt: skip
    side = rule.direction or Direction.HIGH
    hold = max(rule.hold_ms, 3 * interval_ms) if rule.kind is RuleKind.CONSECUTIVE else rule.hold_ms
    return [
        plain._replace(
            kind="sum" if rule.kind is RuleKind.CUMULATIVE else "run", direction=str(side),
            sign=1 if side is Direction.HIGH else -1, limit=rule.limit or 0, inclusive=rule.inclusive, hold_ms=hold,
            confirm=rule.confirm_readings,
        )
    ]  # fmt: skip


def outcome(said: Sequence[Findings]) -> Outcome:
    """The engine's answer, one finding a logger, in the form of the peers'."""
    figures: dict[str, tuple[float, ...]] = {}
    tables: dict[str, list[tuple[Any, ...]]] = {"excursions": [], "breaches": [], "charges": [], "windows": []}
    for one in said:
        document: dict[str, Any] = one.document
        seen, mkt, name = document["temperature"], document["mkt"], document["governing_logger"]
        times = [1000 * seen[f"time_{part}_s"] for part in ("in_range", "above", "below", "unknown")]
        figures[name] = (
            *(1000 * seen[part] for part in ("min_c", "max_c", "mean_c")), *times, document["coverage_pct"],
            mkt["value_c"], mkt["lower_c"], mkt["upper_c"],
        )  # fmt: skip
        begun = {item.id: item.onset_sample_ms for item in one.excursions}
        tables["excursions"] += [
            (name, item.direction, item.onset_sample_ms, item.onset_ms, item.end_ms, item.duration_ms,
             item.duration_upper_ms, item.peak_mc, item.peak_ms, item.mean_c, item.area_mc_ms, item.coverage_pct,
             int(item.severity))
            for item in one.excursions
        ]  # fmt: skip
        tables["breaches"] += [
            (name, item.rule, item.cause, item.fired_ms, int(item.severity), begun.get(item.excursion or ""))
            for item in one.breaches
        ]
        tables["charges"] += [
            (name, round(1000 * band["range"]["low_c"]), ms_from_iso(charge["from"]), ms_from_iso(charge["to"]),
             1000 * charge["used_s"],
             1000 * charge["used_upper_s"])
            for band in document["stability_budget"]["bands"]
            for charge in band["charges"]
        ]  # fmt: skip
        tables["windows"] += [
            (name, begun[item["excursion"]], item["worst"]["value_c"], item["trailing"]["value_c"])
            for item in mkt["windows"]
        ]
    return Outcome(figures, {table: sorted(rows, key=_order) for table, rows in tables.items()})


def answer(figures: Sequence[Sequence[Any]], tables: dict[str, Sequence[Sequence[Any]]]) -> Outcome:
    """A peer's rows, each with its logger first, as an outcome."""
    return Outcome(
        {str(row[0]): tuple(row[1:]) for row in figures},
        {name: sorted((tuple(_plain(cell) for cell in row) for row in rows), key=_order)
         for name, rows in tables.items()},
    )  # fmt: skip


def _plain(cell: Any) -> Any:
    return None if cell is None or cell != cell else cell.item() if isinstance(cell, np.generic) else cell


def _order(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(map(str, row[:2])), float(row[2]) if not isinstance(row[2], str) else row[2:4], str(row[1:4])


def same(ours: Outcome, theirs: Outcome) -> None:
    """Refuse to measure two that say different things; half a millisecond of rounding is no difference.

    Raises:
        AssertionError: names the first difference.
    """
    assert ours.figures.keys() == theirs.figures.keys()
    for logger, figures in ours.figures.items():
        for name, mine, other in zip(FIGURES, figures, theirs.figures[logger], strict=True):
            assert np.isclose(mine, other, rtol=1e-9, atol=1e-6), (logger, name, mine, other)
    assert ours.tables["excursions"], "nothing was outside, so nothing is compared"
    assert ours.tables["breaches"], "no rule fired, so nothing is compared"
    for table, rows in ours.tables.items():
        others = theirs.tables.get(table, [])
        assert len(rows) == len(others), (table, len(rows), len(others))
        for row, other in zip(rows, others, strict=True):
            worst = WINDOW.index("worst_c") if table == "windows" else None
            pairs = [pair for place, pair in enumerate(zip(row, other, strict=True)) if place != worst]
            assert all(_alike(*pair) for pair in pairs), (table, row, other)
            # Peers try the windows that begin or end at a reading, the engine also those between: a little hotter.
            assert worst is None or -1e-6 <= row[worst] - other[worst] <= 0.005, (table, row, other)


def _alike(mine: Any, other: Any) -> bool:
    if mine is None or other is None or isinstance(mine, str):
        return bool(mine == other)
    return bool(np.isclose(mine, other, rtol=1e-9, atol=1.0 if abs(mine) > 1e6 else 1e-6))
