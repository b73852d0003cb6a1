"""The fields of the product-profile form: an input for each path of the format, folded rule by rule."""

from collections.abc import Iterable, Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import html

from coldchain.domain.finding import Severity
from dashboard.parts import product_form as form
from dashboard.parts import profile_words as words
from dashboard.parts.elements import card

Json = dict[str, Any]
FIELD, BOX, NOTE, SUMMARY, ACT = "product-field", "product-box", "product-note", "product-summary", "product-act"
SIDES = {"high": "above (high side)", "low": "below (low side)"}
RESETS = {"never": "never: it sums up for good", "on_return": "after each return", "window": "with each window"}
WINDOWS = {"": "none: the whole time", "rolling": "any stretch of a length", "calendar": "calendar days of a zone"}
QUANTITIES = {"temperature": "temperature", "humidity": "humidity"}
YES = {"no": "no", "yes": "yes"}
_SELECTS: dict[str, Mapping[str, str]] = {
    "kind": {key: f"{words.KIND_WORDS[key]} ({key})" for key in form.OF_KIND}, "direction": SIDES, "reset": RESETS,
    "window.kind": WINDOWS, "quantity": QUANTITIES, "inclusive": YES, "freeze_sensitive": YES,
    "severity": {one.word: one.word for one in Severity},
}  # fmt: skip
_TITLES = {
    "id": "Id", "alarm_profile.id": "Alarm profile", "name": "Name", "storage_class": "Storage class",
    "freeze_sensitive": "Sensitive to freezing",
    "low_c": "Lowest, °C", "high_c": "Highest, °C", "delta_h_kj_mol": "Activation energy ΔH, kJ/mol",
    "gas_constant_kj_mol_k": "Gas constant, kJ/(mol·K)", "gap_warming_c_per_min": "Warming in gaps, °C/min",
    "allowed": "Allowed in all", "length": "Length", "limit_c": "Limit, °C", "kind": "What counts",
    "severity": "Severity", "quantity": "Quantity", "direction": "Outside is", "limit": "Limit, °C, % RH or °C/h",
    "inclusive": "The limit itself is outside", "confirm_readings": "Readings in a row", "hold": "Hold",
    "reset": "Counting begins anew", "window.kind": "Counted within", "window.length": "Window",
    "window.zone": "Time zone", "hysteresis": "Hysteresis", "hysteresis_c": "Hysteresis, °C",
    "clear_hold": "Back in range for", "stages": "Only in these stages", "factor": "Reporting intervals",
    "below": "Less than (% of budget, or hours)", "peak_c": "Peak from, °C", "minor": "Minor after",
    "major": "Major after", "critical": "Critical after",
    "light_from_lux": "Light told from, lux", "shock_from_g": "Shock told from, g",
}  # fmt: skip
_PLACEHOLDERS = {
    "limit": "the label limit", "confirm_readings": "1", "hold": "30 min", "allowed": "24 h, or empty: no limit",
    "length": "24 h", "window.length": "24 h", "window.zone": "Europe/Berlin", "hysteresis": "as the alarm profile",
    "clear_hold": "10 min", "factor": "3", "delta_h_kj_mol": "83.144", "gas_constant_kj_mol_k": "0.0083144",
    "gap_warming_c_per_min": "0.5", "below": "25", "hysteresis_c": "0.5", "low_c": "none", "high_c": "none",
    "peak_c": "the label limit", "minor": "never", "major": "never", "critical": "never",
    "light_from_lux": "10", "shock_from_g": "5",
}  # fmt: skip
_WHERE = {"label_range": "Label range: ", "transport_range": "Transport range: "}


def cards(body: Json, *, new: bool, opened: Iterable[int] = ()) -> list[html.Section]:
    """The whole form for a body; of `new` profiles the id may be chosen, the rules of `opened` are unfolded."""
    return [
        card("Product", _row(body, ("id", "name", "storage_class", "freeze_sensitive"), fixed=() if new else ("id",))),
        card("Ranges", html.Div([_inputs(body, f"{name}.low_c", f"{name}.high_c")
                                 for name in ("label_range", "transport_range")], className="body")),
        card("Mean kinetic temperature",
             _row(body, ("delta_h_kj_mol", "gas_constant_kj_mol_k", "gap_warming_c_per_min")),
             *_list(body, form.WINDOWS, ("id", "length", "limit_c"), "window")),
        card("Stability budget",
             html.P("Time outside the label range that the goods tolerate. Hotter time charges milder bands too.",
                    className="note"),
             *_list(body, form.BUDGET, ("low_c", "high_c", "allowed"), "band")),
        card("Rules", _row(body, tuple(f"alarm_profile.{one}" for one in ("id", "hysteresis_c", "clear_hold"))),
             *_rules(body, set(opened)), html.Div(_adder(form.RULES, "Add a rule"), className="card-actions")),
        card("How bad an excursion is",
             html.P("By its peak and the time outside so far, beside the rules. It raises no alarm.", className="note"),
             *_list(body, form.MATRIX, ("direction", "peak_c", "minor", "major", "critical"), "row")),
        card("Light and shock",
             html.P("Context beside the goods: told on their pages, never judged, and no excuse.", className="note"),
             _row(body, ("context.light_from_lux", "context.shock_from_g"))),
    ]  # fmt: skip


