"""The web application: API, event stream, sign-in and the mounted pages, all behind one gate."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from a2wsgi import WSGIMiddleware
from fastapi import FastAPI
from prometheus_client import generate_latest
from starlette.types import ASGIApp

from coldchain import __version__
from coldchain.registry.viewer import Permission
from dashboard import api, health, problems, sign_in
from dashboard.gate import Gate
from dashboard.live.hub import Hub
from dashboard.policy import Endpoint, PolicyTable, may
from dashboard.services import Services

# What a page loads before anybody signed in: program text and style sheets, the same for everybody.
PUBLIC_PREFIXES = ("/assets/", "/_dash-component-suites/", "/_favicon.ico", "/favicon.ico")
_DASH_THREADS = 16

Troubles = Callable[[], list[str]]


def _none() -> list[str]:
    return []


class _Guarded(FastAPI):
    """An application whose outermost layer is the gate, outside even of FastAPI's own error answers."""

    gated: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's layers inside the gate."""
        return self.gated(super().build_middleware_stack())


def build_app(
    services: Services, dash: Any = None, troubles: Troubles = _none, exposition: Callable[[], bytes] = generate_latest
) -> FastAPI:
    """The application for these services.

    Args:
        services: what it works on.
        dash: the `dash.Dash` whose pages are mounted at the root, or None for the API alone.
        troubles: one sentence for each thing that is wrong with the other roles of this process tree; `/readyz`
            answers 503 while there is any.
        exposition: the Prometheus text of `/metrics`; this process's own unless the roles' are joined.

    Raises:
        ColdchainError: a route has no policy.
    """
    rest = None if dash is None else may(Permission.VIEW)
    table = PolicyTable(endpoints(), PUBLIC_PREFIXES, rest)
    app = _Guarded(
        title="Coldchain", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan,
        description="Readings, excursions, alarms and evidence of pharmaceutical cold chains.",
    )  # fmt: skip
    app.state.exposition = exposition
    app.state.services, app.state.troubles, app.state.hub = services, troubles, Hub(services, troubles)
    app.state.table = table
    app.state.gate = Gate(app, services, table)
    app.gated = app.state.gate.around
    problems.install(app)
    table.install(app)
    if dash is not None:
        app.mount("", WSGIMiddleware(_with_viewer(dash.server), workers=_DASH_THREADS))
    table.check(app)
    return app


def endpoints() -> Iterable[Endpoint]:
    """Every route but those of the mounted pages, with its policy."""
    return (*health.ENDPOINTS, *sign_in.ENDPOINTS, *api.endpoints())


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await app.state.hub.close()


def _with_viewer(wsgi: Any) -> Any:
    """The mounted pages learn from the gate who is looking: environment keys `coldchain.*`, which no client can set."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        scope = environ["asgi.scope"]
        environ.update({name: value for name, value in scope.items() if name.startswith("coldchain.")})
        return wsgi(environ, start_response)

    return application
