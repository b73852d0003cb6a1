"""Our top-level names are generic: nothing else that is installed may ship one of them."""

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("coldchain", "sensors", "ingest", "compliance", "alerts", "dashboard")


@pytest.mark.parametrize("name", NAMES)
def test_no_other_distribution_ships_one_of_our_names(name: str) -> None:
    assert set(packages_distributions().get(name, ())) <= {"coldchain-monitor"}


def test_the_distribution_ships_exactly_our_rooms() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert tuple(settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == NAMES


def test_no_folder_of_tests_is_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
