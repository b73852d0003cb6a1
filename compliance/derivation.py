"""How a figure of the compliance document was computed: inputs, formula with the numbers put in, steps, rounding.

Each figure is computed once more, from the judged samples and the profile, so that the steps that are shown give the
figure that is printed; `agrees` says whether they do. Names are the document's: "temperature.mean_c",
"excursions.0.duration_s" (by place or id), "mkt.windows.0.worst.value_c", "stability_budget.bands.1.used_s".
"""

from collections.abc import Callable
from decimal import localcontext
from typing import Any

import numpy as np

from coldchain.domain.quantity import iso
from coldchain.domain.shipment import Role
from coldchain.domain.track import ABSENT
from coldchain.errors import NotFound
from compliance import derivation_counts as counts
from compliance import derivation_kinetic as kinetic
from compliance import derivation_stated as stated_numbers
from compliance import derivation_times as times
from compliance.channel import ChannelFindings, judge
from compliance.derivation_budget import budget, share_used
from compliance.derivation_excursion import excursion
from compliance.derived import SCHEMA, Derived, Json, printed
from compliance.document import METHODS, program_version
from compliance.inputs import Inputs, Span
from compliance.windows_of import cut

_TIMES: dict[str, Callable[[ChannelFindings], Derived]] = {
    "interval_s": stated_numbers.interval,
    "coverage_pct": times.coverage,
    "temperature.min_c": lambda said: times.extreme(said.trace, "min_c", "Lowest", "°C"),
    "temperature.max_c": lambda said: times.extreme(said.trace, "max_c", "Highest", "°C"),
    "temperature.mean_c": lambda said: times.mean(said.trace, "Mean", "°C"),
    "temperature.time_in_range_s": lambda said: times.in_range(said, upper=False),
    "temperature.time_in_range_upper_s": lambda said: times.in_range(said, upper=True),
    "temperature.time_above_s": lambda said: times.one_side(said, "above", upper=False),
    "temperature.time_above_upper_s": lambda said: times.one_side(said, "above", upper=True),
    "temperature.time_below_s": lambda said: times.one_side(said, "below", upper=False),
    "temperature.time_below_upper_s": lambda said: times.one_side(said, "below", upper=True),
    "temperature.time_unknown_s": times.unknown,
    "humidity.min_pct": lambda said: times.extreme(said.humidity, "min_pct", "Lowest humidity", "% RH"),
    "humidity.max_pct": lambda said: times.extreme(said.humidity, "max_pct", "Highest humidity", "% RH"),
    "humidity.mean_pct": lambda said: times.mean(said.humidity, "Mean humidity", "% RH"),
}


def _ms(seconds: float) -> int:
    return round(1000 * seconds)


def _outside_ms(channel: Json) -> int:
    seen = channel["temperature"]
    return _ms(seen["time_above_s"]) + _ms(seen["time_below_s"])


def _judged_ms(channel: Json) -> int:
    return _ms(channel["temperature"]["time_in_range_s"]) + _outside_ms(channel)


def _share(channel: Json) -> float | None:
    known = _judged_ms(channel)
    return 100 * _ms(channel["temperature"]["time_in_range_s"]) / known if known else None


def _budget_share(channel: Json) -> float | None:
    bands = [one for one in channel["stability_budget"]["bands"] if one["allowed_s"]]
    return max((100 * _ms(one["used_s"]) / _ms(one["allowed_s"]) for one in bands), default=None)


# Not in the document, but shown beside it: what pages make of its times.
_SHOWN: dict[str, tuple[Callable[[ChannelFindings], Derived], Callable[[Json], float | None]]] = {
    "temperature.in_range_pct": (times.share_in_range, _share),
    "temperature.time_outside_s": (times.outside_range, lambda channel: _outside_ms(channel) / 1000),
    "temperature.time_judged_s": (times.judged, lambda channel: _judged_ms(channel) / 1000),
    "stability_budget.used_pct": (share_used, _budget_share),
    "gaps.count": (counts.gaps, lambda channel: len(channel["gaps"])),
    "excursions.count": (counts.excursions, lambda channel: len(channel["excursions"])),
}  # fmt: skip


