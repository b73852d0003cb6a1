"""What stands on record about a subject against what its readings and facts give: every field, digit for digit.

The decimal twin says whether the figures are right; this says whether they are still the ones that were recorded: the
document, the rows of excursions that pages and exports are made of, and the columns that summaries add up.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from coldchain.domain.finding import Excursion, Findings, Severity, SubjectKind
from coldchain.registry import shipment_figures
from coldchain.registry.recorded import OnRecord, SubjectState
from coldchain.registry.schema import shipment_figures as figures_table
from compliance.engine import findings
from compliance.identity import match, stretch
from compliance.inputs import Inputs
from compliance.lab import as_recorded

_OF_AN_EXCURSION = (
    "direction", "onset_ms", "onset_sample_ms", "end_ms", "duration_ms", "duration_upper_ms", "peak_mc", "peak_ms",
    "area_mc_ms", "limit_mc", "severity", "monitoring_ended", "custodian", "leg", "mean_c", "coverage_pct",
)  # fmt: skip
_MOST = 8  # differences that one line names


def record_differences(connection: Connection, inputs: Inputs, standing: OnRecord, state: SubjectState) -> list[str]:
    """Where the record says something else than `inputs` give as of the newest judgement, the first few of them."""
    found = findings(inputs, state.as_of_ms)
    anew = as_recorded(found, standing)
    told = [*_unlike("", state.document, anew), *_excursions(inputs, found, standing)]
    if inputs.subject.kind is SubjectKind.SHIPMENT:
        told += _columns(connection, inputs.subject.id, shipment_figures.figures_of(anew))
    return told[:_MOST]


def _unlike(path: str, stored: Any, anew: Any) -> Iterator[str]:
    """The leaves of two JSON documents that differ, by their paths."""
    if path == ".engine.version":  # another program may have written the same figures
        return
    if isinstance(stored, dict) and isinstance(anew, dict):
        for name in sorted(stored.keys() | anew.keys()):
            yield from _unlike(f"{path}.{name}", stored.get(name), anew.get(name))
    elif isinstance(stored, list) and isinstance(anew, list) and len(stored) == len(anew):
        for place, (one, other) in enumerate(zip(stored, anew, strict=True)):
            yield from _unlike(f"{path}.{place}", one, other)
    elif stored != anew:
        yield _words(path.removeprefix("."), stored, anew)


def _excursions(inputs: Inputs, found: Findings, standing: OnRecord) -> Iterator[str]:
    """The rows of excursions that differ, those that are missing, and those that nothing shows."""
    stored = {item.excursion.id: item.excursion for item in standing.excursions}
    computed = {item.id: item for item in found.excursions}
    kept = match([stretch(item) for item in stored.values()], [stretch(item) for item in found.excursions]).kept
    for id_, item in computed.items():
        if id_ not in kept:
            yield f"excursion {id_}: is not on record"
            continue
        row = stored[kept[id_]]
        if row.onset_ms >= inputs.since_ms:  # what began before is settled and was not judged again
            yield from _fields(row, replace(item, id=row.id))
    for id_ in stored.keys() - set(kept.values()):
        if stored[id_].onset_ms >= inputs.since_ms:
            yield f"excursion {id_}: is on record, and no reading shows it"


def _fields(row: Excursion, item: Excursion) -> Iterator[str]:
    for name in _OF_AN_EXCURSION:
        if getattr(row, name) != getattr(item, name):
            yield _words(f"excursion {row.id} {name}", getattr(row, name), getattr(item, name))


def _columns(connection: Connection, shipment: str, anew: dict[str, Any]) -> Iterator[str]:
    """The figures that summaries add up."""
    row = connection.execute(select(figures_table).where(figures_table.c.shipment == shipment)).mappings().first()
    for name, value in anew.items():
        if (None if row is None else row[name]) != value:
            yield _words(f"summary column {name}", None if row is None else row[name], value)


def _words(name: str, stored: Any, anew: Any) -> str:
    one, other = (item.word if isinstance(item, Severity) else f"{item!s:.60}" for item in (stored, anew))
    return f"{name}: {one} on record, {other} by the readings"
