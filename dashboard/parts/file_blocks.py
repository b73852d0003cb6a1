"""What a file says, as blocks: how it was read, its first readings, its problems, a logger's own summaries."""

from collections.abc import Iterator
from typing import Any

from dash import html

from dashboard.parts.elements import Column, card, facts, moment, table, tag

_SIDES = {"low": "below", "high": "above"}


def refused(detail: str) -> html.Div:
    """Why a file is not taken."""
    return html.Div(html.P(detail, className="status", role="alert", **{"data-status": "at_risk"}), className="body")


def summary(found: dict[str, Any]) -> html.Dl:
    """The facts of a preview or a report."""
    rows = f"{found['rows']:,}, {found['missing']:,} without value"
    interval = found.get("interval_s") or found.get("interval_estimate_s")
    order = found.get("date_order")
    return facts(
        [
            ("Logger", found.get("logger") or ", ".join(found.get("loggers", ())) or None),
            ("Model", " ".join(str(found[name]) for name in ("model", "firmware") if found.get(name)) or None),
            ("Read as", found.get("mapping") and _mapping(found)),
            ("Written in", found.get("encoding") and _writing(found)),
            ("Dates", order and f"{order}: {found['date_order_evidence']}"),
            ("Zone", found.get("zone")),
            ("Rows", rows),
            ("Period", period(found)),
            ("Interval", f"{interval:g} s" + ("" if found.get("interval_s") else ", estimated") if interval else None),
            ("Lowest, highest, mean", extremes(found)),
            ("SHA-256", html.Span(found["sha256"], className="mono")),
        ]
    )


def _mapping(found: dict[str, Any]) -> str:
    return f"{found['mapping_title'] or found['mapping']} ({found['mapping']}, {found['mapping_how']})"


def _writing(found: dict[str, Any]) -> str:
    return f"{found['encoding']}, {found['delimiter']}, decimal sign {found['decimal'] or 'open'}"


def period(found: dict[str, Any]) -> Any:
    """First and last time."""
    if not found.get("first"):
        local = found.get("first_local")
        return f"{local} to {found['last_local']}, by the logger's clock" if local else None
    return html.Span([moment(found["first"]), " to ", moment(found["last"])])


def extremes(found: dict[str, Any]) -> str | None:
    """Minimum, maximum and mean of a log."""
    if found.get("min_c") is None or found.get("mean_c") is None:
        return None
    return f"{found['min_c']:.1f}, {found['max_c']:.1f}, {found['mean_c']:.2f} °C"


def sample(found: dict[str, Any]) -> Any:
    """The first rows as they would be stored."""
    rows = found.get("sample") or []
    names = (
        [name for name in rows[0] if name not in ("logger", "device_profile", "event_time", "device_time", "channel")]
        if rows
        else []
    )
    names = list(
        dict.fromkeys(
            [*names, *(name for row in rows for name in row if name.endswith(("_c", "_pct")) or name == "fault")]
        )
    )
    if not rows:
        return None
    columns = [
        Column("In the file"),
        Column("Time"),
        Column("Channel"),
        *(Column(name, numeric=True) for name in names),
    ]
    body = [
        (
            row.get("device_time", "–"),
            moment(row["event_time"], "second"),
            row["channel"],
            *(str(row.get(name, "–")) for name in names),
        )
        for row in rows
    ]
    return card("First readings", table(columns, body, "First readings as they would be stored"))


def problems(found: dict[str, Any]) -> Any:
    """The rows that cannot be read, by line."""
    count, rows = found.get("problem_count") or 0, found.get("problems") or []
    if not count:
        return None
    body = [(str(one["line"] or "–"), html.Span(one["text"], className="mono"), one["reason"]) for one in rows]
    more = html.P(f"and {count - len(rows):,} more", className="note") if count > len(rows) else None
    shown = table([Column("Line"), Column("Text"), Column("Why")], body, "Rows that cannot be read")
    return card("Rows that cannot be read", shown, more, right=tag(f"{count:,}"))


