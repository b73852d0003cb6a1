"""Who is on duty in words and strips: now and next, the weeks of a rota layer by layer, and where nobody is."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dash import html

from alerts.rota import Hole, Rota, Span
from coldchain.domain.quantity import iso
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import text
from dashboard.parts.elements import Column, Figure, card, figures, moment, table, tag

WHY = {"turn": "turn", "holiday": "holiday", "override": "stands in", "swap": "swap", "not_begun": "begins later",
       "out_of_hours": "outside its hours", "gone": "access has ended"}  # fmt: skip
DAY_MS = 86_400_000
WEEK_DAYS = 7
_NARROW = 0.09  # of a week, about 15 hours: narrower than most names
_SHORT = 0.04  # of a week: about the width of a finger on the strip


class Week(NamedTuple):
    """Seven local days: midnights in ms, one more than days, because clocks change."""

    monday: date
    midnights: tuple[int, ...]

    @property
    def from_ms(self) -> int:
        """Its first moment."""
        return self.midnights[0]

    @property
    def to_ms(self) -> int:
        """The first moment after it."""
        return self.midnights[-1]


def week_of(day: date, zone: ZoneInfo) -> Week:
    """The week in which a local day lies."""
    monday = day - timedelta(days=day.weekday())
    return Week(monday, tuple(_midnight(monday + timedelta(days=n), zone) for n in range(WEEK_DAYS + 1)))


def weeks(first: date, number: int, zone: ZoneInfo) -> list[Week]:
    """So many weeks from the one of `first` on."""
    return [week_of(first + timedelta(days=WEEK_DAYS * place), zone) for place in range(number)]


def _midnight(day: date, zone: ZoneInfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def local(at_ms: int, zone: ZoneInfo) -> str:
    """A moment in the rota's own zone: Mon 23 Nov 08:00."""
    return f"{datetime.fromtimestamp(at_ms / 1000, zone):%a %-d %b %H:%M}"


def now_and_next(rota: Rota, spans: Sequence[Span], now_ms: int, named: Mapping[str, str]) -> html.Div:
    """Per layer: who is on duty now and until when, and who is next."""
    found = []
    for layer in rota.layers:
        own = [span for span in spans if span.layer == layer.name and span.to_ms > now_ms]
        at, after = (own[0] if own else None), (own[1] if len(own) > 1 else None)
        until = ["until ", moment(at.to_ms), ", then ", _who(after, named)] if at else ""
        found.append(Figure(layer.name, _who(at, named), until))
    return figures(found)


def _who(span: Span | None, named: Mapping[str, str]) -> Any:
    if span is None:
        return text.ABSENT
    if span.duty.person is None:
        words = f"nobody: {WHY.get(span.duty.why, span.duty.why)}"
        return html.Span(words, className="status", **{"data-status": _tone(span.duty.why)})
    who = html.Strong(named.get(span.duty.person, span.duty.person))
    return who if span.duty.why == "turn" else html.Span([who, " ", tag(WHY[span.duty.why])])


def _tone(why: str) -> str:
    """Hours that leave a time out are a plan, not a fault."""
    return "unknown" if why in ("out_of_hours", "not_begun") else "excursion"


def holes_banner(found: Sequence[Hole], zone: ZoneInfo, days: int) -> Any:
    """Where a layer that a policy needs has nobody, before it happens."""
    if not found:
        return None
    lines = [
        html.Li(f"{hole.layer}: {local(hole.from_ms, zone)} to {local(hole.to_ms, zone)}, "
                f"{WHY.get(hole.why, hole.why)}")
        for hole in found[:8]
    ]  # fmt: skip
    more = [html.Li(f"and {len(found) - 8} more")] if len(found) > 8 else []
    title = html.Strong(f"Nobody is on duty {text.count(len(found), 'time')} within {days} days")
    return html.Div([title, html.Ul([*lines, *more], className="plain-list")], className="banner", role="status")


def strips(rota: Rota, spans: Sequence[Span], shown: Sequence[Week], now_ms: int, named: Mapping[str, str],
           viewer: Viewer) -> html.Section:  # fmt: skip
    """One strip of seven days per layer and week."""
    zone = ZoneInfo(rota.zone)
    parts: list[Any] = []
    for week in shown:
        parts.append(_days(rota, week, now_ms, zone))
        for layer in rota.layers:
            cut = list(_within([span for span in spans if span.layer == layer.name], week))
            bars = [_bar(span, week, zone, now_ms, named, viewer) for span in cut]
            strip = html.Ol(bars, className="duty-strip", **{"aria-label": f"{layer.name}, week of {week.monday}"})
            parts.append(html.Div([html.Div(layer.name, className="duty-layer"), strip], className="duty-row"))
    zone_words = html.Span(f"Times of {rota.zone}", className="dim small")
    return card("Calendar", html.Div(parts, className="duty"), right=zone_words)


