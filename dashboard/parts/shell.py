"""What stands around every page: header, navigation, the live badge, notices, and the dialogs of all pages."""

from typing import Any, NamedTuple

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html

from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import acknowledge, derivation, security
from dashboard.services import Services, WebSettings


class Entry(NamedTuple):
    """A line of the navigation; `perm` is what its page demands."""

    title: str
    path: str
    icon: str
    perm: Permission = Permission.VIEW


THEME = {
    "primaryColor": "blue",
    "primaryShade": {"light": 9, "dark": 8},
    "autoContrast": True,
    "fontFamily": 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
    "defaultRadius": "sm",
}
KEYS = (
    (("j", "k"), "next, previous row"),
    (("Enter",), "open the row"),
    (("a",), "acknowledge the row"),
    (("s",), "set an alarm aside, or watch it again"),
    (("c",), "comment on an alarm"),
    (("h",), "hand an alarm over"),
    (("r",), "reset an alarm that is over"),
    (("o",), "open the alarm, unfold a storm"),
    (("x",), "choose an alarm"),
    (("A",), "acknowledge the chosen ones"),
    (("/",), "search"),
    (("g", "t"), "control tower"),
    (("g", "a"), "alarms"),
    (("g", "s"), "shipments"),
    (("g", "e"), "excursions"),
    (("g", "l"), "loggers"),
    (("g", "c"), "compliance"),
    (("g", "x"), "exports"),
    (("?",), "this list"),
)


def shell(viewer: Viewer, settings: WebSettings, entries: tuple[Entry, ...]) -> Any:
    """The frame for one viewer; the page itself is put in by Dash's router."""
    return dmc.MantineProvider(
        [
            html.A("Skip to the content", href="#content", className="skip"),
            html.Div(id="say", className="visually-hidden", **{"aria-live": "polite"}),
            html.Div(id="say-now", className="visually-hidden", **{"aria-live": "assertive"}),
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="live"),
            dcc.Store(id="scheme", data="light"),
            dcc.Store(id="zone", data="UTC"),
            dcc.Store(id="site-zone", data=settings.zone),
            dmc.NotificationContainer(id="notices", position="bottom-right"),
            *_dialogs(),
            dmc.AppShell(
                [
                    dmc.AppShellHeader(_header(settings)),
                    dmc.AppShellNavbar(_navigation(viewer, settings, entries)),
                    dmc.AppShellMain(
                        [
                            html.Div(id="undelivered", className="undelivered", role="alert"),
                            html.Div(dash.page_container, id="content", tabIndex="-1"),
                        ]
                    ),
                ],
                id="shell",
                header={"height": 52},
                navbar={"width": 208, "breakpoint": "sm", "collapsed": {"mobile": True}},
            ),
            html.Div(id="mantine-ready"),
        ],
        id="mantine",
        theme=THEME,
        defaultColorScheme="light",
    )


def _header(settings: WebSettings) -> html.Div:
    return html.Div(
        [
            dmc.Burger(id="burger", size="sm", hiddenFrom="sm", **{"aria-label": "Menu"}),
            html.A([html.Span(className="brand-mark icon-mark"), "Coldchain"], href="/", className="brand"),
            html.Span(settings.site_name, className="site") if settings.site_name != "Coldchain" else None,
            html.Span(className="spring"),
            html.Span("UTC", id="zone-label", className="dim small zone-field", title="Times are shown in this zone"),
            html.Span("Connecting", id="live-badge", className="live-badge", role="status"),
        ],
        className="top",
    )


def _navigation(viewer: Viewer, settings: WebSettings, entries: tuple[Entry, ...]) -> html.Div:
    links = [
        dcc.Link(
            [
                html.Span(className=f"icon icon-{entry.icon}"),
                entry.title,
                *([html.Span(id="nav-open", className="count")] if entry.icon == "excursions" else []),
            ],
            href=entry.path,
        )
        for entry in entries
        if viewer.may(entry.perm)
    ]
    foot = html.Div(
        [
            _segments("Times", "zone", [("utc", "UTC"), ("browser", "Local"), *_site_choice(settings)]),
            _segments("Colours", "scheme", [("light", "Light"), ("dark", "Dark"), ("system", "System")]),
            html.Div([html.Div(viewer.name, className="who"), html.Div(viewer.role, className="dim small")]),
            html.Button("Sign out", type="button", className="button", **{"data-sign-out": "1"}),
        ],
        className="foot",
    )
    return html.Nav([*links, foot], className="nav", **{"aria-label": "Pages"})


def _site_choice(settings: WebSettings) -> list[tuple[str, str]]:
    return [] if settings.zone == "UTC" else [("site", "Site")]


def _segments(label: str, kind: str, choices: list[tuple[str, str]]) -> html.Div:
    buttons = [
        html.Button(words, type="button", **{f"data-choose-{kind}": value, "aria-pressed": "false"})
        for value, words in choices
    ]
    return html.Div([html.Div(label, className="dim small"), html.Div(buttons, className="segments", role="group",
                     **{"aria-label": label})])  # fmt: skip


def _dialogs() -> list[Any]:
    keys = [
        html.Div([html.Span([part for key in keys for part in (html.Kbd(key), " ")]), html.Span(meaning)],
                 style={"display": "grid", "gridTemplateColumns": "90px 1fr", "padding": "3px 0"})
        for keys, meaning in KEYS
    ]  # fmt: skip
    close = {"aria-label": "Close"}
    return [
        dmc.Modal(
            [*keys, html.Div(html.Button("Switch single keys off", type="button", className="button",
                                         **{"data-keys-switch": "1"}), className="dialog-actions")],
            id="keys-help", title="Keys", opened=False, closeButtonProps=close,
        ),
        dmc.Modal(
            [
                html.P("You were signed out, or your session has ended. What you see stays here."),
                html.Div(html.A("Sign in again", href="/sign-in", target="_blank", className="button primary"),
                         className="dialog-actions"),
            ],
            id="signed-out", title="Signed out", opened=False, closeButtonProps=close,
        ),
        *acknowledge.dialog(),
        *derivation.panel(),
    ]  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """The callbacks of the frame; all but the acknowledging run in the browser."""
    acknowledge.register(app, services)
    derivation.register(app, services)

    def browser(name: str, *dependencies: Any, **options: Any) -> None:
        app.clientside_callback(dash.ClientsideFunction("coldchain", name), *dependencies, **options)

    browser("ready", Output("mantine-ready", "title"), Input("mantine-ready", "id"))
    browser("burger", Output("shell", "navbar"), Input("burger", "opened"))
    browser("current", Output("burger", "opened"), Input("url", "pathname"))
    browser("count", Output("nav-open", "children"), Input("live", "data"))


def allowed(perm: Permission) -> bool:
    """Whether the viewer of this request may do something; for what a page offers, never for what it does."""
    return security.viewer().may(perm)
