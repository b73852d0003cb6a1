"""How well the alarms serve the people who get them: load, priorities, nuisance, answers, deliveries, drills.

Figures after EEMUA 191 and ISA-18.2, counted from the facts of a period; `alarms_behind` names the alarms behind each
number. Times are ms UTC, durations seconds; shares are percent, None of nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from statistics import median
from typing import Any

from coldchain.registry import alarm_unrest
from coldchain.registry.alarm_quality_facts import Facts, Message

MINUTE_MS = 60_000
SLOT_MS = alarm_unrest.FLOOD_MS
WEEK_MS = 7 * 24 * 60 * MINUTE_MS
NUISANCE_MS = 5 * MINUTE_MS
TOP = 10
BANDS = {"high": ("critical",), "medium": ("major",), "low": ("minor", "info")}
TARGET_PCT = {"high": 5, "medium": 15, "low": 80}


def document(facts: Facts, nuisance_ms: int = NUISANCE_MS) -> dict[str, Any]:
    """Every figure of the period."""
    return {
        "raised": len(facts.raised),
        "announced": len(facts.announced),
        "messages": len(facts.messages),
        "people": people(facts),
        "priorities": priorities(facts),
        "nuisance": counted(nuisance(facts, nuisance_ms), len(facts.announced))
        | {"within_min": nuisance_ms // MINUTE_MS},
        "stale": {"alarms": len(facts.stale)},
        "chattering": {"alarms": len(facts.chattering)},
        "causes": top(facts, "cause"),
        "loggers": top(facts, "logger"),
        "answers": answers(facts),
        "channels": channels(facts),
        "repeats": repeats(facts),
        "drills": drills(facts),
    }


def people(facts: Facts) -> list[dict[str, Any]]:
    """Per person, the busiest first: alarms told, announcements per week and per 10 min, the fullest 10 min, floods."""
    length = facts.period.to_ms - facts.period.from_ms
    rows = []
    for person in sorted({one.recipient for one in facts.messages if one.recipient_kind == "person"}):
        heard = announcements(facts, person)
        slots = _slots(heard)
        fullest = max(slots, key=lambda at: (len(slots[at]), -at), default=None)
        rows.append({
            "person": person, "name": facts.named.get(person, person), "alarms": len(told_of(facts, person)),
            "announcements": len(heard), "per_week": len(heard) * WEEK_MS / length,
            "per_10_min": len(heard) * SLOT_MS / length, "fullest_ms": fullest,
            "most_in_10_min": 0 if fullest is None else len(slots[fullest]),
            "floods": sum(len(ids) > alarm_unrest.FLOOD for ids in slots.values()),
        })  # fmt: skip
    return sorted(rows, key=lambda row: (-row["announcements"], row["name"]))


def announcements(facts: Facts, person: str) -> dict[tuple[str, int], int]:
    """(alarm, occasion) → when this person was first written to about it; that something is over is no announcement."""
    found: dict[tuple[str, int], int] = {}
    for one in facts.messages:
        if one.recipient == person and one.recipient_kind == "person" and one.reason != "returned":
            found.setdefault((one.alarm, one.occasion), one.created_ms)
    return found


def told_of(facts: Facts, person: str) -> frozenset[str]:
    """The alarms that this person was told of, in messages of their own and in digests."""
    read = {id_ for id_, reader in facts.digests if reader == person}
    return frozenset(read | {id_ for id_, _ in announcements(facts, person)})


def _slots(heard: Mapping[tuple[str, int], int]) -> dict[int, set[str]]:
    slots: dict[int, set[str]] = {}
    for (id_, _), at_ms in heard.items():
        slots.setdefault(at_ms - at_ms % SLOT_MS, set()).add(id_)
    return slots


def priorities(facts: Facts) -> list[dict[str, Any]]:
    """How the alarms spread over three priorities, beside the 5/15/80 of EEMUA 191."""
    found = Counter(one.severity for one in facts.raised)
    return [
        {"band": band, "severities": list(words), "target_pct": TARGET_PCT[band],
         **share(sum(found[word] for word in words), len(facts.raised))}
        for band, words in BANDS.items()
    ]  # fmt: skip


def nuisance(facts: Facts, within_ms: int = NUISANCE_MS) -> frozenset[str]:
    """Announced alarms that were over within `within_ms` before anybody did anything about them."""
    return frozenset(
        one.id
        for one in facts.raised
        if one.id in facts.announced and one.returned and not one.late and one.end_ms is not None
        and one.end_ms - one.raised_ms <= within_ms and not any(at <= one.end_ms for _, at in one.acts)
    )  # fmt: skip


def top(facts: Facts, field: str) -> list[dict[str, Any]]:
    """The ten causes or loggers with the most alarms."""
    found = Counter(value for one in facts.raised if (value := getattr(one, field)))
    rows = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
    return [{"name": name, **share(number, len(facts.raised))} for name, number in rows]


def answers(facts: Facts) -> dict[str, Any]:
    """From raising to the first acknowledgement, of alarms that have one; and how many that wake people wait."""
    taken = list(answered(facts).values())
    return {"alarms": len(taken), "waiting": len(unanswered(facts)), **spread("to_acknowledge", taken)}


def answered(facts: Facts) -> dict[str, int]:
    """Alarm → ms until it was acknowledged for the first time."""
    found = {}
    for one in facts.raised:
        first = next((at for kind, at in one.acts if kind == "acknowledged"), None)
        if first is not None:
            found[one.id] = first - one.raised_ms
    return found


def unanswered(facts: Facts) -> frozenset[str]:
    """Major and critical alarms of the period that nobody has acknowledged."""
    urgent = ("major", "critical")
    return frozenset(one.id for one in facts.raised if one.severity in urgent and not one.acknowledged)


def channels(facts: Facts) -> list[dict[str, Any]]:
    """Per channel: what became of the messages, and how long handing over and delivering took."""
    rows = []
    for channel in sorted({one.channel for one in facts.messages}):
        mine = [one for one in facts.messages if one.channel == channel]
        states = Counter(one.state for one in mine)
        accepted = [one.accepted_ms - one.created_ms for one in mine if one.accepted_ms is not None]
        delivered = [
            one.delivered_ms - one.accepted_ms
            for one in mine if one.delivered_ms is not None and one.accepted_ms is not None
        ]  # fmt: skip
        rows.append({
            "channel": channel, "messages": len(mine), "delivered": states["delivered"], "accepted": states["accepted"],
            "failed": states["failed_permanent"], "unknown": states["unknown"],
            "waiting": states["queued"] + states["sending"] + states["failed_temporary"],
            **spread("to_accept", accepted), **spread("to_deliver", delivered),
        })  # fmt: skip
    return rows


def repeats(facts: Facts) -> dict[str, Any]:
    """Messages that said something again because nobody had answered, and those that may have arrived twice."""
    again = sum(one.reason == "repeat" for one in facts.messages)
    twice = sum(one.possible_repeat for one in facts.messages)
    whole = len(facts.messages)
    return {"messages": again, "share_pct": _percent(again, whole), "possibly_twice": twice,
            "possibly_twice_pct": _percent(twice, whole)}  # fmt: skip


def drills(facts: Facts) -> dict[str, Any]:
    """Test alarms sent within the period: answered, missed, still waiting."""
    done = [one.answered_ms - one.sent_ms for one in facts.drills if one.answered_ms is not None]
    missed = sum(one.answered_ms is None and one.missed_ms is not None for one in facts.drills)
    sent = len(facts.drills)
    return {"sent": sent, "answered": len(done), "missed": missed, "waiting": sent - len(done) - missed,
            "share_pct": _percent(len(done), len(done) + missed), **spread("to_answer", done)}  # fmt: skip


def alarms_behind(facts: Facts, figure: str, key: str = "", nuisance_ms: int = NUISANCE_MS) -> frozenset[str]:
    """The alarms behind a figure; `key` is the person, band, cause, logger or channel where there are several."""
    match figure:
        case "announced":
            return facts.announced
        case "person":
            return told_of(facts, key)
        case "flood":
            slots = _slots(announcements(facts, key)).values()
            return frozenset(id_ for ids in slots if len(ids) > alarm_unrest.FLOOD for id_ in ids)
        case "priority":
            return frozenset(one.id for one in facts.raised if one.severity in BANDS.get(key, ()))
        case "nuisance":
            return nuisance(facts, nuisance_ms)
        case "stale" | "chattering":
            return facts.stale if figure == "stale" else facts.chattering
        case "cause" | "logger":
            return frozenset(one.id for one in facts.raised if getattr(one, figure) == key)
        case "acknowledged" | "waiting":
            return frozenset(answered(facts)) if figure == "acknowledged" else unanswered(facts)
        case "channel" | "failed" | "repeats" | "twice":
            return frozenset(one.alarm for one in facts.messages if _counts(one, figure, key))
        case "drills":
            return frozenset(one.alarm for one in facts.drills)
        case _:
            return frozenset(one.id for one in facts.raised)


def _counts(one: Message, figure: str, key: str) -> bool:
    return {
        "channel": one.channel == key, "failed": one.channel == key and one.state == "failed_permanent",
        "repeats": one.reason == "repeat", "twice": one.possible_repeat,
    }[figure]  # fmt: skip


def counted(ids: frozenset[str], whole: int) -> dict[str, Any]:
    """How many, and which share of the whole."""
    return share(len(ids), whole)


def share(part: int, whole: int) -> dict[str, Any]:
    """A number of alarms and its share of the whole."""
    return {"alarms": part, "share_pct": _percent(part, whole)}


def spread(name: str, taken_ms: Sequence[int]) -> dict[str, float | None]:
    """Median and 90th percentile (nearest rank) in seconds."""
    if not taken_ms:
        return {f"{name}_median_s": None, f"{name}_p90_s": None}
    ordered = sorted(taken_ms)
    ninetieth = ordered[ceil(0.9 * len(ordered)) - 1]
    return {f"{name}_median_s": median(ordered) / 1000, f"{name}_p90_s": ninetieth / 1000}


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
