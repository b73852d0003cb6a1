"""The Berlinger TXT export as a tree: keys indented by single spaces, several pairs on a line, tables behind tabs."""

import re
from dataclasses import dataclass, field

from coldchain.errors import InvalidValue

# A comma separates pairs only where another "key: " follows; values such as names may hold commas of their own.
_NEXT_PAIR = re.compile(r", (?=[A-Z t][^:,]{0,24}:)")


@dataclass(slots=True)
class Node:
    """One section: its lines of pairs in order, its sub-sections by name, and its table if it has one."""

    records: list[dict[str, str]] = field(default_factory=list)
    children: dict[str, "Node"] = field(default_factory=dict)
    table: list[list[str]] = field(default_factory=list)
    table_lines: list[int] = field(default_factory=list)  # where in the file each of its rows stands, from 1

    def child(self, name: str) -> "Node":
        """The sub-section `name`, empty if there is none."""
        return self.children.get(name, Node())

    def value(self, key: str) -> str | None:
        """The first value of `key` in this section; None if absent or empty."""
        return next((record[key] for record in self.records if record.get(key)), None)


def parse_tree(content: bytes) -> Node:
    """Read an export's bytes.

    Raises:
        InvalidValue: this is no Berlinger export; the text says why.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or not lines[0].startswith("Device:"):
        raise InvalidValue("this is no Berlinger export: its first line does not begin with 'Device:'")
    root = Node()
    path = [root]  # the open section at each depth
    for number, line in enumerate(lines, start=1):
        if line.startswith("\t"):
            path[-1].table.append(line[1:].split("\t"))
            path[-1].table_lines.append(number)
        elif line.strip():
            _add(path, line, number)
    return root


def _add(path: list[Node], line: str, number: int) -> None:
    depth = len(line) - len(line.lstrip(" "))
    if depth >= len(path):
        raise InvalidValue(f"line {number} is indented deeper than its section: {line.strip()[:60]!r}")
    del path[depth + 1 :]
    pairs = dict(_pair(part, number) for part in _NEXT_PAIR.split(line.strip()))
    [(key, value), *rest] = pairs.items()
    if value or rest:
        path[depth].records.append(pairs)
    section = path[depth].children.setdefault(key, Node()) if not value and not rest else Node()
    path.append(section)


def _pair(text: str, number: int) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not colon:
        raise InvalidValue(f"line {number} is no 'key: value': {text[:60]!r}")
    return key.strip(), value.strip()
