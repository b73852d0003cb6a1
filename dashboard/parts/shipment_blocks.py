"""The blocks of a shipment's page: figures with their method, loggers with their calibration, the timeline."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from dash import html

from coldchain.registry.batches import BatchKey
from coldchain.registry.loggers import Calibration
from dashboard.parts import service_blocks, text
from dashboard.parts.alarm_amounts import cause_words
from dashboard.parts.derivation import number
from dashboard.parts.dossier import Dossier, JsonObject
from dashboard.parts.elements import Column, Figure, facts, figures, link, moment, status, table, tag
from dashboard.parts.profile_blocks import judged_by
from dashboard.parts.states import empty

EVENT_WORDS = {
    "raised": "Alarm raised", "worsened": "Alarm worsened", "told": "Told", "acknowledged": "Acknowledged",
    "commented": "Comment", "shelved": "Set aside", "unshelved": "Watched again", "returned": "Back in range",
    "reset": "Reset", "amended": "Amended by later data", "delivered": "Message delivered",
    "failed": "Message failed", "escalated": "Passed on", "repeat": "Told again", "not_told": "Not told again",
    "assigned": "Handed over", "shelf_asked": "Asked to be set aside", "delivery_failed": "Message failed for good",
    "fail_over": "Next channel tried", "step_refused": "Refused by all who were asked, passed on at once",
    "ack_timeout": "Told again, still active", "shelf_ended": "Told, its time aside was over",
    "out_of_service": "Taken out of service", "by_design": "Spoken for by the gateway's alarm",
}  # fmt: skip
OPEN_LINES = 16  # of a timeline; the rest is folded
THIN_PCT = 95  # below this coverage a figure says little
STATE_WORDS = {
    "queued": "waiting", "sending": "on its way", "accepted": "accepted by the provider", "delivered": "delivered",
    "failed_temporary": "failed, will be tried again", "failed_permanent": "failed", "unknown": "outcome unknown",
}  # fmt: skip
MILESTONES = {"departure": "Departure", "leg": "Leg", "stop": "Stop", "handover": "Hand-over", "arrival": "Arrival"}
MODES = {"road": "by road", "air": "by air", "sea": "by sea"}


def summary(dossier: Dossier) -> html.Div:
    """Who, what and where, in pairs."""
    shown = dossier.shown
    batches = [part for one in shown["batches"] for part in (", ", _batch(one, shown["customer"]))][1:]
    low, high = (None if v is None else v / 1000 for v in (dossier.label.low_mc, dossier.label.high_mc))
    return html.Div(
        facts(
            [
                ("Product profile", judged_by(shown, dossier.profile_state)),
                ("Label range", text.label_range(low, high)),
                ("Batches", batches or ""),
                ("Customer", shown["customer"]),
                ("Consignor", shown["consignor"]),
                ("Consignee", shown["consignee"]),
                ("Carrier", shown["carrier"]),
                ("Departed", moment(shown["departed"]) if shown["departed"] else ""),
                ("Planned arrival", moment(shown["planned_arrival"]) if shown["planned_arrival"] else ""),
                ("Arrived", moment(shown["arrived"]) if shown["arrived"] else ""),
                ("Legal hold", "yes" if shown["legal_hold"] else ""),
            ]
        ),
        className="body",
    )


def _batch(one: JsonObject, customer: str | None) -> html.A:
    return link(one["batch"], f"/batches/{BatchKey.of(one['batch'], one['gtin'], customer).id}")


def figure_block(dossier: Dossier) -> Any:
    """The figures of the compliance document, in their printed form."""
    if dossier.document is None:
        return empty("Not judged yet", html.Span("Figures appear with the first reading of a bound logger."))
    meter = _meter(dossier.document["temperature"], derives(dossier))
    return html.Div([figures(document_figures(dossier)), meter])


def derives(dossier: Dossier) -> Callable[[Any, str], Any]:
    """Numbers of the governing channel that lead to their derivation; as they are while none is judged."""
    document = dossier.document or {}
    if document.get("governing_logger") is None:
        return lambda shown, _figure: shown
    noun = "store" if dossier.shown.get("reference") is None else "shipment"
    of = {noun: dossier.shown["id"], "logger": document["governing_logger"], "channel": document["governing_channel"]}
    return lambda shown, figure: number(shown, figure, **of)


def document_figures(dossier: Dossier) -> list[Figure]:
    """MKT with its method, time in range, coverage, gaps, lowest, highest, mean."""
    document = dossier.document or {}
    seen, mkt = document["temperature"], document["mkt"]
    low, high = (None if v is None else v / 1000 for v in (dossier.label.low_mc, dossier.label.high_mc))
    out_s = seen["time_above_s"] + seen["time_below_s"]
    judged_s = seen["time_in_range_s"] + out_s
    share = text.percent_floored(seen["time_in_range_s"], judged_s) if judged_s else text.ABSENT
    coverage = document["coverage_pct"]
    gaps, derived = document["gaps"], derives(dossier)
    return [
        *(
            Figure(name, derived(text.within(seen[key], low, high), f"temperature.{key}"), _side(seen[key], low, high),
                   _tone(seen[key], low, high))
            for name, key in (("Highest", "max_c"), ("Lowest", "min_c"))
        ),
        Figure("Mean", derived(text.fixed(seen["mean_c"], 2, "°C"), "temperature.mean_c"), "over time, trapezoid"),
        Figure("MKT", derived(text.fixed(mkt["value_c"], 2, "°C"), "mkt.value_c"), mkt_words(mkt, derived)),
        Figure("Time in range", derived(share, "temperature.in_range_pct"),
               [derived(text.duration(seen["time_in_range_s"]), "temperature.time_in_range_s"), " of ",
                derived(text.duration(judged_s), "temperature.time_judged_s"), " judged"]),
        Figure("Time outside", derived(text.duration(out_s), "temperature.time_outside_s"),
               ["above ", derived(text.duration(seen["time_above_s"]), "temperature.time_above_s"), ", below ",
                derived(text.duration(seen["time_below_s"]), "temperature.time_below_s")],
               "excursion" if out_s else "calm"),
        Figure("Coverage", derived(text.ABSENT if coverage is None else text.percent_floored(coverage, 100),
                                   "coverage_pct"),
               [derived(text.duration(seen["time_unknown_s"]), "temperature.time_unknown_s"), " unknown"],
               "at_risk" if coverage is not None and coverage < THIN_PCT else "calm"),
        Figure("Gaps", derived(f"{len(gaps):,}", "gaps.count"),
               ["longer than ", derived(f"2 × {text.duration(document['interval_s'])}", "interval_s")]
               if document["interval_s"] else ""),
    ]  # fmt: skip


def mkt_words(mkt: JsonObject, derived: Callable[[str, str], Any]) -> Any:
    """How the mean kinetic temperature was made, or why there is none; bounds where gaps leave it open."""
    if mkt["value_c"] is None:
        return str(mkt["reason"] or "not applicable")
    energy = derived(f"{text.fixed(mkt['delta_h_kj_mol'], 3)} kJ/mol", "mkt.delta_h_kj_mol")
    words: list[Any] = [f"{mkt['method_id']}, ΔH ", energy]
    lower, upper = mkt.get("lower_c"), mkt.get("upper_c")
    if lower is not None and upper is not None and text.fixed(lower) != text.fixed(upper):
        words += ["; with gaps ", derived(text.fixed(lower), "mkt.lower_c"), " … ",
                  derived(text.fixed(upper, 2, "°C"), "mkt.upper_c")]  # fmt: skip
    return words


def _tone(value: float | None, low: float | None, high: float | None) -> str:
    outside = value is not None and ((high is not None and value > high) or (low is not None and value < low))
    return "excursion" if outside else "calm"


def _side(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "no reading"
    if high is not None and value > high:
        return f"above {text.limit(high)}"
    if low is not None and value < low:
        return f"below {text.limit(low)}"
    return "in range"


def _meter(seen: JsonObject, derived: Callable[[Any, str], Any]) -> html.Div:
    """Where the time went, as one bar and as words."""
    parts = (
        ("in range", seen["time_in_range_s"], "--in-range-fill", "temperature.time_in_range_s"),
        ("outside", seen["time_above_s"] + seen["time_below_s"], "--excursion-fill", "temperature.time_outside_s"),
        ("unknown", seen["time_unknown_s"], "--unknown-fill", "temperature.time_unknown_s"),
    )
    total = sum(seconds for _, seconds, _, _ in parts)
    if not total:
        return html.Div()
    words: list[Any] = []
    for name, seconds, _, figure in parts:
        words += [", ", f"{name} ", derived(text.duration(seconds), figure)] if seconds else []
    bars = [
        html.I(style={"width": f"{max(100 * seconds / total, 0.8):.2f}%", "background": f"var({colour})"})
        for _, seconds, colour, _ in parts
        if seconds
    ]
    return html.Div([html.Div(bars, className="meter"), html.P(words[1:], className="small dim")], className="body")


def logger_table(dossier: Dossier) -> Any:
    """The bound loggers, each with its part and its calibration."""
    rows = [
        (
            _logger(dossier, binding["logger"]),
            binding["role"] + (f" ({', '.join(binding['channels'])})" if binding["channels"] else ""),
            _newest(dossier.shown["last"], binding["logger"]),
            calibration_words(dossier.calibrations.get(binding["logger"]), dossier.now_ms),
            html.Div(
                [
                    html.Span(["from ", moment(binding["from"])]),
                    html.Span(["to ", moment(binding["to"])] if binding["to"] else "still bound"),
                ],
                className="lines",
            ),
        )
        for binding in dossier.shown["bindings"]
    ]
    if not rows:
        return empty("No logger bound", html.Span("Bind one by the API or the command line."))
    columns = [Column(name) for name in ("Logger", "Part", "Newest", "Calibration", "Bound")]
    return table(columns, rows, "Loggers of this shipment")


def _logger(dossier: Dossier, logger: str) -> html.Span:
    worked_on = [row for row in dossier.shown.get("worked_on", ()) if row.logger == logger]
    return html.Span([link(logger, f"/loggers/{logger}"), *service_blocks.badges(worked_on)])


def _newest(last: JsonObject, logger: str) -> Any:
    found = [values for name, values in last.items() if name.startswith(f"{logger}/") and "temperature_c" in values]
    if not found:
        return text.ABSENT
    newest = max(found, key=lambda values: values["event_time"])
    value = link(text.celsius(newest["temperature_c"]), f"/loggers/{logger}")  # where the readings are
    return html.Span([value, " ", moment(newest["event_time"], "ago")])


def calibration_words(calibration: Calibration | None, now_ms: int) -> Any:
    """The certificate and whether it still holds; missing and overdue are said in words."""
    if calibration is None:
        return html.Span("not calibrated", className="status", **{"data-status": "at_risk"})
    words = [tag(calibration.certificate), " due ", moment(calibration.due_ms, "date")]
    if calibration.due_ms <= now_ms:
        words.append(html.Span(" overdue", className="status", **{"data-status": "at_risk"}))
    return html.Span(words)


class Event(NamedTuple):
    """One line of the timeline."""

    at: str
    words: Any
    tone: str = "plain"


def timeline(dossier: Dossier) -> Any:
    """What happened, newest first: milestones, excursions, alarms, who was told, who answered."""
    events = sorted(timeline_events(dossier), key=lambda event: event.at, reverse=True)
    if not events:
        return empty("Nothing has happened yet")
    return timeline_list(events)


def timeline_list(events: Iterable[Event]) -> Any:
    """Events as a list with a line down its side; the oldest of many are folded away."""
    lines = folded(events)
    shown = [html.Ol([_line(*line) for line in lines[:OPEN_LINES]], className="timeline")]
    rest = lines[OPEN_LINES:]
    if rest:
        older = html.Ol([_line(*line) for line in rest], className="timeline")
        shown.append(html.Details([html.Summary(text.count(len(rest), "earlier line")), older], className="more"))
    return html.Div(shown)


def folded(events: Iterable[Event]) -> list[tuple[Event, int]]:
    """Lines that say the same one after the other as one, with how often; the first of them gives the time."""
    lines: list[tuple[Event, int]] = []
    for event in events:
        if lines and isinstance(event.words, str) and lines[-1][0].words == event.words:
            lines[-1] = (lines[-1][0], lines[-1][1] + 1)
        else:
            lines.append((event, 1))
    return lines


def _line(event: Event, times: int) -> html.Li:
    glyphs = {"excursion": "■", "at_risk": "▲", "in_range": "●", "plain": "○"}
    words = event.words if times == 1 else [event.words, html.Span(f" ({times} times)", className="dim")]
    dot = html.Span(glyphs[event.tone], className="dot", **{"data-tone": event.tone, "aria-hidden": "true"})
    return html.Li([dot, html.Span(words), moment(event.at, "second")])


def timeline_events(dossier: Dossier) -> list[Event]:
    """The lines of the timeline, unsorted."""
    shown = dossier.shown
    told = {item["kind"] for item in shown["milestones"] if item["happened"]}
    events = [
        Event(shown[name], words, "in_range")
        for name, words, milestone in (
            ("departed", "Departed", "departure"), ("arrived", "Arrived", "arrival"), ("closed", "Closed", ""),
        )
        if shown[name] and milestone not in told
    ]  # fmt: skip
    events += [
        Event(item["happened"], _milestone(item), "in_range") for item in shown["milestones"] if item["happened"]
    ]
    for item in dossier.excursions:
        side = "above" if item["direction"] == "high" else "below"
        name = link(f"Excursion {side} {text.limit(item['limit_c'])}", f"/excursions/{item['id']}")
        events.append(Event(item["onset"], [name, " began" + (", found late" if item["late"] else "")], "excursion"))
        if item["end"]:
            peak = of_excursion(dossier, item)(text.celsius(item["peak_c"], item["limit_c"]), "peak_c")
            said = f"Back in range, {text.extreme(item['direction'])} "
            events.append(Event(item["end"], [said, html.B(peak)], "in_range"))
    for alarm in dossier.alarms:
        events += alarm_events(alarm)
    return events


def alarm_events(alarm: JsonObject) -> list[Event]:
    """What people did about one alarm, and what reached them; a round of messages is one line."""
    events = [
        Event(
            entry["at"], _alarm_words(entry, alarm), "at_risk" if entry["kind"] in ("raised", "worsened") else "plain"
        )
        for entry in alarm.get("timeline", [])
    ]
    rounds: dict[tuple[int, str, str], list[JsonObject]] = {}
    for message in alarm.get("notifications", []):
        rounds.setdefault((message["occasion"], message["channel"], message["state"]), []).append(message)
    for (_, channel, state), messages in rounds.items():
        reached = max(m.get("delivered") or m.get("accepted") or m["created"] for m in messages)
        whom = ", ".join(sorted({m.get("recipient", "a person on call") for m in messages}))
        tone = "at_risk" if state.startswith("failed") else "plain"
        events.append(Event(reached, f"{channel_word(channel)} to {whom}: {STATE_WORDS.get(state, state)}", tone))
    return events


def channel_word(channel: str) -> str:
    """A channel as a noun."""
    return {"email": "Mail", "sms": "SMS", "webhook": "Webhook", "apprise": "apprise"}.get(channel, channel)


def _alarm_words(entry: JsonObject, alarm: JsonObject) -> Any:
    body = entry.get("body", {})
    words = EVENT_WORDS.get(entry["kind"], entry["kind"].replace("_", " ").capitalize())
    if entry["kind"] == "returned" and body.get("monitoring_ended"):
        words = "Monitoring ended; nobody saw the return"
    if entry["kind"] == "raised":
        words = f"{alarm['severity'].capitalize()} alarm raised: {cause_words(alarm)}"
    if entry.get("who"):
        words += f" by {entry['who']}"
    return [words, html.Span(f" “{body['comment']}”", className="dim")] if body.get("comment") else words


def _milestone(item: JsonObject) -> str:
    # The name comes from the carrier and is often a sentence of its own.
    words = f"{MILESTONES.get(item['kind'], item['kind'].capitalize())}: {item['name']}"
    words += f", to {item['custodian']}" if item["custodian"] and item["kind"] == "handover" else ""
    return words + (f", {MODES[item['mode']]}" if item["mode"] in MODES else "")


def of_excursion(dossier: Dossier, item: JsonObject) -> Callable[[Any, str], Any]:
    """Numbers of one of the document's excursions that lead to their derivation."""
    noun = "store" if dossier.shown.get("reference") is None else "shipment"
    of = {noun: dossier.shown["id"], "logger": item["logger"], "channel": item["channel"]}
    return lambda shown, figure: number(shown, f"excursions.{item['id']}.{figure}", **of)


