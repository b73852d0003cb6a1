"""Numbers and times as people read them; `assets/a-text.js` says the same in the browser."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400
ABSENT = "–"


def celsius(value_c: float | None, limit_c: float | None = None) -> str:
    """A temperature with as many decimals (1 to 3) as keep it on its side of the limit: 8.04 is never "8.0 °C"."""
    return ABSENT if value_c is None else f"{degrees(value_c, limit_c)} °C"


def degrees(value_c: float, limit_c: float | None = None) -> str:
    """As `celsius`, without the unit."""
    exact = Decimal(repr(value_c))
    limit = None if limit_c is None else Decimal(repr(limit_c))
    for places in (1, 2):
        shown = round_half_even(exact, places)
        if limit is None or _side(shown, limit) == _side(exact, limit):
            return minus(f"{shown:f}")
    return minus(f"{round_half_even(exact, 3):f}")


def within(value_c: float | None, low_c: float | None, high_c: float | None) -> str:
    """A temperature judged against a range: written against whichever limit it is nearer to."""
    if value_c is None:
        return ABSENT
    limits = [limit for limit in (low_c, high_c) if limit is not None]
    nearest = min(limits, key=lambda limit: abs(limit - value_c), default=None)
    return celsius(value_c, nearest)


def _side(value: Decimal, limit: Decimal) -> int:
    return (value > limit) - (value < limit)


def round_half_even(value: Decimal, places: int) -> Decimal:
    """`value` rounded to `places` decimals, ties to even, never minus zero."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN) + 0


def fixed(value: float | None, places: int = 2, unit: str = "") -> str:
    """A figure in its printed form, half-even; a dash where there is none."""
    if value is None:
        return ABSENT
    shown = minus(f"{round_half_even(Decimal(repr(value)), places):f}")
    return f"{shown} {unit}" if unit else shown


def limit(value_c: float) -> str:
    """A limit as its profile writes it: 8 °C, −20 °C, 0.5 °C."""
    return f"{minus(f'{Decimal(repr(value_c)).normalize():f}')} °C"


def extreme(direction: str) -> str:
    """What the farthest value of an excursion is called."""
    return "lowest" if direction == "low" else "peak"


def label_range(low_c: float | None, high_c: float | None) -> str:
    """The label range in words; either limit may be missing."""
    if low_c is None:
        return "no limits" if high_c is None else f"up to {limit(high_c)}"
    if high_c is None:
        return f"from {limit(low_c)}"
    return f"{limit(low_c).removesuffix(' °C')} … {limit(high_c)}"


def minus(text: str) -> str:
    """A number with the real minus sign."""
    return text.replace("-", "−")


def percent_floored(part: float, whole: float) -> str:
    """A share in percent, rounded down: 99.996 % must not read as 100 %."""
    # In whole millionths: times are sums of milliseconds, and in binary 7951.233 × 10,000 / 7951.233 is below 10,000.
    hundredths = _millionths(part) * 10_000 // _millionths(whole)
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def _millionths(value: float) -> int:
    return int((Decimal(repr(value)) * 1_000_000).to_integral_value(ROUND_HALF_EVEN))


def duration(seconds: float | None) -> str:
    """A length of time in its two largest units."""
    if seconds is None:
        return ABSENT
    whole = int(seconds)
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S} min"
    if whole < 2 * DAY_S:
        return _two(whole // HOUR_S, "h", whole % HOUR_S // MINUTE_S, "min")
    return _two(whole // DAY_S, "d", whole % DAY_S // HOUR_S, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit}" + (f" {small} {small_unit}" if small else "")


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 gap", "2 gaps"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def zone_of(name: str | None) -> ZoneInfo:
    """The zone that the browser asks for, UTC where it names none that exists."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def moment(time_ms: int, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """A time with its zone's offset: "25 Oct 2026 02:30 UTC+01:00"; both sides of the autumn change differ."""
    at = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(zone)
    clock = f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
    return f"{at.day} {at:%b %Y} {clock} {offset(at, zone)}"


def offset(at: datetime, zone: ZoneInfo) -> str:
    """The offset in force at a moment: "UTC", or "UTC+02:00"."""
    if zone.key == "UTC":
        return "UTC"
    shown = f"{at.astimezone(zone):%z}"
    return f"UTC{minus(shown[:3])}:{shown[3:]}"


def position(latitude: float, longitude: float) -> str:
    """A position in degrees, about 100 m sharp."""
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.3f}° {north}, {abs(longitude):.3f}° {east}"


def size(number: int) -> str:
    """A length in bytes, readable."""
    if number < 1024:
        return f"{number} B"
    return f"{number / 1024:,.1f} KiB" if number < 1024**2 else f"{number / 1024**2:,.1f} MiB"
