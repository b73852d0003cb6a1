"""The engine's loop on real stores: what it writes down, and what it never does twice."""

import subprocess
import sys
from collections.abc import Sequence

import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN, at
from sqlalchemy import Connection, func, select

from coldchain import audit
from coldchain.domain.finding import AlarmChange, Condition, Severity, Subject, SubjectKind
from coldchain.domain.profile_format import profile_from
from coldchain.domain.shipment import FactKind
from coldchain.errors import NotFound
from coldchain.registry import excursion_views, facts, profiles, recorded, signals, summary
from coldchain.registry.schema import alarm, breach, excursion, fact, lease, shipment
from coldchain.registry.viewer import SYSTEM, Viewer
from compliance.loop import EngineLoop
from compliance.trouble import SYSTEM as PRODUCT

WARM = range(20, 30)


def lived(house: House, upto: int, warm: range = WARM, skip: Sequence[int] = ()) -> None:
    house.live(*[sample(k, 9.5 if k in warm else 5.0) for k in range(upto) if k not in skip])


def test_a_live_excursion_is_recorded_raised_worsened_and_returned(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, 40)
    stands = house.record(box)
    [found] = stands.excursions
    [alarm] = stands.alarms
    assert found.excursion.severity is Severity.MAJOR
    assert not found.excursion.late
    assert alarm.condition.condition is Condition.RETURNED
    assert alarm.condition.excursions == (found.excursion.id,)
    assert not alarm.condition.late
    assert house.actions("alarm.") == ["alarm.raised", "alarm.worsened", "alarm.returning", "alarm.returned"]
    assert house.actions("excursion.")[0] == "excursion.recorded"
    assert {alarm_id for _, alarm_id in stands.breaches.values()} == {alarm.id}
    assert stands.state is not None
    assert stands.state.status == "in_range"
    assert stands.state.document["excursions"][0]["id"] == found.excursion.id
    told = [(c.before.condition if c.before else None, c.after.condition) for c in house.planner.changes]
    assert told[0] == (None, Condition.ACTIVE)
    with house.registry.read() as connection:
        assert audit.verify(connection) is None


def test_the_alarm_fires_when_its_hold_expires_without_another_reading(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, 16, warm=range(14, 16))
    assert house.record(box).alarms == []
    due = house.engine.next_due_ms()
    assert due is not None
    house.clock.set(due)
    house.settle()
    house.clock.set(DAWN + 14 * 300_000 + 15 * 60_000)
    house.settle()
    causes = {item.condition.cause for item in house.record(box).alarms}
    assert "high" in causes


def test_a_step_without_news_writes_nothing(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, 25)
    before = (house.record(box), house.actions(""))
    house.settle(house.loop())
    assert house.engine.step() is False
    assert (house.record(box), house.actions("")) == before


def test_judging_again_without_a_change_adds_no_version_and_no_message(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, 40)
    before, told = house.record(box), len(house.planner.changes)
    with house.registry.write() as connection:
        facts.mark_dirty(connection, box, 0, "test", house.clock.now_ms())
    house.settle()
    after = house.record(box)
    assert (after.excursions, after.alarms, after.breaches) == (before.excursions, before.alarms, before.breaches)
    assert len(house.planner.changes) == told


class Dying:
    """A planner that dies in the middle of the engine's transaction, once."""

    def __init__(self) -> None:
        self.died = False

    def plan(self, connection: Connection, changes: Sequence[AlarmChange], now_ms: int) -> None:
        if not self.died:
            self.died = True
            raise RuntimeError("killed")


