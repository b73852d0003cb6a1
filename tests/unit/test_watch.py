"""What the product watches of itself: each kind of trouble is raised by its cause, said once, and over in time."""

import datetime
import os
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from alert_cast import ALICE, NOON
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from engine_house import House, sample
from sqlalchemy import select, update

from alerts import watch_work
from alerts.canary_watch import CanaryWatch
from alerts.watch import Check, Event, Watchman
from alerts.watch_machine import Backups, Certificate, Disk, Steps
from alerts.watch_work import Lag, Role, Trail
from coldchain import audit
from coldchain.clock import HandClock
from coldchain.domain.finding import Severity
from coldchain.pulse import Pulse, expect
from coldchain.registry import canary, signals
from coldchain.registry.schema import alarm, delivery_attempt, outbox, sign_in_attempt, signal
from coldchain.registry.schema import audit as audit_table
from coldchain.registry.store import new_id
from compliance.trouble import SEVERITIES
from ingest.flood import Rates

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
LATE = 114_000  # of a canary that is sent every minute: it is told within two


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "state", NOON)
    yield made
    made.close()


def watchman(house: House, *checks: Check, role: str = "ingest") -> Watchman:
    return Watchman(house.registry, role, checks, house.clock)


def open_kinds(house: House) -> list[tuple[str, str]]:
    with house.registry.read() as connection:
        rows = connection.execute(select(signal).where(signal.c.cleared_ms.is_(None)).order_by(signal.c.id))
        return [(row.kind, row.detail) for row in rows]


def test_trouble_becomes_an_alarm_with_its_first_words_and_ends_with_the_trouble(house: House) -> None:
    said: list[str | None] = ["12 % free", "11 % free", None]
    watch = watchman(house, Check("storage", 1.0, lambda: said.pop(0)))
    for _ in range(2):
        watch.turn()
        house.clock.advance(2000)
    assert open_kinds(house) == [("storage", "12 % free")]
    house.settle()
    watch.turn()
    house.settle()
    with house.registry.read() as connection:
        row = connection.execute(select(alarm).where(alarm.c.cause == "storage")).one()
    assert (row.condition, row.severity, row.channel, row.rules) == ("returned", 3, "ingest", ["12 % free"])


def test_a_check_that_cannot_be_made_changes_nothing_and_the_others_are_made(house: House) -> None:
    def broken() -> str | None:
        raise PermissionError("/proc")

    states = iter(["full", "full"])
    watch = watchman(house, Check("disk", 1.0, lambda: next(states)), Check("backup", 1.0, broken))
    watch.turn()
    assert open_kinds(house) == [("disk", "full")]


def test_what_was_open_before_a_restart_is_closed_by_the_next_watchman(house: House) -> None:
    watchman(house, Check("disk", 1.0, lambda: "full")).turn()
    watchman(house, Check("disk", 1.0, lambda: "still full")).turn()
    assert open_kinds(house) == [("disk", "full")]
    watchman(house, Check("disk", 1.0, lambda: None)).turn()
    assert open_kinds(house) == []


def test_one_role_does_not_close_what_another_has_found(house: House) -> None:
    watchman(house, Check("disk", 1.0, lambda: "full"), role="ingest").turn()
    watchman(house, Check("disk", 1.0, lambda: None), role="engine").turn()
    assert open_kinds(house) == [("disk", "full")]


def test_an_event_is_reported_once_an_hour(house: House) -> None:
    events = [Event("security", "x"), Event("security", "x")]
    watch = Watchman(house.registry, "ingest", (), house.clock, lambda: events)
    watch.turn()
    watch.turn()
    with house.registry.read() as connection:
        assert len(list(connection.execute(select(signal)))) == 1


def test_a_disk_is_low_under_15_percent_and_well_again_at_16(tmp_path: Path) -> None:
    free = [200, 149, 155, 160, 155]
    disk = Disk(tmp_path, lambda _: (1000, 0, free.pop(0)))
    assert [disk.look() is not None for _ in range(5)] == [False, True, True, False, False]


