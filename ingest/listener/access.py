"""Who may connect, and which topics are whose."""

from typing import Protocol

from coldchain.domain import canary
from coldchain.domain.identity import logger_id
from coldchain.domain.reading import shard_of
from coldchain.errors import InvalidValue


class Credentials(Protocol):
    """Knows the loggers' passwords; called from worker threads, so that a slow hash delays nobody."""

    def check(self, user: str, password: str) -> str | None:
        """The id of the logger that `user` is, None if there is none or the password is wrong."""
        ...


def may_publish(user: str | None, topic: str, tenant: str) -> bool:
    """Whether a message on `topic` can be `user`'s own; without users (loopback, demo) every topic may be.

    A wrong shard is its owner's mistake, answered by quarantine with the right topic, and no trespass. Outside `cc/` a
    topic names whom its carrier makes of it: what is said there for somebody else is found out when it is decoded.
    """
    if user == canary.USER or canary.is_canary(topic):
        return user == canary.USER and topic == canary.topic(tenant)
    if user is None or not topic.startswith(("cc/", "$")):
        return True
    match topic.split("/"):
        case ["cc", name, "up"]:
            pass
        case ["cc", "v1", spoken, _, name, "up"] if spoken == tenant:
            pass
        case _:
            return False
    try:
        return logger_id(name) == user
    except InvalidValue:
        return False


def may_hear(user: str | None, topic: str, tenant: str) -> str | None:
    """The logger whose down messages `topic` names, if `user` may have them."""
    match topic.split("/"):
        case ["cc", name, "down"]:
            place = None
        case ["cc", "v1", spoken, shard, name, "down"]:
            place = (spoken, shard)
        case _:
            return None
    try:
        logger = logger_id(name)
    except InvalidValue:
        return None
    if user not in (None, logger) or place not in (None, (tenant, str(shard_of(logger)))):
        return None
    return logger


def is_command_topic(topic: str) -> bool:
    """Whether what carriers ask of the side that sent may be heard there: any topic outside `cc/`.

    The listener routes nothing between its clients, so that nobody hears anything of others there. Wildcards may stand
    in it because Sparkplug's nodes ask so for commands to their devices.
    """
    return not topic.startswith(("cc/", "$", "+", "#"))
