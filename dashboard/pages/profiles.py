"""Every product profile: what it demands, whether the quality unit approved it, and how much it judges."""

from typing import Any

from dash import Dash, Input, Output, html

from coldchain.registry import people, profile_uses, profiles
from coldchain.registry.profiles import StoredProfile
from coldchain.registry.viewer import Permission
from dashboard.parts import profile_words as words
from dashboard.parts import security, text
from dashboard.parts.elements import Column, card, head, link, moment, table
from dashboard.parts.page import Page
from dashboard.parts.profile_blocks import address, count_words, state_mark, who_words
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.profiles", "Product profiles", path="/product-profiles", icon="profiles")
EDITOR = "/product-profiles/-/edit"
_COLUMNS = (
    Column("Product profile"), Column("State"), Column("Version", numeric=True), Column("Label range"),
    Column("Storage class"), Column("Judges now"), Column("Saved"),
)  # fmt: skip


def layout(**_query: str) -> Any:
    """The title, and grey blocks that the callback fills."""
    new = link("New product profile", EDITOR)
    new.className = "button"
    return html.Div(
        [
            head(
                "Product profiles",
                lead="What goods tolerate, and which rules watch over them",
                actions=[new] if may_edit() else [],
            ),
            html.Div(skeleton(420), id="profiles-body", className="stack"),
        ],
        className="page",
    )


def may_edit() -> bool:
    """Whether the viewer of this request may make, approve and retire product profiles."""
    viewer = security.viewer()
    return viewer.may(Permission.ASSESS) and not viewer.scoped


def register(app: Dash, services: Services) -> None:
    """The list, once."""

    @security.secured(app, Output("profiles-body", "children"), Input("profiles-body", "id"), perm=Permission.VIEW)
    def body(_id: object) -> Any:
        return attempt("list of product profiles", lambda: page_body(services))


def page_body(services: Services) -> list[Any]:
    """Those in use, then the retired ones."""
    viewer = security.viewer()
    with services.registry.read() as connection:
        found = profiles.listed(connection, all_versions=True)
        counts = profile_uses.counted(connection, viewer)
        names = {"system": "Coldchain", **people.names(connection, {one.who for one in found})}
    newest = list({one.profile.id: one for one in found}.values())
    rows = {state: [_row(one, found, counts, names) for one in newest if (one.state == "retired") == state]
            for state in (False, True)}  # fmt: skip
    if not newest:
        return [card(None, empty("There is no product profile", checked_ms=services.clock.now_ms()))]
    proposals = sum(one.state == "proposal" for one in newest)
    note = "A proposal judges goods like any other, and says so wherever it is named." if proposals else ""
    checked = html.Span(["Checked ", moment(services.clock.now_ms(), "second")], className="dim small")
    shown = [card(text.count(len(rows[False]), "product profile"), table(_COLUMNS, rows[False], "Product profiles"),
                  html.P(note, className="note"), right=checked)]  # fmt: skip
    if rows[True]:
        shown.append(card("Retired", table(_COLUMNS, rows[True], "Retired product profiles")))
    return shown


def _row(
    one: StoredProfile, every: list[StoredProfile], counts: dict[tuple[str, int], dict[str, int]], names: dict[str, str]
) -> tuple[Any, ...]:
    profile = one.profile
    called = link(profile.name or profile.id, address(profile.id))
    name = html.Div([called, html.Span(profile.id, className="mono dim")], className="lines")
    saved = html.Div([moment(one.recorded_ms), html.Span(who_words(one.who, names), className="dim small")],
                     className="lines")  # fmt: skip
    used: dict[str, int] = {}
    for version in (each.profile.version for each in every if each.profile.id == profile.id):
        for kind, number in counts.get((profile.id, version), {}).items():
            used[kind] = used.get(kind, 0) + number
    approved = max((each.profile.version for each in every if each.profile.id == profile.id and each.approved_ms),
                   default=None)  # fmt: skip
    state: Any = state_mark(one.state)
    if one.state == "proposal" and approved is not None:
        state = html.Div([state, html.Span(f"version {approved} is approved", className="dim small")],
                         className="lines")  # fmt: skip
    return (
        name, state, str(profile.version), words.range_words(profile.label),
        words.CLASS_WORDS.get(profile.storage_class, profile.storage_class), count_words(used), saved,
    )  # fmt: skip
