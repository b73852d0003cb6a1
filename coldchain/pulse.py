"""Signs of life: each role says every second that it makes progress, and readiness reads what all of them said."""

import json
import os
from contextlib import suppress
from pathlib import Path

from coldchain.clock import Clock

STALE_MS = 15_000


class Pulse:
    """The sign of life of one role in the state folder: `run/{role}.pid` and `run/{role}.pulse`."""

    def __init__(self, data: Path, role: str, clock: Clock, *, announce: bool = True) -> None:
        """Write the pid file (a worker of a role does not); the first `beat` makes the role count as working."""
        self._folder = data / "run"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._role = role
        self._clock = clock
        if announce:
            self._write(f"{role}.pid", str(os.getpid()))

    def beat(self, trouble: str | None = None) -> None:
        """Say that the role lives, and what keeps it from its work, if anything does.

        On a full or read-only disk nothing can be said: then the silence says it, and the role goes on.
        """
        said = {"at_ms": self._clock.now_ms(), "pid": os.getpid(), "trouble": trouble}
        with suppress(OSError):
            self._write(f"{self._role}.pulse", json.dumps(said))

    def stop(self) -> None:
        """Remove both files: the role ended on purpose."""
        for suffix in ("pid", "pulse"):
            (self._folder / f"{self._role}.{suffix}").unlink(missing_ok=True)

    def _write(self, name: str, text: str) -> None:
        # Renamed into place, so that a reader never sees half a file.
        partial = self._folder / f"{name}.{os.getpid()}"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self._folder / name)


def stale(at_ms: int, now_ms: int) -> bool:
    """Whether a sign of life is none any more; one from the future is of a clock that has been put back since."""
    return abs(now_ms - at_ms) > STALE_MS


def expect(data: Path, roles: tuple[str, ...]) -> None:
    """Record which roles this installation runs; `troubles` misses each of them that is silent."""
    folder = data / "run"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "roles.json").write_text(json.dumps(roles), encoding="utf-8")


def troubles(data: Path, now_ms: int) -> list[str]:
    """One sentence for each expected role that is silent or says that it cannot work; empty when all is well."""
    folder = data / "run"
    try:
        roles = json.loads((folder / "roles.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    found = []
    for role in roles:
        try:
            said = json.loads((folder / f"{role}.pulse").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found.append(f"{role}: has not started yet")
            continue
        if stale(said["at_ms"], now_ms):
            found.append(f"{role}: silent for {abs(now_ms - said['at_ms']) // 1000} s")
        elif said["trouble"]:
            found.append(f"{role}: {said['trouble']}")
    return found
