"""Policies, rotas and routes as forms: from a rule to its fields, and from the fields back to the rule."""

import re
from collections.abc import Mapping
from typing import Any

from alerts.rota_format import WEEKDAYS

Json = dict[str, Any]
EVERYBODY = "-"  # the choice "everybody on call", which a rule writes as null
NEW_STEP: Json = {"after_min": "", "targets": [], "channels": ["email", "sms"], "channel_mode": "all"}
NEW_LAYER: Json = {"name": "", "people": [], "turn": "weekly", "from": "", "handover": "", "restrict": ""}
NEW_HOLIDAY: Json = {"date": "", "name": "", "people": []}
NEW_ROUTE: Json = {"match": {}, "policy": EVERYBODY, "inform": []}
BLANK: dict[str, Json] = {
    "policy": {"id": "", "name": "", "repeat_last_min": "10", "steps": [{**NEW_STEP, "after_min": "0"}]},
    "rota": {"id": "", "name": "", "zone": "UTC", "layers": [{**NEW_LAYER, "name": "primary"}], "holidays": []},
    "routing": {"routes": [], "otherwise": EVERYBODY},
}  # fmt: skip
ROWS = {"steps": NEW_STEP, "layers": NEW_LAYER, "holidays": NEW_HOLIDAY, "routes": NEW_ROUTE}
_WINDOW = re.compile(r"(\d\d:\d\d)\s*[-–]\s*(\d\d:\d\d)\Z")
_HOURS_WORDS = "is not understood: write for example mon-fri 08:00-17:00, sat 09:00-12:00; empty is always"


def to_form(kind: str, id_: str, body: Mapping[str, Any]) -> Json:
    """A rule as its form shows it."""
    if kind == "policy":
        steps = [
            {"after_min": str(step["after_min"]), "targets": [coded(one) for one in step["targets"]],
             "channels": step.get("channels") or ["email", "sms"], "channel_mode": step.get("channel_mode", "all")}
            for step in body["steps"]
        ]  # fmt: skip
        return {"id": id_, "name": body["name"], "repeat_last_min": str(body["repeat_last_min"]), "steps": steps}
    if kind == "rota":
        layers = [{**NEW_LAYER, **layer, "restrict": hours_words(layer.get("restrict"))} for layer in body["layers"]]
        days = [{**day, "people": day.get("people") or []} for day in body.get("holidays") or []]
        return {"id": id_, "name": body["name"], "zone": body["zone"], "layers": layers, "holidays": days}
    routes = [
        {"match": dict(route.get("match") or {}), "policy": route.get("policy") or EVERYBODY,
         "inform": route.get("inform") or []}
        for route in body["routes"]
    ]  # fmt: skip
    return {"routes": routes, "otherwise": body.get("otherwise") or EVERYBODY}


def from_form(kind: str, form: Json) -> tuple[Json, dict[str, str]]:
    """The rule that a form describes, and what the form itself could not read; the rest the rule's own check finds."""
    if kind == "policy":
        return _policy(form), {}
    if kind == "rota":
        return _rota(form)
    return _routing(form), {}


def _policy(form: Json) -> Json:
    steps = [
        {"after_min": _number(step.get("after_min")), "targets": [decoded(one) for one in step.get("targets") or []],
         "channels": step.get("channels") or [], "channel_mode": step.get("channel_mode") or "all"}
        for step in form.get("steps", [])
    ]  # fmt: skip
    return {"name": form.get("name", ""), "steps": steps, "repeat_last_min": _number(form.get("repeat_last_min"))}


def _rota(form: Json) -> tuple[Json, dict[str, str]]:
    layers, mistakes = [], {}
    for number, layer in enumerate(form.get("layers", [])):
        made = {"name": layer.get("name", ""), "people": layer.get("people") or [], "turn": layer.get("turn", ""),
                "from": layer.get("from", "")}  # fmt: skip
        if layer.get("handover"):
            made["handover"] = layer["handover"]
        hours = hours_of(str(layer.get("restrict") or ""))
        if hours is None and str(layer.get("restrict") or "").strip():
            mistakes[f"layers[{number}].restrict"] = _HOURS_WORDS
        layers.append({**made, "restrict": hours})
    days = [
        {"date": day.get("date", ""), "name": day.get("name", ""), "people": day.get("people") or None}
        for day in form.get("holidays", [])
    ]  # fmt: skip
    return {"name": form.get("name", ""), "zone": form.get("zone", ""), "layers": layers, "holidays": days}, mistakes


def _routing(form: Json) -> Json:
    routes = []
    for route in form.get("routes", []):
        match = {name: value for name, value in (route.get("match") or {}).items() if value}
        made: Json = {"match": match, "policy": _null(route.get("policy"))}
        routes.append({**made, "inform": route["inform"]} if route.get("inform") else made)
    return {"routes": routes, "otherwise": _null(form.get("otherwise"))}


def _null(value: object) -> str | None:
    return None if value in (None, "", EVERYBODY) else str(value)


def _number(value: object) -> Any:
    text = str(value or "").strip()
    return int(text) if text.isdecimal() and len(text) < 7 else text


def coded(target: Mapping[str, Any]) -> str:
    """A target as one word: rota:lab:primary, person:…, party:consignor, on_call."""
    kind = str(target["kind"])
    rest = [str(target[name]) for name in ("id", "layer", "role") if target.get(name)]
    return ":".join([kind, *rest])


def decoded(word: str) -> Json:
    """The target that a word stands for."""
    kind, _, rest = word.partition(":")
    if kind == "rota":
        id_, _, layer = rest.partition(":")
        return {"kind": kind, "id": id_, "layer": layer}
    if kind == "party":
        return {"kind": kind, "role": rest}
    return {"kind": kind, "id": rest} if rest else {"kind": kind}


def hours_words(hours: Mapping[str, Any] | None) -> str:
    """Hours as a person writes them: mon-fri 08:00-17:00, sat 09:00-12:00."""
    if not hours:
        return ""
    runs: list[tuple[str, str, str]] = []
    for day in WEEKDAYS:
        windows = " ".join(f"{low}-{high}" for low, high in hours.get(day, []))
        if not windows:
            continue
        if runs and runs[-1][2] == windows and WEEKDAYS.index(runs[-1][1]) + 1 == WEEKDAYS.index(day):
            runs[-1] = (runs[-1][0], day, windows)
        else:
            runs.append((day, day, windows))
    return ", ".join(f"{a if a == b else f'{a}-{b}'} {windows}" for a, b, windows in runs)


def hours_of(words: str) -> dict[str, list[list[str]]] | None:
    """Hours as a rota writes them; None where there are none, or where the words make no sense."""
    found: dict[str, list[list[str]]] = {}
    for part in words.lower().replace(";", ",").split(","):
        days, *windows = part.split() or [""]
        read = [_WINDOW.match(one) for one in windows]
        first, _, last = days.replace("–", "-").partition("-")
        if not windows or not all(read) or first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            return None
        span = range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1)
        for place in span:
            found.setdefault(WEEKDAYS[place], []).extend([one[1], one[2]] for one in read if one)
    return found or None
