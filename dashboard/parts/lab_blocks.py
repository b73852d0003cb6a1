"""What the rule lab's pages are made of: how far a run is, what it found of each shipment, whose alarms those are."""

from collections import Counter
from typing import Any, NamedTuple

from dash import html

from coldchain.domain.quantity import ms_from_iso
from coldchain.registry.lab_runs import Run
from dashboard.figures.series import Outside
from dashboard.parts import text
from dashboard.parts.elements import Column, Figure, card, figures, link, moment, severity, status, table
from dashboard.parts.states import empty

STATES = {
    "running": ("under way", "in_range"), "done": ("done", "in_range"), "cancelled": ("cancelled", "unknown"),
    "interrupted": ("interrupted: the server was restarted", "at_risk"), "failed": ("failed", "at_risk"),
}  # fmt: skip
_WHATS = {"fires": "more", "cleared": "fewer", "changed": "changed"}
_SHOWN = 300  # lines of the list
JsonObject = dict[str, Any]


class Shown(NamedTuple):
    """A run with what it said, as the page shows it."""

    run: Run
    lines: list[JsonObject]
    now_ms: int


def run_card(shown: Shown) -> html.Section:
    """How far a run is, and the way to end it."""
    run = shown.run
    words, tone = STATES[run.state]
    profile = f"{run.profile['id']}, version {run.profile['version']}"
    bar = html.Progress(value=str(run.done), max=str(run.total), className="file-progress",
                        **{"aria-label": "Shipments replayed"})  # fmt: skip
    parts: list[Any] = [
        html.P(
            [
                html.Span(words, className="status", **{"data-status": tone}), " ", html.Strong(profile),
                f" over {text.count(run.total, 'shipment')}, started ", moment(run.created_ms, "second"),
            ]
        ),
        bar,
        html.P(f"{run.done:,} of {run.total:,} replayed", role="status", className="small dim"),
    ]  # fmt: skip
    if run.failure:
        parts.append(html.P(run.failure, className="status refusal", role="alert", **{"data-status": "at_risk"}))
    cancel = html.Button("Cancel", id="lab-cancel", type="button", className="button", hidden=not run.running)
    return card("Run", html.Div(parts, className="body"), right=cancel)


def figures_card(summary: JsonObject) -> html.Section:
    """The whole run in figures."""
    changes, alarms = summary["changes"], summary["alarms"]
    otherwise = summary["not_as_recorded"]
    items = [
        Figure("Shipments that change", f"{summary['changed']:,}", f"of {summary['shipments']:,} replayed"),
        Figure("Alarms", f"{alarms['before']:,} → {alarms['after']:,}", _changed(changes["alarm"])),
        *(Figure(name, _changed(changes[kind]), "by the draft") for name, kind in
          (("Excursions", "excursion"), ("Rules met", "breach"))),
        Figure("Suggestions", f"{changes['suggestion']['changed']:,}", "other than now"),
        Figure("As recorded", f"{summary['shipments'] - otherwise:,} of {summary['shipments']:,}",
               "what judges now, recomputed, equals the record" if not otherwise else
               "the others changed since they were judged; look again when the engine has caught up",
               "at_risk" if otherwise else "calm"),
    ]  # fmt: skip
    return card("What changes", figures(items))


def _changed(counts: JsonObject) -> str:
    said = [f"{counts[what]:,} {word}" for what, word in _WHATS.items() if counts[what]]
    return ", ".join(said) or "no change"


def shipments_card(shown: Shown) -> html.Section:
    """What the run said of each shipment, the changed ones first; each leads to both judgements."""
    if not shown.lines:
        return card("Shipment by shipment", empty("No shipment replayed yet", checked_ms=shown.now_ms))
    columns = (
        Column("Shipment"), Column("Changes"), Column("Excursions", numeric=True), Column("Alarms", numeric=True),
        Column("Status"), Column("Suggestion"), Column("Lane"),
    )  # fmt: skip
    rows = [_row(shown.run.id, line) for line in shown.lines[:_SHOWN]]
    more = f"the first {_SHOWN} of {shown.run.done:,}" if shown.run.done > _SHOWN else None
    right = html.Span(more, className="dim small") if more else None
    return card("Shipment by shipment", table(columns, rows, "Shipments replayed"), right=right)


