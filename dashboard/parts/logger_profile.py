"""The card of a logger's page that tells how it is understood: its device profile, or what to do to give it one."""

from typing import Any

from dash import html

from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import logger_forms, text
from dashboard.parts.arriving import name
from dashboard.parts.elements import card, facts, link
from dashboard.parts.logger_record import Record
from dashboard.parts.trial import Fields, fields_of, tried
from dashboard.parts.trial_tables import trial_table
from dashboard.services import Services

_SAMPLES = 5


def profile_card(services: Services, viewer: Viewer, record: Record) -> list[Any]:
    """How the logger is understood; nothing where there is nothing to say or to do."""
    if viewer.scoped:
        return []
    shown, catalogue = record.shown, logger_forms.catalogue_of(services)
    assigned = shown.get("device_profile")
    used = sorted({reading.device_profile for reading in record.newest})
    known = catalogue.get(assigned) if assigned else None
    native = not known and all(label.startswith("native@") for label in used)
    unassigned = "none: the native format needs none" if native and used else "none: by what its envelope says"
    pairs = [
        ("Assigned", known.profile.label if known else assigned or unassigned),
        ("Readings of late by", ", ".join(used)),
        ("Model", known.profile.name if known else ""),
        ("Zone of its local times", shown.get("zone") or ""),
    ]
    parts: list[Any] = [html.Div(facts(pairs), className="body")]
    may = viewer.may(Permission.ADMINISTER)
    if record.unread:
        parts.append(_unread(services, record, may=may))
    if may:
        parts.append(logger_forms.profile_form(catalogue, shown))
    return [card("Device profile", *parts)]


def _unread(services: Services, record: Record, *, may: bool) -> Any:
    """What it sent and nobody understood: an untested profile to confirm with a sample, or the way to the workbench."""
    newest = record.unread[0]
    kept = services.journal.alike(newest.transport, newest.source, newest.logger, _SAMPLES)
    found = fields_of(services.pipeline.carriers, kept[0].envelope) if kept else None
    count = sum(one.messages for one in record.unread)
    made = html.A("Choose or make its profile", href=f"/connect/profile?message={newest.newest}", className="button")
    untested = None if found is None else _untested(services, found)
    if untested is None or found is None:
        reason = kept[0].refusals[0].reason if kept and kept[0].refusals else ""
        words = html.P([html.Strong(f"{text.count(count, 'message')} not understood. "), name(reason)])
        return html.Div([words, made], className="call")
    sample = tried(services, kept, None, {found.logger: untested})
    confirm = html.A("Confirm it", href=f"/connect/profile?message={newest.newest}&profile={untested}",
                     className="button primary")  # fmt: skip
    lead = f"Device profile {untested} fits, and is untested: nothing counts until a person has looked at it."
    return html.Div(
        [html.P([html.Strong(lead), " This is what it would read from the newest messages:"]),
         trial_table(sample), html.Div([confirm, made] if may else [link("Ask an administrator", "/connect")],
                                       className="form-row")],
        className="call",
    )  # fmt: skip


def _untested(services: Services, found: Fields) -> str | None:
    """The label of the profile that fits by its envelope and waits to be confirmed."""
    profile = logger_forms.catalogue_of(services).of(found.logger, found.hints)
    return None if profile is None or profile.counts else profile.label
