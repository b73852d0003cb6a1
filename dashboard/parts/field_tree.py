"""The fields of a message as a tree whose leaves can be clicked: each knows the path by which a profile finds it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from dashboard.parts.arriving import name
from dashboard.parts.elements import tag
from sensors.carriers.fields import shown
from sensors.device_profiles.paths import ABSENT, getter

MOST = 400  # leaves that are shown
_DEEPEST = 16
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def step(path: str, key: str | int) -> str:
    """The path one level further down."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    part = key if _PLAIN.match(key) else json.dumps(key, ensure_ascii=False)
    return f"{path}.{part}" if path else part


def leaves(tree: Any, path: str = "", depth: int = 0) -> list[tuple[str, Any]]:
    """Every value of the tree with its path, in its order."""
    inner: list[tuple[str | int, Any]] = []
    if depth < _DEEPEST and isinstance(tree, dict):
        inner = [(str(key), value) for key, value in tree.items()]
    elif depth < _DEEPEST and isinstance(tree, list):
        inner = list(enumerate(tree))
    else:
        return [(path or "@", tree)]
    return [leaf for key, value in inner for leaf in leaves(value, step(path, key), depth + 1)]


def tree_view(tree: Any, roles: Mapping[str, str], chosen: str | None) -> Any:
    """The tree with what each field is taken for."""
    left = [MOST]
    return html.Div(_branch(tree, "", roles, chosen, left, 0), className="tree")


def _branch(tree: Any, path: str, roles: Mapping[str, str], chosen: str | None, left: list[int], depth: int) -> Any:
    if depth < _DEEPEST and isinstance(tree, dict):
        inner: list[tuple[str | int, Any]] = [(str(key), value) for key, value in tree.items()]
    elif depth < _DEEPEST and isinstance(tree, list):
        inner = list(enumerate(tree))
    else:
        return _leaf("value", tree, path or "@", roles, chosen)
    items = []
    for key, value in inner:
        if left[0] <= 0:
            items.append(html.Li("… more fields than are shown", className="dim"))
            break
        below = step(path, key)
        if isinstance(value, dict | list) and value and depth + 1 < _DEEPEST:
            branch = _branch(value, below, roles, chosen, left, depth + 1)
            items.append(html.Li([html.Span(_label(key), className="mono dim"), branch]))
        else:
            left[0] -= 1
            items.append(html.Li(_leaf(_label(key), value, below, roles, chosen)))
    return html.Ul(items)


def _label(key: str | int) -> str:
    return f"[{key}]" if isinstance(key, int) else name(key)


def _leaf(label: str, value: Any, path: str, roles: Mapping[str, str], chosen: str | None) -> Any:
    said = [" ", tag(roles[path])] if path in roles else []
    return html.Button(
        [html.Span(label, className="mono"), html.Span(": ", className="dim"),
         html.Span(written(value), className="mono leaf"), *said],
        type="button", className="pick",
        **{"data-set": "field-path", "data-value": path, "aria-pressed": "true" if path == chosen else "false"},
    )  # fmt: skip


def written(value: Any) -> str:
    """A value as it was received, within bounds."""
    if value is ABSENT:
        return "not there"
    if isinstance(value, dict | list) and value:
        return "…"
    return name(shown(value) if not isinstance(value, str) else json.dumps(value[:80], ensure_ascii=False))


def across(path: str, trees: Sequence[Any]) -> str:
    """What stands at a path in several messages, in a sentence."""
    found = [value for tree in trees if (value := getter(path)(tree)) is not ABSENT]
    if not found:
        return "In none of the newest messages."
    numbers = [value for value in found if isinstance(value, int | float) and not isinstance(value, bool)]
    where = f"In {len(found)} of {len(trees)} messages"
    if len(numbers) == len(found):
        low, high = min(numbers), max(numbers)
        return f"{where}: {low:g}." if low == high else f"{where}: {low:g} … {high:g}."
    different = list(dict.fromkeys(written(value) for value in found))
    more = f" and {len(different) - 6} more" if len(different) > 6 else ""
    return f"{where}: {', '.join(different[:6])}{more}."
