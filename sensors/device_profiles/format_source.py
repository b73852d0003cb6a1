"""The section `[source]` of a device profile: a connection by configuration alone."""

import re

from coldchain.domain.tables import TableReader
from sensors.device_profiles.format_fields import read_clock, take_getter
from sensors.device_profiles.profile import Source

_WEBHOOK = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_LEVEL = re.compile(r"topic\[(\d{1,2})\]\Z")
_OWN = ("auto", "native")
_TOPICS = 32


def read_source(table: TableReader) -> Source:
    """Which messages come this way, and where they say who sent them and when."""
    topics = _topics(table)
    webhook = table.text("webhook") if table.has("webhook") else None
    if webhook is not None and (_WEBHOOK.match(webhook) is None or webhook in _OWN):
        table.fail("webhook", f"= {webhook!r} is no name for /ingest/{{name}}: lower-case letters, digits and -")
    if not topics and webhook is None:
        table.fail("topics", "and `webhook` are missing: give one of them, or leave [source] out")
    device = table.text("device")
    level = _LEVEL.match(device)
    if level is not None and not topics:
        table.fail("device", f"= {device!r} needs `topics`: a webhook has no topic")
    time_table = table.table("time")
    source = Source(
        topics=topics,
        webhook=webhook,
        each=take_getter(table, "each"),
        device_level=int(level[1]) if level else None,
        device=None if level else take_getter(table, "device", device),
        device_path=device,
        key=take_getter(table, "key"),
        seq=take_getter(table, "seq"),
        time=None if time_table is None else read_clock(time_table),
    )
    table.finish()
    return source


def _topics(table: TableReader) -> tuple[str, ...]:
    value = table.raw("topics")
    topics = [value] if isinstance(value, str) else value or []
    if not isinstance(topics, list) or len(topics) > _TOPICS or not all(isinstance(one, str) for one in topics):
        table.fail("topics", f"= {value!r} is not a list of at most {_TOPICS} topic filters")
        return ()
    for topic in topics:
        if (doubt := filter_doubt(topic)) is not None:
            table.fail("topics", f"holds {topic!r}, which {doubt}")
    return tuple(topics)


def filter_doubt(topic: str) -> str | None:
    """Why this is no MQTT topic filter that a source may have, as the end of a sentence; None if it is one."""
    levels = topic.split("/")
    if not topic or len(topic) > 200 or "\0" in topic:
        return "is empty or too long"
    if any("#" in level and level != "#" for level in levels) or "#" in levels[:-1]:
        return "is no topic filter: # stands alone and at the end"
    if any("+" in level and level != "+" for level in levels):
        return "is no topic filter: + stands alone between slashes"
    if levels[0] in ("cc", "#", "+") or topic.startswith("$"):
        return "would take messages of loggers that speak for themselves (cc/…) or of the broker: name the first level"
    return None
