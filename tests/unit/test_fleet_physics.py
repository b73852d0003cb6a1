"""The simulated boxes and rooms obey the lumped model they claim: within 2 % of the analytic solution."""

import math

import pytest

from sensors.fleet.active import Compartment, CompartmentDesign
from sensors.fleet.equipment import KINDS, compartment, parcel
from sensors.fleet.passive import BoxDesign, PassiveBox
from sensors.fleet.physics import (
    DRY_ICE_SUBLIMATION_J_KG,
    WATER_FUSION_J_KG,
    TwoNode,
    relative_humidity_pct,
    saturation_hpa,
)

AMBIENT = 30.0


def reaches(state, celsius: float, read, *, step_s: float, ambient_c: float = AMBIENT) -> float:
    """Seconds until `read(state)` passes `celsius`, by a straight line inside the last step."""
    elapsed, before = 0.0, read(state)
    while True:
        state.advance(step_s, ambient_c)
        now = read(state)
        elapsed += step_s
        if now >= celsius:
            return elapsed - step_s * (now - celsius) / (now - before)
        before = now
        assert elapsed < 1e8


@pytest.mark.parametrize("step_s", [1.0, 60.0, 900.0, 7200.0])
def test_a_box_without_packs_follows_the_step_response_of_one_capacity(step_s: float) -> None:
    # Tight coupling makes one lump of packs and payload: T = Ta + (T0 - Ta)·exp(-t·UA/C).
    design = BoxDesign(
        payload_j_k=60_000.0, pack_solid_j_k=100.0, pack_liquid_j_k=100.0, latent_j=1.0, melts_at_c=-50.0,
        ua_packs=0.0, ua_payload=1.5, coupling=500.0, pack_share=0.0,
    )  # fmt: skip
    box = PassiveBox(design, packs_c=5.0, payload_c=5.0, melted=1.0)
    tau_s = 60_100.0 / 1.5
    box_c = AMBIENT + (5.0 - AMBIENT) * math.exp(-1.0)
    measured = reaches(box, box_c, lambda b: b.product_c, step_s=step_s)
    assert measured == pytest.approx(tau_s, rel=0.02)


@pytest.mark.parametrize("step_s", [10.0, 300.0, 3600.0])
def test_the_hold_over_of_a_pack_box_is_its_latent_heat_over_its_leak(step_s: float) -> None:
    ice_kg, ua = 12.0, 0.9
    design = BoxDesign(
        payload_j_k=40_000.0, pack_solid_j_k=25_000.0, pack_liquid_j_k=50_000.0, latent_j=ice_kg * WATER_FUSION_J_KG,
        melts_at_c=0.0, ua_packs=ua, ua_payload=0.0, coupling=6.0,
    )  # fmt: skip
    box = PassiveBox(design, packs_c=0.0, payload_c=0.0)
    lasts_s, elapsed = ice_kg * WATER_FUSION_J_KG / (ua * AMBIENT), 0.0
    while box.phase != "liquid":
        box.advance(step_s, AMBIENT)
        elapsed += step_s
    assert elapsed == pytest.approx(lasts_s, rel=0.02)
    assert design.hold_over_s(AMBIENT) == pytest.approx(lasts_s, rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "ambient_c"), [("pcm-5", 18.0), ("pcm-5", 30.0), ("dry-ice", 18.0), ("dry-ice", 30.0)]
)
def test_the_fleets_own_boxes_hold_as_long_as_their_design_says(kind: str, ambient_c: float) -> None:
    box = parcel(kind)
    design = box.design
    share = design.ua_payload / (design.ua_payload + design.coupling)
    box.product_c = design.melts_at_c + share * (ambient_c - design.melts_at_c)  # settled, as the formula asks
    left = 1.0 - box.melted_j / box.design.latent_j
    elapsed = 0.0
    while box.phase != "liquid":
        box.advance(600.0, ambient_c)
        elapsed += 600.0
    assert elapsed == pytest.approx(left * box.design.hold_over_s(ambient_c), rel=0.02)


