"""Whoever is on duty can answer: a turn is not given to somebody who may only look."""

from pathlib import Path

import pytest
from alert_cast import BOB, CHARLIE, MINUTE, NOON, new_registry
from rules_cast import DORA, QUALITY, ROTA_STEP, Rules, ladder

from alerts import rulebook_changes
from alerts.configuration import problems
from coldchain.errors import InvalidValue
from coldchain.registry.viewer import Viewer


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    return Rules(new_registry(tmp_path))


def test_a_rota_takes_nobody_who_may_not_acknowledge(rules: Rules) -> None:
    with pytest.raises(InvalidValue, match="people: Charlie is viewer and may not acknowledge alarms"):
        rules.rota(DORA, CHARLIE)


@pytest.mark.parametrize("by", [QUALITY, Viewer(DORA, "Dora", "operator")])
def test_a_turn_is_not_given_to_who_may_only_look(rules: Rules, by: Viewer) -> None:
    rules.rota(DORA)
    with rules.registry.write() as connection, pytest.raises(InvalidValue, match="person: Charlie is viewer"):
        rulebook_changes.stand_in(
            connection, "lab", layer=None, person=CHARLIE, replaces=DORA, from_ms=NOON, to_ms=NOON + 60 * MINUTE,
            by=by, reason=None, now_ms=NOON,
        )  # fmt: skip


def test_somebody_whose_role_was_changed_since_is_told_of_before_their_turn(rules: Rules) -> None:
    rules.rota(DORA, BOB)
    rules.policy("ladder", ladder(ROTA_STEP))
    rules.routes(otherwise="ladder")
    rules.set(BOB, role="viewer")
    with rules.registry.read() as connection:
        found = [one for one in problems(connection, NOON) if "acknowledge" in one.words]
    [(field, words)] = found
    assert field == "rota lab, layer primary"
    assert words.startswith("Bob takes turns and, being viewer, may not acknowledge alarms")
