"""What a page shows when it has nothing to show: loading, empty, unknown, refused, failed, forbidden."""

from collections.abc import Callable
from typing import Any

from dash import html
from werkzeug.exceptions import HTTPException

from coldchain.errors import Forbidden, NotFound, TransientError
from coldchain.registry.viewer import Permission
from dashboard.parts import security
from dashboard.parts.elements import moment


def skeleton(*heights: int) -> list[html.Div]:
    """Grey blocks of the final heights in pixels, so that nothing jumps when the content comes."""
    blocks = [html.Div(className="card skeleton", style={"height": f"{height}px"}) for height in heights]
    return [html.Div("Loading …", className="visually-hidden", role="status"), *blocks]


def empty(sentence: str, *more: Any, checked_ms: int | None = None) -> html.Div:
    """Nothing to show is an answer, and it says when it was true."""
    when = [] if checked_ms is None else [html.Span(["Checked ", moment(checked_ms, "second")])]
    return html.Div(
        [_glyph("○"), html.Strong(sentence), *more, *when],
        className="state",
    )


def refusal(why: object) -> html.P:
    """Why nothing was done, where it was asked for."""
    return html.P(str(why), className="status refusal", role="alert", **{"data-status": "at_risk"})


def missing(what: str) -> html.Div:
    """No such thing, or none that this viewer may see: the two look alike on purpose."""
    why = html.Span("It does not exist, or it is not yours to see.")
    return html.Div([_glyph("○"), html.H1(f"No such {what}"), why], className="state")


def _glyph(sign: str) -> html.Span:
    return html.Span(sign, className="glyph", **{"aria-hidden": "true"})


def failed(what: str, reference: str) -> html.Div:
    """Something went wrong: what, the reference to quote, and a way to try again."""
    return html.Div(
        [
            _glyph("■"),
            html.H1(f"{what} could not be shown"),
            html.Span(["Reference ", html.Span(reference, className="mono")]),
            html.A("Try again", href="", className="button"),
        ],
        className="state error",
        role="alert",
    )


def forbidden(permission: Permission) -> html.Div:
    """The person is known but may not: which permission it takes."""
    return html.Div(
        html.Div(
            [
                _glyph("○"),
                html.H1("You may not see this page"),
                html.Span(
                    f"It needs the permission “{permission.value}”. An administrator can give you a role that has it."
                ),
            ],
            className="state",
        ),
        className="page",
    )


def attempt(what: str, show: Callable[[], Any]) -> Any:
    """What `show` returns, or the state that says why there is nothing."""
    try:
        return show()
    except HTTPException:
        raise
    except NotFound:
        return missing(what)
    except Forbidden as error:
        return empty("You may not see this", html.Span(str(error)))
    except TransientError as error:
        return failed(f"The {what}", security.report(error))
    except Exception as error:  # noqa: BLE001  a page that fails says so in its place; the log has the trace
        return failed(f"The {what}", security.report(error))
