"""The dialog by which somebody stands in, takes a turn, or two people swap theirs."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from sqlalchemy import Connection

from alerts import configuration, rota, rulebook_changes
from alerts.rulebook import Rulebook
from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from coldchain.registry import people
from coldchain.registry.viewer import PERMISSIONS, Permission, Viewer
from dashboard.parts import security
from dashboard.parts.duty_blocks import DAY_MS, local
from dashboard.services import Services

AHEAD_MS = 42 * DAY_MS  # turns that may be taken in exchange
_ALL = "every layer"


def dialog() -> list[Any]:
    """The dialog, for who may change anything at all."""
    viewer = security.viewer()
    if viewer.scoped or not viewer.may(Permission.ACKNOWLEDGE):
        return [dcc.Store(id="duty-done")]
    above = {"zIndex": 400}
    fields = [
        html.P(id="duty-what"),
        dmc.Select(id="duty-layer", label="Layer", data=[], comboboxProps=above),
        dmc.Select(id="duty-person", label="Who stands in", data=[], searchable=True, mt=10, comboboxProps=above),
        html.Div(
            [dmc.TextInput(id="duty-from", label="From", inputProps={"type": "datetime-local"}),
             dmc.TextInput(id="duty-to", label="To", inputProps={"type": "datetime-local"})],
            className="two-fields",
        ),
        dmc.Select(id="duty-swap", label="In exchange for (optional)", data=[], clearable=True, searchable=True,
                   placeholder="nothing: no swap", mt=10, comboboxProps=above,
                   clearButtonProps={"aria-label": "No swap"}),
        dmc.TextInput(id="duty-reason", label="Reason", mt=10),
        html.Div([html.Button("Cancel", id="duty-cancel", type="button", className="button"),
                  html.Button("Enter it", id="duty-send", type="button", className="button primary")],
                 className="dialog-actions"),
    ]  # fmt: skip
    return [
        dcc.Store(id="duty-ask"),
        dcc.Store(id="duty-done"),
        dcc.Store(id="duty-end"),
        dmc.Modal(fields, id="duty-dialog", title="Somebody stands in", opened=False,
                  closeButtonProps={"aria-label": "Close"}),
    ]  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """Opening fills the fields, sending does it under the viewer's name."""
    names = ("layer", "person", "from", "to", "swap", "reason")

    @security.secured(
        app,
        Output("duty-dialog", "opened"),
        Output("duty-what", "children"),
        *(Output(f"duty-{name}", "data") for name in ("layer", "person", "swap")),
        *(Output(f"duty-{name}", "value") for name in names),
        Input("duty-ask", "data"),
        Input("duty-cancel", "n_clicks"),
        Input("duty-done", "data"),
        State("oncall-rota", "data"),
        perm=Permission.ACKNOWLEDGE,
        prevent_initial_call=True,
    )
    def opened(asked: object, _cancel: object, _done: object, id_: object) -> Any:
        if dash.ctx.triggered_id != "duty-ask" or not isinstance(asked, dict):
            return False, *(dash.no_update,) * 10
        return filled(services, security.viewer(), str(id_), asked)

    @security.secured(
        app,
        Output("duty-done", "data"),
        Output("notices", "sendNotifications", allow_duplicate=True),
        Input("duty-send", "n_clicks"),
        Input("duty-end", "data"),
        State("oncall-rota", "data"),
        State("duty-ask", "data"),
        *(State(f"duty-{name}", "value") for name in names),
        perm=Permission.ACKNOWLEDGE,
        prevent_initial_call=True,
        running=[(Output("duty-send", "disabled"), True, False)],
    )
    def sent(clicks: int | None, end: object, id_: object, asked: object, *given: object) -> Any:
        viewer = security.viewer()
        if dash.ctx.triggered_id == "duty-end" and isinstance(end, dict):
            take_back(services, viewer, str(end.get("id")))
            return {"end": end}, [_note("Taken back", "Turns are again as the rota says.")]
        if not clicks:
            return dash.no_update, dash.no_update
        said = dict(zip(names, given, strict=True))
        replaces = asked.get("person") if isinstance(asked, dict) else None
        words = done(services, viewer, str(id_), said, str(replaces) if replaces else None)
        return {"click": clicks}, [_note("Entered", words)]


