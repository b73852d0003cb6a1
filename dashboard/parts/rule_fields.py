"""The fields of each kind of rule, as cards: a policy's steps, a rota's layers and holidays, the routes."""

from collections.abc import Mapping
from typing import Any

from dash import html

from alerts.policy import ROLES
from coldchain.domain.finding import Severity
from coldchain.domain.shipment import Stage
from dashboard.parts.elements import card
from dashboard.parts.rule_form import button, choice, line, several
from dashboard.parts.rule_kinds import EVERYBODY
from dashboard.parts.rule_words import CHANNELS, Called
from dashboard.parts.rule_words import EVERYBODY as EVERYBODY_WORDS

Json = dict[str, Any]
Mistakes = Mapping[str, str]
CAUSES = {"high": "above the limit", "low": "below the limit", "silence": "silent"}
_MODES = {"all": "by all at once", "first": "by the first that works, in this order"}
_INFORMED = {"consignor": "the consignor", "consignee": "the consignee"}


def targets(known: Called) -> dict[str, str]:
    """Everybody and everything that a step may be aimed at, as `rule_kinds.coded` writes it."""
    found = {"on_call": EVERYBODY_WORDS}
    for id_, layers in known.layers.items():
        found |= {f"rota:{id_}:{layer}": f"on duty: {known.rotas.get(id_, id_)}, {layer}" for layer in layers}
    found |= {f"person:{id_}": name for id_, name in sorted(known.people.items(), key=lambda one: one[1])}
    found |= {f"endpoint:{id_}": f"program: {name}" for id_, name in known.endpoints.items()}
    return found | {f"party:{role}": f"the shipment's {role}" for role in ROLES}


def cards(kind: str, form: Json, known: Called, mistakes: Mistakes, *, new: bool) -> list[Any]:
    """The form of one rule."""
    if kind == "policy":
        return _policy(form, known, mistakes, new=new)
    if kind == "rota":
        return _rota(form, known, mistakes, new=new)
    return _routing(form, known, mistakes)


def _named(form: Json, mistakes: Mistakes, *, new: bool) -> list[Any]:
    words = "Lower-case letters, digits and hyphens; it never changes." if new else "It never changes."
    return [
        line("name", "Name", form.get("name"), mistakes),
        line("id", "Id", form.get("id"), mistakes, description=words, disabled=not new),
    ]


def _policy(form: Json, known: Called, mistakes: Mistakes, *, new: bool) -> list[Any]:
    whom = targets(known)
    steps = [
        _row(
            f"steps[{n}]", f"Step {n + 1}",
            [
                line(f"steps[{n}].after_min", "Minutes after the alarm", step.get("after_min"), mistakes,
                     inputProps={"inputMode": "numeric"}),
                several(f"steps[{n}].targets", "Who is told", step.get("targets") or [], whom, mistakes),
                several(f"steps[{n}].channels", "By", step.get("channels") or [], CHANNELS, mistakes),
                choice(f"steps[{n}].channel_mode", "How", step.get("channel_mode"), _MODES, mistakes,
                       allowDeselect=False),
            ],
            removable=len(form["steps"]) > 1,
        )
        for n, step in enumerate(form["steps"])
    ]  # fmt: skip
    last = line("repeat_last_min", "Repeat the last step every (minutes)", form.get("repeat_last_min"), mistakes,
                inputProps={"inputMode": "numeric"},
                description="Without end, until somebody answers. At most 240.")  # fmt: skip
    return [
        card("Policy", html.Div(_named(form, mistakes, new=new), className="body rule-fields")),
        card("Steps", *steps, html.Div([button("add", "steps", "Add a step")], className="body"),
             html.Div(last, className="body")),
    ]  # fmt: skip


