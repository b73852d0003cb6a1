"""What a person records of a logger on its page: a certificate, how often it reports, which device profile it has."""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from coldchain.domain.device_profile import Assignment
from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import device_profiles, loggers
from coldchain.registry.viewer import Viewer
from dashboard.parts.logger_record import JsonObject
from dashboard.services import Services
from sensors.device_profiles.catalogue import Snapshot


def folded(title: str, *parts: Any, id: str) -> html.Details:  # noqa: A002
    """A form that is out of the way until it is wanted."""
    return html.Details([html.Summary(title), html.Div(list(parts), className="body")], className="more", id=id)


def _sender(prefix: str, words: str) -> html.Button:
    return html.Button(words, id=f"{prefix}-send", type="button", className="button primary")


def _said(prefix: str) -> html.Div:
    return html.Div(id=f"{prefix}-said", **{"aria-live": "polite"})


def certificate_form() -> html.Details:
    """The fields of a certificate."""
    fields = [
        dmc.TextInput(id="cert-number", label="Certificate", size="sm", placeholder="CAL-2026-881"),
        dmc.TextInput(id="cert-laboratory", label="Laboratory", size="sm"),
        dmc.TextInput(id="cert-calibrated", label="Calibrated on", size="sm", inputProps={"type": "date"}),
        dmc.TextInput(id="cert-due", label="Due on", size="sm", inputProps={"type": "date"}),
        dmc.TextInput(id="cert-uncertainty", label="Uncertainty, °C", size="sm", placeholder="0.2"),
        _sender("cert", "Record"),
    ]
    return folded("Record a certificate", html.Div(fields, className="form-row"), _said("cert"), id="cert-form")


def interval_form(shown: JsonObject) -> html.Details:
    """How often it reports."""
    now = shown.get("interval_s")
    fields = [
        dmc.TextInput(id="interval-value", label="Seconds between reports", size="sm",
                      value="" if now is None else f"{now:g}"),
        dmc.TextInput(id="interval-reason", label="Reason", size="sm"),
        _sender("interval", "Declare"),
    ]  # fmt: skip
    return folded("Declare how often it reports", html.Div(fields, className="form-row"), _said("interval"),
                  id="interval-form")  # fmt: skip


def profile_form(catalogue: Snapshot, shown: JsonObject) -> html.Details:
    """Which device profile it has, and in which zone it writes local times."""
    choices = [
        {"value": entry.profile.id, "label": f"{entry.profile.name} ({entry.profile.label})"}
        for entry in sorted(catalogue.entries, key=lambda one: one.profile.name.casefold())
        if catalogue.get(entry.profile.id) == entry
    ]
    assigned = shown.get("device_profile")
    known = catalogue.get(assigned) if assigned else None
    fields = [
        dmc.Select(id="assign-profile", label="Device profile", data=choices, searchable=True, clearable=True,
                   size="sm", value=known.profile.id if known else None, placeholder="by what its envelope says",
                   clearButtonProps={"aria-label": "Clear device profile"}, nothingFoundMessage="none"),
        dmc.TextInput(id="assign-zone", label="Zone of its local times", size="sm", placeholder="Europe/Berlin",
                      value=shown.get("zone") or ""),
        dmc.TextInput(id="assign-reason", label="Reason", size="sm"),
        _sender("assign", "Assign"),
    ]  # fmt: skip
    return folded(
        "Change its device profile", html.Div(fields, className="form-row"), _said("assign"), id="assign-form"
    )


def record_certificate(services: Services, viewer: Viewer, logger: str, *asked: object) -> None:
    """Record a certificate; a logger that was only heard of is registered by this.

    Raises:
        InvalidValue: names the field and the remedy.
    """
    number, laboratory, calibrated, due, uncertainty = words(*asked)
    body = {"uncertainty_c": _number("Uncertainty", uncertainty)} if uncertainty else {}
    new = loggers.NewCalibration(
        number, _day("Calibrated on", calibrated), _day("Due on", due), laboratory or None, body
    )
    now_ms = services.clock.now_ms()
    with services.registry.write() as connection:
        if loggers.get(connection, logger) is None:
            loggers.register(connection, logger, who=viewer.id, now_ms=now_ms)
        loggers.calibrate(connection, logger, new, who=viewer.id, now_ms=now_ms)


def declare_interval(services: Services, viewer: Viewer, logger: str, *asked: object) -> None:
    """Say how often it reports.

    Raises:
        InvalidValue: names the field and the remedy.
    """
    seconds, reason = words(*asked)
    interval_ms = round(_number("Seconds between reports", seconds) * 1000)
    with services.registry.write() as connection:
        loggers.declare_interval(
            connection, logger, interval_ms, who=viewer.id, now_ms=services.clock.now_ms(), reason=reason or None
        )


def assign_profile(services: Services, viewer: Viewer, logger: str, *asked: object) -> None:
    """Say which device profile it has; with none, what its envelope says counts again.

    Raises:
        InvalidValue: names the field and the remedy.
        NotFound: there is no such device profile.
    """
    profile, zone, reason = words(*asked)
    if profile and catalogue_of(services).get(profile) is None:
        raise NotFound(f"there is no device profile {profile}")
    said = Assignment(profile or None, zone or None)
    with services.registry.write() as connection:
        device_profiles.assign(connection, logger, said, who=viewer.id, now_ms=services.clock.now_ms(), reason=reason)


def catalogue_of(services: Services) -> Snapshot:
    """The device profiles of this installation as they are now."""
    return services.library.now()


def words(*asked: object) -> list[str]:
    """What a person typed, without space around it; a client may send anything, which then counts as nothing."""
    return [one.strip()[:500] if isinstance(one, str) else "" for one in asked]


def _day(field: str, text: str) -> int:
    try:
        return ms_from_iso(f"{text}T00:00:00Z")
    except InvalidValue:
        raise InvalidValue(f"{field}: choose a day.") from None


def _number(field: str, text: str) -> float:
    plain = text.replace(",", ".")
    if not plain.replace(".", "", 1).isdecimal() or not plain.isascii() or len(plain) > 12:
        raise InvalidValue(f"{field}: {text[:20]!r} is no number.")
    return float(plain)
