"""What measurements say, and how it is shown: tables on the terminal, and the same as sections of a document."""

import os
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Anchor:
    """One ratio or figure that is to be held; `hold` "" means that it is for information."""

    name: str
    ours: str
    theirs: str
    ratio: float | None
    hold: str  # ">= 1", "<= 10", or ""
    note: str = ""

    @property
    def held(self) -> bool | None:
        """Whether the ratio is on the right side; None where nothing is demanded or nothing was measured."""
        if self.ratio is None or not self.hold:
            return None
        sign, number = self.hold.split()
        return self.ratio >= float(number) if sign == ">=" else self.ratio <= float(number)


@dataclass(frozen=True, slots=True)
class Section:
    """One measurement: what it compares, when it was taken, and what came out."""

    name: str
    about: str
    when: str
    anchors: tuple[Anchor, ...]


Measure = Callable[[float], Sequence[Anchor]]
HEADS = ("anchor", "ours", "theirs", "ratio or figure", "hold at", "", "note")

_HEAD = """\
# Performance

Written by `python -m bench --write docs/reference/performance.md`, which replaces the sections that it measures anew
and keeps the others. Last run on: {machine}.

Machines differ, so the figures that count are ratios of things measured in turns in one run; rates and times are
medians. A figure that misses its mark stays here with its note. Telegraf and Node-RED come from `bash bench/servers`,
the other servers from `bash .ci/servers`.
"""


def rates(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """The medians of interleaved runs and the median of their ratios, pair by pair."""
    return median(ours), median(theirs), median(a / b for a, b in zip(ours, theirs, strict=True))


class Took(NamedTuple):
    """What one run took: messages per second, and seconds of CPU of the measured processes for one message."""

    rate: float
    cpu_s: float
    memory_mib: float = 0.0


def beside(name: str, ours: Sequence[Took], theirs: Sequence[Took], hold: str) -> Anchor:
    """Interleaved runs of two that do the same, as a ratio of their rates."""
    mine, other, ratio = rates([one.rate for one in ours], [one.rate for one in theirs])
    cpu = [f"{median(one.cpu_s for one in some) * 1e6:.0f}" for some in (ours, theirs)]
    note = f"{cpu[0]} and {cpu[1]} µs of CPU a message"
    return Anchor(name, per_second(mine), per_second(other), ratio, hold, note)


def per_second(rate: float) -> str:
    """A rate as it is shown."""
    return f"{rate:,.0f} messages/s"


def absent(name: str, why: str, hold: str = "") -> Anchor:
    """A figure that could not be measured, and the reason in one line."""
    return Anchor(name, "", "", None, hold, " ".join(why.split())[:300])


def cells(anchor: Anchor) -> tuple[str, ...]:
    """One row of the table."""
    ratio = f"{anchor.ratio:.2f}" if anchor.ratio is not None else "" if anchor.ours else "not measured"
    said = {True: "held", False: "MISSED", None: ""}[anchor.held]
    note = anchor.note.replace("|", "/")
    return anchor.name, anchor.ours, anchor.theirs, ratio, anchor.hold, said, note


def show(sections: Sequence[Section]) -> None:
    """Print everything as one table."""
    table = Table(*HEADS, title=machine())
    for section in sections:
        for anchor in section.anchors:
            table.add_row(*cells(anchor))
        table.add_section()
    Console(width=180).print(table)


def document(before: str, fresh: Sequence[Section], order: Sequence[str]) -> str:
    """The text of the document: `before` with the sections that were measured anew."""
    kept = {text.partition("\n")[0].strip(): text.strip() for text in re.split(r"^## ", before, flags=re.MULTILINE)[1:]}
    for section in fresh:
        kept[section.name] = _section(section)
    names = [name for name in order if name in kept]
    return "\n".join([_HEAD.format(machine=machine()), *(f"## {kept[name]}\n" for name in names)])


def _section(section: Section) -> str:
    rows = [f"| {' | '.join(cells(anchor))} |" for anchor in section.anchors]
    head = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    about = [section.name, "", section.about, "", f"Measured on {section.when}.", ""]
    return "\n".join([*about, *head, *rows])


def machine() -> str:
    """The machine in a line."""
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{names[0] if names else model}, {os.cpu_count()} CPUs, {gib:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}"
    )
