"""The form by which a logger is put into the service of a shipment or a fixed store."""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.errors import InvalidValue
from coldchain.registry import bindings, shipment_views, shipments, stores
from coldchain.registry.viewer import Viewer
from dashboard.services import Services

_MOST = 200
STARTS = {"first": "its first reading", "now": "now"}
ROLES = {"product": "the goods", "ambient": "the air around"}


def form(services: Services, viewer: Viewer, prefix: str) -> Any:
    """The fields; `prefix` begins their ids."""
    fields = [
        dmc.Select(id=f"{prefix}-subject", label="Shipment or store", data=_choices(services, viewer), searchable=True,
                   placeholder="choose", size="sm", nothingFoundMessage="none"),
        dmc.Select(id=f"{prefix}-role", label="It measures", value="product", size="sm", allowDeselect=False,
                   data=[{"value": key, "label": words} for key, words in ROLES.items()]),
        dmc.Select(id=f"{prefix}-from", label="From", value="first", size="sm", allowDeselect=False,
                   data=[{"value": key, "label": words} for key, words in STARTS.items()]),
        dmc.TextInput(id=f"{prefix}-reason", label="Reason", size="sm", placeholder="needed without a certificate"),
        html.Button("Assign", id=f"{prefix}-send", type="button", className="button primary"),
    ]  # fmt: skip
    return html.Div([html.Div(fields, className="form-row"), html.Div(id=f"{prefix}-said", **{"aria-live": "polite"})])


def _choices(services: Services, viewer: Viewer) -> list[dict[str, Any]]:
    with services.registry.read() as connection:
        known = stores.listed(connection, viewer)
        page = shipment_views.listed(connection, viewer, limit=_MOST)
    open_ = [one for one in page.items if one["state"] != "closed"]
    groups = [
        {"group": "Stores", "items": [{"value": f"store:{one['id']}", "label": one["name"]} for one in known]},
        {"group": "Shipments", "items": [
            {"value": f"shipment:{one['id']}", "label": " · ".join(w for w in (one["reference"], one["lane"]) if w)}
            for one in open_
        ]},
    ]  # fmt: skip
    return [group for group in groups if group["items"]]


def bind(services: Services, viewer: Viewer, logger: str, *asked: object) -> str:
    """Carry the form out; the path of the subject's page.

    Raises:
        InvalidValue: names the field and the remedy.
        NotFound: there is no such shipment or store for this viewer.
    """
    chosen, role, start, reason = (one.strip() if isinstance(one, str) else "" for one in asked)
    kind, _, id_ = chosen.partition(":")
    if kind not in ("store", "shipment") or not id_:
        raise InvalidValue("Choose a shipment or a store.")
    now_ms = services.clock.now_ms()
    from_ms = now_ms
    if start == "first" and (state := services.journal.logger(logger)) is not None:
        first = next(iter(services.history.readings(logger, 0, now_ms + 1)), None)
        from_ms = min(state.first_heard_ms, now_ms if first is None else first.event_time_ms)
    new = bindings.NewBinding(logger, from_ms, role=role if role in ROLES else "product", reason=reason or None)
    with services.registry.write() as connection:
        if kind == "store":
            stores.shown(connection, viewer, id_)
            subject = Subject(SubjectKind.STORE, id_)
        else:
            subject = shipments.subject(shipments.exists(connection, viewer, id_))
        bindings.bind(connection, subject, new, who=viewer.id, now_ms=now_ms)
    return f"/{kind}s/{id_}"
