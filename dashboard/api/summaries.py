"""Compliance summaries: groups, the shipments in them, who repeats, when it happens, and how each figure was made."""

from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from coldchain.domain.kinetic import METHOD_ID
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue
from coldchain.registry import summary as summaries
from coldchain.registry import summary_patterns as patterns
from coldchain.registry.summary import Period, Which
from coldchain.registry.summary_members import Member, members
from coldchain.registry.viewer import Permission
from compliance import derivation_groups, derivation_patterns
from compliance.derivation_patterns import Hour
from dashboard.api.export_stream import table_reply
from dashboard.api.request import Caller, From, Limit, To, Web, instant, reply, shown_as, wanted_format
from dashboard.policy import API, Endpoint, may
from dashboard.services import Services

_DAY_MS = 24 * 3_600_000
Group = Annotated[
    list[Literal["product_profile", "lane", "carrier", "site", "customer", "week", "month"]] | None,
    Query(description="group by; several narrow each other"),
]
Format = Annotated[Literal["json", "csv"] | None, Query(description="json or csv; takes precedence over Accept")]
Zone = Annotated[str | None, Query(description="IANA zone of weeks, months and hours; the site's by default")]
Name = Annotated[str | None, Query(max_length=300)]
FIGURES = (
    "shipments", "judged", "product_profiles", "without_excursion", "with_excursions", "excursions", "excursions_info",
    "excursions_minor", "excursions_major", "excursions_critical", "excursions_per_100", "info_per_100",
    "minor_per_100", "major_per_100", "critical_per_100", "time_judged_s", "time_in_range_s", "time_out_s",
    "time_unknown_s", "in_range_pct", "coverage_pct", "min_c", "max_c", "mkt_shipments", "mkt_worst_c",
    "mkt_worst_shipment", "mkt_pooled_c", "mkt_pooled_reason", "alarms", "alarms_acknowledged", "alarms_waiting",
    "acknowledged_within_s", "unacknowledged_s", "budget_shipments", "budget_worst_pct", "budget_worst_shipment",
    "budget_exceeded",
)  # fmt: skip
SHIPMENT = (
    "id", "reference", "state", "when", "product_profile", "product_profile_version", "lane", "carrier", "customer",
    "site", "logger", "channel", "time_in_range_s", "time_above_s", "time_below_s", "time_unknown_s", "in_range_pct",
    "coverage_pct", "min_c", "max_c", "mkt_c", "excursions", "excursions_info", "excursions_minor", "excursions_major",
    "excursions_critical", "alarms", "alarms_acknowledged", "unacknowledged_s", "budget_used_pct", "tier",
)  # fmt: skip
OFFENDER = (
    "name", "shipments", "with_excursions", "excursions", "excursions_info", "excursions_minor", "excursions_major",
    "excursions_critical", "excursions_per_100",
)  # fmt: skip
SEASON = ("month", "hour", "excursions", "outside_s", "worst")


class Asked(NamedTuple):
    """The shipments that a request is about."""

    period: Period
    which: Which
    zone: str

    @property
    def json(self) -> dict[str, Any]:
        """The part of every answer that says what it is about."""
        return {"period": {"from": iso(self.period.from_ms), "to": iso(self.period.to_ms)}, "zone": self.zone}


def _asked(
    web: Web, from_: From = None, to: To = None, product_profile: Name = None, lane: Name = None,
    carrier: Name = None, site: Name = None, customer: Name = None, zone: Zone = None,
) -> Asked:  # fmt: skip
    """Shipments that departed in the period, 30 days up to now by default.

    Raises:
        InvalidValue: a time or a zone that does not exist.
    """
    end, start = instant("to", to), instant("from", from_)
    end_ms = web.clock.now_ms() if end is None else end
    period = Period(end_ms - 30 * _DAY_MS if start is None else start, end_ms)
    return Asked(period, Which(product_profile, lane, carrier, site, customer), _zone(zone or web.settings.zone))


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidValue(f"zone: {name[:60]!r} is not an IANA zone such as Europe/Berlin") from error


