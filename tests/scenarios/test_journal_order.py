"""Order does not matter: shuffled, repeated, split and late deliveries, also across compaction, give the same rows."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_cast import DAWN, DAY, arrival, content, reading

from coldchain.domain.message import Arrival, Outcome
from coldchain.domain.reading import flag_names
from coldchain.journal.lookup import loggers_named
from coldchain.journal.sqlite import SqliteJournal
from coldchain.telemetry.embedded import EmbeddedTelemetry, compact

END = DAWN + 10 * DAY


@dataclass
class Delivery:
    """Messages as they were made, and the batches in which they arrive; between some of these all is compacted."""

    made: list[Arrival]
    batches: list[list[Arrival]]
    compacted: list[bool]


# Few moments and few values, so that messages meet: equal readings, ties, and one value from several messages.
moments = st.tuples(st.sampled_from([0, 1, 700, 1439, 1440, 4000]), st.sampled_from(["internal", "probe-1"]))
messages = st.dictionaries(moments, st.sampled_from([4.0, 5.0, 6.0]), min_size=0, max_size=4)


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    made = [
        arrival(*(reading(minute, value, channel=name) for (minute, name), value in some.items()), seq=seq)
        for seq, some in enumerate(draw(st.lists(messages, min_size=1, max_size=8)))
    ]
    repeated = draw(st.lists(st.sampled_from(made), max_size=6))
    order = draw(st.permutations(made + repeated))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(order) - 1)), max_size=4)))
    batches = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return Delivery(made, batches, draw(st.lists(st.booleans(), min_size=len(batches), max_size=len(batches))))


def expected(made: list[Arrival]) -> list[tuple[object, ...]]:
    """What must be stored: each distinct value of each moment, ordered by the first message that carries it."""
    first: dict[tuple[object, ...], int] = {}
    for one in made:
        for r in one.messages[0].readings:
            first.setdefault(content(r), r.seq or 0)
    return sorted(first, key=lambda row: (row[2], row[1], first[row], row[3][0]))  # type: ignore[index]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
def test_any_delivery_of_the_same_messages_gives_the_same_rows_and_ties(delivery: Delivery) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal(Path(folder) / "journal.db")
        day = 20
        for batch, compacting in zip(delivery.batches, delivery.compacted, strict=True):
            receipts = journal.append(batch)
            assert not any(r.refusals for r in receipts)
            if compacting:
                day += 1
                compact(journal, journal.head(), DAWN + day * DAY)
        _check(journal, delivery)
        journal.close()


def _check(journal: SqliteJournal, delivery: Delivery) -> None:
    store, wanted = EmbeddedTelemetry(journal), expected(delivery.made)
    found = list(store.readings("LG-1", 0, END))
    assert [content(r) for r in found] == wanted
    for r in found:
        shared = sum(row[1:3] == content(r)[1:3] for row in wanted)
        assert flag_names(r.flags) == (["tie"] if shared > 1 else [])
    for channel in ("internal", "probe-1"):
        track = store.track("LG-1", channel, 0, END)
        assert track.temperature_mc.tolist() == [row[3][0] for row in wanted if row[1] == channel]  # type: ignore[index]
    tailed = journal.read(0, 1000)
    assert sorted(map(content, tailed)) == sorted(wanted)
    assert {r.offset for r in tailed} == {r.offset for r in found}
    assert len({(r.channel, r.event_time_ms, r.tie) for r in tailed}) == len(tailed)
    # Whatever the order, nothing is missing any more; the count starts where the first arrival was.
    mark = journal.watermark("LG-1")
    assert (mark.committed_through, mark.resend) == ((7, len(delivery.made) - 1), ())
    # What is remembered between commits is what the tables hold.
    with journal.database.read() as session:
        assert loggers_named(session, ["LG-1"]) == journal._finder._loggers
    again = journal.append(delivery.made)
    assert {receipt.outcome for receipt in again} == {Outcome.DUPLICATE}
