"""The rule lab: a product profile replayed over past shipments, so that its alarms are known before it goes live."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html

from coldchain.errors import ColdchainError, NotFound
from coldchain.registry import lab_runs, profiles
from coldchain.registry.lab_choice import MOST, USUAL, Choice
from coldchain.registry.viewer import Permission
from dashboard import lab_start
from dashboard.parts import grid, security
from dashboard.parts.elements import Column, card, head, link, moment, table
from dashboard.parts.lab_blocks import STATES, Shown, figures_card, load_card, run_card, shipments_card
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.parts.toml_text import toml_text
from dashboard.services import Services

PAGE = Page("dashboard.pages.lab", "Rule lab", path="/rule-lab", icon="lab", perm=Permission.ASSESS)
PERIODS = {"30": "30 days", "90": "90 days", "365": "1 year", "0": "any time"}
_DAY_MS = 86_400_000
_LINES = 301


def layout(**query: str) -> Any:
    """The form, filled from the address (`profile`, `version`), and the run of the address (`run`) or the newest."""
    start = _named(query.get("profile"), query.get("version"))
    return html.Div(
        [
            dcc.Store(id="lab-start", data=start),
            dcc.Store(id="lab-run", data=query.get("run")),
            dcc.Interval(id="lab-tick", interval=1000, n_intervals=0),
            head(
                "Rule lab",
                lead="What a product profile would have said of past shipments, before anything is judged by it",
            ),
            card("Replay", html.Div([_profile_fields(start), _choice_fields(), _buttons()], className="body")),
            html.Div(skeleton(120, 320), id="lab-body", className="stack"),
            html.Div(id="lab-runs", className="stack"),
        ],
        className="page",
    )


def _profile_fields(start: str | None) -> html.Div:
    saved = dmc.Select(
        id="lab-profile", label="Product profile", data=[], value=start, searchable=True, clearable=True, size="sm",
        placeholder="choose a version, or write a draft below", nothingFoundMessage="none",
        clearButtonProps={"aria-label": "Clear product profile"},
    )  # fmt: skip
    draft = dmc.Textarea(
        id="lab-draft", label="Draft", autosize=True, minRows=4, maxRows=18, size="sm",
        description="The profile's format, as TOML or JSON. Change limits, holds and rules here: nothing is saved.",
        className="code", mt=10,
    )  # fmt: skip
    return html.Div([html.Div(saved, className="form-row"), draft])


def _choice_fields() -> html.Div:
    return html.Div(
        [
            dmc.Select(id="lab-judged-by", label="Shipments now judged by", data=[], clearable=True, size="sm",
                       placeholder="any product profile",
                       clearButtonProps={"aria-label": "Clear product profile of shipments"}),
            dmc.Select(id="lab-period", label="Departed within", value="90", size="sm", allowDeselect=False,
                       data=[{"value": days, "label": words} for days, words in PERIODS.items()]),
            dmc.NumberInput(id="lab-limit", label="At most", value=USUAL, min=1, max=MOST, allowDecimal=False,
                            size="sm", hideControls=True),
        ],
        className="form-row",
    )  # fmt: skip


def _buttons() -> html.Div:
    go = html.Button("Replay", id="lab-go", type="button", className="button primary")
    refusal = html.P(
        id="lab-refusal", className="status refusal", role="alert", hidden=True, **{"data-status": "at_risk"}
    )
    return html.Div([refusal, html.Div(go, className="dialog-actions")])


def _named(profile: object, version: object) -> str | None:
    """A version as the choice names it."""
    chosen = grid.chosen(profile)
    if chosen is None:
        return None
    return f"{chosen}@{version}" if isinstance(version, str) and version.isdecimal() else chosen


def register(app: Dash, services: Services) -> None:
    """The choices, the draft's text, the run's beginning and end, and how far it is."""
    _register_form(app, services)
    _register_run(app, services)


def _register_form(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("lab-profile", "data"),
        Output("lab-profile", "value"),
        Output("lab-judged-by", "data"),
        Output("lab-judged-by", "value"),
        Input("lab-start", "data"),
        perm=Permission.ASSESS,
    )
    def choices(start: object) -> Any:
        with services.registry.read() as connection:
            stored = profiles.listed(connection, all_versions=True)
        versions = [
            {
                "value": f"{one.profile.id}@{one.profile.version}",
                "label": f"{one.profile.name}, version {one.profile.version}",
            }
            for one in reversed(stored)
        ]
        names = {one.profile.id: one.profile.name for one in stored}
        wanted = grid.chosen(start)
        found = wanted and next((one for one in (each["value"] for each in versions) if _names(one, wanted)), None)
        listed = [{"value": id_, "label": name} for id_, name in names.items()]
        return versions, found, listed, found.partition("@")[0] if found else None

    @security.secured(app, Output("lab-draft", "value"), Input("lab-profile", "value"), perm=Permission.ASSESS)
    def text(profile: object) -> Any:
        id_, _, version = (grid.chosen(profile) or "").partition("@")
        if not id_ or not version.isdecimal():
            return dash.no_update
        try:
            return toml_text(lab_start.saved(services, id_, int(version)))
        except NotFound:
            return dash.no_update


def _register_run(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("lab-run", "data"),
        Output("lab-refusal", "children"),
        Output("lab-refusal", "hidden"),
        Input("lab-go", "n_clicks"),
        State("lab-draft", "value"),
        State("lab-judged-by", "value"),
        State("lab-period", "value"),
        State("lab-limit", "value"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
    )
    def go(_clicks: object, text: object, judged_by: object, period: object, limit: object) -> Any:
        try:
            if not isinstance(text, str) or not text.strip():
                return dash.no_update, "Choose a product profile, or write a draft.", False
            wanted = choice(judged_by, period, limit, services.clock.now_ms())
            return lab_start.begin(services, security.viewer(), lab_start.draft_of(text), wanted), "", True
        except ColdchainError as error:
            return dash.no_update, str(error), False

    @security.secured(
        app,
        Output("lab-body", "children"),
        Output("lab-runs", "children"),
        Output("lab-tick", "disabled"),
        Input("lab-run", "data"),
        Input("lab-tick", "n_intervals"),
        perm=Permission.ASSESS,
    )
    def body(run: object, _tick: object) -> Any:
        shown = load(services, grid.chosen(run))
        going = shown is not None and shown.run.running
        runs = attempt("list of runs", lambda: runs_card(services))
        return attempt("run", lambda: page_body(services, shown)), runs, not going

    @security.secured(
        app,
        Output("lab-tick", "n_intervals"),
        Input("lab-cancel", "n_clicks"),
        State("lab-run", "data"),
        State("lab-tick", "n_intervals"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
    )
    def cancel(clicks: object, run: object, ticks: object) -> Any:
        shown = load(services, grid.chosen(run)) if clicks else None
        if shown is None:
            return dash.no_update
        with services.registry.write() as connection:
            lab_runs.cancel(connection, security.viewer(), shown.run.id, services.clock.now_ms())
        return (ticks if isinstance(ticks, int) else 0) + 1


def _names(version: str, wanted: str) -> bool:
    """Whether a version is the one that the address names, or one of the product profile that it names."""
    return version == wanted or version.startswith(f"{wanted}@")


def choice(judged_by: object, period: object, limit: object, now_ms: int) -> Choice:
    """The shipments that the form asks for."""
    days = int(period) if isinstance(period, str) and period in PERIODS else 90
    number = limit if isinstance(limit, int) and not isinstance(limit, bool) else USUAL
    since = now_ms - days * _DAY_MS if days else None
    return Choice(grid.chosen(judged_by), since, None, (), max(1, min(number, MOST)))


def load(services: Services, run: str | None) -> Shown | None:
    """The run asked for, or the newest one of this viewer; None where there is none."""
    viewer, now_ms = security.viewer(), services.clock.now_ms()
    with services.registry.read() as connection:
        if run is None:
            newest = lab_runs.listed(connection, viewer, now_ms)
            found = newest[0] if newest else None
        else:
            try:
                found = lab_runs.get(connection, viewer, run, now_ms)
            except NotFound:
                found = None
        return None if found is None else Shown(found, lab_runs.said(connection, found.id, limit=_LINES), now_ms)


def page_body(services: Services, shown: Shown | None) -> list[Any]:
    """One run: how far it is, what changes, shipment by shipment, and the load."""
    if shown is None:
        words = html.Span("Choose a product profile above, change it if you like, and replay it.")
        return [card(None, empty("No run yet", words, checked_ms=services.clock.now_ms()))]
    parts = [run_card(shown)]
    if shown.run.summary:
        parts.append(figures_card(shown.run.summary))
    parts.append(shipments_card(shown))
    if shown.run.summary:
        parts.append(load_card(shown.run.summary, shown.now_ms))
    return parts


def runs_card(services: Services) -> Any:
    """The viewer's runs; nobody else sees them."""
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        found = lab_runs.listed(connection, security.viewer(), now_ms)
    if not found:
        return []
    columns = (Column("Started"), Column("Product profile"), Column("State"), Column("Shipments", numeric=True))
    rows = [
        (link_to(one.id, one.created_ms), f"{one.profile['id']}, version {one.profile['version']}",
         STATES[one.state][0], f"{one.done:,} of {one.total:,}")
        for one in found
    ]  # fmt: skip
    return card("Your runs", table(columns, rows, "Your runs"))


def link_to(run: str, created_ms: int) -> html.A:
    """The page with one run."""
    found = link("", f"/rule-lab?run={run}")
    found.children = moment(created_ms, "second")
    return found
