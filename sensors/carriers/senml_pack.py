"""A SenML pack (RFC 8428), JSON or CBOR, as resolved records: base fields added, times absolute or relative to now."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from io import BytesIO
from typing import Any, NamedTuple

import cbor2

from coldchain.domain.quantity import scaled, strict_decimal
from coldchain.errors import InvalidValue
from sensors.carriers.fields import Wrong
from sensors.carriers.uplink import tree_of

_LABELS = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s",
    6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
_SELF_DESCRIBED = b"\xd9\xd9\xf7"  # a tag that only says "this is CBOR"
_VERSION = 10
_DEEPEST = 8
_MOST_RECORDS = 5000
_RELATIVE_BELOW = 2**28  # seconds: smaller times are relative to now
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*\Z")


class Record(NamedTuple):
    """One resolved record. `value` is a number or a truth value, None where it holds a text, data or only a sum."""

    name: str
    base: str  # the base name in force, with which the name begins
    unit: str | None
    value: Any
    offset_ms: int | None  # since 1970, or before (negative) and after now; None: no time, so now
    relative: bool
    place: int  # in the pack, from 0


def records(payload: bytes) -> tuple[list[Record], list[Wrong]]:
    """The records of a pack, and what is wrong with others: one bad record does not cost the rest.

    Raises:
        Wrong: it is no SenML pack, or one that says that it cannot be understood here.
    """
    tree = _tree(payload)
    if type(tree) is not list or len(tree) > _MOST_RECORDS:
        raise Wrong("payload", payload[:32].hex(), f"is no SenML pack: an array of up to {_MOST_RECORDS} records")
    found, wrongs = [], []
    base: dict[str, Any] = {}
    for place, one in enumerate(tree):
        try:
            if not isinstance(one, Mapping):
                raise _wrong("record", one, "is not an object")
            fields = _labelled(one)
            _understood(fields)
            base |= {name: value for name, value in fields.items() if name in ("bn", "bt", "bu", "bv")}
            found.append(_resolved(fields, base, place))
        except Wrong as wrong:
            if wrong.field in ("bver", "must-understand"):
                raise
            wrong.field = f"[{place}].{wrong.field}"
            wrongs.append(wrong)
    return found, wrongs


def _tree(payload: bytes) -> Any:
    """JSON where it begins like JSON, else CBOR: an array of that begins with a byte that no JSON begins with."""
    if payload.lstrip()[:1] in (b"[", b"{", b'"'):
        return tree_of(payload)
    stream = BytesIO(payload.removeprefix(_SELF_DESCRIBED))
    try:
        tree = cbor2.load(stream, max_depth=_DEEPEST, semantic_decoders=_TAGS, allow_duplicate_keys=False)
    except (cbor2.CBORDecodeError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise Wrong("payload", payload[:32].hex(), f"is neither JSON nor CBOR: {str(error)[:80]}") from None
    return tree


def _untouched(*_: Any) -> Any:
    """A tag that no number of a measurement has: nothing is made of what stands below it."""
    raise ValueError("a tag that SenML does not use")


# Only a decimal fraction (4) is a number here; the others would make numbers of any length, patterns, graphs or dates.
_TAGS = dict.fromkeys((0, 1, 2, 3, 5, 25, 28, 29, 30, 35, 36, 37, 256, 258, 260, 261, 1004, 43000), _untouched)


def _labelled(one: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields by their names in JSON."""
    named: dict[str, Any] = {}
    for label, value in one.items():
        name = _LABELS.get(label) if type(label) is int else label
        if type(name) is str:
            named[name] = value
    return named


def _understood(fields: Mapping[str, Any]) -> None:
    """Refuse the pack where it says that a reader of this version must not go on."""
    version = fields.get("bver", _VERSION)
    if type(version) is not int or not 0 < version <= _VERSION:
        raise _wrong("bver", version, f"is a version of SenML that is not read here: up to {_VERSION} is")
    for name in fields:
        if name.endswith("_"):
            raise Wrong("must-understand", name, "is a field that has to be understood, and is not known here")


def _resolved(fields: Mapping[str, Any], base: Mapping[str, Any], place: int) -> Record:
    name = _text(base, "bn") + _text(fields, "n")
    if _NAME.match(name) is None:
        raise Wrong("n", name, "is no SenML name: letters, digits and - : . / _")
    unit = fields["u"] if "u" in fields else base.get("bu")
    if unit is not None and type(unit) is not str:
        raise _wrong("u", unit, "is not a text")
    at_s = _number(base, "bt") + _number(fields, "t")
    value = fields["vb"] if type(fields.get("vb")) is bool else None
    if "v" in fields:
        value = _number(fields, "v") + _number(base, "bv")
    stated = "t" in fields or "bt" in base
    try:
        return Record(
            name, _text(base, "bn"), unit, value, scaled(at_s, 3) if stated else None, at_s < _RELATIVE_BELOW, place
        )
    except InvalidValue:
        raise Wrong("t", str(at_s), "is no time") from None


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if type(value) is not str:
        raise _wrong(name, value, "is not a text")
    return value


def _number(fields: Mapping[str, Any], name: str) -> Decimal:
    value = fields.get(name, 0)
    try:
        if type(value) is int or type(value) is float:
            number = strict_decimal(repr(value))
        elif isinstance(value, str):
            number = strict_decimal(value) if type(value) is not str else _refuse(name, value)
        elif type(value) is Decimal and value.is_finite() and -400 < value.adjusted() < 400:
            number = value
        else:
            number = _refuse(name, value)
    except InvalidValue:
        number = _refuse(name, value)
    return number


def _refuse(name: str, value: Any) -> Decimal:
    raise _wrong(name, value, "is not a finite number")


def _wrong(field: str, value: Any, reason: str) -> Wrong:
    """CBOR has values that JSON cannot show."""
    return Wrong(field, value if isinstance(value, str) else repr(value)[:64], reason)


def pack(chosen: Iterator[Record]) -> list[dict[str, Any]]:
    """Resolved records as a pack again, in a fixed form."""
    return [
        ({"bn": one.base} | ({"n": one.name[len(one.base) :]} if len(one.base) < len(one.name) else {}))
        | ({} if one.unit is None else {"u": one.unit})
        | ({} if one.offset_ms is None else {"t": one.offset_ms / 1000})
        | ({} if one.value is None else {"vb": one.value} if type(one.value) is bool else {"v": one.value})
        for one in chosen
    ]
