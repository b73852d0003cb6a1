"""The fleet: the same seed gives the same bytes, what is planted is what arrives, and trips are believable."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pytest

from coldchain.domain.quantity import ms_from_iso
from coldchain.domain.reading import shard_of
from sensors.fleet.fleet import Fleet
from sensors.fleet.itinerary import TOP_SPEED_M_S
from sensors.fleet.life import Sent
from sensors.fleet.route import Point, distance_m
from sensors.fleet.truth import LABEL_RANGES, Watch

END_MS = 1_795_363_200_000  # 2026-11-22T16:00Z
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
# Own error of a channel (3 × 0.06), noise (5 × 0.12 of the coarsest model), half of the coarsest resolution.
SENSOR_ERROR_C = 0.18 + 0.6 + 0.05


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet.of(7, END_MS)


@pytest.fixture(scope="module")
def arrived(fleet: Fleet) -> list[Sent]:
    return list(fleet.messages(fleet.start_ms, END_MS))


def messages(sent: Sent) -> list[dict]:
    found = json.loads(sent.payload)
    return found if isinstance(found, list) else [found]


def readings(arrived: list[Sent]) -> Iterator[tuple[Sent, dict, str, dict]]:
    for sent in arrived:
        for message in messages(sent):
            for reading in message["readings"]:
                yield sent, message, reading.get("channel", "internal"), reading


def digest(arrived: list[Sent]) -> str:
    found = hashlib.sha256()
    for sent in arrived:
        found.update(f"{sent.arrival_ms} {sent.topic} ".encode() + sent.payload)
    return found.hexdigest()


def test_another_process_makes_the_same_bytes() -> None:
    program = (
        "import hashlib; from sensors.fleet.fleet import Fleet\n"
        f"fleet = Fleet.of(11, {END_MS}, days=4); found = hashlib.sha256()\n"
        f"for s in fleet.messages(fleet.start_ms, {END_MS}):\n"
        "    found.update(f'{s.arrival_ms} {s.topic} '.encode() + s.payload)\n"
        "print(found.hexdigest())"
    )
    elsewhere = {**os.environ, "PYTHONHASHSEED": "123", "TZ": "Pacific/Auckland"}
    printed = subprocess.run([sys.executable, "-c", program], env=elsewhere, capture_output=True, text=True, check=True)
    here = Fleet.of(11, END_MS, days=4)
    assert printed.stdout.strip() == digest(list(here.messages(here.start_ms, END_MS)))


def test_another_seed_makes_another_fleet() -> None:
    one, other = Fleet.of(1, END_MS, days=4), Fleet.of(2, END_MS, days=4)
    assert digest(list(one.messages(one.start_ms, END_MS))) != digest(list(other.messages(other.start_ms, END_MS)))


def test_reading_in_small_steps_gives_what_one_step_gives() -> None:
    whole, stepped = Fleet.of(5, END_MS, days=5), Fleet.of(5, END_MS, days=5)
    steps = [*range(whole.start_ms, END_MS, 7_777_777), END_MS]
    in_steps = [sent for a, b in pairwise(steps) for sent in stepped.messages(a, b)]
    assert in_steps == list(whole.messages(whole.start_ms, END_MS))


def test_the_live_start_does_not_change_the_history() -> None:
    soon, late = Fleet.of(5, END_MS, days=5), Fleet.of(5, END_MS, days=5, live_start_ms=END_MS + HOUR_MS)
    assert list(soon.messages(soon.start_ms, END_MS)) == list(late.messages(late.start_ms, END_MS))
    assert [s.reference for s in soon.shipments] == [s.reference for s in late.shipments]


def test_the_fleet_is_as_large_as_a_small_shippers(fleet: Fleet, arrived: list[Sent]) -> None:
    states = Counter(shipment.state_at(END_MS) for shipment in fleet.shipments)
    assert 10 <= states["in_transit"] <= 14
    assert 45 <= states["arrived"] + states["closed"] <= 60
    assert states["planned"] >= 2
    assert len(fleet.stores) == 5
    assert 30_000 < sum(1 for _ in readings(arrived)) < 150_000
    assert len({shipment.reference for shipment in fleet.shipments}) == len(fleet.shipments)


def test_arrivals_are_in_order_and_inside_the_period_asked_for(fleet: Fleet, arrived: list[Sent]) -> None:
    times = [sent.arrival_ms for sent in arrived]
    assert times == sorted(times)
    assert fleet.start_ms <= times[0] <= times[-1] < END_MS


def test_loggers_serve_several_shipments_but_never_two_at_once(fleet: Fleet) -> None:
    served = defaultdict(list)
    for subject in (*fleet.shipments, *fleet.stores):
        for binding in subject.bindings:
            served[binding.logger].append((binding.from_ms, binding.to_ms or END_MS + 30 * DAY_MS))
    assert max(len(periods) for periods in served.values()) >= 3
    for periods in served.values():
        for (_, until), (following, _) in pairwise(sorted(periods)):
            assert until <= following
    assert {logger.id for logger in fleet.loggers} == set(served)


def test_every_message_lies_within_a_binding_of_its_logger(fleet: Fleet, arrived: list[Sent]) -> None:
    periods = defaultdict(list)
    for subject in (*fleet.shipments, *fleet.stores):
        for binding in subject.bindings:
            periods[binding.logger].append((binding.from_ms, binding.to_ms or END_MS + 30 * DAY_MS))
    for sent, _, _, reading in readings(arrived):
        stamp = ms_from_iso(reading["ts"])
        if stamp > END_MS - 60 * DAY_MS:  # not from a clock that is unset
            assert any(a - 30_000 <= stamp <= b + 30_000 for a, b in periods[sent.logger])


def test_numbers_of_messages_have_no_hole_and_repeats_are_byte_for_byte(arrived: list[Sent]) -> None:
    seen: dict[tuple[str, int, int], dict] = {}
    repeats = 0
    for sent in arrived:
        for message in messages(sent):
            key = (sent.logger, message["boot"], message["seq"])
            repeats += key in seen
            assert seen.setdefault(key, message) == message
    assert 0.001 < repeats / len(seen) < 0.02
    by_boot = defaultdict(set)
    for logger, boot, seq in seen:
        by_boot[logger, boot].add(seq)
    holes = {key for key, seqs in by_boot.items() if seqs != set(range(len(seqs)))}
    # Only a container's logger forgets: an ocean is longer than its memory; and what is still out has no hole yet.
    models = Counter(key[0] for key in holes)
    assert len(models) <= 1


def test_late_messages_are_backfill_from_flights_and_holes_in_the_network(arrived: list[Sent]) -> None:
    ages = [
        sent.arrival_ms - ms_from_iso(reading["ts"])
        for sent, _, _, reading in readings(arrived)
        if not reading["ts"].startswith("1970")
    ]
    assert min(ages) > -30_000
    prompt = sum(age < 60_000 for age in ages) / len(ages)
    assert 0.7 < prompt < 0.98
    assert max(ages) > 6 * HOUR_MS


def test_both_forms_of_the_topic_are_used_with_the_right_shard(arrived: list[Sent]) -> None:
    forms = {sent.topic.count("/"): sent for sent in arrived}
    assert set(forms) == {2, 5}
    assert forms[2].topic == f"cc/{forms[2].logger}/up"
    assert forms[5].topic == f"cc/v1/main/{shard_of(forms[5].logger)}/{forms[5].logger}/up"


def test_one_shipment_in_ten_or_so_has_an_excursion_and_each_has_a_cause(fleet: Fleet) -> None:
    truths = fleet.truth(END_MS)
    shipments = {shipment.reference for shipment in fleet.shipments}
    suffered = {truth.subject for truth in truths if truth.outside} & shipments
    assert 0.07 <= len(suffered) / len(shipments) <= 0.18
    assert all(truth.happenings for truth in truths if truth.outside)
    kinds = {happening.kind for truth in truths for happening in truth.happenings}
    assert {"door_left_open", "set_point", "cooling_failure", "ramp_sun", "coolant_exhausted", "freezing_packs",
            "silent", "probe_fault", "clock_reset"} <= kinds  # fmt: skip
    assert {outside.direction for truth in truths for outside in truth.outside} == {"high", "low"}


@pytest.mark.parametrize("seed", [1, 2, 11])
@pytest.mark.parametrize("months_ago", [0, 4, 8])
def test_excursions_never_happen_without_a_cause_whatever_seed_and_season(seed: int, months_ago: int) -> None:
    end_ms = END_MS - months_ago * 30 * DAY_MS
    truths = Fleet.of(seed, end_ms, days=10).truth(end_ms)
    assert any(truth.outside for truth in truths)
    assert [truth for truth in truths if truth.outside and not truth.happenings] == []


def test_what_is_measured_agrees_with_the_planted_truth(fleet: Fleet, arrived: list[Sent]) -> None:
    """Well inside a planted interval readings are out, well outside it they are in, but for the sensor's error."""
    planted = {}
    for truth in fleet.truth(END_MS):
        for shipment_from, shipment_to in _periods(fleet, truth.subject, truth.logger):
            planted[truth.logger, shipment_from, shipment_to] = truth
    checked = Counter()
    for sent, _, channel, reading in readings(arrived):
        stamp, celsius = ms_from_iso(reading["ts"]), reading["values"]["temperature_c"]
        truth = next((t for (g, a, b), t in planted.items() if g == sent.logger and a <= stamp < b), None)
        if truth is None or celsius is None:
            continue
        low_c, high_c = LABEL_RANGES[truth.product_profile]
        spans = [o for o in truth.outside if o.channel == channel and o.onset_ms <= stamp <= (o.end_ms or END_MS)]
        for outside in spans:
            if outside.direction == "high":
                assert high_c - SENSOR_ERROR_C < celsius < outside.peak_c + SENSOR_ERROR_C
            else:
                assert outside.peak_c - SENSOR_ERROR_C < celsius < low_c + SENSOR_ERROR_C
        near = any(o.onset_ms - MINUTE_MS < stamp < (o.end_ms or END_MS) + MINUTE_MS for o in truth.outside)
        if not spans and not near:
            assert high_c is None or celsius < high_c + SENSOR_ERROR_C
            assert low_c is None or celsius > low_c - SENSOR_ERROR_C
        checked["out" if spans else "in"] += 1
    assert checked["out"] > 100
    assert checked["in"] > 20_000