def test_a_step_that_dies_before_its_commit_leaves_nothing_and_is_done_again(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    house.clock.set(at(300))
    house.send(*[sample(k, 9.5 if k in WARM else 5.0) for k in range(40)])
    dying = EngineLoop(house.registry, house.journal, house.history, Dying(), house.clock)
    with pytest.raises(RuntimeError, match="killed"):
        dying.step()
    stands = house.record(box)
    assert (stands.excursions, stands.alarms, stands.state) == ([], [], None)
    with house.registry.read() as connection:
        assert recorded.position(connection, "engine") == (0, 0)
    house.settle(dying)
    assert len(house.record(box).excursions) == 1
    with house.registry.read() as connection:
        assert (
            connection.execute(select(func.count()).select_from(fact).where(fact.c.kind == "interval")).scalar_one()
            == 1
        )


def test_a_second_engine_waits_for_the_lease_and_takes_over_when_it_ends(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, 20)
    other = house.loop()
    house.send(sample(20, 9.5))
    assert other.step() is False
    assert house.record(box).excursions == []
    house.clock.advance(60_000)
    house.settle(other)
    assert len(house.record(box).excursions) == 1


def test_the_lease_of_an_engine_that_was_killed_is_not_waited_for(house: House) -> None:
    house.shipment("S-1", "LG-1")
    lived(house, 20)
    name = [sys.executable, "-c", "from coldchain.registry.store import holder_name; print(holder_name())"]
    dead = subprocess.run(name, capture_output=True, text=True, check=True).stdout.strip()
    with house.registry.write() as connection:
        connection.execute(lease.update().where(lease.c.name == "engine").values(holder=dead))
    house.send(sample(20, 5.0))
    house.settle(house.loop())
    with house.registry.read() as connection:
        assert recorded.position(connection, "engine")[0] == house.journal.head()


def test_late_data_that_splits_an_excursion_amends_it_and_keeps_its_id_on_the_first_part(house: House) -> None:
    """Seen were two readings outside with silence between; what the memory of the logger held was fine."""
    box = house.shipment("S-1", "LG-1")
    lived(house, 22, warm=range(20, 22), skip=range(1, 20))
    house.live(sample(30, 9.5), sample(31, 5.0), sample(32, 5.0), sample(33, 5.0), sample(34, 5.0))
    [first] = house.record(box).excursions
    assert first.excursion.duration_upper_ms > first.excursion.duration_ms
    house.send(*[sample(k, 5.0) for k in range(22, 30)])
    house.settle()
    kept, other = sorted(house.record(box).excursions, key=lambda item: item.excursion.onset_ms)
    assert kept.excursion.id == first.excursion.id
    assert other.excursion.id != first.excursion.id
    assert kept.excursion.amends == f"{kept.excursion.id}@{kept.version - 1}"
    assert "excursion.amended" in house.actions("excursion.")
    with house.registry.read() as connection:
        versions = select(func.count()).select_from(excursion).where(excursion.c.id == first.excursion.id)
        assert connection.execute(versions).scalar_one() == kept.version


def test_excursions_that_a_stricter_profile_joins_become_the_earlier_one(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    warm = {**dict.fromkeys(range(20, 24), 9.5), 24: 7.5, 25: 7.5, **dict.fromkeys(range(26, 30), 9.5)}
    house.live(*[sample(k, warm.get(k, 5.0)) for k in range(40)])
    first, second = house.record(box).excursions
    with house.registry.write() as connection:
        body = dict(profiles.get(connection, "refrigerated-2-8").body)
        stricter = {**body, "version": 2, "label_range": {"low_c": 2, "high_c": 7}}
        profiles.add(connection, stricter, who="quality", reason="stability data", now_ms=at(300))
        facts.assign_profile(connection, box, body["id"], 2, who="quality", reason="stricter", now_ms=at(300))
    house.settle()
    [joined] = house.record(box).excursions
    assert joined.excursion.id == first.excursion.id
    with house.registry.read() as connection:
        shown = excursion_views.shown(connection, SYSTEM, second.excursion.id)
    assert shown["merged_into"] == first.excursion.id


def test_a_changed_profile_withdraws_what_no_longer_holds_and_keeps_it_on_record(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, 40)
    [found] = house.record(box).excursions
    with house.registry.write() as connection:
        facts.assign_profile(connection, box, "below-25", 1, who="quality", reason="wrong goods", now_ms=at(300))
    house.settle()
    stands = house.record(box)
    assert stands.excursions == []
    [amended] = stands.alarms
    assert (amended.condition.condition, amended.condition.rules) == (Condition.RETURNED, ())
    assert house.planner.changes[-1].after == amended.condition
    with house.registry.read() as connection:
        shown = excursion_views.shown(connection, SYSTEM, found.excursion.id)
        assert shown["withdrawn"]
        assert (
            connection.execute(select(func.count()).select_from(breach).where(~breach.c.superseded)).scalar_one() == 0
        )


def test_history_that_arrives_at_once_is_late_and_of_an_import_goes_into_a_digest(house: House) -> None:
    live, imported = house.shipment("S-1", "LG-1"), house.shipment("S-2", "LG-2")
    house.clock.set(at(24 * 60))
    house.send(*[sample(k, 9.5 if k in WARM else 5.0) for k in range(200)])
    house.send(*[sample(k, 9.5 if k in WARM else 5.0, "LG-2") for k in range(200)], transport="file")
    house.settle()
    for subject, digest in ((live, False), (imported, True)):
        stands = house.record(subject)
        [found] = [item for item in stands.alarms if item.condition.cause == "high"]
        assert (found.condition.late, found.condition.digest) == (True, digest)
        assert stands.excursions[0].excursion.late


def test_findings_of_goods_that_arrived_go_into_a_digest(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    with house.registry.write() as connection:
        connection.execute(shipment.update().values(state="arrived", arrived_ms=at(200)))
    house.clock.set(at(24 * 60))
    house.send(*[sample(k, 9.5 if k in WARM else 5.0) for k in range(40)])
    house.settle()
    stands = house.record(box)
    assert [item.condition.cause for item in stands.alarms] == ["high"]
    assert stands.alarms[0].condition.digest
    assert stands.state is not None
    assert stands.state.status == "excursion"


def test_silence_raises_an_alarm_and_the_next_reading_ends_it(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, 20, warm=range(0))
    house.clock.advance(20 * 60_000)
    house.settle()
    [silent] = house.record(box).alarms
    assert (silent.condition.cause, silent.condition.condition) == ("silence", Condition.ACTIVE)
    house.live(sample(26, 5.0))
    [over] = house.record(box).alarms
    assert (over.id, over.condition.condition) == (silent.id, Condition.RETURNED)
    house.send(*[sample(k, 5.0) for k in range(20, 26)])  # it had stored them
    house.settle()
    [kept] = house.record(box).alarms
    assert (kept.id, kept.condition.condition) == (silent.id, Condition.RETURNED)


def test_a_store_is_judged_like_a_shipment(house: House) -> None:
    fridge = Subject(SubjectKind.STORE, "fridge-1")
    with house.registry.write() as connection:
        facts.assign_profile(connection, fridge, "refrigerated-2-8", 1, who="test", now_ms=DAWN)
        facts.bind(connection, fridge, "LG-1", from_ms=DAWN, who="test", now_ms=DAWN)
    lived(house, 40)
    assert len(house.record(fridge).excursions) == 1


def test_readings_outside_the_binding_are_nobodys(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    with house.registry.write() as connection:
        [bound] = facts.known(connection, subject=box, kinds=[facts.FactKind.BINDING])
        facts.supersede(connection, bound.id, valid_to_ms=at(90), who="test", reason="unloaded", now_ms=DAWN)
    lived(house, 40)
    stands = house.record(box)
    assert stands.excursions == []
    assert stands.state is not None
    assert stands.state.document["period"]["to"] == "2026-01-05T01:25:00.000Z"


def test_a_binding_that_was_wrong_takes_its_findings_back(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    lived(house, 26)
    assert [item.condition.condition for item in house.record(box).alarms] == [Condition.ACTIVE]
    with house.registry.write() as connection:
        [bound] = facts.known(connection, subject=box, kinds=[facts.FactKind.BINDING])
        facts.withdraw(connection, bound.id, who="test", reason="another logger", now_ms=at(200))
    house.settle()
    stands = house.record(box)
    assert stands.excursions == []
    assert [item.condition.condition for item in stands.alarms] == [Condition.RETURNED]
    assert stands.state is not None
    assert stands.state.status == "unknown"


def test_conditioning_is_shown_but_not_judged(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    with house.registry.write() as connection:
        facts.add(
            connection, kind=facts.FactKind.STAGE, body={"stage": "conditioning"}, valid_from_ms=DAWN,
            valid_to_ms=at(200), subject=box, who="test", now_ms=DAWN,
        )  # fmt: skip
    lived(house, 60)
    assert house.record(box).excursions == []


def test_trouble_that_a_role_reports_is_an_alarm_until_it_is_over(house: House) -> None:
    with house.registry.write() as connection:
        signals.report(connection, role="ingest", kind="disk", detail="10 % left", now_ms=DAWN)
    house.settle()
    [raised] = house.record(PRODUCT).alarms
    assert (raised.condition.cause, raised.condition.condition) == ("disk", Condition.ACTIVE)
    house.clock.advance(60_000)
    with house.registry.write() as connection:
        signals.clear(connection, kind="disk", now_ms=house.clock.now_ms())
    house.settle()
    house.clock.advance(3 * 86_400_000)
    house.settle()
    [over] = house.record(PRODUCT).alarms
    assert (over.id, over.condition.condition, over.condition.rules) == (raised.id, Condition.RETURNED, ("10 % left",))


def test_a_scoped_viewer_sees_only_its_own_excursions(house: House) -> None:
    house.shipment("S-1", "LG-1", customer="Acme")
    lived(house, 40)
    acme, other = (Viewer("v", "v", "viewer", customer=name) for name in ("Acme", "Other"))
    with house.registry.read() as connection:
        [shown] = excursion_views.listed(connection, acme).items
        assert excursion_views.listed(connection, other).items == []
        with pytest.raises(NotFound):
            excursion_views.shown(connection, other, shown["id"])
        whenever = summary.Period(0, int(at(1e6)))
        assert summary.summary(connection, other, whenever) == []
        [row] = summary.summary(connection, acme, whenever)
    assert (row["shipments"], row["excursions"]) == (1, 1)


def test_excursions_come_in_pages_without_loss_or_repeat(house: House) -> None:
    house.shipment("S-1", "LG-1")
    house.clock.set(at(24 * 60))
    house.send(*[sample(k, 9.5 if k % 10 == 5 else 5.0) for k in range(200)])
    house.settle()
    seen, cursor = [], None
    with house.registry.read() as connection:
        while True:
            page = excursion_views.listed(connection, SYSTEM, limit=7, cursor=cursor)
            seen += [item["onset"] for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert len(seen) == 20
    assert seen == sorted(seen, reverse=True)


def test_more_subjects_than_a_step_takes_wait_and_are_all_judged(house: House) -> None:
    boxes = [house.shipment(f"S-{k}", "LG-1") for k in range(70)]
    house.send(*[sample(k, 5.0) for k in range(3)])
    assert house.engine.step() is True
    house.settle()
    with house.registry.read() as connection:
        assert all(item.state is not None for item in recorded.on_record(connection, boxes).values())
        assert recorded.dirty_subjects(connection) == {}


def test_a_profile_changes_by_versions_with_reasons(house: House) -> None:
    with house.registry.write() as connection:
        body = dict(profiles.get(connection, "below-25").body)
        with pytest.raises(Exception, match="version = 2"):
            profiles.add(connection, body, who="q", reason="x", now_ms=1)
        with pytest.raises(Exception, match="reason is missing"):
            profiles.add(connection, {**body, "version": 2}, who="q", reason=None, now_ms=1)
        added = profiles.add(connection, {**body, "version": 2, "name": "changed"}, who="q", reason="test", now_ms=1)
        assert added.profile == profile_from({**body, "version": 2, "name": "changed"})
        assert profiles.get(connection, "below-25", 1).profile.name != "changed"


def test_the_alarm_row_begins_with_the_defaults_of_the_other_axes(house: House) -> None:
    house.shipment("S-1", "LG-1")
    lived(house, 26)
    with house.registry.read() as connection:
        row = connection.execute(select(alarm)).one()
    assert (row.occasion, row.suppression, row.quality) == (0, "none", "good")


def test_a_logger_that_is_set_to_measure_more_often_keeps_its_past(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    for step in range(6):
        house.clock.set(DAWN + step * STEP_MS + 400)
        house.send(sample(step, 5.0), interval_ms=STEP_MS)
        house.settle()
    often = [sample(6, 5.0)._replace(event_time_ms=DAWN + 5 * STEP_MS + k * 30_000, seq=5 + k) for k in range(1, 21)]
    for item in often:
        house.clock.set(item.event_time_ms + 400)
        house.send(item, interval_ms=30_000)
        house.settle()
    state = house.record(box).state
    assert state is not None
    assert (state.document["interval_s"], state.document["gaps"], state.document["coverage_pct"]) == (30.0, [], 100.0)
    with house.registry.read() as connection:
        known = facts.known(connection, loggers=["LG-1"], kinds=[FactKind.INTERVAL])
    assert [(item.valid_from_ms, item.body["interval_ms"]) for item in known] == [
        (0, STEP_MS), (DAWN + 5 * STEP_MS + 30_000, 30_000),
    ]  # fmt: skip


def test_old_messages_that_come_late_do_not_set_the_interval_back(house: House) -> None:
    house.shipment("S-1", "LG-1")
    house.clock.set(DAWN + 40 * STEP_MS)
    house.send(sample(30, 5.0), interval_ms=30_000)
    house.send(sample(3, 5.0), interval_ms=STEP_MS)
    house.settle()
    state = house.journal.logger("LG-1")
    assert state is not None
    assert state.interval_ms == 30_000
