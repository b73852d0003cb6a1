"""One product profile: what it demands in words, its versions side by side, what it judges, who stands behind it."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html

from coldchain.domain.profile_advice import advice
from coldchain.domain.profile_compare import differences
from coldchain.errors import ColdchainError
from coldchain.registry import people, profile_uses, profiles
from coldchain.registry.profiles import StoredProfile
from coldchain.registry.viewer import Permission
from dashboard.pages.profiles import EDITOR, may_edit
from dashboard.parts import profile_blocks as blocks
from dashboard.parts import security
from dashboard.parts.elements import card, head, link, moment
from dashboard.parts.page import Page
from dashboard.parts.profile_acts import Words, approve, retire, typed
from dashboard.parts.states import attempt, refusal, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.profiles_one", "Product profile", path_template="/product-profiles/<profile_id>")
_CLOSE = {"aria-label": "Close"}
_ASKED = ("version", "from", "to")


def layout(profile_id: str = "", **query: str) -> Any:
    """Grey blocks of the final sizes; the callback fills them under the viewer."""
    return html.Div(
        [
            dcc.Store(id="profile-id", data=profile_id),
            dcc.Store(id="profile-asked", data={name: query.get(name) for name in _ASKED}),
            dcc.Store(id="profile-done"),
            html.Div(skeleton(52, 110, 420), id="profile-body", className="page"),
            *_dialogs(),
        ]
    )


def _dialogs() -> list[Any]:
    """Asked before anything happens that has a name under it."""
    approve = [
        html.P(id="profile-approve-what"),
        dmc.Textarea(id="profile-approve-reason", label="Reason", description="Such as the change control's number.",
                     required=True, autosize=True, minRows=2, mt=10),
        dmc.PasswordInput(id="profile-approve-password", label="Your password", mt=10, required=True,
                          description="Confirms that it is you who approves.",
                          inputProps={"autoComplete": "current-password"},
                          visibilityToggleButtonProps={"aria-label": "Show the password"}),
        html.Div(id="profile-approve-said", **{"aria-live": "polite"}),
        _buttons("profile-approve", "Approve"),
    ]  # fmt: skip
    retire = [
        html.P("Nothing new will be judged by it. What it judges now keeps it; its versions stay on record."),
        dmc.Textarea(id="profile-retire-reason", label="Reason", required=True, autosize=True, minRows=2, mt=10),
        html.Div(id="profile-retire-said", **{"aria-live": "polite"}),
        _buttons("profile-retire", "Retire"),
    ]  # fmt: skip
    return [
        dmc.Modal(approve, id="profile-approve", title="Approve", opened=False, closeButtonProps=_CLOSE),
        dmc.Modal(retire, id="profile-retire", title="Retire", opened=False, closeButtonProps=_CLOSE),
    ]


def _buttons(prefix: str, words: str) -> html.Div:
    return html.Div(
        [
            html.Button("Cancel", id=f"{prefix}-cancel", type="button", className="button"),
            html.Button(words, id=f"{prefix}-send", type="button", className="button primary"),
        ],
        className="dialog-actions",
    )


def register(app: Dash, services: Services) -> None:
    """The body once and after each act; the two dialogs."""

    @security.secured(
        app,
        Output("profile-body", "children"),
        Output("profile-approve-what", "children"),
        Input("profile-id", "data"),
        Input("profile-asked", "data"),
        Input("profile-done", "data"),
        perm=Permission.VIEW,
    )
    def body(profile_id: object, asked: object, _done: object) -> Any:
        given = asked if isinstance(asked, dict) else {}
        numbers = [_number(given.get(name)) for name in _ASKED]
        told: list[Any] = [None]

        def show() -> Any:
            found = history(services, str(profile_id))
            chosen = _chosen(found, numbers[0])
            told[0] = approval_words(chosen)
            return page_body(services, found, chosen, numbers[1], numbers[2])

        return attempt("product profile", show), told[0]

    _dialog(app, services, "profile-approve", approve)
    _dialog(app, services, "profile-retire", retire)


def _dialog(app: Dash, services: Services, name: str, act: Any) -> None:
    @security.secured(
        app,
        Output(name, "opened"),
        Input(f"{name}-open", "n_clicks"),
        Input(f"{name}-cancel", "n_clicks"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
    )
    def opened(opens: int | None, _cancels: int | None) -> Any:
        return bool(opens) and dash.ctx.triggered_id == f"{name}-open"

    @security.secured(
        app,
        Output("profile-done", "data", allow_duplicate=True),
        Output(f"{name}-said", "children"),
        Output(name, "opened", allow_duplicate=True),
        Output("profile-approve-password", "value", allow_duplicate=True),
        Input(f"{name}-send", "n_clicks"),
        State(f"{name}-reason", "value"),
        State("profile-approve-password", "value"),
        State("profile-id", "data"),
        State("profile-asked", "data"),
        perm=Permission.ASSESS,
        prevent_initial_call=True,
        running=[(Output(f"{name}-send", "disabled"), True, False)],
    )
    def send(clicks: int | None, reason: object, password: object, profile_id: object, asked: object) -> Any:
        if not clicks:
            return (dash.no_update,) * 4
        version = _number(asked.get("version")) if isinstance(asked, dict) else None
        said = reason.strip()[:2000] if isinstance(reason, str) else ""
        try:
            act(services, security.viewer(), str(profile_id), version, Words(said, typed(password)))
        except ColdchainError as error:
            return dash.no_update, refusal(error), True, ""
        return {"act": name, "click": clicks}, "", False, ""


def history(services: Services, profile_id: str) -> list[StoredProfile]:
    """Every version, newest first.

    Raises:
        NotFound: there is no such product profile.
    """
    with services.registry.read() as connection:
        profiles.get(connection, profile_id)
        return profiles.history(connection, profile_id)


def _chosen(found: list[StoredProfile], version: int | None) -> StoredProfile:
    return next((one for one in found if one.profile.version == version), found[0])


def approval_words(one: StoredProfile) -> str:
    """What a person approves."""
    name = one.profile.name or one.profile.id
    return (
        f"You approve version {one.profile.version} of {name} under your name; whoever wrote it may not. New "
        "shipments begin with the newest approved version; those under way keep theirs."
    )


def page_body(
    services: Services, found: list[StoredProfile], chosen: StoredProfile, old: int | None, new: int | None
) -> list[Any]:
    """The page of one profile at one of its versions."""
    viewer, profile = security.viewer(), chosen.profile
    said = {who for one in found for who in (one.who, one.approved_by, one.retired_by) if who}
    with services.registry.read() as connection:
        names = {"system": "Coldchain", **people.names(connection, said)}
        used = profile_uses.uses(connection, viewer, profile.id)
        counted = profile_uses.counted(connection, viewer)
    counts = {version: blocks.count_words(of) for (id_, version), of in counted.items() if id_ == profile.id}
    remarks = advice(profile)
    notes = [blocks.advice_block(remarks, profile, "For loggers that report every 10 min")] if remarks else []
    rules = card("Rules", blocks.rule_table(profile), *notes,
                 right=html.Span(profile.alarm_profile, className="dim small"))  # fmt: skip
    others = blocks.other_parts(chosen.body)
    budget = card("Time outside the label range", blocks.budget_table(profile))
    return [
        head(profile.name or profile.id, lead=_lead(chosen, names),
             crumb=[link("Product profiles", "/product-profiles"), " /"], actions=_actions(chosen)),
        *_banner(found, chosen, names),
        card("What the goods tolerate", blocks.demands(profile)),
        rules,
        html.Div([budget, *others], className="grid-even" if others else "stack"),
        card("Versions", blocks.versions_table(found, profile.version, names, counts)),
        *_comparison(found, old, new),
        card("What it judges now", blocks.uses_table(used, found[0].profile.version)),
    ]  # fmt: skip


def _lead(one: StoredProfile, names: dict[str, str]) -> list[Any]:
    words: list[Any] = [html.Span(one.profile.id, className="mono"), f" · version {one.profile.version} · "]
    words.append(blocks.state_mark(one.state))
    if one.state == "approved":
        words += [" by ", blocks.who_words(one.approved_by, names), ", ", moment(one.approved_ms)]
    return words


def _banner(found: list[StoredProfile], chosen: StoredProfile, names: dict[str, str]) -> list[Any]:
    """What a reader must not miss: that it is no more than a proposal, retired, or not the newest."""
    said: list[Any] = []
    if chosen.state == "retired":
        by = blocks.who_words(chosen.retired_by, names)
        said.append([html.B("Retired"), f" by {by}, ", moment(chosen.retired_ms), f": {chosen.retired_reason}"])
    elif chosen.state == "proposal":
        said.append([html.B("A proposal."), " Nobody of the quality unit has approved this version yet."])
    if chosen.profile.version != found[0].profile.version:
        newest = found[0].profile.version
        said.append(["An earlier version; the newest is ", link(f"version {newest}", blocks.address(chosen.profile.id)),
                     "."])  # fmt: skip
    return [html.Div([html.P(one) for one in said], className="banner")] if said else []


def _actions(chosen: StoredProfile) -> list[Any]:
    if not may_edit():
        return []
    at = f"{EDITOR}?profile={chosen.profile.id}&version={chosen.profile.version}"
    shown: list[Any] = [
        html.A("Edit", href=at, className="button"),
        html.A("Copy", href=f"{at}&copy=1", className="button"),
        html.A("Try on past shipments", href=at.replace(EDITOR, "/rule-lab"), className="button"),
    ]
    if chosen.state != "retired":
        shown.append(html.Button("Retire", id="profile-retire-open", type="button", className="button"))
    if chosen.state == "proposal":
        shown.append(html.Button(f"Approve version {chosen.profile.version}", id="profile-approve-open", type="button",
                                 className="button primary"))  # fmt: skip
    return shown


def _comparison(found: list[StoredProfile], old: int | None, new: int | None) -> list[html.Section]:
    if len(found) < 2:
        return []
    newer = _chosen(found, new)
    older = next((one for one in found if one.profile.version == old), None)
    if older is None:
        older = next((one for one in found if one.profile.version < newer.profile.version), found[-1])
    titles = [f"Version {one.profile.version}" for one in (older, newer)]
    said = html.Span(f"{titles[0]} and {titles[1].lower()}", className="dim small")
    changed = differences(older.body, newer.body)
    return [card("Comparison", blocks.difference_table(changed, *titles), right=said, id="compare")]


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 10 else None
