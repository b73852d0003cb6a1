"""What a canonical message says of itself as a whole: its number, and what it declares for all of its readings."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from coldchain.domain.identity import printable_name
from coldchain.domain.message import Refusal
from coldchain.errors import InvalidValue
from sensors.carriers.fields import Wrong, flag, integer, number, section, words

LARGEST_COUNTER = 2**53 - 1  # what every JSON library carries unharmed
LONGEST_INTERVAL_MS = 31 * 86_400_000

Fields = dict[str, Any]


class Head(NamedTuple):
    """What a message says of itself as a whole."""

    boot: int | None
    seq: int | None
    oldest: tuple[int, int] | None
    interval_ms: int | None
    historical: bool
    device_alarm: str | None

    @property
    def key(self) -> str:
        """The message key, "" where the message has no number."""
        return message_key(self.boot, self.seq)


def message_key(boot: int | None, seq: int | None) -> str:
    """The message key, "" where the message has no number."""
    return "" if boot is None or seq is None else f"{boot}:{seq}"


def read_head(tree: Fields) -> tuple[Head, tuple[Refusal, ...]]:
    """The numbers and declarations of a message, and what is wrong with the latter.

    Raises:
        Wrong: it is no message of this format, or its number cannot count messages.
    """
    version = tree.get("v", 1)
    if version != 1 or type(version) is not int:
        raise Wrong("v", version, "is no version of the format that is known here: send 1")
    counted = read_number(tree)
    declared: dict[str, Any] = {}
    refusals: list[Refusal] = []
    readers: tuple[tuple[str, Callable[[Fields], Any]], ...] = (
        ("oldest", partial(_oldest, counted=counted)),
        ("interval_ms", _interval),
        ("historical", partial(flag, name="historical")),
        ("device_alarm", read_alarm),
    )
    for name, read in readers:
        try:
            declared[name] = read(tree)
        except Wrong as wrong:  # the readings do not depend on it
            refusals.append(wrong.refusal())
            declared[name] = None
    declared["historical"] = declared["historical"] or False
    return Head(*counted, **declared), tuple(refusals)


def read_number(tree: Fields) -> tuple[int | None, int | None]:
    """The message's number (boot, seq), as far as it has one.

    Raises:
        Wrong: it cannot count messages.
    """
    return integer(tree, "boot", LARGEST_COUNTER), integer(tree, "seq", LARGEST_COUNTER)


def _oldest(tree: Fields, counted: tuple[int | None, int | None]) -> tuple[int, int] | None:
    stated = section(tree, "oldest")
    boot, seq = counted
    if stated is None or boot is None or seq is None:
        return None  # an oldest message means nothing where messages have no number
    oldest = _mark(stated)
    if oldest > (boot, seq):
        raise Wrong("oldest", stated, f"is newer than message {boot}:{seq}, which the logger holds as well")
    return oldest


def _mark(tree: Fields) -> tuple[int, int]:
    boot, seq = read_number(tree)
    if boot is None or seq is None:
        raise Wrong("oldest", tree, "lacks boot or seq")
    return boot, seq


def _interval(tree: Fields) -> int | None:
    interval_ms = number(tree, "interval_s", 3)
    if interval_ms is not None and not 0 < interval_ms <= LONGEST_INTERVAL_MS:
        raise Wrong("interval_s", tree["interval_s"], "is not above 0 and at most 31 days")
    return interval_ms


def read_alarm(tree: Fields) -> str | None:
    """What the device itself calls an alarm; None if nothing.

    Raises:
        Wrong: it is neither a name nor true or false.
    """
    if type(tree.get("device_alarm")) is bool:
        return "alarm" if tree["device_alarm"] else None
    text = words(tree, "device_alarm")
    return None if text is None else read_name(text, "device_alarm")


def read_name(text: str, field: str) -> str:
    """A name that people and databases can bear.

    Raises:
        Wrong: it is none.
    """
    try:
        return printable_name(text, field)
    except InvalidValue:
        raise Wrong(field, text, "is not a name of 1 to 64 printable characters") from None
