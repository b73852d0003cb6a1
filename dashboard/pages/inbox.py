"""The demo's inbox: the mails and SMS that really went out, to a mail server and an SMS service on this machine."""

from typing import Any

from dash import Dash, Input, Output, dcc, html

from alerts.inbox import InboxMessage
from coldchain.errors import Forbidden
from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import security
from dashboard.parts.elements import card, head, moment, tag
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.services import Services

PAGE = Page(
    "dashboard.pages.inbox", "Demo inbox", path="/inbox", icon="inbox", perm=Permission.ACKNOWLEDGE,
    offered=lambda services: services.inbox is not None,
)  # fmt: skip
SHOWN = 40


def layout(**_query: str) -> Any:
    """The list, asked for again every few seconds."""
    return html.Div(
        [
            head("Demo inbox", lead="What people got: caught on this machine, sent to nobody outside"),
            html.Div(skeleton(200, 200), id="inbox-list", className="mail-list"),
            dcc.Interval(id="inbox-tick", interval=4000),
            dcc.Store(id="inbox-newest"),
        ],
        className="page",
    )


def register(app: Dash, services: Services) -> None:
    """The list when something new has come."""

    @security.secured(
        app,
        Output("inbox-list", "children"),
        Input("inbox-tick", "n_intervals"),
        perm=Permission.ACKNOWLEDGE,
    )
    def listed(_tick: object) -> Any:
        return attempt("inbox", lambda: messages(services, security.viewer()))


def messages(services: Services, viewer: Viewer) -> list[Any]:
    """The newest messages.

    Raises:
        Forbidden: the viewer sees one customer's or carrier's shipments only.
    """
    if viewer.scoped:
        raise Forbidden("These messages went to everybody; you see one customer's or carrier's shipments only.")
    found = services.inbox.messages(limit=SHOWN) if services.inbox else []
    if not found:
        return [card(None, empty("Nothing was sent yet", checked_ms=services.clock.now_ms()))]
    return [message_card(one) for one in found]


def message_card(one: InboxMessage) -> html.Section:
    """One message. A mail is shown as it looks, in a frame that runs no script and asks for nothing outside."""
    kind = "Mail" if one.kind == "email" else "SMS"
    title = one.subject or f"{kind} to {one.recipient}"
    to = html.Span([tag(kind), f" to {one.recipient} · ", moment(one.at_ms, "second")], className="dim small")
    if one.html:
        # No allow-scripts: links open in a new tab, everything else in the mail is inert.
        opening = one.html.replace("<head>", '<head><base target="_blank">', 1)
        shown: Any = html.Iframe(
            srcDoc=opening, sandbox="allow-popups allow-popups-to-escape-sandbox", className="mail", title=title
        )
    else:
        shown = html.Pre(one.text, className="mail-text")
    return card(title, shown, right=to)
