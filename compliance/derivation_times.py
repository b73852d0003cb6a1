"""How times, extremes and means come about, step by step from the judged samples."""

from collections.abc import Sequence
from fractions import Fraction

from compliance.channel import ChannelFindings
from compliance.derived import Derived, Rows, degrees, digits, moment, seconds
from compliance.document import METHODS
from compliance.excursions import Outside
from compliance.trace import GAP, KNOWN, Trace

TIMES = METHODS["temperature"]
EDGE = ("Two neighbours are a straight line; the crossing of the limit is where that line meets it, rounded to the "
         "millisecond. Next to a gap the outermost sample is the edge.")  # fmt: skip


def spans(trace: Trace, kind: int) -> list[int]:
    """The positions of the spans of a kind: span i lies between samples i and i + 1."""
    return [position for position, found in enumerate(trace.kind.tolist()) if found == kind]


def length(trace: Trace, position: int) -> int:
    """Milliseconds of a span."""
    return int(trace.time_ms[position + 1]) - int(trace.time_ms[position])


def known_ms(trace: Trace) -> int:
    """Milliseconds backed by readings on both sides."""
    return sum(length(trace, position) for position in spans(trace, KNOWN))


def unknown_ms(trace: Trace) -> int:
    """Milliseconds of gaps and of missing readings at the ends."""
    return sum(end - start for start, end in trace.gaps())


def _gap_rows(trace: Trace) -> Rows:
    rows = [(moment(start), moment(end), seconds(end - start)) for start, end in trace.gaps()]
    return Rows(("gap from", "to", "unknown"), rows)


def coverage(said: ChannelFindings) -> Derived:
    """The share of the judged time that readings back."""
    known, unknown = known_ms(said.trace), unknown_ms(said.trace)
    result = Fraction(100 * known, known + unknown) if known + unknown else None
    return Derived(
        "Coverage", "%", TIMES, "100 · known / (known + unknown)", result,
        f"100 · {seconds(known)} / ({seconds(known)} + {seconds(unknown)})",
        (
            (f"known: Σ of {len(spans(said.trace, KNOWN))} spans of at most two intervals", seconds(known)),
            ("interval, newest", seconds(said.interval_ms)),
            (f"unknown: Σ of {len(said.trace.gaps())} gaps", seconds(unknown)),
        ),
        _gap_rows(said.trace), None if result is not None else "no time was judged",
    )  # fmt: skip


def unknown(said: ChannelFindings) -> Derived:
    """The time that nobody knows about."""
    gaps = said.trace.gaps()
    total = unknown_ms(said.trace)
    return Derived(
        "Unknown time", "s", TIMES, "Σ gaps", Fraction(total, 1000), f"Σ of {len(gaps)} gaps = {seconds(total)}",
        (("a gap is more than two intervals without a reading", f"2 × {seconds(said.interval_ms)}"),),
        _gap_rows(said.trace),
    )  # fmt: skip


def extreme(trace: Trace, name: str, what: str, unit: str) -> Derived:
    """The lowest or the highest sample, and where it stands."""
    lowest, formula = name.startswith("min"), f"{name.partition('_')[0]} of all judged samples"
    if len(trace) == 0:
        return Derived(what, unit, TIMES, formula, None, why="there is no reading to judge")
    values = trace.value.tolist()
    chosen = min(values) if lowest else max(values)
    rows = [(moment(int(trace.time_ms[i])), f"{digits(Fraction(value, 1000))} {unit}")
            for i, value in enumerate(values) if value == chosen]  # fmt: skip
    steps = ((f"{'lowest' if lowest else 'highest'} of {len(values)} samples, as they were sent", rows[0][1]),)
    return Derived(what, unit, TIMES, formula, Fraction(chosen, 1000), rows[0][1], steps,
                   Rows(("sample at", "value"), rows))  # fmt: skip


def mean(trace: Trace, what: str, unit: str) -> Derived:
    """The mean over known time by trapezoid."""
    formula = "Σ (vᵢ + vᵢ₊₁) / 2 · Δtᵢ  /  Σ Δtᵢ"
    rows, twice, time = [], 0, 0
    for i in spans(trace, KNOWN):
        a, b, step = int(trace.value[i]), int(trace.value[i + 1]), length(trace, i)
        twice, time = twice + (a + b) * step, time + step
        part = Fraction((a + b) * step, 2 * 1_000_000)
        rows.append((moment(int(trace.time_ms[i])), digits(Fraction(a, 1000)), digits(Fraction(b, 1000)),
                     seconds(step), digits(part)))  # fmt: skip
    if not time:
        return Derived(what, unit, TIMES, formula, None, why="no two readings without a gap between them")
    area, table = Fraction(twice, 2_000_000), Rows(("from", f"vᵢ, {unit}", f"vᵢ₊₁, {unit}", "Δt", f"{unit} · s"), rows)
    steps = ((f"area: Σ of {len(rows)} trapezoids", f"{digits(area)} {unit} · s"), ("time: Σ Δtᵢ", seconds(time)))
    return Derived(what, unit, TIMES, formula, Fraction(twice, 2000 * time),
                   f"{digits(area)} {unit} · s / {seconds(time)}", steps, table)  # fmt: skip


# --- time in, above and below ---------------------------------------------------------------------------------------


