"""The blocks of a product profile's page: what it demands, its versions, what differs, and whom it judges."""

from collections.abc import Iterable, Mapping
from typing import Any

from dash import html

from coldchain.domain.finding import SubjectKind
from coldchain.domain.profile import ProductProfile
from coldchain.domain.profile_advice import Advice
from coldchain.domain.profile_compare import Difference, spelled
from coldchain.registry.profile_uses import Use
from coldchain.registry.profiles import StoredProfile
from dashboard.parts import profile_words as words
from dashboard.parts import text
from dashboard.parts.elements import (
    STATE_WORDS,
    Column,
    Figure,
    card,
    facts,
    figures,
    link,
    moment,
    severity,
    table,
)
from dashboard.parts.states import empty

Body = Mapping[str, Any]
# What has a place of its own on the page; everything else that a body holds is shown as it is written.
SHOWN = frozenset({
    "id", "version", "name", "storage_class", "proposal", "freeze_sensitive", "delta_h_kj_mol",
    "gas_constant_kj_mol_k", "gap_warming_c_per_min", "label_range", "transport_range", "stability_budget",
    "mkt_windows", "alarm_profile",
})  # fmt: skip
Names = Mapping[str, str]


def state_mark(state: str) -> html.Span:
    """Proposal, approved or retired, by glyph and word; a proposal is told wherever a version is named."""
    return html.Span(words.STATE_WORDS.get(state, state), className="approval", **{"data-state": state})


def address(profile_id: str, version: int | None = None) -> str:
    """The page of a profile, or of one of its versions."""
    return f"/product-profiles/{profile_id}" + ("" if version is None else f"?version={version}")


def version_link(profile_id: str, version: int, state: str | None) -> html.Span:
    """A profile's version as it is named on other pages, marked while it is a proposal."""
    mark = [] if state in (None, "approved") else [" ", state_mark(str(state))]
    return html.Span([link(f"{profile_id} v{version}", address(profile_id, version)), *mark])


def judged_by(shown: Body, state: str | None) -> Any:
    """The product profile of a shipment or store among its facts; empty where it has none."""
    if not shown["product_profile"]:
        return ""
    return version_link(shown["product_profile"], shown["product_profile_version"], state)


def who_words(who: str | None, names: Names) -> str:
    """A person's or program's name."""
    return "" if who is None else names.get(who, who)


def demands(profile: ProductProfile) -> html.Div:
    """The ranges and the constants in figures."""
    relief = "may excuse a short high excursion" if profile.mkt_relief else "excuses nothing"
    mkt = "frozen goods have none" if profile.frozen else relief
    return figures([
        Figure("Label range", words.range_words(profile.label), "the limits themselves are inside"),
        Figure("Transport range", words.range_words(profile.transport), "around the package" if profile.transport
               else "none is given"),
        Figure("Storage class", words.CLASS_WORDS.get(profile.storage_class, profile.storage_class),
               "sensitive to freezing" if profile.freeze_sensitive else "not sensitive to freezing"),
        Figure("Mean kinetic temperature", f"ΔH {text.minus(f'{profile.delta_h_kj_mol.normalize():f}')} kJ/mol",
               f"{mkt}; in gaps the goods may warm by {words.milli_limit(profile.gap_warming_mc_per_min)} a minute"),
    ])  # fmt: skip


def budget_table(profile: ProductProfile) -> Any:
    """Time that the goods may spend outside, and the windows of the mean kinetic temperature."""
    bands = [(words.range_words(one.range), words.band_words(one)) for one in profile.budget]
    windows = [(one.id, words.window_words(one)) for one in profile.windows]
    if not bands and not windows:
        return empty("No time outside the label range is allowed for", html.Span("No budget, no MKT window."))
    shown: list[Any] = []
    if bands:
        shown.append(table((Column("Between"), Column("Allowed in all", numeric=True)), bands, "Stability budget"))
    if windows:
        shown.append(table((Column("MKT window"), Column("Demands")), windows, "MKT windows"))
    return html.Div(shown, className="stack-flat")


def rule_table(profile: ProductProfile) -> Any:
    """The rules, the worst first."""
    if not profile.rules:
        return empty("No rules", html.Span("Excursions are recorded, and nobody is told."))
    ordered = sorted(profile.rules, key=lambda rule: -int(rule.severity))
    rows = [
        (severity(rule.severity.word), _sentence(words.when_words(rule, profile.label)), words.returns_words(rule),
         html.Span(rule.id, className="mono"))
        for rule in ordered
    ]  # fmt: skip
    columns = (Column("Severity"), Column("Fires"), Column("Returns"), Column("Rule"))
    return html.Div(table(columns, rows, "Rules, the worst first"), className="rules-table")


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:]


