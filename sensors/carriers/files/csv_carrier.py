"""A table of columns as messages: some thousand rows each, keyed by the file's hash, with the bytes of their lines."""

from collections.abc import Iterator
from typing import NamedTuple

from coldchain.domain.message import Decoded, Refusal
from sensors.carriers.files.csv_plan import Plan
from sensors.carriers.files.csv_rows import Chunk, Problem
from sensors.carriers.sample import RIDES, Head, Stamp, decoded

NAME = "csv@1"
_MOST_REFUSALS = 200  # of one message; a column in the wrong unit would otherwise fill the quarantine


class Part(NamedTuple):
    """What one chunk of a file came to."""

    messages: tuple[Decoded, ...]
    problems: tuple[Problem, ...]
    samples: int
    faults: int


def part(chunk: Chunk, plan: Plan, payload: bytes, key: str, received_at_ms: int) -> Part:
    """The messages of a chunk, one for each logger in it. Pure; never raises.

    Args:
        chunk: the rows.
        plan: how they were read.
        payload: the bytes of the file that they stand in, for the first one from the file's beginning.
        key: of the message, the same whenever the same file is read.
        received_at_ms: when the file was brought.
    """
    messages, problems = [], list(chunk.problems)
    interval_ms = plan.mapping.interval_s * 1000 if plan.mapping.interval_s is not None else None
    for logger, samples in chunk.samples.items():
        stamp = max((one.stamp for one in samples if one.stamp is not None), default=Stamp(received_at_ms, "arrival"))
        head = Head(
            logger, key, NAME, stamp, received_at_ms, interval_ms=interval_ms, device_profile=plan.mapping.label
        )
        made = decoded(head, samples, payload)
        problems += _problems(chunk, logger, made)
        messages.append(made._replace(refusals=made.refusals[:_MOST_REFUSALS]))
    if messages:  # the rows that nobody could read are kept with the first logger of their part
        unread = tuple(Refusal(f"line {one.line}: {one.reason}", "row", one.text[:64]) for one in chunk.problems)
        messages[0] = messages[0]._replace(refusals=(*unread[:_MOST_REFUSALS], *messages[0].refusals))
    faults = sum(row.fault is not None for made in messages for row in made.readings)
    total = sum(len(samples) for samples in chunk.samples.values())
    return Part(tuple(messages), tuple(sorted(problems)), total, faults)


def _problems(chunk: Chunk, logger: str, made: Decoded) -> Iterator[Problem]:
    """The refused values with their lines; of a moment that stands twice, the later line is the one that is refused."""
    by_moment = {
        (one.channel, one.stamp.at_ms): one.within
        for one in chunk.samples[logger]
        if made.refusals and one.stamp is not None
    }
    for refusal in made.refusals:
        place, dot, rest = refusal.reason.partition(".")
        if not (dot and place.startswith("line ")):
            place = by_moment.get((refusal.channel or RIDES, refusal.event_time_ms or 0), "line 0")
            rest = refusal.reason
        number = int(place.removeprefix("line "))
        yield Problem(number, chunk.texts.get(number, "")[:120], rest)
