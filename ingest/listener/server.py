"""The built-in MQTT listener: its PUBACK means that the message is stored."""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from coldchain import metrics
from coldchain.domain.message import Command
from ingest.downlink import Down, Downlink
from ingest.listener import packets
from ingest.listener.access import Credentials
from ingest.listener.session import Session
from ingest.quarantine import where
from ingest.writer import Receipts, Writer

_log = structlog.get_logger(__name__)

_READ_BYTES = 64 * 1024
_CONNECT_S = 10.0
_SWEEP_S = 1.0
_TELL_S = 0.1
_SAY_S = 1.0
_SAYINGS = 1000
_TRESPASSES = 100


class Listener:
    """Accepts loggers and hands their messages to the writer. Lives in one event loop; `start` and `stop` it there."""

    def __init__(
        self,
        writer: Writer,
        *,
        host: str = "127.0.0.1",
        port: int = 1883,
        credentials: Credentials | None = None,
        anonymous: bool = False,
        tls: ssl.SSLContext | None = None,
        connections: int = 5000,
        standing: Sequence[Command] = (),
    ) -> None:
        """Listen on `host` and `port` (0: any free one).

        Args:
            writer: where messages go; started and stopped by its owner.
            host: the address to listen on.
            port: the TCP port; `self.port` is the real one after `start`.
            credentials: who may connect as which logger.
            anonymous: whether clients without a user name may connect; they may then speak for any logger.
            tls: the server's certificate and key; None for plain TCP.
            connections: how many clients at once; further ones are closed at once.
            standing: told, as a broker tells what it retains, to who subscribes to their topics.
        """
        self.writer = writer
        self.tenant = writer.pipeline.tenant
        self.credentials = credentials
        self.anonymous = anonymous
        self.buffer = memoryview(bytearray(_READ_BYTES))
        self.downlink = Downlink(writer.pipeline.journal, writer.pipeline.clock)
        self.standing = tuple(standing)
        self._commands = writer.pipeline.commands.queue()
        self.port = port
        self._host = host
        self._tls = tls
        self._connections = connections
        self._sessions: set[Session] = set()
        self._by_key: dict[tuple[str, str], Session] = {}
        self._by_logger: dict[str, set[Session]] = {}
        self._holding: set[Session] = set()
        self._settled: deque[tuple[Session, list[bytes], int, int]] = deque()
        self._flushing = False
        self._said_s: dict[str, float] = {}
        self.trespasses: deque[str] = deque(maxlen=_TRESPASSES)  # until somebody takes them out
        self._checks = ThreadPoolExecutor(2, "credentials")  # a password hash may take much memory
        self._teller = ThreadPoolExecutor(1, "down-messages")
        self._tasks: list[asyncio.Task[None]] = []
        self._checking: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to accept.

        Raises:
            OSError: the address is in use or not ours.
        """
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(
            lambda: Session(self),
            self._host,
            self.port,
            ssl=self._tls,
            ssl_handshake_timeout=_CONNECT_S if self._tls else None,
            backlog=512,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._tasks = [asyncio.create_task(self._sweep()), asyncio.create_task(self._tell())]
        _log.info("listening", host=self._host, port=self.port, tls=self._tls is not None)

    async def stop(self) -> None:
        """Close every connection; what was not acknowledged comes again."""
        for task in (*self._tasks, *self._checking):
            task.cancel()
        self._server.close()
        for session in list(self._sessions):
            session.end(packets.SERVER_SHUTTING_DOWN, "shutdown")
        await self._server.wait_closed()
        self._checks.shutdown(wait=False, cancel_futures=True)
        # Whoever closes the journal next must not do so while we still read it.
        await self._loop.run_in_executor(None, self._teller.shutdown)

    @property
    def crowd(self) -> float:
        """How much of the connections that are allowed is in use, from 0 to 1."""
        return len(self._sessions) / self._connections

    @property
    def now_ms(self) -> int:
        """The time of arrival of what is being read."""
        return self.writer.pipeline.clock.now_ms()

    def now_s(self) -> float:
        """The event loop's time, for silence and deadlines."""
        return self._loop.time()

    # --- sessions -------------------------------------------------------------------------------------------------

    def joined(self, session: Session) -> None:
        """A connection was accepted."""
        self._sessions.add(session)
        metrics.CONNECTIONS.inc()
        if len(self._sessions) > self._connections:
            session.end(packets.PROTOCOL_ERROR, "too_many_connections")

    def left(self, session: Session) -> None:
        """A connection is gone."""
        self._sessions.discard(session)
        self._holding.discard(session)
        metrics.CONNECTIONS.dec()
        if session.key is not None and self._by_key.get(session.key) is session:
            del self._by_key[session.key]
        loggers, session.loggers = session.loggers, set()
        self.listens(session, loggers)

    def admitted(self, session: Session) -> None:
        """A session begins: an older one of the same user (or of the same client id, without users) ends."""
        assert session.key is not None
        older = self._by_key.get(session.key)
        self._by_key[session.key] = session
        if older is not None and older is not session:
            older.end(packets.TAKEN_OVER, "taken_over")

    def cut(self, session: Session, why: str) -> None:
        """A connection ends by our decision."""
        metrics.REFUSED_CONNECTIONS.labels(why.replace(" ", "_")).inc()
        if why not in ("shutdown", "taken_over") and self._worth_saying(why):
            _log.warning("connection_cut", reason=why, user=session.user)

    def trespassed(self, session: Session, topic: str) -> None:
        """A logger published to a topic that is not its own."""
        metrics.REFUSED_CONNECTIONS.labels("foreign_topic").inc()
        if self._worth_saying(f"foreign_topic {session.user}"):
            _log.warning("foreign_topic", user=session.user, topic=topic)
        self.trespasses.append(f"{session.user} publishes to a topic of somebody else: {topic[:80]}")

    def _worth_saying(self, what: str) -> bool:
        """At most once a second each: whoever knocks without end must not fill the disk; the metrics count them all."""
        now_s = self.now_s()
        if now_s - self._said_s.get(what, -_SAY_S) < _SAY_S:
            return False
        if len(self._said_s) >= _SAYINGS:
            self._said_s.clear()
        self._said_s[what] = now_s
        return True

    def check(self, session: Session, asked: packets.Connect) -> None:
        """Ask the credentials in a thread; `session` is admitted or turned away afterwards."""
        task = asyncio.create_task(self._check(session, asked))
        self._checking.add(task)
        task.add_done_callback(self._checking.discard)

    async def _check(self, session: Session, asked: packets.Connect) -> None:
        assert self.credentials is not None
        logger = None
        try:
            logger = await self._loop.run_in_executor(
                self._checks, self.credentials.check, asked.user or "", asked.password or ""
            )
        except Exception as error:  # noqa: BLE001 - a registry that cannot be read admits nobody and ends nothing
            _log.error("credentials_failed", user=asked.user, error=where(error))
            session.put_off()
            return
        if logger is None:
            session.turn_away()
            self.trespasses.append(f"wrong credentials of {(asked.user or '')[:80]} at the MQTT listener")
            return
        session.admit(asked, logger)
        session.relieve()

    async def _sweep(self) -> None:
        """End connections that are silent for longer than they promised."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now_s = self.now_s()
            for session in list(self._sessions):
                # Who sends a CONNECT byte by byte is not silent, and still has not said who it is.
                if not session.connected and now_s - session.joined_s > _CONNECT_S:
                    session.end(packets.KEEP_ALIVE_TIMEOUT, "no_connect")
                elif session.reading and 0 < session.keep_alive_s * 1.5 < now_s - session.heard_s:
                    session.end(packets.KEEP_ALIVE_TIMEOUT, "keep_alive")

    # --- flow -----------------------------------------------------------------------------------------------------

    def holding(self, session: Session) -> None:
        """This session waits until something is settled."""
        self._holding.add(session)

    def settled(
        self, session: Session, acknowledgements: list[bytes], size: int, count: int, receipts: Receipts
    ) -> None:
        """Messages of `session` are committed; called by the writer's thread."""
        if self._by_logger:
            for logger in {receipt.logger for group in receipts for receipt in group}:
                if logger in self._by_logger:
                    self.downlink.note(logger)
        self._settled.append((session, acknowledgements, size, count))
        if not self._flushing and not self._loop.is_closed():
            self._flushing = True
            self._loop.call_soon_threadsafe(self._flush)

    def abandoned(self, session: Session) -> None:
        """Messages of `session` are committed, but it cannot be told: it has to connect and send again."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(session.end, packets.UNSPECIFIED, "abandoned")

    def _flush(self) -> None:
        self._flushing = False
        while self._settled:
            session, acknowledgements, size, count = self._settled.popleft()
            try:
                session.acknowledge(acknowledgements, size, count)
            except Exception as error:  # noqa: BLE001 - one session's trouble is not the others'
                _log.error("acknowledge_failed", error=where(error), user=session.user)
                session.end(packets.UNSPECIFIED, "abandoned")
        self._relieve()

    def _relieve(self) -> None:
        held, self._holding = self._holding, set()
        for session in held:
            session.relieve()
            if not session.reading:
                self._holding.add(session)

    # --- down messages --------------------------------------------------------------------------------------------

    def listens(self, session: Session, before: set[str]) -> None:
        """The loggers whose down messages `session` hears have changed from `before`."""
        # Replaced and not changed in place: the writer's thread reads it.
        by_logger = dict(self._by_logger)
        for logger in before - session.loggers:
            others = by_logger.get(logger, set()) - {session}
            by_logger.pop(logger, None)
            if others:
                by_logger[logger] = others
        for logger in session.loggers - before:
            by_logger[logger] = by_logger.get(logger, set()) | {session}
        self._by_logger = by_logger

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_TELL_S)
            try:
                self._flush()  # the writer may have been full of others' messages
                self._order()
                due = await self._loop.run_in_executor(self._teller, self.downlink.due) if self._by_logger else []
                heard = [down for down in due if self._heard(down)]
                if any(down.mark.resend for down in heard):
                    await self._loop.run_in_executor(self._teller, self.downlink.sent, heard)
            except Exception as error:  # noqa: BLE001 - down messages come again; the loop must not end
                _log.error("down_messages_failed", error=where(error))

    def _order(self) -> None:
        """Pass carriers' commands on to whoever listens to their topics."""
        while self._commands:
            command = self._commands.popleft()
            for session in self._sessions:
                session.order(command)

    def _heard(self, down: Down) -> bool:
        """Tell whoever listens for this logger; whether anybody did."""
        sessions = self._by_logger.get(down.logger, set())
        told = [session.tell(down.logger, down.payload) for session in sessions]
        return any(told)