def _periods(fleet: Fleet, subject: str, logger: str) -> list[tuple[int, int]]:
    return [
        (binding.from_ms, binding.to_ms or END_MS)
        for described in (*fleet.shipments, *fleet.stores)
        for binding in described.bindings
        if binding.logger == logger and subject in (getattr(described, "reference", ""), getattr(described, "name", ""))
    ]


def test_probe_faults_and_silences_arrive_as_planted(fleet: Fleet, arrived: list[Sent]) -> None:
    truths = fleet.truth(END_MS)
    [fault] = [interval for truth in truths for interval in truth.probe_faults]
    faulty = [ms_from_iso(r["ts"]) for _, _, _, r in readings(arrived) if r.get("fault") == "probe_open"]
    assert faulty
    assert all(fault.from_ms - 30_000 <= stamp <= fault.to_ms + 30_000 for stamp in faulty)
    [(silent, interval)] = [(truth.logger, i) for truth in truths for i in truth.silences]
    heard = [ms_from_iso(r["ts"]) for s, _, _, r in readings(arrived) if s.logger == silent]
    assert not [stamp for stamp in heard if interval.from_ms + 30_000 < stamp < interval.to_ms - 30_000]


def test_one_logger_lost_its_clock_for_a_while(arrived: list[Sent]) -> None:
    unset = {sent.logger for sent, _, _, reading in readings(arrived) if reading["ts"].startswith("1970")}
    assert len(unset) == 1


