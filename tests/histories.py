"""Random histories of a logger, what must hold of each, and the shortest one that breaks it.

A history is made of its number alone, so whoever reads a number in a failure can make it again. It does not go through
hypothesis: ten thousand of them cost less than hypothesis needs to choose a few hundred. What arrives is the history
permuted, with readings twice, cut into batches, parts of it delayed, and replayed from a checkpoint; of readings that
arrive again the first one counts, as in the journal.
"""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from judging import BOX, DAWN

from coldchain.domain.finding import Findings
from coldchain.domain.reading import Reading
from coldchain.domain.track import Track
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.shipped import shipped_profile
from compliance.twin import differences

STEP_MS = 300_000
PROFILES = (
    "refrigerated-2-8", "refrigerated-2-8-freeze-sensitive", "cct-2-8", "crt-20-25", "eu-15-25", "below-25",
    "frozen-25-15",
)  # fmt: skip
_SHARE = 250  # histories that one process takes at a time


class Case(NamedTuple):
    """A history with the profile that judges it and the moment at which it is judged."""

    number: int
    history: list[Reading]
    profile: str
    now_ms: int

    def told(self) -> str:
        """The case as it stands in a failure."""
        rows = [
            f"{(item.event_time_ms - DAWN) / 60_000:g} min: {item.temperature_mc} m°C, offset {item.offset}"
            for item in self.history
        ]
        late = (self.now_ms - DAWN) / 60_000
        return f"history {self.number}, {self.profile}, judged at {late:g} min\n" + "\n".join(rows)


def case_of(number: int) -> Case:
    """The history of a number."""
    chance = random.Random(f"history/{number}")
    history, profile = random_history(chance), chance.choice(PROFILES)
    newest = max(item.event_time_ms for item in history)
    return Case(number, history, profile, newest + chance.choice((0, 60_000, 7_200_000)))


def random_history(chance: random.Random) -> list[Reading]:
    """A random walk in and out of the range, with holes, faults, late records and changes of pace; most are short."""
    level, time_ms = chance.randrange(1_000, 9_000), DAWN
    found: list[Reading] = []
    for seq in range(chance.randrange(2, chance.choice((10, 10, 10, 40)))):
        level = max(-20_000, min(level + chance.choice((-1_500, -400, -50, 0, 50, 400, 1_500, 4_000, -4_000)), 45_000))
        faulty = chance.random() < 0.05
        found.append(
            Reading(
                "LG-1", "internal", time_ms, time_ms + chance.choice((0, 300, 3_600_000)), "device", boot=1, seq=seq,
                temperature_mc=None if faulty else level, humidity_mpct=None if faulty else 50_000 + seq,
                latitude_e7=480_000_000 + seq, longitude_e7=110_000_000, offset=seq + 1,
            )
        )  # fmt: skip
        time_ms += chance.choice((STEP_MS, STEP_MS, STEP_MS, STEP_MS, 60_000, 1_234_567, 5_400_000))
    return found


def inputs(readings: Sequence[Reading], profile: str) -> Inputs:
    """A shipment with one logger, live since dawn."""
    track = Track.of("LG-1", "internal", list(readings))
    return Inputs(BOX, shipped_profile(profile), (Bound(track, (Span(DAWN, None),), interval_ms=STEP_MS),))


def batches(history: Sequence[Reading], chance: random.Random) -> list[list[Reading]]:
    """The history as it may arrive."""
    checkpoint = chance.randrange(len(history))
    came = [*history, *chance.choices(history, k=len(history) // 4), *history[checkpoint:]]
    chance.shuffle(came)
    delayed = {item.seq for item in history if chance.random() < 0.2}
    came = [item for item in came if item.seq not in delayed] + [item for item in came if item.seq in delayed]
    cuts = sorted(chance.randrange(len(came)) for _ in range(chance.randrange(4)))
    return [came[a:b] for a, b in zip([0, *cuts], [*cuts, len(came)], strict=True)]


def stored(came: Sequence[Sequence[Reading]]) -> list[Reading]:
    """What is kept of what arrived, in the order of arrival."""
    kept: dict[tuple[int, int | None], Reading] = {}
    for batch in came:
        for item in batch:
            kept.setdefault((item.event_time_ms, item.seq), item)
    return list(kept.values())


Judge = Callable[[Inputs, int], Findings]


def broken(case: Case, judge: Judge = findings) -> str | None:
    """What does not hold of a history: None, or the first difference in words."""
    try:
        return _difference(case, judge)
    except Exception as error:  # whatever an engine raises is told like any other failure
        return f"it raises {type(error).__name__}: {error}"


def _difference(case: Case, judge: Judge) -> str | None:
    chance = random.Random(f"arrival/{case.number}")
    whole_inputs = inputs(case.history, case.profile)
    whole = judge(whole_inputs, case.now_ms)
    came = stored(batches(case.history, chance))
    if judge(inputs(came, case.profile), case.now_ms) != whole:
        return "another order of arrival gives other findings"
    cut = chance.randrange(1, len(case.history) + 1)
    then_ms = max(item.event_time_ms for item in case.history[:cut])
    known = [item for item in came if item.offset <= cut]
    if judge(inputs(known, case.profile), then_ms) != judge(inputs(case.history[:cut], case.profile), then_ms):
        return f"as known after {cut} readings, another order of arrival gives other findings"
    wrong = differences(whole_inputs, whole.document)
    return f"the decimal twin differs: {'; '.join(wrong)}" if wrong else None


def shortest(case: Case, fails: Callable[[Case], bool]) -> Case:
    """A case that still fails although no reading can be left out: halves, quarters and so on are tried first."""
    size = len(case.history) // 2
    while size:
        start = 0
        while start < len(case.history):
            rest = case.history[:start] + case.history[start + size :]
            smaller = case._replace(history=rest)
            if rest and fails(smaller):
                case = smaller
            else:
                start += size
        size //= 2
    return case


def checked(first: int, count: int) -> tuple[int, str | None]:
    """How many histories from a number on were checked, and the first failure, shrunk and told."""
    for number in range(first, first + count):
        case = case_of(number)
        if broken(case) is not None:
            small = shortest(case, lambda one: broken(one) is not None)
            return number - first, f"{broken(small)}\n{small.told()}"
    return count, None


def all_checked(count: int, processes: int = 2) -> tuple[int, list[str]]:
    """Check so many histories in several processes; how many held, and the failures."""
    shares = [(first, min(_SHARE, count - first)) for first in range(0, count, _SHARE)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(checked, *zip(*shares, strict=True)))
    return sum(done for done, _ in found), [failure for _, failure in found if failure is not None]
