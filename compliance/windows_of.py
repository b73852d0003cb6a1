"""Figures over parts of a subject's time: calendar windows of its zone, its legs, or any named stretches.

A part is cut exactly: where it begins or ends between two readings, the straight line between them gives its value
there, rounded half-even to a milli-degree. So the times of parts that join add up to those of the whole, and unknown
time is divided where it is cut. Document: schema `coldchain.windows/1`, each channel in the form of the compliance
document's.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from importlib.resources import files

import numpy as np

from coldchain.domain.finding import Excursion
from coldchain.domain.quantity import iso
from compliance import figures
from compliance.calendar import Window
from compliance.channel import ChannelFindings
from compliance.document import METHODS, Json, channel_json, governing, program_version
from compliance.engine import channels_of, excursions_of
from compliance.excursions import outside
from compliance.inputs import Inputs
from compliance.suggestion import suggest
from compliance.trace import GAP, KNOWN, Kinds, Trace

SCHEMA = "coldchain.windows/1"


def json_schema() -> Json:
    """The published JSON Schema of the document; its `$defs` are those of the compliance document."""
    folder = files("compliance") / "schemas"
    schema: Json = json.loads((folder / "windows-1.schema.json").read_text(encoding="utf-8"))
    shared = json.loads((folder / "compliance-1.schema.json").read_text(encoding="utf-8"))
    return {**schema, "$defs": {**shared["$defs"], **schema.get("$defs", {})}}


def figures_over(inputs: Inputs, windows: Sequence[Window], as_of_ms: int) -> Json:
    """The figures of every judged channel over each of `windows`, as of a moment."""
    said = channels_of(inputs, as_of_ms)
    whole = {position: excursions_of(inputs, channel) for position, channel in enumerate(said)}
    return {
        "schema": SCHEMA,
        "profile": {"id": inputs.profile.id, "version": inputs.profile.version},
        "zone": inputs.zone,
        "windows": [_window(inputs, said, whole, window) for window in windows],
        "methods": {**METHODS, "windows": "windows.cut_at_the_line/1"},
        "engine": {"version": program_version(), "config_hash": inputs.profile.config_hash},
    }


def legs_of(inputs: Inputs, as_of_ms: int) -> list[Window]:
    """The legs on record as windows; one that still lasts ends with `as_of_ms`."""
    ends = [(name, span, as_of_ms if span.end_ms is None else span.end_ms) for name, span in inputs.legs]
    return [Window(name, span.start_ms, end) for name, span, end in ends if end > span.start_ms]


def _window(inputs: Inputs, said: list[ChannelFindings], whole: dict[int, list[Excursion]], window: Window) -> Json:
    parts = [cut(channel, window.start_ms, window.end_ms) for channel in said]
    number = governing(parts)
    return {
        "name": window.name,
        "from": iso(window.start_ms),
        "to": iso(window.end_ms),
        "hours": (window.end_ms - window.start_ms) / 3_600_000,
        "governing_logger": parts[number].bound.logger if parts else None,
        "governing_channel": parts[number].bound.channel if parts else None,
        "channels": [
            channel_json(part, [_of_whole(piece, whole[position]) for piece in excursions_of(inputs, part)])
            for position, part in enumerate(parts)
        ],
    }


def _of_whole(piece: Excursion, whole: Sequence[Excursion]) -> Excursion:
    """A piece with the name and the severity of the excursion that it was cut from; its figures are its own."""
    begun = [one for one in whole if one.direction == piece.direction and one.onset_ms <= piece.onset_ms]
    if not begun:
        return piece
    one = begun[-1]  # the newest that had begun: an earlier one may have no end that anybody saw
    return replace(
        piece, id=one.id, severity=one.severity, basis=one.basis, late=one.late, custodian=one.custodian,
        leg=one.leg, monitoring_ended=one.monitoring_ended and piece.monitoring_ended,
    )  # fmt: skip


def cut(said: ChannelFindings, start_ms: int, end_ms: int) -> ChannelFindings:
    """What is said of a channel, with the figures of one stretch of its time only."""
    profile, label = said.profile, said.profile.label
    trace, humidity = (narrowed(item, start_ms, end_ms) for item in (said.trace, said.humidity))
    above = [] if label.high_mc is None else outside(trace, label.high_mc, high=True)
    below = [] if label.low_mc is None else outside(trace, label.low_mc, high=False)
    temperature = figures.time_in_range(trace, above, below)
    mkt = figures.mkt_figures(profile, trace, above, None)
    budget = figures.budget_use(profile, trace)
    return replace(
        said, trace=trace, humidity=humidity, above=above, below=below, temperature=temperature, mkt=mkt,
        budget=budget, suggestion=suggest(profile, temperature, above, below, mkt, budget), notes=(),
    )  # fmt: skip


def narrowed(trace: Trace, start_ms: int, end_ms: int) -> Trace:
    """A trace between two moments, with the values that the straight line gives it there."""
    first = int(np.searchsorted(trace.time_ms, start_ms, side="left"))
    last = int(np.searchsorted(trace.time_ms, end_ms, side="right"))
    times, values = trace.time_ms[first:last].tolist(), trace.value[first:last].tolist()
    kinds = trace.kind[first : max(last - 1, first)].tolist()
    edges = [(max(a, start_ms), min(b, end_ms)) for a, b in trace.edges if a < end_ms and b > start_ms]
    before, after = _between(trace, first, start_ms), _between(trace, last, end_ms)
    if before == GAP:
        edges.append((start_ms, min(int(trace.time_ms[first]), end_ms)))
    if after == GAP and not (first == last and before == GAP):
        edges.append((max(int(trace.time_ms[last - 1]), start_ms), end_ms))
    if before == KNOWN:
        kinds = [KNOWN, *kinds] if times else kinds
        times, values = [start_ms, *times], [_value(trace, first, start_ms), *values]
    if after == KNOWN:
        kinds = [*kinds, KNOWN] if times else kinds
        times, values = [*times, end_ms], [*values, _value(trace, last, end_ms)]
    held: Kinds = np.array(kinds, dtype=np.int8)
    return Trace(
        np.array(times, dtype=np.int64), np.array(values, dtype=np.int64), held, tuple(sorted(edges)),
        clock_ms=end_ms, running=False, ends_ms=end_ms, over=True,
    )  # fmt: skip


def _between(trace: Trace, place: int, moment_ms: int) -> int | None:
    """What lies around a moment that is no sample's: the kind of the pair that it cuts, None where it cuts none."""
    if place in (0, len(trace)) or int(trace.time_ms[place - 1]) == moment_ms or int(trace.time_ms[place]) == moment_ms:
        return None
    return int(trace.kind[place - 1])


def _value(trace: Trace, place: int, moment_ms: int) -> int:
    """The value at a moment on the straight line that ends at the sample `place`."""
    (a, b), (low, high) = trace.time_ms[place - 1 : place + 1].tolist(), trace.value[place - 1 : place + 1].tolist()
    value: int = round(low + Fraction((high - low) * (moment_ms - a), b - a))
    return value
