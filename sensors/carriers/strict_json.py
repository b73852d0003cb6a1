"""JSON as it was written: exact numbers, and every oddity kept visible at its place instead of being resolved.

`quick` is the fast reader for the ordinary case and answers None whenever it might differ from `exact` in anything but
the type of numbers. `exact` reads what others refuse whole (NaN, a key twice, a number of 5000 digits), so that the
caller can name the field and keep the rest of a batch.
"""

import json
import re
from typing import Any

import msgspec

from coldchain.errors import InvalidValue


class NumberText(str):
    """A number that is no short integer, as the text that was received."""

    __slots__ = ()


class Oddity(str):
    """Something that JSON has no value for, as it was written: NaN, Infinity, or a key that stands there twice."""

    __slots__ = ()


_SHORT = 18  # digits that fit a signed 64-bit integer
_SPACED_COLON = re.compile(rb'"\s+:')
_SPACE = re.compile(r"[ \t\r\n]*")


def quick(payload: bytes) -> Any | None:
    """The value of `payload` with numbers as int and float, or None where only `exact` tells the whole truth."""
    try:
        tree = msgspec.json.decode(payload)
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors, and so are those of UTF-8
        return None
    # A key that stands twice disappears in a dict: then there are more `":` than keys. Whatever else makes the count
    # differ (a quote inside a string, say) costs only time.
    if payload.count(b'":') != _keys(tree) or (len(payload.split(None, 1)) > 1 and _SPACED_COLON.search(payload)):
        return None
    return tree


def _keys(tree: Any) -> int:
    if type(tree) is dict:
        count = len(tree)
        for value in tree.values():
            if type(value) is dict or type(value) is list:
                count += _keys(value)
        return count
    if type(tree) is list:
        return sum(map(_keys, tree))
    return 0


def exact(text: str) -> Any:
    """The value of `text` with `NumberText` and `Oddity` where they belong.

    Raises:
        InvalidValue: it is no JSON, or nested too deep; the text says where.
    """
    value, end = element(text, skip_space(text, 0))
    if skip_space(text, end) != len(text):
        raise InvalidValue(f"payload is not JSON: after its end, at character {end}, stands {text[end : end + 40]!r}")
    return value


def element(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins at `start`, and where it ends.

    Raises:
        InvalidValue: as `exact`.
    """
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        near = text[max(0, error.pos - 40) : error.pos + 20]
        raise InvalidValue(f"payload is not JSON: {error.msg} at character {error.pos}, near {near!r}") from None
    except RecursionError:
        raise InvalidValue("payload is nested too deep: a message has five levels") from None


def skip_space(text: str, start: int) -> int:
    """The first position from `start` on that is no JSON white space."""
    found = _SPACE.match(text, start)
    return found.end() if found else start


def _integer(text: str) -> int | NumberText:
    return int(text) if len(text) <= _SHORT else NumberText(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        seen: set[str] = set()
        for name, value in pairs:
            if name in seen:
                tree[name] = Oddity(f"{value!r}, written twice")
            seen.add(name)
    return tree


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=NumberText, parse_int=_integer, parse_constant=Oddity, strict=True
)
