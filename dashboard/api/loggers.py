"""Loggers: registered, calibrated, heard of, and those that nobody assigned yet."""

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response
from pydantic import Field

from coldchain.domain.identity import logger_id
from coldchain.registry import gateways, logger_views, loggers
from coldchain.registry.paging import Page, checked_limit, cursor_of, position_of
from coldchain.registry.viewer import Permission
from dashboard.api.request import (
    Body,
    Caller,
    Cursor,
    Limit,
    Web,
    list_reply,
    reply,
    required_instant,
    shown_as,
    takes,
)
from dashboard.parts import logger_record
from dashboard.policy import API, Endpoint, may

Seen = Annotated[bool | None, Query(description="true: only those that were heard and serve nothing")]


class Calibration(Body):
    """What a calibration certificate says."""

    certificate: str
    calibrated: str
    due: str
    laboratory: str | None = None
    method: str | None = None
    uncertainty_c: float | None = None
    points: list[dict[str, float]] = Field(default_factory=list)


class NewLogger(Body):
    """A logger to register."""

    logger: str
    device_profile: str | None = None
    interval_s: float | None = None
    model: str | None = None
    serial: str | None = None
    note: str | None = None
    gateway: bool = False
    gateway_for: list[str] | None = None
    calibration: Calibration | None = None


class Gateway(Body):
    """Whether a logger speaks for others, and for which: for any where none are named."""

    gateway: bool
    gateway_for: list[str] | None = None


def register(web: Web, viewer: Caller, body: NewLogger) -> Response:
    """Register a logger. Its MQTT password is in this answer and never shown again.

    A gateway may speak for the loggers of `gateway_for`, or for any where that is left out.
    """
    now_ms, id_ = web.clock.now_ms(), logger_id(body.logger)
    with web.registry.write() as connection:
        loggers.register(
            connection, id_, who=viewer.id, now_ms=now_ms, device_profile=body.device_profile, model=body.model,
            serial=body.serial, note=body.note,
            interval_ms=None if body.interval_s is None else round(min(body.interval_s, 1e9) * 1000),
        )  # fmt: skip
        if body.gateway or body.gateway_for is not None:
            gateways.declare(
                connection, id_, gateway=body.gateway, gateway_for=body.gateway_for, who=viewer.id, now_ms=now_ms
            )
        if body.calibration is not None:
            loggers.calibrate(connection, id_, _calibration(body.calibration), who=viewer.id, now_ms=now_ms)
        secret = loggers.new_password(connection, id_, who=viewer.id, now_ms=now_ms)
        shown = logger_views.shown(connection, viewer, web.journal.logger(id_), id_, now_ms)
    return reply({**shown, "mqtt_password": secret}, 201, {"Location": f"{API}/loggers/{id_}"})


