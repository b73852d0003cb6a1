"""What the server's own parser says of a product profile that is being edited: each mistake with its field."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from coldchain.domain.profile import ProductProfile, Rule
from coldchain.domain.profile_advice import Advice, advice
from coldchain.domain.profile_format import profile_from
from coldchain.domain.tables import InvalidTable
from dashboard.parts.product_form import DURATIONS, LISTS, RULES, SUFFIX, UNITS, rows


class Checked(NamedTuple):
    """What the parser says of a body: the profile, or every mistake with the field that it belongs to."""

    profile: ProductProfile | None
    mistakes: dict[str, str]  # by field of the form
    others: tuple[str, ...]  # mistakes that belong to no field
    remarks: tuple[Advice, ...]


def checked(body: Mapping[str, Any], fields: Iterable[str], interval_ms: int) -> Checked:
    """Read the body as the server does when it is saved; each mistake goes to its field of the form."""
    try:
        profile = profile_from(body, new=True)
    except InvalidTable as refused:
        known = list(fields)
        mistakes: dict[str, str] = {}
        others: list[str] = []
        for problem in refused.problems:
            key, _, words = problem.partition(" ")
            field = field_of(key, known)
            if field is None:
                others.append(problem)
            else:
                mistakes[field] = "; ".join(part for part in (mistakes.get(field), words.removeprefix("= ")) if part)
        return Checked(None, mistakes, tuple(others), ())
    return Checked(profile, {}, (), advice(profile, interval_ms))


def field_of(key: str, known: list[str]) -> str | None:
    """The field of the form that a key of the format belongs to: itself, or the first inside its table."""
    plain = SUFFIX.sub(lambda found: found["name"], key)
    head, _, last = plain.rpartition(".")
    for unit in UNITS:
        if last.removesuffix(f"_{unit}") in DURATIONS:
            plain = f"{head}.{last.removesuffix(f'_{unit}')}" if head else last.removesuffix(f"_{unit}")
    if plain in known:
        return plain
    inside = (one for one in known if one.startswith((f"{plain}.", f"{plain}[")) and plain not in LISTS)
    return next(inside, None)


def rule_of(body: Mapping[str, Any], place: int) -> Rule | None:
    """One rule of a body by itself, None while it is wrong."""
    found = rows(body, RULES)
    outer = body.get("alarm_profile")
    if place >= len(found) or not isinstance(outer, Mapping):
        return None
    alarm = {**outer, "id": "x", "rules": [found[place]]}
    for label in (body.get("label_range"), {"low_c": -273}):  # the second where the first is wrong itself
        try:
            return profile_from({"id": "x", "storage_class": "x", "label_range": label, "alarm_profile": alarm}).rules[
                0
            ]
        except InvalidTable:
            continue
    return None