def chart_words(dossier: Dossier) -> list[Any]:
    """The chart in a sentence, for who does not see it; its figures are the stored ones, each with its derivation."""
    found = dossier.excursions
    if not found:
        return ["No excursion is on record." if dossier.document else "Nothing was judged yet."]
    worst = max(found, key=lambda item: abs(item["peak_c"] - item["limit_c"]))
    side = "above" if worst["direction"] == "high" else "below"
    derived, named = of_excursion(dossier, worst), dossier.shown.get("reference") or dossier.shown.get("name")
    return [
        link(text.count(len(found), "excursion"), f"/excursions?{urlencode({'text': named or ''})}"),
        " on record; the worst went ", link(f"{side} {text.limit(worst['limit_c'])}", f"/excursions/{worst['id']}"),
        " for ", derived(text.duration(worst["duration_s"]), "duration_s"), f", {text.extreme(worst['direction'])} ",
        derived(text.celsius(worst["peak_c"], worst["limit_c"]), "peak_c"), " at ", moment(worst["peak_at"]), ".",
    ]  # fmt: skip


def headline(dossier: Dossier) -> list[Any]:
    """Status, state and lane in a line."""
    shown = dossier.shown
    words = [status(shown["status"]), " · ", shown["state"].replace("_", " ")]
    return [*words, " · ", shown["lane"]] if shown["lane"] else words
