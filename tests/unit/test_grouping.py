"""Which messages leave together and when: a storm stays readable, complete and bounded, and its first word is quick."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.grouping import JOIN_MS, MOST, WINDOW_MS, Earlier, Key, Pending, Send, Wait, choose
from coldchain.domain.finding import Severity

NOW = 10_000_000
HERE, THERE = Key("store:Munich", "temperature", 3), Key("store:Lisbon", "temperature", 3)
MAJOR = Key("store:Munich", "temperature", 2)


def row(name: str, key: Key | None = MAJOR, **more: Any) -> Pending:
    return replace(Pending(name, f"alarm-{name}", 1, key, NOW, due=True), **more)


def said(ago_ms: int, *keys: Key) -> Earlier:
    return Earlier(NOW - ago_ms, keys)


def test_the_first_message_leaves_at_once_with_all_of_its_group() -> None:
    chosen = choose([row("a"), row("b")], [], NOW)
    assert chosen == Send(("a", "b"), (MAJOR,))


def test_the_worst_group_goes_first_and_the_second_message_takes_all_others_along() -> None:
    rows = [row("a"), row("b", THERE), row("c", Key("store:Oslo", "silence", 2))]
    first = choose(rows, [], NOW)
    assert first == Send(("b",), (THERE,))
    rest = choose([rows[0], rows[2]], [said(0, THERE)], NOW)
    assert isinstance(rest, Send)
    assert set(rest.rows) == {"a", "c"}


def test_what_follows_within_a_minute_waits_for_the_minute_and_shares_a_message() -> None:
    assert choose([row("b")], [said(20_000, MAJOR)], NOW) == Wait(NOW + 40_000)
    chosen = choose([row("b"), row("c", due=False)], [said(JOIN_MS, MAJOR)], NOW)
    assert chosen == Send(("b", "c"), (MAJOR,))


def test_the_third_message_is_kept_for_a_critical_alarm_of_another_site() -> None:
    two = [said(200_000, MAJOR), said(100_000, MAJOR)]
    assert choose([row("c")], two, NOW) == Wait(NOW - 200_000 + WINDOW_MS)
    assert choose([row("c", HERE)], two, NOW) == Wait(NOW - 200_000 + WINDOW_MS)  # the same site
    assert choose([row("c", THERE)], two, NOW) == Send(("c",), (THERE,))


def test_the_last_message_takes_along_whatever_waits() -> None:
    two = [said(200_000, MAJOR), said(10_000, MAJOR)]
    chosen = choose([row("x", due=False), row("c", THERE)], two, NOW)
    assert isinstance(chosen, Send)
    assert chosen.rows == ("c", "x")


def test_no_fourth_message_within_five_minutes_however_bad() -> None:
    three = [said(250_000, MAJOR), said(200_000, MAJOR), said(100_000, HERE)]
    assert choose([row("c", THERE)], three, NOW) == Wait(NOW - 250_000 + WINDOW_MS)


def test_an_attempt_in_doubt_is_made_again_with_exactly_its_rows() -> None:
    rows = [
        row("a", attempts=1, doubtful=True, lead="b"), row("b", attempts=1, doubtful=True), row("new"),
    ]  # fmt: skip
    assert choose(rows, [said(5_000, MAJOR)], NOW) == Send(("b", "a"), (MAJOR,))


def test_after_an_outage_everything_that_waits_leaves_as_one_message() -> None:
    rows = [row("a", attempts=3), row("b", THERE, attempts=1, due=False), row("c", Key("system:", "disk", 2))]
    chosen = choose(rows, [], NOW)
    assert isinstance(chosen, Send)
    assert set(chosen.rows) == {"a", "b", "c"}


def test_an_alarm_that_is_over_before_it_could_be_told_is_told_as_over() -> None:
    over = Key(MAJOR.site, MAJOR.cause, -1)
    rows = [row("a"), row("b", over, alarm="alarm-a", occasion=2)]
    chosen = choose(rows, [], NOW)
    assert chosen == Send(("b", "a"), (over,))


def test_what_says_something_of_its_own_leaves_alone_and_at_once() -> None:
    three = [said(n, MAJOR) for n in (1_000, 2_000, 3_000)]
    assert choose([row("a"), row("drill", None)], three, NOW) == Send(("drill",), ())


def test_a_program_hears_of_an_alarm_in_order() -> None:
    first = row("a", None, in_order=True, due=False, due_ms=NOW + 5_000, attempts=1)
    second = row("b", None, in_order=True, alarm="alarm-a", occasion=2)
    other = row("c", None, in_order=True)
    assert choose([first, second], [], NOW) == Wait(NOW + 5_000)
    assert choose([first, second, other], [], NOW) == Send(("c",), ())
    assert choose([second, replace(first, due=True)], [], NOW) == Send(("a",), ())


_KEYS = st.builds(Key, st.sampled_from("ABC"), st.sampled_from(("temperature", "silence")), st.sampled_from((-1, 2, 3)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 900_000), _KEYS), min_size=1, max_size=60))
def test_nothing_is_dropped_nothing_waits_for_ever_and_no_window_holds_more_than_three(
    arrivals: list[tuple[int, Key]],
) -> None:
    waiting: dict[str, Pending] = {}
    not_before: dict[str, int] = {}
    sent: list[tuple[int, Send]] = []
    coming = sorted((at, n, key) for n, (at, key) in enumerate(arrivals))
    now = 0
    while coming or waiting:
        while coming and coming[0][0] <= now:
            at, n, key = coming.pop(0)
            waiting[str(n)] = Pending(str(n), f"alarm{n}", 1, key, at, due=True)
        rows = [replace(one, due=not_before.get(one.id, 0) <= now) for one in waiting.values()]
        if any(one.due for one in rows):
            earlier = [Earlier(at, message.keys) for at, message in sent if at > now - WINDOW_MS]
            chosen = choose(rows, earlier, now)
            if isinstance(chosen, Send):
                sent.append((now, chosen))
                for name in chosen.rows:
                    del waiting[name]
            else:
                assert now < chosen.until_ms <= now + WINDOW_MS
                not_before |= {one.id: chosen.until_ms for one in rows if one.due}
            continue
        now = min([*not_before.values(), *(at for at, _, _ in coming)], key=lambda at: (at <= now, at))
    assert sorted(name for _, message in sent for name in message.rows) == sorted(str(n) for n in range(len(arrivals)))
    for at, _ in sent:
        assert sum(at - WINDOW_MS < other <= at for other, _ in sent) <= MOST
    assert sent[0][0] == min(at for at, _ in arrivals)


def test_severities_are_the_priorities() -> None:
    assert [HERE.priority, MAJOR.priority] == [Severity.CRITICAL, Severity.MAJOR]
