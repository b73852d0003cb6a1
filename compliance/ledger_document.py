"""The ledger of a batch as JSON, schema `coldchain.batch/1`: numbers are the nearest float64, nothing is rounded."""

import json
from importlib.resources import files
from typing import Any

from coldchain.domain.quantity import iso
from compliance.charges import used_ms
from compliance.document import range_json
from compliance.ledger import BandTotal, Ledger, Line, Newest, Part, TimeLeft, unknown_ms

SCHEMA = "coldchain.batch/1"
METHOD = "stability_budget.ledger/1"
Json = dict[str, Any]


def json_schema() -> Json:
    """The published JSON Schema of the document of a batch."""
    schema: Json = json.loads((files("compliance") / "schemas" / "batch-1.schema.json").read_text(encoding="utf-8"))
    return schema


def ledger_json(found: Ledger) -> Json:
    """The ledger's figures; whoever shows it adds whose batch it is."""
    return {
        "schema": SCHEMA,
        "method_id": METHOD,
        "as_of": iso(found.as_of_ms),
        "product_profile": found.profile and {"id": found.profile.id, "version": found.profile.version},
        "bands": [_band_json(band) for band in found.bands],
        "newest": _newest_json(found.newest),
        "time_left": _left_json(found.left),
        "parts": [_part_json(part) for part in found.parts],
        "ledger": [_line_json(line) for line in found.lines],
        "notes": list(found.notes),
    }


def _band_json(band: BandTotal) -> Json:
    remaining = band.remaining_ms
    return {
        "range": range_json(band.range),
        "allowed_s": None if band.allowed_ms is None else band.allowed_ms / 1000,
        "used_s": band.used_ms / 1000,
        "used_upper_s": band.upper_ms / 1000,
        "remaining_s": None if remaining is None else remaining / 1000,
        "remaining_lower_s": None if remaining is None else (remaining - band.unknown_ms) / 1000,
        "charging": band.charging,
        "time_left": _left_json(band.left),
    }


def _left_json(left: TimeLeft | None) -> Json | None:
    return left and {"lower_s": left.lower_ms / 1000, "upper_s": left.upper_ms / 1000}


def _newest_json(newest: Newest | None) -> Json | None:
    return newest and {
        "shipment": newest.part.id if newest.part.kind == "shipment" else None,
        "store": newest.part.store,
        "name": newest.part.name,
        "logger": newest.logger,
        "channel": newest.channel,
        "event_time": iso(newest.time_ms),
        "temperature_c": newest.temperature_mc / 1000,
        "counted_until": iso(newest.counted_ms),
    }


def _part_json(part: Part) -> Json:
    document = part.document or {}
    return {
        "kind": part.kind,
        "id": part.id,
        "store": part.store,
        "name": part.name,
        "live": part.live,
        "period": document.get("period"),
        "profile": document.get("profile"),
        "logger": document.get("governing_logger"),
        "channel": document.get("governing_channel"),
        "coverage_pct": document.get("coverage_pct"),
        "unknown_s": unknown_ms(part) / 1000,
        "bands": [{"range": range_json(band), "used_s": used / 1000} for band, used in used_ms(document).items()],
    }


def _line_json(line: Line) -> Json:
    document = line.part.document or {}
    return {
        "kind": line.part.kind,
        "part": line.part.id,
        "store": line.part.store,
        "name": line.part.name,
        "leg": line.leg,
        "custodian": line.custodian,
        "from": iso(line.from_ms),
        "to": iso(line.to_ms),
        "range": range_json(line.range),
        "used_s": line.used_ms / 1000,
        "unknown_s": line.gap_ms / 1000,
        "running": line.running,
        "logger": line.logger,
        "channel": line.channel,
        "profile": document.get("profile"),
    }
