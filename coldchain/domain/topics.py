"""MQTT topic filters: which are ones, and which topics they cover."""

from coldchain.errors import InvalidValue

_LONGEST = 1024  # bytes; MQTT itself allows 65535
_DEEPEST = 100  # levels; brokers cut the connection of who asks for more than about 200


def checked_filter(text: str) -> str:
    """`text` if it is a topic filter that a broker accepts.

    Raises:
        InvalidValue: names what is wrong with it.
    """
    levels = text.split("/")
    if not text or len(text.encode("utf-8", "replace")) > _LONGEST or len(levels) > _DEEPEST:
        raise InvalidValue(f"topic {text[:80]!r} is empty, or longer than {_LONGEST} bytes or {_DEEPEST} levels")
    if not text.isprintable():
        raise InvalidValue(f"topic {text[:80]!a} holds a character that cannot be printed")
    for place, level in enumerate(levels):
        if level not in ("+", "#") and ("+" in level or "#" in level):
            raise InvalidValue(f"topic {text[:80]!r}: + and # each stand for a whole level")
        if level == "#" and place != len(levels) - 1:
            raise InvalidValue(f"topic {text[:80]!r}: # can only be the last level")
    return text


def covers(filter: str, topic: str) -> bool:  # noqa: A002
    """Whether a message on `topic` is one for `filter`."""
    wanted, given = filter.split("/"), topic.split("/")
    if given[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(given) or level not in ("+", given[place]):
            return False
    return len(wanted) == len(given)
