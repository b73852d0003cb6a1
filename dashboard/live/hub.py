"""The one place per process that notices changes and hands each to every open stream, written out once per scope."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any, NamedTuple

from coldchain.domain.quantity import iso
from coldchain.metrics import STREAMS
from coldchain.registry.store import revision
from coldchain.registry.viewer import Viewer
from dashboard.live.snapshot import SCHEMA, difference, engine_progress, snapshot
from dashboard.live.watch import Watch
from dashboard.services import Services

TICK_S = 2.0  # a browser calls six seconds without a message stale
_REMEMBERED = 256  # deltas per scope that a reconnecting browser can be given instead of everything
_BACKLOG = 128  # messages that a slow reader may be behind before it is given everything anew

ScopeKey = tuple[str | None, str | None]


class Frame(NamedTuple):
    """One message of the stream, as it goes over the wire, and the id by which a browser resumes after it."""

    id: str
    wire: bytes


@dataclass(eq=False)
class _Reader:
    queue: asyncio.Queue[Frame] = field(default_factory=lambda: asyncio.Queue(_BACKLOG))
    behind: bool = False


@dataclass(eq=False)
class _Scope:
    viewer: Viewer
    state: dict[str, Any] | None = None
    id: str = ""
    history: deque[tuple[str, Frame]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))  # (id before, frame)
    readers: set[_Reader] = field(default_factory=set)
    first: asyncio.Lock = field(default_factory=asyncio.Lock)


class Hub:
    """Follows the journal's head and the registry's revision while anybody listens; see `frames`."""

    def __init__(self, services: Services, troubles: Callable[[], list[str]]) -> None:
        """`troubles` says what is wrong with the other roles, one sentence each that begins with the role's name."""
        self._services, self._troubles = services, troubles
        self._scopes: dict[ScopeKey, _Scope] = {}
        self._task: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="live")
        self._stop = Event()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return sum(len(scope.readers) for scope in self._scopes.values())

    async def frames(self, viewer: Viewer, last_id: str | None) -> AsyncGenerator[Frame, None]:
        """Everything first (or only what changed since `last_id`, where that is still known), then each change.

        Every change reaches every reader in order; one that falls too far behind is given everything anew.
        """
        reader = _Reader()
        scope = await self._join(viewer, reader)
        try:
            for frame in _resumed(scope, last_id):
                yield frame
            while True:
                frame = await reader.queue.get()
                if reader.behind:
                    _drain(reader)
                    frame = _whole(scope)
                yield frame
        finally:
            self._leave(scope, reader)

    async def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._threads.shutdown(wait=False)

    async def _join(self, viewer: Viewer, reader: _Reader) -> _Scope:
        key = (viewer.customer, viewer.carrier)
        scope = self._scopes.setdefault(key, _Scope(viewer))
        scope.readers.add(reader)
        STREAMS.set(self.streams)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        async with scope.first:
            if scope.state is None:
                scope.id, scope.state = await self._in_thread(self._look, viewer)
        # What was queued meanwhile is part of the state that the reader is about to be given.
        _drain(reader)
        return scope

    def _leave(self, scope: _Scope, reader: _Reader) -> None:
        scope.readers.discard(reader)
        if not scope.readers:
            self._scopes.pop((scope.viewer.customer, scope.viewer.carrier), None)
        STREAMS.set(self.streams)

    async def _follow(self) -> None:
        """Until nobody listens: wait for a change or the next tick, and tell every scope."""
        watch = await self._in_thread(Watch, self._services, self._stop)
        changed = True  # between the first reader's state and this watch something may have been written
        try:
            while self._scopes:
                for scope in list(self._scopes.values()) if changed else ():
                    await self._update(scope)
                if not changed:
                    await self._tick()
                changed = await self._in_thread(watch.wait, TICK_S)
        finally:
            watch.close()

    async def _update(self, scope: _Scope) -> None:
        async with scope.first:
            if scope.state is None:
                return
            id_, state = await self._in_thread(self._look, scope.viewer)
            delta = difference(scope.state, state)
            if delta is None:
                return
            frame, before = _frame(id_, delta), scope.id
            scope.id, scope.state = id_, state
            scope.history.append((before, frame))
            _tell(scope, frame)

    async def _tick(self) -> None:
        progress = await self._in_thread(self._progress)
        for scope in self._scopes.values():
            if scope.state is not None:
                scope.state["engine"], scope.state["server_time"] = progress["engine"], progress["server_time"]
                _tell(scope, _frame(scope.id, progress))

    def _look(self, viewer: Viewer) -> tuple[str, dict[str, Any]]:
        head = self._services.journal.head()
        with self._services.registry.read() as connection:
            state = snapshot(connection, viewer, self._services.clock.now_ms(), self._troubles())
            return f"j{head}.r{revision(connection)}", state

    def _progress(self) -> dict[str, Any]:
        head = self._services.journal.head()
        now_ms = self._services.clock.now_ms()
        with self._services.registry.read() as connection:
            engine = engine_progress(connection, now_ms, self._troubles())
        tick = {"schema": SCHEMA, "kind": "tick", "server_time": iso(now_ms), "engine": engine}
        return {**tick, "journal": {"offset": head}}

    async def _in_thread(self, call: Any, *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *given)


def _resumed(scope: _Scope, last_id: str | None) -> list[Frame]:
    if last_id is not None and last_id == scope.id:
        return []
    steps = list(scope.history)
    for position, (before, _) in enumerate(steps):
        if before == last_id:
            return [frame for _, frame in steps[position:]]
    return [_whole(scope)]


def _whole(scope: _Scope) -> Frame:
    return _frame(scope.id, scope.state or {})


def _frame(id_: str, message: dict[str, Any]) -> Frame:
    data = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    return Frame(id_, f"id: {id_}\ndata: {data}\n\n".encode())


def _tell(scope: _Scope, frame: Frame) -> None:
    for reader in scope.readers:
        if reader.queue.full():
            _drain(reader)
            reader.behind = True
        reader.queue.put_nowait(frame)


def _drain(reader: _Reader) -> None:
    reader.behind = False
    while not reader.queue.empty():
        reader.queue.get_nowait()
