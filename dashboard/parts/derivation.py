"""The panel "How was this computed": opened from any number that names its figure, on any page."""

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, dcc, html

from coldchain.domain.quantity import ms_from_iso
from coldchain.errors import InvalidValue
from coldchain.registry.summary import Period, Which
from coldchain.registry.summary_members import members
from coldchain.registry.viewer import Permission
from compliance import (
    batches,
    derivation_batch,
    derivation_groups,
    derivation_patterns,
    derivation_record,
    shipment_budget,
)
from compliance.derivation_patterns import Hour
from compliance.derivation_record import Asked
from compliance.inputs import Span
from dashboard.parts import security, text
from dashboard.parts.elements import facts, link, moment, tag
from dashboard.parts.states import attempt
from dashboard.services import Services

Json = dict[str, Any]
_ASKS = html.Span(", how was this computed?", className="visually-hidden")
_CLOSE = html.Button("Close", type="button", className="button", **{"data-derive-close": "1"})
_STALE = ". Something it rests on has changed since it was judged; it is judged again within moments."
_PLURAL = {"shipment": "shipments", "store": "stores", "batch": "batches"}
_FIELDS = ("product_profile", "lane", "carrier", "site", "customer")


def number(shown: Any, figure: str, **about: Any) -> Any:
    """A number that leads to its derivation: of a shipment, store or batch, or of a summary's row.

    `about` of a shipment is `shipment`, `logger`, `channel` and perhaps `leg` (its place); of a store `store`,
    `logger`, `channel` and perhaps `from`, `to` (moments) of a calendar window; of a batch `batch`; of a summary's row
    `from`, `to` (milliseconds) and what it is narrowed to, with `logger` of that offender's row, with `month` and
    `hour` of that cell of the seasons.
    """
    query = urlencode({"figure": figure, **{name: value for name, value in about.items() if value is not None}})
    return html.Button(
        [*(shown if isinstance(shown, list) else [shown]), _ASKS], type="button", className="derive",
        **{"data-derive": query, "aria-haspopup": "dialog"},
    )  # fmt: skip


def panel() -> list[Any]:
    """The panel and what it is asked for."""
    return [
        dcc.Store(id="derive-asked"),
        dmc.Drawer(
            [
                # Its own title line: the component's is a second banner of the page to who listens.
                html.Div([html.H2("How was this computed?", id="derive-title"), _CLOSE], className="derivation-head"),
                html.Div(id="derive-body", className="derivation"),
            ],
            id="derive-panel", opened=False, position="right", size="lg", withCloseButton=False,
            transitionProps={"duration": 0},  # half-way in, its words would have too little contrast to be read
        ),
    ]  # fmt: skip


def register(app: Dash, services: Services) -> None:
    """Opening happens in the browser; what the panel says is asked of the server, under the viewer."""
    app.clientside_callback(
        ClientsideFunction("coldchain", "openDerivation"),
        Output("derive-panel", "opened"),
        Output("derive-body", "children", allow_duplicate=True),
        Input("derive-asked", "data"),
        prevent_initial_call=True,
    )

    @security.secured(
        app,
        Output("derive-body", "children"),
        Input("derive-asked", "data"),
        perm=Permission.VIEW,
        prevent_initial_call=True,
    )
    def body(asked: object) -> Any:
        query = asked.get("query") if isinstance(asked, dict) else None
        if not isinstance(query, str):
            return dash.no_update
        return attempt("derivation", lambda: content(found(services, query[:2000]), query))


