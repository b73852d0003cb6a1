"""Who is looking, and what a callback or a page may do: a Permission on every one of them, checked when it runs."""

import functools
import secrets
from collections.abc import Callable
from typing import Any, cast

import dash
import flask
import structlog
from werkzeug.exceptions import HTTPException

from coldchain.errors import ColdchainError
from coldchain.registry.viewer import Permission, Viewer
from dashboard.services import Services

VIEWER_KEY = "coldchain.viewer"
_SERVICES_KEY = "COLDCHAIN_SERVICES"
_log = structlog.get_logger()


def viewer() -> Viewer:
    """The signed-in viewer, put into the WSGI environment by the gate; without one the request ends with 401."""
    found = flask.request.environ.get(VIEWER_KEY)
    if not isinstance(found, Viewer):
        flask.abort(401)
    return found


def services() -> Services:
    """The services of the application that answers this request (page layouts are shared by all in one process)."""
    return cast("Services", flask.current_app.config[_SERVICES_KEY])


def keep_services(server: flask.Flask, given: Services) -> None:
    """Give an application its services."""
    server.config[_SERVICES_KEY] = given


def demand(permission: Permission) -> Viewer:
    """The viewer, if it may do this.

    Raises:
        HTTPException: 401 without a viewer, 403 without the permission, which the answer names.
    """
    who = viewer()
    if not who.may(permission):
        refusal = flask.jsonify(detail=f"This needs the permission “{permission.value}”, which your role lacks.")
        refusal.status_code = 403
        flask.abort(refusal)
    return who


def secured(
    app: dash.Dash, *dependencies: Any, perm: Permission, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """As `app.callback`, for viewers with `perm` only. What the client sends is never trusted to be what was shown."""

    def register(function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        def guarded(*values: Any, **named: Any) -> Any:
            demand(perm)
            return function(*values, **named)

        guarded.__perm__ = perm  # type: ignore[attr-defined]
        return app.callback(*dependencies, **options)(guarded)

    return register


def guarded_layout(layout: Callable[..., Any], perm: Permission, refused: Callable[[Permission], Any]) -> Any:
    """A page's layout that answers with `refused` to viewers without `perm`: a hidden menu entry is no control."""

    @functools.wraps(layout)
    def shown(**parameters: Any) -> Any:
        return layout(**parameters) if viewer().may(perm) else refused(perm)

    shown.__perm__ = perm  # type: ignore[attr-defined]
    return shown


def report(error: Exception) -> str:
    """Log an unexpected failure; return the reference that a person can quote."""
    reference = secrets.token_hex(4)
    _log.error("page_failed", reference=reference, error=repr(error), exc_info=error)
    return reference


def on_error(error: Exception) -> None:
    """Tell the person that a callback failed, with a reference; refusals keep their status."""
    if isinstance(error, HTTPException):
        raise error
    if isinstance(error, ColdchainError):
        title, message = "Not done", str(error)
    else:
        title, message = "Something failed", f"It was recorded under the reference {report(error)}. Try again."
    note = {"action": "show", "title": title, "message": message, "color": "red", "autoClose": False}
    dash.set_props("notices", {"sendNotifications": [note]})
