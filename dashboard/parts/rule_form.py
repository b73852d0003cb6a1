"""The form of a rule that is JSON underneath: fields by path, rows that come and go, and each mistake beside its field.

A path is that of the rule's own messages, `steps[0].after_min`, so that what is refused finds its field.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html

Json = dict[str, Any]
FIELD, ACT = "rule-field", "rule-act"
_PART = re.compile(r"([a-z_]+)(?:\[(\d{1,3})\])?\Z")
MOST_ROWS = 200


def field_id(path: str) -> dict[str, str]:
    """The id of the field with this path."""
    return {"type": FIELD, "at": path}


def line(path: str, label: str, value: object, mistakes: Mapping[str, str], **more: Any) -> Any:
    """A field for a line of text."""
    shown = "" if value is None else str(value)
    return dmc.TextInput(id=field_id(path), label=label, value=shown, error=blamed(path, mistakes), size="sm", **more)


def choice(path: str, label: str, value: object, options: Mapping[str, str], mistakes: Mapping[str, str],
           **more: Any) -> Any:  # fmt: skip
    """A field with one of several."""
    data = [{"value": key, "label": words} for key, words in options.items()]
    if isinstance(value, str) and value and value not in options:
        data.append({"value": value, "label": f"{value} (not on record)"})
    return dmc.Select(id=field_id(path), label=label, value=value or None, data=data, size="sm",
                      error=blamed(path, mistakes), searchable=len(data) > 7,
                      clearButtonProps={"aria-label": f"Clear {label.lower()}"}, **more)  # fmt: skip


def several(path: str, label: str, value: Sequence[str], options: Mapping[str, str], mistakes: Mapping[str, str],
            **more: Any) -> Any:  # fmt: skip
    """A field with any of several, in the order in which they were chosen."""
    data = [{"value": key, "label": words} for key, words in options.items()]
    data += [{"value": one, "label": f"{one} (not on record)"} for one in value if one not in options]
    return dmc.MultiSelect(id=field_id(path), label=label, value=list(value), data=data, size="sm", clearable=True,
                           error=blamed(path, mistakes), searchable=True, hidePickedOptions=True,
                           clearButtonProps={"aria-label": f"Clear {label.lower()}"}, **more)  # fmt: skip


def button(do: str, at: str, words: str, label: str = "") -> html.Button:
    """A button that adds a row to a list, or takes one away, or moves it up."""
    said = {"aria-label": label} if label else {}
    return html.Button(words, id={"type": ACT, "do": do, "at": at}, type="button", className="button", **said)


def blamed(path: str, mistakes: Mapping[str, str]) -> str | None:
    """What is wrong with a field or with anything inside it."""
    found = [words for key, words in mistakes.items() if key == path or key.startswith((f"{path}[", f"{path}."))]
    return "; ".join(found) or None


def mistakes_of(problems: Iterable[str]) -> dict[str, str]:
    """Problems by path; each begins with it."""
    found: dict[str, str] = {}
    for problem in problems:
        path, _, words = problem.partition(" ")
        words = words.removeprefix("= ")
        found[path] = f"{found[path]}; {words}" if path in found else words
    return found


def unplaced(mistakes: Mapping[str, str], fields: Iterable[str]) -> list[str]:
    """Mistakes that no field of the form shows."""
    shown = tuple(fields)
    return [
        f"{path}: {words}"
        for path, words in mistakes.items()
        if not any(path == one or path.startswith((f"{one}[", f"{one}.")) for one in shown)
    ]


def given(states: object, values: object) -> dict[str, Any]:
    """What stands in each field, by its path; the browser's word, cut to size."""
    found: dict[str, Any] = {}
    if not (isinstance(states, list) and isinstance(values, list)):
        return found
    for one in states:
        path = one.get("id", {}).get("at")
        if isinstance(path, str) and len(path) < 100:
            found[path] = _plain(one.get("value"))
    return found


def _plain(value: object) -> Any:
    if isinstance(value, list):
        return [str(one)[:200] for one in value[:100]]
    return value[:2000] if isinstance(value, str) else "" if value is None else str(value)[:200]


def tree(fields: Mapping[str, Any]) -> Json:
    """The fields as nested tables and lists; paths that are none are left out."""
    root: Json = {}
    for path, value in fields.items():
        steps = [_PART.match(part) for part in path.split(".")]
        if not steps or any(step is None for step in steps):
            continue
        _put(root, [(step[1], None if step[2] is None else int(step[2])) for step in steps if step], value)
    return root


def _put(at: Json, steps: list[tuple[str, int | None]], value: Any) -> None:
    for place, (name, number) in enumerate(steps):
        last = place == len(steps) - 1
        if number is None:
            if last:
                at[name] = value
                return
            at = at.setdefault(name, {})
            continue
        rows = at.setdefault(name, [])
        while len(rows) <= min(number, MOST_ROWS):
            rows.append({})
        if number > MOST_ROWS:
            return
        at = rows[number]


def with_row(body: Json, name: str, row: Json) -> Json:
    """One row more in a list."""
    return {**body, name: [*body.get(name, []), row]}


def without_row(body: Json, name: str, number: int) -> Json:
    """One row less in a list."""
    return {**body, name: [row for place, row in enumerate(body.get(name, [])) if place != number]}


def moved_up(body: Json, name: str, number: int) -> Json:
    """A row of a list before the one above it."""
    rows = list(body.get(name, []))
    if 0 < number < len(rows):
        rows[number - 1], rows[number] = rows[number], rows[number - 1]
    return {**body, name: rows}


def row_of(at: str) -> tuple[str, int]:
    """`steps[2]` as its list and its number."""
    found = _PART.match(at)
    return (found[1], int(found[2])) if found and found[2] is not None else (at, -1)
