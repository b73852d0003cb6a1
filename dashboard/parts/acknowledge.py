"""The dialog by which a person takes an alarm in hand, from any page."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from alerts import lifecycle
from alerts.lifecycle import LONGEST_COMMENT, Act
from coldchain.registry import alarms
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import security
from dashboard.services import Services


def dialog() -> list[Any]:
    """The dialog and what it remembers: the alarm it is about, and the one that was acknowledged last."""
    buttons = [
        html.Button("Cancel", id="ack-cancel", type="button", className="button"),
        html.Button("Acknowledge", id="ack-send", type="button", className="button primary"),
    ]
    comment = dmc.Textarea(
        id="ack-comment", label="Comment", description="What you know or will do. It goes into the record.",
        autosize=True, minRows=2, mt=10,
    )  # fmt: skip
    return [
        dcc.Store(id="ack-alarm"),
        dcc.Store(id="ack-done"),
        dmc.Modal(
            [html.P(id="ack-what"), comment, html.Div(buttons, className="dialog-actions")],
            id="ack-dialog", title="Acknowledge alarm", opened=False, closeButtonProps={"aria-label": "Close"},
        ),
    ]  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """Opening and closing happen in the browser; acknowledging asks the server."""
    app.clientside_callback(
        ClientsideFunction("coldchain", "acknowledge"),
        Output("ack-dialog", "opened"),
        Output("ack-what", "children"),
        Input("ack-alarm", "data"),
        State("live", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("coldchain", "dropAlarm"),
        Output("ack-alarm", "data"),
        Output("ack-comment", "value"),
        Input("ack-cancel", "n_clicks"),
        Input("ack-dialog", "opened"),
        Input("ack-done", "data"),
        prevent_initial_call=True,
    )

    @security.secured(
        app,
        Output("ack-done", "data"),
        Output("notices", "sendNotifications"),
        Input("ack-send", "n_clicks"),
        State("ack-alarm", "data"),
        State("ack-comment", "value"),
        perm=Permission.ACKNOWLEDGE,
        prevent_initial_call=True,
        running=[(Output("ack-send", "disabled"), True, False)],
    )
    def acknowledge(clicks: int | None, alarm: object, comment: object) -> Any:
        if not clicks or not isinstance(alarm, str):
            return dash.no_update, dash.no_update
        words = comment.strip()[:LONGEST_COMMENT] if isinstance(comment, str) else ""
        act = acknowledged(services, security.viewer(), alarm, words)
        return {"alarm": alarm, "click": clicks}, [note(act)]


def acknowledged(services: Services, viewer: Viewer, alarm: str, comment: str) -> Act:
    """Acknowledge an alarm that this viewer may see, under its name.

    Raises:
        NotFound: there is no such alarm for this viewer.
    """
    with services.registry.write() as connection:
        alarms.alarm(connection, viewer, alarm)
        done = lifecycle.acknowledge(
            connection, alarm, who=viewer.id, via="browser", comment=comment, now_ms=services.clock.now_ms()
        )
    return done.act


def note(act: Act) -> dict[str, Any]:
    """What the person is told."""
    told = {
        Act.ACKNOWLEDGED: ("Acknowledged", "Recorded under your name; repeats of this alarm stop."),
        Act.ALREADY_ACKNOWLEDGED: ("Already acknowledged", "Somebody was quicker; the first answer stands."),
    }
    title, message = told.get(act, (act.value, ""))
    return {"action": "show", "title": title, "message": message, "color": "blue", "autoClose": 5000}