def _row(body: Json, paths: tuple[str, ...], fixed: tuple[str, ...] = ()) -> html.Div:
    return html.Div(_inputs(body, *paths, fixed=fixed), className="body")


def _inputs(body: Json, *paths: str, fixed: tuple[str, ...] = ()) -> html.Div:
    return html.Div([_boxed(path, body, path, fixed=path in fixed) for path in paths], className="form-row")


def _list(body: Json, path: str, names: tuple[str, ...], noun: str) -> list[Any]:
    """The tables of a list, one line each, with a button to take each away."""
    lines = [
        html.Div([*(_boxed(f"{path}[{place}].{name}", table, name) for name in names),
                  _remover(path, place, f"Remove {noun} {place + 1}")], className="form-row")
        for place, table in enumerate(form.rows(body, path))
    ]  # fmt: skip
    shown = [html.Div(lines, className="body")] if lines else []
    return [*shown, html.Div(_adder(path, f"Add a {noun}"), className="card-actions")]


def _rules(body: Json, opened: set[int]) -> list[html.Details]:
    shown = []
    for place, rule in enumerate(form.rows(body, form.RULES)):
        start = f"{form.RULES}[{place}]"
        first = [_boxed(f"{start}.{name}", rule, name) for name in ("id", "kind", "severity")]
        more = [_boxed(f"{start}.{name}", rule, name) for name in form.RULE_FIELDS]
        summary = html.Summary(html.Span(id={"type": SUMMARY, "at": place}, className="rule-line"))
        fields = html.Div([*first, *more], className="form-row")
        removal = html.Div(_remover(form.RULES, place, "Remove this rule"), className="card-actions bare")
        shown.append(html.Details([summary, html.Div([fields, removal], className="body")], className="more",
                                  open=place in opened))  # fmt: skip
    return shown


def _boxed(path: str, table: Mapping[str, Any], field: str, *, fixed: bool = False) -> html.Div:
    """One input with the place for its remark; hidden while its rule has no use for it."""
    last = field.rpartition(".")[2]
    title = _WHERE.get(path.partition(".")[0], "") + _TITLES.get(field, _TITLES.get(last, field))
    name = {"type": FIELD, "at": path}
    value = form.shown(table, field)
    box = [_input(name, title, field if field in _SELECTS else last, field, value, fixed=fixed)]
    if last == "hold":
        box.append(html.Div(id={"type": NOTE, "at": path}, className="field-note"))
    return html.Div(box, id={"type": BOX, "at": path})


def _input(name: Json, title: str, kind: str, field: str, value: Any, *, fixed: bool) -> Any:
    if kind in _SELECTS:
        known = _SELECTS[kind]
        extra = {} if value in known else {str(value): str(value)}
        return dmc.Select(id=name, label=title, value=value, size="sm", allowDeselect=False,
                          data=[{"value": key, "label": said} for key, said in {**known, **extra}.items()])  # fmt: skip
    if kind == "stages":
        stages = [{"value": key, "label": said} for key, said in words.STAGE_WORDS.items()]
        return dmc.MultiSelect(id=name, label=title, value=value, size="sm", data=stages, placeholder="all")
    hint = _PLACEHOLDERS.get(field, _PLACEHOLDERS.get(kind, ""))
    if kind == "storage_class":
        return dmc.Autocomplete(id=name, label=title, value=value, size="sm", data=list(words.CLASS_WORDS))
    return dmc.TextInput(id=name, label=title, value=value, size="sm", placeholder=hint, readOnly=fixed)


def _adder(path: str, said: str) -> html.Button:
    return html.Button(said, id={"type": ACT, "do": "add", "list": path, "place": -1}, type="button",
                       className="button")  # fmt: skip


def _remover(path: str, place: int, said: str) -> html.Button:
    return html.Button("Remove", id={"type": ACT, "do": "remove", "list": path, "place": place}, type="button",
                       className="button", title=said, **{"aria-label": said})  # fmt: skip
