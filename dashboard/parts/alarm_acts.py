"""The dialog of every act on an alarm, and by which several are acknowledged at once."""

from typing import Any, NamedTuple

import dash
import dash_mantine_components as dmc
import flask
from dash import Dash, Input, Output, State, dcc, html
from sqlalchemy import Connection

from alerts import lifecycle, shelving
from alerts.lifecycle import LONGEST_COMMENT, Act, Done
from alerts.timers import longest_shelf_ms
from coldchain.domain.finding import Severity
from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry import alarms, people
from coldchain.registry.viewer import PERMISSIONS, Permission, Viewer
from dashboard.confirm import confirmed
from dashboard.parts import alarm_many, security
from dashboard.parts.alarm_words import title
from dashboard.security import client_address
from dashboard.services import Services

_MINUTES = {15: "15 minutes", 30: "30 minutes", 60: "1 hour", 240: "4 hours", 720: "12 hours", 1440: "24 hours"}
_MANY = ("acknowledge", "shelve-many", "assign-many")
_HIDDEN = {"display": "none"}
_SHOWN: dict[str, str] = {}


class Asked(NamedTuple):
    """What a person fills in."""

    act: str
    alarm: str
    words: str = ""
    minutes: int | None = None
    person: str | None = None
    password: str = ""


HEADINGS = {
    "shelve": "Set alarm aside", "agree": "Agree to set it aside", "unshelve": "Watch it again",
    "comment": "Comment", "assign": "Hand over", "reset": "Take off the board", "acknowledge": "Acknowledge alarms",
    "shelve-many": "Set alarms aside", "assign-many": "Hand alarms over",
}  # fmt: skip
BUTTONS = {
    "shelve": "Set aside", "agree": "I agree", "unshelve": "Watch again", "comment": "Add comment",
    "assign": "Hand over", "reset": "Reset", "acknowledge": "Acknowledge",
    "shelve-many": "Set aside", "assign-many": "Hand over",
}  # fmt: skip
_NEEDS = {  # minutes, person, words, password
    "shelve": (True, False, True, False), "assign": (False, True, False, False), "agree": (False, False, False, False),
    "reset": (False, False, True, True), "shelve-many": (True, False, True, False),
    "assign-many": (False, True, False, False),
}  # fmt: skip
_DONE = {
    Act.SHELVED: ("Set aside", "It is silent until then; evaluation and record go on."),
    Act.SHELF_ASKED: ("One more person is needed", "Somebody else has to agree within 15 minutes."),
    Act.UNSHELVED: ("Watched again", "People are told if it is still active."),
    Act.COMMENTED: ("Comment added", "It stands in the alarm's timeline."),
    Act.ASSIGNED: ("Handed over", "The name stands on the board; the alarm stays as it is."),
    Act.RESET: ("Reset", "It is off the board; its record stays."),
}  # fmt: skip


def dialog() -> list[Any]:
    """The dialog and what it remembers: what it is about (`act:alarm`), and what was done last.

    Who may not acknowledge gets no dialog; so nothing on the page asks for what would be refused.
    """
    if not security.viewer().may(Permission.ACKNOWLEDGE):
        return [dcc.Store(id="alarm-act-done")]
    fields = [
        html.P(id="alarm-act-what"),
        html.Div(dmc.Select(id="alarm-act-minutes", label="For how long", data=[], comboboxProps={"zIndex": 400}),
                 id="alarm-act-minutes-box"),
        html.Div(dmc.Select(id="alarm-act-person", label="To", data=[], searchable=True, placeholder="choose",
                            comboboxProps={"zIndex": 400}), id="alarm-act-person-box"),
        html.Div(dmc.Textarea(id="alarm-act-words", label="Reason or comment", autosize=True, minRows=2, mt=10,
                              description="It goes into the record."), id="alarm-act-words-box"),
        html.Div(dmc.PasswordInput(id="alarm-act-password", label="Your password", mt=10,
                                   description="Signs the reset as yours.",
                                   visibilityToggleButtonProps={"aria-label": "Show the password"}),
                 id="alarm-act-password-box"),
        html.Div([html.Button("Cancel", id="alarm-act-cancel", type="button", className="button"),
                  html.Button("Do it", id="alarm-act-send", type="button", className="button primary")],
                 className="dialog-actions"),
    ]  # fmt: skip
    return [
        dcc.Store(id="alarm-act"),
        dcc.Store(id="alarm-act-done"),
        dmc.Modal(fields, id="alarm-act-dialog", title="Alarm", opened=False, closeButtonProps={"aria-label": "Close"}),
    ]


