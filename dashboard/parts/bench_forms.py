"""The forms of the page that makes a device profile: one field, the profile as a whole, and what follows saving."""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from coldchain.registry.viewer import Permission, Viewer
from dashboard.parts import text
from dashboard.parts.arriving import name
from dashboard.parts.bench import Bench
from dashboard.parts.elements import link
from dashboard.parts.logger_forms import catalogue_of
from dashboard.parts.profile_draft import FAULTS, FORMATS, MEASURED, RIDING, ROLES, UNIT_WORDS, UNITS, JsonObject
from dashboard.services import Services
from ingest.again import Again

CHANNELS = ("internal", "probe-1", "probe-2", "probe-3", "probe-4", "ambient", "board")
_SOURCE = ("device", "seq", "key")


def _pairs(values: Any) -> list[dict[str, str]]:
    return [{"value": key, "label": words} for key, words in values]


def field_form(bench: Bench) -> html.Div:
    """What a person says of the field that was clicked."""
    roles = [(key, words) for key, words in ROLES.items() if bench.sourced or key not in _SOURCE]
    small: dict[str, Any] = {"size": "sm"}
    boxes = [
        dmc.Select(id="field-role", label="It is", data=_pairs(roles), placeholder="choose", searchable=True,
                   allowDeselect=False, **small),
        _box("unit", dmc.Select(id="field-unit", label="Unit", data=[], placeholder="as its maker says", **small)),
        _box("channel", dmc.Autocomplete(id="field-channel", label="Channel", data=list(CHANNELS), value="internal",
                                         **small)),
        _box("special", dmc.TextInput(id="field-sentinels", label="Special values", placeholder="327.67, -127",
                                      description="Values that are codes and no measurement.", **small)),
        _box("means", dmc.Select(id="field-means", label="They mean", placeholder="choose",
                                 data=_pairs((one, one.replace("_", " ")) for one in FAULTS), **small)),
        _box("low", dmc.TextInput(id="field-low", label="Lowest the sensor can say", placeholder="-40", **small)),
        _box("high", dmc.TextInput(id="field-high", label="Highest", placeholder="85", **small)),
        _box("format", dmc.Select(id="field-format", label="Written as", data=_pairs(FORMATS.items()),
                                  placeholder="choose", **small)),
        _box("zone", dmc.TextInput(id="field-zone", label="Zone, if it names none", placeholder="Europe/Berlin",
                                   **small)),
        _box("words", dmc.TextInput(id="field-words", label="Words, with commas", placeholder="open", **small)),
    ]  # fmt: skip
    buttons = [
        html.Button("Take it for this", id="field-set", type="button", className="button primary"),
        html.Button("Leave it out", id="field-drop", type="button", className="button"),
    ]
    where = dmc.Select(id="field-scope", label="It stands", data=[], placeholder="choose", allowDeselect=False, **small)
    boxes.insert(0, html.Div(where, id="field-box-scope", hidden=True, className="wide"))
    about = html.P("Click a field of the message.", id="field-about", className="dim")
    return html.Div(
        [about, html.Div(boxes, className="form-row"), html.Div(buttons, className="card-actions bare"),
         html.Div(id="field-said", **{"aria-live": "polite"})],
        className="body",
    )  # fmt: skip


BOXES = ("unit", "channel", "special", "means", "low", "high", "format", "zone", "words")


def _box(key: str, inner: Any) -> html.Div:
    return html.Div(inner, id=f"field-box-{key}", hidden=True)


def boxes_of(role: str | None) -> set[str]:
    """Which parts of the form a role needs."""
    if role in MEASURED:
        return {"unit", "channel", "special", "means", "low", "high"}
    if role in RIDING:
        return {"unit", "special", "means", "low", "high"}
    needs = {
        "time": {"format", "zone"},
        "fault": {"channel", "words"},
        "door_open": {"words"},
        "device_alarm": {"words"},
    }
    return needs.get(role or "", set())


def units_of(role: str | None) -> list[dict[str, str]]:
    """The units of a quantity, none of them chosen."""
    return _pairs((one, UNIT_WORDS.get(one, one)) for one in UNITS.get(role or "", ()))


