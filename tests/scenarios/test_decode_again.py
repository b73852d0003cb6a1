"""From an unknown JSON on a topic to judged readings, and to better ones, without a restart; nothing kept is lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_house import House
from judging import DAWN

from coldchain.domain.device_profile import Assignment
from coldchain.domain.message import Envelope, Outcome
from coldchain.errors import InvalidValue
from coldchain.registry import device_profiles
from coldchain.registry.device_profiles import SavedProfiles
from ingest.again import decode_again, finish, look
from ingest.open_decisions import Request
from ingest.pipeline import Pipeline
from sensors.carriers.shipped import carriers
from sensors.device_profiles.library import Library

STEP_MS = 300_000
PROFILE = """
id = "acme-duo"
version = {version}
name = "Acme Duo"
{more}
[source]
topics = ["acme/+/up"]
device = "topic[1]"
key = "id"
[time]
path = "at"
format = "unix_s"
[channels.internal]
temperature_c = {{ path = "t"{unit} }}
"""


class World(House):
    """A house with the whole pipeline and its library of device profiles."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.library = Library(None, SavedProfiles(self.registry))
        self.pipeline = Pipeline(
            self.journal, self.clock, carriers=carriers("main", self.library.now), profiles=self.library.now
        )

    def hear(self, step: int, shown: float, logger: str = "LG-7") -> Outcome:
        """A message of the unknown make arrives."""
        at = DAWN + step * STEP_MS
        self.clock.set(max(self.clock.now_ms(), at + 400))
        body = json.dumps({"id": f"{logger}-{step}", "at": at // 1000, "t": shown}).encode()
        envelope = Envelope("mqtt", f"acme/{logger}/up", body, self.clock.now_ms(), 1)
        [[receipt]] = self.pipeline.submit([envelope])
        return receipt.outcome

    def save(self, version: int, unit: str = "", more: str = "") -> None:
        text = PROFILE.format(version=version, unit=unit, more=more)
        with self.registry.write() as connection:
            device_profiles.add(
                connection, "acme-duo", version, text, who="ada", reason="first try", now_ms=self.clock.now_ms()
            )
        self.library.refresh()

    def again(self, reason: str = "its unit is Fahrenheit") -> None:
        made = decode_again(
            self.pipeline, self.registry, Request("LG-7"), who="ada", reason=reason, now_ms=self.clock.now_ms()
        )
        assert made.decision is not None

    def shown(self) -> list[tuple[int | None, str, int]]:
        rows = self.history.readings("LG-7", DAWN, DAWN + 100 * STEP_MS)
        return [(row.temperature_mc, row.device_profile, row.interpretation) for row in rows]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = World(tmp_path / "house")
    yield opened
    opened.close()


def test_what_arrived_before_anybody_knew_the_make_becomes_readings_and_findings(world: World) -> None:
    subject = world.shipment("S-1", "LG-7")
    world.declare("LG-7", STEP_MS)
    assert [world.hear(step, 5.0 if step < 4 else 12.0) for step in range(16)] == [Outcome.UNDECODED] * 16
    world.settle()
    assert world.record(subject).excursions == []
    world.save(1)
    assert world.hear(16, 12.5) is Outcome.READINGS  # at once, in the same process
    would = look(world.pipeline, Request("LG-7"))
    assert (would.changed, would.strays, would.readings_before, would.readings_after) == (16, 16, 0, 16)
    assert len(world.shown()) == 1  # a look changes nothing
    world.again("connected the topic")
    assert [row[0] for row in world.shown()] == [5_000] * 4 + [12_000] * 12 + [12_500]
    world.settle()
    [found] = [item.excursion for item in world.record(subject).excursions]
    assert (found.logger, found.peak_mc) == ("LG-7", 12_500)
    assert look(world.pipeline, Request("LG-7")).changed == 0


def test_a_better_version_makes_the_old_readings_a_superseded_interpretation(world: World) -> None:
    subject = world.shipment("S-1", "LG-7")
    world.declare("LG-7", STEP_MS)
    world.save(1)
    for step in range(12):
        assert world.hear(step, 41.0) is Outcome.READINGS  # degrees Fahrenheit, taken for Celsius
    world.settle()
    assert len(world.record(subject).excursions) == 1
    world.save(2, ', unit = "F"')
    world.again()
    assert world.shown() == [(5_000, "acme-duo@2", 2)] * 12
    assert {row.temperature_mc for row in world.journal.read(0, 100)} == {41_000, 5_000}  # the old ones stay on record
    world.settle()
    assert world.record(subject).excursions == []
    assert world.actions("messages decoded again") == ["messages decoded again"]
    assert look(world.pipeline, Request("LG-7")).changed == 0


def test_an_alarm_that_decoding_again_brings_to_light_goes_into_a_digest(world: World) -> None:
    world.shipment("S-1", "LG-7")
    world.declare("LG-7", STEP_MS)
    world.save(1, ", offset = -3")
    for step in range(40):
        world.hear(step, 11.0 if 4 <= step < 16 else 5.0)
        world.settle()
    assert world.planner.changes == []
    world.save(2)
    world.again("the offset was the maker's of another model")
    world.settle()
    raised = [change.after for change in world.planner.changes if change.before is None]
    assert raised
    assert all(one.late and one.digest for one in raised)


def test_only_messages_of_the_period_are_decoded_again(world: World) -> None:
    world.save(1)
    for step in range(4):
        world.hear(step, 41.0)
    world.save(2, ', unit = "F"')
    part = Request("LG-7", DAWN + STEP_MS, DAWN + 3 * STEP_MS)
    made = decode_again(world.pipeline, world.registry, part, who="ada", reason="a test", now_ms=world.clock.now_ms())
    assert (made.examined, made.changed) == (2, 2)
    assert [row[0] for row in world.shown()] == [41_000, 5_000, 5_000, 41_000]


def test_what_waited_for_a_person_to_confirm_an_untested_profile_counts_once_one_does(world: World) -> None:
    text = 'id = "duo"\nname = "Duo"\nmatch = [{ "tts.model_id" = "duo" }]\nchannels.internal.temperature_c = "t"'
    about: dict[str, Any] = {"who": "ada", "reason": "seen the values", "now_ms": world.clock.now_ms()}
    with world.registry.write() as connection:
        device_profiles.add(connection, "duo", 1, text, **about)
    world.library.refresh()
    uplink = {
        "end_device_ids": {"device_id": "box", "dev_eui": "A84041000181C061"},
        "uplink_message": {
            "session_key_id": "AY==", "f_cnt": 3, "received_at": "2026-01-05T00:00:00Z",
            "version_ids": {"brand_id": "acme", "model_id": "duo"}, "decoded_payload": {"t": 4.5},
        },
    }  # fmt: skip
    envelope = Envelope("mqtt", "v3/app@t/devices/box/up", json.dumps(uplink).encode(), world.clock.now_ms(), 0)
    [[receipt]] = world.pipeline.submit([envelope])
    assert receipt.outcome is Outcome.UNDECODED
    assert "untested" in receipt.refusals[0].reason
    request = Request("A84041000181C061")
    assert look(world.pipeline, request).changed == 0
    with world.registry.write() as connection:
        device_profiles.assign(connection, "A84041000181C061", Assignment("duo"), **about)
    world.library.refresh()
    decode_again(world.pipeline, world.registry, request, who="ada", reason="confirmed", now_ms=world.clock.now_ms())
    [row] = world.history.readings("A84041000181C061", DAWN - STEP_MS, DAWN + STEP_MS)
    assert (row.temperature_mc, row.device_profile) == (4_500, "duo@1")
    assert world.journal.unread() == []


def test_a_message_that_nobody_understands_today_keeps_what_it_said(world: World) -> None:
    world.save(1)
    world.hear(0, 5.0)
    with world.registry.write() as connection:
        device_profiles.retire(connection, "acme-duo", 1, who="ada", reason="a mistake", now_ms=world.clock.now_ms())
    world.library.refresh()
    would = look(world.pipeline, Request("LG-7"))
    assert (would.examined, would.changed, would.not_understood) == (1, 0, 1)


def test_what_a_killed_process_had_decided_is_caught_up_with(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.save(1)
    for step in range(3):
        world.hear(step, 41.0)
    world.save(2, ', unit = "F"')
    with monkeypatch.context() as killed:
        killed.setattr(world.journal, "reinterpret", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            world.again()
    assert [row[2] for row in world.shown()] == [1, 1, 1]
    assert finish(world.pipeline, world.registry, world.clock.now_ms()) == 1
    assert world.shown() == [(5_000, "acme-duo@2", 2)] * 3
    assert finish(world.pipeline, world.registry, world.clock.now_ms()) == 0


def test_decoding_again_needs_a_reason(world: World) -> None:
    with pytest.raises(InvalidValue, match="reason is missing"):
        decode_again(world.pipeline, world.registry, Request("LG-7"), who="ada", reason=" ", now_ms=0)
