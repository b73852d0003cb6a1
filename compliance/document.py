"""The compliance document, schema `coldchain.compliance/1`: the figures of a subject as JSON, nothing rounded.

Every number is the float64 nearest to the exact figure. The blocks of the governing channel are repeated on top.
"""

import json
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any

from coldchain.domain.finding import Breach, Excursion, SeverityBasis
from coldchain.domain.profile import ProductProfile, Range
from coldchain.domain.quantity import iso
from compliance import charges, mkt
from compliance.channel import ChannelFindings
from compliance.figures import BandUse, MktFigures, TimeInRange, WindowFigure, mean, nearest
from compliance.inputs import Inputs
from compliance.mkt_windows import WindowMean
from compliance.silence import QUIET_MS
from compliance.trace import Trace

SCHEMA = "coldchain.compliance/1"
METHODS = {
    "temperature": "time_in_range.interpolated/1",
    "excursions": "excursion.interpolated/1",
    "mkt": mkt.METHOD_ID,
    "severity": "severity.rules_matrix_freeze/1",
    "suggestion": "suggestion.three_tiers/1",
}
Json = dict[str, Any]


def json_schema() -> Json:
    """The published JSON Schema of the document."""
    text = (files("compliance") / "schemas" / "compliance-1.schema.json").read_text(encoding="utf-8")
    schema: Json = json.loads(text)
    return schema


def document(
    inputs: Inputs, said: list[ChannelFindings], excursions: list[Excursion], breaches: list[Breach], as_of_ms: int
) -> Json:
    """The document of one subject; without judged channels its figures are absent and its lists empty."""
    profile = inputs.profile
    channels = [channel_json(channel, excursions) for channel in said]
    worst = governing(said)
    top = channels[worst] if channels else _nothing(profile)
    notes = {note for channel in said for note in channel.notes} | _planned(inputs, as_of_ms)
    whole = {
        "schema": SCHEMA,
        "profile": {"id": profile.id, "version": profile.version},
        "period": _period(said),
        "interval_s": top["interval_s"],
        "interval_source": top["interval_source"],
        "coverage_pct": top["coverage_pct"],
        "gaps": top["gaps"],
        "governing_channel": said[worst].bound.channel if said else None,
        "governing_logger": said[worst].bound.logger if said else None,
        "channels": channels,
        "temperature": top["temperature"],
        "mkt": top["mkt"],
        "excursions": top["excursions"],
        "breaches": [_breach(breach) for breach in breaches],
        "stability_budget": top["stability_budget"],
        "suggestion": top["suggestion"],
        "humidity": top["humidity"],
        "notes": sorted(notes),
        "methods": METHODS,
        "engine": {"version": program_version(), "config_hash": profile.config_hash},
    }
    return whole if len(said) < 2 else {**whole, "notes": sorted(notes | _spent_together(whole))}


def renamed(whole: Json, ids: Mapping[str, str], flags: Mapping[str, Json]) -> Json:
    """The document with the lasting ids of its excursions, and `late` and `amends` as recorded under them."""

    def excursion(item: Json) -> Json:
        lasting = ids.get(item["id"], item["id"])
        return {**item, "id": lasting, **flags.get(lasting, {})}

    def block(item: Json) -> Json:
        windows = [{**entry, "excursion": ids.get(entry["excursion"], entry["excursion"])}
                   for entry in item["mkt"]["windows"]]  # fmt: skip
        found = [excursion(entry) for entry in item["excursions"]]
        return {**item, "mkt": {**item["mkt"], "windows": windows}, "excursions": found}

    breaches = [{**item, "excursion": ids.get(item["excursion"], item["excursion"])} for item in whole["breaches"]]
    return {**block(whole), "channels": [block(item) for item in whole["channels"]], "breaches": breaches}


@cache
def program_version() -> str:
    """The version of the program that computed a figure."""
    try:
        return version("coldchain-monitor")
    except PackageNotFoundError:
        return "unpackaged"


def _planned(inputs: Inputs, as_of_ms: int) -> set[str]:
    """That no logger can be heard now is no trouble while it is planned."""
    return {
        f"planned radio silence from {iso(span.start_ms)} to {iso(span.end_ms)}"
        for span in inputs.quiet
        if inputs.silence and span.end_ms is not None and span.start_ms <= as_of_ms < span.end_ms + QUIET_MS
    }


