"""What we listen to at a broker: the carriers' filters and those that people add, each granted or refused alone."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.subscribeoptions import SubscribeOptions

from coldchain.clock import Clock
from coldchain.domain.canary import is_canary
from coldchain.errors import TransientError
from ingest.sparkplug_host import SparkplugHost

_log = structlog.get_logger(__name__)

LOOK_S = 1.0  # how often the topics are looked up


class Topics(Protocol):
    """Filters beside those of the carriers."""

    def wanted(self) -> frozenset[str]:
        """The filters to listen to now.

        Raises:
            TransientError: they cannot be looked up now.
        """
        ...

    def subscribed(self, session: str) -> frozenset[str]:
        """What was asked for last in the broker's session of this name, perhaps by an earlier process.

        Raises:
            TransientError: it cannot be looked up now.
        """
        ...

    def note(self, session: str, filters: frozenset[str]) -> None:
        """Write down what is asked for in the broker's session of this name.

        Raises:
            TransientError: it was not written.
        """
        ...


class NoTopics:
    """Nothing beside the carriers' own filters."""

    def wanted(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def subscribed(self, session: str) -> frozenset[str]:  # noqa: ARG002 - the port's name
        """None."""
        return frozenset()

    def note(self, session: str, filters: frozenset[str]) -> None:
        """Nothing is kept."""


class Listening:
    """The subscriptions of one session, which outlives its connections. Belongs to the subscriber's thread."""

    def __init__(
        self,
        own: Callable[[], Iterable[str]],
        topics: Topics,
        clock: Clock,
        session: str,
        host: SparkplugHost | None,
    ) -> None:
        """Listen to what carriers (`own`) and `topics` want at each moment, in the broker's session of this name."""
        self._own = own
        self._state = host.topic if host else None
        self._topics = topics
        self._clock = clock
        self._session = session
        self._wanted: frozenset[str] = frozenset()
        self._refused: dict[str, str] = {}
        self._asked: dict[int, list[str]] = {}  # by packet id
        self._looked_s: float | None = None
        self._noted: frozenset[str] | None = None

    @property
    def trouble(self) -> str | None:
        """The topics that the broker refuses."""
        if not self._refused:
            return None
        return "; ".join(f"the broker refuses topic {topic}: {why}" for topic, why in sorted(self._refused.items()))

    def begin(self, client: mqtt.Client, *, kept: bool) -> None:
        """Subscribe to everything on a new connection; `kept`: the broker still has the session's subscriptions."""
        self._asked.clear()
        self._refused.clear()
        self._wanted = self._looked_up()
        if kept:
            self._drop(client, self._left_over() - self._wanted)
        self._ask(client, sorted(self._wanted))

    def follow(self, client: mqtt.Client) -> None:
        """Once a second: take up what is newly wanted and drop what no longer is."""
        now_s = self._clock.monotonic_s()
        if self._looked_s is not None and now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        wanted = self._looked_up()
        if wanted != self._wanted:
            before, self._wanted = self._wanted, wanted
            self._drop(client, before - wanted)
            self._ask(client, sorted(wanted - before))
        self._note()

    def answered(self, mid: int, codes: Sequence[Any]) -> None:
        """The broker's answer to a SUBSCRIBE."""
        for topic, code in zip(self._asked.pop(mid, ()), codes, strict=False):
            if code.is_failure:
                self._refused[topic] = str(code)
                _log.warning("topic_refused", topic=topic, reason=str(code))
            else:
                self._refused.pop(topic, None)

    def _ask(self, client: mqtt.Client, filters: Sequence[str]) -> None:
        if not filters:
            return
        try:
            _, mid = client.subscribe([(topic, self._options(topic)) for topic in filters])
        except ValueError as error:  # paho's word for one that no broker would take
            self._apart(client, filters, error)
            return
        if mid is not None:
            self._asked[mid] = list(filters)

    def _apart(self, client: mqtt.Client, filters: Sequence[str], error: ValueError) -> None:
        if len(filters) == 1:
            self._refused[filters[0]] = str(error)
            return
        for topic in filters:
            self._ask(client, [topic])

    def _options(self, topic: str) -> SubscribeOptions:
        # What we publish ourselves must not come back as input; our own state must, for somebody else may deny it, and
        # the canary, which is sent for that.
        shared = topic.startswith("$share/")  # there the protocol forbids it
        return SubscribeOptions(
            qos=1,
            noLocal=not (shared or topic == self._state or is_canary(topic)),
            retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB,
        )

    def _drop(self, client: mqtt.Client, filters: frozenset[str]) -> None:
        for topic in filters:
            self._refused.pop(topic, None)
        if filters:
            client.unsubscribe(sorted(filters))

    def _looked_up(self) -> frozenset[str]:
        own = frozenset((*self._own(), *([self._state] if self._state else [])))
        try:
            return own | self._topics.wanted()
        except TransientError as error:
            _log.warning("topics_unavailable", reason=str(error))
            return own | self._wanted

    def _left_over(self) -> frozenset[str]:
        """What an earlier process asked for in this session."""
        try:
            return self._topics.subscribed(self._session)
        except TransientError as error:
            _log.warning("topics_unavailable", reason=str(error))
            return frozenset()

    def _note(self) -> None:
        if self._wanted == self._noted:
            return
        try:
            self._topics.note(self._session, self._wanted)
        except TransientError as error:  # the next look tries again
            _log.warning("topics_not_noted", reason=str(error))
            return
        self._noted = self._wanted
