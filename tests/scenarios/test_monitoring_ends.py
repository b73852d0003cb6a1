"""What is over because nobody watches any more: it is said in those words, and it is not open for ever."""

from collections.abc import Sequence
from typing import Any

from engine_house import House, sample
from judging import at

from coldchain.domain.finding import AlarmCondition, Condition, Severity, Subject
from coldchain.domain.shipment import FactKind
from coldchain.registry import excursion_views, facts, recorded
from coldchain.registry.schema import excursion, shipment
from coldchain.registry.viewer import SYSTEM
from dashboard.live.snapshot import snapshot


def lived(
    house: House, steps: Sequence[int], warm: Sequence[int] = (), channels: Sequence[str] = ("internal",)
) -> None:
    for k in steps:
        for number, channel in enumerate(channels):
            value = sample(k, 9.5 if k in warm else 5.0)
            house.live(value._replace(channel=channel, seq=k + 1000 * number))


def unbind(house: House, box: Subject, minute: float) -> None:
    with house.registry.write() as connection:
        [held] = facts.known(connection, subject=box, kinds=[FactKind.BINDING])
        facts.supersede(
            connection, held.id, valid_to_ms=at(minute), who="test", reason="off", now_ms=house.clock.now_ms()
        )


def arrive(house: House, box: Subject, minute: float) -> None:
    with house.registry.write() as connection:
        connection.execute(shipment.update().values(state="arrived", arrived_ms=at(minute)))
        facts.mark_dirty(connection, box, 0, "arrived", house.clock.now_ms())


def until(house: House, minute: float) -> None:
    """Time passes, and the engine looks whenever it is due."""
    house.pass_until(at(minute))


def alarms(house: House, box: Subject, cause: str, at_least: Severity = Severity.MAJOR) -> list[AlarmCondition]:
    return [
        item.condition
        for item in house.record(box).alarms
        if item.condition.cause == cause and item.condition.severity >= at_least
    ]


def plan(house: House, box: Subject, from_min: float, to_min: float) -> None:
    with house.registry.write() as connection:
        facts.add(
            connection, kind=FactKind.STAGE, body={"stage": "in_transit", "radio_silent": True}, subject=box,
            valid_from_ms=at(from_min), valid_to_ms=at(to_min), who="test", now_ms=house.clock.now_ms(),
        )  # fmt: skip


def test_an_excursion_ends_with_the_binding_and_its_alarm_says_that_nobody_saw_the_return(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, range(30), warm=range(20, 30))
    unbind(house, box, 150)
    house.settle()
    until(house, 300)
    [found] = house.record(box).excursions
    assert found.excursion.end_ms == at(145)
    assert found.excursion.monitoring_ended
    assert found.excursion.duration_upper_ms == found.excursion.duration_ms
    [warm] = alarms(house, box, "high")
    assert (warm.condition, warm.monitoring_ended, warm.end_ms) == (Condition.RETURNED, True, at(145))
    with house.registry.read() as connection:
        assert excursion_views.count(connection, SYSTEM, excursion_views.Filter(open=True)) == 0
    stands = house.record(box)
    assert stands.state is not None
    assert stands.state.status == "unknown"


def test_time_without_readings_before_the_end_of_the_binding_counts_in_the_upper_duration_only(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, range(30), warm=range(20, 30))
    unbind(house, box, 200)
    until(house, 300)
    [found] = house.record(box).excursions
    assert found.excursion.end_ms == at(145)
    assert found.excursion.duration_upper_ms - found.excursion.duration_ms == at(200) - at(145)


def test_an_excursion_of_goods_that_arrived_ends_when_the_logger_is_switched_off(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, range(30), warm=range(20, 35))
    arrive(house, box, 148)
    house.settle()
    lived(house, range(30, 32), warm=range(20, 35))
    [open_] = house.record(box).excursions
    assert open_.excursion.end_ms is None  # it still measures, in range or not
    until(house, 300)
    [found] = house.record(box).excursions
    assert (found.excursion.end_ms, found.excursion.monitoring_ended) == (at(155), True)
    assert [item.monitoring_ended for item in alarms(house, box, "high")] == [True]


def test_readings_that_come_after_all_show_when_the_goods_came_back(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, range(28), warm=range(20, 40))
    unbind(house, box, 200)
    until(house, 300)
    house.send(*[sample(k, 5.0) for k in range(28, 40)])
    house.settle()
    [found] = house.record(box).excursions
    assert not found.excursion.monitoring_ended
    assert at(135) < (found.excursion.end_ms or 0) < at(140)
    assert [item.monitoring_ended for item in alarms(house, box, "high")] == [False]


def test_a_silence_ends_with_the_binding_and_says_so(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, range(20))
    until(house, 130)
    unbind(house, box, 150)
    until(house, 300)
    [silent] = alarms(house, box, "silence")
    assert (silent.condition, silent.monitoring_ended) == (Condition.RETURNED, True)


def test_a_logger_with_two_channels_that_sends_nothing_is_one_silence(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, range(20), channels=("internal", "probe1"))
    until(house, 180)
    [silent] = alarms(house, box, "silence")
    assert (silent.logger, silent.channel, silent.onset_ms) == ("LG-1", "", at(95))
    lived(house, range(40, 44), channels=("internal", "probe1"))
    [over] = alarms(house, box, "silence")
    assert (over.condition, over.monitoring_ended) == (Condition.RETURNED, False)


