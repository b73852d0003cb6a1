"""Fixtures of the fault tests: somebody outside who listens for signs of life."""

from collections.abc import Iterator

import pytest
from monitor_rig import Watchdog


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    """A watchdog that is given signs of life."""
    made = Watchdog()
    yield made
    made.stop()