def listed(
    web: Web, viewer: Caller, unassigned: Seen = None, q: str | None = None, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """Loggers by id: registered ones, and those that were only heard of."""
    after = None if cursor is None else position_of(cursor, str)[0]
    with web.registry.read() as connection:
        rows = logger_views.page(
            connection, viewer, web.journal.loggers(), web.clock.now_ms(), limit=checked_limit(limit) + 1, after=after,
            text=q, unassigned=unassigned,
        )  # fmt: skip
    page = rows[:limit]
    return list_reply(Page(page, cursor_of(page[-1]["logger"]) if len(rows) > limit else None))


def shown(web: Web, viewer: Caller, logger: str) -> Response:
    """One logger: calibrations, bindings, channels, faults of the last 7 days, holes, and how complete it can be."""
    return reply(logger_record.load(web, viewer, logger, web.clock.now_ms()).shown)


def calibrate(web: Web, viewer: Caller, logger: str, body: Calibration) -> Response:
    """Record a calibration certificate of a registered logger."""
    now_ms = web.clock.now_ms()
    with web.registry.write() as connection:
        loggers.calibrate(connection, logger, _calibration(body), who=viewer.id, now_ms=now_ms)
        return reply(logger_views.shown(connection, viewer, web.journal.logger(logger), logger, now_ms), 201)


def declare_gateway(web: Web, viewer: Caller, logger: str, body: Gateway) -> Response:
    """Say whether a registered logger may speak for others; it holds for its messages within a second."""
    now_ms = web.clock.now_ms()
    with web.registry.write() as connection:
        gateways.declare(
            connection, logger, gateway=body.gateway, gateway_for=body.gateway_for, who=viewer.id, now_ms=now_ms
        )
        return reply(logger_views.shown(connection, viewer, web.journal.logger(logger), logger, now_ms))


def new_password(web: Web, viewer: Caller, logger: str) -> Response:
    """Give a logger a fresh MQTT password; the old one stops working at once."""
    with web.registry.write() as connection:
        secret = loggers.new_password(connection, logger, who=viewer.id, now_ms=web.clock.now_ms())
    return reply({"logger": logger, "mqtt_password": secret}, 201)


def _calibration(body: Calibration) -> loggers.NewCalibration:
    details = {"method": body.method, "uncertainty_c": body.uncertainty_c, "points": body.points}
    return loggers.NewCalibration(
        body.certificate,
        required_instant("calibration.calibrated", body.calibrated),
        required_instant("calibration.due", body.due),
        body.laboratory,
        {name: value for name, value in details.items() if value},
    )


_CERTIFICATE = {
    "certificate": "CAL-2026-881", "laboratory": "Metro Lab", "calibrated": "2026-01-02T00:00:00Z",
    "due": "2027-01-02T00:00:00Z", "uncertainty_c": 0.2,
}  # fmt: skip
_NEW = {"logger": "LOG-0042", "device_profile": "native@1", "interval_s": 60, "calibration": _CERTIFICATE}
_LOGGER: dict[str, Any] = {
    "logger": "LOG-0042", "registered": True, "assigned": True, "calibrated": True, "device_profile": "native@1",
    "interval_s": 60, "last_heard": "2026-01-05T12:00:01.204Z", "battery_pct": 87.0, "messages": 1893,
}  # fmt: skip
_WHOLE: dict[str, Any] = {
    **_LOGGER, "calibrations": [], "bindings": [],
    "channels": [{"channel": "internal", "event_time": "2026-01-05T12:00:00.000Z", "temperature_c": 4.62,
                  "message": 88123, "device_profile": "native@1"}],
    "faults": [{"channel": "probe-1", "fault": "probe_open", "count": 3, "last": "2026-01-05T11:40:00.000Z"}],
    "holes": [{"boot": 7, "first": 12, "last": 14, "recorded": "2026-01-04T08:00:00.000Z"}],
    "completeness": {"by": "watermark", "holes": 1}, "not_understood": 0,
}  # fmt: skip


_ADMIN = may(Permission.ADMINISTER, unscoped=True)
ENDPOINTS = (
    Endpoint("GET", f"{API}/loggers", listed, may(Permission.VIEW), shown_as("A page", _LOGGER, many=True)),
    Endpoint("POST", f"{API}/loggers", register, _ADMIN,
             shown_as("The logger and its password", {**_LOGGER, "mqtt_password": "…"}, status=201) | takes(_NEW)),
    Endpoint("GET", f"{API}/loggers/{{logger}}", shown, may(Permission.VIEW), shown_as("The logger", _WHOLE)),
    Endpoint("POST", f"{API}/loggers/{{logger}}/calibrations", calibrate, may(Permission.OPERATE, unscoped=True),
             shown_as("The logger", _LOGGER, status=201) | takes(_CERTIFICATE)),
    Endpoint("POST", f"{API}/loggers/{{logger}}/gateway", declare_gateway, _ADMIN,
             shown_as("The logger", _LOGGER) | takes({"gateway": True, "gateway_for": ["A4C138000001"]})),
    Endpoint("POST", f"{API}/loggers/{{logger}}/password", new_password, _ADMIN,
             shown_as("The new password", {"logger": "LOG-0042", "mqtt_password": "…"}, status=201)),
)  # fmt: skip
