"""By which product profile a shipment or store is judged, and was before, each with its result; and changing it."""

from typing import Any, NamedTuple

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from sqlalchemy import Connection

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.domain.shipment import FactKind
from coldchain.errors import ColdchainError, Forbidden, InvalidValue, NotFound
from coldchain.registry import facts, past_documents, people, profiles, shipment_views, shipments, stores
from coldchain.registry.facts import Fact
from coldchain.registry.past_documents import PastDocument
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import security, text
from dashboard.parts.budget_blocks import Derives, plain
from dashboard.parts.derivation import number
from dashboard.parts.elements import Column, moment, status, table
from dashboard.parts.profile_blocks import version_link, who_words
from dashboard.parts.states import attempt, empty, refusal, skeleton
from dashboard.policy import API
from dashboard.services import Services

Json = dict[str, Any]
TICK_MS, MOST_TICKS = 2000, 90
_COLUMNS = (
    Column("Judged by"), Column("As of"), Column("Status"), Column("In range", numeric=True),
    Column("Outside", numeric=True), Column("Excursions", numeric=True), Column("MKT", numeric=True),
    Column("Suggestion"), Column("Why another one"),
)  # fmt: skip


class Judged(NamedTuple):
    """The product profile in force with today's document, and every earlier document."""

    subject: Subject
    fact: Fact | None
    document: Json
    status: str
    as_of: str | None
    past: list[PastDocument]
    names: dict[str, str]
    states: dict[tuple[str, int], str]  # of every version on record: proposal, approved, retired

    @property
    def waiting(self) -> bool:
        """Whether the engine has not come to the product profile in force yet."""
        made_by = self.document.get("profile") or {}
        return self.fact is not None and bool(self.document) and made_by != self.fact.body


