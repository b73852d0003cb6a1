"""The policy table: every route with the permission that it demands. A route that is not in it does not exist."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount, compile_path

from coldchain.errors import ColdchainError
from coldchain.registry.viewer import Permission, Viewer

KIB = 1024
API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call a route and how large its body may be. `permission` None: anybody, the route says why itself."""

    permission: Permission | None
    unscoped: bool = False  # not for viewers of one customer or carrier: what it shows has no owner among them
    body_limit: int = 256 * KIB
    keeps_alive: bool = True  # counts as something that the person did, so that an idle session lives on

    def refusal(self, viewer: Viewer) -> str | None:
        """Why this viewer may not call the route; None: it may."""
        if self.permission is not None and not viewer.may(self.permission):
            return f"the role {viewer.role} has no permission to {self.permission.value}; ask an administrator for it"
        if self.unscoped and viewer.scoped:
            return "this shows the whole installation, and you see one customer's or carrier's shipments only"
        return None


PUBLIC = Policy(None, body_limit=16 * KIB)


def may(permission: Permission, **more: Any) -> Policy:
    """The policy of a route that demands one permission."""
    return Policy(permission, **more)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route: where it is, what it does, who may. `options` go to FastAPI as they are."""

    method: str
    path: str
    call: Callable[..., Any]
    policy: Policy
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matched:
    """What the table says of a request: its policy, or the methods that its path knows."""

    policy: Policy | None
    allowed: tuple[str, ...] = ()


class PolicyTable:
    """The endpoints in the order in which they are tried, and what lies beyond them."""

    def __init__(self, endpoints: Iterable[Endpoint], public_prefixes: tuple[str, ...], rest: Policy | None) -> None:
        """`public_prefixes` and `rest` rule the paths of what is mounted at the root; without `rest` there is none."""
        self.endpoints = tuple(endpoints)
        self._patterns = [(compile_path(e.path)[0], e) for e in self.endpoints]
        self._public_prefixes = public_prefixes
        self._rest = rest

    def find(self, method: str, path: str) -> Matched:
        """The policy of a request; neither policy nor methods when there is nothing at this path."""
        here = [endpoint for pattern, endpoint in self._patterns if pattern.match(path)]
        for endpoint in here:
            if endpoint.method == method:
                return Matched(endpoint.policy)
        if here:
            return Matched(None, tuple(sorted({e.method for e in here})))
        if self._rest is not None and not path.startswith("/api/"):
            safe = method in ("GET", "HEAD")
            return Matched(PUBLIC if safe and path.startswith(self._public_prefixes) else self._rest)
        return Matched(None)

    def install(self, app: FastAPI) -> None:
        """Add every endpoint to the application."""
        for endpoint in self.endpoints:
            app.add_api_route(endpoint.path, endpoint.call, methods=[endpoint.method], **endpoint.options)

    def check(self, app: FastAPI) -> None:
        """Refuse an application that has a route without a policy.

        Raises:
            ColdchainError: names the route.
        """
        known = {(e.method, e.path) for e in self.endpoints}
        for route in app.routes:
            if isinstance(route, Mount) and route.path == "" and self._rest is not None:
                continue
            if not isinstance(route, APIRoute):
                raise ColdchainError(f"the route {getattr(route, 'path', route)!r} has no policy")
            if bare := [f"{m} {route.path}" for m in sorted(route.methods or ()) if (m, route.path) not in known]:
                raise ColdchainError(f"the route {bare[0]} has no policy")
