"""People and how they are reached: each address with whether it was proved, hours, drills; parties and programs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from dash import html

from coldchain.registry.endpoints import Endpoint
from coldchain.registry.people import Person
from dashboard.parts import text
from dashboard.parts.elements import Column, card, moment, table, tag
from dashboard.parts.rule_kinds import hours_words
from dashboard.parts.states import empty

LANGUAGES = {"en": "English", "de": "German"}
CHANNELS = {"email": "mail", "sms": "SMS"}


class Reached(NamedTuple):
    """A person, the hours that were agreed with them, and what the last drill by each channel came to."""

    person: Person
    has_phone: bool  # also where the number itself is not the viewer's to see
    working_hours: Mapping[str, Any] | None
    quiet_hours: Sequence[str] | None
    digest_at: str | None
    duties: Sequence[str]
    drills: Mapping[str, Any]


def act(words: str, what: str, *, label: str = "") -> html.Button:
    """A button that asks the server for one act on a contact."""
    said = {"data-contact-act": what, **({"aria-label": label} if label else {})}
    return html.Button(words, type="button", className="button", **said)


def people(
    found: Sequence[Reached], *, me: str, may_send: bool, now_ms: int, hours_of: Collection[str] = ()
) -> html.Div:  # fmt: skip
    """Who may be called, oneself first, then the others: how they are reached and whether it works.

    `hours_of` are those whose hours may be set.
    """

    def listed(some: Sequence[Reached]) -> html.Ul:
        own_first = sorted(some, key=lambda one: one.person.id != me)
        rows = [_person(one, me, may_send, now_ms, one.person.id in hours_of) for one in own_first]
        return html.Ul(rows, className="contacts")

    called = [one for one in found if one.duties or one.person.on_call]
    others = [one for one in found if one not in called]
    nobody = empty("Nobody is on call", html.Span("Alarms reach no one. Mark somebody as on call, or make a rota."))
    return html.Div(
        [
            card("On call", listed(called) if called else nobody, right=html.Span(_summary(called), className="dim")),
            card("Others", listed(others), right=html.Span(str(len(others)), className="dim")) if others else None,
        ],
        className="stack",
    )


def _summary(called: Sequence[Reached]) -> str:
    """How many there are, and of how many the way to them is not known to work."""
    single = sum(not one.has_phone for one in called)
    unproved = sum(
        one.person.email_verified_ms is None or (one.has_phone and one.person.phone_verified_ms is None)
        for one in called
    )
    parts = [text.count(len(called), "person", "people")] if called else []
    parts += [f"{unproved} with an address that is not verified"] if unproved else []
    return ", ".join([*parts, *([f"{single} without a phone number"] if single else [])])


def _person(one: Reached, me: str, may_send: bool, now_ms: int, may_set: bool) -> html.Li:
    person = one.person
    marks: list[Any] = [tag(person.role)]
    if person.on_call:
        marks += [" ", tag("on call")]
    marks += [part for duty in one.duties for part in (" ", tag(f"on duty: {duty}"))]
    own = person.id == me
    may_ask = may_send or own
    ways = [_way(one, "email", may_ask=may_ask, may_send=may_send, now_ms=now_ms)]
    if one.has_phone:
        ways.append(_way(one, "sms", may_ask=may_ask, may_send=may_send, now_ms=now_ms))
    elif person.on_call:
        ways.append(html.Li(_warning("No phone number: a critical alarm has only one way")))
    name = [html.Strong(person.name), " (you)" if own else ""]
    return html.Li([html.Div([html.Div(name), html.Div(marks)]), html.Ul(ways, className="ways"), _hours(one, may_set)])


def _way(one: Reached, channel: str, *, may_ask: bool, may_send: bool, now_ms: int) -> html.Li:
    person = one.person
    address = person.email if channel == "email" else person.phone
    proved_ms = person.email_verified_ms if channel == "email" else person.phone_verified_ms
    what = {"email": "Mail", "sms": "SMS"}[channel]
    proof: Any = _warning("not verified") if proved_ms is None else html.Span(["verified ", moment(proved_ms, "date")])
    acts: list[Any] = []
    if may_ask:
        acts.append(act("Verify", f"proof:{person.id}:{channel}", label=f"Verify: {person.name}, {what}"))
    if may_send:
        acts.append(act("Send a drill", f"drill:{person.id}:{channel}", label=f"Send a drill: {person.name}, {what}"))
    words = [html.Span(what, className="dim"), f" {address} " if address else " ", proof]
    return html.Li([html.Div([html.Div(words), html.Div(drill_words(one.drills.get(channel), now_ms))]),
                    html.Div(acts, className="acts")])  # fmt: skip


def drill_words(row: Any, now_ms: int) -> Any:
    """What the last drill came to."""
    if row is None:
        return html.Span("no drill yet", className="dim small")
    if row.answered_ms is not None:
        return html.Span(["last drill answered ", moment(row.answered_ms, "ago")], className="dim small")
    if row.due_ms <= now_ms:
        return html.Span([_warning("last drill not answered"), " ", moment(row.sent_ms, "ago")], className="small")
    return html.Span(["drill sent, answer due ", moment(row.due_ms)], className="dim small")


def _warning(words: str) -> html.Span:
    return html.Span(words, className="status", **{"data-status": "at_risk"})


def _hours(one: Reached, may_set: bool) -> html.Div:
    lines = [f"{one.person.zone}, {LANGUAGES.get(one.person.language, one.person.language)}"]
    works = {day: [span] for day, span in (one.working_hours or {}).items() if span}
    if works:
        lines.append(f"works {hours_words(works)}")
    if one.quiet_hours:
        lines.append(f"quiet {one.quiet_hours[0]}-{one.quiet_hours[1]}")
    if one.digest_at:
        lines.append(f"daily digest at {one.digest_at}")
    words = html.Div([html.Div(line) for line in lines], className="dim small")
    if not may_set:
        return words
    return html.Div([words, act("Hours", f"hours:{one.person.id}", label=f"Hours of {one.person.name}")],
                    className="stack")  # fmt: skip


def parties(rows: Sequence[Any]) -> html.Div:
    """Whom to inform at a consignor, consignee, customer or carrier."""
    if not rows:
        words = html.Span("A route may inform the consignor and consignee of a shipment: enter whom.")
        return empty("No contact of a party yet", words)
    body = [
        (row.party, row.name, _party_mail(row), row.phone or text.ABSENT, row.zone,
         LANGUAGES.get(row.language, row.language),
         act("Remove", f"party:{row.id}:end", label=f"Remove {row.name} of {row.party}"))
        for row in rows
    ]  # fmt: skip
    columns = [Column(words) for words in ("Party", "Name", "Mail", "Phone", "Zone", "Language", "Change")]
    return table(columns, body, "Contacts of parties")


def _party_mail(row: Any) -> html.Div:
    """An address of a party's contact, and that it was proved or how it can be."""
    if row.email_verified_ms is not None:
        return html.Div(
            [row.email, html.Div(["verified ", moment(row.email_verified_ms, "date")], className="dim small")]
        )
    prove = act("Verify", f"party:{row.id}:prove", label=f"Verify: {row.name} of {row.party}, Mail")
    return html.Div([row.email, " ", _warning("not verified"), " ", prove])


def endpoints(found: Sequence[Endpoint]) -> html.Div:
    """Programs that are told by signed webhook or by apprise."""
    if not found:
        words = html.Span("A pager service takes signed events over HTTPS; apprise reaches chats and phones.")
        return empty("No endpoint yet", words)
    body = [
        (
            one.name,
            one.channel,
            html.Span(one.url, className="mono"),
            _answered(one),
            html.Div(_endpoint_acts(one), className="acts"),
        )
        for one in found
    ]  # fmt: skip
    columns = [Column(words) for words in ("Name", "Told by", "Address", "Last answered", "Change")]
    return table(columns, body, "Programs that are told")


def _answered(one: Endpoint) -> Any:
    if one.disabled_ms is not None:
        return tag("switched off")
    return _warning("never") if one.verified_ms is None else moment(one.verified_ms, "ago")


def _endpoint_acts(one: Endpoint) -> list[html.Button]:
    off = one.disabled_ms is None
    return [
        act("Test", f"endpoint:{one.id}:test", label=f"Test {one.name}"),
        act("Switch off" if off else "Switch on", f"endpoint:{one.id}:{'off' if off else 'on'}",
            label=f"Switch {'off' if off else 'on'}: {one.name}"),
    ]  # fmt: skip
