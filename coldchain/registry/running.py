"""Open excursions as they run: a version is written when something is settled, not with every reading."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select, tuple_

from coldchain.domain.finding import Excursion, Subject
from coldchain.domain.quantity import milli_from_float, ms_from_iso
from coldchain.registry.schema import subject_state

FIGURES = ("duration_s", "duration_upper_s", "peak_c", "peak_at", "area_c_min", "mean_c", "coverage_pct")


def running(connection: Connection, subjects: Collection[Subject]) -> dict[str, dict[str, Any]]:
    """By id: the open excursions of `subjects` as the engine last saw them, in the compliance document's form."""
    keys = [(subject.kind.value, subject.id) for subject in subjects]
    of = tuple_(subject_state.c.subject_kind, subject_state.c.subject_id).in_(keys)
    found = {}
    for document in connection.execute(select(subject_state.c.document).where(of)).scalars():
        for channel in document.get("channels", ()):
            found.update({item["id"]: item for item in channel["excursions"] if item["end"] is None})
    return found


def as_it_runs(recorded: Excursion, running: Mapping[str, Mapping[str, Any]]) -> Excursion:
    """An excursion with its running figures while it is open; one that is over is as it was recorded."""
    item = running.get(recorded.id)
    if recorded.end_ms is not None or item is None:
        return recorded
    return replace(
        recorded,
        duration_ms=round(1000 * item["duration_s"]),
        duration_upper_ms=round(1000 * item["duration_upper_s"]),
        peak_mc=milli_from_float(item["peak_c"]),
        peak_ms=ms_from_iso(item["peak_at"]),
        area_mc_ms=round(60_000_000 * item["area_c_min"]),
        mean_c=item.get("mean_c"),
        coverage_pct=item.get("coverage_pct"),
    )
