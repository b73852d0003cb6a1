"""Out of service in words: the badge beside whatever is worked on, and the list of work with its ends."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from sqlalchemy import Row

from dashboard.parts import text
from dashboard.parts.elements import Column, link, moment, table
from dashboard.parts.states import empty
from dashboard.parts.subjects import href, logger_href

WORDS = "out of service"


def badge(row: Row[Any] | None) -> Any:
    """The badge, with the time at which it goes; nothing where nothing is worked on."""
    if row is None:
        return ""
    channel = f"{row.channel} " if row.channel else ""
    return html.Span([f"{channel}{WORDS} until ", moment(row.until_ms)], className="tag out-of-service")


def badges(rows: Sequence[Row[Any]]) -> list[Any]:
    """The badges of one subject, each set off from what stands before it."""
    return [part for row in rows for part in (" ", badge(row))]


def work(
    rows: Sequence[Row[Any]], called: Mapping[str, str], named: Mapping[str, str], *, may_end: bool, now_ms: int
) -> Any:
    """What is under way and what is planned: by which order, why, until when, by whom; and ending it."""
    if not rows:
        return empty("Nothing is out of service", checked_ms=now_ms)
    titles = ["What", "Work order", "Why", "From", "Ends", "By", *(["Back in service"] if may_end else [])]
    body = [
        (_what(row, called), row.work_order, row.reason, moment(row.from_ms), _ends(row, now_ms),
         named.get(row.who, row.who), *([_ending(row, called)] if may_end else []))
        for row in rows
    ]  # fmt: skip
    return table([Column(one) for one in titles], body, "What is out of service")


def _what(row: Row[Any], called: Mapping[str, str]) -> Any:
    where = logger_href(row.logger) if row.logger else href(row.subject_kind, row.subject_id)
    name = _name(row, called)
    return link(name, where) if where else name


def _name(row: Row[Any], called: Mapping[str, str]) -> str:
    if row.logger:
        return f"{row.logger}/{row.channel}" if row.channel else str(row.logger)
    return called.get(row.subject_id, f"{row.subject_kind} {text.ABSENT}")


def _ends(row: Row[Any], now_ms: int) -> Any:
    return badge(row) if row.from_ms <= now_ms else html.Span(["planned, until ", moment(row.until_ms)])


def _ending(row: Row[Any], called: Mapping[str, str]) -> html.Details:
    """Two steps: whoever ends it too early wakes people."""
    said = {"data-service-end": row.id, "aria-label": f"Back in service now: {_name(row, called)}"}
    yes = html.Button("Back in service now", type="button", className="button", **said)
    return html.Details([html.Summary("End it"), html.P("What is active is announced at once.", className="dim small"),
                         yes])  # fmt: skip