def filled(services: Services, viewer: Viewer, id_: str, asked: dict[str, Any]) -> tuple[Any, ...]:
    """The dialog for a stretch of time that somebody clicked, or for a new one."""
    now_ms = services.clock.now_ms()
    with services.registry.read() as connection:
        book = Rulebook(connection, now_ms)
        found = _rota(book, id_)
        zone = ZoneInfo(found.zone)
        spans = rota.calendar(found, book.overrides(id_), now_ms, now_ms + AHEAD_MS, book.gone)
        offered = candidates(connection, viewer, now_ms)
        named = people.names(connection, {span.duty.person for span in spans if span.duty.person})
    whose = str(asked.get("person") or "")
    start, end = (_field(asked.get(name), zone) for name in ("from", "to"))
    layer = asked.get("layer") if asked.get("layer") in {one.name for one in found.layers} else _ALL
    layers = [{"value": name, "label": name} for name in (_ALL, *(one.name for one in found.layers))]
    me = viewer.id if viewer.id != whose and viewer.may(Permission.ASSESS) else None
    turns = [
        {"value": f"{span.duty.person}|{span.from_ms}|{span.to_ms}",
         "label": f"{named.get(str(span.duty.person))}, {local(span.from_ms, zone)} – {local(span.to_ms, zone)}"}
        for span in spans
        if whose and span.duty.person not in (None, whose) and span.layer == layer and span.from_ms > now_ms
    ][:40]  # fmt: skip
    words = f"Instead of {named[whose]}." if whose in named else "Instead of whoever's turn it is."
    return True, f"{words} Times of {found.zone}.", layers, offered, turns, layer, me, start, end, None, ""


def done(services: Services, viewer: Viewer, id_: str, said: dict[str, Any], replaces: str | None) -> str:
    """Enter it; what was entered, in words.

    Raises:
        InvalidValue, Forbidden, NotFound: as the rota's rules say.
    """
    with services.registry.write() as connection:
        now_ms = services.clock.now_ms()
        zone = ZoneInfo(_rota(Rulebook(connection, now_ms), id_).zone)
        from_ms, to_ms = (typed_moment(name, said[name], zone) for name in ("from", "to"))
        layer = None if said["layer"] in (None, _ALL) else str(said["layer"])
        given: dict[str, Any] = {"layer": layer, "by": viewer, "reason": _text(said["reason"]), "now_ms": now_ms}
        if said["swap"]:
            if replaces is None:
                raise InvalidValue("swap: begin with the turn that is given away")
            theirs = _turn(said["swap"])
            rulebook_changes.swap(connection, id_, mine=(replaces, from_ms, to_ms), theirs=theirs, **given)
            words = "Both turns are swapped."
        else:
            rulebook_changes.stand_in(
                connection, id_, person=_text(said["person"]), replaces=replaces, from_ms=from_ms, to_ms=to_ms, **given
            )
            words = "It counts at once."
        configuration.watch(connection, now_ms)
    return words


def take_back(services: Services, viewer: Viewer, override: str) -> None:
    """End an override, and the other half of a swap.

    Raises:
        NotFound, Forbidden, InvalidValue: as the rota's rules say.
    """
    with services.registry.write() as connection:
        now_ms = services.clock.now_ms()
        rulebook_changes.take_back(connection, override, by=viewer, reason=None, now_ms=now_ms)
        configuration.watch(connection, now_ms)


def candidates(connection: Connection, viewer: Viewer, now_ms: int) -> list[dict[str, str]]:
    """People who can be on duty: they may acknowledge, and their access has not ended."""
    return [
        {"value": one.id, "label": one.name}
        for one in people.listed(connection, viewer)
        if Permission.ACKNOWLEDGE in PERMISSIONS.get(one.role, frozenset()) and people.active(one, now_ms)
    ]


def typed_moment(name: str, value: object, zone: ZoneInfo) -> int:
    """A local time as a browser's field gives it, 2026-11-23T08:00, in ms.

    Raises:
        InvalidValue: it is none.
    """
    try:
        local_time = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidValue(f"{name}: choose a day and a time") from error
    return round(local_time.replace(tzinfo=zone).timestamp() * 1000)


def _rota(book: Rulebook, id_: str) -> rota.Rota:
    found = book.rota(id_)
    if found is None:
        raise InvalidValue(f"rota: there is no rota {id_[:60]!r} that can be read")
    return found


def _turn(value: object) -> tuple[str, int, int]:
    person, start, end = (*str(value).split("|"), "", "")[:3]
    if not (start.isdecimal() and end.isdecimal() and len(start) < 16 and len(end) < 16):
        raise InvalidValue("swap: choose one of the turns")
    return person, int(start), int(end)


def _field(value: object, zone: ZoneInfo) -> str:
    if not isinstance(value, str) or not value:
        return ""
    return f"{datetime.fromtimestamp(ms_from_iso(value) / 1000, zone):%Y-%m-%dT%H:%M}"


def _text(value: object) -> str:
    return value.strip()[:2000] if isinstance(value, str) else ""


def _note(title: str, words: str) -> dict[str, Any]:
    return {"action": "show", "title": title, "message": words, "color": "blue", "autoClose": 6000}
