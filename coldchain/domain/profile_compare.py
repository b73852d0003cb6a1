"""Two versions of a product profile side by side: what was added, taken away and changed, as data."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from coldchain.domain.profile_format import as_json

_TIMED = re.compile(r"(?P<name>[a-z_]+)_(?P<unit>ms|s|min|h|d)\Z")
_UNITS_MS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_OF_THE_VERSION = frozenset({"version", "proposal"})  # they differ by nature and change no figure


class Difference(NamedTuple):
    """One field with its value in both versions; None where it is absent.

    `field` is a path into the format; tables of a list go by their id or their range: `alarm_profile.rules[warm].hold`.
    A whole table that is only in one of the two is one difference. Durations are text such as "30 min".
    """

    field: str
    old: Any
    new: Any


class _Duration(NamedTuple):
    ms: int
    text: str


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What differs between two bodies in the product-profile format, in the order of the fields.

    Numbers and durations go by their value: 8 and 8.0, 60 min and 1 h are the same.
    """
    both = ({k: v for k, v in as_json(body).items() if k not in _OF_THE_VERSION} for body in (old, new))
    return tuple(_compared("", *both))


def spelled(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table of the format with each duration as text under its name alone: `hold_min = 30` is hold, "30 min"."""
    return {name: _shown(value) for name, value in (_part(name, value) for name, value in as_json(table).items())}


def _compared(path: str, old: Any, new: Any) -> Iterator[Difference]:
    left, right = _named(old), _named(new)
    if left is None or right is None:
        if _value(old) != _value(new):
            yield Difference(path, _shown(old), _shown(new))
        return
    for name in [*left, *(name for name in right if name not in left)]:
        yield from _compared(_joined(path, name), left.get(name), right.get(name))


def _joined(path: str, name: str) -> str:
    return f"{path}{name}" if name.startswith("[") or not path else f"{path}.{name}"


def _named(value: Any) -> dict[str, Any] | None:
    """The named parts of a table or of a list of tables; None for everything else."""
    if isinstance(value, Mapping):
        return dict(_part(name, one) for name, one in value.items())
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        names: dict[str, Any] = {}
        for place, one in enumerate(value):
            name = f"[{_name_of(one, place)}]"
            names[name if name not in names else f"[{place}]"] = one
        return names
    return None


def _part(name: str, value: Any) -> tuple[str, Any]:
    timed = _TIMED.match(name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if timed is None or not number or timed["name"].endswith("_per"):
        return name, value
    return timed["name"], _Duration(round(value * _UNITS_MS[timed["unit"]]), f"{value:g} {timed['unit']}")


def _name_of(table: Mapping[str, Any], place: int) -> str:
    if isinstance(table.get("id"), str):
        return str(table["id"])
    if "low_c" in table or "high_c" in table:
        return f"{table.get('low_c', '')} … {table.get('high_c', '')} °C"
    if "direction" in table:
        return f"{table['direction']} {table['peak_c']} °C" if "peak_c" in table else f"{table['direction']} limit"
    return str(place)


def _value(value: Any) -> Any:
    return value.ms if isinstance(value, _Duration) else value


def _shown(value: Any) -> Any:
    return value.text if isinstance(value, _Duration) else value
