"""Fields inside lists: a list of samples, or of records that each name one value, and the ways to read such a field."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dashboard.parts.field_tree import step

HERE, EACH, ONCE, NAMED = "here", "each", "once", "named"  # how a field in a list is read
_DEEPEST = 16
_LONGEST_NAME = 60

Step = str | int


class Inside(NamedTuple):
    """A field of an element of a list."""

    path: str  # of the field itself, by its number in the list
    list: str  # path of the list; empty where the message itself is the list
    inner: str  # path of the field in its element
    names: tuple[tuple[str, str], ...]  # fields of the element that hold a text: path and text; one may name its value

    @property
    def each(self) -> str:
        """One name for this field in every element."""
        return f"{self.list}[].{self.inner}"

    def once(self, by: str) -> str:
        """The path that finds this value in a message by the name beside it, wherever in the list it stands."""
        told = dict(self.names)[by].replace("'", "\\'")
        return f"{self.list}[?{by}=='{told}'].{self.inner} | [0]"

    def named(self, by: str) -> str:
        """One name for this value in every element that is named as this one is."""
        return f"{self.list}[{by}={dict(self.names)[by]}].{self.inner}"

    def key(self, by: str) -> str:
        """The path of this value in an element that was turned into name: value."""
        return step("", dict(self.names)[by])


class Scope(NamedTuple):
    """How a field in a list is to be read: `how`, and which field beside it names its value."""

    how: str
    by: str = ""


def scope_of(text: str) -> Scope:
    """A choice of the page as a scope; anything else means the field as it stands."""
    how, _, by = text.partition(":")
    return Scope(how, by) if how in (HERE, EACH, ONCE, NAMED) else Scope(HERE)


def inside(tree: Any, path: str) -> Inside | None:
    """The field at `path`, if it stands in an element of a list of objects; the innermost list counts."""
    return next((found for found in every(tree) if found.path == path), None)


def every(tree: Any) -> Iterator[Inside]:
    """Every field of the tree that stands in an element of a list of objects."""
    for steps, _ in _leaves(tree, ()):
        place = max((at for at, one in enumerate(steps) if isinstance(one, int)), default=None)
        if place is None or place == len(steps) - 1:
            continue
        element = tree
        for one in steps[: place + 1]:
            element = element[one]
        names = tuple(_names(element, steps[place + 1 :])) if isinstance(element, dict) else ()
        yield Inside(_spelled(steps), _spelled(steps[:place]), _spelled(steps[place + 1 :]), names)


def choices(found: Inside) -> list[tuple[str, str]]:
    """The ways to read it, with their words."""
    if not found.list:
        return [(EACH, "in every element: each is a message by itself")]
    ways = [(EACH, f"in every element of {found.list}, each with its own time")]
    for by, told in found.names:
        ways += [(f"{ONCE}:{by}", f"where {by} is “{told}”"),
                 (f"{NAMED}:{by}", f"where {by} is “{told}”, each with its own time")]  # fmt: skip
    return [*ways, (HERE, f"only here: {found.path}")]


def _names(element: Mapping[str, Any], inner: tuple[Step, ...]) -> Iterator[tuple[str, str]]:
    for key, value in element.items():
        if (str(key),) != inner and isinstance(value, str) and _is_name(value):
            yield step("", str(key)), value


def _is_name(text: str) -> bool:
    """Whether a text may be the name of a value: no number and no time, and short."""
    return 0 < len(text) <= _LONGEST_NAME and text.isprintable() and not text[0].isdecimal() and "\\" not in text


def _leaves(tree: Any, steps: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    inner: list[tuple[Step, Any]] = []
    if len(steps) < _DEEPEST and isinstance(tree, dict) and tree:
        inner = [(str(key), value) for key, value in tree.items()]
    elif len(steps) < _DEEPEST and isinstance(tree, list) and tree:
        inner = list(enumerate(tree))
    else:
        yield steps, tree
    for key, value in inner:
        yield from _leaves(value, (*steps, key))


def _spelled(steps: tuple[Step, ...]) -> str:
    path = ""
    for one in steps:
        path = step(path, one)
    return path
