"""The blocks of the compliance page: groups, trends, who repeats, when it happens, and the shipments themselves."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from dash import html

from coldchain.registry.summary import Period, Which
from coldchain.registry.summary_members import Member
from dashboard.parts import text
from dashboard.parts.derivation import number
from dashboard.parts.elements import Column, Figure, link, table
from dashboard.parts.states import empty

Row = dict[str, Any]
NAMES = {"product_profile": "Product profile", "lane": "Lane", "carrier": "Carrier", "site": "Site",
         "customer": "Customer", "week": "Week", "month": "Month"}  # fmt: skip
FIELDS = {"product_profile": "product", "lane": "lane", "carrier": "carrier", "site": "site", "customer": "customer"}
COLUMNS = (
    Column("Shipments", numeric=True), Column("In range", numeric=True), Column("Outside", numeric=True),
    Column("Coverage", numeric=True), Column("Per 100", numeric=True),
    Column("Minor · major · critical", numeric=True), Column("MKT, pooled", numeric=True),
    Column("MKT, highest", numeric=True), Column("Unanswered", numeric=True), Column("Budget used", numeric=True),
)  # fmt: skip
SHIPMENTS = (
    Column("Shipment"), Column("In range", numeric=True), Column("Outside", numeric=True),
    Column("Coverage", numeric=True), Column("Excursions", numeric=True), Column("MKT", numeric=True),
    Column("Budget used", numeric=True), Column("Product profile"), Column("Lane"), Column("Carrier"),
)  # fmt: skip
LEVELS = 3  # shades of the season's cells


class About(NamedTuple):
    """What a number on the page is of: a period and what it is narrowed to."""

    period: Period
    which: Which
    named: bool = True  # False: a group of those without a name, which no address can ask for

    def within(self, other: Period) -> "About":
        """The same, of what both periods share."""
        shared = Period(max(self.period.from_ms, other.from_ms), min(self.period.to_ms, other.to_ms))
        return self._replace(period=shared)

    def derive(self, shown: Any, figure: str, **cell: Any) -> Any:
        """A number that leads to its derivation; `cell` says which row of a pattern it is of."""
        if not self.named:
            return shown
        narrowed = {name: value for name, value in self.which._asdict().items() if value is not None}
        return number(shown, figure, **{"from": self.period.from_ms, "to": self.period.to_ms}, **narrowed, **cell)


def share(part: float, whole: float) -> str:
    """A share in percent, rounded down; a dash of nothing."""
    return text.percent_floored(part, whole) if whole else text.ABSENT


def overall(row: Row, about: About) -> list[Figure]:
    """The whole period in ten figures, each number with its own derivation."""
    judged_s, derive = row["time_judged_s"], about.derive

    def counted(figure: str) -> Any:
        return derive(f"{row[figure]:,}", figure)

    severities: list[Any] = []
    for name in ("minor", "major", "critical"):
        severities += [", ", counted(f"excursions_{name}"), f" {name}"]
    return [
        Figure("Shipments", counted("shipments"), [counted("judged"), " judged"]),
        Figure("Time in range", derive(share(row["time_in_range_s"], judged_s), "in_range_pct"),
               ["of ", derive(text.duration(judged_s), "time_judged_s"), " judged"]),
        Figure("Time outside", derive(text.duration(row["time_out_s"]), "time_out_s"),
               [counted("with_excursions"), " of ", counted("shipments"), " shipments"],
               "excursion" if row["time_out_s"] else "calm"),
        Figure("Excursions per 100", derive(text.fixed(row["excursions_per_100"], 1), "excursions_per_100"),
               severities[1:], "excursion" if row["excursions"] else "calm"),
        Figure("Coverage", derive(share(judged_s, judged_s + row["time_unknown_s"]), "coverage_pct"),
               [derive(text.duration(row["time_unknown_s"]), "time_unknown_s"), " unknown"]),
        _pooled(row, derive),
        Figure("Highest MKT", derive(text.fixed(row["mkt_worst_c"], 2, "°C"), "mkt_worst_c"), "of one shipment"),
        Figure("Unanswered for", derive(text.duration(row["unacknowledged_s"]), "unacknowledged_s"),
               [counted("alarms"), " major and critical alarms"]),
        Figure("Alarms not acknowledged", counted("alarms_waiting"), ["of ", counted("alarms")],
               "at_risk" if row["alarms_waiting"] else "calm"),
        Figure("Budget used, at most", derive(_percent(row["budget_worst_pct"]), "budget_worst_pct"),
               [counted("budget_exceeded"), " of ", counted("budget_shipments"), " exceeded"],
               "excursion" if row["budget_exceeded"] else "calm"),
    ]  # fmt: skip


def _pooled(row: Row, derive: Callable[[Any, str], Any]) -> Figure:
    """The mean kinetic temperature of everything together, of one product only."""
    name = "Mean kinetic, pooled"
    if row["product_profiles"] > 1:
        return Figure(name, text.ABSENT, [derive(f"{row['product_profiles']:,}", "product_profiles"),
                                          " product profiles: see each"])  # fmt: skip
    over = ["over the known time of ", derive(text.count(row["mkt_shipments"], "shipment"), "mkt_shipments")]
    value = derive(text.fixed(row["mkt_pooled_c"], 2, "°C"), "mkt_pooled_c")
    return Figure(name, value, row["mkt_pooled_reason"] or over)


def _percent(value: float | None) -> str:
    return text.ABSENT if value is None else text.fixed(value, 1, "%")


def groups(
    rows: Sequence[Row], by: Sequence[str], about: Callable[[Row], About], name: Callable[[Row, str], Any]
) -> html.Div:
    """A table of groups; each number leads to its derivation, each name further down."""
    columns = (*(Column(NAMES[one]) for one in by), *COLUMNS)
    cells = [(*(name(row, one) for one in by), *group(row, about(row))) for row in rows]
    return table(columns, cells, f"Compliance by {' and '.join(NAMES[one].lower() for one in by)}")


def group(row: Row, about: About) -> tuple[Any, ...]:
    """The cells of one group."""
    judged_s, derive = row["time_judged_s"], about.derive
    outside: Any = derive(text.duration(row["time_out_s"]), "time_out_s")
    if row["time_out_s"]:
        outside = html.Span(outside, className="status", **{"data-status": "excursion"})
    several = row["product_profiles"] > 1
    return (
        derive(f"{row['shipments']:,}", "shipments"),
        derive(share(row["time_in_range_s"], judged_s), "in_range_pct"),
        outside,
        derive(share(judged_s, judged_s + row["time_unknown_s"]), "coverage_pct"),
        derive(text.fixed(row["excursions_per_100"], 1), "excursions_per_100"),
        _severities(row, derive),
        "several products" if several else derive(text.fixed(row["mkt_pooled_c"], 2, "°C"), "mkt_pooled_c"),
        derive(text.fixed(row["mkt_worst_c"], 2, "°C"), "mkt_worst_c"),
        derive(text.duration(row["unacknowledged_s"]) if row["alarms"] else "no alarm", "unacknowledged_s"),
        derive(_percent(row["budget_worst_pct"]), "budget_worst_pct"),
    )


def _severities(row: Row, derive: Callable[[Any, str], Any]) -> html.Span:
    """Three numbers side by side, each with its own derivation."""
    parts: list[Any] = []
    for one in ("minor", "major", "critical"):
        parts += [" · ", derive([f"{row[f'excursions_{one}']:,}", _said(one)], f"excursions_{one}")]
    return html.Span(parts[1:])


def _said(word: str) -> html.Span:
    return html.Span(f" {word}", className="visually-hidden")


def offenders(
    rows: Sequence[Row], name: Callable[[Any], Any], kind: str, derive: Callable[[Any, str, str], Any], most: int = 6
) -> Any:  # fmt: skip
    """Who had most excursions; `derive` makes a name's number lead to its derivation."""
    if not rows:
        return empty("Nobody had an excursion")
    columns = (Column(kind), Column("Excursions", numeric=True), Column("Shipments hit", numeric=True),
               Column("Per 100", numeric=True))  # fmt: skip

    cells = [
        (name(row["name"]), derive(row["name"], f"{row['excursions']:,}", "excursions"),
         [derive(row["name"], f"{row['with_excursions']:,}", "with_excursions"), " of ",
          derive(row["name"], f"{row['shipments']:,}", "shipments")],
         derive(row["name"], text.fixed(row["excursions_per_100"], 0), "excursions_per_100"))
        for row in rows[:most]
    ]  # fmt: skip
    return table(columns, cells, f"Most excursions by {kind.lower()}")


