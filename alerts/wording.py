"""What one alarm is said to be, in its reader's words: the sentence, the short sentence, the advice, and the figures.

Pure; how these make a mail or an SMS is decided by `alerts.messages` and its neighbours.
"""

from alerts.announcement import AlarmFacts, SubjectCard, severity_of
from alerts.phrases import Phrases, clean

EXCURSIONS = ("high", "low")
_LIKE = {"humidity_high": "high", "humidity_low": "low"}  # causes that are told in the words of another one


def wording(facts: AlarmFacts) -> str:
    """By which cause's words an alarm is told: what has no figure to tell is told without one."""
    kind = _LIKE.get(facts.cause, facts.cause)
    if kind != facts.cause and (_value(facts) is None or facts.limit_mc is None):
        return "other"
    return "other" if kind == "rate" and _value(facts) is None else kind


def headline(facts: AlarmFacts, phrases: Phrases) -> str:
    """The one sentence that matters: what, how much, which limit, since when, how bad."""
    card = facts.subject
    detail = clean(card.detail, 60)
    name = clean(card.label) + (f" ({detail})" if detail else "")
    if facts.cause == "silence" and facts.channel:  # one channel of a logger that is heard
        channel, logger = clean(facts.channel, 40), clean(facts.logger, 40)
        name = phrases.texts("channel_of", name=name, channel=channel, logger=logger)
    values = {"name": name, "detail": found(facts, 200), **value_words(facts, phrases)}
    if facts.refuted:
        return phrases.texts("headline.refuted.text", **values)
    stage = ending(facts) if facts.returned else ("active" if is_outside(facts) else "returning")
    group = "system" if values["detail"] else wording(facts)
    return phrases.texts(phrases.texts.choice("headline", group, stage), **values)


def short_sentence(facts: AlarmFacts, label: str, phrases: Phrases, *, severity: bool = True) -> str:
    """The one sentence of an SMS; without `severity` where that has been said just before."""
    kind = wording(facts)
    detail = found(facts, 45)
    values = {
        "severity": phrases.severity(severity_of(facts).word) if severity or facts.returned else "",
        "label": label,
        "cause": clean(f"{cause(facts, phrases)}: {detail}" if detail else cause(facts, phrases), 45),
        "side": side(facts, phrases),
        "value": short_amount(_value(facts), facts, phrases),
        "peak": short_amount(facts.peak_mc, facts, phrases),
        "limit": short_amount(facts.limit_mc, facts, phrases, limit=True),
        "since": phrases.time(facts.onset_ms),
        "until": phrases.time(facts.end_ms or phrases.as_of_ms),
        "span": phrases.span(facts.onset_ms, facts.end_ms or phrases.as_of_ms),
        "duration": phrases.lasted(facts),
        "extreme": phrases.texts(f"extreme.{kind if kind in EXCURSIONS else 'high'}"),
    }
    if facts.refuted:
        return phrases.texts("sms.corrected", **values)
    if facts.returned:
        return phrases.texts(f"sms.{ending(facts)}" + ("" if kind in EXCURSIONS else "_other"), **values)
    return phrases.texts(phrases.texts.choice("sms", kind), **values).strip()


def value_words(facts: AlarmFacts, phrases: Phrases) -> dict[str, str]:
    """An alarm's figures as its reader writes them: what the wording's names are filled in with."""
    return {
        "severity": phrases.severity(severity_of(facts).word),
        "side": side(facts, phrases),
        "cause": cause(facts, phrases),
        "value": amount(_value(facts), facts, phrases),
        "peak": amount(facts.peak_mc, facts, phrases),
        "limit": amount(facts.limit_mc, facts, phrases, limit=True),
        "since": phrases.time(facts.onset_ms),
        "until": phrases.time(facts.end_ms or phrases.as_of_ms),
        "duration": phrases.lasted(facts),
    }


def action(facts: AlarmFacts, phrases: Phrases) -> str:
    """What the reader should do now."""
    if facts.refuted:
        return phrases.texts("action.returned_other")
    if facts.returned:
        return phrases.texts(f"action.{ending(facts)}" + ("" if facts.cause in EXCURSIONS else "_other"))
    return phrases.texts(phrases.texts.choice("action", facts.cause))


def called(card: SubjectCard, longest: int) -> str:
    """What a thing is called where there is little room: of a store with its site, for each has a cold room A."""
    return clean(f"{card.label} ({card.detail})" if card.kind == "store" and card.detail else card.label, longest)


def ending(facts: AlarmFacts) -> str:
    """How a condition came to its end: goods that nobody watches any more have not come back."""
    return "unwatched" if facts.monitoring_ended else "returned"


def side(facts: AlarmFacts, phrases: Phrases) -> str:
    """Above or below; "limit" of a value that is back inside."""
    kind = wording(facts)
    return phrases.texts(f"side.{kind if kind in EXCURSIONS and (facts.returned or is_outside(facts)) else 'back'}")


def cause(facts: AlarmFacts, phrases: Phrases) -> str:
    """The cause in a few words."""
    return clean(phrases.texts.entries.get(f"cause.{facts.cause}", facts.cause.replace("_", " ")), 120)


def found(facts: AlarmFacts, longest: int) -> str:
    """What was found wrong with the product itself; nothing for goods."""
    return clean(facts.rules[0], longest).rstrip(".") if facts.subject.kind == "system" and facts.rules else ""


def is_outside(facts: AlarmFacts) -> bool:
    """Whether the newest value is still beyond the limit; other causes go by the condition."""
    value, kind = _value(facts), wording(facts)
    if kind not in EXCURSIONS or value is None or facts.limit_mc is None:
        return facts.condition != "returning"
    return value > facts.limit_mc if kind == "high" else value < facts.limit_mc


def amount(milli: int | None, facts: AlarmFacts, phrases: Phrases, *, limit: bool = False) -> str:
    """A figure of the alarm with its unit: degrees, or of humidity per cent."""
    number = phrases.limit(milli) if limit else phrases.degrees(milli, facts.limit_mc)
    return f"{number} {phrases.texts('humidity') if facts.cause in _LIKE else '°C'}"


def short_amount(milli: int | None, facts: AlarmFacts, phrases: Phrases, *, limit: bool = False) -> str:
    """The same for an SMS, which has no degree sign."""
    return amount(milli, facts, phrases, limit=limit).replace("°", "")


def _value(facts: AlarmFacts) -> int | None:
    return facts.peak_mc if facts.value_mc is None else facts.value_mc
