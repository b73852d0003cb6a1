"""The Dash application: the shell, an explicit tuple of pages, and a permission on every callback and layout."""

import json
import re
from pathlib import Path
from typing import Any

import dash
import flask

from coldchain.errors import ColdchainError
from coldchain.registry.viewer import SYSTEM, Permission
from dashboard.figures.map_style import style
from dashboard.pages import PAGES
from dashboard.parts import security, shell
from dashboard.parts.states import forbidden, missing
from dashboard.security import CSRF_HEADER, csrf_cookie
from dashboard.services import Services

_INLINE_SCRIPT = re.compile(r"<script(?![^>]*src=)")
# Dash's own router has no permission of its own: every layout that it calls has one.
_ROUTER = "_pages_content.children"
NONCE_KEY = "coldchain.nonce"  # put into the WSGI environment by the gate, which also sends the policy with it

INDEX = """<!DOCTYPE html>
<html lang="en" data-mantine-color-scheme="light">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{%title%}</title>
{%favicon%}
{%css%}
<script>
(function () {
  var wanted = "system";
  try { wanted = localStorage.getItem("coldchain-scheme") || wanted; } catch (error) { wanted = "system"; }
  var dark = wanted === "dark" || (wanted === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
</script>
</head>
<body>
{%app_entry%}
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""


def build_dash(services: Services) -> dash.Dash:
    """The application for these services; it can be built more than once in one process.

    Raises:
        AssertionError: a callback or a page has no permission.
    """
    server = flask.Flask("dashboard")
    app = dash.Dash(
        "dashboard",
        server=server,
        use_pages=True,
        pages_folder="",
        use_async=False,
        enable_mcp=False,
        suppress_callback_exceptions=True,
        update_title=None,
        title="Coldchain",
        index_string=INDEX,
        serve_locally=True,
        assets_folder=str(Path(__file__).parent / "assets"),
        assets_ignore=r".*(\.json|\.png|worker\.js)$",
        on_error=security.on_error,
        csrf_token_name=csrf_cookie(services.settings),
        csrf_header_name=CSRF_HEADER,
    )
    security.keep_services(server, services)
    for page in PAGES:
        layout = security.guarded_layout(page.layout, page.PAGE.perm, forbidden)
        dash.register_page(page.PAGE.module, layout=layout, **page.PAGE.route)
        page.register(app, services)
    entries = tuple(page.PAGE.entry for page in PAGES if page.PAGE.entry and page.PAGE.offered(services))
    dash.register_page("dashboard.pages.not_found_404", layout=_not_found, path=None)
    app.layout = lambda: shell.shell(security.demand(Permission.VIEW), services.settings, entries)
    shell.register(app, services)
    _routes(server)
    for unguarded in unguarded_callbacks(app):
        raise AssertionError(f"the callback of {unguarded} has no permission")
    _know_files(server)
    return app


def _know_files(server: flask.Flask) -> None:
    """Render the index once: only then does Dash know which files belong to it.

    A page comes from one worker and its files from another, which may never have rendered an index before.
    """
    answer = server.test_client().get("/", environ_overrides={security.VIEWER_KEY: SYSTEM})
    if answer.status_code != 200:
        raise ColdchainError(f"the pages cannot be built: the index answers {answer.status}")


def unguarded_callbacks(app: dash.Dash) -> list[str]:
    """Server callbacks without a permission; there must be none."""
    registered = {**app.callback_map, **{item["output"]: item for item in app._callback_list}}  # noqa: SLF001
    names = []
    for output, entry in registered.items():
        function = entry.get("callback") or app.callback_map.get(output, {}).get("callback")
        browser_side = entry.get("clientside_function") is not None or function is None
        if not (browser_side or output.startswith(f"..{_ROUTER}") or hasattr(function, "__perm__")):
            names.append(output)
    return names


def _not_found(**_parameters: str) -> Any:
    security.demand(Permission.VIEW)
    return dash.html.Div(missing("page"), className="page")


def _routes(server: flask.Flask) -> None:
    @server.get("/map/style-<scheme>.json")
    def map_style(scheme: str) -> flask.Response:
        # The sprite's address must be absolute, so the style is written for the host that was asked.
        document = style(scheme, flask.request.url_root)
        return flask.Response(json.dumps(document), mimetype="application/json", headers={"Cache-Control": "no-cache"})

    @server.after_request
    def protect(reply: flask.Response) -> flask.Response:
        nonce = flask.request.environ.get(NONCE_KEY)
        if reply.mimetype == "text/html" and nonce:
            # Pages router and hooks add inline scripts: all of them, and no others, run under the request's nonce.
            reply.set_data(_INLINE_SCRIPT.sub(f'<script nonce="{nonce}"', reply.get_data(as_text=True)))
        return reply
