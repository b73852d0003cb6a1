"""What arrives from things that nobody knows yet: where from, what it might be, and the newest messages."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from dash import html

from coldchain.domain.message import Outcome
from coldchain.journal.kept import WINDOW
from coldchain.journal.port import StoredMessage, Unread
from coldchain.registry import bindings
from coldchain.registry.viewer import Viewer
from dashboard.parts import text
from dashboard.parts.elements import Column, facts, link, moment, table, tag
from dashboard.parts.message_bytes import plain, views, visible
from dashboard.parts.states import empty
from dashboard.parts.subjects import logger_href
from dashboard.services import Services
from sensors.carriers.port import Carrier

MOST = 40  # sources in the list; a search finds the others
NEWEST = 20  # messages of one source
_LONGEST = 120  # characters of a hostile name
_GLIMPSE = 90  # characters of a message in the list


class Source(NamedTuple):
    """A source with a name of its own that can stand in an address, and what it might speak."""

    key: str
    seen: Unread
    guess: str | None


def key_of(seen: Unread) -> str:
    """A short name for a source: its own may hold anything."""
    name = "\0".join((seen.transport, seen.source, seen.logger or ""))
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]


def unknown(services: Services, viewer: Viewer, now_ms: int, words: str | None) -> list[Unread]:
    """The sources whose logger serves nothing yet; with `words`, also others, as far as these are in their name."""
    found = services.journal.unread()
    if words:
        sought = words.casefold()
        return [one for one in found if sought in f"{one.source} {one.logger or ''} {key_of(one)}".casefold()]
    with services.registry.read() as connection:
        busy = bindings.busy(connection, viewer, now_ms)
    return [one for one in found if one.logger not in busy]


def guessed(services: Services, seen: Sequence[Unread]) -> list[Source]:
    """These sources with what their newest message looks like."""
    newest = (services.journal.message(one.newest) for one in seen)
    return [
        Source(key_of(one), one, None if message is None else guess(services.pipeline.carriers, message))
        for one, message in zip(seen, newest, strict=True)
    ]


def guess(carriers: Iterable[Carrier], message: StoredMessage) -> str | None:
    """The carrier whose format the body looks like, wherever it came in."""
    return next((carrier.name for carrier in carriers if carrier.recognises(message.envelope)), None)


def by_key(services: Services, key: str) -> Unread | None:
    """The source with this name."""
    return next((one for one in services.journal.unread() if key_of(one) == key), None)


def source_list(found: Sequence[Source], more: int, chosen: str | None, now_ms: int) -> Any:
    """The sources as a table; each is a button that shows its messages."""
    if not found:
        where = "As soon as something sends what is not understood here, it appears by itself."
        return empty("Nothing unknown has arrived", html.Span(where), checked_ms=now_ms)
    columns = (
        Column("Topic or source"), Column("Logger"), Column("Messages", numeric=True), Column("Bytes", numeric=True),
        Column("Last seen"), Column("Looks like"), Column("State"),
    )  # fmt: skip
    rest = [
        html.P(f"Counted among the newest {WINDOW:,} messages that were not understood or refused.", className="note")
    ]
    if more:
        rest.insert(0, html.P(f"{text.count(more, 'more source')}: search to find one", className="note"))
    shown = table(columns, [_row(one, chosen) for one in found], "Topics and sources that are not understood")
    return html.Div([shown, *rest], className="sources")


def _row(one: Source, chosen: str | None) -> tuple[Any, ...]:
    seen = one.seen
    refused = seen.messages - seen.undecoded
    state = "not understood" if not refused else "refused" if not seen.undecoded else "not understood, some refused"
    pressed = "true" if one.key == chosen else "false"
    return (
        html.Button(
            [html.Span(seen.transport.upper(), className="tag"), " ", html.Span(name(seen.source), className="mono")],
            type="button", className="pick", id=f"source-{one.key}",
            **{"data-set": "connect-chosen", "data-value": one.key, "aria-pressed": pressed},
        ),
        link(name(seen.logger), logger_href(seen.logger)) if seen.logger else html.Span("not known", className="dim"),
        f"{seen.messages:,}",
        text.size(seen.size),
        moment(seen.last_ms, "ago"),
        tag(one.guess) if one.guess else html.Span("nothing known", className="dim"),
        html.Span(state, className="status", **{"data-status": "unknown" if not refused else "at_risk"}),
    )  # fmt: skip


def name(given: str) -> str:
    """A name from outside, within bounds and without anything that disguises it."""
    shown = visible(given).replace("\n", "\\n").replace("\t", "\\t")
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def message_list(found: Sequence[StoredMessage], chosen: int | None) -> Any:
    """The newest messages of a source; each is a button that shows it whole."""
    items = [
        html.Li(
            html.Button(
                [
                    html.Span([moment(one.envelope.received_at_ms, "second"), " · ", _size(one)],
                              className="dim small"),
                    html.Span(glimpse(one.envelope.payload), className="mono"),
                ],
                type="button", className="pick", id=f"message-{one.offset}",
                **{"data-set": "connect-message", "data-value": str(one.offset),
                   "aria-pressed": "true" if one.offset == chosen else "false"},
            )
        )
        for one in found
    ]  # fmt: skip
    return html.Ul(items, className="picks", **{"aria-label": f"Newest {NEWEST} messages"})


def _size(one: StoredMessage) -> str:
    return text.size(one.envelope.length or len(one.envelope.payload))


def glimpse(payload: bytes) -> str:
    """The beginning of a message in one line."""
    words = plain(payload[: 2 * _GLIMPSE])
    if words is None:
        return payload[: _GLIMPSE // 3].hex(" ") + (" …" if len(payload) > _GLIMPSE // 3 else "")
    line = " ".join(words.split())
    return line if len(line) <= _GLIMPSE else line[: _GLIMPSE - 1] + "…"


def whole(one: StoredMessage, guessed_as: str | None) -> Any:
    """One message with its bytes, why it is here, and where to go from it."""
    reason = one.refusals[0].reason if one.refusals else None
    word = "not understood" if one.outcome is Outcome.UNDECODED else one.outcome.value.replace("_", " ")
    pairs = [
        ("Topic or source", html.Span(name(one.envelope.source), className="mono")),
        ("Logger", link(name(one.logger), logger_href(one.logger)) if one.logger else ""),
        ("Received", moment(one.envelope.received_at_ms, "second")),
        ("Looks like", guessed_as or "nothing that is known here"),
        ("Became", word), ("Because", html.Span(name(reason)) if reason else ""),
    ]  # fmt: skip
    actions = [
        html.A("Make a device profile from it", href=f"/connect/profile?message={one.offset}",
               className="button primary"),
        html.A("Everything about it", href=f"/messages/{one.offset}", className="button"),
    ]  # fmt: skip
    return html.Div(
        [html.Div(facts(pairs), className="body"), views(one.envelope.payload, id="connect-views"),
         html.Div(actions, className="card-actions")]
    )  # fmt: skip