def outside_ms(trace: Trace, stretch: Outside) -> int:
    """Known milliseconds of an excursion: from edge to edge without the gaps in it."""
    onset, end = edges(trace, stretch)
    return end - onset - gaps_within(trace, stretch)


def gaps_within(trace: Trace, stretch: Outside) -> int:
    """Milliseconds without readings between the first and the last sample outside."""
    return sum(length(trace, i) for i in range(stretch.first, stretch.last) if trace.kind[i] == GAP)


def edges(trace: Trace, stretch: Outside) -> tuple[int, int]:
    """Onset and end as the figures use them; an excursion that goes on lasts until its last sample."""
    last = int(trace.time_ms[stretch.last])
    return stretch.onset_ms, last if stretch.end_ms is None else stretch.end_ms


def stretch_rows(trace: Trace, some: Sequence[Outside]) -> Rows:
    """Stretches outside a limit as the rows of a table."""
    rows = [
        (moment(stretch.onset_ms), moment(stretch.end_ms), seconds(gaps_within(trace, stretch)),
         seconds(outside_ms(trace, stretch)))
        for stretch in some
    ]  # fmt: skip
    return Rows(("onset", "end", "gaps in it", "outside"), rows)


def one_side(said: ChannelFindings, name: str, *, upper: bool) -> Derived:
    """Time above or below the label range: the sum of the excursions' known time, or that with all unknown time."""
    some = said.above if name == "above" else said.below
    total = sum(outside_ms(said.trace, stretch) for stretch in some)
    gaps = unknown_ms(said.trace) if upper else 0
    limit = said.profile.label.high_mc if name == "above" else said.profile.label.low_mc
    steps = [(f"{name} {degrees(limit)}: Σ of {len(some)} excursions" if limit is not None
              else f"the label range has no limit {name}", seconds(total))]  # fmt: skip
    if upper:
        steps.append(("unknown time, all of which may have been outside", seconds(gaps)))
    words = f"{seconds(total)} + {seconds(gaps)}" if upper else f"Σ = {seconds(total)}"
    title = f"Time {name}" + (", upper bound" if upper else "")
    return Derived(title, "s", TIMES, f"Σ time {name}" + (" + unknown" if upper else ""),
                   Fraction(total + gaps, 1000), words, tuple(steps), stretch_rows(said.trace, some),
                   more=(EDGE,))  # fmt: skip


def in_range(said: ChannelFindings, *, upper: bool) -> Derived:
    """Time inside the label range: known time without what was above or below."""
    known = known_ms(said.trace)
    above, below = (sum(outside_ms(said.trace, s) for s in side) for side in (said.above, said.below))
    gaps = unknown_ms(said.trace) if upper else 0
    steps = [("known time", seconds(known)), (f"above: Σ of {len(said.above)} excursions", seconds(above)),
             (f"below: Σ of {len(said.below)} excursions", seconds(below))]  # fmt: skip
    words = f"{seconds(known)} − {seconds(above)} − {seconds(below)}"
    if upper:
        steps.append(("unknown time, all of which may have been inside", seconds(gaps)))
        words += f" + {seconds(gaps)}"
    both = sorted([*said.above, *said.below], key=lambda stretch: stretch.onset_sample_ms)
    title = "Time in range" + (", upper bound" if upper else "")
    return Derived(title, "s", TIMES, "known − above − below" + (" + unknown" if upper else ""),
                   Fraction(known - above - below + gaps, 1000), words, tuple(steps), stretch_rows(said.trace, both),
                   more=("The limit itself is inside.", EDGE))  # fmt: skip


def outside_range(said: ChannelFindings) -> Derived:
    """Time above and below the label range together, as pages show it."""
    above, below = (sum(outside_ms(said.trace, s) for s in side) for side in (said.above, said.below))
    both = sorted([*said.above, *said.below], key=lambda stretch: stretch.onset_sample_ms)
    steps = ((f"above: Σ of {len(said.above)} excursions", seconds(above)),
             (f"below: Σ of {len(said.below)} excursions", seconds(below)))  # fmt: skip
    return Derived("Time outside", "s", TIMES, "above + below", Fraction(above + below, 1000),
                   f"{seconds(above)} + {seconds(below)}", steps, stretch_rows(said.trace, both),
                   more=(EDGE,))  # fmt: skip


def share_in_range(said: ChannelFindings) -> Derived:
    """The share of the known time that lay inside the label range, as pages show it."""
    known, inside = known_ms(said.trace), in_range(said, upper=False)
    within = known - sum(outside_ms(said.trace, stretch) for stretch in (*said.above, *said.below))
    result = Fraction(100 * within, known) if known else None
    return Derived("Time in range", "%", TIMES, "100 · in range / known", result,
                   f"100 · {seconds(within)} / {seconds(known)}", inside.steps, inside.table,
                   None if known else "no time is known",
                   ("Pages show it rounded down: 99.996 % must not read as 100 %.", *inside.more))  # fmt: skip


def judged(said: ChannelFindings) -> Derived:
    """The time that readings back on both sides, inside and outside: what shares are shares of."""
    known = known_ms(said.trace)
    out = sum(outside_ms(said.trace, stretch) for stretch in (*said.above, *said.below))
    steps = (("in range", seconds(known - out)), ("outside", seconds(out)))
    return Derived("Judged time", "s", TIMES, "in range + outside", Fraction(known, 1000),
                   f"{seconds(known - out)} + {seconds(out)}", steps)  # fmt: skip
