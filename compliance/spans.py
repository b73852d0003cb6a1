"""Stretches of event time: those that count, without those that do not."""

from collections.abc import Sequence

from compliance.inputs import Span

_EVER = 1 << 62


def within(judged: tuple[Span, ...], stages: Sequence[tuple[str, Span]], wanted: Sequence[str]) -> tuple[Span, ...]:
    """The part of `judged` in which a rule of the `wanted` stages watches; all of it where it names none.

    A moment whose stage is not on record counts: a rule that does not know where the goods are keeps watching.
    """
    if not wanted:
        return judged
    return tuple(without(judged, [span for name, span in stages if name not in wanted]))


def during(named: Sequence[tuple[str, Span]], moment_ms: int) -> str | None:
    """The name that holds at a moment, None where none does; of several the one that began last."""
    held = [
        (span.start_ms, name)
        for name, span in named
        if span.start_ms <= moment_ms and (span.end_ms is None or moment_ms < span.end_ms)
    ]
    return max(held)[1] if held else None


def trimmed(spans: tuple[Span, ...], start_ms: int, end_ms: int | None) -> tuple[Span, ...]:
    """The part of `spans` from `start_ms` on, and before `end_ms` where that is known."""
    outer = [] if end_ms is None else [Span(max(start_ms, end_ms), None)]
    return tuple(without(spans, [Span(-_EVER, start_ms), *outer]))


def without(spans: Sequence[Span], excluded: Sequence[Span]) -> list[Span]:
    """`spans` merged where they touch, minus `excluded`; disjoint and in order."""
    rest: list[Span] = []
    for span in sorted(spans):
        if rest and (rest[-1].end_ms is None or span.start_ms <= rest[-1].end_ms):
            ends = (rest[-1].end_ms, span.end_ms)
            rest[-1] = Span(rest[-1].start_ms, None if None in ends else max(end for end in ends if end is not None))
        else:
            rest.append(span)
    for hole in sorted(excluded):
        rest = [part for span in rest for part in _cut(span, hole)]
    return rest


def _cut(span: Span, hole: Span) -> list[Span]:
    if hole.end_ms is not None and hole.end_ms <= span.start_ms:
        return [span]
    if span.end_ms is not None and hole.start_ms >= span.end_ms:
        return [span]
    parts = [Span(span.start_ms, hole.start_ms)] if hole.start_ms > span.start_ms else []
    if hole.end_ms is not None and (span.end_ms is None or hole.end_ms < span.end_ms):
        parts.append(Span(hole.end_ms, span.end_ms))
    return parts
