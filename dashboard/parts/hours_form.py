"""When somebody reads what may wait: working hours, quiet hours and the digest's time, in a dialog on the contacts."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html

from coldchain.errors import ColdchainError, Forbidden, InvalidValue
from coldchain.registry import contacts, habits, people
from coldchain.registry.contacts import Habits
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import security
from dashboard.parts.field_errors import beside
from dashboard.parts.rule_kinds import hours_of, hours_words
from dashboard.parts.states import refusal
from dashboard.services import Services

ACT = "hours"
FIELDS = ("working_hours", "quiet_hours", "digest_at")
_WEEK, _NIGHT = "mon-fri 08:00-17:00", "22:00-06:00"


def may_edit(viewer: Viewer, person: str) -> bool:
    """Whether the viewer may set this person's hours: one's own, or anybody's as an administrator."""
    if viewer.scoped or not viewer.may(Permission.ACKNOWLEDGE):
        return False
    return person == viewer.id or viewer.may(Permission.ADMINISTER)


def dialog() -> dmc.Modal:
    """The dialog; it is filled when it opens."""
    fields = [
        html.P(id="hours-who"),
        dmc.TextInput(id="hours-working_hours", label="Working hours", placeholder=_WEEK, size="sm",
                      description="One span a day. Empty: at any hour."),
        dmc.TextInput(id="hours-quiet_hours", label="Quiet hours", placeholder=_NIGHT, size="sm", mt=10,
                      description="Empty: none."),
        dmc.TextInput(id="hours-digest_at", label="Daily digest at", placeholder="07:30", size="sm", mt=10,
                      description="Empty: no digest."),
        html.Div(id="hours-said", **{"aria-live": "polite"}),
        html.Div([html.Button("Cancel", id="hours-cancel", type="button", className="button"),
                  html.Button("Keep", id="hours-send", type="button", className="button primary")],
                 className="dialog-actions"),
    ]  # fmt: skip
    return dmc.Modal(fields, id="hours-dialog", title="When minor alarms are told", opened=False,
                     closeButtonProps={"aria-label": "Close"})  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """Opening fills in what is on record; keeping says what is wrong beside its field."""

    @security.secured(
        app,
        Output("hours-dialog", "opened"),
        Output("hours-who", "children"),
        *(Output(f"hours-{name}", "value") for name in FIELDS),
        *(Output(f"hours-{name}", "error") for name in FIELDS),
        Output("hours-said", "children"),
        Input("contact-act", "data"),
        Input("hours-cancel", "n_clicks"),
        Input("contact-done", "data"),
        perm=Permission.ACKNOWLEDGE,
        prevent_initial_call=True,
    )
    def opened(asked: object, _cancel: object, _done: object) -> Any:
        whom = whose(asked)
        if dash.ctx.triggered_id != "contact-act" or whom is None:
            return False, *(dash.no_update,) * 8
        words, values = filled(services, security.viewer(), whom)
        return True, words, *values, None, None, None, ""

    @security.secured(
        app,
        Output("contact-done", "data", allow_duplicate=True),
        *(Output(f"hours-{name}", "error", allow_duplicate=True) for name in FIELDS),
        Output("hours-said", "children", allow_duplicate=True),
        Input("hours-send", "n_clicks"),
        State("contact-act", "data"),
        *(State(f"hours-{name}", "value") for name in FIELDS),
        perm=Permission.ACKNOWLEDGE,
        prevent_initial_call=True,
        running=[(Output("hours-send", "disabled"), True, False)],
    )
    def sent(clicks: int | None, asked: object, *given: object) -> Any:
        whom = whose(asked)
        if not clicks or whom is None:
            return (dash.no_update,) * 5
        said = zip(FIELDS, given, strict=True)
        typed = {name: value.strip()[:200] if isinstance(value, str) else "" for name, value in said}
        try:
            keep(services, security.viewer(), whom, typed)
        except ColdchainError as error:
            wrong, rest = beside(str(error), FIELDS)
            return dash.no_update, *(wrong.get(name) for name in FIELDS), refusal(rest) if rest else ""
        return {"hours": whom, "click": clicks}, None, None, None, ""


def whose(asked: object) -> str | None:
    """Whose hours the browser asks for, `hours:person`; None if it asks for something else."""
    words = asked.get("ask") if isinstance(asked, dict) else None
    kind, _, id_ = words.partition(":") if isinstance(words, str) else ("", "", "")
    return id_ if kind == ACT and id_ else None


def filled(services: Services, viewer: Viewer, whom: str) -> tuple[str, tuple[str, ...]]:
    """Whose hours these are, and the fields as they are on record.

    Raises:
        Forbidden: somebody else's.
        NotFound: no such person.
    """
    _demand(viewer, whom)
    with services.registry.read() as connection:
        kept = contacts.habits(connection, whom)
        name = people.names(connection, {whom}).get(whom, whom)
    works = {day: [span] for day, span in (kept.working_hours or {}).items() if span}
    quiet = "-".join(kept.quiet_hours) if kept.quiet_hours else ""
    words = f"{name}. Local times. Major and critical alarms never wait."
    return words, (hours_words(works), quiet, kept.digest_at or "")


def keep(services: Services, viewer: Viewer, whom: str, typed: dict[str, str]) -> None:
    """Put them on record.

    Raises:
        Forbidden: somebody else's.
        NotFound: no such person.
        InvalidValue: names the field, the value and the remedy.
    """
    _demand(viewer, whom)
    wanted = read(typed)
    with services.registry.write() as connection:
        habits.keep(connection, whom, wanted, who=viewer.id, now_ms=services.clock.now_ms())


def read(typed: dict[str, str]) -> Habits:
    """What a person wrote.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    works: dict[str, list[str]] | None = None
    if words := typed["working_hours"]:
        found = hours_of(words)
        if not found:
            raise InvalidValue(f"working_hours: {words[:60]!r} cannot be read: write {_WEEK}")
        if several := [day for day, spans in found.items() if len(spans) > 1]:
            raise InvalidValue(f"working_hours.{several[0]}: has more than one span: write one, such as 08:00-17:00")
        works = {day: list(spans[0]) for day, spans in found.items()}
    quiet = None
    if words := typed["quiet_hours"]:
        quiet = [part.strip() for part in words.replace("–", "-").split("-")]
        if len(quiet) != 2:
            raise InvalidValue(f"quiet_hours: {words[:60]!r} is no span: write {_NIGHT}")
    try:
        return habits.checked(typed["digest_at"] or None, works, quiet)
    except InvalidValue as error:
        if str(error).startswith("quiet_hours:"):
            raise InvalidValue(f"quiet_hours: {typed['quiet_hours'][:60]!r} is no span: write {_NIGHT}") from error
        raise


def _demand(viewer: Viewer, whom: str) -> None:
    if not may_edit(viewer, whom):
        raise Forbidden("These are somebody else's hours: an administrator sets them.")
