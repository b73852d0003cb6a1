"""A parsed TOML document written as TOML text again: scalars first, then tables, then arrays of tables."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def toml_text(document: Mapping[str, Any]) -> str:
    """The text of tables, arrays, text, numbers and truth values; what is None is left out, as TOML has no such value.

    Comments and the order across kinds are not kept.
    """
    return "\n".join(_lines(document, ())).strip() + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    nested = {name: value for name, value in table.items() if _nests(value)}
    for name, value in table.items():
        if name not in nested and value is not None:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in nested.items():
        below = (*path, name)
        dotted = ".".join(map(_key, below))
        if isinstance(value, Mapping):
            yield from ("", f"[{dotted}]")
            yield from _lines(value, below)
            continue
        for one in value:
            yield from ("", f"[[{dotted}]]")
            yield from _lines(one, below)


def _nests(value: Any) -> bool:
    """Whether a value gets headings of its own; an empty array stays in its line."""
    tables = isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)
    return tables or isinstance(value, Mapping)


def _key(name: str) -> str:
    return name if name and all(c.isascii() and (c.isalnum() or c in "_-") for c in name) else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(name)} = {_value(one)}' for name, one in value.items())} }}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
