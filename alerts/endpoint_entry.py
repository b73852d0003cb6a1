"""Entering a program that is to be told: its address is checked as its channel demands."""

from alerts.channels.apprise import checked_address
from alerts.channels.webhook import checked_url
from alerts.policy import PROGRAM_CHANNELS
from coldchain.errors import InvalidValue
from coldchain.registry import endpoints
from coldchain.registry.store import Registry


def enter(
    registry: Registry, *, kind: str, name: str, url: str, private: bool, who: str, now_ms: int
) -> tuple[str, str | None]:
    """Add an endpoint; its id, and of a webhook the secret that its events are signed with, told only here.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    if kind not in PROGRAM_CHANNELS:
        raise InvalidValue(f"kind: {kind[:40]!r} is not one of {', '.join(PROGRAM_CHANNELS)}")
    if kind == "webhook":
        checked_url(url)
        with registry.write() as connection:
            return endpoints.create(connection, name=name, url=url, private=private, who=who, now_ms=now_ms)
    shown = checked_address(url)  # takes a second or two: outside any transaction
    with registry.write() as connection:
        made = endpoints.create_apprise(
            connection, name=name, address=url, shown=shown, private=private, who=who, now_ms=now_ms
        )
    return made, None
