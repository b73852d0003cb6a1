"""The stability budget in words: what each band has left, and how long that lasts at the newest temperature."""

from collections.abc import Callable, Sequence
from typing import Any

from dash import html

from compliance.charges import used_ms
from compliance.document import range_json
from compliance.ledger import BandTotal, Ledger, Line, Part, TimeLeft
from compliance.shipment_budget import PREFIX
from dashboard.parts import text
from dashboard.parts.derivation import number
from dashboard.parts.elements import Column, Figure, figures, link, moment, table, tag
from dashboard.parts.profile_blocks import address, version_link
from dashboard.parts.states import empty

Derives = Callable[[Any, str], Any]  # a shown number and the name of its figure; a number that leads to it
SHOWN_LINES = 200
_LOW_SHARE = 0.25  # of its allowance: from here on a band is at risk


def plain(shown: Any, _figure: str) -> Any:
    """A number that leads nowhere."""
    return shown


def of_batch(batch: str) -> Derives:
    """Numbers that lead to their derivations in the ledger of a batch."""
    return lambda shown, figure: number(shown, figure, batch=batch)


def of_shipment(shipment: str, document: dict[str, Any] | None) -> Derives:
    """Numbers that lead to their derivations in the figures of one shipment, of its governing channel."""
    said = document or {}
    if said.get("governing_logger") is None:
        return plain
    of = {"logger": said["governing_logger"], "channel": said["governing_channel"]}

    def derived(shown: Any, figure: str) -> Any:
        if not figure.startswith("bands."):
            return number(shown, f"{PREFIX}{figure}", shipment=shipment)
        return number(shown, f"stability_budget.{figure}", shipment=shipment, **of)

    return derived


def budget_block(found: Ledger, *, hidden: bool = False, derived: Derives = plain) -> Any:
    """A figure per band, then what is running out now; `hidden` says that others may have used of it."""
    if found.profile is None:
        return empty("Not judged yet", html.Span("The budget appears with the first reading of a bound logger."))
    if not found.bands:
        named = link(f"{found.profile.id} v{found.profile.version}", address(found.profile.id, found.profile.version))
        return empty("No stability budget", html.Span(["The product profile ", named, " has none."]))
    return html.Div(
        [figures(band_figure(band, hidden=hidden, derived=derived, place=place)
                 for place, band in enumerate(found.bands)),
         now_words(found, hidden=hidden, derived=derived),
         *(html.P(note[0].upper() + note[1:] + ".", className="chart-note") for note in found.notes)]
    )  # fmt: skip


def band_figure(band: BandTotal, *, hidden: bool = False, derived: Derives = plain, place: int = 0) -> Figure:
    """A band as a figure: what is left, of how much, and what unknown time may have taken."""
    at = f"bands.{place}"
    spent = derived(text.duration(band.used_ms / 1000), f"{at}.used_s")
    used: list[Any] = ["used ", spent]
    if band.unknown_ms:
        most = derived(text.duration(band.upper_ms / 1000), f"{at}.used_upper_s")
        used += [", at most ", most, " with unknown time"]
    remaining = band.remaining_ms
    if remaining is None or band.allowed_ms is None:
        return Figure(band.range.text(), spent, [*used, "; no limit of its own"])
    if hidden:
        return Figure(band.range.text(), text.ABSENT, [*used, " in what you see of it"])
    left = f"{text.duration(remaining / 1000)} left" if remaining >= 0 else f"overdrawn by {over(remaining)}"
    return Figure(
        band.range.text(), derived(left, f"{at}.remaining_s"),
        [*used, ", of ", derived(text.duration(band.allowed_ms / 1000), f"{at}.allowed_s")],
        _tone(remaining, remaining - band.unknown_ms, band.allowed_ms),
    )  # fmt: skip


def over(remaining_ms: int) -> str:
    """By how much a band is overdrawn."""
    return text.duration(-remaining_ms / 1000)


def _tone(remaining: int, lowest: int, allowed: int) -> str:
    if remaining < 0:
        return "excursion"
    return "at_risk" if lowest < 0 or remaining < _LOW_SHARE * allowed else "calm"