def figures_of(channel: Json) -> list[str]:
    """The names of the figures in one channel of a document that can be derived: every number, and each moment."""
    shown = [name for name in _SHOWN if channel.get(name.partition(".")[0]) is not None]
    edges = [f"excursions.{place}.{name}" for place, item in enumerate(channel["excursions"])
             for name in ("onset", "onset_sample", "end") if name in item]  # fmt: skip
    return [*(name for name in numbers_of(channel) if name != "suggestion.tier"), *shown, *edges, "suggestion.tier"]


def numbers_of(part: Any, at: str = "") -> list[str]:
    """Where numbers stand in a document; a figure that is absent (MKT that does not apply) keeps its place."""
    if isinstance(part, dict):
        named = [(f"{at}.{name}" if at else name, value) for name, value in part.items()]
    elif isinstance(part, list):
        named = [(f"{at}.{place}", value) for place, value in enumerate(part)]
    else:
        is_number = isinstance(part, int | float) and not isinstance(part, bool)
        return [at] if is_number or (part is None and at.rpartition(".")[2].endswith(_UNITS)) else []
    return [name for where, value in named for name in numbers_of(value, where)]


_UNITS = ("_c", "_s", "_pct", "_c_min")


def value_at(channel: Json, figure: str) -> Any:
    """What the document says under a figure's name.

    Raises:
        NotFound: there is no such figure.
    """
    if figure in _SHOWN:
        return _SHOWN[figure][1](channel)
    return value_in(channel, figure)


def value_in(document: Json, figure: str) -> Any:
    """What stands in a document under a figure's name.

    Raises:
        NotFound: there is no such figure.
    """
    here: Any = document
    for step in figure.split("."):
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and (place := _place(here, step)) is not None:
            here = here[place]
        else:
            raise NotFound(f"the document has no figure {figure[:80]!r}")
    if isinstance(here, dict | list):
        raise NotFound(f"{figure[:80]!r} is no single figure: name one of {', '.join(list(here)[:8])}")
    return here


def _place(items: list[Any], step: str) -> int | None:
    """A place in a list by its number, or by the id of what stands there."""
    if step.isdecimal() and len(step) < 7:
        return int(step) if int(step) < len(items) else None
    ids = [item.get("id") if isinstance(item, dict) else None for item in items]
    return ids.index(step) if step in ids else None


def derive(inputs: Inputs, as_of_ms: int, channel: Json, figure: str, within: Span | None = None) -> Json:
    """How one figure of a channel of the document was computed from these inputs.

    `within` is the stretch that the document speaks of, where it is not the whole: a leg, a calendar window.

    Raises:
        NotFound: the document has no such figure, or the channel no longer stands for the subject.
    """
    stated = value_at(channel, figure)
    bound = next(
        (one for one in inputs.bounds
         if (one.logger, one.channel, one.role) == (channel["logger"], channel["channel"], Role.PRODUCT)), None,
    )  # fmt: skip
    if bound is None:
        raise NotFound(f"{channel['logger']}/{channel['channel']} does not stand for the subject any more")
    whole = said = judge(inputs, bound, as_of_ms)
    if within is not None:
        said = cut(whole, within.start_ms, as_of_ms if within.end_ms is None else within.end_ms)
    with localcontext() as context:
        context.prec = 50
        derived = _derived(said, channel, figure, whole)
        body = derived.json()
    return {
        "schema": SCHEMA, "figure": figure, "logger": bound.logger, "channel": bound.channel, **body,
        "stated": stated, "agrees": printed(stated) == printed(derived.result),
        "inputs": {**_inputs(said, as_of_ms), **({} if within is None else {"within": _span(within)})},
        "profile": {"id": said.profile.id, "version": said.profile.version},
        "engine": {"version": program_version(), "config_hash": said.profile.config_hash},
    }  # fmt: skip


def _derived(said: ChannelFindings, channel: Json, figure: str, whole: ChannelFindings) -> Derived:
    if figure in _TIMES:
        return _TIMES[figure](said)
    if figure in _SHOWN:
        return _SHOWN[figure][0](said)
    group, _, rest = figure.partition(".")
    found = stated_numbers.by_profile(said, channel, figure)
    if found is None and figure.endswith(".severity_basis.cumulative_s"):
        found = _cumulative(said, whole, channel["excursions"], rest)
    if found is None and group in _GROUPS:
        found = _GROUPS[group](said, channel, rest)
    if found is None:
        raise NotFound(f"{figure[:80]!r} is stated, not computed: there is nothing to derive")
    return found


