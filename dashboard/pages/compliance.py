"""Compliance over a period: groups, trends and repeat offenders from the stored figures, down to each shipment.

Every number leads to its derivation, every name one step further down: group, shipments, one shipment, its readings.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, html
from sqlalchemy import Connection, select

from coldchain.domain.quantity import iso
from coldchain.registry import summary_patterns as patterns
from coldchain.registry.schema import shipment
from coldchain.registry.scope import shipments_of
from coldchain.registry.summary import GROUPS, Period, Which, figures, grouped, period_of
from coldchain.registry.summary_members import SITE, Member, members
from coldchain.registry.viewer import Permission, Viewer
from dashboard.pages.shipments import product_names
from dashboard.parts import security, summary_blocks, text
from dashboard.parts.elements import card, head, link, moment
from dashboard.parts.elements import figures as figure_block
from dashboard.parts.page import Page
from dashboard.parts.states import attempt, empty, skeleton
from dashboard.parts.summary_blocks import FIELDS, NAMES, About
from dashboard.parts.summary_trends import trends
from dashboard.services import Services

PAGE = Page("dashboard.pages.compliance", "Compliance", path="/compliance", icon="compliance")
PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year"}
DEFAULT, DEFAULT_GROUP = "30", "product_profile"
CONTROLS = ("days", "from", "to", "by", "then", "product", "lane", "carrier", "site", "customer")
LISTED = 40  # shipments on the page; the CSV has them all
_DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Asked(NamedTuple):
    """What the page is to show; texts are the client's and were checked."""

    period: Period
    which: Which
    by: tuple[str, ...]
    zone: str

    @property
    def query(self) -> dict[str, str]:
        """The same as parameters of the API."""
        narrowed = {name: value for name, value in self.which._asdict().items() if value is not None}
        return {"from": iso(self.period.from_ms), "to": iso(self.period.to_ms), "zone": self.zone, **narrowed}


def layout(**query: str) -> Any:
    """The filters from the address, and grey blocks that the callback fills."""
    services, viewer = security.services(), security.viewer()
    with services.registry.read() as connection:
        offered = choices(connection, viewer)
    return html.Div(
        [
            head("Compliance", lead="Shipments by the day of their departure, from their stored figures"),
            html.Section(_filters(query, offered), className="card summary-filters", **{"aria-label": "Filters"}),
            html.Div(skeleton(150, 260, 260), id="compliance-body", className="stack"),
        ],
        className="page",
    )


def choices(connection: Connection, viewer: Viewer) -> dict[str, dict[str, str]]:
    """What each filter offers: of the shipments that exist for the viewer."""
    found = {}
    for name, column in (("lane", shipment.c.lane), ("carrier", shipment.c.carrier), ("site", SITE),
                         ("customer", shipment.c.customer)):  # fmt: skip
        query = select(column).where(shipments_of(viewer), column.is_not(None)).distinct()
        found[name] = {one: one for one in sorted(connection.execute(query).scalars())}
    return {"product": product_names(connection), **found}


def _filters(query: dict[str, str], offered: dict[str, dict[str, str]]) -> list[Any]:
    by = {name: NAMES[name] for name in GROUPS}
    grouping = {**by, "week": NAMES["week"], "month": NAMES["month"]}
    return [
        _select("days", "Departed within", PERIODS, period_days(query.get("days")), clearable=False),
        _date("from", "or from", query.get("from")),
        _date("to", "up to and including", query.get("to")),
        _select("by", "Group by", grouping, query.get("by", DEFAULT_GROUP), clearable=False),
        _select("then", "and by", by, query.get("then")),
        *(_select(name, label, offered[name], query.get(name)) for name, label in (
            ("product", "Product profile"), ("lane", "Lane"), ("carrier", "Carrier"), ("site", "Site"),
            ("customer", "Customer"))),
    ]  # fmt: skip


def _select(name: str, label: str, options: dict[str, str], value: object, *, clearable: bool = True) -> Any:
    return dmc.Select(
        id=f"compliance-{name}", label=label, placeholder="all" if clearable else None, clearable=clearable, size="xs",
        value=value if value in options else None if clearable else next(iter(options)), className="field",
        data=[{"value": key, "label": words} for key, words in options.items()], searchable=len(options) > 8,
        clearButtonProps={"aria-label": f"Clear {label.lower()}"},
    )  # fmt: skip