def now_words(found: Ledger, *, hidden: bool = False, derived: Derives = plain) -> html.P:
    """What the newest temperature does to the budget."""
    newest = found.newest
    if newest is None:
        words = "Nothing is under way or in a store: no band is running down."
        return html.P(words, className="chart-note")
    said: list[Any] = [
        "Newest: ", html.B(derived(text.celsius(newest.temperature_mc / 1000), "newest.temperature_c")), " in ",
        _part_link(newest.part), ", ", moment(newest.time_ms, "ago"), ". ",
    ]  # fmt: skip
    charging = [band for band in found.bands if band.charging]
    if found.left is not None and not hidden:
        left = derived(left_words(found.left), "time_left.upper_s")
        said += ["Time left at this temperature: ", html.B(left, id="time-left"), "."]
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


def part_table(found: Ledger, derived: Derives = plain) -> Any:
    """The shipments and stays of a batch, each with the channel that speaks for it and what it has used."""
    rows = [
        (
            _part_link(part),
            _period(part),
            _channel(part),
            _profile(part),
            text.ABSENT if (known := (part.document or {}).get("coverage_pct")) is None
            else derived(text.percent_floored(known, 100), f"parts.{place}.coverage_pct"),
            _used(part, place, derived),
        )
        for place, part in enumerate(found.parts)
    ]  # fmt: skip
    columns = (
        Column("Shipment or stay"), Column("Judged"), Column("Logger"), Column("Product profile"),
        Column("Coverage", numeric=True), Column("Used"),
    )  # fmt: skip
    return table(columns, rows, "Shipments and stays of this batch")


def _part_link(part: Part) -> Any:
    if part.kind == "store":
        return html.Span([link(part.name, f"/stores/{part.store}"), html.Span(" (store)", className="dim small")])
    return link(part.name, f"/shipments/{part.id}")


def line_table(found: Ledger, derived: Derives = plain) -> Any:
    """The ledger itself, newest first."""
    if not found.lines:
        return empty("No band was charged", html.Span("Every judged reading lay inside the label range."))
    first = max(len(found.lines) - SHOWN_LINES, 0)
    numbered = list(enumerate(found.lines))[first:]
    rows = [_row(line, place, derived) for place, line in reversed(numbered)]
    columns = (
        Column("From"), Column("To"), Column("Band"), Column("Charged", numeric=True), Column("Unknown", numeric=True),
        Column("Shipment or stay"), Column("Leg"), Column("Custodian"), Column("Logger"), Column("Product profile"),
    )  # fmt: skip
    parts: list[Any] = [table(columns, rows, "Ledger of the stability budget")]
    if len(found.lines) > SHOWN_LINES:
        rest = len(found.lines) - SHOWN_LINES
        parts.append(html.P(f"{text.count(rest, 'earlier line')} in the JSON.", className="chart-note"))
    return html.Div(parts)


def _row(line: Line, place: int, derived: Derives) -> Sequence[Any]:
    return (
        moment(line.from_ms),
        [moment(line.to_ms), *([" ", tag("running")] if line.running else [])],
        html.Span(line.range.text(), className="nowrap"),
        derived(text.duration(line.used_ms / 1000), f"ledger.{place}.used_s"),
        derived(text.duration(line.gap_ms / 1000), f"ledger.{place}.unknown_s") if line.gap_ms else text.ABSENT,
        _part_link(line.part),
        line.leg or text.ABSENT,
        line.custodian or text.ABSENT,
        _measured(line.logger, line.channel),
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
    return _measured(logger, document["governing_channel"])


def _measured(logger: str, channel: str) -> Any:
    return [link(logger, f"/loggers/{logger}"), f" {channel}"]


def _profile(part: Part) -> Any:
    said = (part.document or {}).get("profile")
    return version_link(said["id"], said["version"], None) if said else text.ABSENT


def _used(part: Part, place: int, derived: Derives) -> Any:
    words = [
        html.Span([derived(text.duration(used / 1000), f"parts.{place}.bands.{number}.used_s"), " of ",
                   text.label_range(**range_json(band))])
        for number, (band, used) in enumerate(used_ms(part.document or {}).items()) if used
    ]  # fmt: skip
    return html.Div(words, className="lines") if words else html.Span("nothing", className="dim")
