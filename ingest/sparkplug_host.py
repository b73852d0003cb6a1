"""This installation as a Sparkplug host application: its STATE, by which edge nodes see that somebody listens."""

import json

from coldchain.domain.message import Command
from coldchain.errors import ConfigError

_FORBIDDEN = frozenset("/+#")


class SparkplugHost:
    """The host's id, and its state as messages. Every state of one connection carries the stamp of its beginning."""

    def __init__(self, host_id: str) -> None:
        """Speak as `host_id`.

        Raises:
            ConfigError: it cannot be a level of a topic.
        """
        if not host_id.isprintable() or not host_id or not _FORBIDDEN.isdisjoint(host_id):
            raise ConfigError(f"COLDCHAIN_SPARKPLUG_HOST: {host_id!r} must be printable, without / + #")
        self.topic = f"spBv1.0/STATE/{host_id}"
        self._at_ms = 0

    def begin(self, at_ms: int) -> None:
        """A connection begins: its will and its states are stamped alike."""
        self._at_ms = at_ms

    def state(self, *, online: bool) -> Command:
        """The retained message that says whether the host is there."""
        payload = json.dumps({"online": online, "timestamp": self._at_ms}).encode()
        return Command(self.topic, payload, qos=1, retain=True)

    def denied(self, topic: str, payload: bytes) -> bool:
        """Whether a message calls this host offline, as the will of an earlier connection does when it comes late."""
        if topic != self.topic:
            return False
        try:
            said = json.loads(payload)
        except ValueError:
            return True
        return not isinstance(said, dict) or said.get("online") is not True