def _date(name: str, label: str, value: str | None) -> Any:
    return dmc.TextInput(id=f"compliance-{name}", label=label, value=value or "", size="xs", className="field",
                         inputProps={"type": "date"}, debounce=400)  # fmt: skip


def period_days(days: object) -> str:
    """A period that is offered; anything else is the usual one."""
    return days if isinstance(days, str) and days in PERIODS else DEFAULT


def register(app: Dash, services: Services) -> None:
    """The body whenever a filter or the display changes; the filters stay in the address."""
    controls = [Input(f"compliance-{name}", "value") for name in CONTROLS]

    @security.secured(
        app,
        Output("compliance-body", "children"),
        *controls,
        Input("zone", "data"),
        Input("scheme", "data"),
        perm=Permission.VIEW,
    )
    def body(*given: object) -> Any:
        said = dict(zip((*CONTROLS, "zone", "scheme"), given, strict=True))
        wanted = asked(said, services.clock.now_ms())
        scheme = said["scheme"]
        return attempt("summary", lambda: page_body(services, wanted, scheme if isinstance(scheme, str) else None))

    app.clientside_callback(ClientsideFunction("coldchain", "summaryAddress"), *controls, prevent_initial_call=True)


def asked(said: dict[str, object], now_ms: int) -> Asked:
    """What the client's fields ask for; what they cannot offer is ignored."""
    texts = {name: value[:300] if isinstance(value, str) and value.strip() else None for name, value in said.items()}
    zone = text.zone_of(texts["zone"])
    start, end = (_midnight(texts[name], zone, after=after) for name, after in (("from", 0), ("to", 1)))
    days = int(period_days(texts["days"]))
    until = now_ms + 1 if end is None else end
    period = Period(until - days * _DAY_MS if start is None else min(start, until), until)
    groups = [name for name in (texts["by"], texts["then"]) if name in NAMES]
    which = Which(**{field: texts[name] for field, name in FIELDS.items()})
    return Asked(period, which, tuple(dict.fromkeys(name for name in groups if name)) or (DEFAULT_GROUP,), zone.key)