def _spent_together(whole: Json) -> set[str]:
    """Bands of which the channels together used more than is allowed, though none alone did.

    Each channel is judged alone, but the goods have one past: also under a logger and the one that replaced it.
    """
    used = charges.used_ms(whole)
    alone = {charges.range_of(band) for channel in whole["channels"] for band in channel["stability_budget"]["bands"]
             if band["allowed_s"] is not None and band["used_s"] > band["allowed_s"]}  # fmt: skip
    return {
        f"the channels together charged {used[range_] / 60_000:.1f} min to {range_.text()}, more than the "
        f"{band['allowed_s'] / 60:.1f} min allowed"
        for band in whole["stability_budget"]["bands"]
        if (range_ := charges.range_of(band)) not in alone
        and band["allowed_s"] is not None and used[range_] > 1000 * band["allowed_s"]
    }  # fmt: skip


def governing(said: list[ChannelFindings]) -> int:
    """The channel with the worst suggestion, then the one that strayed furthest from the label range."""
    if not said:
        return 0
    ranked = [(channel.suggestion.tier, _deviation(channel)) for channel in said]
    return ranked.index(max(ranked))


def _deviation(said: ChannelFindings) -> int:
    label, seen = said.profile.label, said.temperature
    if seen.low is None or seen.high is None:
        return -(1 << 62)
    above = -(1 << 61) if label.high_mc is None else seen.high - label.high_mc
    below = -(1 << 61) if label.low_mc is None else label.low_mc - seen.low
    return max(above, below)


def _period(said: list[ChannelFindings]) -> Json:
    moments = [moment for channel in said for moment in _ends(channel.trace)]
    if not moments:
        return {"from": None, "to": None}
    return {"from": iso(min(moments)), "to": iso(max(moments))}


def _ends(trace: Trace) -> list[int]:
    own = [int(trace.time_ms[0]), int(trace.time_ms[-1])] if len(trace) else []
    return own + [moment for edge in trace.edges for moment in edge]


def channel_json(said: ChannelFindings, excursions: list[Excursion]) -> Json:
    """The block of one channel."""
    bound = said.bound
    own = [item for item in excursions if (item.logger, item.channel) == (bound.logger, bound.channel)]
    known, unknown = said.trace.known_ms, said.temperature.unknown_ms
    return {
        "logger": bound.logger,
        "channel": bound.channel,
        "interval_s": said.interval_ms / 1000,
        "interval_source": said.interval_source,
        "coverage_pct": 100 * known / (known + unknown) if known + unknown else None,
        "gaps": [{"from": iso(a), "to": iso(b), "duration_s": (b - a) / 1000} for a, b in said.trace.gaps()],
        "temperature": _temperature(said.temperature),
        "mkt": _mkt(said.profile, said.mkt, own),
        "humidity": _humidity(said.humidity),
        "excursions": [_excursion(item) for item in own],
        "stability_budget": {"bands": [_band(use, unknown) for use in said.budget]},
        "suggestion": {"tier": said.suggestion.tier, "reasons": list(said.suggestion.reasons)},
    }


def _band(use: BandUse, unknown_ms: int) -> Json:
    """What a band was charged with is its lower bound; with all unknown time added it is its upper bound."""
    allowed, used, upper = use.band.allowed_ms, use.used_ms, use.used_ms + unknown_ms
    return {
        "range": range_json(use.band.range),
        "allowed_s": None if allowed is None else allowed / 1000,
        "used_s": used / 1000,
        "used_upper_s": upper / 1000,
        "remaining_s": None if allowed is None else (allowed - used) / 1000,
        "remaining_lower_s": None if allowed is None else (allowed - upper) / 1000,
        "charges": [
            {
                "from": iso(charge.from_ms),
                "to": iso(charge.to_ms),
                "used_s": charge.used_ms / 1000,
                "used_upper_s": charge.upper_ms / 1000,
                "running": charge.running,
            }
            for charge in use.charges
        ],
    }


def _temperature(seen: TimeInRange) -> Json:
    """Each time is its own lower bound; with all unknown time added it is its upper bound."""
    upper = seen.unknown_ms
    return {
        "min_c": _unit(seen.low),
        "max_c": _unit(seen.high),
        "mean_c": fraction_c(seen.mean),
        "time_in_range_s": seen.in_range_ms / 1000,
        "time_in_range_upper_s": (seen.in_range_ms + upper) / 1000,
        "time_above_s": seen.above_ms / 1000,
        "time_above_upper_s": (seen.above_ms + upper) / 1000,
        "time_below_s": seen.below_ms / 1000,
        "time_below_upper_s": (seen.below_ms + upper) / 1000,
        "time_unknown_s": seen.unknown_ms / 1000,
    }


