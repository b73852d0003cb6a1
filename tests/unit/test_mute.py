"""When the siren on site is to sound: also while nothing can be written down, and whatever becomes of the log."""

from collections.abc import Iterator
from io import FileIO, TextIOWrapper
from pathlib import Path

import pytest
import structlog
from alert_cast import NOON, new_registry

from alerts.annunciation import Annunciation
from alerts.mute import Mute
from coldchain.clock import HandClock
from coldchain.errors import TransientError
from coldchain.log import set_up
from coldchain.registry.store import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = new_registry(tmp_path)
    yield made
    made.close()


@pytest.fixture
def logs_again() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 500], ids=["without tables", "broken"])
def test_a_registry_that_goes_away_is_a_reason_after_some_seconds_and_over_at_once(
    registry: Registry, tmp_path: Path, content: bytes
) -> None:
    clock = HandClock(NOON)
    mute = Mute(registry, clock)
    assert mute.look() is None
    registry.close()
    away = tmp_path / "away"
    (tmp_path / "registry.db").rename(away)
    (tmp_path / "registry.db").write_bytes(content)
    assert mute.look() is None
    clock.advance(19_000)
    assert mute.look() is None
    clock.advance(1_000)
    assert "no alarm can be raised" in str(mute.look())
    registry.close()
    for left in tmp_path.glob("registry.db*"):
        left.unlink()
    away.rename(tmp_path / "registry.db")
    assert mute.look() is None


@pytest.mark.usefixtures("logs_again")
def test_a_siren_that_fails_is_tried_again_though_not_a_word_can_be_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    full = TextIOWrapper(FileIO("/dev/full", "w"), write_through=True)
    monkeypatch.setattr("sys.stderr", full)
    set_up("notify")
    calls: list[str] = []

    def sound(_target: str, state: str, _text: str) -> None:
        calls.append(state)
        if len(calls) == 1:
            raise TransientError("it is not there")

    siren = Annunciation("x", HandClock(NOON), sound)
    with pytest.raises(OSError, match="No space left"):
        full.write("a word")
    assert siren.follow("the disk is full") == "it is not there"
    assert siren.follow("the disk is full") is None
    assert calls == ["raised", "raised"]
