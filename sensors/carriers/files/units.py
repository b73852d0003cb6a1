"""Quantities and the units in which files write them, and what a column's title declares. Nothing is guessed."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple


def _same(number: Decimal) -> Decimal:
    return number


def _from_fahrenheit(number: Decimal) -> Decimal:
    return (number - 32) / Decimal("1.8")


def _from_kelvin(number: Decimal) -> Decimal:
    return number - Decimal("273.15")


class Unit(NamedTuple):
    """One way to write a quantity: into the public field's unit, and how cells and titles spell it."""

    convert: Callable[[Decimal], Decimal]
    spelled: tuple[str, ...]


class Quantity(NamedTuple):
    """What can be measured: the public field, its units by their short names, and words by which titles name it."""

    field: str
    units: Mapping[str, Unit]
    words: re.Pattern[str]


def _thousandth(number: Decimal) -> Decimal:
    return number / 1000


QUANTITIES: Mapping[str, Quantity] = MappingProxyType({
    "temperature": Quantity(
        "temperature_c",
        {
            "C": Unit(_same, ("°c", "degc", "deg c", "degrees c", "celsius", "c")),
            "F": Unit(_from_fahrenheit, ("°f", "degf", "deg f", "degrees f", "fahrenheit", "f")),
            "K": Unit(_from_kelvin, ("kelvin", "k")),
        },
        re.compile(r"temp|celsius|fahrenheit|kelvin|probe|°c|°f|degc|degf|reading"),
    ),
    "humidity": Quantity(
        "humidity_pct",
        {"%": Unit(_same, ("%rh", "% rh", "%r.h.", "rh%", "rh", "%"))},
        re.compile(r"humid|\brh\b|%rh|feuchte"),
    ),
    "pressure": Quantity(
        "pressure_hpa",
        {
            "hPa": Unit(_same, ("hpa", "mbar")),
            "kPa": Unit(lambda number: number * 10, ("kpa",)),
            "Pa": Unit(lambda number: number / 100, ("pa",)),
        },
        re.compile(r"press|druck"),
    ),
    "light": Quantity("light_lux", {"lx": Unit(_same, ("lx", "lux"))}, re.compile(r"light|lux|illum")),
    "battery": Quantity(
        "battery_v",
        {"V": Unit(_same, ("v", "volt", "volts")), "mV": Unit(_thousandth, ("mv",))},
        re.compile(r"batt|vdd"),
    ),
    "battery level": Quantity("battery_pct", {"%": Unit(_same, ("%",))}, re.compile(r"batt")),
    "shock": Quantity("shock_g", {"g": Unit(_same, ("g",))}, re.compile(r"shock|accel")),
})  # fmt: skip
# What is computed, set, or about something else than the goods: never taken by itself, only if a person maps it.
NOT_MEASURED = re.compile(
    r"dew|alarm|limit|ambient|board|chip|cpu|mcu|setpoint|set point|average|avrg|\bavg\b|\bmin\b|\bmax\b|mean|mkt"
    r"|heat index"
)
_BRACKETED = re.compile(r"[(\[{]\s*([^)\]}]{1,12}?)\s*[)\]}]")
_BEHIND = re.compile(r"(°\s?[cfCF]|%\s?[rR]\.?[hH]\.?|\b(?:hPa|mbar|kPa|lux|lx|mV)\b|%)\s*\Z")


def declared_unit(title: str, quantity: str) -> str | None:
    """The unit that a title declares for a quantity: in brackets, behind it, or as the word itself; None if none."""
    units = QUANTITIES[quantity].units
    for text in _candidates(title):
        for name, unit in units.items():
            if text in unit.spelled:
                return name
    return None


def unit_named(text: str, quantity: str) -> str | None:
    """The unit that a cell names."""
    wanted = " ".join(text.lower().split())
    return next((name for name, unit in QUANTITIES[quantity].units.items() if wanted in unit.spelled), None)


def declared(title: str) -> tuple[str, str] | None:
    """The quantity and unit that a title declares by itself; None where it leaves either of them open."""
    lower = title.lower()
    if NOT_MEASURED.search(lower):
        return None
    for name, quantity in QUANTITIES.items():
        unit = declared_unit(title, name)
        if unit is not None and quantity.words.search(lower):
            return name, unit
    return None


def _candidates(title: str) -> list[str]:
    found = [text.lower() for text in _BRACKETED.findall(title)]
    if (behind := _BEHIND.search(title)) is not None:
        found.append(behind.group(1).lower().replace("° ", "°"))
    found += [word for word in ("celsius", "fahrenheit", "kelvin") if re.search(rf"\b{word}\b", title.lower())]
    return found