def other_parts(body: Body) -> list[html.Section]:
    """Whatever else the format holds, one card each, so that nothing that judges goods stays unseen."""
    return [
        card(words.field_words(name), html.Div(_written(name, value), className="stack-flat"))
        for name, value in body.items()
        if name not in SHOWN
    ]


def _written(name: str, value: Any) -> list[Any]:
    if not isinstance(value, Mapping):
        return [html.P(words.value_words(value), className="body")]
    lists = {key: one for key, one in value.items() if _tables(one)}
    plain = [
        (words.field_words(key), words.value_words(one)) for key, one in spelled(value).items() if key not in lists
    ]
    shown: list[Any] = [_table(words.field_words(f"{name}.{key}"), rows) for key, rows in lists.items()]
    return [*shown, html.Div(facts(plain), className="body")] if plain else shown


def _tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _table(caption: str, tables: list[Mapping[str, Any]]) -> html.Div:
    rows = [spelled(one) for one in tables]
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = [[words.value_words(row[name]) if name in row else text.ABSENT for name in names] for row in rows]
    return table([Column(words.field_words(name)) for name in names], shown, caption)


def versions_table(found: list[StoredProfile], chosen: int, names: Names, counts: Mapping[int, str]) -> Any:
    """Every version with who, when, why and by whom it was approved."""
    columns = (Column("Version"), Column("State"), Column("Saved"), Column("Why"), Column("Approved"),
               Column("Judges now"), Column("Compare"))  # fmt: skip
    newest = found[0].profile.version
    rows = []
    for one in found:
        version = one.profile.version
        name: Any = html.B(f"{version}, shown here") if version == chosen else link(
            str(version), address(one.profile.id, version))  # fmt: skip
        against = newest if version != newest else (found[1].profile.version if len(found) > 1 else None)
        rows.append((
            name, state_mark(one.state), _act(one.recorded_ms, who_words(one.who, names)), one.reason or text.ABSENT,
            _act(one.approved_ms, who_words(one.approved_by, names)), counts.get(version, text.ABSENT),
            _compare_link(one.profile.id, version, against),
        ))  # fmt: skip
    return table(columns, rows, "Versions")


def _compare_link(profile_id: str, version: int, against: int | None) -> Any:
    if against is None:
        return text.ABSENT
    old, new = sorted((version, against))
    return link(f"with {against}", f"/product-profiles/{profile_id}?version={version}&from={old}&to={new}#compare")


def _act(at_ms: int | None, who: str) -> Any:
    if at_ms is None:
        return text.ABSENT
    return html.Div([moment(at_ms), html.Span(who, className="dim small")], className="lines")


def difference_table(found: Iterable[Difference], old: str, new: str) -> Any:
    """Field by field what differs, old beside new."""
    rows = [(words.field_words(one.field), _side(one.old, "old"), _side(one.new, "new")) for one in found]
    if not rows:
        return empty("No difference", html.Span("Every limit, rule and constant is the same."))
    return table((Column("What"), Column(old), Column(new)), rows, f"What differs between {old} and {new}")


def _side(value: Any, side: str) -> html.Span:
    return html.Span(words.value_words(value), className="side", **{"data-side": "none" if value is None else side})


def advice_block(found: Iterable[Advice], profile: ProductProfile, title: str) -> html.Div:
    """Remarks that do not stop anybody."""
    said = [html.Li(f"{_rule_of(one.field, profile)}: {one.words}.") for one in found]
    return html.Div([html.P(title, className="sub-head"), html.Ul(said)], className="remarks")


def _rule_of(field: str, profile: ProductProfile) -> str:
    place = field.partition("[")[2].partition("]")[0]
    rules = profile.rules
    return f"Rule {rules[int(place)].id}" if place.isdecimal() and int(place) < len(rules) else words.field_words(field)


def uses_table(found: list[Use], newest: int) -> Any:
    """Which shipments and stores are judged by which version now."""
    if not found:
        return empty("Nothing is judged by it now")
    rows = [
        (
            link(one.name, f"/{one.kind.value}s/{one.id}"),
            "store" if one.kind is SubjectKind.STORE else f"shipment, {STATE_WORDS.get(one.state or '', one.state)}",
            f"{one.version}" if one.version == newest else f"{one.version} (kept)",
            moment(one.since_ms),
            one.reason or text.ABSENT,
        )
        for one in found
    ]
    columns = (Column("Name"), Column("Kind"), Column("Version"), Column("Since"), Column("Why"))
    return table(columns, rows, "What it judges now")


def count_words(of: Mapping[str, int]) -> str:
    """How many shipments and stores, in words."""
    named = [(SubjectKind.SHIPMENT, "shipment"), (SubjectKind.STORE, "store")]
    parts = [text.count(of[kind.value], noun) for kind, noun in named if of.get(kind.value)]
    return ", ".join(parts) or text.ABSENT