def test_a_dry_ice_shipper_sublimes_by_the_heat_that_leaks_in() -> None:
    box = parcel("dry-ice")
    box.product_c = -78.5
    for _ in range(24 * 6):
        box.advance(600.0, -10.0)  # let the payload settle, then weigh what a day takes
    before = box.melted_j
    for _ in range(24 * 6):
        box.advance(600.0, 20.0)
    design, gap = box.design, 20.0 + 78.5
    leak_w = (design.ua_packs + design.ua_payload * design.coupling / (design.ua_payload + design.coupling)) * gap
    kilograms = (box.melted_j - before) / DRY_ICE_SUBLIMATION_J_KG
    assert kilograms == pytest.approx(leak_w * 86_400 / DRY_ICE_SUBLIMATION_J_KG, rel=0.02)
    assert 5.0 < kilograms < 15.0  # what such shippers are known to use a day


def test_phase_changes_inside_a_long_step_are_not_stepped_over() -> None:
    coarse, fine = parcel("pcm-5"), parcel("pcm-5")
    coarse.advance(10 * 86_400.0, 25.0)
    for _ in range(10 * 288):
        fine.advance(300.0, 25.0)
    assert coarse.product_c == pytest.approx(fine.product_c, abs=0.05)
    assert coarse.phase == fine.phase == "liquid"


def test_packs_freeze_again_in_the_cold_and_then_the_payload_follows() -> None:
    box = parcel("pcm-5")
    box.advance(3600.0, 5.5)
    while box.phase == "melting":
        box.advance(600.0, -15.0)
    assert box.phase == "solid"
    box.advance(4 * 86_400.0, -15.0)
    assert box.product_c < 0.0


def test_packs_straight_from_the_freezer_freeze_the_payload_and_conditioned_ones_do_not() -> None:
    raw, conditioned = parcel("pcm-5", freezing=True), parcel("pcm-5")
    coldest_raw = coldest_conditioned = 5.0
    for _ in range(24 * 12):
        raw.advance(300.0, 18.0)
        conditioned.advance(300.0, 18.0)
        coldest_raw, coldest_conditioned = min(coldest_raw, raw.air_c), min(coldest_conditioned, conditioned.air_c)
    assert coldest_raw < -0.5
    assert coldest_conditioned > 4.5


def test_two_nodes_step_exactly_whatever_the_step() -> None:
    network = TwoNode(c1=50_000.0, c2=900_000.0, g1=20.0, g2=3.0, g12=60.0)
    once = network.step(5.0, 6.0, 25.0, 400.0, 7200.0)
    state = (5.0, 6.0)
    for _ in range(7200):
        state = network.step(*state, 25.0, 400.0, 1.0)
    assert state == pytest.approx(once, abs=1e-6)
    assert network.step(5.0, 6.0, 25.0, 400.0, 1e9) == pytest.approx(network.settled(25.0, 400.0), abs=1e-6)


def test_two_nodes_agree_with_a_fine_numerical_integration() -> None:
    c1, c2, g1, g2, g12, heat = 50_000.0, 900_000.0, 20.0, 3.0, 60.0, -300.0
    t1, t2, dt = 8.0, 5.0, 0.5
    for _ in range(int(3600 / dt)):
        t1, t2 = (
            t1 + dt / c1 * (g1 * (25.0 - t1) + g12 * (t2 - t1) + heat),
            t2 + dt / c2 * (g2 * (25.0 - t2) + g12 * (t1 - t2)),
        )
    exact = TwoNode(c1=c1, c2=c2, g1=g1, g2=g2, g12=g12).step(8.0, 5.0, 25.0, heat, 3600.0)
    assert exact == pytest.approx((t1, t2), rel=2e-3)


@pytest.mark.parametrize("kind", ["reefer", "van", "cold_room", "fridge"])
def test_a_room_whose_unit_failed_warms_with_the_slow_time_constant(kind: str) -> None:
    room = compartment(kind)
    slow_s, _ = room.design.closed().time_constants()
    # After the air has settled against the goods, 1/e of the remaining difference takes one slow time constant.
    room.advance(3 * 3600.0, AMBIENT, 10.0, failed=True)
    target = AMBIENT - (AMBIENT - room.product_c) / math.e
    elapsed, before = 0.0, room.product_c
    while room.product_c < target:
        before = room.product_c
        room.advance(120.0, AMBIENT, 10.0, failed=True)
        elapsed += 120.0
    elapsed -= 120.0 * (room.product_c - target) / (room.product_c - before)
    assert elapsed == pytest.approx(slow_s, rel=0.02)