def _midnight(day: str | None, zone: ZoneInfo, *, after: int) -> int | None:
    """The moment at which a day (YYYY-MM-DD), or the one `after` it, begins in a zone."""
    try:
        local = datetime.fromisoformat(day or "").replace(tzinfo=None) + timedelta(days=after)
    except (ValueError, OverflowError):
        return None
    at = datetime(local.year, local.month, local.day, tzinfo=zone)
    return (at.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


def address(days: str, **narrowed: str | None) -> str:
    """The page for a period, of everything or of what it is narrowed to."""
    query = {"days": days, **narrowed}
    return f"/compliance?{urlencode({name: value for name, value in query.items() if value})}"


# --- the body -------------------------------------------------------------------------------------------------------


def page_body(services: Services, wanted: Asked, scheme: str | None) -> list[Any]:
    """The summary for the viewer of this request."""
    now_ms, viewer = services.clock.now_ms(), security.viewer()
    with services.registry.read() as connection:
        called = product_names(connection)
        found = members(connection, viewer, wanted.period, wanted.which)
        loggers = patterns.loggers(connection, viewer, wanted.period, wanted.which) if found else []
        seasons = (
            patterns.seasons(connection, viewer, wanted.period, wanted.which, None, services.settings.zone)
            if found
            else []
        )
    if not found:
        words = "No shipment departed within this period" + (" that these filters leave" if any(wanted.which) else "")
        return [card(None, empty(words, checked_ms=now_ms))]
    checked = html.Span(["Checked ", moment(now_ms, "second")], className="dim small")
    whole = About(wanted.period, wanted.which)
    block = figure_block(summary_blocks.overall(figures(found, now_ms), whole))
    block.className = "figures wide"
    return [
        card("Overall", block, right=checked),
        _groups(found, wanted, called, now_ms),
        html.Div(trends(found, whole, wanted.zone, called, scheme), className="grid-even"),
        html.Div(_offenders(found, loggers, wanted), className="grid-three"),
        card("When excursions began, by hour of day at the site they left from",
             summary_blocks.season(seasons, "the site's zone", whole), right=_csv("seasons", wanted)),
        _shipments(found, wanted, called),
    ]  # fmt: skip


def _groups(found: Sequence[Member], wanted: Asked, called: dict[str, str], now_ms: int) -> html.Section:
    zone = ZoneInfo(wanted.zone)

    def about(row: dict[str, Any]) -> About:
        narrowed = {name: row[name] for name in wanted.by if name in FIELDS}
        about = About(wanted.period, wanted.which._replace(**narrowed), named=None not in narrowed.values())
        for name in wanted.by:
            about = about if name in FIELDS else about.within(period_of(row[name], zone))
        return about

    def name(row: dict[str, Any], one: str) -> Any:
        value = row[one]
        if value is None:
            return html.Span("none", className="dim")
        if one not in FIELDS:
            return value
        return link(called.get(value, value) if one == "product_profile" else value, _narrowed(wanted, one, value))

    rows = grouped(found, wanted.by, zone=wanted.zone, as_of_ms=now_ms)
    title = f"By {' and '.join(NAMES[one].lower() for one in wanted.by)}"
    return card(title, summary_blocks.groups(rows, wanted.by, about, name), right=_csv("", wanted))


def _narrowed(wanted: Asked, field: str, value: str) -> str:
    """The page narrowed to one group, grouped by the next thing that is still open."""
    which = wanted.which._replace(**{field: value})
    still = [name for name in ("lane", "product_profile", "carrier", "customer") if getattr(which, name) is None]
    zone = ZoneInfo(wanted.zone)
    first, last = (_day(at, zone) for at in (wanted.period.from_ms, wanted.period.to_ms - 1))
    query = {FIELDS[name]: one for name, one in which._asdict().items() if one is not None}
    return f"/compliance?{urlencode({'from': first, 'to': last, 'by': (still or [field])[0], **query})}"


def _day(time_ms: int, zone: ZoneInfo) -> str:
    return f"{(_EPOCH + timedelta(milliseconds=time_ms)).astimezone(zone):%Y-%m-%d}"


def _offenders(found: Sequence[Member], loggers: list[dict[str, Any]], wanted: Asked) -> list[html.Section]:
    def narrowed(field: str) -> Any:
        return lambda value: "none" if value is None else link(value, _narrowed(wanted, field, value))

    def of(field: str) -> Any:
        def derive(value: Any, shown: str, figure: str) -> Any:
            narrowed_to = wanted.which._replace(**{field: value})
            return About(wanted.period, narrowed_to, named=value is not None).derive(shown, figure)

        return derive

    def of_logger(name: str, shown: str, figure: str) -> Any:
        return About(wanted.period, wanted.which).derive(shown, figure, logger=name)

    by_logger = summary_blocks.offenders(loggers, _logger, "Logger", of_logger)
    blocks = [card("Loggers", by_logger, right=_csv("offenders", wanted))]
    for field in ("lane", "carrier"):
        rows = patterns.repeat_offenders(found, field)
        csv = _csv("offenders", wanted, kind=field)
        listed = summary_blocks.offenders(rows, narrowed(field), NAMES[field], of(field))
        blocks.append(card(f"{NAMES[field]}s", listed, right=csv))
    return blocks


def _logger(name: str) -> Any:
    return link(name, f"/loggers/{name}")


def _shipments(found: Sequence[Member], wanted: Asked, called: dict[str, str]) -> html.Section:
    worst = sorted(found, key=lambda one: (not one.known_ms, (one.in_range_ms or 0) / (one.known_ms or 1)))[:LISTED]
    cut = [f"the first {LISTED} of "] if len(found) > LISTED else []
    every = About(wanted.period, wanted.which).derive(text.count(len(found), "shipment"), "shipments")
    words = html.Span([*cut, every, ", least time in range first"], className="dim small")
    right = [words, " ", _csv("shipments", wanted)]
    return card("Shipments", summary_blocks.shipments(worst, called), right=right)


def _csv(what: str, wanted: Asked, **more: str) -> Any:
    """A link to the same figures as CSV, for who may take data out."""
    if not security.viewer().may(Permission.EXPORT):
        return None
    query: list[tuple[str, str]] = [*wanted.query.items(), *more.items(), ("format", "csv")]
    if what == "seasons":  # each by its own site's clock
        query = [pair for pair in query if pair[0] != "zone"]
    if not what:
        query += [("by", name) for name in wanted.by]
    path = f"/api/v1/summary{'/' + what if what else ''}"
    return html.A("CSV", href=f"{path}?{urlencode(query)}", className="small", download="")