About = Annotated[Asked, Depends(_asked)]


def summary(
    request: Request, web: Web, viewer: Caller, about: About, by: Group = None,
    format: Format = None,  # noqa: A002
) -> Response:  # fmt: skip
    """Per product and lane (or as `by` says), worst time in range first; `total` is all of them together."""
    keys = tuple(dict.fromkeys(by or ("product_profile", "lane")))
    found = _members(web, viewer, about)
    now_ms = web.clock.now_ms()
    rows = summaries.grouped(found, keys, zone=about.zone, as_of_ms=now_ms)
    if wanted_format(request, format) == "csv":
        return table_reply(web, viewer, "summary", dict(request.query_params), (*keys, *FIGURES), lambda: iter(rows))
    return reply({
        "schema": "coldchain.summary/1", **about.json, "as_of": iso(now_ms), "by": keys,
        "methods": {"mkt_pooled_c": METHOD_ID, **derivation_groups.METHODS},
        "total": summaries.figures(found, now_ms), "items": rows, "next_cursor": None,
    })  # fmt: skip


def shipments(
    request: Request, web: Web, viewer: Caller, about: About, limit: Limit = 100,
    format: Format = None,  # noqa: A002
) -> Response:  # fmt: skip
    """The shipments of a summary with their figures, least time in range first; CSV gives all of them."""
    rows = [shipment_row(one, web.clock.now_ms()) for one in worst_first(_members(web, viewer, about))]
    if wanted_format(request, format) == "csv":
        scope = dict(request.query_params)
        return table_reply(web, viewer, "summary-shipments", scope, SHIPMENT, lambda: iter(rows))
    items = rows[:limit]
    return reply({**about.json, "of": len(rows), "items": items, "next_cursor": None})


def offenders(
    request: Request, web: Web, viewer: Caller, about: About,
    kind: Literal["logger", "lane", "carrier", "product_profile", "site", "customer"] = "logger",
    format: Format = None,  # noqa: A002
) -> Response:  # fmt: skip
    """Which loggers (or lanes, carriers …) had excursions, most of them first."""
    if kind == "logger":
        with web.registry.read() as connection:
            rows = patterns.loggers(connection, viewer, about.period, about.which)
    else:
        rows = patterns.repeat_offenders(_members(web, viewer, about), kind)
    if wanted_format(request, format) == "csv":
        scope = dict(request.query_params)
        return table_reply(web, viewer, "summary-offenders", scope, OFFENDER, lambda: iter(rows))
    return reply({**about.json, "kind": kind, "items": rows, "next_cursor": None})


def seasons(
    request: Request, web: Web, viewer: Caller, about: About,
    format: Format = None,  # noqa: A002
) -> Response:  # fmt: skip
    """In which months and hours of the day excursions began; hours without any are left out.

    By the clock of the site that each shipment left from (`zone` is then `site`), unless a zone is named.
    """
    named = None if "zone" not in request.query_params else about.zone
    with web.registry.read() as connection:
        rows = patterns.seasons(connection, viewer, about.period, about.which, named, web.settings.zone)
    if wanted_format(request, format) == "csv":
        scope = dict(request.query_params)
        return table_reply(web, viewer, "summary-seasons", scope, SEASON, lambda: iter(rows))
    return reply({**about.json, "zone": named or "site", "items": rows, "next_cursor": None})


