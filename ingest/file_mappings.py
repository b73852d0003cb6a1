"""The mappings of an installation: those that come with the program, and those that people saved."""

from typing import Any

from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import file_mappings
from coldchain.registry.store import Registry
from sensors.carriers.files.mapping import GENERIC, Mapping, as_json, mapping_from, shipped

_OF_THE_RECORD = ("reason", "who", "recorded", "shipped")


def known(registry: Registry | None) -> tuple[Mapping, ...]:
    """The newest version of every mapping, saved ones first."""
    if registry is None:
        return shipped()
    with registry.read() as connection:
        saved = file_mappings.listed(connection)
    return (*(mapping_from(one.body) for one in saved), *shipped())


def named(registry: Registry | None, name: str) -> Mapping:
    """A mapping by `id` or `id@version`.

    Raises:
        NotFound: there is none; the text names those that there are.
    """
    wanted, _, version = name.partition("@")
    found = [one for one in known(registry) if one.id == wanted]
    if version and registry is not None:
        with registry.read() as connection:
            every = file_mappings.listed(connection, all_versions=True)
        found += [mapping_from(one.body) for one in every if one.id == wanted]
        found = [one for one in found if str(one.version) == version]
    if not found:
        names = ", ".join(one.id for one in known(registry))
        raise NotFound(f"mapping: there is no {name[:80]!r}; there are {names}")
    return found[0]


def chosen(registry: Registry | None, wanted: str | dict[str, Any] | None) -> Mapping | None:
    """The mapping that somebody asked for, by name or as a body; None where the file itself shall tell.

    Raises:
        InvalidValue: a body that breaks the format.
        NotFound: no mapping of this name.
    """
    if wanted is None or wanted == "":
        return None
    return named(registry, wanted) if isinstance(wanted, str) else mapping_from({"id": "as-sent", **wanted})


def save(registry: Registry, body: dict[str, Any], *, who: str, now_ms: int) -> dict[str, Any]:
    """Keep a mapping, or its next version; return it as it is kept.

    Raises:
        InvalidValue: it breaks the format, has the name of a shipped one, or changes without a reason.
        Stale: the version is not the next one.
    """
    reason = body.get("reason")
    if reason is not None and (not isinstance(reason, str) or len(reason) > 2000):
        raise InvalidValue("reason: is no text of up to 2000 characters")
    plain = {name: value for name, value in body.items() if name not in _OF_THE_RECORD}
    with registry.write() as connection:
        if isinstance(plain.get("id"), str):
            plain.setdefault("version", file_mappings.next_version(connection, plain["id"]))
        mapping = mapping_from(plain)
        if mapping.id in (GENERIC, "as-sent", *(one.id for one in shipped())):
            raise InvalidValue(
                f"id: {mapping.id!r} comes with the program and cannot be changed: save it under another"
            )
        kept = as_json(mapping)
        file_mappings.add(connection, mapping.id, mapping.version, kept, who=who, reason=reason or None, now_ms=now_ms)
    return kept
