"""If this alarm rose now, who would hear of it when? As a line of time with names."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from dash import html

from dashboard.parts import text
from dashboard.parts.alarm_amounts import cause_words
from dashboard.parts.elements import moment, severity, tag
from dashboard.parts.rule_words import Called, channel_words, target_words
from dashboard.parts.states import empty

Json = dict[str, Any]
_OPEN = 2  # rounds of repeats that are not folded away
DUTY = {"turn": "by turn", "holiday": "for the holiday", "override": "standing in", "swap": "by a swap"}
SILENT = {
    "out_of_hours": "outside the layer's hours", "not_begun": "the layer begins later", "gone": "the access has ended",
    "no_rota": "there is no such rota", "no_layer": "there is no such layer", "recorded": "it is only recorded",
}  # fmt: skip


def shown(found: Json, known: Called) -> list[Any]:
    """The whole answer: what decided, the line of time, who does not hear, what is wrong with the rules."""
    return [
        html.P(_decided(found), className="body"),
        timeline(found["messages"], known),
        _silences(found["silences"]),
        problems(found["problems"]),
    ]


def _decided(found: Json) -> list[Any]:
    alarm, route, policy = found["alarm"], found["route"], found["policy"]
    which = "No route matches" if route["number"] is None else f"Route {route['number'] + 1} matches"
    goes = f"policy “{policy['name']}”, version {policy['version']}" if policy else "everybody on call"
    return [
        severity(alarm["severity"]), f" {cause_words({'cause': alarm['cause']})}, ", moment(found["at"]),
        f". {which}: it goes by {goes}. Nobody answers.",
    ]  # fmt: skip


def timeline(messages: Iterable[Json], known: Called) -> Any:
    """Who hears, moment by moment; one line per person and moment."""
    lines: dict[tuple[int, str], list[Json]] = {}
    for one in messages:
        if one["only_if"] is None:
            lines.setdefault((one["after_s"], one["recipient"]), []).append(one)
    later = [one for one in messages if one["only_if"] is not None]
    if not lines:
        return empty("Nobody would hear of it")
    alike: dict[_Said, list[str]] = {}
    for (after, who), group in lines.items():
        said = _said(after, group, _taking_over(later, who, group[0]), known)
        alike.setdefault(said, []).append(str(group[0]["name"]))
    items = [(said.round, _line(said, names)) for said, names in alike.items()]
    first = html.Ol([item for round_, item in items if round_ < _OPEN], className="climb")
    rest = [item for round_, item in items if round_ >= _OPEN]
    if not rest:
        return first
    words = f"And {text.count(len(rest), 'repeat')} more within the hour, until somebody answers"
    return html.Div([first, html.Details([html.Summary(words), html.Ol(rest, className="climb")], className="more")])


def _taking_over(later: Iterable[Json], who: str, first: Json) -> list[Json]:
    """The channels that come next for the same person in the same round of the same step."""
    of = (who, first["step"], first["round"])
    return [one for one in later if (one["recipient"], one["step"], one["round"]) == of]


class _Said(NamedTuple):
    """What is said of a recipient at a moment; those of whom the same is said share a line."""

    after: int
    round: int
    by: str
    why: str
    informed: bool
    unproved: str


def _said(after: int, group: list[Json], later: list[Json], known: Called) -> _Said:
    first = group[0]
    by = " and ".join(channel_words(one["channel"]) for one in group)
    if later:
        by += ", if that fails " + ", then ".join(channel_words(one["channel"]) for one in later)
    why = target_words(first["target"], known)
    if first["duty"]:
        why += f" {DUTY.get(first['duty'], first['duty'])}"
    unproved = sorted({one["channel"] for one in (*group, *later) if not one["verified"]})
    words = " and ".join(channel_words(one) for one in unproved)
    return _Said(after, first["round"], by, why, first["step"] is None, words)


def _line(said: _Said, names: list[str]) -> html.Li:
    marks: list[Any] = [tag("informed only")] if said.informed else []
    if said.round:
        marks.append(tag(f"repeat {said.round}"))
    if said.unproved:
        marks.append(html.Span(f"{said.unproved} not verified", className="status", **{"data-status": "at_risk"}))
    when = "at once" if not said.after else f"after {text.duration(said.after)}"
    who = html.Strong(", ".join(names))
    return html.Li([html.Span(when, className="when num"),
                    html.Div([html.Div([who, f" by {said.by} ", *_spaced(marks)]),
                              html.Span(said.why, className="dim small")])])  # fmt: skip


def _spaced(marks: list[Any]) -> list[Any]:
    return [part for mark in marks for part in (mark, " ")]


def _silences(found: Iterable[Json]) -> Any:
    lines: dict[tuple[str, str], int] = {}
    for one in found:
        lines.setdefault((one["who"], one["why"]), one["after_s"])
    if not lines:
        return None
    items = [html.Li(f"{who}: {SILENT.get(why, why.replace('_', ' '))} ({'at once' if not s else text.duration(s)})")
             for (who, why), s in lines.items()]  # fmt: skip
    return html.Div([html.H3("Who does not hear"), html.Ul(items, className="plain-list")], className="body")


def problems(found: Iterable[str]) -> Any:
    """What is wrong with the rules, before an alarm finds out."""
    items = [html.Li(one) for one in found]
    if not items:
        return None
    title = html.Strong(text.count(len(items), "thing") + " to put right before an alarm finds out")
    return html.Div([title, html.Ul(items, className="plain-list")], className="banner in-card")