def block(kind: str, id_: str) -> html.Div:
    """The place for it on the page of a shipment or store; `register` fills it."""
    return html.Div(
        [
            dcc.Store(id="judged-subject", data=[kind, id_]),
            dcc.Store(id="judged-done"),
            dcc.Interval(id="judged-tick", interval=TICK_MS, max_intervals=MOST_TICKS, disabled=True),
            html.Div(skeleton(90), id="judged-body"),
            html.Div(id="judged-form"),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """The table now, after a change and until the engine has followed; the form."""

    @security.secured(
        app,
        Output("judged-body", "children"),
        Output("judged-tick", "disabled"),
        Input("judged-subject", "data"),
        Input("judged-done", "data"),
        Input("judged-tick", "n_intervals"),
        perm=Permission.VIEW,
    )
    def body(asked: object, _done: object, _ticks: object) -> Any:
        waits: list[bool] = []

        def show() -> Any:
            found = load(services, security.viewer(), *_asked(asked))
            waits.append(found.waiting)
            return results(found)

        return attempt("result", show), not any(waits)

    @security.secured(
        app,
        Output("judged-form", "children"),
        Input("judged-subject", "data"),
        Input("judged-done", "data"),
        perm=Permission.VIEW,
    )
    def form(asked: object, done: object) -> Any:
        viewer, given = security.viewer(), done.get("given") if isinstance(done, dict) else None
        if not viewer.may(Permission.ASSESS) or viewer.scoped:
            return None
        return _form(services, *_asked(asked), str(given) if given else "")

    @security.secured(
        app,
        Output("judged-done", "data"),
        Output("judged-said", "children"),
        Input("judged-send", "n_clicks"),
        State("judged-choice", "value"),
        State("judged-reason", "value"),
        State("judged-subject", "data"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
        running=[(Output("judged-send", "disabled"), True, False)],
    )
    def send(clicks: int | None, choice: object, reason: object, asked: object) -> Any:
        if not clicks:
            return dash.no_update, dash.no_update
        try:
            given = give(services, security.viewer(), *_asked(asked), choice, reason)
        except ColdchainError as error:
            why = refusal(error)
            return dash.no_update, why
        return {"click": clicks, "given": given}, ""


def _asked(given: object) -> tuple[str, str]:
    kind, id_ = given if isinstance(given, list) and len(given) == 2 else ("", "")
    if kind not in ("shipment", "store") or not isinstance(id_, str):
        raise NotFound("there is nothing of this kind")
    return kind, id_


def load(services: Services, viewer: Viewer, kind: str, id_: str) -> Judged:
    """Read it under the viewer.

    Raises:
        NotFound: no such shipment or store for this viewer.
    """
    subject = Subject(SubjectKind(kind), id_)
    with services.registry.read() as connection:
        document, shown = _document(connection, viewer, subject)
        held = facts.known(connection, subject=subject, kinds=[FactKind.PROFILE])
        past = past_documents.listed(connection, viewer, subject)
        who = {one.who for one in past} | {one.who for one in held}
        names = {"system": "Coldchain", **people.names(connection, who)}
        known = profiles.listed(connection, all_versions=True)
    states = {(one.profile.id, one.profile.version): one.state for one in known}
    return Judged(subject, held[-1] if held else None, document, shown["status"], shown.get("as_of"), past, names,
                  states)  # fmt: skip


def _document(connection: Connection, viewer: Viewer, subject: Subject) -> tuple[Json, Json]:
    """Today's document, empty where there is none, and the subject as lists show it."""
    if subject.kind is SubjectKind.STORE:
        found = stores.shown(connection, viewer, subject.id)
        return found["document"] or {}, found
    shown = shipment_views.shown(connection, viewer, subject.id)
    try:
        return shipment_views.compliance(connection, viewer, subject.id), shown
    except NotFound:
        return {}, shown


def results(found: Judged) -> Any:
    """Today's result and every earlier one, line by line."""
    if found.fact is None:
        return empty("No product profile is assigned")
    body = found.fact.body
    named = version_link(body["id"], body["version"], found.states.get((body["id"], body["version"])))
    by, why = who_words(found.fact.who, found.names), found.fact.reason
    since = html.Span([" since ", moment(iso(found.fact.recorded_ms)), f" by {by}" + (f": {why}" if why else "")],
                      className="dim small")  # fmt: skip
    parts: list[Any] = [html.P([named, since], className="note")]
    if found.waiting:
        parts.append(html.P("It is being judged again by this version; the result follows in a moment.",
                            className="note", role="status"))  # fmt: skip
    elif not found.document:
        parts.append(html.P("Nothing was judged yet.", className="note"))
    if found.past:
        parts.append(table(_COLUMNS, [*_now(found), *(_line(found, one) for one in found.past)],
                           "The result by each product profile"))  # fmt: skip
    return html.Div(parts, className="past")


def _now(found: Judged) -> list[tuple[Any, ...]]:
    if found.waiting or not found.document:
        return []
    made_by = found.document["profile"]
    name = html.B([version_link(made_by["id"], made_by["version"], None), ", in force"])
    return [(name, moment(found.as_of), status(found.status), *_figures(found.document, _derived(found)),
             text.ABSENT)]  # fmt: skip


def _derived(found: Judged) -> Derives:
    """Numbers of today's result that lead to their derivation; those of earlier ones stand in their documents."""
    document, kind = found.document, found.subject.kind.value
    of = {kind: found.subject.id, "logger": document["governing_logger"], "channel": document["governing_channel"]}
    return plain if of["logger"] is None else lambda shown, figure: number(shown, figure, **of)


def _line(found: Judged, one: PastDocument) -> tuple[Any, ...]:
    at = f"{API}/{found.subject.kind.value}s/{found.subject.id}/compliance/past/{one.id}"
    document = html.A("figures as JSON", href=at, className="small")
    name = html.Div([version_link(one.profile, one.version, None), document], className="lines")
    why = html.Div([one.reason or text.ABSENT, html.Span([who_words(one.who, found.names), ", ",
                    moment(iso(one.replaced_ms))], className="dim small")], className="lines")  # fmt: skip
    return name, moment(iso(one.as_of_ms)), status(one.status), *_figures(one.document, kept), why


def kept(shown: Any, _figure: str) -> html.Span:
    """A number of an earlier result, as it stood: its document is linked at the beginning of the row."""
    return html.Span(shown, className="kept-figure")


def _figures(document: Json, derived: Derives = plain) -> tuple[Any, ...]:
    seen, mkt = document.get("temperature") or {}, document.get("mkt") or {}
    if not seen:
        return (text.ABSENT,) * 5
    outside = seen["time_above_s"] + seen["time_below_s"]
    judged = seen["time_in_range_s"] + outside
    channels = document.get("channels", ())
    excursions = sum(len(channel.get("excursions", ())) for channel in channels)
    advised = document.get("suggestion") or {}
    tier = advised["reasons"][0] if advised.get("reasons") else None
    return (
        derived(text.percent_floored(seen["time_in_range_s"], judged), "temperature.in_range_pct") if judged
        else text.ABSENT,
        derived(text.duration(outside), "temperature.time_outside_s"),
        derived(f"{excursions:,}", "excursions.count") if len(channels) == 1 else f"{excursions:,}",
        derived(text.fixed(mkt.get("value_c"), 2, "°C"), "mkt.value_c"),
        text.ABSENT if tier is None else derived(f"tier {advised['tier']}: {tier}", "suggestion.tier"),
    )  # fmt: skip


def _form(services: Services, kind: str, id_: str, given: str) -> html.Details:
    found = load(services, security.viewer(), kind, id_)
    held = None if found.fact is None else (found.fact.body["id"], found.fact.body["version"])
    same = None if held is None else held[0]
    ordered = sorted(found.states.items(), key=lambda item: (item[0][0] != same, item[0][0], -item[0][1]))
    options = [
        {"value": f"{profile}@{version}", "label": f"{profile} version {version}"
         + ("" if state == "approved" else f" ({state})")}
        for (profile, version), state in ordered
        if (profile, version) != held and state != "retired"
    ]  # fmt: skip
    fields = [
        dmc.Select(id="judged-choice", label="Product profile", data=options, searchable=True, placeholder="choose",
                   size="sm"),
        dmc.TextInput(id="judged-reason", label="Reason", size="sm", required=True),
        html.Button("Judge again", id="judged-send", type="button", className="button primary"),
    ]  # fmt: skip
    said = f"Judged by {given} from now on; what was found before stays above." if given else ""
    inner = [html.Div(fields, className="form-row"), html.Div(said, id="judged-said", **{"aria-live": "polite"})]
    return html.Details([html.Summary("Judge by another version"), html.Div(inner, className="body")], className="more",
                        open=bool(given))  # fmt: skip


def give(services: Services, viewer: Viewer, kind: str, id_: str, choice: object, reason: object) -> str:
    """Have a shipment or store judged by another version; what it is judged by then.

    Raises:
        Forbidden: the viewer may not.
        NotFound: no such shipment or store for this viewer.
        InvalidValue: names what is missing.
    """
    if not viewer.may(Permission.ASSESS) or viewer.scoped:
        raise Forbidden("By what goods are judged is decided by the quality unit.")
    profile, _, number = choice.partition("@") if isinstance(choice, str) else ("", "", "")
    if not (number.isdecimal() and len(number) < 10):
        raise InvalidValue("Product profile: choose a version.")
    said = reason.strip()[:2000] if isinstance(reason, str) else ""
    if not said:
        raise InvalidValue("Reason: say why; every figure changes.")
    now_ms = services.clock.now_ms()
    with services.registry.write() as connection:
        version = profiles.version_for(connection, profile, int(number))
        if kind == "store":
            stores.shown(connection, viewer, id_)
            facts.assign_profile(connection, Subject(SubjectKind.STORE, id_), profile, version, who=viewer.id,
                                 reason=said, now_ms=now_ms)  # fmt: skip
        else:
            shipments.change(connection, id_, {"product_profile": profile, "product_profile_version": version},
                             version=None, by=viewer, reason=said, now_ms=now_ms)  # fmt: skip
    return f"{profile} version {version}"
