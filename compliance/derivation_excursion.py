"""How the figures of one excursion come about: its edges, duration, peak, degree-minutes and mean."""

from fractions import Fraction

from coldchain.domain.profile import Direction
from compliance.channel import ChannelFindings
from compliance.derivation_times import EDGE, edges, gaps_within, length
from compliance.derived import Derived, Rows, degrees, digits, moment, seconds
from compliance.document import METHODS
from compliance.excursions import Outside
from compliance.trace import CUT, GAP, KNOWN, Trace

EXCURSIONS = METHODS["excursions"]


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
    gaps = gaps_within(trace, stretch)
    steps = [("onset", moment(onset)), ("end" if stretch.end_ms is not None else "last sample so far", moment(end)),
             ("gaps between samples outside", seconds(gaps))]  # fmt: skip
    if not upper:
        words = f"{seconds(end - onset)} − {seconds(gaps)}"
        return Derived("Duration", "s", EXCURSIONS, "end − onset − gaps", Fraction(end - onset - gaps, 1000), words,
                       tuple(steps), more=(EDGE,))  # fmt: skip
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
    gaps = gaps_within(trace, stretch)
    result = Fraction(100 * (end - onset - gaps), end - onset) if end > onset else Fraction(100)
    return Derived("Coverage of the excursion", "%", EXCURSIONS, "100 · (end − onset − gaps) / (end − onset)", result,
                   f"100 · {seconds(end - onset - gaps)} / {seconds(end - onset)}")  # fmt: skip
