"""Whether this process works and what it counts: for supervisors, load balancers and Prometheus."""

from fastapi import Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from coldchain.registry.store import revision
from coldchain.registry.viewer import Permission
from dashboard.api.request import Web, reply
from dashboard.policy import PUBLIC, Endpoint, may
from dashboard.services import Services


def healthz() -> Response:
    """This process answers."""
    return reply({"status": "ok"})


def readyz(request: Request, web: Web) -> Response:
    """200 when everything that this process needs works; else 503, each reason with its name."""
    reasons = [*_troubles(web), *request.app.state.troubles()]
    return reply({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


def metrics(request: Request) -> Response:
    """The roles' metrics in Prometheus' text format."""
    return Response(request.app.state.exposition(), media_type=CONTENT_TYPE_LATEST)


def _troubles(services: Services) -> list[str]:
    """What does not work here, one sentence each; no sentence carries a secret."""
    found = []
    try:
        with services.registry.read() as connection:
            revision(connection)
        if (refusal := services.registry.unwritable()) is not None:
            found.append(f"registry: cannot be written: {refusal}")
    except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
        found.append(f"registry: cannot be read ({type(error).__name__})")
    try:
        services.journal.head()
    except Exception as error:  # noqa: BLE001  likewise
        found.append(f"journal: cannot be read ({type(error).__name__})")
    return found


_HIDDEN = {"include_in_schema": False}
ENDPOINTS = (
    # Load balancers ask with HEAD.
    *(Endpoint(method, "/healthz", healthz, PUBLIC, _HIDDEN) for method in ("GET", "HEAD")),
    *(Endpoint(method, "/readyz", readyz, PUBLIC, _HIDDEN) for method in ("GET", "HEAD")),
    Endpoint("GET", "/metrics", metrics, may(Permission.VIEW, unscoped=True), _HIDDEN),
)