def _rota(form: Json, known: Called, mistakes: Mistakes, *, new: bool) -> list[Any]:
    people = dict(sorted(known.people.items(), key=lambda one: one[1]))
    layers = [
        _row(
            f"layers[{n}]", f"Layer {n + 1}",
            [
                line(f"layers[{n}].name", "Name", layer.get("name"), mistakes),
                several(f"layers[{n}].people", "People, in the order of their turns", layer.get("people") or [],
                        people, mistakes),
                line(f"layers[{n}].turn", "Length of a turn", layer.get("turn"), mistakes,
                     description="daily, weekly, or hours such as 12h"),
                line(f"layers[{n}].from", "Begins", layer.get("from"), mistakes,
                     inputProps={"type": "datetime-local"}),
                line(f"layers[{n}].handover", "Hand-over at", layer.get("handover"), mistakes,
                     inputProps={"type": "time"}, description="Empty: the hour at which it begins"),
                line(f"layers[{n}].restrict", "Only at these hours", layer.get("restrict"), mistakes,
                     description="For example mon-fri 08:00-17:00; empty is always"),
            ],
            removable=len(form["layers"]) > 1,
        )
        for n, layer in enumerate(form["layers"])
    ]  # fmt: skip
    days = [
        _row(
            f"holidays[{n}]", f"Holiday {n + 1}",
            [
                line(f"holidays[{n}].date", "Day", day.get("date"), mistakes, inputProps={"type": "date"}),
                line(f"holidays[{n}].name", "Name", day.get("name"), mistakes),
                several(f"holidays[{n}].people", "Who stands in, one per layer", day.get("people") or [], people,
                        mistakes, description="Nobody: turns as usual"),
            ],
        )
        for n, day in enumerate(form["holidays"])
    ]  # fmt: skip
    zone = line("zone", "Time zone", form.get("zone"), mistakes, description="An IANA name such as Europe/Berlin")
    return [
        card("Rota", html.Div([*_named(form, mistakes, new=new), zone], className="body rule-fields")),
        card("Layers", *layers, html.Div([button("add", "layers", "Add a layer")], className="body")),
        card("Holidays", *days, html.Div([button("add", "holidays", "Add a holiday")], className="body")),
    ]


def _routing(form: Json, known: Called, mistakes: Mistakes) -> list[Any]:
    policies = {EVERYBODY: EVERYBODY_WORDS, **known.policies}
    severities = {severity.word: severity.word for severity in sorted(Severity, reverse=True)}
    stages = {stage.value: stage.value.replace("_", " ") for stage in Stage}
    rows = [_route(n, route, policies, severities, stages, mistakes) for n, route in enumerate(form["routes"])]
    otherwise = choice("otherwise", "Any other alarm goes by", form.get("otherwise"), policies, mistakes,
                       allowDeselect=False)  # fmt: skip
    words = html.P("The first route that matches decides. A field that is empty matches everything.", className="dim")
    return [
        card("Routes", html.Div(words, className="body"), *rows,
             html.Div([button("add", "routes", "Add a route")], className="body")),
        card("Otherwise", html.Div(otherwise, className="body rule-fields")),
    ]  # fmt: skip


def _route(
    n: int, route: Json, policies: Mapping[str, str], severities: Mapping[str, str], stages: Mapping[str, str],
    mistakes: Mistakes,
) -> html.Div:  # fmt: skip
    at, match = f"routes[{n}]", route.get("match") or {}
    words = [
        line(f"{at}.match.{name}", label, match.get(name), mistakes)
        for name, label in (("customer", "Customer"), ("product", "Product profile"), ("lane", "Lane"),
                            ("carrier", "Carrier"), ("site", "Site"))
    ]  # fmt: skip
    fields = [
        several(f"{at}.match.severity", "Severity", match.get("severity") or [], severities, mistakes),
        choice(f"{at}.match.cause", "Cause", match.get("cause"), CAUSES, mistakes, clearable=True),
        *words,
        choice(f"{at}.match.stage", "Stage", match.get("stage"), stages, mistakes, clearable=True),
        choice(f"{at}.policy", "Goes by", route.get("policy"), policies, mistakes, allowDeselect=False),
        several(f"{at}.inform", "Also informed, by mail", route.get("inform") or [], _INFORMED, mistakes),
    ]
    return _row(at, f"Route {n + 1}", fields, movable=n > 0)


def _row(at: str, title: str, fields: list[Any], *, removable: bool = True, movable: bool = False) -> html.Div:
    acts = []
    if movable:
        acts.append(button("up", at, "Move up", f"Move {title.lower()} up"))
    if removable:
        acts.append(button("drop", at, "Remove", f"Remove {title.lower()}"))
    top = html.Div([html.H3(title), html.Div(acts, className="actions")], className="rule-row-head")
    return html.Div([top, html.Div(fields, className="rule-fields")], className="rule-row")
