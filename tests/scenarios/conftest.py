"""Fixtures of the scenarios: a house of our own, with an engine on real stores."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An engine on empty stores; it tells nobody."""
    made = House(tmp_path / "house")
    yield made
    made.close()
