"""A mapping laid over one file: which cell of a row becomes what, and what somebody still has to say."""

from collections import Counter
from typing import NamedTuple

from coldchain.errors import InvalidValue
from sensors.carriers.files.csv_cells import date_parts
from sensors.carriers.files.csv_layout import Layout
from sensors.carriers.files.mapping import Channel, Mapping, titles_match
from sensors.carriers.files.units import QUANTITIES, declared, declared_unit
from sensors.carriers.sample import RIDES

_CARGO = ("temperature", "humidity", "pressure")


class Answers(NamedTuple):
    """What a person says about one file beside its mapping."""

    zone: str | None = None
    logger: str | None = None


class Need(NamedTuple):
    """Something that the file does not say and nobody has said yet."""

    field: str  # zone | logger | order | channels | decimal | confirm
    reason: str


class Use(NamedTuple):
    """One column in use."""

    at: int
    title: str
    channel: str
    quantity: str
    field: str
    unit: str | None  # None: named in each row, in the cell `unit_at`
    unit_at: int | None = None


class Plan(NamedTuple):
    """Which cell becomes what. `logger` is None where a column names it (`logger_at`)."""

    layout: Layout
    mapping: Mapping
    time_at: tuple[int, ...]
    uses: tuple[Use, ...]
    logger: str | None
    logger_at: int | None
    zone: str | None
    missing: frozenset[str]
    needs: tuple[Need, ...] = ()


def recognised(layout: Layout, mappings: tuple[Mapping, ...]) -> Mapping | None:
    """The mapping whose `match` fits this file; of several, the one that demands most.

    Raises:
        InvalidValue: two mappings fit equally well; the text names both.
    """
    fitting = [(len(one.match.columns) + len(one.match.preamble), one) for one in mappings if _fits(layout, one)]
    if not fitting:
        return None
    most = max(size for size, _ in fitting)
    best = [one for size, one in fitting if size == most]
    if len(best) > 1:
        raise InvalidValue(f"mapping: {' and '.join(one.id for one in best)} both fit this file: state which")
    return best[0]


def _fits(layout: Layout, mapping: Mapping) -> bool:
    wanted = mapping.match
    if not wanted.columns and not wanted.preamble:
        return False
    return all(any(titles_match(one, title) for title in layout.titles) for one in wanted.columns) and all(
        any(titles_match(one, key) for key in layout.preamble) for one in wanted.preamble
    )


def plan(layout: Layout, mapping: Mapping, answers: Answers, samples: list[list[str]]) -> Plan:
    """Lay a mapping over a file.

    Args:
        layout: the file's.
        mapping: how to read it.
        answers: what a person says beside it.
        samples: the cells of its first rows, to find the column of dates in.

    Raises:
        InvalidValue: the mapping names a column that the file does not have, or contradicts a title's unit.
    """
    needs: list[Need] = []
    time_at = tuple(_column(layout, one, "time.columns") for one in mapping.time.columns) or _dates(samples)
    uses = tuple(_uses(layout, mapping, set(time_at)))
    if not uses:
        needs.append(
            Need("channels", "no title declares a quantity with its unit: say what the columns hold and in which unit")
        )
    logger, logger_at = _logger(layout, mapping, answers)
    if logger is None and logger_at is None:
        needs.append(Need("logger", "the file does not name its logger: state its id"))
    zone = answers.zone or mapping.time.zone
    missing = frozenset(marker.lower() for marker in mapping.text.missing)
    return Plan(layout, mapping, time_at, uses, logger, logger_at, zone, missing, tuple(needs))


def _column(layout: Layout, wanted: str | int, where: str) -> int:
    found = _find(layout, wanted, where)
    if found is None:
        titles = ", ".join(repr(title[:30]) for title in layout.titles[:12]) or "no titles"
        raise InvalidValue(f"mapping: {where}: the file has no column {wanted!r}; it has {titles}")
    return found


def _find(layout: Layout, wanted: str | int, where: str) -> int | None:
    if isinstance(wanted, int):
        width = max(len(layout.titles), 1 if layout.titles else 64)
        return wanted - 1 if 1 <= wanted <= width else None
    found = [at for at, title in enumerate(layout.titles) if titles_match(wanted, title)]
    if len(found) > 1:
        raise InvalidValue(f"mapping: {where}: {wanted!r} fits {len(found)} columns: name one of them by its number")
    return found[0] if found else None


def _dates(samples: list[list[str]]) -> tuple[int, ...]:
    """The column of dates, with the column of times of day beside it where the two are apart; as most rows have it."""
    counted = Counter(found for row in samples if (found := _dates_in(row)))
    if not counted:
        raise InvalidValue("mapping: time.columns: no column holds dates; name the one that holds the time")
    return counted.most_common(1)[0][0]


def _dates_in(row: list[str]) -> tuple[int, ...]:
    for at, cell in enumerate(row):
        parts = date_parts(cell)
        if parts is None:
            continue
        if parts.clock[0] is not None:
            return (at,)
        for other, text in enumerate(row):
            joined = date_parts(f"{cell} {text}")
            if other != at and joined is not None and joined.clock[0] is not None:
                return at, other
        return (at,)
    return ()


def _uses(layout: Layout, mapping: Mapping, taken: set[int]) -> list[Use]:
    if mapping.channels:
        found = [_use(layout, one, f"channels[{at}]") for at, one in enumerate(mapping.channels)]
        return [use for use in found if use is not None]
    proposals = [(at, title, said) for at, title in enumerate(layout.titles)
                 if at not in taken and (said := declared(title)) is not None]  # fmt: skip
    count = {name: sum(said[0] == name for _, _, said in proposals) for name in QUANTITIES}
    seen: dict[str, int] = {}
    uses = []
    for at, title, (quantity, unit) in proposals:
        seen[quantity] = seen.get(quantity, 0) + 1
        channel = "internal" if count[quantity] == 1 else f"probe-{seen[quantity]}"
        if quantity not in _CARGO:
            channel = RIDES
        uses.append(Use(at, title, channel, quantity, QUANTITIES[quantity].field, unit))
    return uses


def _use(layout: Layout, channel: Channel, where: str) -> Use | None:
    if channel.optional and _find(layout, channel.column, f"{where}.column") is None:
        return None
    at = _column(layout, channel.column, f"{where}.column")
    title = layout.titles[at] if at < len(layout.titles) else f"column {at + 1}"
    field = QUANTITIES[channel.quantity].field
    if channel.unit_column is not None:
        unit_at = _column(layout, channel.unit_column, f"{where}.unit_column")
        return Use(at, title, channel.channel, channel.quantity, field, None, unit_at)
    said = declared_unit(title, channel.quantity)
    if channel.unit == "title":
        if said is None:
            raise InvalidValue(
                f"mapping: {where}.unit: the title {title!r} declares no unit of {channel.quantity}: state it"
            )
        return Use(at, title, channel.channel, channel.quantity, field, said)
    if said is not None and said != channel.unit:
        raise InvalidValue(f"mapping: {where}.unit: is {channel.unit}, but the title {title!r} declares {said}")
    return Use(at, title, channel.channel, channel.quantity, field, channel.unit)


def _logger(layout: Layout, mapping: Mapping, answers: Answers) -> tuple[str | None, int | None]:
    if answers.logger:
        return answers.logger, None
    if mapping.logger.column is not None:
        return None, _column(layout, mapping.logger.column, "logger.column")
    if mapping.logger.preamble is not None:
        keys = [key for key in layout.preamble if titles_match(mapping.logger.preamble, key)]
        if keys and layout.preamble[keys[0]]:
            return layout.preamble[keys[0]], None
    return None, None
