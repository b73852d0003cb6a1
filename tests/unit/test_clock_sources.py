"""What the kernel and the loggers say of the server's clock: told when it is so, and never where they cannot know."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from alert_cast import NOON
from engine_house import House

from alerts.clock_sources import Consensus, Kernel, Statement, behind_ms, first, kernel
from coldchain.domain.message import Decoded
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading, flag_bits
from ingest.timing import timed

SECOND, MINUTE = 1000, 60_000
GOOD, BAD = Statement(synchronised=True, max_error_ms=3.0), Statement(synchronised=False, max_error_ms=16_000.0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "state", NOON)
    yield made
    made.close()


def said_over(house: House, answers: Sequence[Statement | None], machine: str = "here") -> list[str | None]:
    """What a fresh look says each minute, when the kernel answers so."""
    left = list(answers)
    watch = Kernel(house.registry, house.clock, lambda: left.pop(0), machine)
    said = []
    for _ in answers:
        said.append(watch.look())
        house.clock.advance(MINUTE)
    return said


def test_a_clock_that_was_synchronised_and_is_no_longer_is_told_of_after_ten_minutes_and_over_when_it_is(
    house: House,
) -> None:
    said = said_over(house, [GOOD, *[BAD] * 11, GOOD])
    assert said[:11] == [None] * 11
    assert said[11] == f"the server's clock has not been synchronised since {iso(NOON + MINUTE)}, says its kernel"
    assert said[12] is None


@pytest.mark.parametrize("answer", [BAD, None], ids=["never synchronised", "cannot be asked"])
def test_where_the_kernel_never_calls_it_synchronised_nothing_is_told(house: House, answer: Statement | None) -> None:
    assert said_over(house, [answer] * 60) == [None] * 60


def test_after_a_restart_it_is_known_that_this_machine_was_synchronised_and_of_another_one_it_is_not(
    house: House,
) -> None:
    said_over(house, [GOOD])
    assert said_over(house, [BAD] * 12)[-1] is not None
    assert said_over(house, [BAD] * 12, machine="elsewhere")[-1] is None


def test_a_start_that_takes_some_minutes_to_synchronise_is_no_trouble(house: House) -> None:
    assert said_over(house, [GOOD, *[BAD] * 9, GOOD, *[BAD] * 9]) == [None] * 20


def test_this_machines_own_kernel_answers_or_says_that_it_cannot(house: House) -> None:
    said = kernel()
    assert said is None or said.max_error_ms >= 0
    assert Kernel(house.registry, house.clock).look() is None


def rows(delays_s: Sequence[float], source: str = "device", **more: Any) -> list[Reading]:
    """One reading of each logger, which arrives so long after it was measured."""
    return [
        Reading(f"L{n}", "internal", NOON - round(delay * SECOND), NOON, source)._replace(**more)
        for n, delay in enumerate(delays_s)
    ]


@pytest.mark.parametrize(
    ("delays_s", "behind_s"),
    [
        ([-10, -9.5, -10.5, -9, -10], 10),
        ([-10, -10, -10.5, -9, -10, 300], 10),  # one that was out of reach
        ([-10, -9.5, -10.5, -9], None),  # too few
        ([-10, -60, -3, 40, -25, -7], None),  # each wrong by itself
        ([-10, -9.5, -10.5, 0.4, 0.5, 1, 0.2], None),  # a minority of one make
        ([-1.5, -1, -1.2, -0.5, -1.9], None),  # within what counts as right
        ([10, 9.5, 10.5, 9, 10], None),  # late, as what is delayed on its way
    ],
)
def test_most_loggers_must_agree_with_each_other_before_our_clock_is_the_wrong_one(
    delays_s: list[float], behind_s: int | None
) -> None:
    assert behind_ms(rows(delays_s)) == (None if behind_s is None else behind_s * SECOND)
    assert behind_ms(rows(delays_s, "network")) == behind_ms(rows(delays_s))


@pytest.mark.parametrize(
    "more", [{"time_source": "arrival"}, {"time_source": "gateway"}, {"historical": True},
             {"flags": flag_bits("retained")}, {"flags": flag_bits("clock_suspect")}],
    ids=str,
)  # fmt: skip
def test_times_that_are_no_live_clock_of_a_logger_say_nothing(more: dict[str, Any]) -> None:
    assert behind_ms(rows([-10] * 9, **more)) is None


def test_the_freshest_reading_of_a_logger_counts_and_what_it_sends_later_does_not_delay_it() -> None:
    assert behind_ms([*rows([-10] * 5), *rows([3600] * 5)]) == 10 * SECOND


@pytest.mark.parametrize("text", ["iso", "seconds", "milliseconds"])
def test_a_clock_that_is_behind_by_an_hour_is_told_of_though_no_time_of_a_logger_is_believed_then(text: str) -> None:
    true_ms = NOON + 60 * MINUTE
    words = {"iso": iso(true_ms), "seconds": str(true_ms // 1000), "milliseconds": str(true_ms)}[text]
    moved: list[Reading] = []
    for row in rows([-3600] * 6):
        message = Decoded(row.logger, "1:1", b"", "native@1", (row._replace(device_time=words),))
        moved += timed(message, NOON).readings
    assert {row.time_source for row in moved} == {"arrival"}
    assert behind_ms(moved) == 3600 * SECOND


def test_it_is_told_after_two_looks_a_minute_apart_and_over_with_the_first_good_one(house: House) -> None:
    watch = Consensus(house.journal, house.clock)
    said = []
    for minute in range(5):
        ahead_ms = 10_000 if minute < 3 else 0
        now_ms = house.clock.now_ms()
        rows_now = [
            Reading(f"L{n}", "internal", now_ms + ahead_ms - 300, now_ms, "device", boot=1, seq=minute)
            for n in range(6)
        ]  # fmt: skip
        house.send(*rows_now)
        said.append(watch.look())
        house.clock.advance(MINUTE)
        if minute == 2:
            house.clock.advance(10 * MINUTE)  # what was received long ago counts no more
    assert said[0] is None
    assert said[1] == said[2] == "the server's clock is 10 s behind those of most loggers, which agree with each other"
    assert said[3:] == [None, None]


def test_of_several_sources_the_first_that_says_something_counts_and_each_is_asked() -> None:
    asked = []

    def source(name: str, said: str | None) -> str | None:
        asked.append(name)
        return said

    looks = (lambda: source("a", None), lambda: source("b", "wrong"), lambda: source("c", "also wrong"))
    assert first(*looks)() == "wrong"
    assert asked == ["a", "b", "c"]