def test_no_shipment_jumps_faster_than_its_vehicle(arrived: list[Sent]) -> None:
    tracks = defaultdict(list)
    for sent in arrived:
        for message in messages(sent):
            if "position" in message and not message["position"]["ts"].startswith("1970"):
                fix = message["position"]
                tracks[sent.logger, message["boot"]].append((ms_from_iso(fix["ts"]), Point(fix["lat"], fix["lon"])))
    assert len(tracks) > 40
    for track in tracks.values():
        for (before_ms, before), (after_ms, after) in pairwise(sorted(track)):
            if after_ms == before_ms:
                continue
            apart_m = distance_m(before, after)
            by_air = after_ms - before_ms > HOUR_MS and apart_m > 300_000
            top = TOP_SPEED_M_S["air" if by_air else "road"]
            assert apart_m < 60.0 + top * (after_ms - before_ms) / 1000


def test_gtins_have_their_check_digit_and_belong_to_nobody(fleet: Fleet) -> None:
    for shipment in fleet.shipments:
        for batch in shipment.batches:
            digits = [int(digit) for digit in batch.gtin]
            assert len(digits) == 14
            assert sum(d * (3 if place % 2 == 0 else 1) for place, d in enumerate(digits)) % 10 == 0
            assert batch.gtin.startswith("0952")


