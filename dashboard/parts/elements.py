"""Small pieces of markup with one meaning each."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from dash import html

from coldchain.domain.quantity import iso

STATUS_WORDS = {"in_range": "in range", "at_risk": "at risk", "excursion": "excursion", "unknown": "unknown"}
STATE_WORDS = {"planned": "planned", "in_transit": "in transit", "arrived": "arrived", "closed": "closed"}
Children = Any


def status(name: str) -> html.Span:
    """A status by glyph, word and colour."""
    return html.Span(STATUS_WORDS.get(name, name), className="status", **{"data-status": name})


def severity(name: str) -> html.Span:
    """A severity by glyph, word and colour."""
    return html.Span(name.capitalize(), className="severity", **{"data-severity": name})


def moment(time: int | str | None, show: str = "minute") -> Children:
    """A time that the browser writes in the chosen zone; `show` is minute, second, date, age or ago."""
    if time is None:
        return html.Span("–", className="dim")
    text = time if isinstance(time, str) else iso(time)
    return html.Time(text[:16].replace("T", " ") + " UTC", dateTime=text, **{"data-show": show})


def link(text: str, href: str) -> html.A:
    """A link inside the application."""
    return html.A(text, href=href)


def tag(text: str) -> html.Span:
    """A short remark in a frame."""
    return html.Span(text, className="tag")


def card(title: str | None, *body: Children, right: Children = None, className: str = "", id: str = "") -> html.Section:  # noqa: A002, N803
    """A framed part of a page; `right` stands at the end of its title line."""
    head = [] if title is None else [html.Header([html.H2(title), html.Div(right, className="right")])]
    return html.Section([*head, *body], className=f"card {className}".strip(), **({"id": id} if id else {}))


class Figure(NamedTuple):
    """One figure with its name, a remark below, and a tone if it is abnormal."""

    label: str
    value: Children
    sub: Children = ""
    tone: str = "calm"


def figures(items: Iterable[Figure]) -> html.Div:
    """A block of figures that wraps."""
    return html.Div(
        [
            html.Div(
                [
                    html.Span(item.label, className="label"),
                    html.Span(item.value, className="figure-value num"),
                    html.Span(item.sub, className="sub"),
                ],
                className="figure",
                **{"data-tone": item.tone},
            )
            for item in items
        ],
        className="figures",
    )


class Column(NamedTuple):
    """A column of a plain table."""

    title: str
    numeric: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[Children]], caption: str) -> html.Div:
    """A plain table; it scrolls inside its frame, never the page."""
    head = [html.Th(c.title, scope="col", className="n" if c.numeric else "") for c in columns]
    body = [
        html.Tr([html.Td(cell, className="n" if c.numeric else "") for c, cell in zip(columns, row, strict=True)])
        for row in rows
    ]
    content = [html.Caption(caption, className="visually-hidden"), html.Thead(html.Tr(head)), html.Tbody(body)]
    return html.Div(
        html.Table(content, className="plain" if len(columns) < 8 else "plain wide-first"),
        className="scroller",
        tabIndex="0",
        role="region",
        **{"aria-label": caption},
    )


def facts(pairs: Iterable[tuple[str, Children]]) -> html.Dl:
    """Names and values, one pair per line; pairs without a value are left out."""
    shown = [(name, value) for name, value in pairs if value not in (None, "")]
    return html.Dl([part for name, value in shown for part in (html.Dt(name), html.Dd(value))], className="facts")


def head(title: Children, *, lead: Children = "", crumb: Children = None, actions: Sequence[Children] = ()) -> html.Div:
    """A page's title line."""
    words = [html.H1(title)]
    if crumb is not None:
        words.insert(0, html.Div(crumb, className="crumb"))
    if lead:
        words.append(html.Div(lead, className="lead"))
    parts: list[Children] = [html.Div(words)]
    if actions:
        parts.append(html.Div(list(actions), className="actions"))
    return html.Div(parts, className="page-head")