def fraction_c(mean: Fraction | None) -> float | None:
    """The nearest float64 of a mean in milli-degrees, in degrees."""
    return None if mean is None else nearest(mean)


def _mkt(profile: ProductProfile, figures: MktFigures, own: list[Excursion]) -> Json:
    high = [item.id for item in own if item.direction == "high"]
    return {
        "value_c": figures.value_c,
        "reason": figures.reason,
        "method_id": mkt.METHOD_ID,
        "delta_h_kj_mol": float(profile.delta_h_kj_mol),
        "gas_constant": float(profile.gas_constant),
        "lower_c": figures.lower_c,
        "upper_c": figures.upper_c,
        "windows": [_window(figure, high[figure.excursion]) for figure in figures.windows],
    }


def _window(figure: WindowFigure, excursion: str) -> Json:
    def span(window: WindowMean, value_c: float | None) -> Json:
        return {"from": iso(window.start_ms), "to": iso(window.end_ms), "value_c": value_c}

    return {
        "window": figure.window.id,
        "length_s": figure.window.length_ms / 1000,
        "limit_c": figure.window.limit_mc / 1000,
        "excursion": excursion,
        "chosen": "trailing",
        "value_c": figure.trailing_c,
        "trailing": span(figure.trailing, figure.trailing_c),
        "worst": span(figure.worst, figure.worst_c),
    }


def _humidity(trace: Trace) -> Json | None:
    if len(trace) == 0:
        return None
    return {
        "min_pct": int(trace.value.min()) / 1000,
        "max_pct": int(trace.value.max()) / 1000,
        "mean_pct": fraction_c(mean(trace)),
    }


def _excursion(item: Excursion) -> Json:
    return {
        "id": item.id,
        "logger": item.logger,
        "channel": item.channel,
        "direction": item.direction,
        "onset": iso(item.onset_ms),
        "onset_sample": iso(item.onset_sample_ms),
        "end": None if item.end_ms is None else iso(item.end_ms),
        "duration_s": item.duration_ms / 1000,
        "duration_upper_s": item.duration_upper_ms / 1000,
        "peak_c": item.peak_mc / 1000,
        "peak_at": iso(item.peak_ms),
        "mean_c": item.mean_c,
        "area_c_min": item.area_mc_ms / 60_000_000,
        "coverage_pct": item.coverage_pct,
        "limit_c": item.limit_mc / 1000,
        "severity": item.severity.word,
        "severity_basis": _basis(item.basis),
        "custodian": item.custodian,
        "leg": item.leg,
        "late": item.late,
        "amends": item.amends,
        "monitoring_ended": item.monitoring_ended,
    }


def _basis(basis: SeverityBasis) -> Json:
    return {
        "rules": None if basis.rules is None else basis.rules.word,
        "matrix": None if basis.matrix is None else basis.matrix.word,
        "freeze": None if basis.freeze is None else basis.freeze.word,
        "cumulative_s": basis.cumulative_ms / 1000,
    }


def _breach(item: Breach) -> Json:
    return {
        "rule": item.rule,
        "severity": item.severity.word,
        "fired_at": iso(item.fired_ms),
        "logger": item.logger,
        "channel": item.channel,
        "cause": item.cause,
        "excursion": item.excursion,
    }


def _nothing(profile: ProductProfile) -> Json:
    empty = TimeInRange(None, None, None, 0, 0, 0, 0)
    reason = "not applicable: there is no reading to judge"
    return {
        "interval_s": None,
        "interval_source": None,
        "coverage_pct": None,
        "gaps": [],
        "temperature": _temperature(empty),
        "mkt": _mkt(profile, MktFigures(None, reason), []),
        "humidity": None,
        "excursions": [],
        "stability_budget": {"bands": []},
        "suggestion": {"tier": 2, "reasons": ["there is no reading to judge"]},
    }


def _unit(milli: int | None) -> float | None:
    return None if milli is None else milli / 1000


def range_json(value: Range) -> Json:
    """A temperature range with both limits in degrees, absent ones null."""
    return {"low_c": _unit(value.low_mc), "high_c": _unit(value.high_mc)}
