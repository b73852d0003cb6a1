"""What stands beside an excursion: who held the goods on which leg, its mean and coverage, how long nobody answered."""

from pathlib import Path

import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN
from web_cast import MINUTE, NOON, installed

from coldchain.registry import alarm_rows, excursion_views
from coldchain.registry.shipments import NewMilestone, add_milestone
from coldchain.registry.viewer import SYSTEM


def test_custodian_and_leg_learned_later_are_an_amendment_with_the_old_version_beside_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        box = house.shipment("S-1", "LG-1")
        house.declare("LG-1", STEP_MS)
        house.live(*[sample(k, 11.0 if 6 <= k < 18 else 5.0) for k in range(24)])
        [before] = house.record(box).excursions
        assert (before.excursion.custodian, before.excursion.leg) == (None, None)
        leg = NewMilestone("leg", "Puurs to Hamburg", "road", "Polar Express", happened_ms=DAWN)
        with house.registry.write() as connection:
            add_milestone(connection, box.id, leg, by=SYSTEM, now_ms=house.clock.now_ms())
        house.settle()
        [after] = house.record(box).excursions
        assert (after.excursion.id, after.version) == (before.excursion.id, before.version + 1)
        assert (after.excursion.custodian, after.excursion.leg) == ("Polar Express", "Puurs to Hamburg")
        assert after.excursion.amends == f"{before.excursion.id}@{before.version}"
        house.settle()
        assert house.record(box).excursions == [after]  # and once only
        with house.registry.read() as connection:
            shown = excursion_views.shown(connection, SYSTEM, after.excursion.id)
        assert shown["custodian"] == "Polar Express"
        assert shown["mean_c"] == pytest.approx(after.excursion.mean_c)
        assert shown["coverage_pct"] == 100
        assert "custodian" not in shown["versions"][0]
    finally:
        house.close()


def test_the_goods_change_hands_in_the_middle_and_the_onset_decides(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        box = house.shipment("S-1", "LG-1")
        house.declare("LG-1", STEP_MS)
        with house.registry.write() as connection:
            for kind, name, who, step in (("leg", "road", "Alpha", 0), ("handover", "port", "Beta", 10)):
                stop = NewMilestone(kind, name, None, who, happened_ms=DAWN + step * STEP_MS)
                add_milestone(connection, box.id, stop, by=SYSTEM, now_ms=house.clock.now_ms())
        house.live(*[sample(k, 11.0 if k in (6, 7, 8, 14, 15, 16) else 5.0) for k in range(24)])
        found = [(item.excursion.custodian, item.excursion.leg) for item in house.record(box).excursions]
        assert found == [("Alpha", "road"), ("Beta", "road")]
    finally:
        house.close()


def test_the_time_to_acknowledge_is_from_the_first_telling_to_the_first_answer(tmp_path: Path) -> None:
    with installed(tmp_path) as web:
        shipment = web.shipment("S-1")
        answered, silent = web.excursion(shipment), web.excursion(shipment, onset_ms=NOON)
        first = web.alarm(shipment, excursions=[answered], raised_ms=NOON)
        web.alarm(shipment, excursions=[answered], raised_ms=NOON + 5 * MINUTE)
        web.alarm(shipment, excursions=[silent], raised_ms=NOON + 7 * MINUTE)
        with web.registry.write() as connection:
            for minute in (12, 90):
                alarm_rows.note(
                    connection, first, at_ms=NOON + minute * MINUTE, kind="acknowledged", who="somebody", body={}
                )
        items = {item["id"]: item for item in web.as_role("viewer").get("/api/v1/excursions").json()["items"]}
        assert items[answered]["time_to_acknowledge_s"] == 12 * 60
        assert items[answered]["acknowledged"] == "2026-11-22T12:12:00.000Z"
        assert items[silent]["raised"] == "2026-11-22T12:07:00.000Z"
        assert "time_to_acknowledge_s" not in items[silent]