def whole_form(bench: Bench, draft: JsonObject) -> html.Div:
    """What a profile says as a whole."""
    fields: list[Any] = [
        dmc.TextInput(id="draft-name", label="Name of the model", value=draft.get("name", ""), size="sm"),
        dmc.TextInput(id="draft-id", label="Id", value=draft.get("id", ""), size="sm"),
        dmc.TextInput(id="draft-interval", label="Reports every (seconds)", size="sm", placeholder="leave empty if set",
                      value=f"{draft['interval_s']}" if "interval_s" in draft else ""),
    ]  # fmt: skip
    source = draft.get("source") or {}
    if bench.sourced and bench.message.envelope.transport == "mqtt":
        levels = bench.message.envelope.source.split("/")
        who = [(f"topic[{place}]", f"topic level {place + 1}: {name(level)}") for place, level in enumerate(levels)]
        fields += [
            dmc.TextInput(id="draft-topics", label="Topics", value=", ".join(source.get("topics", [])), size="sm",
                          description="+ stands for one level, such as each logger's name"),
            dmc.Select(id="draft-device", label="Who sent it", data=_pairs(who), size="sm",
                       value=source.get("device"), placeholder="choose, or click a field"),
        ]  # fmt: skip
    else:
        fields += [
            dmc.TextInput(id="draft-topics", label="Webhook", value=source.get("webhook", ""), size="sm",
                          description="the last part of /api/v1/ingest/…",
                          wrapperProps={} if bench.sourced else {"hidden": True}),
            html.Div(dmc.Select(id="draft-device", data=[], label="Who sent it"), hidden=True),
        ]  # fmt: skip
    return html.Div(fields, className="form-row")


def start_form(services: Services, bench: Bench, viewer: Viewer, chosen: str | None) -> html.Div:
    """Begin with a profile that exists: to use it as it is, or to make its next version."""
    catalogue = catalogue_of(services)
    entries = [one for one in catalogue.entries if catalogue.get(one.profile.id) == one]
    data = [
        {"value": one.profile.id, "label": f"{one.profile.name} ({one.profile.label})"}
        for one in sorted(entries, key=lambda one: one.profile.name.casefold())
    ]
    known = catalogue.get(chosen) if chosen else None
    fields: list[Any] = [
        dmc.Select(id="start-profile", label="A device profile that exists", data=data, searchable=True, clearable=True,
                   size="sm", placeholder="none: a new one", value=known.profile.id if known else None,
                   clearButtonProps={"aria-label": "Clear device profile"}, nothingFoundMessage="none"),
    ]  # fmt: skip
    if viewer.may(Permission.ADMINISTER) and not bench.sourced:
        fields += [
            dmc.TextInput(id="start-reason", label="Reason", size="sm", placeholder="the model on its label"),
            html.Button("Use it as it is", id="start-take", type="button", className="button"),
        ]
    else:
        fields += [
            html.Div([dmc.TextInput(id="start-reason", label="Reason"), html.Button(id="start-take")], hidden=True)
        ]
    return html.Div([html.Div(fields, className="form-row"), html.Div(id="start-said", **{"aria-live": "polite"})],
                    className="body")  # fmt: skip


def save_form(viewer: Viewer) -> html.Div:
    """The reason, and the button."""
    if not viewer.may(Permission.ADMINISTER):
        words = "An administrator saves device profiles; what you made here can be tried and looked at."
        hidden = html.Div([dmc.TextInput(id="save-reason", label="Reason"), html.Button(id="save-send")], hidden=True)
        return html.Div([html.P(words, className="dim"), hidden, html.Div(id="save-said")])
    fields = [
        dmc.TextInput(id="save-reason", label="Reason", size="sm", placeholder="new model at the Munich site"),
        html.Button("Save", id="save-send", type="button", className="button primary"),
    ]
    return html.Div([html.Div(fields, className="form-row"), html.Div(id="save-said", **{"aria-live": "polite"})])


def outlook(found: Again) -> html.P:
    """What decoding the kept messages again comes to."""
    if not found.changed:
        return html.P(f"{found.logger}: nothing that was kept would change.", className="note")
    become = f"would become {text.count(found.readings_after, 'reading')}"
    words = [
        f"{text.count(found.changed, 'kept message')} of {found.logger} {become}",
        f", {text.count(found.refused, 'value')} refused" if found.refused else "",
        f"; {text.count(found.not_understood, 'message')} stay not understood" if found.not_understood else "",
        ".",
    ]
    return html.P("".join(words), className="note")


def logger_link(logger: str, address: str) -> Any:
    """A logger by name."""
    return link(name(logger), address)
