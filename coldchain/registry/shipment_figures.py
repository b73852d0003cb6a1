"""The figures of each shipment in a row of their own: what summaries add up without opening the documents.

A copy of the newest compliance document's governing channel, written with it in one transaction. Times are whole
milliseconds and temperatures thousandths, so that sums are exact.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from coldchain.domain import kinetic
from coldchain.registry.schema import shipment_figures

_MS = 1000
_TIMES = {"in_range_ms": "time_in_range_s", "above_ms": "time_above_s", "below_ms": "time_below_s",
          "unknown_ms": "time_unknown_s"}  # fmt: skip


def write(connection: Connection, judged: Iterable[tuple[str, int, dict[str, Any]]]) -> None:
    """Replace the rows of these shipments: (id, as of, newest document) each; an empty document leaves no figures."""
    rows = [{"shipment": id_, "as_of_ms": as_of_ms, **figures_of(document)} for id_, as_of_ms, document in judged]
    if not rows:
        return
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(shipment_figures)
    changed = {name: insert.excluded[name] for name in rows[0] if name != "shipment"}
    connection.execute(insert.on_conflict_do_update(index_elements=["shipment"], set_=changed), rows)


def figures_of(document: dict[str, Any]) -> dict[str, Any]:
    """The columns that a compliance document fills; those of which it says nothing are None."""
    seen: dict[str, Any] = document.get("temperature") or {}
    profile: dict[str, Any] = document.get("profile") or {}
    return {
        "profile": profile.get("id"),
        "profile_version": profile.get("version"),
        "logger": document.get("governing_logger"),
        "channel": document.get("governing_channel"),
        **{column: _milli(seen.get(name)) for column, name in _TIMES.items()},
        "min_mc": _milli(seen.get("min_c")),
        "max_mc": _milli(seen.get("max_c")),
        **_kinetic(document.get("mkt") or {}),
        **_budget((document.get("stability_budget") or {}).get("bands") or []),
        "tier": (document.get("suggestion") or {}).get("tier"),
    }


def _milli(value: float | None) -> int | None:
    """Thousandths as they were before the document divided them; the nearest float64 gives them back exactly."""
    return None if value is None else round(value * _MS)


def _kinetic(mkt: dict[str, Any]) -> dict[str, Any]:
    value, energy, constant = mkt.get("value_c"), mkt.get("delta_h_kj_mol"), mkt.get("gas_constant")
    if value is None or energy is None or constant is None:
        return {"mkt_c": value, "mkt_ratio": None, "mkt_rate": None}
    ratio = Decimal(repr(energy)) / Decimal(repr(constant))
    return {"mkt_c": value, "mkt_ratio": str(ratio), "mkt_rate": str(kinetic.rate(ratio, value))}


def _budget(bands: list[dict[str, Any]]) -> dict[str, Any]:
    """The band of the stability budget of which the greatest share is used."""
    limited = [band for band in bands if band["allowed_s"]]
    worst = max(limited, key=lambda band: band["used_s"] / band["allowed_s"], default=None)
    return {
        "budget_used_ms": None if worst is None else _milli(worst["used_s"]),
        "budget_allowed_ms": None if worst is None else _milli(worst["allowed_s"]),
    }