def test_an_open_door_warms_the_air_as_its_exchange_of_air_says() -> None:
    design = CompartmentDesign(
        volume_m3=10.0, air_j_k=46_000.0, product_j_k=1.0, ua_wall=14.0, ua_product=1e-6, set_c=5.0, band_c=1.0,
        cooling_w=900.0, door_m3_s=0.5,
    )  # fmt: skip
    room = Compartment(design, air_c=5.0, product_c=5.0)
    for _ in range(30):
        room.advance(10.0, AMBIENT, 20.0, door_open=True, failed=True)
    expected = AMBIENT + (5.0 - AMBIENT) * math.exp(-300.0 * (14.0 + design.door_ua) / 46_000.0)
    assert room.air_c == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("kind", "set_c", "low_c", "high_c", "ambient_c"),
    [
        ("reefer", 5.0, 2.0, 8.0, 32.0), ("reefer", 5.0, 2.0, 8.0, -12.0), ("reefer", -20.0, -25.0, -15.0, 30.0),
        ("reefer", 22.5, 20.0, 25.0, -10.0), ("van", 5.0, 2.0, 8.0, 33.0), ("container", 20.0, 15.0, 25.0, 35.0),
        ("fridge", 4.8, 2.0, 8.0, 22.0), ("cold_room", 4.8, 2.0, 8.0, 22.0), ("freezer", -20.5, -25.0, -15.0, 22.0),
    ],
)  # fmt: skip
def test_a_sound_unit_keeps_its_label_range_for_a_day(
    kind: str, set_c: float, low_c: float, high_c: float, ambient_c: float
) -> None:
    room = compartment(kind, set_c=set_c)
    seen = []
    for _ in range(int(86_400 / room.design.poll_s)):
        room.advance(room.design.poll_s, ambient_c, saturation_hpa(ambient_c) * 0.6)
        seen.append(room.air_c)
    assert low_c < min(seen) < max(seen) < high_c
    assert max(seen) - min(seen) > 0.2  # it cycles: nothing is held by magic


def test_a_defrost_warms_the_air_and_cooling_brings_it_back() -> None:
    room = compartment("cold_room")
    for _ in range(120):
        room.advance(60.0, 20.0, 12.0)
    before = room.air_c
    for _ in range(20):
        room.advance(60.0, 20.0, 12.0, defrosting=True)
    assert before + 0.5 < room.air_c < 8.0
    for _ in range(60):
        room.advance(60.0, 20.0, 12.0)
    assert room.air_c < 5.5


@pytest.mark.parametrize(("celsius", "hpa"), [(0.0, 6.112), (5.0, 8.72), (20.0, 23.37), (30.0, 42.43), (-10.0, 2.86)])
def test_saturation_pressure_agrees_with_the_published_tables(celsius: float, hpa: float) -> None:
    assert saturation_hpa(celsius) == pytest.approx(hpa, rel=0.01)


def test_humidity_of_a_closed_box_falls_as_it_warms_at_constant_vapour_pressure() -> None:
    box = parcel("pcm-5", exhausted=True)
    start_c, start_pct = box.air_c, box.humidity_pct
    for _ in range(72):
        box.advance(3600.0, 25.0)
    vapour_hpa = start_pct / 100.0 * saturation_hpa(start_c)
    assert box.air_c > 15.0
    assert box.humidity_pct == pytest.approx(relative_humidity_pct(vapour_hpa, box.air_c))
    assert box.humidity_pct < start_pct / 1.5


def test_an_open_door_lets_the_damp_in_and_the_cold_coil_takes_it_out_again() -> None:
    room = compartment("cold_room")
    for _ in range(240):
        room.advance(60.0, 20.0, 14.0)
    dry = room.humidity_pct
    for _ in range(10):
        room.advance(60.0, 20.0, 14.0, door_open=True)
    damp = room.humidity_pct
    for _ in range(240):
        room.advance(60.0, 20.0, 14.0)
    assert damp > dry + 5.0
    assert room.humidity_pct < damp - 3.0


def test_every_kind_of_room_has_sensible_figures() -> None:
    for kind in KINDS:
        room = compartment(kind)
        slow_s, fast_s = room.design.closed().time_constants()
        assert 0 < fast_s < slow_s
        assert slow_s > 3 * 3600  # goods do not follow a door opening