def derivation(
    web: Web, viewer: Caller, about: About,
    request: Request,
    figure: Annotated[str, Query(description="a figure of a summary row, such as in_range_pct", max_length=60)],
    logger: Annotated[str | None, Query(max_length=200, description="of this logger among the offenders")] = None,
    month: Annotated[str | None, Query(max_length=7, description="of a cell of the seasons: 2026-07")] = None,
    hour: Annotated[int, Query(ge=0, le=23, description="of that cell")] = 0,
) -> Response:  # fmt: skip
    """How a figure of all these shipments together was computed; narrow them to a group as in its row.

    With `logger` a figure of that logger's row among the offenders; with `month` and `hour` one of that cell of the
    seasons, by the clock of each shipment's site unless `zone` is given.
    """
    now_ms = web.clock.now_ms()
    if logger is not None or month is not None:
        named = None if "zone" not in request.query_params else about.zone
        with web.registry.read() as connection:
            of = (connection, viewer, about.period, about.which)
            if logger is not None:
                return reply(derivation_patterns.of_logger(*of, logger, figure, now_ms) | about.json)
            cell = Hour(month or "", hour, named, web.settings.zone)
            return reply(derivation_patterns.of_hour(*of, cell, figure, now_ms) | about.json)
    return reply(derivation_groups.derive(_members(web, viewer, about), figure, now_ms) | about.json)


def _members(web: Services, viewer: Caller, about: Asked) -> list[Member]:
    with web.registry.read() as connection:
        return members(connection, viewer, about.period, about.which)


def worst_first(found: list[Member]) -> list[Member]:
    """Least time in range first; what was not judged comes last."""
    return sorted(found, key=lambda one: (not one.known_ms, _share(one.in_range_ms or 0, one.known_ms) or 0.0))


def shipment_row(one: Member, now_ms: int) -> dict[str, Any]:
    """A member as the API shows it; figures that it has not are null."""
    alone: dict[str, Any] = summaries.figures([one], now_ms)
    kept = ("time_in_range_s", "time_unknown_s", "in_range_pct", "coverage_pct", "min_c", "max_c", "excursions",
            "excursions_info", "excursions_minor", "excursions_major", "excursions_critical", "alarms",
            "alarms_acknowledged", "unacknowledged_s")  # fmt: skip
    same = ("id", "reference", "state", "product_profile", "lane", "carrier", "customer", "site", "logger", "channel",
            "mkt_c", "tier")  # fmt: skip
    return {
        **{name: getattr(one, name) for name in same},
        "when": iso(one.when_ms),
        "product_profile_version": one.profile_version,
        **{name: alone[name] for name in kept},
        "time_above_s": (one.above_ms or 0) / 1000,
        "time_below_s": (one.below_ms or 0) / 1000,
        "budget_used_pct": alone["budget_worst_pct"],
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


_GROUP = {"product_profile": "refrigerated-2-8", "lane": "Puurs → Hamburg", "shipments": 12, "in_range_pct": 99.2,
          "mkt_pooled_c": 5.43, "excursions_per_100": 25.0}  # fmt: skip
_MEMBER = {"reference": "SHP-2026-0117", "in_range_pct": 97.9, "mkt_c": 5.61, "excursions": 1}
_OFFENDER = {"name": "LOG-0042", "shipments": 9, "with_excursions": 3, "excursions": 4, "excursions_per_100": 44.4}
_SEASON = {"month": "2026-07", "hour": 14, "excursions": 3, "outside_s": 5400.0, "worst": "major"}
_DERIVED = {"schema": "coldchain.derivation/1", "figure": "in_range_pct", "formula": "100 · Σ in / Σ (in + out)"}
_VIEW = may(Permission.VIEW)
ENDPOINTS = (
    Endpoint("GET", f"{API}/summary", summary, _VIEW, shown_as("The summary", _GROUP, many=True)),
    Endpoint("GET", f"{API}/summary/shipments", shipments, _VIEW, shown_as("The shipments", _MEMBER, many=True)),
    Endpoint("GET", f"{API}/summary/offenders", offenders, _VIEW, shown_as("The worst", _OFFENDER, many=True)),
    Endpoint("GET", f"{API}/summary/seasons", seasons, _VIEW, shown_as("Month by hour", _SEASON, many=True)),
    Endpoint("GET", f"{API}/summary/derivation", derivation, _VIEW, shown_as("How it was computed", _DERIVED)),
)
