"""What a logger is called: one spelling per device, whoever writes it."""

import re
import unicodedata
from functools import lru_cache

from coldchain.errors import InvalidValue

LONGEST = 64
_FORBIDDEN = frozenset("/+#")  # they have a meaning in MQTT topics

# EUI-64 and MAC addresses in pairs, in groups of four, or bare; IMEIs bare or in their two printed groupings.
_HARDWARE = re.compile(
    r"[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}(?:(?:\1[0-9A-Fa-f]{2}){2})?"
    r"|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2,3}"
    r"|[0-9A-Fa-f]{12}|[0-9A-Fa-f]{16}"
    r"|[0-9]{15}|[0-9]{2}[- ][0-9]{6}[- ][0-9]{6}[- ][0-9]|[0-9]{8}[- ][0-9]{6}[- ][0-9]"
)
_SEPARATORS = str.maketrans("", "", ":-. ")


@lru_cache(maxsize=20_000)  # a fleet speaks again and again
def logger_id(text: str) -> str:
    """The id by which a logger is known.

    EUIs, MACs and IMEIs become upper-case hex or digits without separators; every other id stays as sent, in NFC.

    Raises:
        InvalidValue: it is empty, longer than 64 characters, or holds one that cannot be printed or stand in a topic.
    """
    if _HARDWARE.fullmatch(text):
        return text.translate(_SEPARATORS).upper()
    name = printable_name(text, "logger id")
    if not _FORBIDDEN.isdisjoint(name):
        raise InvalidValue(f"logger id {text[:40]!r} holds one of / + #, which have a meaning in topics")
    return name


def printable_name(text: str, what: str) -> str:
    """`text` in NFC, if it is 1 to 64 printable characters; `what` names it in the refusal.

    Raises:
        InvalidValue: it is not.
    """
    name = unicodedata.normalize("NFC", text)
    if not 1 <= len(name) <= LONGEST:
        raise InvalidValue(f"{what} {text[:40]!r} has {len(name)} characters: write 1 to {LONGEST}")
    if not name.isprintable():
        raise InvalidValue(f"{what} {text[:40]!a} holds a character that cannot be printed")
    return name