def found(services: Services, query: str) -> Json:
    """The derivation that a number asks for, for the viewer of this request.

    Raises:
        NotFound: no such shipment or figure for this viewer.
        InvalidValue: the question makes no sense.
    """
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    figure, viewer = asked.get("figure", ""), security.viewer()
    with services.registry.read() as connection:
        if "batch" in asked:
            batch = batches.load(connection, services.history, viewer, asked["batch"], services.clock.now_ms())
            return derivation_batch.derive(batch, figure)
        of = Asked(figure, asked.get("logger"), asked.get("channel"), _place(asked.get("leg")), _within(asked))
        if "shipment" in asked and figure.startswith(shipment_budget.PREFIX):
            return shipment_budget.derive(connection, viewer, asked["shipment"], figure, services.clock.now_ms())
        if "shipment" in asked:
            return derivation_record.of_shipment(connection, services.history, viewer, asked["shipment"], of)
        if "store" in asked:
            return derivation_record.of_store(connection, services.history, viewer, asked["store"], of)
        which = Which(**{name: asked.get(name) for name in _FIELDS})
        period, now_ms = _period(asked), services.clock.now_ms()
        if "logger" in asked:
            return derivation_patterns.of_logger(connection, viewer, period, which, asked["logger"], figure, now_ms)
        if "month" in asked:
            cell = Hour(asked["month"], _place(asked.get("hour")) or 0, None, services.settings.zone)
            return derivation_patterns.of_hour(connection, viewer, period, which, cell, figure, now_ms)
        some = members(connection, viewer, period, which)
    return derivation_groups.derive(some, figure, now_ms)


def _place(text_: str | None) -> int | None:
    return int(text_) if text_ is not None and text_.isdecimal() and len(text_) < 6 else None


def _within(asked: dict[str, str]) -> Span | None:
    """The calendar window of a store that a number is of."""
    if "store" not in asked or not {"from", "to"} <= asked.keys():
        return None
    return Span(ms_from_iso(asked["from"]), ms_from_iso(asked["to"]))


def _period(asked: dict[str, str]) -> Period:
    try:
        return Period(int(asked["from"]), int(asked["to"]))
    except (KeyError, ValueError) as error:
        raise InvalidValue("from and to: the milliseconds of a period belong here") from error


def content(said: Json, query: str) -> list[Any]:
    """The panel's content: the result, the formula with its numbers, the steps, the parts, and what it rests on."""
    result = html.Div(
        [html.Span(_result(said), className="figure-value num"), html.Span(said["title"], className="label")],
        className="derivation-result",
    )
    parts: list[Any] = [result]
    if said["reason"]:
        parts.append(html.P(["There is no figure: ", said["reason"]]))
    if not said["agrees"]:
        stated = "nothing" if said["stated"] is None else said["stated"]
        parts.append(html.P(["The record says ", html.Strong(str(stated)), _STALE], className="warning"))
    parts += [html.H3("Formula"), html.Pre(said["formula"])]
    if said["numbers"]:
        parts += [html.H3("With the numbers put in"), html.Pre(said["numbers"])]
    if said["steps"]:
        parts += [html.H3("Steps"), html.Ol([html.Li([step["what"], html.Span(step["value"], className="num")])
                                             for step in said["steps"]], className="steps")]  # fmt: skip
    parts += _table(said)
    parts += [html.H3("Rounding"), html.P(_rounding(said))]
    parts += [html.P(remark, className="dim small") for remark in said["remarks"]]
    parts += [html.H3("What it rests on"), facts(_basis(said)), _links(said, query)]
    return parts


def _result(said: Json) -> str:
    shown = said["printed"]
    if shown is None:
        return text.ABSENT
    if said["rounding"] == "none":
        return str(shown)
    if not said["unit"]:  # a number of things
        return text.minus(said["exact"]) if said["exact"].isdecimal() else text.minus(shown)
    return text.minus(f"{shown} {said['unit']}")


def _rounding(said: Json) -> list[Any]:
    if said["rounding"] == "none" or (not said["unit"] and said["exact"].isdecimal()):
        return ["Not rounded."]
    exact = f"{said['exact']} {said['unit']}".strip()
    return ["Exact: ", html.Span(exact, className="num"), ". Printed: ", said["rounding"], "."]


