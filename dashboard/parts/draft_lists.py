"""Fields inside lists in a device profile that is being made: tables of records, pivots, and messages of an array."""

from collections.abc import Iterator, Mapping
from typing import Any

from coldchain.errors import InvalidValue
from dashboard.parts.field_lists import EACH, HERE, NAMED, ONCE, Inside, Scope, every, inside, scope_of
from dashboard.parts.profile_draft import MEASURED, ROLES, JsonObject, Said, roles_of, with_field, without_path

_SOURCE = ("device", "seq", "key")
_POSITION = ("latitude", "longitude", "valid")


def with_field_of(draft: JsonObject, said: Said, tree: Any, how: str) -> JsonObject:
    """As `with_field`, for a field of `tree` that may stand in a list; `how` is the choice of the page for it.

    Raises:
        InvalidValue: names what is missing, or what an element of a list cannot say.
    """
    found = inside(tree, said.path)
    if found is None:
        return with_field(draft, said)
    if said.role not in ROLES:
        raise InvalidValue("Say what this field is.")
    if not how:
        raise InvalidValue(f"{found.list or 'The message'} is a list: say where else this field stands.")
    scope, made = scope_of(how), without_field_of(draft, tree, said.path)
    if scope.by and scope.by not in dict(found.names):
        raise InvalidValue("Choose again where this field stands: its neighbours have changed.")
    if scope.how == HERE:
        return with_field(made, said)
    if scope.how == ONCE:
        return with_field(made, said._replace(path=found.once(scope.by)))
    if not found.list and isinstance(made.get("source"), dict):
        made["source"] = {**made["source"], "each": "[]"}
        return with_field(made, said._replace(path=found.inner))
    return _in_records(made, said, found, scope)


def _in_records(made: JsonObject, said: Said, found: Inside, scope: Scope) -> JsonObject:
    if said.role in _SOURCE:
        raise InvalidValue(
            f"{ROLES[said.role].capitalize()} is said once in a message, and not in each element of {found.list}."
        )
    if said.role == "other":
        return with_field(made, said._replace(path=found.each))
    if said.role == "time":
        if not tables_of(made, found.list):
            _table(made, found, Scope(EACH))
        for one in tables_of(made, found.list):
            one["time"] = with_field({}, said._replace(path=found.inner))["time"]
        return made
    table = _table(made, found, scope)
    told = said._replace(path=found.key(scope.by) if scope.how == NAMED else found.inner)
    if said.role in _POSITION:
        table.setdefault("position", {})[said.role] = told.path
    elif said.role in MEASURED or said.role == "fault":
        table["channels"] = with_field({"channels": table.get("channels", {})}, told).get("channels", {})
    else:  # what rides along rides on a channel of its record
        channels = table.setdefault("channels", {})
        channel = said.channel if said.channel in channels else next(iter(channels), said.channel or "internal")
        channels.setdefault(channel, {})[said.role] = with_field({}, told)[said.role]
    return made


def _table(draft: JsonObject, found: Inside, scope: Scope) -> JsonObject:
    """The table of records for this list read in this way, made where there is none; its time is that of the list."""
    path = f"{found.list}[]"
    wanted = {"path": path} | ({"name": scope.by, "value": found.inner} if scope.how == NAMED else {})
    same = tables_of(draft, found.list)
    for one in same:
        if {name: one[name] for name in ("path", "name", "value") if name in one} == wanted:
            return one
    bare = next((one for one in same if not one.get("channels") and not one.get("position")), None)
    if bare is not None:
        bare.update(wanted)
        return bare
    made: JsonObject = {**wanted, **({"time": same[0]["time"]} if same and "time" in same[0] else {})}
    draft.setdefault("records", []).append(made)
    return made


def tables_of(draft: Mapping[str, Any], list_: str) -> list[JsonObject]:
    """The draft's tables of records of a list."""
    return [one for one in _tables(draft) if one.get("path") == f"{list_}[]"]


def _tables(draft: Mapping[str, Any]) -> list[JsonObject]:
    tables = draft.get("records")
    return [one for one in tables if isinstance(one, dict)] if isinstance(tables, list) else []


def lacking(draft: Mapping[str, Any]) -> str | None:
    """What a person has still to click for the lists of a draft, in words; None if they are complete."""
    for one in _tables(draft):
        where = str(one.get("path", "")).removesuffix("[]") or "the message"
        if not (one.get("channels") or one.get("position") or draft.get("channels")):
            return f"Click what an element of {where} measures."
        if "time" not in one:
            return f"Each element of {where} needs its own time: click it in one of them, and take it in every."
    return None


def without_field_of(draft: Mapping[str, Any], tree: Any, path: str) -> JsonObject:
    """The draft without anything that is read from this field, in whatever way its list is read."""
    made, found = without_path(draft, path), inside(tree, path)
    if found is None:
        return made
    for one in (*(found.once(by) for by, _ in found.names), found.each):
        made = without_path(made, one)
    if _split(made, found):
        made = without_path(made, found.inner)
    for table in tables_of(made, found.list):
        _drop(table, found)
    kept = [one for one in _tables(made) if set(one) - {"path", "name", "value"}]
    made.pop("records", None)
    return {**made, "records": kept} if kept else made


def _split(draft: Mapping[str, Any], found: Inside) -> bool:
    """Whether the message is an array of messages, and this is a field of one of them."""
    source = draft.get("source")
    return not found.list and isinstance(source, dict) and "each" in source


def _drop(table: JsonObject, found: Inside) -> None:
    """Take what is read from this field out of a table of records."""
    time, path = table.get("time"), _key(table, found)
    if isinstance(time, dict) and time.get("path") == found.inner:
        del table["time"]
    if path is None:
        return
    parts = without_path({name: table[name] for name in ("channels", "position") if name in table}, path)
    for name in ("channels", "position"):
        table.pop(name, None)
    table.update(parts)


def _key(table: Mapping[str, Any], found: Inside) -> str | None:
    """The path by which a table's channels name this field; None where they cannot."""
    if "name" not in table:
        return found.inner
    by = str(table["name"])
    return found.key(by) if table.get("value") == found.inner and by in dict(found.names) else None


def roles_in(draft: Mapping[str, Any], tree: Any) -> dict[str, str]:
    """What each field of `tree` is taken for, in a few words, those in lists included."""
    plain = roles_of(draft)
    return plain | {found.path: words for found in every(tree) if (words := _words(draft, plain, found)) is not None}


def _words(draft: Mapping[str, Any], plain: Mapping[str, str], found: Inside) -> str | None:
    paths = [*(found.once(by) for by, _ in found.names), found.each, *([found.inner] if _split(draft, found) else [])]
    return next((plain[path] for path in paths if path in plain), None) or next(_in_tables(draft, found), None)


def _in_tables(draft: Mapping[str, Any], found: Inside) -> Iterator[str]:
    for table in tables_of(draft, found.list):
        roles, path = roles_of(table), _key(table, found)
        if path is not None and path in roles:
            yield f"{roles[path]}, in every element"
        elif roles.get(found.inner) == ROLES["time"]:
            yield f"{ROLES['time']}, in every element"
