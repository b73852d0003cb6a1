"""What a measurement says, and how it is shown: a table on the terminal, and the same as Markdown."""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Anchor:
    """One ratio that is to be held; `hold` None means that the figure is for information."""

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


Measure = Callable[[float], Sequence[Anchor]]
HEADS = ("anchor", "ours", "theirs", "ratio", "hold at", "", "note")


def rates(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """The medians of interleaved runs and the median of their ratios, pair by pair."""
    return median(ours), median(theirs), median(a / b for a, b in zip(ours, theirs, strict=True))


def cells(anchor: Anchor) -> tuple[str, ...]:
    """One row of the table."""
    ratio = "not measured" if anchor.ratio is None else f"{anchor.ratio:.2f}"
    said = {True: "held", False: "MISSED", None: ""}[anchor.held]
    return anchor.name, anchor.ours, anchor.theirs, ratio, anchor.hold, said, anchor.note


def show(anchors: Sequence[Anchor]) -> None:
    """Print the table."""
    table = Table(*HEADS, title=machine())
    for anchor in anchors:
        table.add_row(*cells(anchor))
    Console(width=160).print(table)


def markdown(anchors: Sequence[Anchor], when: str) -> str:
    """The table as the text of `docs/reference/performance.md`."""
    rows = [f"| {' | '.join(cells(anchor))} |" for anchor in anchors]
    head = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    text = [
        "# Performance",
        "",
        f"Measured on {when} by `python -m bench` on: {machine()}.",
        "",
        "Figures are ratios of things measured in turns in one run, medians, because machines differ. A figure that",
        "misses its mark stays here with its note.",
        "",
        *head,
        *rows,
        "",
    ]
    return "\n".join(text)


def machine() -> str:
    """The machine in a line."""
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{names[0] if names else model}, {os.cpu_count()} CPUs, {gib:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, load {load:.1f}"
    )
