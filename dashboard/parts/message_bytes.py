"""A message's bytes, readable: JSON indented with every number as it was written, else text, and always hexadecimal."""

import json
import re
from typing import Any

import dash_mantine_components as dmc
from dash import html

SHOWN = 8 * 1024  # bytes of a message that a page shows; the rest is in the download
_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_INDENT = "  "
_DEEPEST = 64


def views(payload: bytes, *, id: str) -> Any:  # noqa: A002
    """The readable forms side by side as tabs; the most telling one is open."""
    begin = payload[:SHOWN]
    forms = [("json", "JSON", indented(begin))] if len(payload) <= SHOWN else []
    forms += [("text", "Text", plain(begin)), ("hex", "Hexadecimal", dump(begin[: SHOWN // 4]))]
    shown = [(key, title, words) for key, title, words in forms if words is not None]
    tabs = [dmc.TabsTab(title, value=key) for key, title, _ in shown]
    panels = [
        dmc.TabsPanel(html.Pre(words, className="bytes", tabIndex="0"), value=key, **{"aria-label": title})
        for key, title, words in shown
    ]
    return dmc.Tabs([dmc.TabsList(tabs), *panels], value=shown[0][0], id=id, keepMounted=False)


def indented(payload: bytes) -> str | None:
    """JSON over several lines, its tokens untouched; None if it is no JSON."""
    text = plain(payload)
    if text is None or not _is_json(text):
        return None
    lines, depth, last = [""], 0, ""
    for part in _PART.findall(text):
        closes = part in ("}", "]")
        depth -= closes
        if (closes and last not in ("{", "[")) or (not closes and last in ("{", "[", ",")):
            lines.append(_INDENT * min(depth, _DEEPEST))
        lines[-1] += part + (" " if part == ":" else "")
        depth += part in ("{", "[")
        last = part
    return "\n".join(lines)


def _is_json(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict | list)


def plain(payload: bytes) -> str | None:
    """UTF-8 text with what cannot be printed made visible; None if it is no text."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return visible(text) if payload else None


def visible(text: str) -> str:
    """`text` with everything that could disguise it (controls, bidirectional marks) written as its code."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def dump(payload: bytes) -> str:
    """Sixteen bytes a line: where, in hexadecimal, and what of it is printable."""
    lines = []
    for start in range(0, len(payload), 16):
        some = payload[start : start + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in some)
        lines.append(f"{start:06x}  {some.hex(' '):<47}  {shown}")
    return "\n".join(lines) or "no bytes"
