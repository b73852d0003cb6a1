"""One shipment of a run of the rule lab: its readings with the excursions of both judgements, and what changes."""

from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, dcc, html

from coldchain.domain.profile import Range
from coldchain.domain.profile_format import profile_from
from coldchain.registry import lab_runs, profiles
from coldchain.registry.lab_runs import Run
from coldchain.registry.viewer import Permission
from dashboard.figures.series import chart
from dashboard.parts import dossier as records
from dashboard.parts import security, text
from dashboard.parts.elements import card, head, link, moment, status
from dashboard.parts.graph import graph
from dashboard.parts.lab_blocks import changes_table, outside_of, tier_words
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.lab_shipment", "Replayed shipment", path_template="/rule-lab/<run_id>/<shipment_id>",
            perm=Permission.ASSESS)  # fmt: skip
JsonObject = dict[str, Any]


def layout(run_id: str = "", shipment_id: str = "", **_query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    return html.Div(
        [
            dcc.Store(id="lab-shipment", data=[run_id, shipment_id]),
            html.Div(skeleton(52, 420, 420, 240), id="lab-shipment-body", className="page"),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The body once, and again when the display changes."""

    @security.secured(
        app,
        Output("lab-shipment-body", "children"),
        Input("lab-shipment", "data"),
        Input("scheme", "data"),
        Input("zone", "data"),
        perm=Permission.ASSESS,
    )
    def body(which: object, scheme: object, zone: object) -> Any:
        run, shipment = (str(part) for part in which) if isinstance(which, list) and len(which) == 2 else ("", "")
        return attempt("shipment", lambda: page_body(services, run, shipment, _text(scheme), _text(zone)))


def page_body(services: Services, run_id: str, shipment_id: str, scheme: str | None, zone: str | None) -> list[Any]:
    """Both judgements of one shipment.

    Raises:
        NotFound: no such run of this viewer, it says nothing of the shipment, or the viewer may not see that.
    """
    viewer = security.viewer()
    with services.registry.read() as connection:
        run = lab_runs.get(connection, viewer, run_id, services.clock.now_ms())
        said = lab_runs.detail(connection, run_id, shipment_id)
        was = said["before"]["profile"]
        labels = (
            profiles.get(connection, was["id"], was["version"]).profile.label,
            profile_from(run.profile).label,
        )
    found = records.load(services, viewer, shipment_id)
    tracks, _ = records.tracks(services.telemetry, found)
    sides = [(f"lab-{name}", title, said[name], label) for name, title, label in (
        ("before", "As it is judged now", labels[0]), ("after", "With the draft", labels[1]))]  # fmt: skip
    return [
        head(
            said["reference"],
            lead=_lead(said, run),
            crumb=[link("Rule lab", f"/rule-lab?run={run_id}"), " /"],
            actions=[html.A("The shipment", href=f"/shipments/{shipment_id}", className="button"),
                     html.A("Both documents as JSON", className="button", download="",
                            href=f"/api/v1/rule-lab/{run_id}/shipments/{shipment_id}")],
        ),
        card("Changes", changes_table(said["changes"], found.now_ms)),
        *(_side(found, tracks, side, scheme, zone) for side in sides),
    ]  # fmt: skip


def _lead(said: JsonObject, run: Run) -> list[Any]:
    words = f"{run.profile['id']}, version {run.profile['version']}, as of "
    parts: list[Any] = [words, moment(said["as_of"], "second")]
    if not said["same_as_recorded"]:
        parts.append(html.Span(" What judges now, recomputed, differs from the record.", className="status",
                               **{"data-status": "at_risk"}))  # fmt: skip
    return parts


def _side(
    found: records.Dossier, tracks: list[Any], side: tuple[str, str, JsonObject, Range], scheme: str | None,
    zone: str | None,
) -> html.Section:  # fmt: skip
    """One judgement: the readings with its limits and its excursions, and what it comes to."""
    name, title, judged, label = side
    drawn_as = replace(found, label=label, document=judged["document"])
    series = replace(records.series(drawn_as, tracks), outside=outside_of(judged))
    profile = judged["profile"]
    words = [tier_words(judged["suggestion"]["tier"]), text.count(len(judged["alarms"]), "alarm"),
             f"{profile['id']}, version {profile['version']}"]  # fmt: skip
    right = html.Span([status(judged["status"]), *(f" · {word}" for word in words)], className="small")
    if not series.tracks:
        return card(title, empty("No reading yet", checked_ms=found.now_ms), right=right)
    drawn = chart(series, scheme=scheme, zone=zone)
    reasons = "; ".join(judged["suggestion"]["reasons"])
    return card(
        title,
        graph(name, drawn.figure, style={"height": f"{drawn.height}px"}),
        html.P(f"{drawn.note}. {text.count(len(judged['excursions']), 'excursion')} marked. Suggestion: {reasons}.",
               className="chart-note"),
        right=right,
    )  # fmt: skip


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
