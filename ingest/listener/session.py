"""One connection of a logger: its packets in order, its messages unacknowledged until they are committed."""

import asyncio
import socket
from functools import partial
from typing import TYPE_CHECKING, cast

from coldchain.domain.message import Command
from coldchain.domain.topics import covers
from ingest.listener import answers, packets
from ingest.listener.hearing import Hearing
from ingest.listener.packets import Malformed
from ingest.listener.published import HEAD, Published
from ingest.quarantine import LARGEST, NORMAL
from ingest.writer import Parcel

if TYPE_CHECKING:
    from ingest.listener.server import Listener

RECEIVE_MAXIMUM = 4000  # unacknowledged messages of one MQTT 5 client
_UNSETTLED_BYTES = 256 * 1024  # of one connection, before we stop reading it
_ASK_AFTER_S = 120  # of silence, whether a client is still there
_ENVELOPE_BYTES = 512  # what a message costs in memory beside its payload


class Session(asyncio.BufferedProtocol):
    """The protocol of one connection. Everything here runs in the listener's event loop."""

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._transport = cast("asyncio.Transport", None)
        self._rest = bytearray()  # what arrived and was not parsed yet
        self._needed = 0  # bytes of `_rest` before parsing it makes sense
        self._reading = True
        self._write_blocked = False
        self._checking = False
        self._now_ms = 0  # when what is being parsed arrived
        self._unsettled_bytes = 0
        self._unsettled = 0
        self._published = Published(listener.tenant, partial(listener.trespassed, self))
        self._hearing = Hearing()
        self.level = packets.V311
        self.connected = False
        self.key: tuple[str, str] | None = None
        self.user: str | None = None
        self.keep_alive_s = 0
        self.heard_s = 0.0
        self.joined_s = 0.0
        self.loggers: set[str] = set()
        self._receive_maximum = 65_535

    # --- asyncio's side -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there; it has ten seconds to say who it is."""
        self._transport = cast("asyncio.Transport", transport)
        wire = transport.get_extra_info("socket")
        if wire is not None:  # a client without keep-alive that vanished is found by TCP
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_KEEPIDLE"):  # by default it asks after two hours
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _ASK_AFTER_S)
        self.joined_s = self.heard_s = self._listener.now_s()
        self._listener.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's name)
        """The client is gone; what it sent and we did not acknowledge it will send again."""
        self._rest.clear()
        self._listener.left(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio's name)
        """All connections read into one buffer: each read is taken out before the next."""
        return self._listener.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes arrived."""
        self.heard_s = self._listener.now_s()
        data = bytes(self._listener.buffer[:nbytes])
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return
            data = bytes(self._rest)
            self._rest.clear()
        self._advance(data)

    def pause_writing(self) -> None:
        """The client does not read our acknowledgements: then we do not read its messages."""
        self._write_blocked = True
        self._hold()

    def resume_writing(self) -> None:
        """It reads again."""
        self._write_blocked = False
        self.relieve()

    # --- flow -----------------------------------------------------------------------------------------------------

    @property
    def reading(self) -> bool:
        """Whether silence is the client's own; while we do not read, it is ours."""
        return self._reading

    def _held(self) -> bool:
        return (
            self._checking
            or self._write_blocked
            or self._unsettled_bytes >= _UNSETTLED_BYTES
            or self._listener.writer.full
        )

    def _hold(self) -> None:
        if self._reading and not self._transport.is_closing():
            self._transport.pause_reading()
            self._reading = False
        self._listener.holding(self)

    def relieve(self) -> None:
        """Go on with what was held back, as far as it goes."""
        if self._transport.is_closing() or self._held():
            return
        if self._rest and len(self._rest) >= self._needed:
            data = bytes(self._rest)
            self._rest.clear()
            self._advance(data)
        if not self._held() and not self._reading and not self._transport.is_closing():
            self._transport.resume_reading()
            self._reading = True
            self.heard_s = self._listener.now_s()

    def acknowledge(self, acknowledgements: list[bytes], size: int, count: int) -> None:
        """These messages are committed: say so, in the order in which they came."""
        self._unsettled_bytes -= size
        self._unsettled -= count
        if self._transport.is_closing():
            return
        if acknowledgements:
            self._transport.write(b"".join(acknowledgements))
        if not self._reading:
            self.relieve()

    def end(self, code: int, why: str) -> None:
        """Close the connection with the reason that its protocol can carry."""
        if self._transport.is_closing():
            return
        self._listener.cut(self, why)
        if self.connected:
            self._transport.write(answers.disconnect(self.level, code))
        elif code in (
            packets.UNSUPPORTED_VERSION,
            packets.BAD_CLIENT_ID,
            packets.BAD_CREDENTIALS,
            packets.NOT_AUTHORIZED,
            packets.SERVER_UNAVAILABLE,
        ):
            self._transport.write(answers.connack(self.level, code))
        self._transport.close()

    # --- packets --------------------------------------------------------------------------------------------------

    def _advance(self, data: bytes) -> None:
        """Parse `data` as far as it goes and as far as we may; what is left waits in `_rest`."""
        at = 0
        self._now_ms = self._listener.now_ms
        try:
            while at < len(data) and not self._transport.is_closing():
                if self._checking:
                    self._needed = 0
                    break
                if self._published.left:
                    at = self._published.swallow(data, at)
                    continue
                sized = packets.remaining_length(data, at + 1)
                if sized is None:
                    self._needed = len(data) - at + 1
                    break
                length, body = sized
                end = body + length
                if end > len(data) and not self._begins_large(data, at, body, length):
                    break
                if self.connected and data[at] >> 4 == packets.PUBLISH:
                    self._publish(data, data[at], body, end)
                else:
                    self._packet(data, data[at], body, end)
                at = min(end, len(data))  # a packet that is swallowed goes on in what arrives next
        except Malformed as wrong:
            self.end(wrong.code, str(wrong))
        if at < len(data) and not self._transport.is_closing():
            self._rest += data[at:]
        self._dispatch()

    def _begins_large(self, data: bytes, at: int, body: int, length: int) -> bool:
        """Whether an incomplete packet is one that will not be kept whole, and enough of it is here."""
        if length > (LARGEST + HEAD if self.connected else NORMAL):
            raise Malformed("packet_too_large", packets.PACKET_TOO_LARGE)
        large = length > HEAD and data[at] >> 4 == packets.PUBLISH
        wanted = min(length, HEAD)
        self._needed = body - at + wanted
        return large and len(data) - body >= wanted

    def _packet(self, data: bytes, first: int, body: int, end: int) -> None:
        if not self.connected:
            if first != packets.CONNECT << 4:
                raise Malformed("first_packet_is_no_connect", packets.PROTOCOL_ERROR)
            self._connect(data[body:end])
        elif first == packets.PINGREQ << 4:
            self._transport.write(answers.PING_ANSWER)
        elif first == packets.PUBACK << 4:
            self._acknowledged(data[body:end])
        elif first == packets.SUBSCRIBE << 4 | 2:
            self._subscribe(data[body:end])
        elif first == packets.UNSUBSCRIBE << 4 | 2:
            self._unsubscribe(data[body:end])
        elif first == packets.DISCONNECT << 4:
            self._transport.close()
        else:
            raise Malformed("a packet that no client may send here", packets.PROTOCOL_ERROR)

    def _publish(self, data: bytes, first: int, body: int, end: int) -> None:
        self._published.take(data, first, body, end, level=self.level, user=self.user, now_ms=self._now_ms)

    def _dispatch(self) -> None:
        envelopes, acknowledgements = self._published.drain()
        if not envelopes:
            return
        size = sum(len(envelope.payload) for envelope in envelopes) + _ENVELOPE_BYTES * len(envelopes)
        count = len(acknowledgements)
        self._unsettled_bytes += size
        self._unsettled += count
        if self.level == packets.V5 and self._unsettled > RECEIVE_MAXIMUM:
            self.end(packets.RECEIVE_MAXIMUM_EXCEEDED, "receive_maximum")
        settle = partial(self._listener.settled, self, acknowledgements, size, count)
        self._listener.writer.offer(Parcel(envelopes, settle, partial(self._listener.abandoned, self), size))
        if self._held():
            self._hold()

    # --- who it is ------------------------------------------------------------------------------------------------

    def _connect(self, body: bytes) -> None:
        asked = packets.connect(body)
        self.level = asked.level
        if not asked.client_id and asked.level == packets.V311 and not asked.clean:
            raise Malformed("no_client_id", packets.BAD_CLIENT_ID)
        self._receive_maximum = asked.receive_maximum
        if self._listener.credentials is not None and asked.user is not None:
            self._checking = True
            self._hold()
            self._listener.check(self, asked)
        elif self._listener.anonymous:
            self.admit(asked, None)
        else:
            raise Malformed("no_credentials", packets.NOT_AUTHORIZED)

    def admit(self, asked: packets.Connect, user: str | None) -> None:
        """The client is who it says (None: nobody in particular); from now on its messages count."""
        self._checking = False
        if self._transport.is_closing():
            return
        self.user = user
        given = asked.client_id or f"auto-{id(self):x}"
        self.key = ("user", user) if user is not None else ("client", given)
        self.keep_alive_s = asked.keep_alive_s
        self.connected = True
        self._listener.admitted(self)
        said = answers.greeting(
            receive_maximum=RECEIVE_MAXIMUM,
            maximum_packet=LARGEST + HEAD,
            client_id=None if asked.client_id else given,
        )
        self._transport.write(answers.connack(self.level, packets.SUCCESS, said))

    def turn_away(self) -> None:
        """The password is wrong."""
        self._checking = False
        self.end(packets.BAD_CREDENTIALS, "bad_credentials")

    def put_off(self) -> None:
        """Nobody can say now whether the password is right: many clients never come back after a wrong one."""
        self._checking = False
        self.end(packets.SERVER_UNAVAILABLE, "credentials_unavailable")

    # --- what it hears --------------------------------------------------------------------------------------------

    def tell(self, logger: str, payload: bytes) -> bool:
        """Send `logger` its down message; False while it has to wait for acknowledgements."""
        said = self._hearing.message(logger, payload, level=self.level, receive_maximum=self._receive_maximum)
        if not said or self._transport.is_closing():
            return False
        self._transport.write(said)
        return True

    def order(self, command: Command, *, retained: bool = False) -> None:
        """Send a carrier's command if this client listens to its topic."""
        if self._hearing.listens_to(command.topic) and not self._transport.is_closing():
            said = answers.message(self.level, command.topic, command.payload, 0, qos=0, retain=retained)
            self._transport.write(said)

    def _subscribe(self, body: bytes) -> None:
        packet_id, wanted = packets.subscribe(body, self.level)
        codes = self._hearing.subscribe(wanted, self.user, self._listener.tenant)
        self._listens()
        self._transport.write(answers.suback(self.level, packet_id, codes))
        for standing in self._listener.standing:
            if any(covers(topic, standing.topic) for topic, _ in wanted):
                self.order(standing, retained=True)
        for logger in self.loggers:
            self._listener.downlink.note(logger)

    def _unsubscribe(self, body: bytes) -> None:
        packet_id, topics = packets.unsubscribe(body, self.level)
        self._hearing.unsubscribe(topics)
        self._listens()
        self._transport.write(answers.unsuback(self.level, packet_id, len(topics)))

    def _listens(self) -> None:
        before, self.loggers = self.loggers, self._hearing.loggers
        self._listener.listens(self, before)

    def _acknowledged(self, body: bytes) -> None:
        if len(body) < 2:
            raise Malformed("PUBACK breaks off")
        for logger, payload in self._hearing.acknowledged(body[0] << 8 | body[1]):
            self.tell(logger, payload)