def _table(said: Json) -> list[Any]:
    rows = said["table"]
    if not rows or not rows["rows"]:
        return []
    ids = said.get("parts") or {name: f"/shipments/{id_}" for name, id_ in (said.get("shipments") or {}).items()}
    by_reference: Json = ids if isinstance(ids, dict) else {}
    body = [_row(cells, by_reference) for cells in rows["head"]]
    if rows["left_out"]:
        words = f"… {rows['left_out']:,} more, left out here …"
        body.append(html.Tr(html.Td(words, colSpan=len(rows["columns"]), className="dim")))
    body += [_row(cells, by_reference) for cells in rows["tail"]]
    head = html.Thead(html.Tr([html.Th(name, scope="col") for name in rows["columns"]]))
    caption = html.Caption(f"Parts of {said['title'].lower()}", className="visually-hidden")
    table = html.Table([caption, head, html.Tbody(body)], className="plain")
    label = f"Parts of {said['title'].lower()}"
    return [
        html.H3(f"Parts ({rows['rows']:,})"),
        html.Div(table, className="scroller", tabIndex="0", role="region", **{"aria-label": label}),
    ]


def _row(cells: list[str], ids: Json) -> html.Tr:
    first: Any = link(cells[0], ids[cells[0]]) if cells[0] in ids else cells[0]
    return html.Tr([html.Td(first), *(html.Td(cell, className="num") for cell in cells[1:])])


def _basis(said: Json) -> list[tuple[str, Any]]:
    inputs, engine = said["inputs"], said["engine"]
    pairs: list[tuple[str, Any]] = [("Method", html.Span(said["method_id"], className="mono"))]
    if "readings" in inputs:
        offsets = inputs["offsets"]
        gaps = f"{inputs['gaps']:,} ({inputs['gap_s']:,.0f} s unknown)" if inputs["gaps"] else "none"
        pairs += [
            ("Channel", f"{said['logger']}/{said['channel']}"),
            ("Readings", f"{inputs['readings']:,}" + (f", journal offsets {offsets['first']} to {offsets['last']}"
                                                      if offsets else "")),
            ("First", moment(inputs["first"], "second") if inputs["first"] else ""),
            ("Last", moment(inputs["last"], "second") if inputs["last"] else ""),
            ("Interval", f"{inputs['interval_s']:g} s, {inputs['interval_source']}"),
            ("Gaps", gaps),
            *([("Part", [said.get("part", ""), " ", *_stretch(inputs["within"])])] if "within" in inputs else []),
            ("As of", moment(inputs["as_of"], "second")),
            ("Product profile", f"{said['profile']['id']} v{said['profile']['version']}"),
        ]  # fmt: skip
    elif "parts" in inputs:
        pairs += [
            ("Shipments and stays", f"{inputs['parts']:,}, {inputs['judged']:,} of them judged"),
            ("Unknown", text.duration(inputs["unknown_s"])),
            ("As of", moment(inputs["as_of"], "second")),
            ("Product profile", _profile(said["profile"])),
        ]
    else:
        pairs += [
            ("Shipments", f"{inputs['shipments']:,}, {inputs['judged']:,} of them judged"),
            ("Departed", [moment(inputs["first"]), " to ", moment(inputs["last"])] if inputs["first"] else ""),
            ("Product profiles", [tag(one.replace("@", " v")) for one in said["profiles"]]),
        ]
    pairs.append(("Engine", f"version {engine['version']}"))
    if engine.get("config_hash"):
        pairs.append(("Rules", html.Span(engine["config_hash"], className="mono")))
    return pairs


def _profile(said: Json | None) -> str:
    return f"{said['id']} v{said['version']}" if said else ""


def _stretch(span: Json) -> list[Any]:
    return [moment(span["from"]), " to ", moment(span["to"])] if span["to"] else ["from ", moment(span["from"])]


def _links(said: Json, query: str) -> html.Div:
    links = []
    if "readings" in said:
        links.append(html.A("The readings as CSV", href=said["readings"], className="button", download=""))
    of = next(((noun, said[noun]) for noun in ("shipment", "store", "batch") if noun in said), None)
    if of is not None:
        noun, id_ = of
        api = urlencode([pair for pair in parse_qsl(query) if pair[0] != noun])
        links.append(html.A("This derivation as JSON", className="button", download="",
                            href=f"/api/v1/{_PLURAL[noun]}/{id_}/derivation?{api}"))  # fmt: skip
    return html.Div(links, className="dialog-actions")