def _row(run: str, line: JsonObject) -> tuple[Any, ...]:
    was, comes = line["before"], line["after"]
    changes: Any = "; ".join(change_words(line["changes"])) or html.Span("none", className="dim")
    if not line["same_as_recorded"]:
        changes = [changes, html.Span(" not as recorded", className="status", **{"data-status": "at_risk"})]
    return (
        link(line["reference"], f"/rule-lab/{run}/{line['shipment']}"),
        changes,
        arrow(was["excursions"], comes["excursions"]),
        arrow(was["alarms"], comes["alarms"]),
        status(comes["status"]) if was["status"] == comes["status"] else
        html.Span([status(was["status"]), " → ", status(comes["status"])]),
        arrow(tier_words(was["suggestion_tier"]), tier_words(comes["suggestion_tier"])),
        line["lane"] or html.Span("–", className="dim"),
    )  # fmt: skip


def tier_words(tier: int) -> str:
    """A suggestion's tier, 1 … 3; the reasons stand in the detail."""
    return f"tier {tier}"


def arrow(was: Any, comes: Any) -> Any:
    """Both values where they differ, one where they do not."""
    return html.Span(f"{was}", className="dim") if was == comes else html.Strong(f"{was} → {comes}")


def change_words(changes: list[JsonObject]) -> list[str]:
    """The changes of one shipment in a few words each, equal ones counted."""
    names = {"excursion": "excursion", "breach": "rule", "alarm": "alarm"}
    counted = Counter(
        (names[one["kind"]], one.get("rule") or one.get("cause") or one.get("direction") or "", one["change"])
        for one in changes
        if one["kind"] in names
    )
    return [
        f"{kind} {what} {change}" + (f" ×{number}" if number > 1 else "")
        for (kind, what, change), number in counted.items()
    ]


def load_card(summary: JsonObject, now_ms: int) -> html.Section:
    """The alarms that each person on call would have been told of, week by week."""
    load = summary["alarm_load"]
    basis = html.P(summary["alarm_load_basis"], className="note")
    if not load:
        words = "No announced alarm, or nobody is on call"
        return card("Alarm load per person and week", empty(words, checked_ms=now_ms), basis)
    columns = (
        Column("Person"),
        Column("Week from"),
        Column("Now", numeric=True),
        Column("With the draft", numeric=True),
    )
    rows = [
        (one["name"], one["week"], str(one["before"]),
         arrow(one["before"], one["after"]) if one["before"] == one["after"] else html.Strong(str(one["after"])))
        for one in load
    ]  # fmt: skip
    return card("Alarm load per person and week", table(columns, rows, "Alarm load"), basis)


def outside_of(side: JsonObject) -> tuple[Outside, ...]:
    """The excursions of one judgement, as a chart marks them."""
    return tuple(
        Outside(
            one["logger"], one["channel"], one["direction"], ms_from_iso(one["onset"]),
            None if one["end"] is None else ms_from_iso(one["end"]), ms_from_iso(one["peak_at"]),
            round(one["peak_c"] * 1000), round(one["limit_c"] * 1000),
        )
        for one in side["excursions"]
    )  # fmt: skip


def changes_table(changes: list[JsonObject], now_ms: int) -> Any:
    """Every change of one shipment: what it was, and what it would be."""
    if not changes:
        return empty("The draft says the same of this shipment", checked_ms=now_ms)
    columns = (Column("What"), Column("Change"), Column("Now"), Column("With the draft"))
    rows = [
        (one["kind"], one["change"], _told(one["kind"], one["before"]), _told(one["kind"], one["after"]))
        for one in changes
    ]
    return table(columns, rows, "Changes")


def _told(kind: str, said: JsonObject | None) -> Any:
    if said is None:
        return html.Span("–", className="dim")
    if kind == "suggestion":
        return [tier_words(said["tier"]), html.Span(f": {'; '.join(said['reasons'])}", className="dim")]
    if kind == "status":
        return status(said["status"])
    parts: list[Any] = [severity(said["severity"]), " "]
    if kind == "excursion":
        side = "above" if said["direction"] == "high" else "below"
        peak = f"{text.extreme(said['direction'])} {text.celsius(said['peak_c'], said['limit_c'])}"
        words = f" {side} {text.limit(said['limit_c'])}, {text.duration(said['duration_s'])}, {peak}, from "
        return [*parts, words, moment(said["onset"])]
    if kind == "breach":
        return [*parts, f" {said['rule']} at ", moment(said["fired_at"])]
    over = [", returned ", moment(said["returned"])] if said["returned"] else [f", {said['condition']}"]
    return [*parts, f" {said['cause'].replace('_', ' ')}, raised ", moment(said["raised"]), *over]
