"""Who a SenML name names: the device, and which of its sensors; and what a unit and a name declare."""

import re
from decimal import Decimal
from typing import Any, NamedTuple

from sensors.carriers.sample import INTERNAL

# urn:dev: of RFC 9039. The ids of mac and ow are hardware numbers, those of the others belong to an organisation.
_URN = re.compile(
    r"(urn:(?:dev:(?P<kind>[a-z]+):(?P<id>[A-Za-z0-9.\-]+)|uuid:[0-9A-Fa-f\-]{36}))(?:[:_;/](?P<rest>.*))?\Z"
)
_HARDWARE_KINDS = ("mac", "ow")
_SEPARATORS = "/:_.-;"

_QUANTITY = re.compile(
    r"(?:^|[/:_.\-])(temp|temperature|hum|humidity|rh|pressure|press)(?=$|[0-9/:_.\-])", re.IGNORECASE
)
_NUMBERED = re.compile(r"(?:probe|channel|ch|t|sensor)?[_\-/:.]?([0-9]{1,3})\Z", re.IGNORECASE)
_NOT_CARGO = frozenset({"ambient", "board", "chip", "cpu", "device", "mcu", "outdoor", "outside", "soc"})
_DOORS = frozenset({"door", "door_open", "dooropen", "open", "opened"})


class Source(NamedTuple):
    """The device, and what of it."""

    device: str
    part: str


def source_of(name: str, own_base: str, topic_device: str | None) -> Source:
    """Device and part of a resolved name: by its URN, else by the base name, else by the last slash, else the topic."""
    if (urn := _URN.match(name)) is not None:
        rest = (urn["rest"] or "").strip(_SEPARATORS)
        return Source(urn["id"] if urn["kind"] in _HARDWARE_KINDS else urn[1], rest)
    base = own_base.rstrip(_SEPARATORS)
    if base and name.startswith(own_base):
        return Source(base.replace("/", ":"), name[len(own_base) :].strip(_SEPARATORS))
    before, slash, after = name.rpartition("/")
    if slash and before:
        return Source(before.strip(_SEPARATORS).replace("/", ":"), after)
    return Source(topic_device, name) if topic_device else Source(name, "")


def channel_of(part: str) -> str:
    """The channel that a part of a name stands for: `temp` is internal, `temp2` is probe-2, `top` is probe-top."""
    rest = _QUANTITY.sub("", part).strip(_SEPARATORS).lower()
    if not rest:
        return INTERNAL
    if rest in _NOT_CARGO or rest == INTERNAL:
        return rest
    if (numbered := _NUMBERED.match(rest)) is not None:
        return f"probe-{int(numbered[1])}"
    return f"probe-{rest.replace('/', '-')}"[:64]


def is_door(part: str) -> bool:
    """Whether a truth value of this name says that a door is open."""
    return part.lower() in _DOORS


class Meaning(NamedTuple):
    """A public name, and how a number of this unit becomes one of its own."""

    public: str
    scale: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)

    def value(self, number: Any) -> Any:
        """The number in the public name's unit."""
        return number * self.scale + self.offset if isinstance(number, Decimal) else number


MEASURED = {
    "Cel": Meaning("temperature_c"),
    "K": Meaning("temperature_c", offset=Decimal("-273.15")),
    "%RH": Meaning("humidity_pct"),
    "Pa": Meaning("pressure_hpa", Decimal("0.01")),
    "hPa": Meaning("pressure_hpa"),
}
RIDING = {"%EL": Meaning("battery_pct"), "lx": Meaning("light_lux")}
_VOLTS = {"V": Meaning("battery_v"), "mV": Meaning("battery_v", Decimal("0.001"))}
_BATTERY = re.compile(r"(?:^|[/:_.\-])v?bat(?:t|tery)?(?=$|[/:_.\-v])", re.IGNORECASE)


def meaning_of(unit: str, part: str) -> Meaning | None:
    """What a unit declares; a voltage is the battery's only where the name says so."""
    if unit in _VOLTS:
        return _VOLTS[unit] if _BATTERY.search(part) else None
    return MEASURED.get(unit) or RIDING.get(unit)