def test_shipments_of_some_weeks_share_their_products_batches(fleet: Fleet) -> None:
    carried: dict[tuple[str, str], set[str]] = {}
    for shipment in fleet.shipments:
        for batch in shipment.batches:
            carried.setdefault((batch.gtin, batch.batch), set()).add(shipment.reference)
    assert max(len(references) for references in carried.values()) >= 3
    assert len({number for _, number in carried}) == len(carried)


def test_certificates_are_valid_at_the_anchor_and_a_year_long(fleet: Fleet) -> None:
    for logger in fleet.loggers:
        assert logger.calibrated_ms < END_MS < logger.due_ms
        assert logger.due_ms - logger.calibrated_ms == 365 * DAY_MS


def test_the_live_excursion_is_plain_to_see_within_a_minute_and_a_half() -> None:
    for seed, end_ms in ((7, END_MS), (20_260_105, END_MS - 200 * DAY_MS), (3, END_MS - 90 * DAY_MS + 9 * HOUR_MS)):
        live_ms = end_ms + 45_000
        fleet = Fleet.of(seed, end_ms, days=4, live_start_ms=live_ms)
        shipment = next(s for s in fleet.shipments if s.reference == fleet.live_shipment)
        [binding] = shipment.bindings
        until_ms = live_ms + 20 * MINUTE_MS
        arrived = [s for s in fleet.messages(live_ms - HOUR_MS, until_ms) if s.logger == binding.logger]
        air = [(s.arrival_ms, r["values"]["temperature_c"]) for s, _, c, r in readings(arrived) if c == "internal"]
        assert all(2.0 < celsius < 8.0 for at_ms, celsius in air if at_ms < live_ms + 20_000)
        assert next(at_ms for at_ms, celsius in air if celsius > 8.0) < live_ms + 60_000
        # Twice at 15 °C or more: what the shipped alarm profile calls critical, without waiting.
        assert sorted(at_ms for at_ms, celsius in air if celsius >= 15.0)[1] < live_ms + 120_000
        assert air[-1][1] < 8.0
        [opened] = [o for t in fleet.truth(until_ms) if t.subject == fleet.live_shipment for o in t.outside]
        assert opened.onset_ms >= live_ms + 20_000


def test_other_mishaps_follow_while_somebody_watches() -> None:
    fleet = Fleet.of(7, END_MS, days=4)
    later = END_MS + 6 * HOUR_MS
    live = [o for truth in fleet.truth(later) for o in truth.outside if o.onset_ms > END_MS]
    assert len({o.onset_ms // (30 * MINUTE_MS) for o in live}) >= 4


def test_a_driver_of_the_history_is_told_where_to_step_finely(fleet: Fleet) -> None:
    moments = fleet.interesting_ms
    assert 50 < len(moments) < 1000
    assert list(moments) == sorted(set(moments))
    for truth in fleet.truth(END_MS):
        for outside in truth.outside:
            assert any(outside.onset_ms <= moment <= outside.onset_ms + 6 * MINUTE_MS for moment in moments)


def test_the_watch_interpolates_its_crossings_and_keeps_the_peak() -> None:
    watch = Watch("internal", 2.0, 8.0)
    for minute, celsius in enumerate((7.0, 9.0, 12.0, 6.0, 1.0, 3.0)):
        watch.feed(minute * MINUTE_MS, celsius)
    high, low = watch.outside
    assert (high.direction, high.onset_ms, high.end_ms, high.peak_c) == ("high", 30_000, 160_000, 12.0)
    assert (low.direction, low.onset_ms, low.end_ms, low.peak_c) == ("low", 228_000, 270_000, 1.0)


def test_a_watch_tells_an_open_interval_from_one_whose_logger_was_taken_off() -> None:
    watch = Watch("internal", None, 25.0)
    watch.feed(0, 26.0)
    watch.feed(1000, 27.0)
    assert watch.outside[0].end_ms is None
    watch.end()
    assert watch.outside[0].end_ms == 1000
