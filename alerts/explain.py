"""Why somebody got a message, and why somebody did not: read from the timeline and the outbox, nothing is guessed.

`explanation` answers with:

    {"alarm", "policy": {"id", "version", "climb_began"}|null,
     "messages": [{"at", "kind", "occasion", "step", "recipient", "recipient_kind", "name", "channel", "state",
                   "address_verified", "why": {"code", "words", "target", "duty", "override", "route",
                                               "routing_version", "policy", "policy_version"}}],
     "silences": [{"at", "who", "name"|null, "why": {"code", "words", "target"}}]}

A silence whose `who` is "everybody" was the alarm's, the others are of one person, party, endpoint or layer.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from alerts import refused
from alerts.daily import NOTE
from alerts.decisions import Reason
from coldchain.domain.quantity import iso
from coldchain.registry import alarm_rows, contacts
from coldchain.registry.schema import alarm_event, outbox, person

_SILENT = {
    Reason.PENDING.value: "no rule has fired yet",
    Reason.RECORDED_ONLY.value: "too small to wake anybody; a minor one stands in the daily digest of who takes one",
    Reason.SUPPRESSED.value: "it is shelved, out of service or spoken for by another alarm",
    Reason.MERGED.value: "another alarm speaks for it",
    Reason.NOTHING_NEW.value: "nothing is new since the last message",
    Reason.ACKNOWLEDGED.value: "somebody has it in hand",
    "scoped_away": "may not know of this customer's or carrier's goods",
    "no_channel": "has no address on any of the channels of the step",
    "access_ended": "has no access any more",
    "switched_off": "the endpoint is switched off",
    "no_party": "the shipment names nobody in this role",
    "no_contact": "there is no contact of this party on record",
    "nobody_on_call": "nobody is marked as on call",
    "not_begun": "the layer had not begun",
    "out_of_hours": "the layer was outside its hours",
    "gone": "whoever's turn it was has no access any more",
    "no_rota": "there is no such rota any more",
    "no_layer": "the rota has no such layer any more",
    "waiting": "an earlier message of this alarm had not left yet",
    "takes_no_digest": "takes no daily digest",
    "late_digest": "found in stored data afterwards: told in one mail with all that was found, without SMS",
    "not_named": "is on call, and the policy of this alarm names others",
    "shelved": "somebody had set the alarm aside",
    "out_of_service": "it was out of service for maintenance",
    "by_design": "the gateway through which it is heard was silent itself, and that alarm speaks for it",
    "refused": "every address that the step has was refused for good: the next step was told at once",
    "acknowledged_meanwhile": "somebody had answered before the next channel's turn came",
}
_TARGETS = {
    "rota": "was on duty in layer {layer} of rota {id}", "person": "is named by the policy",
    "on_call": "is on call", "endpoint": "is an endpoint of the policy", "party": "is the {role} of this shipment",
    "told_before": "was told of this alarm before",
    "daily": "takes a daily digest, in which minor alarms stand",
}  # fmt: skip
_DUTY = {"holiday": ", by the holiday's list", "override": ", standing in", "swap": ", by a swap"}
_DAILY_WHY = {"why": {"target": {"kind": "daily"}}}  # why a minor alarm stands in somebody's digest
_RESTS = ("shelved", "out_of_service", "by_design")


def explanation(connection: Connection, alarm_id: str) -> dict[str, Any]:
    """Every message and every silence of one alarm with its reason; the shape is the module's.

    Raises:
        NotFound: no such alarm.
    """
    row = alarm_rows.row_of(connection, alarm_id)
    query = select(alarm_event).where(alarm_event.c.alarm == alarm_id).order_by(alarm_event.c.id)
    events = list(connection.execute(query))
    rows = _rows(connection, alarm_id, events)
    messages = [line for event in events for line in _messages(event, rows)]
    silences = [line for event in events for line in _silences(event)]
    silences += _not_named(connection, row, events, {line["recipient"] for line in messages})
    mentioned = {line["recipient"] for line in messages} | {line["who"] for line in silences}
    named = contacts.names(connection, mentioned)
    climbing = {"id": row.policy, "version": row.policy_version, "climb_began": iso(row.climb_ms or row.raised_ms)}
    return {
        "alarm": alarm_id,
        "policy": None if row.policy is None else climbing,
        "messages": [{**line, "name": named.get(line["recipient"])} for line in messages],
        "silences": [{**line, "name": named.get(line["who"])} for line in silences],
    }


def _rows(connection: Connection, alarm_id: str, events: Sequence[Row[Any]]) -> dict[str, Row[Any]]:
    """The messages that told of the alarm by their ids; a digest is a row of the alarm that it began with."""
    digests = {
        entry.get("outbox") for event in events if event.body.get("digest") for entry in event.body.get("told", [])
    }
    mine = or_(outbox.c.alarm == alarm_id, outbox.c.id.in_(digests - {None}))
    return {one.id: one for one in connection.execute(select(outbox).where(mine))}


def _messages(event: Row[Any], rows: dict[str, Row[Any]]) -> Iterator[dict[str, Any]]:
    body = event.body
    if event.kind == "fail_over":
        words = f"{body['instead_of']} was {body['reason'].replace('_', ' ')}, so {body['channel']} came next"
        why = {"code": "fail_over", "words": words, "target": {}}
        yield _message(event, rows.get(body["outbox"]), body, why)
    for entry in body.get("told", []):
        told = {**(_DAILY_WHY if event.kind == NOTE else {}), **entry}
        target = told.get("why", {}).get("target", {"kind": "on_call"})
        duty = told.get("why", {}).get("duty")
        party = told.get("why", {}).get("party")
        words = _TARGETS.get(target["kind"], "was told").format(**{"id": "", "layer": "", "role": "", **target})
        words += _DUTY.get(duty or "", "") + _instead(body)
        why = {
            "code": target["kind"], "words": words, "target": target, "duty": duty,
            "override": told.get("why", {}).get("override"), "party": party,
            **{name: body.get(name) for name in ("route", "routing_version", "policy", "policy_version")},
        }  # fmt: skip
        yield _message(event, rows.get(told.get("outbox") or ""), {**body, **told}, why)


def _instead(body: dict[str, Any]) -> str:
    step = body.get("instead_of_step")
    return "" if step is None else f"; step {step + 1} was refused by every address for good, so this came at once"


def _message(event: Row[Any], row: Row[Any] | None, said: dict[str, Any], why: dict[str, Any]) -> dict[str, Any]:
    return {
        "at": iso(event.at_ms), "kind": event.kind, "occasion": said.get("occasion"), "step": said.get("step"),
        "recipient": said["person"], "recipient_kind": said.get("kind", "person"), "channel": said["channel"],
        "state": None if row is None else row.state, "address_verified": said.get("verified"), "why": why,
    }  # fmt: skip


def _silences(event: Row[Any]) -> Iterator[dict[str, Any]]:
    body = event.body
    at = iso(event.at_ms)
    if event.kind == "not_told":
        yield _silence(at, "everybody", body["reason"], {})
    if event.kind in _RESTS:
        yield _silence(at, "everybody", event.kind, {})
    if body.get("digest") and event.kind != NOTE:
        yield _silence(at, "everybody", "late_digest", {})
    for who in body.get("refused", []) if event.kind == refused.NOTE else []:
        yield _silence(at, who, "refused", {})
    for one in body.get("silent", []):
        yield _silence(at, one["who"], one["why"], one.get("target", {}))
    if body.get("waiting") and not body.get("told"):
        yield _silence(at, "everybody", "waiting", {})


def _not_named(
    connection: Connection, row: Row[Any], events: Sequence[Row[Any]], told: set[str]
) -> Iterator[dict[str, Any]]:
    """Who is on call and was not told, because the alarm goes by a policy that has not come to them."""
    digests = [event.at_ms for event in events if event.body.get("digest") and event.body.get("policy")]
    if row.policy is None and not digests:
        return
    at_ms = digests[-1] if row.policy is None else row.climb_ms or row.raised_ms
    query = select(person.c.id).where(person.c.on_call, person.c.disabled_ms.is_(None)).order_by(person.c.name)
    for id_ in connection.execute(query).scalars():
        if id_ not in told:
            yield _silence(iso(at_ms), id_, "not_named", {})


def _silence(at: str, who: str, code: str, target: dict[str, Any]) -> dict[str, Any]:
    return {"at": at, "who": who, "why": {"code": code, "words": _SILENT.get(code, code), "target": target}}
