"""How times, extremes, means and excursions come about, step by step from the judged samples."""

from collections.abc import Sequence
from fractions import Fraction

from coldchain.domain.profile import Direction
from compliance.channel import ChannelFindings
from compliance.derived import Derived, Rows, degrees, digits, moment, seconds
from compliance.document import METHODS
from compliance.excursions import Outside
from compliance.trace import CUT, GAP, KNOWN, Trace

TIMES, EXCURSIONS = METHODS["temperature"], METHODS["excursions"]
_EDGE = ("Two neighbours are a straight line; the crossing of the limit is where that line meets it, rounded to the "
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
    return end - onset - _gaps_within(trace, stretch)


def _gaps_within(trace: Trace, stretch: Outside) -> int:
    return sum(length(trace, i) for i in range(stretch.first, stretch.last) if trace.kind[i] == GAP)


def edges(trace: Trace, stretch: Outside) -> tuple[int, int]:
    """Onset and end as the figures use them; an excursion that goes on lasts until its last sample."""
    last = int(trace.time_ms[stretch.last])
    return stretch.onset_ms, last if stretch.end_ms is None else stretch.end_ms


def stretch_rows(trace: Trace, some: Sequence[Outside]) -> Rows:
    """Stretches outside a limit as the rows of a table."""
    rows = [
        (moment(stretch.onset_ms), moment(stretch.end_ms), seconds(_gaps_within(trace, stretch)),
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
                   more=(_EDGE,))  # fmt: skip


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
                   more=("The limit itself is inside.", _EDGE))  # fmt: skip


def outside_range(said: ChannelFindings) -> Derived:
    """Time above and below the label range together, as pages show it."""
    above, below = (sum(outside_ms(said.trace, s) for s in side) for side in (said.above, said.below))
    both = sorted([*said.above, *said.below], key=lambda stretch: stretch.onset_sample_ms)
    steps = ((f"above: Σ of {len(said.above)} excursions", seconds(above)),
             (f"below: Σ of {len(said.below)} excursions", seconds(below)))  # fmt: skip
    return Derived("Time outside", "s", TIMES, "above + below", Fraction(above + below, 1000),
                   f"{seconds(above)} + {seconds(below)}", steps, stretch_rows(said.trace, both),
                   more=(_EDGE,))  # fmt: skip


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


# --- one excursion --------------------------------------------------------------------------------------------------


def excursion(said: ChannelFindings, direction: Direction, stretch: Outside, name: str) -> Derived | None:
    """One figure of an excursion; None for a name that is none of them."""
    trace, limit = said.trace, said.profile.label.limit(direction) or 0
    if name in ("onset", "end"):
        return _edge(trace, stretch, limit, name)
    if name == "onset_sample":
        rows = Rows(("sample at", "value"), _samples(trace, stretch.first, stretch.first))
        return Derived("First sample outside", "", EXCURSIONS, "the first sample beyond the limit",
                       moment(stretch.onset_sample_ms), rows.rows[0][1], table=rows)  # fmt: skip
    if name in ("duration_s", "duration_upper_s"):
        return duration(trace, stretch, upper=name == "duration_upper_s")
    if name == "peak_c":
        return _peak(trace, stretch, direction)
    if name in ("area_c_min", "mean_c"):
        return _area(trace, stretch, limit, 1 if direction is Direction.HIGH else -1, mean_of=name == "mean_c")
    return _backed(trace, stretch) if name == "coverage_pct" else None


def _samples(trace: Trace, first: int, last: int) -> list[tuple[str, str]]:
    return [(moment(int(trace.time_ms[i])), degrees(int(trace.value[i]))) for i in range(first, last + 1)]


def _crossing(trace: Trace, stretch: Outside, limit: int, name: str) -> tuple[int, int, Fraction] | None:
    """(sample outside, its neighbour inside, exact moment of the crossing); None where there is no line to cross."""
    outer, inner = (stretch.first, stretch.first - 1) if name == "onset" else (stretch.last, stretch.last + 1)
    if not 0 <= inner < len(trace) or trace.kind[min(outer, inner)] != KNOWN:
        return None
    a, b = int(trace.value[outer]) - limit, int(trace.value[inner]) - limit
    here, there = int(trace.time_ms[outer]), int(trace.time_ms[inner])
    return outer, inner, here + Fraction(a * (there - here), a - b)


def _edge(trace: Trace, stretch: Outside, limit: int, name: str) -> Derived:
    title = "Onset" if name == "onset" else "End"
    formula = "tₐ + (t_b − tₐ) · (vₐ − L) / (vₐ − v_b)"
    found = _crossing(trace, stretch, limit, name)
    edge = stretch.first if name == "onset" else stretch.last
    if found is None:
        if name == "end" and stretch.end_ms is None:
            return Derived(title, "", EXCURSIONS, formula, None, why="no reading has shown the way back so far")
        return Derived(title, "", EXCURSIONS, "the outermost sample: no reading lies next to it without a gap",
                       moment(int(trace.time_ms[edge])), moment(int(trace.time_ms[edge])),
                       table=Rows(("sample at", "value"), _samples(trace, edge, edge)))  # fmt: skip
    outer, inner, exact = found
    (_, outside), (_, inside) = _samples(trace, outer, outer)[0], _samples(trace, inner, inner)[0]
    span = int(trace.time_ms[inner]) - int(trace.time_ms[outer])
    here = int(trace.time_ms[outer])
    words = f"{moment(here)} + {seconds(span)} · ({outside} − {degrees(limit)}) / ({outside} − {inside})"
    steps = (("limit L", degrees(limit)), ("from the sample outside to the crossing", seconds(exact - here)))
    rows = Rows(("sample at", "value"), _samples(trace, min(outer, inner), max(outer, inner)))
    return Derived(title, "", EXCURSIONS, formula, moment(round(exact)), words, steps, rows,
                   more=("Rounded half-even to the millisecond.",))  # fmt: skip


def duration(trace: Trace, stretch: Outside, *, upper: bool) -> Derived:
    """Known time of an excursion, or that with the unknown time beside and inside it."""
    onset, end = edges(trace, stretch)
    gaps = _gaps_within(trace, stretch)
    steps = [("onset", moment(onset)), ("end" if stretch.end_ms is not None else "last sample so far", moment(end)),
             ("gaps between samples outside", seconds(gaps))]  # fmt: skip
    if not upper:
        words = f"{seconds(end - onset)} − {seconds(gaps)}"
        return Derived("Duration", "s", EXCURSIONS, "end − onset − gaps", Fraction(end - onset - gaps, 1000), words,
                       tuple(steps), more=(_EDGE,))  # fmt: skip
    before, after = _beside(trace, stretch)
    steps += [("unknown time just before", seconds(before)), ("unknown time just after", seconds(after))]
    words = f"{seconds(end - onset)} + {seconds(before)} + {seconds(after)}"
    return Derived("Duration, upper bound", "s", EXCURSIONS, "end − onset + adjoining unknown time",
                   Fraction(end - onset + before + after, 1000), words, tuple(steps))  # fmt: skip


def _beside(trace: Trace, stretch: Outside) -> tuple[int, int]:
    """Unknown time that adjoins an excursion: a gap, or readings that are missing at the end of a judged stretch."""
    first, last = int(trace.time_ms[stretch.first]), int(trace.time_ms[stretch.last])
    before = sum(end - start for start, end in trace.edges if end == first)
    after = sum(end - start for start, end in trace.edges if start == last)
    if stretch.first > 0 and trace.kind[stretch.first - 1] != CUT:
        before = length(trace, stretch.first - 1) if trace.kind[stretch.first - 1] == GAP else 0
    if stretch.last + 1 < len(trace) and trace.kind[stretch.last] != CUT:
        after = length(trace, stretch.last) if trace.kind[stretch.last] == GAP else 0
    return before, after


def _peak(trace: Trace, stretch: Outside, direction: Direction) -> Derived:
    values = trace.value[stretch.first : stretch.last + 1].tolist()
    chosen = max(values) if direction is Direction.HIGH else min(values)
    rows = Rows(("sample at", "value"), _samples(trace, stretch.first, stretch.last))
    word = "max" if direction is Direction.HIGH else "min"
    return Derived("Peak", "°C", EXCURSIONS, f"{word} of the samples outside", Fraction(chosen, 1000),
                   f"{word} of {len(values)} samples", (("sample", degrees(chosen)),), rows)  # fmt: skip


def _area(trace: Trace, stretch: Outside, limit: int, side: int, *, mean_of: bool) -> Derived:
    parts, rows = [], []
    for outer, name in ((stretch.first, "onset"), (stretch.last, "end")):
        found = _crossing(trace, stretch, limit, name)
        if found is not None:
            reach = abs(found[2] - int(trace.time_ms[outer]))
            depth = side * (int(trace.value[outer]) - limit)
            parts.append((reach, depth * reach / 2))
            rows.append(
                (f"triangle at the {name}", seconds(reach), degrees(depth), digits(depth * reach / 120_000_000))
            )
    for i in range(stretch.first, stretch.last):
        if trace.kind[i] == KNOWN:
            a, b = (side * (int(trace.value[k]) - limit) for k in (i, i + 1))
            step = length(trace, i)
            parts.append((Fraction(step), Fraction((a + b) * step, 2)))
            rows.append((moment(int(trace.time_ms[i])), seconds(step), f"{degrees(a)}, {degrees(b)}",
                         digits(Fraction((a + b) * step, 120_000_000))))  # fmt: skip
    time, area = sum((part[0] for part in parts), Fraction(0)), sum((part[1] for part in parts), Fraction(0))
    table = Rows(("from", "Δt", "beyond the limit", "°C · min"), rows)
    steps = ((f"Σ of {len(rows)} parts, gaps left out", f"{digits(area / 60_000_000)} °C · min"),)
    if not mean_of:
        return Derived("Degree-minutes", "°C · min", EXCURSIONS, "∫ |v − L| dt over known time",
                       Fraction(round(area), 60_000_000), f"Σ = {digits(area / 60_000_000)}", steps, table,
                       more=("The sum is rounded half-even to a whole milli-degree × millisecond.",))  # fmt: skip
    if not time:  # readings between gaps: the peak is all that is known
        none = (*steps, ("known time outside", seconds(0)))
        return Derived("Mean outside", "°C", EXCURSIONS, "the peak, where no time outside is known",
                       Fraction(stretch.peak, 1000), steps=none, table=table)  # fmt: skip
    mean_mc = limit + side * area / time
    words = f"{degrees(limit)} {'+' if side > 0 else '−'} {digits(area / 60_000_000)} °C · min / {seconds(time)}"
    return Derived("Mean outside", "°C", EXCURSIONS, "L ± ∫ |v − L| dt / known time", mean_mc / 1000, words,
                   (*steps, ("known time outside, edges not rounded", seconds(time))), table)  # fmt: skip


def _backed(trace: Trace, stretch: Outside) -> Derived:
    onset, end = edges(trace, stretch)
    gaps = _gaps_within(trace, stretch)
    result = Fraction(100 * (end - onset - gaps), end - onset) if end > onset else Fraction(100)
    return Derived("Coverage of the excursion", "%", EXCURSIONS, "100 · (end − onset − gaps) / (end − onset)", result,
                   f"100 · {seconds(end - onset - gaps)} / {seconds(end - onset)}")  # fmt: skip
