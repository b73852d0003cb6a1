"""How many gaps and excursions a channel has: counts that pages show beside its figures, with what was counted."""

from compliance import derivation_times as times
from compliance.channel import ChannelFindings
from compliance.derived import Derived, Rows, degrees, moment, seconds
from compliance.document import METHODS

_COUNT = "count/1"


def gaps(said: ChannelFindings) -> Derived:
    """The number of stretches of which nothing is known."""
    found = said.trace.gaps()
    rows = Rows(("from", "to", "lasted"), [(moment(a), moment(b), seconds(b - a)) for a, b in found])
    more = (f"A gap is more than two intervals of {seconds(said.interval_ms)} without a reading.",)
    return Derived("Gaps", "", _COUNT, "how many", len(found), table=rows, more=more)


def excursions(said: ChannelFindings) -> Derived:
    """The number of stretches outside the label range."""
    rows = Rows(
        ("side", "onset", "end", "outside for", "farthest"),
        [
            (
                "above" if direction == "high" else "below",
                moment(stretch.onset_ms),
                moment(stretch.end_ms),
                seconds(times.outside_ms(said.trace, stretch)),
                degrees(stretch.peak),
            )
            for direction, stretch in said.excursions()
        ],
    )
    more = (f"By {METHODS['excursions']}: each stretch beyond a limit of {said.profile.label.text()} is one.",)
    return Derived("Excursions", "", _COUNT, "how many", len(rows.rows), table=rows, more=more)
