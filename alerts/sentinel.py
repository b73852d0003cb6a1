"""The sentinel: beside the monitor, with ways to people of its own, it says when the monitor itself does not work.

It remembers only what it has said itself. Its messages repeat until all is well again, and then it says that.
"""

import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from typing import NamedTuple

import structlog

from alerts import gsm7
from alerts.annunciation import Annunciation
from alerts.channels.port import Channel, Deferred, Message, Refused
from alerts.sentinel_view import Trouble
from alerts.texts import texts
from coldchain.clock import Clock
from coldchain.domain.quantity import iso

log = structlog.get_logger("sentinel")

_AGAIN_S = 10.0  # after a message that could not be handed over


class Pace(NamedTuple):
    """How long trouble must last, how often it is repeated, and how long all must be well before it is over (s)."""

    hold_s: float = 45.0
    repeat_s: float = 600.0
    calm_s: float = 60.0
    more_s: float = 60.0  # between two messages of which the second only adds something

    @classmethod
    def of(cls, every_s: float) -> "Pace":
        """For canaries that are sent every `every_s` seconds."""
        return cls(0.75 * every_s, 10 * every_s, every_s, every_s)


class Target(NamedTuple):
    """One address and the channel to it."""

    channel: str  # email | sms
    address: str


@dataclass
class _Post:
    """What one target was told of this episode, and what is on its way to it."""

    accepted: int = 0  # of the messages of this episode, the newest that was taken
    retry_s: float = 0.0
    under_way: "Future[bool] | None" = None
    number: int = 0


class Sentinel:
    """Decides when to speak, and speaks to every target by itself, so that none waits for another."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        targets: Sequence[Target],
        clock: Clock,
        site: str,
        pace: Pace | None = None,
        siren: Annunciation | None = None,
    ) -> None:
        """`site` names the installation in every message."""
        self._channels, self._targets, self._clock, self._site = dict(channels), tuple(targets), clock, site
        self.pace = pace or Pace()
        self._siren = siren
        self._since_s: dict[str, float] = {}
        self._words: tuple[str, ...] = ()
        self._keys: frozenset[str] = frozenset()
        self._well_s: float | None = None
        self._episode: str | None = None
        self._began_ms = 0
        self._number = 0  # of messages in this episode
        self._spoke_s = 0.0
        self._over = False
        self._posts = {target: _Post() for target in self._targets}
        self._threads = ThreadPoolExecutor(max(1, len(self._targets)), "sentinel-post")

    @property
    def alarmed(self) -> bool:
        """Whether it has something to say that is not over."""
        return self._episode is not None and not self._over

    def turn(self, troubles: Sequence[Trouble]) -> None:
        """Take note of what is wrong now, and say what has to be said. Never waits for a server."""
        now_s = self._clock.monotonic_s()
        self._since_s = {one.key: self._since_s.get(one.key, now_s) for one in troubles}
        wrong = [one for one in troubles if one.lasting or now_s - self._since_s[one.key] >= self.pace.hold_s]
        if wrong:
            self._wrong(wrong, now_s)
        elif not troubles:
            self._well(now_s)
        else:
            self._well_s = None
        if self._siren is not None:
            self._siren.follow(self._said() if self.alarmed else None)
        self._post(now_s)

    def close(self) -> None:
        """End without waiting for servers."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _wrong(self, wrong: Sequence[Trouble], now_s: float) -> None:
        self._well_s = None
        keys = frozenset(one.key for one in wrong)
        fresh = self._episode is None or self._over
        if fresh:
            self._episode, self._began_ms, self._number, self._over = str(uuid.uuid4()), self._clock.now_ms(), 0, False
            self._keys = frozenset()
            for post in self._posts.values():
                post.accepted = 0
        more = not keys <= self._keys and now_s - self._spoke_s >= self.pace.more_s
        if fresh or more or now_s - self._spoke_s >= self.pace.repeat_s:
            self._words, self._keys = tuple(one.words for one in wrong), self._keys | keys
            self._number += 1
            self._spoke_s = now_s
            log.error("monitor_does_not_work", why=self._words, message=self._number)

    def _well(self, now_s: float) -> None:
        if not self.alarmed:
            return
        self._well_s = now_s if self._well_s is None else self._well_s
        if now_s - self._well_s >= self.pace.calm_s:
            self._over = True
            self._number += 1
            log.info("monitor_works_again")

    def _post(self, now_s: float) -> None:
        for target, post in self._posts.items():
            if post.under_way is not None:
                if not post.under_way.done():
                    continue
                taken, post.under_way = post.under_way.result(), None
                post.accepted = post.number if taken else post.accepted
                post.retry_s = now_s if taken else now_s + min(_AGAIN_S, self.pace.hold_s)
            owed = self._number > post.accepted and now_s >= post.retry_s
            # Who was never reached while it was wrong need not hear that it is over.
            if owed and not (self._over and post.accepted == 0):
                post.number = self._number
                post.under_way = self._threads.submit(self._send, target, self._message(target))

    def _send(self, target: Target, message: Message) -> bool:
        try:
            self._channels[target.channel].send(message)
        except (Deferred, Refused) as error:
            log.error("not_delivered", channel=target.channel, error=str(error))
            return False
        return True

    def _said(self) -> str:
        words = texts("en")
        return words("sentinel.headline", site=self._site, why="; ".join(self._words))

    def _message(self, target: Target) -> Message:
        words, id_ = texts("en"), f"{self._episode}.{self._number}"
        values = {"site": self._site, "why": "; ".join(self._words), "since": iso(self._began_ms)}
        state = "over" if self._over else "repeat" if self._number > 1 else "first"
        subject = words(f"sentinel.subject_{state}", **values)
        if target.channel == "sms":
            return Message(id_, target.address, gsm7.cut(gsm7.gsm7(f"{subject}: {values['why']}"), gsm7.SEPTETS))
        body = words(
            "sentinel.over" if self._over else "sentinel.body", **values, minutes=f"{self.pace.repeat_s / 60:g}"
        )
        thread = f"<{self._episode}@sentinel.coldchain>"
        headers = {
            "Date": formatdate(self._clock.now_ms() / 1000, usegmt=True),
            "Message-ID": f"<{id_}@sentinel.coldchain>", "References": thread, "In-Reply-To": thread,
            "Auto-Submitted": "auto-generated", "X-Coldchain-Sentinel": state,
        }  # fmt: skip
        if not self._over:
            headers |= {"Importance": "high", "X-Priority": "1"}
        return Message(id_, target.address, body, subject[:120], headers=headers)
