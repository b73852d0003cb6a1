"""Segments and packs: everything comes back exactly, in few bytes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_cast import DAWN, MINUTE

from coldchain.domain.quantity import iso
from coldchain.domain.track import ABSENT
from coldchain.journal import columns
from coldchain.journal.database import Row
from coldchain.journal.pack import messages_in, pack_messages, slots_in
from coldchain.journal.segment import Segment, order, pack_rows
from coldchain.journal.tables import READING_COLUMNS

numbers = st.integers(-(1 << 63) + 1, (1 << 63) - 1)
values = st.one_of(st.none(), st.integers(-300_000, 300_000), numbers)


def through_bytes(stripe: list[int | None]) -> list[int | None]:
    entry, data = columns.encode(stripe)
    found = columns.decode(columns.ENTRY.unpack(entry), memoryview(data), len(stripe))
    return [None] * len(stripe) if found is None else [None if v == ABSENT else v for v in found.tolist()]


@given(st.lists(values, min_size=1, max_size=400))
def test_a_column_comes_back_exactly(stripe: list[int | None]) -> None:
    assert through_bytes(stripe) == stripe


@pytest.mark.parametrize(
    "stripe",
    [[7], [None], [5] * 100, list(range(0, 3000, 10)), [None, 3, None], [-1, 1 << 40, -(1 << 40)], [0, 255], [0, 256]],
)
def test_the_edges_of_a_column_come_back_exactly(stripe: list[int | None]) -> None:
    assert through_bytes(stripe) == stripe


def test_a_constant_or_evenly_growing_column_takes_no_bytes() -> None:
    assert columns.encode([4] * 300)[1] == b""
    assert columns.encode(list(range(100, 1300, 4)))[1] == b""


times = st.integers(DAWN, DAWN + 1440 * MINUTE - 1)
texts = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12))


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    made = []
    for position in draw(st.lists(st.integers(1, 1 << 40), min_size=1, max_size=30, unique=True)):
        time = draw(times)
        text = draw(st.one_of(texts, st.just(iso(time)), st.just(iso(time // 1000 * 1000)[:-5] + "Z")))
        measured = [draw(values) for _ in range(10)]
        made.append((
            position, draw(st.integers(1, 3)), time, time + draw(st.integers(-1000, 10**9)), 1, text, draw(values),
            draw(values), *measured, draw(st.integers(0, 1)), draw(st.one_of(st.none(), st.integers(1, 9))), None, 2,
            draw(st.integers(1, 3)), draw(st.integers(0, 31)), draw(st.integers(0, 2)), max(0, position - 1),
        ))  # fmt: skip
    return made


@given(rows())
def test_a_segment_gives_every_row_back_in_the_order_of_a_track(some: list[Row]) -> None:
    segment = Segment(pack_rows(some))
    assert segment.rows() == sorted(some, key=order)
    assert len(some[0]) == len(READING_COLUMNS)


@given(rows(), st.data())
def test_chosen_rows_of_a_segment_are_those_of_all(some: list[Row], data: st.DataObject) -> None:
    segment = Segment(pack_rows(some))
    key = data.draw(st.sampled_from([(row[2], row[1]) for row in some]))
    assert segment.rows_at({key, (0, 0)}) == [row for row in sorted(some, key=order) if (row[2], row[1]) == key]
    assert segment.rows_at({(0, 0)}) == []


def test_a_parked_logger_takes_less_than_ten_bytes_per_reading() -> None:
    chance = random.Random(11)
    made, position = [], 1_000_000
    for n in range(288):
        time, position = DAWN + n * 5 * MINUTE, position + chance.randint(19_000, 21_000)
        made.append((
            position, 7, time, time + chance.randint(60, 600), 1, iso(time)[:-5] + "Z", 7, 100 + n,
            5_000 + 10 * round(chance.gauss(0, 4)), 51_000 + 100 * round(chance.gauss(0, 3)), 481_371_000, 115_754_000,
            87_000, None, None, None, None, None, 0, None, None, 2, 1, 0, 0, position - 1,
        ))  # fmt: skip
    assert len(pack_rows(made)) / 288 < 7


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_a_pack_gives_every_message_back(payloads: list[bytes]) -> None:
    made = [
        (n, 4, (-1) ** n * n * 1000, None if n % 2 else "ключ", 7, n, DAWN, 3, 1, None, None, None, payload)
        for n, payload in enumerate(payloads, 1)
    ]
    slots, body = pack_messages(reversed(made))
    assert messages_in(body) == made
    assert slots_in(slots) == {row[2] for row in made}
