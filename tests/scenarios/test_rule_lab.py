"""The rule lab says beforehand what the engine will say, byte for byte, and whose alarms that would be."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN
from servers import wait_until

from alerts.audience import audience
from coldchain.domain.finding import Severity, Subject, SubjectKind
from coldchain.domain.profile import ProductProfile
from coldchain.domain.profile_format import profile_from
from coldchain.registry import facts, lab_runs, people, profiles, shipments
from coldchain.registry.lab_choice import Choice, chosen
from coldchain.registry.lab_runs import NewRun
from coldchain.registry.viewer import SYSTEM
from compliance.document import Json
from compliance.lab import after, as_recorded, before, replay, trial_of
from compliance.lab_runner import Lab, LabRun

DAY_STEPS = 288


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def lived(house: House, number: int = 1) -> Subject:
    """A shipment that was too warm for an hour, too cold for a while, and has arrived."""
    logger = f"LG-{number}"
    box = house.shipment(f"S-{number}", logger)
    house.declare(logger, STEP_MS)
    house.clock.set(max(house.clock.now_ms(), DAWN + 1000))
    move(house, box, "in_transit")
    warm, cold = range(30, 30 + 3 * number), range(60, 64)
    readings = [sample(k, 9.4 if k in warm else 1.2 if k in cold else 5.0, logger, humidity_mpct=45_000 + k)
                for k in range(100)]  # fmt: skip
    house.clock.set(max(house.clock.now_ms(), DAWN + 100 * STEP_MS))
    house.send(*readings)
    house.settle()
    move(house, box, "arrived")
    house.settle()
    return box


def move(house: House, box: Subject, state: str) -> None:
    with house.registry.write() as connection:
        version = shipments_version(connection, box.id)
        shipments.change(connection, box.id, {"state": state}, version=version, by=SYSTEM, now_ms=house.clock.now_ms())


def shipments_version(connection: Any, id_: str) -> int:
    from sqlalchemy import select

    from coldchain.registry.schema import shipment

    return int(connection.execute(select(shipment.c.version).where(shipment.c.id == id_)).scalar_one())


def body_of(house: House, id_: str = "refrigerated-2-8") -> Json:
    with house.registry.read() as connection:
        return dict(profiles.get(connection, id_).body)


def changed(house: House, version: int = 2) -> Json:
    """The next version: another upper limit, and shorter holds."""
    body = json.loads(json.dumps(body_of(house)))
    body["version"] = version
    body["label_range"] = {"low_c": 2, "high_c": 8.5}
    for rule in body["alarm_profile"]["rules"]:
        if rule["kind"] == "consecutive":
            rule["hold_min"] = 5
    return body


def draft(body: Json) -> ProductProfile:
    return profile_from(json.loads(json.dumps(body)))


def trial(house: House, box: Subject, by: ProductProfile) -> Any:
    with house.registry.read() as connection:
        return trial_of(connection, house.history, box, by)


def as_bytes(document: Json) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def test_the_unchanged_profile_gives_what_is_on_record_byte_for_byte(house: House) -> None:
    box = lived(house)
    tried = trial(house, box, draft(body_of(house)))
    standing = house.record(box)
    assert standing.state is not None
    assert standing.excursions, "nothing went wrong, so nothing is shown"
    for judged in (before(tried), after(tried)):
        assert as_bytes(as_recorded(judged.findings, standing)) == as_bytes(standing.state.document)
    said = replay(tried)
    assert (said["same_as_recorded"], said["changed"], said["changes"]) == (True, False, [])


def test_a_changed_profile_gives_what_the_engine_records_once_it_is_assigned(house: House) -> None:
    box = lived(house)
    body = changed(house)
    tried = trial(house, box, draft(body))
    foretold = after(tried)
    said = replay(tried)
    assert said["same_as_recorded"]
    assert {change["kind"] for change in said["changes"]} >= {"excursion", "breach"}
    with house.registry.write() as connection:
        profiles.add(connection, body, who="test", reason="stability data", now_ms=house.clock.now_ms())
        facts.assign_profile(
            connection, box, body["id"], body["version"], who="test", reason="label change",
            now_ms=house.clock.now_ms(),
        )  # fmt: skip
    house.settle()
    standing = house.record(box)
    assert standing.state is not None
    assert standing.state.document["profile"] == {"id": body["id"], "version": 2}
    assert as_bytes(as_recorded(foretold.findings, standing)) == as_bytes(standing.state.document)
    assert foretold.status == standing.state.status


def test_a_shipment_under_way_is_judged_as_of_the_moment_of_its_last_judgement(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    house.declare("LG-1", STEP_MS)
    house.live(*(sample(k, 9.0 if k > 10 else 5.0) for k in range(15)))
    said = replay(trial(house, box, draft(changed(house))))
    assert said["same_as_recorded"]
    house.clock.advance(3_600_000)
    again = replay(trial(house, box, draft(changed(house))))
    assert again == said


def test_what_was_never_judged_cannot_be_replayed(house: House) -> None:
    box = house.shipment("S-1", "LG-1")
    assert trial(house, box, draft(body_of(house))) is None


def lab(house: House) -> Lab:
    now_ms = house.clock.now_ms()
    return Lab(house.registry, house.history, house.clock,
               lambda connection, subject, severity: audience(connection, subject, severity, now_ms))  # fmt: skip


def begun(house: House, body: Json) -> tuple[str, LabRun]:
    with house.registry.write() as connection:
        found = chosen(connection, SYSTEM, Choice())
        run = lab_runs.begin(connection, NewRun(body, {}, len(found)), who=SYSTEM.id, now_ms=house.clock.now_ms())
    return run, LabRun(lab(house), run, found, draft(body))


def standing_of(house: House, run: str) -> lab_runs.Run:
    with house.registry.read() as connection:
        return lab_runs.get(connection, SYSTEM, run, house.clock.now_ms())


def on_call(house: House, email: str, zone: str = "UTC", **scope: str) -> None:
    with house.registry.write() as connection:
        id_ = people.create(
            connection, email=email, name=email.partition("@")[0], role="quality", who="test",
            now_ms=house.clock.now_ms(), zone=zone, on_call=True, **scope,
        )  # fmt: skip
        assert id_


def test_a_run_says_of_every_shipment_what_changes_and_whose_alarms_they_are(house: House) -> None:
    boxes = [lived(house, number) for number in (1, 2, 3)]
    on_call(house, "ada@example.org")
    on_call(house, "bo@example.org", scope_customer="somebody else")
    run, work = begun(house, changed(house))
    work.work()
    done = standing_of(house, run)
    assert (done.state, done.done, done.total, done.failure) == ("done", 3, 3, None)
    with house.registry.read() as connection:
        lines = lab_runs.said(connection, run)
        details = {box.id: lab_runs.detail(connection, run, box.id) for box in boxes}
    assert {line["shipment"] for line in lines} == {box.id for box in boxes}
    for box in boxes:
        own = replay(trial(house, box, draft(changed(house))))
        assert {name: details[box.id][name] for name in own if name != "changes"} == {
            name: value for name, value in json.loads(json.dumps(own)).items() if name != "changes"
        }
    assert done.summary is not None
    assert done.summary["changed"] == sum(line["changed"] for line in lines)
    assert done.summary["not_as_recorded"] == 0
    loud = [alarm for box in boxes for alarm in details[box.id]["after"]["alarms"]
            if alarm["severity"] in ("major", "critical")]  # fmt: skip
    assert loud, "nobody would have been told of anything"
    load = done.summary["alarm_load"]
    assert {one["name"] for one in load} == {"ada"}
    assert sum(one["after"] for one in load) == len(loud)
    assert load[0]["week"] == "2026-01-05"


def test_a_cancelled_run_keeps_what_it_found_and_goes_no_further(house: House) -> None:
    for number in range(1, 7):
        lived(house, number)
    run, work = begun(house, changed(house))
    with house.registry.write() as connection:
        assert lab_runs.cancel(connection, SYSTEM, run, house.clock.now_ms()).state == "cancelled"
    work.work(1)
    assert standing_of(house, run).state == "cancelled"
    assert standing_of(house, run).done == 0


def test_a_run_whose_worker_is_gone_is_interrupted_and_another_may_begin(house: House) -> None:
    lived(house)
    run, _ = begun(house, changed(house))
    with pytest.raises(Exception, match="under way"):
        begun(house, changed(house))
    house.clock.advance(lab_runs.SILENT_MS + 1)
    assert standing_of(house, run).state == "interrupted"
    other, work = begun(house, changed(house))
    work.work(1)
    assert standing_of(house, other).state == "done"
    assert standing_of(house, run).state == "interrupted"


def test_only_the_newest_runs_of_somebody_are_kept(house: House) -> None:
    lived(house)
    made = []
    for _ in range(lab_runs.KEPT + 2):
        house.clock.advance(1000)
        run, _work = begun(house, changed(house))
        made.append(run)
        with house.registry.write() as connection:
            lab_runs.finish(connection, run, summary=None, failure=None, now_ms=house.clock.now_ms())
    with house.registry.read() as connection:
        left = [one.id for one in lab_runs.listed(connection, SYSTEM, house.clock.now_ms())]
    assert left == made[::-1][: lab_runs.KEPT]


def test_a_draft_that_the_engine_cannot_judge_by_fails_the_run_and_says_so(house: House) -> None:
    lived(house)
    run, work = begun(house, changed(house))
    house.history.track_through = None  # type: ignore[assignment,method-assign]
    work.work(1)
    failed = standing_of(house, run)
    assert failed.state == "failed"
    assert "TypeError" in (failed.failure or "")


def test_progress_is_seen_while_a_run_goes_on(house: House) -> None:
    for number in range(1, 5):
        lived(house, number)
    run, work = begun(house, changed(house))
    thread = threading.Thread(target=work.work)
    thread.start()
    wait_until(lambda: standing_of(house, run).done > 0, 30, "the first result")
    thread.join(60)
    assert standing_of(house, run).done == 4


def test_minor_alarms_are_nobodys_load(house: House) -> None:
    box = lived(house)
    on_call(house, "ada@example.org")
    with house.registry.read() as connection:
        now_ms = house.clock.now_ms()
        assert audience(connection, box, Severity.MINOR, now_ms) == []
        told = audience(connection, box, Severity.MAJOR, now_ms)
        assert [one.name for one in told] == ["ada"]
        assert audience(connection, Subject(SubjectKind.STORE, "x"), Severity.CRITICAL, now_ms) == told
