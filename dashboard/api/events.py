"""The live stream (SSE) and the same state for who has to poll."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from coldchain.registry.viewer import Permission, Viewer
from dashboard.api.request import Caller, Web, reply, shown_as
from dashboard.gate import Gate
from dashboard.live.hub import Hub
from dashboard.live.snapshot import snapshot
from dashboard.policy import API, Endpoint, may
from dashboard.problems import Problem

BEAT_S = 15.0
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def live(request: Request, web: Web, viewer: Caller) -> Response:
    """What is true now: the state that `GET /events` begins with."""
    with web.registry.read() as connection:
        return reply(snapshot(connection, viewer, web.clock.now_ms(), request.app.state.troubles()))


def probe() -> Response:
    """Whether you may follow the stream, without opening one."""
    return Response(status_code=200, headers=_HEADERS)


async def events(request: Request, web: Web, viewer: Caller) -> Response:
    """Follow what changes (Server-Sent Events).

    The first message has `kind` "snapshot" and the whole state; then "delta" with `changed` rows and `removed` ids per
    list, and "tick" every two seconds. `Last-Event-ID` resumes; what is no longer remembered is sent whole.
    """
    hub: Hub = request.app.state.hub
    if hub.streams >= web.settings.max_streams:
        raise Problem(503, "too many streams are open; ask again later, or poll /api/v1/live", {"Retry-After": "5"})
    lines = _lines(request, hub, viewer, request.headers.get("last-event-id"))
    return StreamingResponse(lines, media_type="text/event-stream", headers=_HEADERS)


async def _lines(request: Request, hub: Hub, viewer: Viewer, last_id: str | None) -> AsyncIterator[bytes]:
    """The wire of one stream; every 15 s the right to it is checked again, so that a revoked session goes dark."""
    gate: Gate = request.app.state.gate
    yield b"retry: 3000\n\n"
    loop = asyncio.get_running_loop()
    frames = hub.frames(viewer, last_id)
    pending = asyncio.ensure_future(anext(frames))
    due = loop.time() + BEAT_S
    try:
        while True:
            await asyncio.wait({pending}, timeout=max(0.0, due - loop.time()))
            if loop.time() >= due:
                due = loop.time() + BEAT_S
                if not await run_in_threadpool(_still, gate, request, viewer):
                    yield b"event: signed_out\ndata: {}\n\n"
                    return
                yield b": beat\n\n"
            if pending.done():
                yield pending.result().wire
                pending = asyncio.ensure_future(anext(frames))
    finally:
        pending.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
            await pending
        await frames.aclose()


def _still(gate: Gate, request: Request, viewer: Viewer) -> bool:
    identity = gate.identify(request.headers)
    return identity is not None and identity.viewer == viewer


_LIVE: dict[str, Any] = {
    "schema": "coldchain.live/1", "kind": "snapshot", "server_time": "2026-01-05T12:00:00.000Z", "engine": {},
    "kpis": {"live": 12, "open_excursions": 1, "at_risk": 2, "silent_loggers": 0, "unacknowledged": 1},
    "shipments": [], "excursions": [], "alarms": [],
}  # fmt: skip
_STREAM: dict[str, Any] = {
    "responses": {200: {"description": "The stream", "content": {"text/event-stream": {"schema": {"type": "string"}}}}}
}
ENDPOINTS = (
    Endpoint("GET", f"{API}/events", events, may(Permission.VIEW, keeps_alive=False), _STREAM),
    Endpoint("HEAD", f"{API}/events", probe, may(Permission.VIEW, keeps_alive=False), {"include_in_schema": False}),
    Endpoint("GET", f"{API}/live", live, may(Permission.VIEW, keeps_alive=False), shown_as("The state", _LIVE)),
)
