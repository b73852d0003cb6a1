"""One page of metrics for all roles: each role writes its own down beside its sign of life, `/metrics` joins them."""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

# A role that ended leaves its last figures behind; older than this they say nothing about now.
FRESH_S = 60.0
_EVERY_S = 10.0


def write(data: Path, role: str) -> None:
    """Write this process's metrics into the state folder, renamed into place so that nobody reads half of them."""
    folder = data / "run"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{role}.prom.{os.getpid()}"
    partial.write_bytes(generate_latest(REGISTRY))
    partial.replace(folder / f"{role}.prom")


@contextmanager
def kept_current(data: Path, role: str) -> Iterator[None]:
    """Write this process's metrics every few seconds for as long as the context lasts, and remove them at its end."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(_EVERY_S):
            write(data, role)

    write(data, role)
    thread = threading.Thread(target=keep, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_EVERY_S)
        (data / "run" / f"{role}.prom").unlink(missing_ok=True)


def forget(data: Path, beginning: str) -> None:
    """Remove what processes whose names begin so have left behind."""
    for path in (data / "run").glob(f"{beginning}*.prom*"):
        path.unlink(missing_ok=True)


def joined(data: Path, role: str, now_s: float) -> bytes:
    """Prometheus text of this process and of every other role's file, told apart by the label `role`.

    Args:
        data: the state folder.
        role: of this process; its own file, if there is one, is passed over for the live figures.
        now_s: seconds since 1970, to leave out what dead roles left behind.
    """
    texts = {role: generate_latest(REGISTRY).decode()}
    for path in sorted((data / "run").glob("*.prom")):
        if path.stem != role and now_s - path.stat().st_mtime < FRESH_S:
            texts[path.stem] = path.read_text(encoding="utf-8")
    registry = CollectorRegistry()
    registry.register(_Joined(texts))
    return generate_latest(registry)


class _Joined:
    """The families of several processes, each sample with its role."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        for role, text in self._texts.items():
            for family in text_string_to_metric_families(text):
                known = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    labels = {**sample.labels, "role": role}
                    known.samples.append(sample._replace(labels=labels))
        return families.values()
