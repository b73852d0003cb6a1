"""What one connection hears: its down topics, and the messages on their way to it."""

from coldchain.domain.topics import covers
from ingest.listener import answers, packets
from ingest.listener.access import is_command_topic, may_hear

_TOPICS = 64  # that one connection may hear
_UNACKNOWLEDGED = 8  # messages on their way to one client


class Hearing:
    """Subscriptions of one connection. Of several watermarks that have to wait, only the newest is worth sending."""

    def __init__(self) -> None:
        self._topics: dict[str, tuple[str, int]] = {}  # → (logger, QoS)
        self._commands: set[str] = set()  # filters of topics on which carriers' commands are heard, with QoS 0
        self._fresh: set[str] = set()  # loggers whose next message answers a SUBSCRIBE
        self._unacknowledged: set[int] = set()
        self._postponed: dict[str, bytes] = {}
        self._last_id = 0

    @property
    def loggers(self) -> set[str]:
        """Whose watermarks are heard."""
        return {logger for logger, _ in self._topics.values()}

    def listens_to(self, topic: str) -> bool:
        """Whether a carrier's command on `topic` is heard here."""
        return any(covers(wanted, topic) for wanted in self._commands)

    def subscribe(self, wanted: list[tuple[str, int]], user: str | None, tenant: str) -> list[int]:
        """Take up what `user` may hear; the code for each filter."""
        codes = []
        for topic, qos in wanted:
            known = topic in self._topics or topic in self._commands
            logger = may_hear(user, topic, tenant)
            full = not known and len(self._topics) + len(self._commands) >= _TOPICS
            if logger is None and not full and is_command_topic(topic):
                self._commands.add(topic)
                codes.append(packets.SUCCESS)  # that is QoS 0
                continue
            if logger is None or full:
                codes.append(packets.NOT_AUTHORIZED)
                continue
            self._topics[topic] = (logger, min(qos, 1))
            self._fresh.add(logger)
            codes.append(min(qos, 1))
        return codes

    def unsubscribe(self, topics: list[str]) -> None:
        """Hear these no longer."""
        for topic in topics:
            self._topics.pop(topic, None)
            self._commands.discard(topic)

    def message(self, logger: str, payload: bytes, *, level: int, receive_maximum: int) -> bytes:
        """The packets that tell `logger`; empty while the client has to acknowledge others first."""
        retain = logger in self._fresh
        self._fresh.discard(logger)
        said = b""
        for topic, (spoken_to, qos) in self._topics.items():
            if spoken_to != logger:
                continue
            if qos and len(self._unacknowledged) >= min(receive_maximum, _UNACKNOWLEDGED):
                self._postponed[topic] = payload
                continue
            if qos:
                self._last_id = self._last_id % 65_535 + 1
                self._unacknowledged.add(self._last_id)
            said += answers.message(level, topic, payload, self._last_id, qos=qos, retain=retain)
        return said

    def acknowledged(self, packet_id: int) -> list[tuple[str, bytes]]:
        """The client has this one; what waited for that, by logger."""
        self._unacknowledged.discard(packet_id)
        postponed, self._postponed = self._postponed, {}
        return [(self._topics[topic][0], payload) for topic, payload in postponed.items() if topic in self._topics]
