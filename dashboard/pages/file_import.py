"""One imported file: what it held, how it agrees with itself, and the file as it came."""

from collections.abc import Mapping
from typing import Any

from dash import Dash, Input, Output, dcc, html

from coldchain.registry import file_imports, people
from coldchain.registry.file_imports import ImportedFile
from coldchain.registry.viewer import Permission
from dashboard.parts import file_blocks, security
from dashboard.parts.elements import Column, card, head, link, moment, table
from dashboard.parts.file_views import demand_whole
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.file_import", "Imported file", path_template="/files/<sha256>", perm=Permission.OPERATE)


def layout(sha256: str = "", **_query: str) -> Any:
    """The frame; its content comes under the viewer."""
    return html.Div(
        [html.Div(skeleton(48, 300), id="import-view", className="stack"), dcc.Store(id="import-sha", data=sha256)],
        className="page",
    )


def register(app: Dash, services: Services) -> None:
    """The report as blocks."""

    @security.secured(app, Output("import-view", "children"), Input("import-sha", "data"), perm=Permission.OPERATE)
    def shown(sha256: object) -> Any:
        return attempt("imported file", lambda: whole(services, str(sha256)))


def whole(services: Services, sha256: str) -> list[Any]:
    """The page of one import."""
    demand_whole(security.viewer())
    with services.registry.read() as connection:
        found = file_imports.get(connection, sha256)
        named = people.names(connection, {found.who, *(one["who"] for one in _readings_of(found))})
    report, who = found.report, named.get(found.who, found.who)
    lead = html.Span(
        [
            f"{report['stored']:,} readings stored, {report['duplicates']:,} known already, brought by {who} ",
            moment(found.recorded_ms),
        ]
    )
    actions = [html.A("The file as it came", href=f"/api/v1/files/{sha256}", className="button", download=found.name)]
    if security.viewer().may(Permission.ASSESS):
        actions.append(html.A("Read it in another way", href=f"/files?again={sha256}", className="button"))
    blocks = [
        head(found.name, lead=lead, crumb=[link("Import a file", "/files"), " /"], actions=actions),
        file_blocks.contradictions(report),
        _interpretations(found, named),
        card("What it held", html.Div(file_blocks.summary({"sha256": sha256, **report}), className="body")),
        file_blocks.problems(report),
        *file_blocks.own_summaries(report),
        _columns(report),
    ]
    return [block for block in blocks if block is not None]


def _readings_of(found: ImportedFile) -> list[dict[str, Any]]:
    """Every way in which the file was read, the one that counts last; none where it was read once."""
    report = found.report
    return [*report["earlier"], {**report["read"], **report}] if report.get("earlier") else []


def _interpretations(found: ImportedFile, named: Mapping[str, str]) -> Any:
    """How it was read before, and why it is read otherwise now."""
    ways = _readings_of(found)
    if not ways:
        return None
    columns = (Column("Reading"), Column("When"), Column("By"), Column("Reason"), Column("Mapping"), Column("Zone"),
               Column("Logger"), Column("Readings", numeric=True))  # fmt: skip
    body = [
        (f"{one['number']}, " + ("current" if one is ways[-1] else "superseded"), moment(one["at"]),
         named.get(one["who"], one["who"]), one.get("reason") or "–", one.get("mapping") or report_format(found),
         one.get("zone") or "–", one.get("logger") or "–", f"{one['stored']:,}")
        for one in reversed(ways)
    ]  # fmt: skip
    return card("How it was read", table(columns, body, "Every way in which this file was read"))


def report_format(found: ImportedFile) -> str:
    """What a file that is no table is read as."""
    return str(found.report["format"])


def _columns(report: dict[str, Any]) -> Any:
    if not report.get("columns"):
        return None
    body = []
    for column in report["columns"]:
        what = column["becomes"]
        words = "not used" if what is None else what["what"]
        if what is not None and "unit" in what:
            words += f" of {what['channel'] or 'the device'} in {what['unit']}"
        body.append((str(column["position"]), column["title"], words))
    return card("Columns", table([Column("Number"), Column("Title"), Column("Became")], body, "Columns"))
