"""What one connection publishes: envelopes in order, each with the acknowledgement that it gets once committed."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from coldchain.domain.message import Envelope
from ingest.listener import answers, packets
from ingest.listener.access import may_publish
from ingest.listener.packets import Malformed
from ingest.quarantine import LARGEST, NORMAL

HEAD = NORMAL + 64 * 1024  # a packet up to this size is read whole; of a larger one only this much is kept
_TOPICS = 64  # that one connection is remembered to publish to


class _Swallowed(NamedTuple):
    """A message too large to keep: it is read to its end for its length and hash."""

    envelope: Envelope
    acknowledgement: bytes
    digest: "hashlib._Hash"


class Published:
    """Takes PUBLISH packets until they are drained."""

    def __init__(self, tenant: str, trespassed: Callable[[str], None]) -> None:
        """Call `trespassed` with each topic that is not the client's own."""
        self._tenant = tenant
        self._trespassed = trespassed
        self._topics: dict[bytes, tuple[str, bool]] = {}
        self._envelopes: list[Envelope] = []
        self._acknowledgements: list[bytes] = []
        self._swallowed: _Swallowed | None = None
        self.left = 0  # bytes of a swallowed message still to come

    def take(self, data: bytes, first: int, body: int, end: int, *, level: int, user: str | None, now_ms: int) -> None:
        """Take the packet whose body runs from `body` to `end`, which may lie beyond `data` for a large one.

        Raises:
            Malformed: no client may send this.
        """
        qos = first >> 1 & 3
        if qos > 1:
            raise Malformed("qos_2", packets.QOS_NOT_SUPPORTED if qos == 2 else packets.MALFORMED)
        head = packets.publish(data, body, end, qos=qos, level=level)
        raw, packet_id, payload_at = head
        topic, allowed = self._topics.get(raw) or self._learn(raw, user)
        acknowledgement = b""
        if qos:
            code = packets.SUCCESS if allowed else packets.NOT_AUTHORIZED
            acknowledgement = answers.puback(level, packet_id, code)
        length = end - payload_at
        if length > LARGEST:
            raise Malformed("packet_too_large", packets.PACKET_TOO_LARGE)
        # RETAIN asks a broker to keep the message; here it is one like any other.
        payload = data[payload_at:end]
        envelope = Envelope("mqtt", topic, payload, now_ms, qos, dup=first & 8 != 0, user=user)
        if end <= len(data):
            self._add(envelope, acknowledgement)
            return
        self.left = end - len(data)
        kept = envelope._replace(payload=payload[:NORMAL], length=length)
        self._swallowed = _Swallowed(kept, acknowledgement, hashlib.sha256(payload))

    def swallow(self, data: bytes, at: int) -> int:
        """Read on in a large message; where it or `data` ends."""
        swallowed = self._swallowed
        assert swallowed is not None
        part = data[at : at + self.left]
        swallowed.digest.update(part)
        self.left -= len(part)
        if self.left == 0:
            self._swallowed = None
            self._add(swallowed.envelope._replace(sha256=swallowed.digest.hexdigest()), swallowed.acknowledgement)
        return at + len(part)

    def drain(self) -> tuple[list[Envelope], list[bytes]]:
        """The envelopes that are complete, and the acknowledgements of those that want one."""
        drained = self._envelopes, self._acknowledgements
        if self._envelopes:
            self._envelopes, self._acknowledgements = [], []
        return drained

    def _add(self, envelope: Envelope, acknowledgement: bytes) -> None:
        self._envelopes.append(envelope)
        if acknowledgement:
            self._acknowledgements.append(acknowledgement)

    def _learn(self, raw: bytes, user: str | None) -> tuple[str, bool]:
        topic = packets.utf8(raw)
        if "+" in topic or "#" in topic:
            raise Malformed("PUBLISH to a filter instead of a topic")
        known = (topic, may_publish(user, topic, self._tenant))
        if not known[1]:
            self._trespassed(topic)
        if len(self._topics) < _TOPICS:
            self._topics[raw] = known
        return known
