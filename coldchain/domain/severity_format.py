"""The severity matrix of the product-profile format: rows of peak and time, and what counts as frozen."""

from itertools import pairwise

from coldchain.domain.finding import Severity
from coldchain.domain.profile import Direction, FreezeEvent, Range, SeverityBand
from coldchain.domain.quantity import milli_text
from coldchain.domain.tables import TableReader

_RANKED = (Severity.MINOR, Severity.MAJOR, Severity.CRITICAL)


def severity_matrix(
    reader: TableReader, label: Range, *, freeze_sensitive: bool
) -> tuple[tuple[SeverityBand, ...], FreezeEvent | None]:
    """The rows of `[severity_matrix]` and the freeze event; goods that may freeze have none."""
    event = FreezeEvent() if freeze_sensitive else None
    inner = reader.table("severity_matrix")
    if inner is None:
        return (), event
    found: list[SeverityBand] = []
    for row in inner.tables("bands"):
        band = _band(row, label)
        if band is not None and any(_same(band, other) for other in found):
            row.fail("peak_c", f"= {milli_text(band.peak_mc)} stands there twice for {band.direction}: keep one row")
        elif band is not None:
            found.append(band)
    if event is not None:
        event = _freeze_event(inner)
    for name in (name for name in inner.names() if name.startswith("freeze")):
        inner.raw(name)
        if event is None:
            inner.fail(name, "is given, but freeze_sensitive is not true: set it, or remove this key")
        else:
            inner.fail(name, "is not a known key: correct its spelling or remove it")
    inner.finish()
    return tuple(sorted(found, key=lambda band: (band.direction, abs(band.peak_mc), band.peak_mc))), event


def _freeze_event(reader: TableReader) -> FreezeEvent:
    usual = FreezeEvent()
    return FreezeEvent(
        limit_mc=_given(reader.milli("freeze_c", usual.limit_mc), usual.limit_mc),
        confirm_readings=reader.whole("freeze_confirm_readings", usual.confirm_readings, 1, 100),
        hold_ms=_given(reader.duration_ms("freeze_hold", usual.hold_ms), usual.hold_ms),
    )


def _given(value: int | None, usual: int) -> int:
    return usual if value is None else value


def _same(one: SeverityBand, other: SeverityBand) -> bool:
    return (one.direction, one.peak_mc) == (other.direction, other.peak_mc)


def _beyond_the_other(direction: Direction, peak: int, label: Range) -> bool:
    """Whether a row's peak is where excursions of the other direction begin: its sign or its side is wrong."""
    if direction is Direction.HIGH:
        return label.low_mc is not None and peak <= label.low_mc
    return label.high_mc is not None and peak >= label.high_mc


def _band(reader: TableReader, label: Range) -> SeverityBand | None:
    direction = Direction(reader.choice("direction", tuple(Direction)))
    limit = label.limit(direction)
    peak = reader.milli("peak_c", limit)
    times = [(reader.duration_ms(severity.word, None), severity) for severity in _RANKED]
    reader.finish()
    after = tuple((time, severity) for time, severity in times if time is not None)
    if limit is None:
        reader.fail("direction", f"= {direction} has no limit in the label range: remove the row")
    elif peak is not None and _beyond_the_other(direction, peak, label):
        reader.fail("peak_c", f"= {milli_text(peak)} lies on the other side of the label range ({label.text()})")
    if not after:
        reader.fail("", "names no severity: give minor_min, major_min or critical_min (or _s, _h, _d)")
    for (sooner, milder), (later, worse) in pairwise(after):
        if later < sooner:
            reader.fail(worse.word, f"comes before {milder.word}: what is worse must take as long at least")
    return None if peak is None else SeverityBand(direction, peak, after)
