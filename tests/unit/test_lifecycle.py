"""What people do to an alarm, and what stays of it."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from alert_cast import ALICE, BOB, CHARLIE, HIGH, KEY, MINUTE, NOON, RETURNED, Story, new_registry, set_aside
from sqlalchemy import update

from alerts import ack_link, lifecycle, shelving
from alerts.lifecycle import Act, State
from coldchain import audit
from coldchain.domain.finding import Severity
from coldchain.errors import Forbidden, InvalidValue, NotFound, Stale
from coldchain.registry.schema import alarm, person
from coldchain.registry.store import Registry, revision


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


@pytest.fixture
def story(registry: Registry) -> Story:
    story = Story(registry)
    story.happens(HIGH)
    return story


def acknowledge(story: Story, who: str = ALICE, **more: object) -> lifecycle.Done:
    given = {"via": "browser", "comment": "on my way", "now_ms": NOON + MINUTE, **more}
    with story.registry.write() as connection:
        return lifecycle.acknowledge(connection, str(story.id), who=who, **given)


def test_an_acknowledgement_leaves_a_row_a_timeline_entry_an_audit_entry_and_a_new_revision(story: Story) -> None:
    with story.registry.read() as connection:
        before = revision(connection)
    done = acknowledge(story)
    row = story.row()
    assert done == (Act.ACKNOWLEDGED, story.id, row.version)
    assert (row.acknowledged_by, row.acknowledged_via, row.acknowledged_ms) == (ALICE, "browser", NOON + MINUTE)
    assert (row.comment, row.next_timer_ms) == ("on my way", NOON + 31 * MINUTE)
    assert story.timeline() == ["raised", "acknowledged"]
    with story.registry.read() as connection:
        [entry] = audit.entries(connection)
        assert (entry.who, entry.action, entry.object_id, entry.reason) == (
            ALICE, "alarm acknowledged", story.id, "on my way"
        )  # fmt: skip
        assert revision(connection) == before + 1


def test_acknowledging_never_touches_the_condition(story: Story) -> None:
    acknowledge(story)
    assert (story.row().condition, story.row().severity) == ("active", int(Severity.CRITICAL))


def test_the_first_of_two_answers_stands(story: Story) -> None:
    acknowledge(story)
    assert acknowledge(story, who=BOB, version=1).act is Act.ALREADY_ACKNOWLEDGED
    assert story.row().acknowledged_by == ALICE


def test_an_alarm_that_changed_since_it_was_shown_is_not_acknowledged_unseen(story: Story) -> None:
    shown = story.row().version
    story.happens(replace(HIGH, peak_mc=20_000), NOON + MINUTE)
    with pytest.raises(Stale):
        acknowledge(story, version=shown)
    assert story.row().acknowledged_ms is None
    assert acknowledge(story, version=story.row().version).act is Act.ACKNOWLEDGED


def test_acknowledging_a_merged_alarm_acknowledges_the_one_that_speaks_for_it(story: Story, registry: Registry) -> None:
    other = Story(registry)
    other.happens(HIGH)
    with registry.write() as connection:
        connection.execute(update(alarm).where(alarm.c.id == story.id).values(merged_into=other.id))
    assert acknowledge(story).alarm == other.id
    assert other.row().acknowledged_by == ALICE


def test_what_does_not_exist_cannot_be_acknowledged(story: Story) -> None:
    story.id = ALICE
    with pytest.raises(NotFound):
        acknowledge(story)


@pytest.mark.parametrize(("field", "value"), [("via", "telepathy"), ("comment", "x" * 2001), ("comment", "a\x00b")])
def test_bad_input_is_refused_by_name(story: Story, field: str, value: str) -> None:
    with pytest.raises(InvalidValue, match=field):
        acknowledge(story, **{field: value})


def test_a_comment_from_a_forms_text_area_may_have_lines(story: Story) -> None:
    acknowledge(story, comment="one\r\ntwo")
    assert story.row().comment == "one\ntwo"


def test_a_comment_is_kept_and_an_empty_one_refused(story: Story) -> None:
    with story.registry.write() as connection:
        lifecycle.comment(connection, str(story.id), who=BOB, text=" door was open ", now_ms=NOON)
        with pytest.raises(InvalidValue):
            lifecycle.comment(connection, str(story.id), who=BOB, text="  ", now_ms=NOON)
    assert story.row().comment == "door was open"


@pytest.mark.parametrize(
    ("severity", "minutes", "allowed"),
    [
        (Severity.CRITICAL, 60, True),
        (Severity.CRITICAL, 61, False),
        (Severity.MAJOR, 24 * 60, True),
        (Severity.MAJOR, 24 * 60 + 1, False),
        (Severity.MAJOR, 0, False),
    ],
)
def test_a_shelf_always_ends_and_soon(story: Story, severity: Severity, minutes: int, allowed: bool) -> None:
    story.happens(replace(HIGH, severity=severity))
    refusal = nullcontext() if allowed else pytest.raises(InvalidValue, match="until")
    with refusal:
        set_aside(story, minutes)
    assert (story.row().suppression == "shelved") is allowed


def test_one_person_alone_cannot_set_a_critical_alarm_aside(story: Story) -> None:
    with story.registry.write() as connection:
        asked = shelving.shelve(
            connection, str(story.id), who=ALICE, until_ms=NOON + 30 * MINUTE, reason="defrost", now_ms=NOON
        )
    assert (asked.act, story.row().suppression) == (Act.SHELF_ASKED, "none")
    with story.registry.write() as connection, pytest.raises(Forbidden, match="two persons"):
        shelving.confirm(connection, str(story.id), who=ALICE, now_ms=NOON + MINUTE)
    assert story.row().next_timer_ms == NOON + 10 * MINUTE
    with story.registry.write() as connection:
        assert shelving.confirm(connection, str(story.id), who=BOB, now_ms=NOON + MINUTE).act is Act.SHELVED
    assert (story.row().suppression, story.row().suppressed_until_ms) == ("shelved", NOON + 30 * MINUTE)


@pytest.mark.parametrize(("after", "agrees"), [(14 * MINUTE, True), (15 * MINUTE, False), (-MINUTE, False)])
def test_what_was_asked_for_must_be_agreed_to_soon(story: Story, after: int, agrees: bool) -> None:
    with story.registry.write() as connection:
        shelving.shelve(
            connection, str(story.id), who=ALICE, until_ms=NOON + 30 * MINUTE, reason="defrost", now_ms=NOON
        )
    with story.registry.write() as connection:
        refusal = nullcontext() if agrees else pytest.raises(InvalidValue, match="shelf")
        with refusal:
            shelving.confirm(connection, str(story.id), who=BOB, now_ms=NOON + after)


def test_nobody_agrees_to_a_shelf_that_nobody_asked_for_or_that_is_there_already(story: Story) -> None:
    for _ in range(2):
        with story.registry.write() as connection, pytest.raises(InvalidValue, match="shelf"):
            shelving.confirm(connection, str(story.id), who=BOB, now_ms=NOON)
        set_aside(story, 30)


def test_a_program_is_no_second_person(story: Story) -> None:
    with story.registry.write() as connection:
        shelving.shelve(
            connection, str(story.id), who=ALICE, until_ms=NOON + 30 * MINUTE, reason="defrost", now_ms=NOON
        )
    with story.registry.write() as connection, pytest.raises(Forbidden, match="API key"):
        shelving.confirm(connection, str(story.id), who="key-1", now_ms=NOON)


def test_an_alarm_that_becomes_critical_on_its_shelf_is_told(story: Story, registry: Registry) -> None:
    other = Story(registry)
    other.happens(replace(HIGH, severity=Severity.MAJOR))
    set_aside(other, 120)
    other.happens(HIGH, NOON + MINUTE)
    assert other.timeline() == ["raised", "shelved", "unshelved", "worsened"]
    assert other.row().suppression == "none"


def test_a_clock_that_is_put_back_cannot_make_a_shelf_longer(story: Story) -> None:
    set_aside(story, 30)
    assert story.time_passes(NOON - 60 * MINUTE) == 0
    assert story.row().suppression == "shelved"
    with story.registry.write() as connection:
        connection.execute(update(alarm).values(suppressed_until_ms=NOON + 1440 * MINUTE))
        connection.execute(update(alarm).values(next_timer_ms=NOON + 1440 * MINUTE))
    assert story.time_passes(NOON - MINUTE) == 1
    assert story.row().suppression == "none"


def test_an_answer_covers_an_active_alarm_for_a_time_and_then_it_is_asked_for_again(story: Story) -> None:
    acknowledge(story, now_ms=NOON)
    assert story.time_passes(NOON + 30 * MINUTE - 1) == 0
    assert story.time_passes(NOON + 30 * MINUTE) == 1
    assert {row.reason for row in story.outbox()[3:]} <= {"raised", "ack_timeout"}
    assert story.row().acknowledged_ms is None
    assert (story.row().occasion_reason, story.row().next_timer_ms) == ("ack_timeout", NOON + 40 * MINUTE)


def test_a_comment_answers_anew(story: Story) -> None:
    acknowledge(story, now_ms=NOON)
    with story.registry.write() as connection:
        lifecycle.comment(connection, str(story.id), who=BOB, text="still loading", now_ms=NOON + 20 * MINUTE)
    story.time_passes(NOON + 30 * MINUTE)
    assert story.row().acknowledged_by == ALICE
    assert story.row().next_timer_ms == NOON + 50 * MINUTE
    story.time_passes(NOON + 50 * MINUTE)
    assert story.row().occasion_reason == "ack_timeout"


def test_an_answer_of_a_major_alarm_lasts_an_hour_and_twice_the_time_is_news(story: Story, registry: Registry) -> None:
    major = Story(registry)
    major.happens(replace(HIGH, severity=Severity.MAJOR, onset_ms=NOON - 40 * MINUTE))
    acknowledge(major, now_ms=NOON)
    assert major.row().next_timer_ms == NOON + 40 * MINUTE
    major.time_passes(NOON + 40 * MINUTE)
    assert (major.row().occasion_reason, major.row().acknowledged_by) == ("worsened", ALICE)
    assert major.row().next_timer_ms == NOON + 60 * MINUTE
    major.time_passes(NOON + 60 * MINUTE)
    assert (major.row().occasion_reason, major.row().acknowledged_ms) == ("ack_timeout", None)


def test_an_answer_from_the_future_is_none(story: Story) -> None:
    acknowledge(story, now_ms=NOON + 200 * MINUTE)
    assert story.time_passes(NOON + MINUTE) == 1
    assert (story.row().occasion_reason, story.row().acknowledged_ms) == ("ack_timeout", None)


def test_what_is_over_needs_no_second_answer(story: Story) -> None:
    story.happens(RETURNED, NOON + 20 * MINUTE)
    acknowledge(story, now_ms=NOON + 21 * MINUTE)
    assert story.row().next_timer_ms is None


def test_an_alarm_off_the_board_that_was_not_over_comes_back_to_it(story: Story) -> None:
    story.happens(RETURNED, NOON + 20 * MINUTE)
    acknowledge(story, now_ms=NOON + 21 * MINUTE)
    with story.registry.write() as connection:
        lifecycle.reset(connection, str(story.id), who=ALICE, reason="assessed", now_ms=NOON + 22 * MINUTE)
    story.happens(HIGH, NOON + 23 * MINUTE)
    assert (story.row().reset_ms, story.row().acknowledged_ms) == (None, None)


def test_an_alarm_is_given_to_somebody_who_may_see_and_acknowledge_it(story: Story) -> None:
    with story.registry.write() as connection:
        done = lifecycle.assign(connection, str(story.id), who=ALICE, to=BOB, now_ms=NOON)
        for nobody in (CHARLIE, "no-such-person"):
            with pytest.raises(InvalidValue, match="to"):
                lifecycle.assign(connection, str(story.id), who=ALICE, to=nobody, now_ms=NOON)
    assert (done.act, story.row().assigned, story.row().acknowledged_ms) == (Act.ASSIGNED, BOB, None)
    assert story.timeline() == ["raised", "assigned"]


def test_a_shelf_needs_a_reason(story: Story) -> None:
    with story.registry.write() as connection, pytest.raises(InvalidValue, match="reason"):
        shelving.shelve(connection, str(story.id), who=ALICE, until_ms=NOON + MINUTE, reason=" ", now_ms=NOON)


def test_an_acknowledgement_does_not_make_a_shelf_endless(story: Story) -> None:
    set_aside(story, 30)
    acknowledge(story)
    assert story.row().next_timer_ms == NOON + 30 * MINUTE
    story.time_passes(NOON + 30 * MINUTE)
    assert story.row().suppression == "none"


def test_a_shelf_ended_by_hand_speaks_at_the_next_look(story: Story) -> None:
    set_aside(story, 30)
    with story.registry.write() as connection:
        shelving.unshelve(connection, str(story.id), who=BOB, now_ms=NOON + MINUTE)
    story.time_passes(NOON + MINUTE)
    assert story.timeline() == ["raised", "shelf_asked", "shelved", "unshelved", "unshelved", "shelf_ended"]


def test_only_what_is_over_and_acknowledged_can_be_reset(story: Story) -> None:
    def reset() -> None:
        with story.registry.write() as connection:
            lifecycle.reset(connection, str(story.id), who=ALICE, reason="assessed", now_ms=NOON + 40 * MINUTE)

    with pytest.raises(InvalidValue, match="condition"):
        reset()
    story.happens(RETURNED, NOON + 30 * MINUTE)
    with pytest.raises(InvalidValue, match="condition"):
        reset()
    acknowledge(story)
    reset()
    assert story.row().reset_ms == NOON + 40 * MINUTE


@pytest.mark.parametrize(
    ("condition", "suppression", "acknowledged", "reset", "state"),
    [
        ("pending", "none", False, False, State.NORMAL),
        ("active", "none", False, False, State.UNACKNOWLEDGED),
        ("returning", "none", True, False, State.ACKNOWLEDGED),
        ("returned", "none", False, False, State.RETURNED_UNACKNOWLEDGED),
        ("returned", "none", True, False, State.RETURNED_ACKNOWLEDGED),
        ("returned", "none", True, True, State.NORMAL),
        ("active", "shelved", False, False, State.SHELVED),
        ("active", "out_of_service", True, False, State.OUT_OF_SERVICE),
    ],
)
def test_the_axes_show_as_one_state(
    condition: str, suppression: str, acknowledged: bool, reset: bool, state: State
) -> None:
    assert lifecycle.state(condition, suppression, acknowledged=acknowledged, reset=reset) is state


def a_link(story: Story, person_id: str = ALICE, expires_ms: int = NOON + ack_link.LIFE_MS) -> str:
    return ack_link.make(KEY, ack_link.Claim(str(story.id), person_id, 1, expires_ms))


def test_a_link_shows_without_acting_and_acts_once_asked(story: Story) -> None:
    token = a_link(story)
    with story.registry.read() as connection:
        shown = ack_link.show(connection, KEY, token, NOON)
    assert (shown.person.name, shown.alarm.id) == ("Alice", story.id)
    assert story.row().acknowledged_ms is None
    with story.registry.write() as connection:
        done = ack_link.act(connection, KEY, token, NOON, shown_as=ack_link.seen([shown.alarm]))
    assert done.act is Act.ACKNOWLEDGED
    assert (story.row().acknowledged_by, story.row().acknowledged_via) == (ALICE, "link")


def test_a_link_read_back_is_the_claim_that_was_made(story: Story) -> None:
    claim = ack_link.Claim(str(story.id), BOB, 7, NOON + 5)
    token = ack_link.make(KEY, claim)
    assert ack_link.read(KEY, token, NOON) == claim
    assert len(token) == 103
    assert token.replace("-", "").replace("_", "").isalnum()


def test_no_changed_character_makes_another_valid_link(story: Story) -> None:
    token = a_link(story)
    for position in range(len(token)):
        other = "A" if token[position] != "A" else "B"
        changed = token[:position] + other + token[position + 1 :]
        try:
            read = ack_link.read(KEY, changed, NOON)
        except Forbidden:
            continue
        # base64's last character has bits that carry nothing
        assert position == len(token) - 1
        assert read.alarm == story.id


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 103, "../../etc", "=" * 103])
def test_what_is_no_link_is_refused(token: str) -> None:
    with pytest.raises(Forbidden):
        ack_link.read(KEY, token, NOON)


def test_a_link_ends(story: Story) -> None:
    token = a_link(story, expires_ms=NOON)
    assert ack_link.read(KEY, token, NOON - 1).person == ALICE
    with pytest.raises(Forbidden, match="too old"):
        ack_link.read(KEY, token, NOON)


def test_a_link_of_another_installation_or_without_a_key_is_refused(story: Story) -> None:
    for key in (b"another", b""):
        with pytest.raises(Forbidden):
            ack_link.read(key, a_link(story), NOON)


def test_a_link_dies_with_its_readers_access(story: Story) -> None:
    token = a_link(story)
    with story.registry.write() as connection:
        connection.execute(update(person).where(person.c.id == ALICE).values(disabled_ms=NOON))
    with story.registry.write() as connection, pytest.raises(Forbidden):
        ack_link.act(connection, KEY, token, NOON)
    assert story.row().acknowledged_ms is None


def test_a_link_gives_nobody_more_than_the_role_has(story: Story) -> None:
    with story.registry.write() as connection:
        connection.execute(update(person).where(person.c.id == BOB).values(role="viewer"))
        with pytest.raises(Forbidden):
            ack_link.act(connection, KEY, a_link(story, BOB), NOON)


def test_an_installation_keeps_its_key(registry: Registry) -> None:
    with registry.write() as connection:
        first = ack_link.installation_key(connection)
    with registry.write() as connection:
        assert ack_link.installation_key(connection) == first
        assert len(first) == 32
