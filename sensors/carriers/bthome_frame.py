"""BTHome version 2: the objects of its service data (UUID 0xFCD2), read by the table of its specification."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from sensors.carriers.advert import Frame
from sensors.carriers.fields import Wrong
from sensors.carriers.sample import INTERNAL, Sample

SERVICE = b"\xd2\xfc"

_ENCRYPTED, _ADDRESSED = 0x01, 0x02
_VERSION = 2
_PACKET, _TIME, _TEXT, _RAW = 0x00, 0x50, 0x53, 0x54


class _Object(NamedTuple):
    """An object that is stored: its public name, bytes, and what one count is worth."""

    name: str
    size: int
    factor: Decimal
    signed: bool = False


_KEPT = {
    0x01: _Object("battery_pct", 1, Decimal(1)),
    0x02: _Object("temperature_c", 2, Decimal("0.01"), signed=True),
    0x03: _Object("humidity_pct", 2, Decimal("0.01")),
    0x04: _Object("pressure_hpa", 3, Decimal("0.01")),
    0x05: _Object("light_lux", 3, Decimal("0.01")),
    0x11: _Object("door_open", 1, Decimal(1)),  # an opening
    0x1A: _Object("door_open", 1, Decimal(1)),  # a door
    0x1B: _Object("door_open", 1, Decimal(1)),  # a dock's door
    0x2D: _Object("door_open", 1, Decimal(1)),  # a window, and so every reed contact of that kind
    0x2E: _Object("humidity_pct", 1, Decimal(1)),
    0x45: _Object("temperature_c", 2, Decimal("0.1"), signed=True),
    0x57: _Object("temperature_c", 1, Decimal(1), signed=True),
    0x58: _Object("temperature_c", 1, Decimal("0.35"), signed=True),
}

# How long every other object is, so that what follows it is found. A general voltage (0x0C, 0x4A) is not said to be
# the battery's, a dew point (0x08) is no temperature of anything, moisture (0x14, 0x2F) is that of soil or wood.
SIZES = {
    0x00: 1, 0x06: 2, 0x07: 2, 0x08: 2, 0x09: 1, 0x0A: 3, 0x0B: 3, 0x0C: 2, 0x0D: 2, 0x0E: 2, 0x12: 2, 0x13: 2, 0x14: 2,
    **dict.fromkeys((0x0F, 0x10, *range(0x15, 0x1A), *range(0x1C, 0x2D), 0x2F, 0x3A), 1),
    0x3C: 2, 0x3D: 2, 0x3E: 4, 0x3F: 2, 0x40: 2, 0x41: 2, 0x42: 3, 0x43: 2, 0x44: 2, 0x46: 1, 0x47: 2, 0x48: 2, 0x49: 2,
    0x4A: 2, 0x4B: 3, 0x4C: 4, 0x4D: 4, 0x4E: 4, 0x4F: 4, 0x50: 4, 0x51: 2, 0x52: 2, 0x55: 4, 0x56: 2, 0x59: 1, 0x5A: 2,
    0x5B: 4, 0x5C: 4, 0x5D: 2, 0x5E: 2, 0x5F: 2, 0x60: 1, 0x61: 2, 0x62: 4, 0x63: 4, 0x64: 1, 0xF0: 2, 0xF1: 4, 0xF2: 3,
    **{number: kept.size for number, kept in _KEPT.items()},
}  # fmt: skip


class _Reader:
    """Collects what the objects say: a repeated kind of measurement is that of the next channel."""

    def __init__(self) -> None:
        self.channels: dict[int, dict[str, Any]] = {}
        self.riding: dict[str, Any] = {}
        self.times: dict[str, int] = {}
        self.seq: int | None = None
        self.at_ms: int | None = None
        self.heard = False

    def take(self, number: int, content: bytes) -> None:
        """One whole object."""
        self.heard = True
        if number == _PACKET:
            self.seq = content[0]
        elif number == _TIME:
            self.at_ms = int.from_bytes(content, "little") * 1000
        elif (kept := _KEPT.get(number)) is not None:
            count = int.from_bytes(content, "little", signed=kept.signed)
            self._keep(kept.name, count == 1 if kept.name == "door_open" else count * kept.factor)

    def _keep(self, name: str, value: Any) -> None:
        if name in ("temperature_c", "humidity_pct", "pressure_hpa"):
            place = self.times[name] = self.times.get(name, 0) + 1
            self.channels.setdefault(place, {})[name] = value
        else:
            self.riding.setdefault(name, value)

    def samples(self) -> tuple[Sample, ...]:
        """The channels in order, and what rides along."""
        found = [
            Sample(values, INTERNAL if place == 1 else f"probe-{place}") for place, values in self.channels.items()
        ]
        return (*found, Sample(self.riding))


def frame(data: bytes, address: str | None = None) -> Frame:
    """What service data after the UUID says. Pure; never raises.

    Early firmware writes the device's own address, last byte first, before the objects and says so in a bit that the
    specification keeps free today: it is passed over where it is `address`, the one that the gateway names.

    An object that is not known ends the reading, as the specification wants it: what stood before it counts. So does
    one that is cut short, and that is told.
    """
    if not data:
        return Frame(unread="its BTHome service data is empty")
    if data[0] >> 5 != _VERSION:
        return Frame(unread=f"its BTHome version {data[0] >> 5} is not read here: version 2 is")
    if data[0] & _ENCRYPTED:
        return Frame(unread="its BTHome service data is encrypted and its key is not known here: switch encryption off")
    reader = _Reader()
    wrongs: tuple[Wrong, ...] = ()
    status: tuple[tuple[str, Any], ...] = ()
    try:
        for number, content in _objects(data, 7 if _addressed(data, address) else 1):
            reader.take(number, content)
    except Wrong as wrong:
        wrongs = (wrong,)
    except _Unknown as unknown:
        if not reader.heard:
            return Frame(unread=f"its first BTHome object {unknown} is not known here")
        status = (("unread_object", str(unknown)),)
    return Frame(reader.samples(), reader.seq, 60, reader.at_ms, status, wrongs)


class _Unknown(Exception):
    """An object whose length nobody here knows."""


def _addressed(data: bytes, address: str | None) -> bool:
    return address is not None and data[0] & _ADDRESSED != 0 and data[6:0:-1].hex().upper() == address


def _objects(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Number and content of each object from the byte `at` on.

    Raises:
        Wrong: one is cut short.
        _Unknown: nothing after it can be found.
    """
    while at < len(data):
        number, start = data[at], at + 1
        size = SIZES.get(number)
        if number in (_TEXT, _RAW):
            size = 1 + int.from_bytes(data[start : start + 1])
        if size is None:
            raise _Unknown(f"0x{number:02X}")
        if start + size > len(data):
            raise Wrong(f"object 0x{number:02X}", data[at:].hex(), f"is cut short: it has {size} bytes")
        yield number, data[start : start + size]
        at = start + size
