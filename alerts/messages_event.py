"""The event that programs get: a CloudEvent with all that a paging system needs to open, update and resolve. Pure."""

import json
from typing import Any

from alerts.announcement import AlarmFacts, Announcement, severity_of
from alerts.channels.port import Message
from alerts.phrases import Phrases
from alerts.wording import headline
from coldchain.domain.quantity import iso

SCHEMA = "coldchain.notification/1"


def event(endpoint: str, announcement: Announcement, id_: str, public_url: str, *, possible_repeat: bool) -> Message:
    """Write the event of one alarm; its id stays the same at every attempt, so a receiver can drop a repeat."""
    facts = announcement.alarms[0]
    reason = announcement.reason
    document = {
        "specversion": "1.0",
        "id": id_,
        "source": public_url,
        "type": f"coldchain.alarm.{reason}",
        "subject": f"alarms/{facts.alarm}",
        "time": iso(announcement.as_of_ms),
        "datacontenttype": "application/json",
        "data": {
            "schema": SCHEMA,
            "dedup_key": facts.alarm,
            "action": "resolve" if facts.returned or facts.refuted else "trigger",
            "severity": severity_of(facts).word,
            "reason": reason,
            "number": announcement.number,
            "repeat": reason == "repeat",
            "possible_repeat": possible_repeat,
            "summary": headline(facts, Phrases("en", "UTC", announcement.as_of_ms)),
            "link": f"{public_url}/alarms/{facts.alarm}",
            "alarms": [_alarm(one) for one in announcement.alarms],
        },
    }
    return Message(id_, endpoint, json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def test_event(endpoint: str, id_: str, public_url: str, at_ms: int) -> Message:
    """What the test button sends: signed like every event, about nothing."""
    data = {"schema": SCHEMA, "action": "test", "summary": "A test event of Coldchain: nothing is wrong."}
    document = {
        "specversion": "1.0", "id": id_, "source": public_url, "type": "coldchain.test", "time": iso(at_ms),
        "datacontenttype": "application/json", "data": data,
    }  # fmt: skip
    return Message(id_, endpoint, json.dumps(document, separators=(",", ":")))


def test_note(endpoint: str, id_: str, public_url: str) -> Message:
    """What the test button sends by apprise."""
    said = f"A test message of Coldchain: nothing is wrong.\n{public_url}"
    return Message(id_, endpoint, said, "Coldchain: test", headers={"kind": "info"})


def _alarm(facts: AlarmFacts) -> dict[str, Any]:
    card = facts.subject
    values = {
        "id": facts.alarm, "subject_kind": card.kind, "subject_id": card.id or None, "name": card.label,
        "site": card.detail or None, "product": card.product or None, "cause": facts.cause,
        "condition": facts.condition, "severity": severity_of(facts).word, "onset": iso(facts.onset_ms),
        "end": None if facts.end_ms is None else iso(facts.end_ms), "value_c": _celsius(facts.value_mc),
        "peak_c": _celsius(facts.peak_mc), "limit_c": _celsius(facts.limit_mc), "logger": facts.logger or None,
        "channel": facts.channel or None, "late": facts.late, "corrected": facts.refuted,
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


def _celsius(value_mc: int | None) -> float | None:
    return None if value_mc is None else value_mc / 1000
