"""Beside the form of a product profile: its rules folded, what is wrong, and what differs from the current version."""

from typing import Any

from dash import html

from coldchain.domain.profile_compare import differences
from dashboard.parts import profile_blocks as blocks
from dashboard.parts import profile_words as words
from dashboard.parts import text
from dashboard.parts.elements import severity
from dashboard.parts.product_checks import Checked, rule_of
from dashboard.parts.product_form import RULES, Json, rows


def remark(said: str | None) -> Any:
    """What is worth a second look, under its field."""
    return None if said is None else html.Span(f"{said}.", className="status", **{"data-status": "at_risk"})


def rule_line(body: Json, place: int, found: Checked) -> list[Any]:
    """A folded rule: its severity, what it says, and whether something is wrong inside."""
    rules = rows(body, RULES)
    rule = rules[place] if place < len(rules) else {}
    inside = [one for one in found.mistakes if one.startswith(f"{RULES}[{place}].")]
    known = rule_of(body, place)
    said = words.when_words(known) if known is not None else words.KIND_WORDS.get(str(rule.get("kind")), "")
    shown: list[Any] = [
        severity(str(rule.get("severity", "info"))),
        html.B(str(rule.get("id") or "(without id)")),
        said,
    ]
    if inside:
        shown.append(html.Span(text.count(len(inside), "mistake"), className="status", **{"data-status": "excursion"}))
    elif any(one.field.startswith(f"{RULES}[{place}].") for one in found.remarks):
        shown.append(html.Span("see its hold", className="status", **{"data-status": "at_risk"}))
    return shown


def preview(start: Json, body: Json, found: Checked) -> list[Any]:
    """What is wrong, what is worth a second look, and what differs from the current version.

    Its first element says whether anything differs from what the form began with, for whoever would leave it.
    """
    begun = start.get("body")
    touched = bool(differences(begun if isinstance(begun, dict) else {}, body))
    shown: list[Any] = [html.Span(hidden=True, **{"data-unsaved": str(touched).lower()})]
    if found.profile is None:
        number = len(found.mistakes) + len(found.others)
        wrong = [*(f"{words.field_words(field)}: {said}" for field, said in found.mistakes.items()), *found.others]
        shown.append(html.Div([html.P(f"{text.count(number, 'mistake')}; nothing can be saved yet.", className="status",
                                      **{"data-status": "excursion"}), html.Ul([html.Li(one) for one in wrong])],
                              className="said-wrong"))  # fmt: skip
    against = start.get("against")
    if isinstance(against, dict):
        old, new = f"{against.get('id')} v{against.get('version')}", f"{body.get('id') or 'new'} v{start['next']}"
        shown.append(blocks.difference_table(differences(against, body), old, new))
    else:
        shown.append(html.P("A new product profile; there is nothing to compare it with.", className="note"))
    if found.profile is not None and found.remarks:
        shown.append(blocks.advice_block(found.remarks, found.profile, "Worth a second look"))
    return shown
