"""What the page of files shows: what a file would become, what an import did, and the files that were brought."""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from coldchain.errors import Forbidden
from coldchain.registry import file_imports, people
from coldchain.registry.viewer import Viewer
from dashboard.parts import file_blocks, file_form, security
from dashboard.parts.elements import Column, card, link, moment, table
from dashboard.parts.states import empty
from dashboard.services import Services
from ingest.csv_files import CONFIRMED
from ingest.files_again import AGAIN_SCHEMA


def demand_whole(viewer: Viewer) -> None:
    """Nothing, if the viewer sees the whole installation: files belong to no one customer or carrier.

    Raises:
        Forbidden: it sees one customer's or carrier's shipments only.
    """
    if viewer.scoped:
        raise Forbidden(
            "Files belong to the whole installation, and you see one customer's or carrier's shipments only."
        )


def preview(answer: Any, *, may: bool = False) -> list[Any]:
    """What the file would become, what it still needs, and the button that stores it.

    `may`: whether the viewer may decide that a file which was imported is read in another way.
    """
    if not isinstance(answer, dict):
        return [empty("No file chosen yet")]
    found = answer.get("body")
    if answer.get("status") != 200 or not isinstance(found, dict):
        detail = found.get("detail") if isinstance(found, dict) else None
        return [card("This file is not taken", file_blocks.refused(str(detail or "It could not be read.")))]
    needs = found.get("needs") or []
    blocks = [
        card(
            "What it becomes",
            html.Div([_needs(needs), file_blocks.summary(found)], className="body stack"),
            html.Div(_actions(found, needs, may=may), className="card-actions"),
        ),
        file_blocks.contradictions(found),
        file_blocks.problems(found),
        file_form.columns(found),
        file_blocks.sample(found),
        *file_blocks.own_summaries(found),
    ]
    return [block for block in blocks if block is not None]


def _needs(needs: list[dict[str, str]]) -> Any:
    asked = [one for one in needs if one["field"] not in CONFIRMED]
    if not asked:
        return None
    items = [html.Li(html.Span(one["reason"], className="status", **{"data-status": "at_risk"})) for one in asked]
    return html.Div(html.Ul(items, className="file-needs"), role="status")


def _actions(found: dict[str, Any], needs: list[dict[str, str]], *, may: bool) -> list[Any]:
    blocked = any(one["field"] not in CONFIRMED for one in needs)
    untested = any(one["field"] == "confirm" for one in needs)
    parts: list[Any] = []
    if untested:
        parts.append(
            dmc.Checkbox(id={"type": "file-confirm", "at": 0}, label="I looked at these readings, and they are right")
        )
    if found.get("imported_before"):
        return [*parts, *_reading_again(found, blocked=blocked, may=may)]
    button = html.Button(
        "Store these readings",
        id={"type": "file-store", "at": 0},
        type="button",
        className="button primary",
        disabled=blocked,
    )
    return [*parts, button]


def _reading_again(found: dict[str, Any], *, blocked: bool, may: bool) -> list[Any]:
    """What may be done with a file that was imported before."""
    before = link("See that import", f"/files/{found['sha256']}")
    if not may:
        words = "This very file was imported before. Quality decides whether it is read in another way. "
        return [html.Span([words, before], className="dim small")]
    fields = [
        dmc.TextInput(id={"type": "file-reason", "at": 0}, label="Reason", size="sm", className="field wide",
                      placeholder="its values are degrees Fahrenheit"),
        html.Button("Read it again this way", id={"type": "file-again", "at": 0}, type="button",
                    className="button primary", disabled=blocked),
    ]  # fmt: skip
    said = html.P(["This very file was imported before. ", before], className="dim small")
    return [html.Div([said, html.Div(fields, className="form-row")], className="wide")]


def result(answer: Any) -> Any:
    """What an import did."""
    if not isinstance(answer, dict) or not isinstance(answer.get("body"), dict):
        return None
    found = answer["body"]
    if answer.get("status") not in (200, 201):
        return card("Not imported", file_blocks.refused(str(found.get("detail") or "It was refused.")))
    if found.get("schema") == AGAIN_SCHEMA:
        return _reread(found)
    words = "Imported before, nothing changed" if found["again"] else "Imported"
    more = f", {found['problem_count']:,} not read" if found.get("problem_count") else ""
    line = f"{found['stored']:,} readings stored, {found['duplicates']:,} known already{more}"
    links = [link("See this import", f"/files/{found['sha256']}")]
    loggers = [found["logger"]] if found.get("logger") else []
    links += [link(f"Logger {one}", f"/loggers/{one}") for one in loggers]
    body = html.Div([html.P(line), html.P([part for one in links for part in (one, "  ·  ")][:-1])], className="body")
    return [card(words, body), file_blocks.contradictions(found)]


def _reread(found: dict[str, Any]) -> Any:
    """What reading a file again did."""
    if not found["done"]:
        return card("Read in the same way before", html.P("Nothing changed.", className="body"))
    known = f", {found['known']:,} known by another road" if found["known"] else ""
    line = f"{found['readings_before']:,} readings became {found['readings_after']:,}{known}. What they were before "
    refused = [html.Li(reason) for reason in found["refused"]]
    body = [html.P([line, "stays on record as superseded."]), link("See this import", f"/files/{found['sha256']}")]
    return card("Read again", html.Div([*body, html.Ul(refused, className="refusals") if refused else None],
                                       className="body"))  # fmt: skip


def imports(services: Services) -> Any:
    """The files that were brought, newest first."""
    demand_whole(security.viewer())
    with services.registry.read() as connection:
        found = file_imports.newest(connection)
        who = people.names(connection, {one.who for one in found})
    if not found:
        return empty("No file imported yet", checked_ms=services.clock.now_ms())
    columns = [
        Column("When"),
        Column("File"),
        Column("Logger"),
        Column("Rows", numeric=True),
        Column("Stored", numeric=True),
        Column("State"),
        Column("By"),
    ]
    body = [
        (
            moment(one.recorded_ms),
            link(one.name, f"/files/{one.sha256}"),
            one.report.get("logger") or "–",
            f"{one.report['rows']:,}",
            f"{one.report['stored']:,}",
            _state(one.report),
            who.get(one.who, one.who),
        )
        for one in found
    ]
    return table(columns, body, "Imported files")


def _state(report: dict[str, Any]) -> Any:
    if report["state"] == "contradictory":
        return html.Span("contradicts itself", className="status", **{"data-status": "at_risk"})
    if report.get("problem_count"):
        return f"{report['problem_count']:,} row{'s' if report['problem_count'] > 1 else ''} not read"
    return "complete"
