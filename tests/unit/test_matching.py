"""Identity by overlap: what keeps its id, what is merged, what has vanished."""

from dataclasses import replace

from alert_cast import HIGH

from compliance.identity import Matching, Stretch, alarm_stretch, match


def stretch(id_: str, start: int, end: int | None, key: str = "high") -> Stretch:
    return Stretch(id_, key, start, end)


def test_what_overlaps_keeps_its_id() -> None:
    assert match([stretch("A", 0, 10)], [stretch("n", 5, 20)]) == Matching({"n": "A"}, {}, ())


def test_an_open_stretch_overlaps_everything_after_its_start() -> None:
    assert match([stretch("A", 0, None)], [stretch("n", 500, 600)]).kept == {"n": "A"}
    assert match([stretch("A", 0, None)], [stretch("n", -9, -1)]).kept == {}


def test_a_merge_keeps_the_earliest_id_and_points_the_others_to_it() -> None:
    found = match([stretch("B", 20, 30), stretch("A", 0, 10)], [stretch("n", 0, 30)])
    assert found == Matching({"n": "A"}, {"B": "n"}, ())


def test_a_split_keeps_the_id_on_the_first_part() -> None:
    found = match([stretch("A", 0, 30)], [stretch("second", 20, 30), stretch("first", 0, 10)])
    assert found == Matching({"first": "A"}, {}, ())


def test_what_nothing_overlaps_has_vanished() -> None:
    assert match([stretch("A", 0, 10)], []) == Matching({}, {}, ("A",))


def test_another_direction_is_another_thing() -> None:
    found = match([stretch("A", 0, 10, "low")], [stretch("n", 0, 10, "high")])
    assert found == Matching({}, {}, ("A",))


def test_the_order_in_which_either_side_is_given_does_not_matter() -> None:
    old = [stretch("A", 0, 10), stretch("B", 20, 30), stretch("C", 40, None)]
    new = [stretch("x", 5, 25), stretch("y", 41, 50), stretch("z", 60, None)]
    assert match(old, new) == match(old[::-1], new[::-1]) == Matching({"x": "A", "y": "C"}, {"B": "x"}, ())


def test_an_alarm_is_matched_with_one_of_its_own_cause_channel_and_logger_only() -> None:
    on_record = [alarm_stretch("A", HIGH)]
    again = replace(HIGH, severity=HIGH.severity - 1, onset_ms=HIGH.onset_ms - 60_000)
    assert match(on_record, [alarm_stretch("n", again)]).kept == {"n": "A"}
    for other in (replace(HIGH, cause="low"), replace(HIGH, channel="probe1"), replace(HIGH, logger="LG-2")):
        assert match(on_record, [alarm_stretch("n", other)]).vanished == ("A",)
    over = replace(HIGH, end_ms=HIGH.onset_ms + 1)
    later = replace(HIGH, onset_ms=HIGH.onset_ms + 2)
    assert match([alarm_stretch("A", over)], [alarm_stretch("n", later)]).vanished == ("A",)
