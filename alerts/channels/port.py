"""What a channel does: one message to one recipient, and an answer that the one retry loop understands.

A channel never retries. It says what the other side said: taken, refused for good, or not now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from coldchain.errors import PermanentError, TransientError


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one address, ready to be sent; `id` stays the same however often it is sent."""

    id: str
    to: str
    text: str
    subject: str = ""
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side took responsibility: the provider's own id if it gave one, and its words."""

    provider_id: str | None
    code: str
    detail: str


class Deferred(TransientError):
    """Not now. `ambiguous` means that the message may have been taken although no answer said so."""

    def __init__(
        self, detail: str, *, code: str = "", ambiguous: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.ambiguous = ambiguous
        self.retry_after_s = retry_after_s


class Refused(PermanentError):
    """Never: this recipient or this message was turned away for good."""

    def __init__(self, detail: str, *, code: str = "") -> None:
        super().__init__(detail)
        self.code = code


class Channel(Protocol):
    """One way out. Safe to call from several threads; returns or raises within its own deadline."""

    def send(self, message: Message) -> Sent:
        """Hand over `message`.

        Raises:
            Deferred: it may work later (also: the message may have arrived, see `Deferred.ambiguous`).
            Refused: it never will.
        """
        ...
