"""`coldchain evaluate` of files and of what is on record: shipments, legs, stores, batches, each with its check."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_house import STEP_MS, House, sample
from judging import DAWN

from coldchain.cli import main
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.registry import facts, stays, stores
from coldchain.registry.batches import BatchKey
from coldchain.registry.shipments import NewMilestone, add_milestone
from coldchain.registry.viewer import SYSTEM

BATCH = ("A4711", "04012345678901")
Evaluate = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Evaluate:
    monkeypatch.setenv("COLDCHAIN_DATA", str(tmp_path / "state"))
    monkeypatch.setenv("COLDCHAIN_DATABASE_URL", "")
    assert main(["migrate"]) == 0
    capsys.readouterr()

    def run(*words: str) -> tuple[int, Any, str]:
        code = main(["evaluate", *words])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return run


def lived(folder: Path) -> None:
    """A shipment with two legs, then its batch in a cold room."""
    house = House(folder)
    now = house.clock.now_ms()
    subject = house.shipment("SHP-1", "LG-1", "cct-2-8", batches=[BATCH])
    with house.registry.write() as connection:
        room = stores.create(connection, name="Cold room 2", kind="cold_room", zone="UTC", who="test", now_ms=now)
        there = Subject(SubjectKind.STORE, room)
        facts.assign_profile(connection, there, "refrigerated-2-8", 1, who="test", now_ms=now)
        facts.bind(connection, there, "LG-S", from_ms=DAWN, who="test", now_ms=now)
        for kind, name, step in (("departure", "Departed", 0), ("leg", "Took off", 6)):
            happened = NewMilestone(kind, name, happened_ms=DAWN + step * STEP_MS)
            add_milestone(connection, subject.id, happened, by=SYSTEM, now_ms=now)
    house.live(*(sample(k, 11.0 if 4 <= k < 8 else 5.0) for k in range(12)))
    house.live(*(sample(k, 9.0 if 15 <= k < 18 else 5.0, "LG-S") for k in range(12, 24)))
    with house.registry.write() as connection:
        stays.put(connection, BatchKey.of(*BATCH, None).id, room, DAWN + 13 * STEP_MS, DAWN + 23 * STEP_MS,
                  reason="put away", by=SYSTEM, now_ms=house.clock.now_ms())  # fmt: skip
    house.close()


def test_what_is_on_record_is_printed_and_checked(evaluate: Evaluate, tmp_path: Path) -> None:
    lived(tmp_path / "state")
    code, document, said = evaluate("--shipment", "SHP-1", "--check")
    assert (code, said, document["schema"]) == (0, "", "coldchain.compliance/1")
    _, legs, _ = evaluate("--shipment", "SHP-1", "--by", "leg", "--check")
    assert [window["name"] for window in legs["windows"]] == ["Departed", "Took off"]
    _, days, _ = evaluate("--store", "Cold room 2", "--by", "day", "--check")
    assert [window["name"] for window in days["windows"]] == ["2026-01-05"]
    assert days["windows"][0]["channels"][0]["temperature"]["max_c"] == 9.0
    _, batch, _ = evaluate("--batch", "A4711", "--check")
    assert [part["kind"] for part in batch["parts"]] == ["shipment", "store"]
    assert evaluate("--batch", batch["id"])[1]["bands"] == batch["bands"]
    then = ("--known-as-of", iso(DAWN + 6 * STEP_MS + 500), "--check")
    code, early, said = evaluate("--batch", "A4711", *then)
    assert (code, said, early["known_as_of"]) == (0, "", early["as_of"])
    assert [part["kind"] for part in early["parts"]] == ["shipment"]
    assert 0 < early["bands"][0]["used_s"] < batch["bands"][0]["used_s"]
    code, early, said = evaluate("--shipment", "SHP-1", *then)
    assert (code, said, early["known_as_of"]) == (0, "", iso(DAWN + 6 * STEP_MS + 500))
    assert len(evaluate("--shipment", "SHP-1", "--by", "leg", *then)[1]["windows"]) == 2


def test_a_file_is_judged_by_day_in_a_zone(evaluate: Evaluate, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    rows = [f"2026-03-{28 + k // 24:02d}T{k % 24:02d}:00:00Z,{5 + k % 7}" for k in range(60)]
    path.write_text("event_time,temperature_c\n" + "\n".join(rows), encoding="utf-8")
    asked = (str(path), "--profile", "cct-2-8", "--by", "day", "--check")
    code, document, _ = evaluate(*asked, "--zone", "Europe/Berlin")
    assert (code, document["zone"]) == (0, "Europe/Berlin")
    assert [(window["name"], window["hours"]) for window in document["windows"]] == [
        ("2026-03-28", 24), ("2026-03-29", 23), ("2026-03-30", 24),
    ]  # fmt: skip
    code, _, said = evaluate(*asked, "--zone", "Mars/Base")
    assert (code, "'Mars/Base' is no IANA time zone" in said) == (2, True)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), "name one of FILE, --shipment, --store and --batch"),
        (("x.csv", "--shipment", "y", "--profile", "cct-2-8"), "name one of"),
        (("x.csv",), "--profile: missing"),
        (("x.csv", "--profile", "cct-2-8", "--by", "leg"), "--by leg: a file knows no legs"),
        (("--shipment", "x", "--interval", "5"), "--interval: belongs to a file"),
        (("--shipment", "none"), "none"),
        (("--store", "none"), "there is no store 'none'"),
        (("--store", "none", "--by", "leg"), "none"),
        (("--batch", "none"), "no batch none"),
        (("x.csv", "--profile", "cct-2-8", "--known-as-of", "2026-01-05T00:00:00Z"), "--known-as-of: a file"),
        (("--batch", "none", "--known-as-of", "2999-01-05T00:00:00Z"), "lies in the future"),
        (("--batch", "none", "--known-as-of", "today"), "--known-as-of: "),
        (("--batch", "none", "--by", "day"), "--by: a batch has its ledger"),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_in_one_line(
    evaluate: Evaluate, words: tuple[str, ...], names: str
) -> None:
    code, document, said = evaluate(*words)
    assert (code, document) == (2, None)
    assert names in said
    assert said.count("\n") == 1


def changed(folder: Path, statement: str) -> None:
    """Somebody with the file in hand changes what is on record."""
    with sqlite3.connect(folder / "state" / "registry.db") as registry:
        assert registry.execute(statement).rowcount > 0
    registry.close()


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("update excursion set duration_ms = duration_ms + 1", "duration_ms: 1200001 on record"),
        ("update excursion set severity = 0", "severity"),
        ("update excursion set withdrawn = 1", "is not on record"),
        ("update shipment_figures set in_range_ms = in_range_ms + 1", "summary column in_range_ms"),
        ("update subject_state set document = json_set(document, '$.breaches', json('[]'))", "breaches"),
        ("update subject_state set document = json_set(document, '$.period.from', '2026-01-01')", "period.from"),
        ("update fact set valid_from_ms = valid_from_ms + 600000 where kind = 'binding'", "temperature"),
        ("update fact set body = json_set(body, '$.id', 'eu-15-25') where kind = 'profile'", "limit_c: 8.0 on record"),
    ],
)  # fmt: skip
def test_whatever_was_changed_on_record_is_named_in_one_line(
    evaluate: Evaluate, tmp_path: Path, statement: str, names: str
) -> None:
    lived(tmp_path / "state")
    assert evaluate("--shipment", "SHP-1", "--check")[0] == 0
    changed(tmp_path, statement)
    code, document, said = evaluate("--shipment", "SHP-1", "--check")
    assert (code, document, said.count("\n"), names in said) == (2, None, 1, True), said
    assert evaluate("--shipment", "SHP-1")[0] == 0


def test_a_reading_that_was_changed_by_a_thousandth_is_seen(evaluate: Evaluate, tmp_path: Path) -> None:
    lived(tmp_path / "state")
    with sqlite3.connect(tmp_path / "state" / "journal.db") as journal:
        first = "select min(position) from reading"
        changed_rows = journal.execute(f"update reading set temperature_mc = 5001 where position = ({first})").rowcount
    journal.close()
    assert changed_rows == 1
    code, _, said = evaluate("--shipment", "SHP-1", "--check")
    assert (code, "temperature.mean_c" in said) == (2, True), said


def test_a_window_names_the_excursion_that_it_was_computed_for(evaluate: Evaluate, tmp_path: Path) -> None:
    lived(tmp_path / "state")
    _, document, _ = evaluate("--shipment", "SHP-1")
    ids = {item["id"] for item in document["excursions"]}
    assert {item["excursion"] for item in document["mkt"]["windows"]} == ids
    assert {item["excursion"] for item in document["breaches"]} - {None} == ids