def test_a_channel_that_stops_while_the_other_goes_on_is_that_channels_silence(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, range(20), channels=("internal", "probe1"))
    lived(house, range(20, 40))
    [silent] = alarms(house, box, "silence")
    assert (silent.channel, silent.condition) == ("probe1", Condition.ACTIVE)
    until(house, 400)  # now the other stops as well: that is the logger, and the channel has not come back
    assert [(item.channel, item.condition) for item in alarms(house, box, "silence")] == [
        ("probe1", Condition.ACTIVE),
        ("", Condition.ACTIVE),
    ]


def test_a_channel_that_does_not_come_back_with_its_logger_is_silent_from_then_on(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, range(20), channels=("internal", "probe1"))
    lived(house, range(40, 50))
    found = alarms(house, box, "silence")
    assert sorted((item.channel, item.condition) for item in found) == [
        ("", Condition.RETURNED),
        ("probe1", Condition.ACTIVE),
    ]


def test_planned_radio_silence_is_no_alarm_until_two_hours_after_its_end(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    plan(house, box, 100, 400)
    lived(house, range(20))  # the last reading is of minute 95
    until(house, 515)
    assert alarms(house, box, "silence", Severity.INFO) == []
    stands: Any = house.record(box).state
    assert any("planned radio silence" in note for note in stands.document["notes"])
    until(house, 521)
    [silent] = alarms(house, box, "silence")
    assert (silent.condition, silent.onset_ms) == (Condition.ACTIVE, at(95))


def test_a_logger_that_is_heard_again_after_its_flight_was_never_silent(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    plan(house, box, 100, 400)
    lived(house, [*range(20), *range(100, 120)])
    until(house, 600)
    assert alarms(house, box, "silence", Severity.INFO)[:-1] == []


def test_silence_before_the_planned_stretch_is_an_alarm(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    plan(house, box, 200, 400)
    lived(house, range(20))
    until(house, 130)
    assert [item.condition for item in alarms(house, box, "silence")] == [Condition.ACTIVE]


def test_an_excursion_that_merely_goes_on_writes_no_version(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    house.live(*[sample(k, 5.0 if k < 10 else 9.0 + k / 10) for k in range(60)])
    [found] = house.record(box).excursions
    with house.registry.read() as connection:
        rows = connection.execute(excursion.select().order_by(excursion.c.version)).all()
    # It begins, it is minor, major, critical; its 50 readings alone are no news.
    assert len(rows) == len({row.severity for row in rows}) <= 4
    assert found.excursion.end_ms is None
    stands: Any = house.record(box).state
    [running] = stands.document["excursions"]
    assert running["peak_c"] == 14.9
    with house.registry.read() as connection:
        [listed] = excursion_views.listed(connection, SYSTEM).items
        shown = excursion_views.shown(connection, SYSTEM, found.excursion.id)
        tower = snapshot(connection, SYSTEM, house.clock.now_ms())
    assert listed["peak_c"] == shown["peak_c"] == tower["excursions"][0]["peak_c"] == 14.9
    assert listed["duration_s"] == tower["excursions"][0]["duration_s"] == running["duration_s"]
    assert shown["versions"][-1]["peak_c"] < 14.9  # a version says what was known when it was written
    lived(house, range(60, 64))
    [over] = house.record(box).excursions
    assert (over.excursion.peak_mc, over.version) == (14_900, len(rows) + 1)


def warmed(house: House, looks_every: int | None = None) -> Subject:
    """Goods too warm for 50 minutes, whose readings come at once; the engine looks after every so many, or never."""
    box = house.shipment("S-1", "LG-1")
    house.settle()
    for k in range(40):
        house.clock.set(at(5 * k) + 400)
        house.send(sample(k, 9.5 if 20 <= k < 30 else 5.0))
        if looks_every is not None and (k + 1) % looks_every == 0:
            house.settle()
    return box


def late(house: House, box: Subject) -> tuple[list[bool], list[bool]]:
    """Which of its excursions, and which of its alarms, say that they were found late."""
    found = [item.excursion.late for item in house.record(box).excursions]
    return found, [item.late for item in alarms(house, box, "high")]


def test_what_was_found_on_time_is_not_late_though_the_engine_looks_rarely(house: House) -> None:
    box = warmed(house, looks_every=2)
    assert late(house, box) == ([False], [False])


def test_what_a_frozen_engine_finds_once_it_goes_on_is_late(house: House) -> None:
    box = warmed(house)
    house.clock.set(at(400))
    house.settle()
    assert late(house, box) == ([True], [True])


def test_what_happened_while_the_engine_was_down_is_late(house: House) -> None:
    box = warmed(house)
    house.clock.set(at(400))
    house.settle(house.loop())
    assert late(house, box) == ([True], [True])


def test_an_alarm_begins_and_ends_at_its_limit_and_not_at_that_of_a_warning(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    house.live(*[sample(k, 9.5 if 40 <= k < 50 else 7.3 if 10 <= k < 90 else 5.0) for k in range(100)])
    [warm] = alarms(house, box, "high")
    assert (warm.onset_ms, warm.end_ms, warm.limit_mc) == (at(200), at(250), 8_000)
    assert "pre-alarm-high" in warm.rules


def test_readings_that_a_logger_had_stored_make_their_findings_late(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, range(10))
    house.clock.set(at(300))
    house.send(*[sample(k, 9.5 if 20 <= k < 30 else 5.0) for k in range(10, 60)])
    house.settle()
    assert late(house, box) == ([True], [True])


def test_the_cursor_stands_at_the_head_when_there_is_nothing_left(house: House) -> None:
    house.shipment("S-1", "LG-1")
    lived(house, range(5))
    house.send(sample(3, 5.0))  # a repeat: the journal moves, no reading is new
    house.settle()
    with house.registry.read() as connection:
        assert recorded.position(connection, "engine")[0] == house.journal.head()
