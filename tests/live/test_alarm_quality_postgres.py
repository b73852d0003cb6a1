"""The figures of alarm quality, and the alarms behind them, with the registry on PostgreSQL."""

from collections.abc import Iterator

import pytest
from alert_cast import ALICE, HIGH, MINUTE, NOON, RETURNED, Story, filled

from alerts import lifecycle
from coldchain.registry import alarm_quality
from coldchain.registry.alarm_quality_facts import Period, load
from coldchain.registry.alarms import AlarmFilter, alarms
from coldchain.registry.store import Registry
from coldchain.registry.viewer import SYSTEM

pytestmark = pytest.mark.server


@pytest.fixture
def registry(postgres_url: str) -> Iterator[Registry]:
    registry = filled(Registry(postgres_url))
    yield registry
    registry.close()


def test_the_figures_are_counted_and_lead_to_their_alarms(registry: Registry) -> None:
    story = Story(registry)
    story.happens(HIGH)
    with registry.write() as connection:
        lifecycle.acknowledge(connection, str(story.id), who=ALICE, via="api", comment="", now_ms=NOON + 3 * MINUTE)
    story.happens(RETURNED, NOON + 30 * MINUTE)
    with registry.read() as connection:
        facts = load(connection, Period(NOON - MINUTE, NOON + 60 * MINUTE), NOON + 60 * MINUTE)
        found = alarm_quality.document(facts)
        behind = alarm_quality.alarms_behind(facts, "person", ALICE)
        listed = alarms(connection, SYSTEM, AlarmFilter(among=behind)).items
    assert (found["raised"], found["announced"], found["nuisance"]["alarms"]) == (1, 1, 0)
    assert found["answers"]["to_acknowledge_median_s"] == 180.0
    assert {row["name"]: row["announcements"] for row in found["people"]} == {"Alice": 1, "Bob": 1}
    assert [row["severities"] for row in found["priorities"] if row["alarms"]] == [["critical"]]
    assert [one["id"] for one in listed] == [story.id]
