"""The product-profile format, TOML or the same as JSON: read, checked as a whole, and written back."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from coldchain.domain.finding import Severity
from coldchain.domain.profile import (
    DAY_MS,
    MINUTE_MS,
    SITE,
    Band,
    BesideTheGoods,
    Direction,
    MktWindow,
    ProductProfile,
    Range,
    Rule,
    RuleKind,
    Window,
)
from coldchain.domain.quantity import milli_text
from coldchain.domain.severity_format import severity_matrix
from coldchain.domain.shipment import Stage
from coldchain.domain.tables import TableReader
from coldchain.errors import InvalidValue

_SEVERITIES = tuple(severity.word for severity in Severity)
_TIMED = (RuleKind.CONSECUTIVE, RuleKind.CUMULATIVE)
_COMPARED = (RuleKind.INSTANT, *_TIMED)
_MEASURED = (*_COMPARED, RuleKind.RATE)


def profile_from_toml(text: str) -> ProductProfile:
    """Read a product profile from TOML text.

    Raises:
        InvalidValue: the text is no TOML, or names every key that is wrong, with its value and the remedy.
    """
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise InvalidValue(f"the product profile is not TOML: {error}") from error
    return profile_from(data)


def profile_from(data: Mapping[str, Any], *, new: bool = False) -> ProductProfile:
    """Read a product profile from the parsed format (TOML tables or JSON objects); `new` where it is being written.

    Raises:
        InvalidValue: names every key that is wrong, with its value and the remedy.
    """
    reader = TableReader(data, new=new)
    label = _range(reader, "label_range", required=True)
    wrong = list(reader.problems)
    freeze_sensitive = reader.flag("freeze_sensitive")
    matrix, freeze = severity_matrix(reader, label or Range(), freeze_sensitive=freeze_sensitive)
    profile = ProductProfile(
        id=_identifier(reader, "id"),
        version=reader.whole("version", 1, 1, 1_000_000),
        name=reader.text("name", ""),
        storage_class=reader.text("storage_class"),
        label=label or Range(),
        transport=_range(reader, "transport_range", required=False),
        freeze_sensitive=freeze_sensitive,
        delta_h_kj_mol=reader.number("delta_h_kj_mol", Decimal("83.144"), "1", "250") or Decimal("83.144"),
        gas_constant=reader.number("gas_constant_kj_mol_k", Decimal("0.0083144"), "0.00831", "0.00832")
        or Decimal("0.0083144"),
        gap_warming_mc_per_min=reader.milli("gap_warming_c_per_min", 500, low="0.001", high="100") or 500,
        budget=_budget(reader, label or Range()),
        windows=_windows(reader),
        severity_matrix=matrix,
        freeze=freeze,
        **_alarm_profile(reader, label or Range()),
        beside=_beside(reader),
        proposal=reader.flag("proposal"),
        config_hash=config_hash(data),
    )
    reader.finish()
    if wrong:  # what only follows from a mistake in the range would name the wrong remedy
        reader.problems[:] = [one for one in reader.problems if one in wrong or "label range" not in one]
    reader.raise_problems(f"product profile {profile.id or '(without id)'}")
    return profile


def config_hash(data: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a profile's format; numbers by their value, so 8 and 8.0 are the same."""
    return hashlib.sha256(json.dumps(as_json(data), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def as_json(data: Any) -> Any:
    """The parsed format with JSON's own kinds of number, for the registry and the API."""
    if isinstance(data, Mapping):
        return {str(name): as_json(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [as_json(value) for value in data]
    if isinstance(data, Decimal | float) and data == int(data):
        return int(data)
    return float(data) if isinstance(data, Decimal) else data


def _identifier(reader: TableReader, name: str) -> str:
    value = reader.text(name)
    if value and not all(part.isalnum() for part in value.replace("_", "-").split("-")):
        reader.fail(name, f"= {value!r} may hold letters, digits, - and _ only, such as refrigerated-2-8")
    return value


def _range(reader: TableReader, name: str, *, required: bool) -> Range | None:
    inner = reader.table(name)
    if inner is None:
        if required:
            reader.fail(name, "is missing: give low_c, high_c or both")
        return None
    found = Range(inner.milli("low_c"), inner.milli("high_c"))
    inner.finish()
    if found.low_mc is None and found.high_mc is None and not reader.problems:
        reader.fail(name, "has no limit: give low_c, high_c or both")
    elif found.low_mc is not None and found.high_mc is not None and found.low_mc >= found.high_mc:
        reader.fail(name, f"is crossed: low_c must lie below high_c, but the range reads {found.text()}")
    return found


def _budget(reader: TableReader, label: Range) -> tuple[Band, ...]:
    bands: list[Band] = []
    for inner in reader.tables("stability_budget"):
        band = Band(Range(inner.milli("low_c"), inner.milli("high_c")), inner.duration_ms("allowed", None))
        inner.finish()
        low, high = band.range.low_mc, band.range.high_mc
        if low is None or high is None or low >= high:
            inner.fail("", "needs low_c below high_c")
        elif not (_at_or_beyond(low, label.high_mc) or _at_or_beyond(label.low_mc, high)):
            inner.fail("", f"({band.range.text()}) overlaps the label range ({label.text()}): start it at the limit")
        elif any(low < (other.range.high_mc or 0) and (other.range.low_mc or 0) < high for other in bands):
            inner.fail("", f"({band.range.text()}) overlaps another band: let each begin where the one before ends")
        else:
            bands.append(band)
    return tuple(sorted(bands, key=lambda band: band.range.low_mc or 0))


def _at_or_beyond(value: int | None, limit: int | None) -> bool:
    return value is not None and limit is not None and value >= limit


def _windows(reader: TableReader) -> tuple[MktWindow, ...]:
    found: list[MktWindow] = []
    for inner in reader.tables("mkt_windows"):
        length, limit = inner.duration_ms("length", None), inner.milli("limit_c")
        if not length or limit is None:
            inner.fail("", "needs a length (length_h = 24) and limit_c")
        window = MktWindow(inner.text("id"), length or DAY_MS, limit or 0)
        if any(other.id == window.id for other in found):
            inner.fail("id", f"= {window.id!r} stands there twice: give each window its own")
        found.append(window)
        inner.finish()
    return tuple(found)


def _beside(reader: TableReader) -> BesideTheGoods:
    """The table `context`: what is told beside the goods and judges nothing; usual limits for what it leaves out."""
    usual, inner = BesideTheGoods(), reader.table("context")
    if inner is None:
        return usual
    light = inner.milli("light_from_lux", usual.light_mlux, low="0.001", high="200000")
    shock = inner.milli("shock_from_g", usual.shock_mg, low="0.001", high="1000")
    inner.finish()
    return BesideTheGoods(light or usual.light_mlux, shock or usual.shock_mg)


def _alarm_profile(reader: TableReader, label: Range) -> dict[str, Any]:
    inner = reader.table("alarm_profile")
    if inner is None:
        return {"alarm_profile": "", "rules": ()}
    name = inner.text("id")
    hysteresis = inner.milli("hysteresis_c", 500, low="0", high="50")
    clear = inner.duration_ms("clear_hold", 10 * MINUTE_MS)
    ignored = (inner.duration_ms("ignore_start", 0) or 0, inner.duration_ms("ignore_end", 0) or 0)
    rules = [_rule(rule, label, hysteresis or 0, clear or 0, ignored) for rule in inner.tables("rules")]
    for again in sorted({rule.id for rule in rules if sum(other.id == rule.id for other in rules) > 1}):
        inner.fail("rules", f"name the id {again!r} twice: give each rule its own")
    _crossed(inner, rules)
    inner.finish()
    return {"alarm_profile": name, "rules": tuple(rules)}


def _crossed(reader: TableReader, rules: list[Rule]) -> None:
    """Refuse limits between which no value is left: with them one rule or the other always fires."""
    compared = [rule for rule in rules if rule.kind in _COMPARED and rule.limit is not None]
    for high in (rule for rule in compared if rule.direction is Direction.HIGH):
        for low in (rule for rule in compared if rule.direction is Direction.LOW):
            together = not high.stages or not low.stages or set(high.stages) & set(low.stages)
            if high.quantity == low.quantity and together and (high.limit or 0) <= (low.limit or 0):
                reader.fail(
                    "rules",
                    f"{high.id!r} and {low.id!r} are crossed: above {milli_text(high.limit or 0)} and below "
                    f"{milli_text(low.limit or 0)} leave no value that is inside both; move one of the limits",
                )


def _ignored(reader: TableReader, kind: RuleKind, both: tuple[int, int]) -> dict[str, int]:
    """How much of the start and of the end a rule leaves out; only rules that compare measured values can."""
    if kind not in _MEASURED:
        return {}
    return {
        "ignore_start_ms": _or(reader.duration_ms("ignore_start", None), both[0]),
        "ignore_end_ms": _or(reader.duration_ms("ignore_end", None), both[1]),
    }


def _rule(reader: TableReader, label: Range, hysteresis: int, clear_ms: int, ignored: tuple[int, int]) -> Rule:
    kind = RuleKind(reader.choice("kind", tuple(RuleKind)))
    quantity = reader.choice("quantity", ("temperature", "humidity"), "temperature")
    direction = Direction(reader.choice("direction", tuple(Direction))) if kind in _MEASURED else None
    limit = _limit(reader, kind, quantity, direction, label)
    hold_ms = reader.duration_ms("hold", 0) or 0
    if kind in _TIMED and hold_ms == 0:
        reader.fail("hold", f"is missing: a {kind} rule needs a time, such as hold_min = 30")
    unit = "c" if quantity == "temperature" else "pct"
    default = hysteresis if quantity == "temperature" else 3000
    rule = Rule(
        id=_identifier(reader, "id"),
        kind=kind,
        severity=Severity[reader.choice("severity", _SEVERITIES).upper()],
        quantity=quantity,
        direction=direction,
        limit=limit,
        inclusive=reader.flag("inclusive"),
        hold_ms=hold_ms,
        confirm_readings=reader.whole("confirm_readings", 1, 1, 100),
        window=_window(reader),
        reset=reader.choice("reset", ("never", "on_return", "window"), "never"),
        hysteresis=reader.milli(f"hysteresis_{unit}", default, low="0", high="50") or 0,
        clear_hold_ms=_or(reader.duration_ms("clear_hold", None), clear_ms),
        stages=reader.texts("stages", tuple(Stage)),
        factor=reader.number("factor", Decimal(3), "1", "1000") or Decimal(3),
        below=reader.number("below_pct" if kind is RuleKind.BUDGET_BELOW else "below_h", Decimal(0), "0", "10000")
        or Decimal(0),
        counts=reader.choice("counts", ("time", "readings"), "time") if kind in _TIMED else "time",
        **_ignored(reader, kind, ignored),
    )
    if rule.counts == "readings" and rule.window is not None:
        reader.fail("counts", "= 'readings' and a window cannot go together: leave one of them out")
    if rule.window is not None and rule.hold_ms > rule.window.length_ms:
        reader.fail("hold", "is longer than its window and can never be reached: shorten it")
    if rule.reset == "window" and rule.window is None:
        reader.fail("window", "is missing: reset = window needs one, such as window = { length_h = 24 }")
    reader.finish()
    return rule


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _limit(reader: TableReader, kind: RuleKind, quantity: str, direction: Direction | None, label: Range) -> int | None:
    if kind not in _MEASURED or direction is None:
        return None
    if kind is RuleKind.RATE:
        limit = reader.milli("limit_c_per_h", None, low="0.001", high="10000")
        name = "limit_c_per_h"
    elif quantity == "humidity":
        limit, name = reader.milli("limit_pct", None, low="0", high="100"), "limit_pct"
    else:
        limit, name = reader.milli("limit_c", label.limit(direction)), "limit_c"
    if limit is None:
        reader.fail(name, f"is missing, and the label range has no {direction} limit to take its place")
    return limit


def _window(reader: TableReader) -> Window | None:
    inner = reader.table("window")
    if inner is None:
        return None
    calendar = inner.choice("kind", ("rolling", "calendar"), "rolling") == "calendar"
    length = inner.duration_ms("length", DAY_MS if calendar else None)
    zone = inner.text("zone", "UTC")
    inner.finish()
    if not length:
        inner.fail("length", "is missing: write length_h = 24")
    if calendar and length != DAY_MS:
        inner.fail("length", "of a calendar window is one day: leave it out")
    if not (zone == SITE or _known_zone(zone)):
        inner.fail("zone", f"= {zone!r} is not an IANA zone such as Europe/Berlin, nor the word {SITE}")
    return Window(length or DAY_MS, calendar, zone)


def _known_zone(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