def register(app: Dash, services: Services) -> None:
    """Opening asks the server what may be chosen; sending does it under the viewer's name."""

    @security.secured(
        app,
        Output("alarm-act-dialog", "opened"),
        Output("alarm-act-dialog", "title"),
        Output("alarm-act-what", "children"),
        Output("alarm-act-minutes", "data"),
        Output("alarm-act-minutes", "value"),
        Output("alarm-act-person", "data"),
        Output("alarm-act-person", "value"),
        Output("alarm-act-words", "value"),
        Output("alarm-act-send", "children"),
        Output("alarm-act-minutes-box", "style"),
        Output("alarm-act-person-box", "style"),
        Output("alarm-act-words-box", "style"),
        Output("alarm-act-password-box", "style"),
        Output("alarm-act-password", "value"),
        Input("alarm-act", "data"),
        Input("alarm-act-cancel", "n_clicks"),
        Input("alarm-act-done", "data"),
        perm=Permission.ACKNOWLEDGE,
        prevent_initial_call=True,
    )
    def opened(asked: object, _cancel: object, _done: object) -> Any:
        found = read(asked)
        if dash.ctx.triggered_id != "alarm-act" or found is None:
            return False, *(dash.no_update,) * 12, ""
        return filled(services, security.viewer(), found)

    @security.secured(
        app,
        Output("alarm-act-done", "data"),
        Output("notices", "sendNotifications", allow_duplicate=True),
        Input("alarm-act-send", "n_clicks"),
        State("alarm-act", "data"),
        State("alarm-act-words", "value"),
        State("alarm-act-minutes", "value"),
        State("alarm-act-person", "value"),
        State("alarm-act-password", "value"),
        perm=Permission.ACKNOWLEDGE,
        prevent_initial_call=True,
        running=[(Output("alarm-act-send", "disabled"), True, False)],
    )
    def sent(
        clicks: int | None, asked: object, words: object, minutes: object, person: object, password: object
    ) -> Any:  # fmt: skip
        found = read(asked)
        if not clicks or found is None:
            return dash.no_update, dash.no_update
        given = found._replace(
            words=words.strip()[:LONGEST_COMMENT] if isinstance(words, str) else "",
            minutes=int(minutes) if isinstance(minutes, str) and minutes.isdecimal() else None,
            person=person if isinstance(person, str) else None,
            password=password if isinstance(password, str) else "",
        )
        if given.act in _MANY:
            outcome = do_many(services, security.viewer(), given)
            return {"alarm": None, "click": clicks}, [alarm_many.note(outcome)]
        done = do(services, security.viewer(), given)
        return {"alarm": done.alarm, "click": clicks}, [note(done.act)]


def read(asked: object) -> Asked | None:
    """What the browser asks for, `act:alarm`; None if it makes no sense."""
    text = asked.get("ask") if isinstance(asked, dict) else None
    act, _, alarm = text.partition(":") if isinstance(text, str) else ("", "", "")
    return Asked(act, alarm) if act in HEADINGS and alarm else None


def filled(services: Services, viewer: Viewer, asked: Asked) -> tuple[Any, ...]:
    """The dialog's content for one act on one alarm.

    Raises:
        NotFound: there is no such alarm for this viewer.
    """
    shown = [_SHOWN if wanted else _HIDDEN for wanted in _NEEDS.get(asked.act, (False, False, True, False))]
    if asked.act in _MANY:
        return *_filled_many(services, viewer, asked), "", BUTTONS[asked.act], *shown, ""
    with services.registry.read() as connection:
        alarm = alarms.alarm(connection, viewer, asked.alarm)
        candidates = _candidates(connection, viewer) if asked.act == "assign" else []
    critical = alarm["severity"] == "critical"
    lengths = _lengths(Severity[alarm["severity"].upper()])
    rest = " It takes a second person, who has to agree within 15 minutes." if critical else ""
    words = f"{title(alarm)}.{rest if asked.act == 'shelve' else ''}"
    return (True, HEADINGS[asked.act], words, lengths, lengths[0]["value"], candidates, None, "",
            BUTTONS[asked.act], *shown, "")  # fmt: skip