def contradictions(found: dict[str, Any]) -> Any:
    """What cannot be true together."""
    sentences = found.get("contradictions") or []
    if not sentences:
        return None
    items = [html.Li(html.Span(one, className="status", **{"data-status": "at_risk"})) for one in sentences[:30]]
    return card("This file contradicts itself", html.Div(html.Ul(items, className="file-needs"), className="body"))


def own_summaries(found: dict[str, Any]) -> Iterator[Any]:
    """A logger's own daily history and the result of its run, beside what the log gives."""
    limits = {one["number"]: one for one in found.get("limits") or ()}
    if found.get("days"):
        yield _days(found, limits)
    if found.get("result"):
        yield _run(found["result"], limits)


def _days(found: dict[str, Any], limits: dict[str, Any]) -> Any:
    days = found["days"]
    numbers = sorted({number for day in days for number in day["minutes_out"]})
    logged = any(day.get("minutes_logged") for day in days)
    columns = [
        Column("Day"),
        Column("Lowest", numeric=True),
        Column("Highest", numeric=True),
        Column("Mean", numeric=True),
    ]
    for number in numbers:
        words = _limit(limits.get(number), number)
        columns.append(Column(f"Minutes {words}", numeric=True))
        columns += [Column("in the log", numeric=True)] if logged else []
    body = []
    for day in days:
        cells: list[Any] = [day["date"], *(_degrees(day[name]) for name in ("min_c", "max_c", "mean_c"))]
        for number in numbers:
            cells.append(str(day["minutes_out"].get(number, "–")))
            cells += [f"{day.get('minutes_logged', {}).get(number, 0):g}"] if logged else []
        body.append(cells)
    method = found.get("days_method")
    note = "Summaries of the logger, minute by minute; they are shown and never turned into readings."
    if method:
        note += (
            f" Minutes in the log by {method['minutes']}; more than {method['tolerance_min']} apart is a contradiction."
        )
    return card(
        "The logger's own days", table(columns, body, "Daily history of the logger"), html.P(note, className="note")
    )


def _run(result: dict[str, Any], limits: dict[str, Any]) -> Any:
    log = result.get("from_log") or {}
    columns = [Column("Figure"), Column("Logger", numeric=True), Column("From its log", numeric=True)]
    body = [
        ("Lowest", _degrees(result["min_c"]), _degrees(log.get("min_c"))),
        ("Highest", _degrees(result["max_c"]), _degrees(log.get("max_c"))),
        ("Mean, cut off to 0.1", _degrees(result["mean_c"]), _degrees(log.get("mean_cut_c"))),
        ("Mean kinetic temperature, cut off to 0.1", _degrees(result["mkt_c"]), _degrees(log.get("mkt_cut_c"))),
    ]
    alarms = [
        (
            _limit(limits.get(one["number"]), one["number"]),
            who,
            one["start_local"] or "–",
            one["alarm_local"] or "–",
            one["end_local"] or "–",
            str(one["minutes"]),
        )
        for who, rows in (("logger", result.get("alarms") or ()), ("log", log.get("alarms") or ()))
        for one in rows
    ]
    titles = [
        Column("Alarm"),
        Column("By"),
        Column("Began"),
        Column("Tripped"),
        Column("Ended"),
        Column("Minutes", numeric=True),
    ]
    parts = [table(columns, body, "Result of the run")]
    if alarms:
        parts.append(table(titles, alarms, "Alarms of the run, local times"))
    return card("The logger's own result", *parts)


def _limit(limit: dict[str, Any] | None, number: str) -> str:
    if limit is None:
        return f"of alarm {number}"
    return f"{_SIDES[limit['side']]} {limit['limit_c']:g} °C" + (f", {limit['mode']}" if limit["mode"] else "")


def _degrees(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} °C"
