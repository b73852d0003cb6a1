"""The figures of a shipment beyond the summary: each excursion, the windows around it, the stability budget."""

from collections.abc import Sequence
from typing import Any

from dash import html

from dashboard.parts import text
from dashboard.parts.derivation import number
from dashboard.parts.dossier import Dossier, JsonObject
from dashboard.parts.elements import Column, card, link, moment, severity, table, tag

EXCURSIONS = (
    Column("Excursion"), Column("Severity"), Column("Onset"), Column("End"), Column("Outside for", numeric=True),
    Column("At most", numeric=True), Column("Peak", numeric=True), Column("Mean outside", numeric=True),
    Column("Degree-minutes", numeric=True),
)  # fmt: skip
WINDOWS = (Column("Window"), Column("Limit", numeric=True), Column("Trailing (chosen)", numeric=True),
           Column("Worst", numeric=True))  # fmt: skip
BANDS = (Column("Band"), Column("Allowed", numeric=True), Column("Used", numeric=True), Column("Left", numeric=True))


def detail(dossier: Dossier) -> list[Any]:
    """Cards with what there is; each number leads to its derivation."""
    document = dossier.document or {}
    channels = document.get("channels") or []
    excursions = [row for one in channels for row in _excursions(dossier, one)]
    windows = [row for one in channels for row in _windows(dossier, one)]
    bands = [row for one in channels for row in _bands(dossier, one)]
    beside = []
    if windows:
        beside.append(card("Mean kinetic temperature around excursions", table(WINDOWS, windows, "Windows")))
    if bands:
        beside.append(card("Stability budget by channel", table(BANDS, bands, "Stability budget by channel")))
    found = [card("Excursions", table(EXCURSIONS, excursions, "Excursions of this shipment"))] if excursions else []
    return found + ([html.Div(beside, className="grid-even" if len(beside) > 1 else "stack")] if beside else [])


def _derive(dossier: Dossier, channel: JsonObject, shown: Any, figure: str) -> Any:
    about = {"logger": channel["logger"], "channel": channel["channel"]}
    return number(shown, figure, shipment=dossier.shown["id"], **about)


def _excursions(dossier: Dossier, channel: JsonObject) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    for item in channel["excursions"]:

        def derive(shown: Any, name: str, of: str = item["id"]) -> Any:
            return _derive(dossier, channel, shown, f"excursions.{of}.{name}")

        side = "Above" if item["direction"] == "high" else "Below"
        end = moment(item["end"]) if item["end"] else "still open"
        rows.append(
            (
                [link(f"{side} {text.limit(item['limit_c'])}", f"/excursions/{item['id']}"), *_remarks(item)],
                severity(item["severity"]),
                derive(moment(item["onset"]), "onset"),
                derive(end, "end") if item["end"] else end,
                derive(text.duration(item["duration_s"]), "duration_s"),
                derive(text.duration(item["duration_upper_s"]), "duration_upper_s"),
                derive(text.celsius(item["peak_c"], item["limit_c"]), "peak_c"),
                derive(text.fixed(item["mean_c"], 2, "°C"), "mean_c")
                if item.get("mean_c") is not None
                else text.ABSENT,
                derive(text.fixed(item["area_c_min"], 1), "area_c_min"),
            )
        )
    return rows


def _remarks(item: JsonObject) -> list[Any]:
    """What is to be known about how an excursion came on record."""
    said = (
        ("found late", item["late"]),
        ("amended by later data", item.get("amends")),
        ("nobody saw the return", item.get("monitoring_ended")),
    )
    return [part for words, true in said if true for part in (" ", tag(words))]


def _windows(dossier: Dossier, channel: JsonObject) -> list[Sequence[Any]]:
    return [
        (
            one["window"],
            _derive(dossier, channel, text.limit(one["limit_c"]), f"mkt.windows.{at}.limit_c"),
            *(_derive(dossier, channel, text.fixed(one[which]["value_c"], 2, "°C"), f"mkt.windows.{at}.{which}.value_c")
              for which in ("trailing", "worst")),
        )
        for at, one in enumerate(channel["mkt"]["windows"])
    ]  # fmt: skip


def _bands(dossier: Dossier, channel: JsonObject) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    for at, band in enumerate(channel["stability_budget"]["bands"]):
        name = f"stability_budget.bands.{at}"
        left: Any = "no limit"
        if band["remaining_s"] is not None:
            sign = "−" if band["remaining_s"] < 0 else ""
            left = _derive(dossier, channel, sign + text.duration(abs(band["remaining_s"])), f"{name}.remaining_s")
        rows.append(
            (
                text.label_range(band["range"]["low_c"], band["range"]["high_c"]),
                "no limit"
                if band["allowed_s"] is None
                else _derive(dossier, channel, text.duration(band["allowed_s"]), f"{name}.allowed_s"),
                _derive(dossier, channel, text.duration(band["used_s"]), f"{name}.used_s"),
                left,
            )
        )
    return rows
