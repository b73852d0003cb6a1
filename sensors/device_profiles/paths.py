"""Paths into a message: JMESPath, compiled once, with a short way for the plain names that most paths are."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from coldchain.errors import InvalidValue

Getter = Callable[[Any], Any]


class _Absent:
    """What a path gives that leads nowhere: not the same as a null that was sent."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = _Absent()

# Functions that choose and spell. Arithmetic is not among them: nothing averages channels, and numbers in text are
# read by our own strict parser, not by `to_number`, which takes "nan" and "1_000" too.
FUNCTIONS = frozenset({
    "contains", "ends_with", "join", "keys", "length", "map", "merge", "not_null", "reverse", "starts_with",
    "to_array", "to_string", "type", "values",
})  # fmt: skip


def getter(path: str) -> Getter:
    """The function that fetches what `path` names, or `ABSENT`; it never raises.

    Raises:
        InvalidValue: it is no JMESPath, or calls a function that a profile may not call.
    """
    try:
        compiled = jmespath.compile(path)
    except JMESPathError as error:
        what = " ".join(str(error).split())
        raise InvalidValue(f"is no JMESPath: {what}; names with dots or signs stand in double quotes") from None
    for node in _nodes(compiled.parsed):
        if node["type"] == "function_expression" and node["value"] not in FUNCTIONS:
            raise InvalidValue(f"calls {node['value']}(): only {', '.join(sorted(FUNCTIONS))} are allowed")
    steps = _steps(compiled.parsed)
    if steps is not None:
        return _walking(steps)
    if (choices := _choices(compiled.parsed)) is not None:
        return _first(choices)
    listed = _listed(compiled.parsed)
    return _searching(compiled.search) if listed is None else _flat(_walking(listed))


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("children", ()):
        yield from _nodes(child)


def _steps(node: Mapping[str, Any]) -> tuple[str | int, ...] | None:
    """The keys and indexes of a path that only descends, None for any other."""
    match node["type"]:
        case "current" | "identity":
            return ()
        case "field" | "index":
            return (node["value"],)
        case "subexpression" | "index_expression":
            parts = [_steps(child) for child in node["children"]]
            if any(part is None for part in parts):
                return None
            return tuple(step for part in parts if part is not None for step in part)
    return None


def _choices(node: Mapping[str, Any]) -> tuple[Getter, ...] | None:
    """The paths of a `not_null(…)` over paths that only descend, None for anything else."""
    if node["type"] != "function_expression" or node["value"] != "not_null" or not node["children"]:
        return None
    found = [_steps(child) for child in node["children"]]
    return (
        None
        if any(steps is None for steps in found)
        else tuple(_walking(steps) for steps in found if steps is not None)
    )


def _first(choices: tuple[Getter, ...]) -> Getter:
    """Of several names, each of another version of a decoder, the first that says something."""

    def first(tree: Any) -> Any:
        for choice in choices:
            value = choice(tree)
            if value is not ABSENT and value is not None:
                return value
        return ABSENT

    return first


def _listed(node: Mapping[str, Any]) -> tuple[str | int, ...] | None:
    """The path in front of a final `[]`, None for anything else."""
    if node["type"] != "projection" or node["children"][1]["type"] != "identity":
        return None
    inner = node["children"][0]
    return _steps(inner["children"][0]) if inner["type"] == "flatten" else None


def _flat(listed: Getter) -> Getter:
    """The elements of a list, those of lists within it too, without nulls: as `[]` is defined."""

    def flat(tree: Any) -> Any:
        value = listed(tree)
        if type(value) is not list:
            return ABSENT
        found: list[Any] = []
        for one in value:
            found += one if type(one) is list else [one]
        return [one for one in found if one is not None]

    return flat


def _walking(steps: tuple[str | int, ...]) -> Getter:
    if len(steps) == 1 and isinstance(steps[0], str):
        [name] = steps

        def field(tree: Any) -> Any:
            return tree.get(name, ABSENT) if type(tree) is dict else ABSENT

        return field

    def walk(tree: Any) -> Any:
        for step in steps:
            if type(tree) is dict and type(step) is str:
                tree = tree.get(step, ABSENT)
            elif type(tree) is list and type(step) is int and -len(tree) <= step < len(tree):
                tree = tree[step]
            else:
                return ABSENT
        return tree

    return walk


def _searching(search: Getter) -> Getter:
    def found(tree: Any) -> Any:
        try:
            value = search(tree)
        except (JMESPathError, RecursionError):  # a function met a value of another type, or a tree too deep to spell
            return ABSENT
        return ABSENT if value is None else value

    return found
