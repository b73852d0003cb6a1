"""The workbench: three ways in, what arrives from things that nobody knows yet, and from there to a device profile."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html

from coldchain.errors import InvalidValue, NotFound
from coldchain.registry.viewer import Permission
from dashboard.parts import arriving, credentials, grid, security, text
from dashboard.parts.bench import whole
from dashboard.parts.elements import card, head
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, refusal, skeleton
from dashboard.services import Services

PAGE = Page("dashboard.pages.connect", "Connect a logger", path="/connect", icon="connect", perm=Permission.OPERATE)
TICK_MS = 2000


def layout(**query: str) -> Any:
    """The frame; ways in, sources and messages are filled under the viewer."""
    services, viewer = security.services(), security.viewer()
    if viewer.scoped:
        return html.Div(attempt("workbench", lambda: whole(viewer)), className="page")
    search = dmc.TextInput(
        id="connect-text", placeholder="search topics and loggers", value=query.get("logger") or "", debounce=250,
        size="xs", className="field wide",
        inputProps={"data-search": "1", "type": "search", "aria-label": "Search sources"},
    )  # fmt: skip
    return html.Div(
        [
            head("Connect a logger", lead="From an unknown logger to its first reading, without a restart"),
            card("Ways in", credentials.offer(services, viewer)),
            card("What arrives and is not understood", html.Div(skeleton(120), id="connect-sources"), right=search),
            html.Div(html.Div(id="connect-messages"), id="connect-chosen-box"),
            dcc.Store(id="connect-chosen", data=query.get("source")),
            dcc.Store(id="connect-message"),
            dcc.Store(id="connect-seen"),
            dcc.Store(id="connect-listed"),
            dcc.Store(id="topic-end"),
            dcc.Interval(id="connect-tick", interval=TICK_MS),
        ],
        className="page",
    )


def register(app: Dash, services: Services) -> None:
    """What is made on the page, and what follows the arrivals."""
    _register_making(app, services)
    _register_topics(app, services)

    @security.secured(
        app,
        Output("connect-sources", "children"),
        Output("connect-seen", "data"),
        Input("connect-tick", "n_intervals"),
        Input("connect-text", "value"),
        State("connect-chosen", "data"),
        State("connect-seen", "data"),
        perm=Permission.OPERATE,
    )
    def sources(_tick: object, words: object, chosen: object, seen: object) -> Any:
        viewer, now_ms, sought = whole(security.viewer()), services.clock.now_ms(), grid.chosen(words)
        found = arriving.unknown(services, viewer, now_ms, sought)
        count, newest = sum(one.messages for one in found), max((one.newest for one in found), default=0)
        state = f"{sought or ''}/{len(found)}/{count}/{newest}"
        if state == seen:
            return dash.no_update, dash.no_update

        def show() -> Any:
            some = arriving.guessed(services, found[: arriving.MOST])
            more = max(0, len(found) - arriving.MOST)
            return arriving.source_list(some, more, grid.chosen(chosen), now_ms)

        return attempt("list of sources", show), state

    @security.secured(
        app,
        Output("connect-messages", "children"),
        Output("connect-listed", "data"),
        Input("connect-tick", "n_intervals"),
        Input("connect-chosen", "data"),
        Input("connect-message", "data"),
        State("connect-listed", "data"),
        perm=Permission.OPERATE,
    )
    def messages(_tick: object, chosen: object, picked: object, listed: object) -> Any:
        whole(security.viewer())
        key = grid.chosen(chosen)
        if key is None:
            return dash.no_update, dash.no_update
        seen = arriving.by_key(services, key)
        state = f"{key}/{seen.newest if seen else 0}/{picked}"
        if state == listed:
            return dash.no_update, dash.no_update
        return attempt("messages of this source", lambda: _messages(services, seen, picked)), state


def _messages(services: Services, seen: Any, picked: object) -> Any:
    if seen is None:
        words = "Its messages have been understood meanwhile, or were pushed out by others."
        return card(None, empty("Nothing unknown from this source any more", html.Span(words)))
    found = services.journal.alike(seen.transport, seen.source, seen.logger, arriving.NEWEST)
    wanted = int(picked) if isinstance(picked, str) and picked.isdecimal() and len(picked) < 19 else None
    one = next((message for message in found if message.offset == wanted), found[0])
    title = f"Newest {text.count(len(found), 'message')} from this source"
    guessed = arriving.guess(services.pipeline.carriers, one)
    return html.Div(
        [card(title, arriving.message_list(found, one.offset)), card("Message", arriving.whole(one, guessed))],
        className="grid-third",
    )


def _register_making(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("mqtt-made", "children"),
        Input("mqtt-make", "n_clicks"),
        State("mqtt-logger", "value"),
        State("mqtt-interval", "value"),
        State("mqtt-again", "checked"),
        perm=Permission.ADMINISTER,
        prevent_initial_call=True,
    )
    def mqtt(clicks: int | None, logger: object, interval: object, again: object) -> Any:
        if not clicks:
            return dash.no_update
        try:
            return credentials.make_logger(services, whole(security.viewer()), logger, interval, again=again is True)
        except InvalidValue as error:
            return refusal(error)

    @security.secured(
        app,
        Output("hook-made", "children"),
        Input("hook-make", "n_clicks"),
        State("hook-name", "value"),
        State("hook-source", "value"),
        State("hook-loggers", "value"),
        perm=Permission.ADMINISTER,
        prevent_initial_call=True,
    )
    def webhook(clicks: int | None, name: object, source: object, only: object) -> Any:
        if not clicks:
            return dash.no_update
        try:
            return credentials.make_key(services, whole(security.viewer()), name, source, only)
        except InvalidValue as error:
            return refusal(error)


def _register_topics(app: Dash, services: Services) -> None:
    @security.secured(
        app,
        Output("topic-list", "children"),
        Output("topic-said", "children"),
        Input("topic-add", "n_clicks"),
        Input("topic-end", "data"),
        State("topic-filter", "value"),
        perm=Permission.ADMINISTER,
        prevent_initial_call=True,
    )
    def topics(clicks: int | None, ended: object, wanted: object) -> Any:
        viewer = whole(security.viewer())
        try:
            if dash.ctx.triggered_id == "topic-end" and ended:
                credentials.unlisten(services, viewer, ended)
            elif clicks:
                credentials.listen(services, viewer, wanted)
            else:
                return dash.no_update, dash.no_update
        except (InvalidValue, NotFound) as error:
            return dash.no_update, refusal(error)
        return credentials.topic_list(services, may=True), ""