def _filled_many(services: Services, viewer: Viewer, asked: Asked) -> tuple[Any, ...]:
    """Heading, words and choices for an act on several."""
    picked = alarm_many.chosen(asked.alarm)
    words, lengths, candidates = alarm_many.described(services, viewer, picked), [], []
    if asked.act == "shelve-many":
        worst = alarm_many.worst(services, viewer, picked)
        lengths = _lengths(worst)
        if worst is Severity.CRITICAL:
            words += " Critical ones take a second person, who has to agree within 15 minutes."
    if asked.act == "assign-many":
        with services.registry.read() as connection:
            candidates = _candidates(connection, viewer)
    return True, HEADINGS[asked.act], words, lengths, lengths[0]["value"] if lengths else None, candidates, None


def _lengths(severity: Severity) -> list[dict[str, str]]:
    most = longest_shelf_ms(severity) // 60_000
    return [{"value": str(n), "label": words} for n, words in _MINUTES.items() if n <= most]


def _candidates(connection: Connection, viewer: Viewer) -> list[dict[str, str]]:
    found = people.listed(connection, viewer)
    may = [one for one in found if Permission.ACKNOWLEDGE in PERMISSIONS.get(one.role, frozenset())]
    return [{"value": one.id, "label": one.name} for one in may if one.disabled_ms is None]


def do(services: Services, viewer: Viewer, asked: Asked) -> Done:
    """Do it, if the viewer may see the alarm.

    Raises:
        NotFound: there is no such alarm for this viewer.
        InvalidValue, Forbidden: as the act says.
    """
    if asked.act == "reset":
        _may_reset(services, viewer, asked.password)
    with services.registry.write() as connection:
        alarms.alarm(connection, viewer, asked.alarm)
        now_ms = services.clock.now_ms()
        given: dict[str, Any] = {"who": viewer.id, "now_ms": now_ms}
        match asked.act:
            case "shelve":
                if asked.minutes is None:
                    raise InvalidValue("until: choose for how long")
                until_ms = now_ms + asked.minutes * 60_000
                return shelving.shelve(connection, asked.alarm, until_ms=until_ms, reason=asked.words, **given)
            case "agree":
                return shelving.confirm(connection, asked.alarm, **given)
            case "unshelve":
                return shelving.unshelve(connection, asked.alarm, reason=asked.words, **given)
            case "reset":
                return lifecycle.reset(connection, asked.alarm, reason=asked.words, **given)
            case "assign":
                return lifecycle.assign(connection, asked.alarm, to=asked.person or "", **given)
            case _:
                return lifecycle.comment(connection, asked.alarm, text=asked.words, **given)


def do_many(services: Services, viewer: Viewer, asked: Asked) -> alarm_many.Outcome:
    """Do it to every chosen alarm that still is as it was shown.

    Raises:
        NotFound: one does not exist for this viewer; then nothing is done.
        InvalidValue: as the act says; then nothing is done.
    """
    picked = alarm_many.chosen(asked.alarm)
    if asked.act == "acknowledge":
        return alarm_many.acknowledge(services, viewer, picked, asked.words)
    if asked.act == "assign-many":
        return alarm_many.assign(services, viewer, picked, asked.person or "")
    if asked.minutes is None:
        raise InvalidValue("until: choose for how long")
    until_ms = services.clock.now_ms() + asked.minutes * 60_000
    return alarm_many.shelve(services, viewer, picked, until_ms, asked.words)


def _may_reset(services: Services, viewer: Viewer, password: str) -> None:
    """Nothing, if the viewer may assess and has typed the own password.

    Raises:
        Forbidden: not so.
    """
    if not viewer.may(Permission.ASSESS):
        raise Forbidden(f"the role {viewer.role} may not reset an alarm; quality does")
    headers = {name.lower(): value for name, value in flask.request.headers.items()}
    address = client_address(services.settings, headers, flask.request.remote_addr)
    confirmed(services, viewer, password, address)


def note(act: Act) -> dict[str, Any]:
    """What the person is told."""
    heading, message = _DONE.get(act, (act.value, ""))
    return {"action": "show", "title": heading, "message": message, "color": "blue", "autoClose": 6000}
