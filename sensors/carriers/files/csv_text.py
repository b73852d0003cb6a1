"""A file of columns as lines: which encoding it is in, where each line lies in its bytes, and its cells."""

import codecs
import csv
from collections.abc import Iterator
from typing import NamedTuple

from coldchain.errors import InvalidValue

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp1252")
DELIMITERS = (",", ";", "\t", "|")
LONGEST_LINE = 16_384  # bytes; no logger writes more into one, a binary file does

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_LOOKED_AT = 65_536


class Line(NamedTuple):
    """One line. `end` is the offset in the file after its line break; `text` is None where `fault` says why."""

    number: int  # from 1
    end: int
    text: str | None
    fault: str | None = None


class Encoding(NamedTuple):
    """How bytes become text. `start` is the length of the byte order mark."""

    name: str
    start: int = 0


def encoding_of(content: bytes, stated: str | None = None) -> Encoding:
    """The encoding of a file: as stated, else by its byte order mark, its zero bytes, or what its bytes can be.

    Raises:
        InvalidValue: an encoding that is not read here, or bytes that are no text.
    """
    if stated is not None and stated not in ENCODINGS:
        raise InvalidValue(f"encoding: {stated!r} is none of {', '.join(ENCODINGS)}")
    for mark, name in _MARKS:
        if content.startswith(mark) and stated in (None, name):
            return Encoding(name, len(mark))
    if stated is not None:
        return Encoding(stated)
    head = content[:_LOOKED_AT]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 4 and even <= odd // 50:
        return Encoding("utf-16-le")
    if even > len(head) // 4 and odd <= even // 50:
        return Encoding("utf-16-be")
    if even + odd > len(head) // 100:
        raise InvalidValue("the file is no text: it holds zero bytes; export it as CSV or TXT")
    return Encoding("utf-8" if _is_utf8(content) else "cp1252")


def _is_utf8(content: bytes) -> bool:
    """Whether more characters beyond ASCII are well-formed UTF-8 than are not; one broken byte decides nothing."""
    if content.isascii():
        return True
    text = content[: 16 * _LOOKED_AT].decode("utf-8", "surrogateescape")
    broken = sum("\udc80" <= one <= "\udcff" for one in text)
    return broken == 0 or sum(one > "\x7f" for one in text) > 2 * broken


def lines(content: bytes, encoding: Encoding) -> Iterator[Line]:
    """Every line, in order; line breaks are LF, CRLF, or CR where the file holds no LF."""
    width = 2 if encoding.name.startswith("utf-16") else 1
    feed, back = (one.encode(encoding.name) for one in "\n\r")
    lone = content.find(feed) < 0
    wanted = back if lone else feed
    at, number = encoding.start, 0
    while at < len(content):
        end = _break_after(content, wanted, at, width)
        number += 1
        yield _line(content, at, end, number, encoding.name)
        at = end


def _break_after(content: bytes, wanted: bytes, at: int, width: int) -> int:
    found = content.find(wanted, at)
    while found >= 0 and (found - at) % width:
        found = content.find(wanted, found + 1)
    return len(content) if found < 0 else found + width


def _line(content: bytes, at: int, end: int, number: int, encoding: str) -> Line:
    if end - at > LONGEST_LINE:
        return Line(number, end, None, f"is longer than {LONGEST_LINE} bytes")
    try:
        return Line(number, end, content[at:end].decode(encoding).rstrip("\r\n"))
    except UnicodeDecodeError:
        if encoding == "cp1252":  # five of its bytes stand for nothing
            return Line(number, end, content[at:end].decode("latin-1").rstrip("\r\n"))
        return Line(number, end, None, f"holds bytes that are not {encoding}")


def shown(content: bytes, line: Line) -> str:
    """A line's text for a person, even where it cannot be decoded."""
    if line.text is not None:
        return line.text[:120]
    return content[max(0, line.end - 120) : line.end].decode("latin-1").strip()


def cells(text: str, delimiter: str) -> list[str] | None:
    """The cells of one line, without the blanks around them; None where its quotes do not match.

    Each line is read by itself: a quote that is not closed costs its own line and no other.
    """
    if '"' not in text:
        return [cell.strip() for cell in text.split(delimiter)]
    try:
        [row] = csv.reader([text], delimiter=delimiter, strict=True, skipinitialspace=True)
    except (csv.Error, ValueError):
        return None
    return [cell.strip() for cell in row]