def _kinetic(said: ChannelFindings, channel: Json, rest: str) -> Derived | None:
    if not rest.startswith("windows."):
        return kinetic.derive(said, rest)
    place, _, which = rest.removeprefix("windows.").partition(".")
    windows = said.mkt.windows
    at = _place(channel["mkt"]["windows"], place)
    if at is None or at >= len(windows):
        return None
    if which == "value_c":  # the chosen one
        which = "trailing.value_c"
    name, _, field = which.partition(".")
    return kinetic.window(said, windows[at], name) if field == "value_c" else None


def _excursion(said: ChannelFindings, stated: list[Json], rest: str) -> Derived | None:
    place, _, name = rest.partition(".")
    at, found = _place(stated, place), said.excursions()
    if at is None or at >= len(found):
        return None
    if name == "severity":
        return _severity(stated[at])
    direction, stretch = found[at]
    return excursion(said, direction, stretch, name)


def _cumulative(said: ChannelFindings, whole: ChannelFindings, stated: list[Json], rest: str) -> Derived | None:
    """Of a piece of an excursion too: the severity is that of the whole one, and so is what it rests on."""
    at, pieces = _place(stated, rest.partition(".")[0]), said.excursions()
    if at is None or at >= len(pieces):
        return None
    side, piece = pieces[at]
    same = [place for place, (direction, one) in enumerate(whole.excursions())
            if direction == side and one.onset_ms <= piece.onset_ms]  # fmt: skip
    return stated_numbers.cumulative(whole, same[-1]) if same else None


def _severity(stated: Json) -> Derived:
    """The worst of what the rules, the matrix and the freeze rule say; each has its own say in the document."""
    basis = {name: word for name, word in (stated.get("severity_basis") or {}).items() if isinstance(word, str)}
    names = {"rules": "the worst rule that fired", "matrix": "the severity matrix: peak and time outside",
             "freeze": "goods that must not freeze were frozen"}  # fmt: skip
    steps = tuple((names.get(name, name), word) for name, word in basis.items())
    method = METHODS.get("severity", METHODS["excursions"])
    return Derived("Severity", "", method, "the worst of rules, matrix and freezing; else info",
                   str(stated["severity"]), steps=steps)  # fmt: skip


def _suggestion(said: ChannelFindings) -> Derived:
    reasons = said.suggestion.reasons
    return Derived(
        "Suggested tier", "", METHODS["suggestion"], "the worst tier of all reasons", said.suggestion.tier,
        steps=tuple((f"reason {number}", reason) for number, reason in enumerate(reasons, 1)),
        more=("1: inside what the profile allows; 2: the time is not, or not known; 3: the temperature is not.",
              "A suggestion releases nothing: a person decides."),
    )  # fmt: skip


_GROUPS: dict[str, Callable[[ChannelFindings, Json, str], Derived | None]] = {
    "gaps": lambda said, _channel, rest: stated_numbers.gap(said, rest),
    "mkt": _kinetic,
    "excursions": lambda said, channel, rest: _excursion(said, channel["excursions"], rest),
    "stability_budget": lambda said, _channel, rest: budget(said, rest),
    "suggestion": lambda said, _channel, rest: _suggestion(said) if rest == "tier" else None,
}


def _span(span: Span) -> Json:
    return {"from": iso(span.start_ms), "to": None if span.end_ms is None else iso(span.end_ms)}


def _inputs(said: ChannelFindings, as_of_ms: int) -> Json:
    """Which readings the figures of this channel rest on."""
    trace, track = said.trace, said.bound.track
    used = np.isin(track.time_ms, trace.time_ms) & (track.temperature_mc != ABSENT)
    offsets = track.offset[used]
    gaps = trace.gaps()
    return {
        "readings": len(trace),
        "first": iso(int(trace.time_ms[0])) if len(trace) else None,
        "last": iso(int(trace.time_ms[-1])) if len(trace) else None,
        "offsets": {"first": int(offsets.min()), "last": int(offsets.max())} if len(offsets) else None,
        "interval_s": said.interval_ms / 1000,
        "interval_source": said.interval_source,
        "gaps": len(gaps),
        "gap_s": sum(end - start for start, end in gaps) / 1000,
        "judged": [_span(span) for span in said.bound.judged],
        "as_of": iso(as_of_ms),
    }