@pytest.mark.parametrize(("step_ms", "words"), [(3_600_000, "put forward by 3600 s"), (-5000, "put back by 5 s")])
def test_a_step_of_the_clock_is_seen_and_a_slow_night_is_none(step_ms: int, words: str) -> None:
    clock = HandClock(NOON)
    steps = Steps(clock)
    clock.advance(8 * HOUR)
    assert steps.events() == []
    clock.set(clock.now_ms() + step_ms)
    [event] = steps.events()
    assert words in event.detail
    assert steps.events() == []


def certificate(folder: Path, days: int) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cold.example.org")])
    start = datetime.datetime.fromtimestamp(NOON / 1000, tz=datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(start - datetime.timedelta(days=90))
        .not_valid_after(start + datetime.timedelta(days=days)).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "cert.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(("days", "words"), [(22, None), (20, "expires at"), (-1, "has expired at")])
def test_a_certificate_is_told_of_three_weeks_before_its_end(tmp_path: Path, days: int, words: str | None) -> None:
    said = Certificate(certificate(tmp_path, days), HandClock(NOON)).look()
    assert said is None if words is None else words in str(said)


def test_a_backup_older_than_26_hours_or_none_at_all_is_told_of(tmp_path: Path) -> None:
    backups = Backups(tmp_path / "backups", HandClock(NOON))
    assert "there is no backup" in str(backups.look())
    (tmp_path / "backups").mkdir()
    copy = tmp_path / "backups" / "monday.tar"
    copy.write_bytes(b"")
    for hours, told in ((25, False), (27, True)):
        os.utime(copy, (NOON / 1000 - hours * 3600,) * 2)
        assert (backups.look() is not None) is told


def test_the_engine_is_behind_when_what_was_committed_a_minute_ago_is_not_judged(house: House) -> None:
    lag = Lag(house.journal, house.registry, house.clock)
    house.settle()
    assert lag.look() is None
    house.send(sample(1, 5.0))
    assert lag.look() is None
    house.clock.advance(61_000)
    house.send(sample(2, 5.0))
    assert "wait to be judged" in str(lag.look())
    house.settle()
    assert lag.look() is None


def test_an_engine_that_keeps_pace_with_a_steady_stream_is_never_behind(house: House) -> None:
    lag = Lag(house.journal, house.registry, house.clock)
    for number in range(30):
        house.send(sample(number, 5.0))
        assert lag.look() is None
        house.clock.advance(10_000)
        house.settle()


def test_a_role_that_stands_still_is_told_of_after_a_minute_and_one_that_was_never_meant_to_run_is_not(
    tmp_path: Path,
) -> None:
    clock = HandClock(NOON)
    role = Role(tmp_path, "ingest", clock)
    assert role.look() is None
    Pulse(tmp_path, "ingest", clock).beat()
    clock.advance(16_000)
    assert role.look() is None
    clock.advance(45_000)
    assert "silent since" in str(role.look())
    Pulse(tmp_path, "ingest", clock).beat()
    assert role.look() is None
    expect(tmp_path, ("ingest",))
    Pulse(tmp_path, "ingest", clock).stop()
    assert role.look() is None
    clock.advance(46_000)
    assert role.look() == "ingest: is not running"


def queued(house: House, channel: str, created_ms: int, state: str, **values: object) -> str:
    with house.registry.write() as connection:
        hidden = connection.execute(select(alarm.c.id)).scalars().first()
        if hidden is None:
            hidden = new_id()
            rest = {"rules": [], "excursions": [], "suppression": "none", "quality": "good", "cause": "high"}
            times = {"onset_ms": NOON, "changed_ms": NOON, "raised_ms": NOON}
            connection.execute(alarm.insert().values(id=hidden, condition="active", severity=3, **rest, **times))
        id_ = new_id()
        row = {"alarm": hidden, "occasion": created_ms % 2**31, "step": 0, "recipient": ALICE, "channel": channel}
        made = {"created_ms": created_ms, "next_due_ms": created_ms, "content": {}, "address": "", "reason": "raised"}
        connection.execute(outbox.insert().values(id=id_, **{**row, **made, "state": state, **values}))
        return id_


def tried(house: House, row: str, at_ms: int) -> None:
    with house.registry.write() as connection:
        connection.execute(delivery_attempt.insert().values(outbox=row, started_ms=at_ms))


def asked(house: House, question: object, now_ms: int) -> str | None:
    with house.registry.read() as connection:
        said: str | None = question(connection, now_ms)  # type: ignore[operator]
        return said


def test_a_message_that_waits_for_a_minute_is_told_of_and_one_that_may_wait_is_not(house: House) -> None:
    queued(house, "email", NOON, "accepted", accepted_ms=NOON + 1)
    queued(house, "email", NOON - 1, "queued", next_due_ms=NOON + HOUR)
    queued(house, "canary", NOON - 2, "queued")
    assert asked(house, watch_work.overdue, NOON + 2 * MINUTE) is None
    row = queued(house, "sms", NOON - 3, "failed_temporary", next_due_ms=NOON + HOUR)
    tried(house, row, NOON)
    assert asked(house, watch_work.overdue, NOON + MINUTE) is None
    assert "has not left" in str(asked(house, watch_work.overdue, NOON + MINUTE + 1))


def test_what_waited_while_nobody_worked_is_no_failure_until_a_minute_of_work_or_where_it_stood(house: House) -> None:
    row = queued(house, "email", NOON, "failed_temporary", next_due_ms=NOON + HOUR)
    tried(house, row, NOON)
    back = NOON + HOUR
    clock = HandClock(back)
    for kind, question in (("no_channel", watch_work.no_channel), ("outbox_overdue", watch_work.overdue)):
        restarted = watch_work.Settled(kind, question, clock)
        if kind == "outbox_overdue":
            queued(house, "sms", NOON + 1, "accepted", accepted_ms=NOON + MINUTE)
        assert asked(house, restarted, back) is None
        assert asked(house, question, back) is not None
        clock.advance(MINUTE)
        assert asked(house, restarted, back + MINUTE) is not None
        with house.registry.write() as connection:
            signals.hold(connection, role="notifier", kind=kind, detail="it stood", now_ms=back)
        assert asked(house, watch_work.Settled(kind, question, clock), back) is not None


def test_no_channel_works_when_nothing_was_taken_for_a_minute_that_should_have_been(house: House) -> None:
    queued(house, "email", NOON - HOUR, "accepted", accepted_ms=NOON - HOUR)
    for channel in ("email", "sms"):
        row = queued(house, channel, NOON, "failed_temporary", next_due_ms=NOON + 5 * MINUTE)
        tried(house, row, NOON)
    assert asked(house, watch_work.no_channel, NOON + MINUTE) is None
    assert "every channel fails" in str(asked(house, watch_work.no_channel, NOON + MINUTE + 1))
    assert asked(house, watch_work.overdue, NOON + MINUTE + 1) is None  # the other alarm says more
    queued(house, "webhook", NOON + 1, "accepted", accepted_ms=NOON + 2 * MINUTE)
    assert asked(house, watch_work.no_channel, NOON + 3 * MINUTE) is None


def test_no_channel_works_either_where_every_address_refused_an_alarm_for_good(house: House) -> None:
    queued(house, "email", NOON - 1, "accepted", accepted_ms=NOON - 1)
    house_alarm = queued(house, "email", NOON, "failed_permanent", next_due_ms=None)
    assert asked(house, watch_work.no_channel, NOON + 3 * MINUTE) is None  # it has reached somebody
    with house.registry.write() as connection:
        other = new_id()
        row = connection.execute(select(alarm)).one()
        connection.execute(alarm.insert().values(**{**row._mapping, "id": other}))
        connection.execute(update(outbox).where(outbox.c.id == house_alarm).values(alarm=other))
    assert asked(house, watch_work.no_channel, NOON + MINUTE) is None
    assert "every channel fails" in str(asked(house, watch_work.no_channel, NOON + MINUTE + 1))
    for change in ({"acknowledged_ms": NOON}, {"condition": "returned"}, {"suppression": "shelved"}, {"severity": 1}):
        with house.registry.write() as connection:
            connection.execute(update(alarm).where(alarm.c.id == other).values(**change))
        assert asked(house, watch_work.no_channel, NOON + 3 * MINUTE) is None
        with house.registry.write() as connection:
            back = {"acknowledged_ms": None, "condition": "active", "suppression": "none", "severity": 3}
            connection.execute(update(alarm).where(alarm.c.id == other).values(**back))
    queued(house, "sms", NOON + 2, "accepted", accepted_ms=NOON + 2 * MINUTE)
    assert asked(house, watch_work.no_channel, NOON + 3 * MINUTE) is None


@pytest.mark.parametrize(("accounts", "tries", "words"), [(1, 20, "for 0@x"), (100, 1, "many accounts"), (1, 5, None)])
def test_somebody_who_tries_passwords_is_a_security_event(
    house: House, accounts: int, tries: int, words: str | None
) -> None:
    with house.registry.write() as connection:
        rows = [{"email": f"{n}@x", "at_ms": NOON, "succeeded": False} for n in range(accounts) for _ in range(tries)]
        connection.execute(sign_in_attempt.insert(), rows)
    with house.registry.read() as connection:
        events = watch_work.guessing(connection, NOON + MINUTE)
    assert [str(words) in event.detail for event in events] == ([True] if words else [])


def entry(house: House, number: int) -> int:
    with house.registry.write() as connection:
        return audit.record(connection, at_ms=NOON, who="alice", action="test", kind="thing", id=str(number))


def test_the_trail_is_checked_daily_by_what_is_new_and_weekly_from_its_beginning(house: House) -> None:
    trail = Trail(house.registry, house.clock)
    for number in range(10):
        entry(house, number)
    assert trail.look() is None
    last = entry(house, 10)
    with house.registry.write() as connection:
        connection.execute(update(audit_table).where(audit_table.c.number == last).values(who="mallory"))
    assert trail.look() is None  # checked within the day
    house.clock.advance(DAY)
    assert trail.look() == f"entry {last} of the audit trail: its content was changed"
    house.clock.advance(60_000)
    assert f"entry {last}" in str(trail.look())


@pytest.mark.parametrize(("change", "words"), [("cut", "it is not what it was"), ("old", "entry 3")])
def test_a_trail_that_was_cut_off_or_rewritten_is_noticed(house: House, change: str, words: str) -> None:
    trail = Trail(house.registry, house.clock)
    for number in range(10):
        entry(house, number)
    assert trail.look() is None
    with house.registry.write() as connection:
        if change == "cut":
            connection.execute(audit_table.delete().where(audit_table.c.number > 5))
        else:
            connection.execute(update(audit_table).where(audit_table.c.number == 3).values(who="mallory"))
    house.clock.advance(DAY if change == "cut" else 7 * DAY)
    assert words in str(trail.look())


def canaries_missing(house: House, watch: CanaryWatch) -> str | None:
    with house.registry.read() as connection:
        return watch.missing(connection)


def passes(house: House, occasion: int) -> None:
    """A canary comes out at the end of the outbox now."""
    from coldchain.domain.canary import recipient

    now_ms = house.clock.now_ms()
    more = {"recipient": recipient("listener"), "occasion": occasion, "accepted_ms": now_ms}
    queued(house, "canary", now_ms, "accepted", **more)


def expected(house: House, *roads: str) -> CanaryWatch:
    with house.registry.write() as connection:
        canary.expect(connection, roads, 60.0, house.clock.now_ms())
    return CanaryWatch(house.clock)


def test_a_canary_is_missing_before_two_of_its_intervals_are_over_on_any_road(house: House) -> None:
    assert canaries_missing(house, CanaryWatch(house.clock)) is None
    watch = expected(house, "listener")
    house.clock.advance(LATE)
    assert canaries_missing(house, watch) is None
    house.clock.advance(1000)
    assert "listener (since 2026-11-22T12:00:00.000Z)" in str(canaries_missing(house, watch))
    passes(house, 1)
    assert canaries_missing(house, watch) is None
    house.clock.advance(LATE)
    assert canaries_missing(house, watch) is None
    house.clock.advance(1000)
    assert canaries_missing(house, watch) is not None
    assert canaries_missing(house, CanaryWatch(house.clock)) is not None  # also for who looks for the first time
    watch = expected(house, "listener", "broker")
    passes(house, 2)
    house.clock.advance(LATE + 1000)
    passes(house, 3)
    assert "broker" in str(canaries_missing(house, watch))
    assert "listener" not in str(canaries_missing(house, watch))


@pytest.mark.parametrize("restarted", [False, True], ids=["in one run", "restarted"])
@pytest.mark.parametrize("step", [-HOUR, HOUR], ids=["back", "forward"])
def test_a_clock_that_was_moved_makes_no_canary_late_and_hides_none(house: House, step: int, restarted: bool) -> None:
    watch = expected(house, "listener")
    passes(house, 1)
    assert canaries_missing(house, watch) is None
    house.clock.advance(30_000)
    house.clock.set(house.clock.now_ms() + step)
    if restarted:
        watch = expected(house, "listener")  # by who was started first; nobody has passed a new one yet
        if step > 0:
            passes(house, 2)  # an old time of day in a later one: nobody can tell how old it really is
    assert canaries_missing(house, watch) is None
    house.clock.advance(LATE if restarted else LATE - 30_000)
    assert canaries_missing(house, watch) is None
    house.clock.advance(1000)
    assert canaries_missing(house, watch) is not None
    passes(house, 3)
    assert canaries_missing(house, watch) is None


def test_a_sender_is_noisy_after_a_whole_minute_and_one_that_catches_up_is_not() -> None:
    from coldchain.domain.message import Outcome, Receipt

    clock = HandClock(NOON)
    rates = Rates(clock)
    backlog = [Receipt(Outcome.READINGS, "BACK-1", n) for n in range(10_000)]
    rates.heard(backlog)
    for _ in range(6):
        rates.heard([Receipt(Outcome.READINGS, "LOUD-1", n) for n in range(2000)])
        rates.heard([Receipt(Outcome.READINGS, "LG-1", 1)])
        assert rates.noisy() is None
        clock.advance(10_000)
    assert rates.noisy() == "LOUD-1 sends 200 messages per second"
    clock.advance(20_000)
    assert rates.noisy() is None


def test_every_kind_has_words_and_advice_in_every_language_and_severities_name_known_kinds() -> None:
    tables = [
        tomllib.loads((files("alerts") / "language" / f"{language}.toml").read_text("utf-8"))
        for language in ("en", "de")
    ]
    for table in tables:
        kinds = table["cause"].keys() - {"humidity_high", "humidity_low", "rate"}
        assert kinds <= table["action"].keys()
        assert table["cause"].keys() >= SEVERITIES.keys()
    assert SEVERITIES["no_channel"] is Severity.CRITICAL


def test_a_number_that_a_watcher_compares_with_outlives_it(house: House) -> None:
    with house.registry.write() as connection:
        assert signals.remembered(connection, "x") == 0
        signals.remember(connection, "x", 7)
        assert signals.remembered(connection, "x") == 7