def season(rows: Sequence[Row], zone: str, about: About) -> Any:
    """In which months and hours excursions began: one cell an hour of the zone's day, darker for more of them."""
    if not rows:
        return empty("No excursion began within this period")
    cells = {(row["month"], row["hour"]): row for row in rows}
    most = max(row["excursions"] for row in rows)
    head = [html.Th("Month", scope="col"), *(html.Th(f"{hour:02d}", scope="col") for hour in range(24))]
    body = [
        html.Tr([html.Th(month, scope="row"), *(_cell(cells.get((month, hour)), most, about) for hour in range(24))])
        for month in sorted({row["month"] for row in rows})
    ]
    caption = f"Excursions by month and hour of day in {zone}"
    content = [html.Caption(caption, className="visually-hidden"), html.Thead(html.Tr(head)), html.Tbody(body)]
    return html.Div(html.Table(content, className="season"), className="scroller", tabIndex="0", role="region",
                    **{"aria-label": caption})  # fmt: skip


def _cell(row: Row | None, most: int, about: About) -> html.Td:
    if row is None:
        return html.Td("")
    level = -(-row["excursions"] * LEVELS // most)
    words = f"{text.count(row['excursions'], 'excursion')}, {text.duration(row['outside_s'])} outside, {row['worst']}"
    shown = about.derive(str(row["excursions"]), "excursions", month=row["month"], hour=row["hour"])
    return html.Td(shown, title=words, **{"data-level": str(level)})


def shipments(some: Iterable[Member], called: dict[str, str]) -> html.Div:
    """Shipments with their own figures, each leading to its derivation."""
    return table(SHIPMENTS, [_shipment(one, called) for one in some], "Shipments, least time in range first")


def _shipment(one: Member, called: dict[str, str]) -> tuple[Any, ...]:
    def derive(shown: str, figure: str) -> Any:
        if one.channel is None:
            return shown
        return number(shown, figure, shipment=one.id, logger=one.logger, channel=one.channel)

    known_s, unknown_s = one.known_ms / 1000, (one.unknown_ms or 0) / 1000
    outside: Any = derive(text.duration(one.outside_ms / 1000), "temperature.time_outside_s")
    if one.outside_ms:
        outside = html.Span(outside, className="status", **{"data-status": "excursion"})
    allowed = one.budget_allowed_ms
    used = 100 * (one.budget_used_ms or 0) / allowed if allowed else None
    return (
        link(one.reference, f"/shipments/{one.id}"),
        derive(share((one.in_range_ms or 0) / 1000, known_s), "temperature.in_range_pct"),
        outside,
        derive(share(known_s, known_s + unknown_s), "coverage_pct"),
        link(f"{one.excursion_count:,}", f"/excursions?{urlencode({'text': one.reference})}")
        if one.excursion_count
        else html.Span("none", className="dim"),
        derive(text.fixed(one.mkt_c, 2, "°C"), "mkt.value_c"),
        _percent(used) if used is None else derive(_percent(used), "stability_budget.used_pct"),
        called.get(one.product_profile or "", one.product_profile or text.ABSENT),
        one.lane or text.ABSENT,
        one.carrier or text.ABSENT,
    )
