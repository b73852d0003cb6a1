"""One original message: its bytes as they arrived, how they came, and what became of them."""

import hashlib
from typing import Any

from dash import Dash, Input, Output, dcc, html

from coldchain.domain.message import Outcome, Refusal
from coldchain.domain.reading import Reading, flag_names
from coldchain.errors import Forbidden, NotFound
from coldchain.journal.port import StoredMessage
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import security, text
from dashboard.parts.arriving import name
from dashboard.parts.elements import Column, card, facts, head, link, moment, table, tag
from dashboard.parts.message_bytes import SHOWN, views
from dashboard.parts.page import Page
from dashboard.parts.readings import values
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.parts.subjects import logger_href
from dashboard.services import Services

PAGE = Page("dashboard.pages.message", "Message", path_template="/messages/<message>")
OUTCOMES = {
    Outcome.READINGS: "readings", Outcome.FILE: "readings from a file", Outcome.FAULT: "a fault of the sensor",
    Outcome.AGGREGATE: "statistics, which are kept and are no readings", Outcome.QUARANTINED: "quarantined",
    Outcome.UNDECODED: "not understood", Outcome.NO_READING: "no reading", Outcome.DUPLICATE: "a duplicate",
}  # fmt: skip
MOST_ROWS = 500


def layout(message: str = "", **_query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    return html.Div(
        [
            dcc.Store(id="message-id", data=message),
            html.Div(skeleton(52, 300, 160), id="message-body", className="page"),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The body, once: a message never changes, and its interpretations seldom."""

    @security.secured(
        app, Output("message-body", "children"), Input("message-id", "data"), perm=Permission.VIEW
    )  # fmt: skip
    def body(message: object) -> Any:
        return attempt("message", lambda: page_body(services, security.viewer(), message))


def page_body(services: Services, viewer: Viewer, asked: object) -> list[Any]:
    """The page of one message.

    Raises:
        NotFound: no such message.
        Forbidden: the viewer sees one customer's or carrier's shipments only; a message may speak for others too.
    """
    if viewer.scoped:
        raise Forbidden("One message may speak for several loggers, and you see one customer's or carrier's only.")
    offset = int(asked) if isinstance(asked, str) and asked.isascii() and asked.isdecimal() and len(asked) < 19 else -1
    found = services.journal.message(offset) if offset >= 0 else None
    if found is None:
        raise NotFound(f"no message {offset}")
    readings = services.journal.became(found)
    crumb = [link("Connect a logger", "/connect"), " /"]
    if found.logger is not None:
        crumb = [link("Loggers", "/loggers"), " / ", link(name(found.logger), logger_href(found.logger)), " /"]
    download = html.A("Original bytes", href=f"/api/v1/messages/{offset}", className="button", download="")
    return [
        head(f"Message {offset}", lead=["Became ", OUTCOMES[found.outcome]], actions=[download],
             crumb=crumb),
        html.Div([card("How it came", html.Div(facts(_came(found)), className="body")), _bytes(found)],
                 className="grid-even"),
        card("What it became", *interpretations(readings, found)),
        *([card("What was not believed", refusals(found.refusals))] if found.refusals else []),
    ]  # fmt: skip


def _came(found: StoredMessage) -> list[tuple[str, Any]]:
    envelope = found.envelope
    length = envelope.length or len(envelope.payload)
    digest = envelope.sha256 or hashlib.sha256(envelope.payload).hexdigest()
    marks = [words for on, words in ((envelope.retain, "retained"), (envelope.dup, "sent again")) if on]
    quality = f"QoS {envelope.qos}" if envelope.transport == "mqtt" else ""
    return [
        ("Road", ", ".join([envelope.transport.upper(), *([quality] if quality else []), *marks])),
        ("Topic or source", html.Span(name(envelope.source), className="mono")),
        ("Received", moment(envelope.received_at_ms, "second")),
        ("Signed in as", name(envelope.user) if envelope.user else ""),
        ("Content type", name(envelope.content_type) if envelope.content_type else ""),
        ("Carrier", found.adapter or "none"),
        ("Device profile", found.device_profile),
        ("Key", html.Span(name(found.key), className="mono")),
        ("Length", text.size(length)),
        ("SHA-256", html.Span(digest, className="mono")),
    ]


def _bytes(found: StoredMessage) -> html.Section:
    payload = found.envelope.payload
    cut = len(payload) > SHOWN or (found.envelope.length or 0) > len(payload)
    note = [html.P("The beginning is shown.", className="note")] if cut else []
    return card("Its bytes", views(payload, id="message-views"), *note)


def interpretations(readings: list[Reading], found: StoredMessage) -> list[Any]:
    """The readings that it stands for, the current interpretation first, older ones as superseded."""
    if not readings:
        return [empty("It holds no reading", html.Span(OUTCOMES[found.outcome].capitalize() + "."))]
    numbers = sorted({reading.interpretation for reading in readings}, reverse=True)
    parts: list[Any] = []
    for number in numbers:
        some = [reading for reading in readings if reading.interpretation == number]
        state = "current" if number == numbers[0] else "superseded"
        profiles = ", ".join(sorted({reading.device_profile for reading in some}))
        words = (
            f"Read by {profiles}" if number == 1 == len(numbers) else f"Interpretation {number}, {state}, by {profiles}"
        )
        parts.append(html.H3(words, className="sub-head"))
        parts.append(reading_table(some[:MOST_ROWS], f"Readings of interpretation {number}"))
        if len(some) > MOST_ROWS:
            parts.append(html.P(f"{MOST_ROWS} of {len(some):,} readings are shown.", className="note"))
    return parts


def reading_table(readings: list[Reading], caption: str) -> Any:
    """Readings as a table: when, by whose clock, what, and what is said about them."""
    columns = (Column("Channel"), Column("Measured at"), Column("Clock"), Column("Values"), Column("Remarks"))
    return table(columns, [_reading(one) for one in readings], caption)


def _reading(one: Reading) -> tuple[Any, ...]:
    remarks = [tag(words) for words in (*flag_names(one.flags), *(["historical"] if one.historical else []))]
    fault = (
        [html.Span(one.fault.replace("_", " "), className="status", **{"data-status": "at_risk"})] if one.fault else []
    )
    return (
        one.channel,
        moment(one.event_time_ms, "second"),
        one.time_source,
        values(one),
        html.Span([*fault, *remarks]),
    )


def refusals(found: tuple[Refusal, ...]) -> Any:
    """Every value that was refused, with the reason."""
    columns = (Column("Field"), Column("Value"), Column("Channel"), Column("Reason"))
    rows = [
        (one.field or text.ABSENT, html.Span(name(one.value or text.ABSENT), className="mono"),
         one.channel or text.ABSENT, name(one.reason))
        for one in found[:MOST_ROWS]
    ]  # fmt: skip
    return table(columns, rows, "What was refused")
