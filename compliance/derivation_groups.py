"""How a figure of many shipments together was computed: the shipments' own figures, and the formula that joins them."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from coldchain.domain import kinetic
from coldchain.domain.finding import Severity
from coldchain.domain.quantity import iso
from coldchain.errors import NotFound
from coldchain.registry import summary
from coldchain.registry.summary_members import Member
from compliance.derived import SCHEMA, Derived, Json, Rows, digits, printed, seconds
from compliance.document import program_version

SHARES, COUNTS, WAITS, BUDGET = "share_of_sums/1", "count/1", "acknowledgement/1", "stability_budget.worst/1"
METHODS = {
    "in_range_pct": SHARES, "coverage_pct": SHARES, "excursions_per_100": COUNTS, "unacknowledged_s": WAITS,
    "acknowledged_within_s": "acknowledgement.upper_median/1", "mkt_worst_c": "mkt.worst_shipment/1",
    "budget_worst_pct": BUDGET,
}  # fmt: skip
_SUMMED = "Shares of sums, not averages of shares: a long shipment weighs more than a short one."
_NO_AVERAGE = ("Not an average of the shipments' figures: what one trapezoid over all of their readings would give, "
               "since tᵢ·fᵢ is each shipment's own sum.")  # fmt: skip
_EACH = "Each shipment's own figures come from its governing channel; follow its reference to see how they were made."


class _Sum(NamedTuple):
    """A sum over shipments: what one adds, and how that is called."""

    title: str
    of: Callable[[Member], int]
    formula: str


def derive(found: Sequence[Member], figure: str, as_of_ms: int) -> Json:
    """How one figure of a summary row is made from the shipments in it.

    Raises:
        NotFound: a summary has no such figure.
    """
    row = summary.figures(found, as_of_ms)
    if figure not in row:
        raise NotFound(f"a summary has no figure {figure[:60]!r}; it has {', '.join(row)}")
    derived = _derived(found, figure, as_of_ms)
    if derived is None:
        raise NotFound(f"{figure!r} names what it is about: there is nothing to derive")
    return envelope(figure, derived, row[figure], found, as_of_ms)


def envelope(figure: str, derived: Derived, stated: Any, found: Sequence[Member], as_of_ms: int) -> Json:
    """A derivation as it is handed out: how it was made, whether it agrees with what is `stated`, and of what.

    Args:
        figure: its name.
        derived: how it comes about.
        stated: the figure as the summary or the pattern shows it.
        found: the shipments that it is about.
        as_of_ms: the time.
    """
    return {
        "schema": SCHEMA, "figure": figure, **derived.json(), "stated": stated,
        "agrees": printed(stated) == printed(derived.result),
        "inputs": {
            "shipments": len(found), "judged": sum(one.in_range_ms is not None for one in found),
            "first": iso(min(one.when_ms for one in found)) if found else None,
            "last": iso(max(one.when_ms for one in found)) if found else None, "as_of": iso(as_of_ms),
        },
        "profiles": sorted({f"{one.product_profile}@{one.profile_version}" for one in found
                            if one.profile_version is not None}),
        "shipments": {one.reference: one.id for one in found} if len(found) <= 1000 else {},
        "engine": {"version": program_version()},
    }  # fmt: skip


def _derived(found: Sequence[Member], figure: str, as_of_ms: int) -> Derived | None:
    judged = [one for one in found if one.in_range_ms is not None]
    if figure in _SUMS:
        return _sum(judged, _SUMS[figure])
    if figure in ("in_range_pct", "coverage_pct"):
        return _share(judged, figure)
    if figure in ("min_c", "max_c"):
        return _extreme(judged, figure)
    if figure in ("mkt_pooled_c", "mkt_worst_c"):
        return _pooled(judged) if figure == "mkt_pooled_c" else _hottest(judged)
    if figure in ("unacknowledged_s", "acknowledged_within_s", "alarms", "alarms_acknowledged", "alarms_waiting"):
        return _waits(found, figure, as_of_ms)
    if figure.startswith("budget") and not figure.endswith("shipment"):
        return _budget(judged, figure)
    return _count(found, judged, figure)


_SUMS = {
    "time_judged_s": _Sum("Judged time", lambda one: one.known_ms, "Σ (time in range + time outside)"),
    "time_in_range_s": _Sum("Time in range", lambda one: one.in_range_ms or 0, "Σ time in range"),
    "time_out_s": _Sum("Time outside", lambda one: one.outside_ms, "Σ (time above + time below)"),
    "time_unknown_s": _Sum("Unknown time", lambda one: one.unknown_ms or 0, "Σ unknown time"),
}


def _sum(judged: Sequence[Member], what: _Sum) -> Derived:
    some = sorted(judged, key=lambda one: -what.of(one))
    total = sum(what.of(one) for one in some)
    return Derived(what.title, "s", "sum/1", what.formula, Fraction(total, 1000), f"Σ of {len(some)} shipments",
                   (("Σ", seconds(total)),), _rows(some, ("time",), lambda one: (seconds(what.of(one)),)),
                   more=(_EACH,))  # fmt: skip


def _share(judged: Sequence[Member], figure: str) -> Derived:
    inside, known = sum(one.in_range_ms or 0 for one in judged), sum(one.known_ms for one in judged)
    unknown = sum(one.unknown_ms or 0 for one in judged)
    covered = figure == "coverage_pct"
    part, whole = (known, known + unknown) if covered else (inside, known)
    names = ("known", "known + unknown") if covered else ("in range", "in range + outside")
    title, formula = ("Coverage" if covered else "Time in range"), f"100 · Σ ({names[0]}) / Σ ({names[1]})"
    some = sorted(judged, key=lambda one: one.known_ms - (one.in_range_ms or 0), reverse=True)
    if covered:
        some = sorted(judged, key=lambda one: one.unknown_ms or 0, reverse=True)
    columns = (("known", "unknown") if covered else ("in range", "outside"))  # fmt: skip
    table = _rows(some, columns, lambda one: (seconds(one.known_ms), seconds(one.unknown_ms or 0)) if covered
                  else (seconds(one.in_range_ms or 0), seconds(one.outside_ms)))  # fmt: skip
    if not whole:
        return Derived(title, "%", SHARES, formula, None, why="no time was judged", table=table)
    steps = ((f"Σ ({names[0]}) of {len(judged)} judged shipments", seconds(part)), (f"Σ ({names[1]})", seconds(whole)))
    return Derived(title, "%", SHARES, formula, Fraction(100 * part, whole),
                   f"100 · {seconds(part)} / {seconds(whole)}", steps, table, more=(_SUMMED, _EACH))  # fmt: skip


def _extreme(judged: Sequence[Member], figure: str) -> Derived:
    lowest, title = figure == "min_c", "Lowest" if figure == "min_c" else "Highest"
    having = [one for one in judged if one.min_mc is not None and one.max_mc is not None]

    def of(one: Member) -> int:
        return (one.min_mc if lowest else one.max_mc) or 0

    some = sorted(having, key=of, reverse=not lowest)
    table = _rows(some, ("°C",), lambda one: (digits(Fraction(of(one), 1000)),))
    result = Fraction(of(some[0]), 1000) if some else None
    return Derived(f"{title} temperature", "°C", "extreme/1", f"{'min' if lowest else 'max'} of the shipments'", result,
                   table=table, why=None if some else "there is no reading to judge", more=(_EACH,))  # fmt: skip


def _hottest(judged: Sequence[Member]) -> Derived:
    having = sorted((one for one in judged if one.mkt_c is not None), key=lambda one: -(one.mkt_c or 0.0))
    table = _rows(having, ("MKT, °C",), lambda one: (printed(one.mkt_c) or "",))
    result = Decimal(repr(having[0].mkt_c)) if having else None
    return Derived("Highest mean kinetic temperature of one shipment", "°C", METHODS["mkt_worst_c"],
                   "max of the shipments' mean kinetic temperatures", result, table=table,
                   why=None if having else summary.NONE, more=(_EACH,))  # fmt: skip


def _pooled(judged: Sequence[Member]) -> Derived:
    title, formula = (
        "Mean kinetic temperature, pooled",
        ("T = (ΔH/R) / ((ΔH/R)/273.15 − ln(Σ tᵢ·fᵢ / Σ tᵢ)) − 273.15,  fᵢ = exp((ΔH/R)·(1/273.15 − 1/(Tᵢ + 273.15)))"),
    )
    some = [one for one in judged if one.mkt_rate is not None and one.known_ms]
    value, reason = summary.pooled(some)
    table = _rows(sorted(some, key=lambda one: -(one.mkt_c or 0.0)), ("MKT Tᵢ, °C", "known time tᵢ"),
                  lambda one: (digits(Decimal(repr(one.mkt_c))), seconds(one.known_ms)))  # fmt: skip
    if value is None:
        return Derived(title, "°C", kinetic.METHOD_ID, formula, None, why=reason, table=table)
    ratio = Decimal(some[0].mkt_ratio or "")
    area = sum(kinetic.rate(ratio, one.mkt_c or 0.0) * one.known_ms for one in some)
    time = sum(one.known_ms for one in some)
    mean = Decimal(area).scaleb(-kinetic.DIGITS) / time
    steps = (("ΔH/R", f"{digits(ratio)} K"), (f"Σ tᵢ·fᵢ of {len(some)} shipments", f"{digits(mean * time / 1000)} s"),
             ("Σ tᵢ", seconds(time)), ("mean rate", digits(mean)), ("ln(mean rate)", digits(mean.ln())))  # fmt: skip
    words = f"{digits(ratio)} / ({digits(ratio / Decimal('273.15'))} − {digits(mean.ln())}) − 273.15"
    return Derived(title, "°C", kinetic.METHOD_ID, formula, kinetic.temperature(ratio, area, time), words, steps, table,
                   more=(_NO_AVERAGE, _EACH))  # fmt: skip


def _count(found: Sequence[Member], judged: Sequence[Member], figure: str) -> Derived | None:
    if figure in ("shipments", "judged", "without_excursion", "with_excursions", "mkt_shipments"):
        some = {"shipments": found, "judged": judged,
                "without_excursion": [one for one in judged if not one.excursion_count],
                "with_excursions": [one for one in found if one.excursion_count],
                "mkt_shipments": [one for one in judged if one.mkt_c is not None]}[figure]  # fmt: skip
        title = {"shipments": "Shipments", "judged": "Judged shipments", "without_excursion": "Without an excursion",
                 "with_excursions": "With an excursion",
                 "mkt_shipments": "With a mean kinetic temperature"}[figure]  # fmt: skip
        return Derived(title, "", COUNTS, "how many", len(some), table=_rows(some, (), lambda _: ()))
    if figure == "product_profiles":
        names = sorted({one.product_profile for one in found if one.product_profile is not None})
        return Derived("Product profiles", "", COUNTS, "how many different ones", len(names),
                       table=Rows(("product profile",), names, lambda name: (name,)))  # fmt: skip
    name = figure.removeprefix("excursions_").removesuffix("_per_100")
    per_100, words = figure.endswith("per_100"), [severity.word for severity in Severity]
    if name not in (*words, "per_100", "excursions"):
        return None

    def of(one: Member) -> int:
        return one.excursions[words.index(name)] if name in words else one.excursion_count

    hit = sorted((one for one in found if of(one)), key=lambda one: -of(one))
    number = sum(of(one) for one in hit)
    title = f"Excursions{f', {name}' if name in words else ''}{', per 100 shipments' if per_100 else ''}"
    table = _rows(hit, ("excursions",), lambda one: (str(of(one)),))
    steps: tuple[tuple[str, str], ...] = (("excursions", str(number)),)
    if not per_100:
        return Derived(title, "", COUNTS, "Σ excursions on record", number, table=table, steps=steps)
    steps = (*steps, ("shipments", str(len(found))))
    result = Fraction(100 * number, len(found)) if found else None
    return Derived(title, "", COUNTS, "100 · excursions / shipments", result, f"100 · {number} / {len(found)}", steps,
                   table, None if found else "there is no shipment")  # fmt: skip


def _waits(found: Sequence[Member], figure: str, as_of_ms: int) -> Derived:
    waits = sorted(
        ((one, wait, (as_of_ms if wait.acknowledged_ms is None else wait.acknowledged_ms) - wait.raised_ms)
         for one in found for wait in one.alarms), key=lambda item: -item[2],
    )  # fmt: skip
    answered = sorted(lasted for _, wait, lasted in waits if wait.acknowledged_ms is not None)
    table = Rows(
        ("shipment", "raised", "taken in hand", "waited"), waits,
        lambda item: (item[0].reference, iso(item[1].raised_ms),
                      "not yet" if item[1].acknowledged_ms is None else iso(item[1].acknowledged_ms),
                      seconds(max(item[2], 0))),
    )  # fmt: skip
    more = ("Alarms of major and critical severity; one that nobody took in hand waits until now.",)
    if figure.startswith("alarms"):
        number, title = {
            "alarms": (len(waits), "Alarms"), "alarms_acknowledged": (len(answered), "Alarms taken in hand"),
            "alarms_waiting": (len(waits) - len(answered), "Alarms that nobody took in hand"),
        }[figure]  # fmt: skip
        return Derived(title, "", COUNTS, "how many", number, table=table, more=more)
    if figure == "acknowledged_within_s":
        result = Fraction(answered[len(answered) // 2], 1000) if answered else None
        return Derived("Taken in hand within", "s", METHODS[figure], "the median; of an even number the upper one",
                       result, f"place {len(answered) // 2 + 1} of {len(answered)}", table=table, more=more,
                       why=None if answered else "no alarm was taken in hand")  # fmt: skip
    total = sum(max(lasted, 0) for _, _, lasted in waits)
    return Derived("Time without acknowledgement", "s", WAITS, "Σ (taken in hand, else now − raised)",
                   Fraction(total, 1000), f"Σ of {len(waits)} alarms", (("Σ", seconds(total)),), table,
                   more=more)  # fmt: skip


def _budget(judged: Sequence[Member], figure: str) -> Derived:
    having = [one for one in judged if one.budget_allowed_ms]

    def share(one: Member) -> Fraction:
        return Fraction(100 * (one.budget_used_ms or 0), one.budget_allowed_ms or 1)

    some = sorted(having, key=share, reverse=True)
    table = _rows(some, ("used", "allowed", "%"), lambda one: (
        seconds(one.budget_used_ms or 0), seconds(one.budget_allowed_ms or 0), printed(share(one)) or ""))  # fmt: skip
    more = ("Of each shipment the band of which the greatest share is used.",)
    if figure == "budget_worst_pct":
        words = (
            f"100 · {seconds(some[0].budget_used_ms or 0)} / {seconds(some[0].budget_allowed_ms or 0)}" if some else ""
        )
        return Derived("Most of a stability budget used", "%", BUDGET, "max of 100 · used / allowed",
                       share(some[0]) if some else None, words, table=table, more=more,
                       why=None if some else "no product profile here limits the time in a band")  # fmt: skip
    number = len(having) if figure == "budget_shipments" else sum(share(one) > 100 for one in having)
    title = "Shipments with a stability budget" if figure == "budget_shipments" else "Stability budget exceeded"
    return Derived(title, "", COUNTS, "how many", number, table=table, more=more)


def _rows(some: Sequence[Member], columns: tuple[str, ...], show: Callable[[Member], tuple[str, ...]]) -> Rows:
    return Rows(("shipment", *columns), some, lambda one: (one.reference, *show(one)))
