"""Addresses are proved by an answer, drills want one every week, and an SMS is understood however it is typed."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alert_cast import ALICE, BOB, HIGH, MINUTE, NOON, SITE, Story, new_registry
from sqlalchemy import func, select, update

from alerts import contact_link, drills, proofs, replies
from alerts.callbacks import signature
from alerts.channels.port import Message, Sent
from alerts.dispatcher import Dispatcher
from alerts.replies import Answer, code_in
from coldchain.clock import HandClock
from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry import contact_checks, parties, people
from coldchain.registry.schema import alarm, outbox, person, signal
from coldchain.registry.schema_people import drill
from coldchain.registry.store import Registry

DAY, HOUR = 24 * 60 * MINUTE, 60 * MINUTE
URL, TOKEN, PHONE = "https://cold.example.org/api/v1/callbacks/sms", "secret", "+4915100000001"


class Desk:
    """Takes every message."""

    def __init__(self) -> None:
        self.taken: list[Message] = []

    def send(self, message: Message) -> Sent:
        self.taken.append(message)
        return Sent(f"SM{len(self.taken)}", "201", "taken")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return new_registry(tmp_path)


class House:
    """The cast, two desks that take everything, and a clock."""

    def __init__(self, registry: Registry, *, asks: bool = False) -> None:
        self.registry, self.clock = registry, HandClock(NOON)
        self.mail, self.sms = Desk(), Desk()
        channels = {"email": self.mail, "sms": self.sms}
        rounds = drills.Rounds(frozenset(channels), asks=asks)
        self.dispatcher = Dispatcher(registry, channels, self.clock, "one", site=SITE, rounds=rounds)

    def answer(self, text: str, number: str = PHONE, token: str = TOKEN) -> Answer:
        params = {"From": number, "To": "+4930000000", "Body": text, "MessageSid": "SMin"}
        signed = signature(token, URL, params)
        with self.registry.write() as connection:
            return replies.accept_sms_reply(
                connection, url=URL, params=params, signed=signed, token=TOKEN, now_ms=self.clock.now_ms()
            )

    def person(self, id_: str) -> people.Person:
        with self.registry.read() as connection:
            found = people.get(connection, id_)
        assert found is not None
        return found

    def open_signals(self, kind: str) -> list[str]:
        query = select(signal.c.detail).where(signal.c.kind == kind, signal.c.cleared_ms.is_(None))
        with self.registry.read() as connection:
            return list(connection.execute(query).scalars())


@pytest.fixture
def house(registry: Registry) -> House:
    return House(registry)


def code_of(message: Message) -> str:
    found = re.search(r"ACK (\d+)", message.text)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize(
    "text", ["ACK 1234", "ack1234", " Ack: 12 34 !", "ACK-1234.", "1234", "\nack\t1234\n", "“ACK 1234”", "Ok 1234"]
)
def test_an_answer_is_understood_whatever_its_case_spaces_and_punctuation(text: str) -> None:
    assert code_in(text) == "1234"


@pytest.mark.parametrize("text", ["", "ACK", "ACK 123", "ACK 12345", "STOP 1234", "thanks", "١٢٣٤"])
def test_what_is_no_answer_is_none(text: str) -> None:
    assert code_in(text) is None


def test_the_code_in_the_sms_acknowledges_in_its_readers_name(house: House) -> None:
    story = Story(house.registry)
    story.happens(HIGH)
    house.dispatcher.drain()
    [sms] = house.sms.taken
    assert house.answer(f"ack {code_of(sms)}") is Answer.ACKNOWLEDGED
    assert (story.row().acknowledged_by, story.row().acknowledged_via) == (ALICE, "sms")
    assert house.answer(f"ack {code_of(sms)}") is Answer.ACKNOWLEDGED  # the same answer again harms nobody
    assert story.timeline().count("acknowledged") == 1


def test_a_code_counts_only_from_the_number_that_was_written_to(house: House) -> None:
    story = Story(house.registry)
    story.happens(HIGH)
    house.dispatcher.drain()
    code = code_of(house.sms.taken[0])
    assert house.answer(f"ACK {code}", number="+4915100000003") is Answer.WRONG
    assert house.answer(f"ACK {code}", number="+15550001111") is Answer.UNKNOWN_NUMBER
    assert story.row().acknowledged_ms is None


def test_an_answer_that_comes_again_acknowledges_nothing_that_it_never_saw(house: House) -> None:
    story = Story(house.registry)
    story.happens(HIGH)
    house.dispatcher.drain()
    code = code_of(house.sms.taken[0])
    house.clock.advance(MINUTE)
    assert house.answer(f"ACK {code}") is Answer.ACKNOWLEDGED
    house.clock.advance(40 * MINUTE)
    story.time_passes(house.clock.now_ms())  # nobody has commented: it is asked for again
    assert house.answer(f"ACK {code}") is Answer.WRONG
    assert story.row().acknowledged_ms is None
    house.dispatcher.drain()
    newest = next(sms for sms in reversed(house.sms.taken) if "130500109088" in sms.text or "SHP-2026-0042" in sms.text)
    assert house.answer(f"ACK {code_of(newest)}") is Answer.ACKNOWLEDGED


def test_who_shares_a_phone_is_asked_for_different_codes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with house.registry.write() as connection:
        connection.execute(update(person).where(person.c.id == BOB).values(phone=PHONE))
    drawn = iter([111] * 51)
    monkeypatch.setattr("secrets.randbelow", lambda _limit: next(drawn, 222))
    first = Story(house.registry)
    first.happens(HIGH)
    house.dispatcher.drain()
    codes = [code_of(sms) for sms in house.sms.taken]
    assert sorted(codes) == ["1111", "1222"]
    assert house.answer(f"ACK {codes[0]}") is Answer.ACKNOWLEDGED


def test_a_number_that_was_changed_since_speaks_for_nobody_any_more(house: House) -> None:
    story = Story(house.registry)
    story.happens(HIGH)
    house.dispatcher.drain()
    code = code_of(house.sms.taken[0])
    with house.registry.write() as connection:
        people.change(connection, ALICE, who="admin", now_ms=NOON, phone="+4915100000077")
    assert house.answer(f"ACK {code}") is Answer.UNKNOWN_NUMBER
    assert story.row().acknowledged_ms is None


def test_a_forged_answer_changes_nothing_and_is_a_security_event(house: House) -> None:
    story = Story(house.registry)
    story.happens(HIGH)
    house.dispatcher.drain()
    assert house.answer(f"ACK {code_of(house.sms.taken[0])}", token="guessed") is Answer.FORGED
    assert story.row().acknowledged_ms is None
    with house.registry.read() as connection:
        [(kind, detail)] = connection.execute(select(signal.c.kind, signal.c.detail)).all()
    assert (kind, detail) == ("security", "an SMS with a wrong signature came from an unknown address")


def test_a_code_of_last_week_is_too_old(house: House) -> None:
    story = Story(house.registry)
    story.happens(HIGH)
    house.dispatcher.drain()
    house.clock.advance(8 * DAY)
    assert house.answer(f"ACK {code_of(house.sms.taken[0])}") is Answer.WRONG


def test_wrong_codes_are_answered_politely_and_once_an_hour(house: House) -> None:
    for _ in range(5):
        assert house.answer("ACK 9999") is Answer.WRONG
        house.clock.advance(10 * MINUTE)
        house.dispatcher.drain()
    [polite] = house.sms.taken
    assert polite.text.startswith("Coldchain: this code is wrong or too old. Send ACK and the 4 digits of the newest")
    house.clock.advance(HOUR)
    house.answer("hello?")
    house.dispatcher.drain()
    assert house.sms.taken[-1].text.startswith("Coldchain: to take an alarm in hand")


@pytest.mark.parametrize("by", ["sms", "code", "link"])
def test_an_address_is_proved_by_what_was_sent_to_it(house: House, by: str) -> None:
    channel = "email" if by == "link" else "sms"
    with house.registry.write() as connection:
        asked = proofs.ask(connection, ALICE, channel, who=ALICE, now_ms=NOON)
    house.dispatcher.drain()
    [message] = house.mail.taken + house.sms.taken
    if by == "sms":
        assert house.answer(f"ACK {code_of(message)}") is Answer.PROVED
    elif by == "code":
        with house.registry.write() as connection:
            assert proofs.by_code(connection, ALICE, code_of(message), now_ms=NOON)
    else:
        token = message.text.split("/api/v1/proofs/")[1].split()[0]
        with house.registry.write() as connection:
            row = contact_checks.proof(connection, contact_link.read(SITE.ack_key, token, NOON).id)
            assert row is not None
            assert row.id == asked.id
            assert proofs.prove(connection, row, via="link", now_ms=NOON)
    alice = house.person(ALICE)
    assert (alice.email_verified_ms, alice.phone_verified_ms) == ((NOON, None) if by == "link" else (None, NOON))


def test_a_new_address_is_asked_to_prove_itself_once_and_a_changed_one_again(registry: Registry) -> None:
    house = House(registry, asks=True)
    for _ in range(5):
        house.dispatcher.drain()
        house.clock.advance(HOUR)
    assert sorted(m.to for m in house.mail.taken) == [f"{name}@example.org" for name in ("alice", "bob", "charlie")]
    assert sorted(m.to for m in house.sms.taken) == [PHONE, "+4915100000003"]
    with house.registry.write() as connection:
        people.change(connection, ALICE, who=ALICE, now_ms=house.clock.now_ms(), phone="+4915199999999")
    house.dispatcher.drain()
    assert house.sms.taken[-1].to == "+4915199999999"


def test_five_wrong_codes_end_a_proof(house: House) -> None:
    with house.registry.write() as connection:
        proofs.ask(connection, ALICE, "sms", who=ALICE, now_ms=NOON)
    house.dispatcher.drain()
    right = code_of(house.sms.taken[0])
    wrong = "111111" if right != "111111" else "222222"
    for _ in range(5):
        with house.registry.write() as connection:
            assert not proofs.by_code(connection, ALICE, wrong, now_ms=NOON)
    with house.registry.write() as connection:
        assert not proofs.by_code(connection, ALICE, right, now_ms=NOON)


def test_nobody_can_have_an_address_flooded_with_proofs(house: House) -> None:
    with house.registry.write() as connection:
        proofs.ask(connection, ALICE, "sms", who=ALICE, now_ms=NOON)
        with pytest.raises(InvalidValue, match="wait a minute"):
            proofs.ask(connection, ALICE, "sms", who=ALICE, now_ms=NOON + 1_000)
        for n in range(1, 6):
            proofs.ask(connection, ALICE, "sms", who=ALICE, now_ms=NOON + n * 2 * MINUTE)
        with pytest.raises(InvalidValue, match="within a day"):
            proofs.ask(connection, ALICE, "sms", who=ALICE, now_ms=NOON + HOUR)


def test_a_proof_of_an_address_that_was_changed_since_proves_nothing(house: House) -> None:
    with house.registry.write() as connection:
        asked = proofs.ask(connection, ALICE, "sms", who=ALICE, now_ms=NOON)
        people.change(connection, ALICE, who=ALICE, now_ms=NOON, phone="+4915199999999")
        row = contact_checks.proof(connection, asked.id)
        assert row is not None
        assert proofs.prove(connection, row, via="code", now_ms=NOON) is False
    assert house.person(ALICE).phone_verified_ms is None


def test_a_new_number_is_not_verified_any_more(house: House) -> None:
    with house.registry.write() as connection:
        connection.execute(update(person).where(person.c.id == ALICE).values(phone_verified_ms=NOON))
        people.change(connection, ALICE, who=ALICE, now_ms=NOON, phone=PHONE)
        assert connection.execute(select(person.c.phone_verified_ms).where(person.c.id == ALICE)).scalar_one() == NOON
        people.change(connection, ALICE, who=ALICE, now_ms=NOON, phone="+4915199999999")
    assert house.person(ALICE).phone_verified_ms is None


def test_a_link_of_another_key_or_too_old_is_refused() -> None:
    asked = contact_link.Asked("drill", "00000000-0000-4000-8000-00000000000a", NOON)
    token = contact_link.make(b"k" * 32, asked)
    assert contact_link.read(b"k" * 32, token, NOON - 1) == asked
    for key, at in ((b"x" * 32, NOON - 1), (b"k" * 32, NOON)):
        with pytest.raises(Forbidden):
            contact_link.read(key, token, at)


def test_every_contact_is_drilled_once_a_week_over_each_channel_in_working_hours(house: House) -> None:
    house.dispatcher.drain()
    for _ in range(15 * 24):
        house.clock.advance(HOUR)
        house.dispatcher.drain()
    with house.registry.read() as connection:
        rows = connection.execute(select(drill).order_by(drill.c.sent_ms)).all()
    asked = sorted((row.recipient, row.channel) for row in rows)
    assert asked == sorted([(ALICE, "email"), (ALICE, "sms"), (BOB, "email")] * 2)
    for row in rows:
        moment = datetime.fromtimestamp(row.sent_ms / 1000, UTC)
        assert moment.weekday() < 5
        assert 8 <= moment.hour < 15  # 9 to 16 in Berlin


def test_an_answer_proves_the_address_and_a_missing_one_is_a_finding(house: House) -> None:
    with house.registry.write() as connection:
        drills.send_to(connection, ALICE, "sms", who=BOB, now_ms=NOON)
        drills.send_to(connection, BOB, "email", who=BOB, now_ms=NOON)
    house.dispatcher.drain()
    assert house.answer(f"Ack {code_of(house.sms.taken[0])}") is Answer.DRILL_ANSWERED
    assert house.person(ALICE).phone_verified_ms == NOON
    house.clock.advance(3 * DAY)
    house.dispatcher.drain()
    [finding] = house.open_signals("drill_unanswered")
    assert finding.startswith("Bob did not answer the drill by email")
    token = house.mail.taken[0].text.split("/api/v1/proofs/")[1].split()[0]
    with house.registry.write() as connection:
        asked = contact_link.read(SITE.ack_key, token, NOON)
        assert drills.answer(connection, asked.id, via="link", now_ms=house.clock.now_ms())
        assert not drills.answer(connection, asked.id, via="link", now_ms=house.clock.now_ms())
    assert house.open_signals("drill_unanswered") == []


def test_an_answer_over_the_weekend_is_not_due_before_monday() -> None:
    friday = int(datetime(2026, 11, 20, 14, 0, tzinfo=UTC).timestamp() * 1000)  # 15:00 in Berlin
    due = datetime.fromtimestamp(drills.answer_due(None, "Europe/Berlin", friday) / 1000, UTC)
    assert (due.weekday(), due.hour) == (0, 15)  # Monday 16:00 in Berlin
    tuesday = friday - 3 * DAY
    assert drills.answer_due(None, "Europe/Berlin", tuesday) == tuesday + DAY


def test_who_is_on_call_with_an_unverified_address_is_flagged_after_a_day_and_used_all_the_same(house: House) -> None:
    house.dispatcher.drain()
    assert house.open_signals("contact_unverified") == []
    house.clock.advance(DAY)
    house.dispatcher.drain()
    assert len(house.open_signals("contact_unverified")) == 3
    with house.registry.write() as connection:
        asked = proofs.ask(connection, ALICE, "sms", who=ALICE, now_ms=house.clock.now_ms())
        row = contact_checks.proof(connection, asked.id)
        assert row is not None
        proofs.prove(connection, row, via="code", now_ms=house.clock.now_ms())
    assert len(house.open_signals("contact_unverified")) == 2


def test_contact_messages_hang_on_one_silent_record_that_nobody_has_to_see_to(house: House) -> None:
    with house.registry.write() as connection:
        drills.send_to(connection, ALICE, "sms", who=BOB, now_ms=NOON)
        proofs.ask(connection, ALICE, "email", who=ALICE, now_ms=NOON)
        records = connection.execute(select(alarm)).all()
        waiting = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
    assert waiting == 2
    [record] = records
    assert (record.cause, record.condition, record.severity, record.reset_ms) == ("contact_check", "returned", 0, NOON)
    assert record.next_timer_ms is None


def test_a_partys_unproved_address_is_flagged_after_a_day_until_it_is_proved_or_ended(house: House) -> None:
    with house.registry.write() as connection:
        ids = [
            parties.create(
                connection, party="Helvetia", name=name, email="desk@helvetia.example", who="admin", now_ms=NOON
            )
            for name in ("Desk", "Night desk")
        ]  # fmt: skip

    def flagged() -> int:
        return sum("Helvetia" in detail for detail in house.open_signals("contact_unverified"))

    house.clock.advance(DAY + MINUTE)
    house.dispatcher.drain()
    assert flagged() == 2
    with house.registry.write() as connection:
        asked = proofs.ask_party(connection, ids[0], who="admin", now_ms=house.clock.now_ms())
    house.dispatcher.drain()
    sent = house.mail.taken[-1]
    assert sent.to == "desk@helvetia.example"
    assert "/api/v1/proofs/" in sent.text
    assert "code" not in sent.text
    with house.registry.write() as connection:
        row = contact_checks.proof(connection, asked.id)
        assert row is not None
        assert proofs.prove(connection, row, via="link", now_ms=house.clock.now_ms())
        parties.end(connection, ids[1], who="admin", now_ms=house.clock.now_ms())
    assert flagged() == 0
