"""One alarm's messages and silences: who was told by which channel with what result, and why, or why not."""

from collections.abc import Iterable, Sequence
from typing import Any

from dash import html

from coldchain.domain.quantity import ms_from_iso
from coldchain.domain.track import ABSENT, Track
from dashboard.parts import text
from dashboard.parts.alarm_words import REASONS
from dashboard.parts.elements import Column, link, moment, table, tag
from dashboard.parts.shipment_blocks import STATE_WORDS, channel_word
from dashboard.parts.states import empty
from dashboard.parts.subjects import logger_href

Json = dict[str, Any]
_KINDS = {"endpoint": "program", "party": "party"}
_SHOWN = 3  # attempts of a message; those before are counted
_AROUND = 12  # readings before and after a moment that are listed one by one
_MOST = 40  # silences that are listed


def told_table(shown: Json, name: str) -> Any:
    """Every message: to whom, by which channel, why, when, and what came of each attempt."""
    if not shown["notifications"]:
        return empty("No message was written", html.Span("The card above says why."))
    together: dict[str, int] = {}
    for one in shown["notifications"]:
        if one.get("carried_by"):
            together[one["carried_by"]] = together.get(one["carried_by"], 1) + 1
    rows = [
        (_whom(one), channel_word(one["channel"]), _because(one), moment(one["created"], "second"),
         _result(one, together), _attempts(one))
        for one in reversed(shown["notifications"])
    ]  # fmt: skip
    columns = [Column(words) for words in ("To", "By", "Because", "Written", "Result", "Attempts")]
    return table(columns, rows, f"Messages about {name}")


def _whom(one: Json) -> Any:
    whom = one.get("recipient", "a person on call")
    kind = _KINDS.get(one.get("recipient_kind", ""))
    return html.Span([whom, " ", tag(kind)]) if kind else whom


def _because(one: Json) -> Any:
    words = REASONS.get(one["reason"], one["reason"].replace("_", " ")).replace("you had", "they had")
    return f"{words} (step {one['step'] + 1})" if one.get("step") else words


def _result(one: Json, together: dict[str, int]) -> Any:
    parts: list[Any] = [tag(str(STATE_WORDS.get(one["state"], one["state"])))]
    when = one.get("delivered") or one.get("accepted")
    if when:
        parts += [" ", moment(when, "second")]
    elif one.get("next_due"):
        parts += [" next try ", moment(one["next_due"], "second")]
    if one.get("possible_repeat"):
        parts += [" ", tag("possibly twice")]
    if one.get("carried_by"):
        parts += [" ", tag("in one message with others")]
    elif one["id"] in together:
        parts += [" ", tag("tells of others as well")]
    if one.get("then"):
        parts += [f" if it fails: {', then '.join(channel_word(c) for c in one['then'])}"]
    return parts


def _attempts(one: Json) -> Any:
    if not one["attempts"]:
        return html.Span("none yet", className="dim")
    lines = [
        html.Span([moment(tried["started"], "second"), " ", tried.get("detail") or tried.get("code") or
                   STATE_WORDS.get(tried.get("outcome", ""), "under way")])
        for tried in one["attempts"][-_SHOWN:]
    ]  # fmt: skip
    before = len(one["attempts"]) - len(lines)
    earlier = [html.Span(f"and {before} before", className="dim")] if before else []
    return html.Div([*earlier, *lines], className="lines small")


def why_mine(found: Json, reader: str) -> list[Any]:
    """Why the reader got this: the newest message, and how it came to them."""
    mine = [one for one in found["messages"] if one["recipient"] == reader]
    if not mine:
        return []
    newest, policy = mine[-1], found["policy"]
    channels = sorted({channel_word(one["channel"]) for one in mine if one["occasion"] == newest["occasion"]})
    words: list[Any] = [f"You got this by {' and '.join(channels)} ", moment(newest["at"]),
                        f" because {_second(newest['why']['words'])}."]  # fmt: skip
    if policy is not None:
        words += [" It climbs by the policy ", link(policy["id"], f"/policies/{policy['id']}"),
                  f", version {policy['version']}"]  # fmt: skip
        words.append("." if newest.get("step") is None else f", step {newest['step'] + 1}.")
    return words


def why_not(found: Json, reader: str) -> str:
    """Why the reader got nothing, in their words."""
    own_lines = [one for one in found["silences"] if one["who"] == reader]
    if own_lines:
        return _second(own_lines[-1]["why"]["words"])
    return "you were not on call then, the policy named others, or you have no address for it"


def own(found: Json, reader: str) -> Json:
    """What concerns the reader alone: who else is told, and by which rules, is not everybody's business."""
    messages = [one for one in found["messages"] if one["recipient"] == reader]
    return {**found, "policy": None, "messages": messages,
            "silences": [one for one in found["silences"] if one["who"] in (reader, "everybody")]}  # fmt: skip


def _second(words: str) -> str:
    """What is said of somebody, said to them."""
    for third, second in (("was ", "you were "), ("is ", "you are "), ("has ", "you have ")):
        if words.startswith(third):
            return second + words[len(third) :]
    return words


def silences(found: Json) -> Any:
    """Who was not told, when and why; the same said again is one line."""
    lines: dict[tuple[str, str], list[str]] = {}
    for one in found["silences"]:
        who = "everybody" if one["who"] == "everybody" else one["name"] or one["who"]
        lines.setdefault((who, one["why"]["words"]), []).append(one["at"])
    if not lines:
        return None
    items = [
        html.Li([f"{who[0].upper()}{who[1:]}: {why}, ", moment(times[-1]),
                 html.Span(f" ({len(times)} times)", className="dim") if len(times) > 1 else ""])
        for (who, why), times in list(lines.items())[-_MOST:]
    ]  # fmt: skip
    summary = html.Summary("Who was not told, and why")
    return html.Details([summary, html.Ul(items, className="plain-list body")], className="more")


def readings(tracks: Sequence[Track], shown: Json) -> Any:
    """Reading by reading around the onset and the end, with a way to all of them."""
    around = [ms_from_iso(shown[name]) for name in ("onset", "end") if name in shown]
    limit = shown.get("limit_c")
    rows = [row for track in tracks for row in _near(track, around, limit, shown["cause"])]
    if not rows:
        return None
    columns = [Column("Measured"), Column("Temperature", numeric=True), Column("Outside"), Column("Heard")]
    logger = shown.get("logger")
    more = html.P(link("All readings of this logger", logger_href(str(logger))), className="body") if logger else None
    words = html.Summary("Reading by reading, around the onset and the end")
    return html.Details([words, table(columns, rows, "Readings around onset and end"), more], className="more")


def _near(track: Track, around: Iterable[int], limit: float | None, cause: str) -> list[tuple[Any, ...]]:
    places: set[int] = set()
    for at in around:
        middle = int(track.time_ms.searchsorted(at))
        places |= set(range(max(0, middle - _AROUND), min(len(track), middle + _AROUND)))
    return [_reading(track, place, limit, cause) for place in sorted(places)]


def _reading(track: Track, place: int, limit: float | None, cause: str) -> tuple[Any, ...]:
    value = int(track.temperature_mc[place])
    celsius = None if value == ABSENT else value / 1000
    outside = celsius is not None and limit is not None and (
        celsius > limit if cause == "high" else celsius < limit if cause == "low" else False
    )  # fmt: skip
    mark = html.Span("outside", className="status", **{"data-status": "excursion"}) if outside else ""
    return (moment(int(track.time_ms[place]), "second"), text.celsius(celsius, limit), mark,
            moment(int(track.record_time_ms[place]), "second"))  # fmt: skip