def _days(rota: Rota, week: Week, now_ms: int, zone: ZoneInfo) -> html.Div:
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    holidays = {day.date: day.name for day in rota.holidays}
    cells = []
    for place in range(WEEK_DAYS):
        day = week.monday + timedelta(days=place)
        marks: list[Any] = [f"{day:%a %-d %b}"]
        if day in holidays:
            marks.append(html.Span(holidays[day], className="holiday"))
        cells.append(html.Span(marks, **({"data-today": "1"} if day == today else {})))
    return html.Div([html.Div(className="duty-layer"), html.Div(cells, className="duty-days")], className="duty-row")


def _within(spans: Sequence[Span], week: Week) -> Iterator[Span]:
    for span in spans:
        start, end = max(span.from_ms, week.from_ms), min(span.to_ms, week.to_ms)
        if start < end:
            yield span._replace(from_ms=start, to_ms=end)


def _bar(span: Span, week: Week, zone: ZoneInfo, now_ms: int, named: Mapping[str, str], viewer: Viewer) -> html.Li:
    whole = week.to_ms - week.from_ms
    left, width = (span.from_ms - week.from_ms) / whole, (span.to_ms - span.from_ms) / whole
    duty, times = span.duty, f"{local(span.from_ms, zone)} – {local(span.to_ms, zone)}"
    who = named.get(duty.person, duty.person) if duty.person else "nobody"
    why = "" if duty.why == "turn" else f", {WHY.get(duty.why, duty.why)}"
    kind = "own" if duty.person == viewer.id else "nobody" if duty.person is None and _tone(duty.why) == "excursion" \
        else "off" if duty.person is None else "other"  # fmt: skip
    words = [html.Strong(who, className="full"), html.Span(f"{times}{why}", className="when full")]
    if width < _NARROW:  # a whole name would be cut to two letters; the title and a phone have it
        from_hour = f"{datetime.fromtimestamp(span.from_ms / 1000, zone):%H:%M}"
        brief = [html.Strong(_initials(who)), html.Span(from_hour, className="when")]
        words.append(html.Span(brief, className="brief", **{"aria-hidden": "true"}))
    may_change = viewer.may(Permission.ASSESS) or (duty.person == viewer.id and viewer.may(Permission.ACKNOWLEDGE))
    if span.to_ms > now_ms and may_change and not viewer.scoped:
        about = {"layer": span.layer, "from": iso(max(span.from_ms, now_ms)), "to": iso(span.to_ms),
                 "person": duty.person or ""}  # fmt: skip
        said = {f"data-duty-{name}": value for name, value in about.items()}
        change = html.Span(", change", className="visually-hidden")
        inner: Any = html.Button([*words, change], type="button", title=f"{who}, {times}{why}", **said)
    else:
        inner = html.Div(words, title=f"{who}, {times}{why}")
    place = {"--left": f"{left * 100:.3f}%", "--width": f"{width * 100:.3f}%"}
    # A turn of minutes would be too small to be hit: it is drawn wider, over its neighbour.
    short = {"data-short": "true"} if width < _SHORT else {}
    short |= {"data-narrow": "true"} if width < _NARROW else {}
    return html.Li(inner, style=place, **{"data-kind": kind, "data-past": str(span.to_ms <= now_ms).lower(), **short})


def _initials(who: str) -> str:
    """Who, in as many letters as a narrow turn has room for."""
    if len(who) < 4 or who == "nobody":
        return "–" if who == "nobody" else who
    return "".join(part[0] for part in who.replace("-", " ").split() if part[0].isupper())[:3] or who[:3]


def standing_in(rows: Sequence[Any], named: Mapping[str, str], viewer: Viewer) -> Any:
    """Overrides and swaps that are still to come or under way, each with a way back."""
    if not rows:
        return html.P("Nobody stands in.", className="dim body")
    body = [
        (named.get(row.person, row.person), named.get(row.replaces, row.replaces) if row.replaces else "whoever's turn",
         row.layer or "every layer", moment(row.from_ms), moment(row.to_ms), row.reason or text.ABSENT,
         _take_back(row, viewer))
        for row in rows
    ]  # fmt: skip
    columns = [Column(words) for words in ("Who", "For", "Layer", "From", "To", "Why", "Change")]
    return table(columns, body, "Who stands in")


def _take_back(row: Any, viewer: Viewer) -> Any:
    if viewer.scoped or not (viewer.may(Permission.ASSESS) or row.who == viewer.id):
        return text.ABSENT
    words = "Take back" + (" the swap" if row.swap else "")
    return html.Button(words, type="button", className="button", **{"data-duty-end": row.id})
