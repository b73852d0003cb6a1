"""An alarm that rests for more than one reason speaks when the last of them is over, and not before."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alert_cast import ALICE, HIGH, MINUTE, NOON, SHIPMENT, Story, new_registry, set_aside
from rules_cast import delivered

from alerts import maintenance
from coldchain.domain.finding import Severity, Subject, SubjectKind
from coldchain.registry.store import Registry

MAJOR = replace(HIGH, severity=Severity.MAJOR)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def story(registry: Registry) -> Story:
    told = Story(registry)
    told.happens(MAJOR)
    delivered(registry)
    return told


def work(registry: Registry, until: int, *, now: int = 0, **more: Any) -> None:
    """The shipment is worked on from minute `now` until minute `until`."""
    with registry.write() as connection:
        maintenance.take_out(
            connection, subject=Subject(SubjectKind.SHIPMENT, SHIPMENT), work_order="WO-4711", reason="compressor",
            until_ms=NOON + until * MINUTE, who=ALICE, now_ms=NOON + now * MINUTE, **more,
        )  # fmt: skip


def reasons(story: Story) -> list[str]:
    return [message[0] for message in story.messages() if message[1] == "Bob"]


def test_a_shelf_that_ends_while_the_goods_are_worked_on_leaves_the_rest_to_the_work(
    story: Story, registry: Registry
) -> None:
    set_aside(story, 30)
    work(registry, 120, now=10)
    story.time_passes(NOON + 31 * MINUTE)
    assert (story.row().suppression, reasons(story)) == ("out_of_service", ["raised"])
    story.time_passes(NOON + 121 * MINUTE)
    assert (story.row().suppression, reasons(story)) == ("none", ["raised", "shelf_ended"])


def test_setting_aside_what_is_worked_on_does_not_cut_the_work_short(story: Story, registry: Registry) -> None:
    work(registry, 120)
    set_aside(story, 30)
    story.time_passes(NOON + 31 * MINUTE)
    assert (story.row().suppression, reasons(story)) == ("out_of_service", ["raised"])


def test_an_alarm_that_outgrows_its_shelf_stays_silent_while_the_goods_are_worked_on(
    story: Story, registry: Registry
) -> None:
    set_aside(story, 30)
    work(registry, 120, now=10)
    story.happens(HIGH, NOON + 20 * MINUTE)
    assert (story.row().suppression, reasons(story)) == ("out_of_service", ["raised"])
    story.time_passes(NOON + 121 * MINUTE)
    assert reasons(story) == ["raised", "worsened"]


def test_work_that_was_planned_silences_what_is_active_when_it_begins(story: Story, registry: Registry) -> None:
    work(registry, 300, from_ms=NOON + 90 * MINUTE)
    story.time_passes(NOON + 60 * MINUTE)
    delivered(registry)
    assert reasons(story) == ["raised", "repeat"]
    story.time_passes(NOON + 120 * MINUTE)
    assert (story.row().suppression, reasons(story)) == ("out_of_service", ["raised", "repeat"])
    story.time_passes(NOON + 301 * MINUTE)
    assert reasons(story) == ["raised", "repeat", "shelf_ended"]
