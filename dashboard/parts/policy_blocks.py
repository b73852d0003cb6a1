"""Policies as ladders, the routes as a table, and two versions of a policy side by side."""

from collections.abc import Mapping, Sequence
from difflib import ndiff
from typing import Any
from urllib.parse import urlencode

from dash import html

from coldchain.registry.versioned import Stored
from dashboard.parts import text
from dashboard.parts.elements import Column, card, link, moment, table
from dashboard.parts.rule_words import Called, inform_words, ladder, lines, match_words, policy_words
from dashboard.parts.states import empty


def edit(words: str, kind: str, id_: str = "", *, primary: bool = False) -> html.A:
    """A button to the editor."""
    query = {"kind": kind, "id": id_} if id_ else {"kind": kind}
    return html.A(words, href=f"/alarm-rules/edit?{urlencode(query)}", className=f"button{' primary' * primary}")


def rungs(body: Mapping[str, Any], known: Called) -> html.Ol:
    """A policy as a ladder: when, who, by what."""
    return html.Ol(
        [
            html.Li([html.Span(when, className="when"),
                     html.Div([html.Div(who), html.Span(how, className="dim small")])])
            for when, who, how in ladder(body, known)
        ],
        className="climb",
    )  # fmt: skip


def policies(found: Sequence[Stored], known: Called, *, may_edit: bool) -> html.Section:
    """Every policy in use, each as its ladder."""
    new = [edit("New policy", "policy")] if may_edit else []
    if not found:
        words = html.Span("Everybody who is marked as on call hears of each alarm at once, by mail and SMS.")
        return card("Policies", empty("There is no policy yet", words), right=new)
    blocks = [
        html.Div(
            [html.Div([html.H3(link(one.name, f"/policies/{one.id}")),
                       html.Span(f"version {one.version}", className="dim small")], className="rule-row-head"),
             rungs(one.body, known)],
            className="rule-row",
        )
        for one in found
    ]  # fmt: skip
    return card("Policies", *blocks, right=new)


def routing(body: Mapping[str, Any] | None, known: Called, *, may_edit: bool) -> html.Section:
    """The routes in their order, and where everything else goes."""
    change = [edit("Edit the routes", "routing")] if may_edit else []
    routes = list(body["routes"]) if body else []
    rows = [
        (str(n), match_words(route.get("match")), _policy(route.get("policy"), known),
         inform_words(route.get("inform") or []) or text.ABSENT)
        for n, route in enumerate(routes, start=1)
    ]  # fmt: skip
    rows.append(("", "any other", _policy(body.get("otherwise") if body else None, known), text.ABSENT))
    columns = [Column("Route"), Column("Alarms of"), Column("Go by"), Column("Also informed")]
    return card("Which alarm goes by which policy", table(columns, rows, "Routes, the first that matches decides"),
                right=change)  # fmt: skip


def _policy(id_: str | None, known: Called) -> Any:
    return policy_words(id_, known) if id_ is None else link(policy_words(id_, known), f"/policies/{id_}")


def versions(found: Sequence[Stored], known: Called, named: Mapping[str, str]) -> html.Section:
    """Every version: who, when, why, and what it changed."""
    rows = []
    for one, before in zip(found, [*found[1:], None], strict=True):
        rows.append((f"{one.version}", moment(one.recorded_ms), named.get(one.who, one.who), one.reason or text.ABSENT,
                     _difference(before, one, known)))  # fmt: skip
    columns = [Column("Version"), Column("When"), Column("Who"), Column("Why"), Column("What changed")]
    return card("Versions", table(columns, rows, "Versions, newest first"))


def _difference(before: Stored | None, after: Stored, known: Called) -> Any:
    if before is None:
        return "the first one"
    found = [one for one in ndiff(lines(before.body, known), lines(after.body, known)) if one[0] in "+-"]
    if not found:
        return "nothing that is read here"
    return html.Div([_changed(one) for one in found], className="lines")


def _changed(line: str) -> Any:
    words = line[2:].strip()
    if line[0] == "-":
        return html.Del([html.Span("was: ", className="visually-hidden"), words])
    return html.Ins([html.Span("is: ", className="visually-hidden"), words])
