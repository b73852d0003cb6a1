"""The stability budget in words: what each band has left, and how long that lasts at the newest temperature."""

from collections.abc import Sequence
from typing import Any

from dash import html

from compliance.ledger import BandTotal, Ledger, Line, Part, TimeLeft
from dashboard.parts import text
from dashboard.parts.elements import Column, Figure, figures, link, moment, table, tag
from dashboard.parts.states import empty

SHOWN_LINES = 200
_LOW_SHARE = 0.25  # of its allowance: from here on a band is at risk


def budget_block(found: Ledger, *, hidden: bool = False) -> Any:
    """A figure per band, then what is running out now; `hidden` says that others may have used of it."""
    if found.profile is None:
        return empty("Not judged yet", html.Span("The budget appears with the first reading of a bound logger."))
    if not found.bands:
        return empty("No stability budget", html.Span(f"The product profile {found.profile.id} has none."))
    return html.Div(
        [figures(band_figure(band, hidden=hidden) for band in found.bands), now_words(found, hidden=hidden),
         *(html.P(note[0].upper() + note[1:] + ".", className="chart-note") for note in found.notes)]
    )  # fmt: skip


def band_figure(band: BandTotal, *, hidden: bool = False) -> Figure:
    """A band as a figure: what is left, of how much, and what unknown time may have taken."""
    used = f"used {text.duration(band.used_ms / 1000)}"
    if band.unknown_ms:
        used += f", at most {text.duration(band.upper_ms / 1000)} with unknown time"
    remaining = band.remaining_ms
    if remaining is None or band.allowed_ms is None:
        return Figure(band.range.text(), text.duration(band.used_ms / 1000), f"{used}; no limit of its own")
    if hidden:
        return Figure(band.range.text(), text.ABSENT, f"{used} in the shipments that you see")
    left = f"{text.duration(remaining / 1000)} left" if remaining >= 0 else f"overdrawn by {over(remaining)}"
    return Figure(
        band.range.text(), left, f"{used}, of {text.duration(band.allowed_ms / 1000)}",
        _tone(remaining, remaining - band.unknown_ms, band.allowed_ms),
    )  # fmt: skip


def over(remaining_ms: int) -> str:
    """By how much a band is overdrawn."""
    return text.duration(-remaining_ms / 1000)


def _tone(remaining: int, lowest: int, allowed: int) -> str:
    if remaining < 0:
        return "excursion"
    return "at_risk" if lowest < 0 or remaining < _LOW_SHARE * allowed else "calm"


def now_words(found: Ledger, *, hidden: bool = False) -> html.P:
    """What the newest temperature does to the budget."""
    newest = found.newest
    if newest is None:
        return html.P("Nothing is under way: no band is running down.", className="chart-note")
    said: list[Any] = [
        "Newest: ", html.B(text.celsius(newest.temperature_mc / 1000)), " in ",
        link(newest.part.name, f"/shipments/{newest.part.id}"), ", ", moment(newest.time_ms, "ago"), ". ",
    ]  # fmt: skip
    charging = [band for band in found.bands if band.charging]
    if found.left is not None and not hidden:
        said += ["Time left at this temperature: ", html.B(left_words(found.left), id="time-left"), "."]
    elif charging:
        said += ["It charges ", ", ".join(band.range.text() for band in charging), "."]
    else:
        said += ["At this temperature no band is running down."]
    return html.P(said, className="chart-note", **{"data-charging": str(bool(charging)).lower()})


def left_words(left: TimeLeft) -> str:
    """Time left as a span where unknown time leaves it open."""
    if left.upper_ms == 0:
        return "none, it is used up"
    upper = text.duration(left.upper_ms / 1000)
    lower = text.duration(left.lower_ms / 1000)
    if lower == upper:
        return upper
    return f"at most {upper}; none at the least" if left.lower_ms == 0 else f"between {lower} and {upper}"


def part_table(found: Ledger) -> Any:
    """The shipments of a batch, each with the channel that speaks for it and what it has used."""
    rows = [
        (
            link(part.name, f"/shipments/{part.id}"),
            _period(part),
            _channel(part),
            _profile(part),
            text.ABSENT if (known := (part.document or {}).get("coverage_pct")) is None
            else text.percent_floored(known, 100),
            _used(found, part),
        )
        for part in found.parts
    ]  # fmt: skip
    columns = (
        Column("Shipment"), Column("Judged"), Column("Logger"), Column("Product profile"),
        Column("Coverage", numeric=True), Column("Used"),
    )  # fmt: skip
    return table(columns, rows, "Shipments of this batch")


def line_table(found: Ledger) -> Any:
    """The ledger itself, newest first."""
    if not found.lines:
        return empty("No band was charged", html.Span("Every judged reading lay inside the label range."))
    rows = [_row(line) for line in reversed(found.lines[-SHOWN_LINES:])]
    columns = (
        Column("From"), Column("To"), Column("Band"), Column("Charged", numeric=True), Column("Unknown", numeric=True),
        Column("Shipment"), Column("Leg"), Column("Custodian"), Column("Logger"), Column("Product profile"),
    )  # fmt: skip
    parts: list[Any] = [table(columns, rows, "Ledger of the stability budget")]
    if len(found.lines) > SHOWN_LINES:
        rest = len(found.lines) - SHOWN_LINES
        parts.append(html.P(f"{text.count(rest, 'earlier line')} in the JSON.", className="chart-note"))
    return html.Div(parts)


def _row(line: Line) -> Sequence[Any]:
    return (
        moment(line.from_ms),
        [moment(line.to_ms), *([" ", tag("running")] if line.running else [])],
        line.range.text(),
        text.duration(line.used_ms / 1000),
        text.duration(line.gap_ms / 1000) if line.gap_ms else text.ABSENT,
        link(line.part.name, f"/shipments/{line.part.id}"),
        line.leg or text.ABSENT,
        line.custodian or text.ABSENT,
        _channel(line.part),
        _profile(line.part),
    )


def _period(part: Part) -> Any:
    if len(part.period) != 2:
        return html.Span("not yet", className="dim")
    return html.Div([html.Span(moment(part.period[0])), html.Span(moment(part.period[1]))], className="lines")


def _channel(part: Part) -> Any:
    document = part.document or {}
    logger = document.get("governing_logger")
    if logger is None:
        return text.ABSENT
    return [link(logger, f"/loggers/{logger}"), f" {document['governing_channel']}"]


def _profile(part: Part) -> str:
    said = (part.document or {}).get("profile")
    return f"{said['id']} v{said['version']}" if said else text.ABSENT


def _used(found: Ledger, part: Part) -> Any:
    spent: dict[str, int] = {}
    for line in found.lines:
        if line.part is part:
            spent[line.range.text()] = spent.get(line.range.text(), 0) + line.used_ms
    if not spent:
        return html.Span("nothing", className="dim")
    words = [html.Span(f"{text.duration(used / 1000)} of {band}") for band, used in spent.items()]
    return html.Div(words, className="lines")
