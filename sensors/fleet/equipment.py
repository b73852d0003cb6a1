"""The packaging and the rooms of the fleet, with figures of the size that makers publish."""

from sensors.fleet.active import Compartment, CompartmentDesign
from sensors.fleet.passive import BoxDesign, PassiveBox
from sensors.fleet.physics import (
    DRY_ICE_C,
    DRY_ICE_SUBLIMATION_J_KG,
    ICE_J_KG_K,
    PCM_FUSION_J_KG,
    PCM_J_KG_K,
    WATER_FUSION_J_KG,
    WATER_J_KG_K,
)

# Trailers: 33 pallets, K = 0.4 W/(m²·K) (ATP class C), about 140 m². The unit modulates, so its net power is small.
_REEFER = {
    "volume_m3": 80.0,
    "air_j_k": 420_000.0,
    "product_j_k": 9_000_000.0,
    "ua_wall": 56.0,
    "ua_product": 260.0,
    "band_c": 1.0,
    "cooling_w": 3_800.0,
    "heating_w": 2_600.0,
    "door_m3_s": 0.35,
    "defrost_every_s": 6 * 3600.0,
    "defrost_s": 900.0,
    "defrost_w": 250.0,
}
# A 10 m³ delivery van: little air, a wide door, and a unit that pulls down within minutes.
_VAN = {
    "volume_m3": 10.0,
    "air_j_k": 46_000.0,
    "product_j_k": 1_400_000.0,
    "ua_wall": 14.0,
    "ua_product": 70.0,
    "band_c": 1.2,
    "cooling_w": 900.0,
    "heating_w": 700.0,
    "door_m3_s": 0.6,
    "defrost_every_s": 5 * 3600.0,
    "defrost_s": 300.0,
    "defrost_w": 20.0,
    "poll_s": 60.0,
}
_FRIDGE = {
    "volume_m3": 0.4,
    "air_j_k": 26_000.0,
    "product_j_k": 190_000.0,
    "ua_wall": 1.6,
    "ua_product": 9.0,
    "set_c": 4.8,
    "band_c": 1.4,
    "cooling_w": 120.0,
    "door_m3_s": 0.02,
    "defrost_every_s": 8 * 3600.0,
    "defrost_s": 900.0,
    "defrost_w": 25.0,
}
_FREEZER = {
    **_FRIDGE,
    "product_j_k": 160_000.0,
    "set_c": -20.5,
    "band_c": 2.0,
    "cooling_w": 170.0,
    "door_m3_s": 0.008,
    "defrost_every_s": 12 * 3600.0,
    "defrost_s": 900.0,
    "defrost_w": 20.0,
}
_COLD_ROOM = {
    "volume_m3": 60.0,
    "air_j_k": 500_000.0,
    "product_j_k": 5_000_000.0,
    "ua_wall": 34.0,
    "ua_product": 420.0,
    "set_c": 4.8,
    "band_c": 1.0,
    "cooling_w": 2_600.0,
    "door_m3_s": 0.12,
    "defrost_every_s": 6 * 3600.0,
    "defrost_s": 1200.0,
    "defrost_w": 250.0,
}
_WAREHOUSE = {
    "volume_m3": 4_000.0,
    "air_j_k": 22_000_000.0,
    "product_j_k": 240_000_000.0,
    "ua_wall": 900.0,
    "ua_product": 6_000.0,
    "set_c": 22.0,
    "band_c": 1.0,
    "cooling_w": 32_000.0,
    "heating_w": 34_000.0,
    "door_m3_s": 2.0,
}


# A pallet of cartons under a reflective cover: no cooling at all, only mass. The cover holds off most of a ramp's sun.
_COVERED_PALLET = {
    "volume_m3": 1.6,
    "air_j_k": 60_000.0,
    "product_j_k": 780_000.0,
    "ua_wall": 11.0,
    "ua_product": 42.0,
    "set_c": 20.0,
    "band_c": 1.0,
    "cooling_w": 0.0,
    "door_m3_s": 0.02,
}

KINDS: dict[str, dict[str, float]] = {
    "reefer": {**_REEFER, "set_c": 5.0},
    "container": {**_REEFER, "set_c": 20.0, "volume_m3": 60.0, "cooling_w": 3_200.0, "ua_wall": 45.0},
    "van": {**_VAN, "set_c": 5.0},
    "fridge": _FRIDGE,
    "freezer": _FREEZER,
    "cold_room": _COLD_ROOM,
    "warehouse_zone": _WAREHOUSE,
    "covered_pallet": _COVERED_PALLET,
}


def compartment(kind: str, *, set_c: float | None = None, load: float = 1.0) -> Compartment:
    """A compartment at its set point. `load` scales the mass of goods (1 = typical).

    Raises:
        KeyError: there is no such kind (see `KINDS`).
    """
    figures = dict(KINDS[kind])
    if set_c is not None:
        figures["set_c"] = set_c
    figures["product_j_k"] *= load
    design = CompartmentDesign(**figures)
    return Compartment(design, air_c=design.set_c, product_c=design.set_c)


def _box(*, packs_kg: float, payload_kg: float, melts_at_c: float, ua_w_k: float, frozen: float) -> BoxDesign:
    """A box lined with organic phase-change packs; the payload is mostly water (3.2 kJ/(kg·K))."""
    return BoxDesign(
        payload_j_k=payload_kg * 3200.0,
        pack_solid_j_k=packs_kg * PCM_J_KG_K,
        pack_liquid_j_k=packs_kg * PCM_J_KG_K,
        latent_j=packs_kg * PCM_FUSION_J_KG * frozen,
        melts_at_c=melts_at_c,
        # Lid and edges let a seventh of the leak pass by the packs, and packs touch the payload only here and there:
        # in 20 °C the payload of a good box lies about one kelvin above its packs.
        ua_packs=ua_w_k * 0.86,
        ua_payload=ua_w_k * 0.14,
        coupling=ua_w_k * 1.7,
    )


def parcel(
    kind: str, *, packed_k: float = 0.2, load: float = 1.0, exhausted: bool = False, freezing: bool = False
) -> PassiveBox:
    """A passive box by kind: `pcm-5` (2–8 °C), `pcm-22` (room temperature), `dry-ice`.

    The payload of a pack box was packed `packed_k` kelvin warmer than its packs melt; `load` scales its mass.

    `exhausted`: its coolant lasts a twenty-fifth of the design time. `freezing`: water-ice packs straight from the
    freezer, without the conditioning that lets them warm to 0 °C first.

    Raises:
        KeyError: there is no such kind.
    """
    if kind == "dry-ice":
        return _dry_ice(exhausted=exhausted)
    if freezing:
        return _raw_ice()
    melts_at_c = {"pcm-5": 5.0, "pcm-22": 22.0}[kind]
    # Too few packs, and those not frozen through: the usual cause of a box that runs warm.
    packs_kg, frozen = (8.0, 0.12) if exhausted else (24.0, 1.0)
    design = _box(packs_kg=packs_kg, payload_kg=18.0 * load, melts_at_c=melts_at_c, ua_w_k=0.75, frozen=frozen)
    # Room-temperature packs are packed half molten: they must hold against heat and against frost.
    melted = 0.5 if kind == "pcm-22" else 0.04
    return PassiveBox(design, packs_c=melts_at_c, payload_c=melts_at_c + packed_k, melted=melted)


def _raw_ice() -> PassiveBox:
    design = BoxDesign(
        payload_j_k=18.0 * 3200.0,
        pack_solid_j_k=15.0 * ICE_J_KG_K,
        pack_liquid_j_k=15.0 * WATER_J_KG_K,
        latent_j=15.0 * WATER_FUSION_J_KG,
        melts_at_c=0.0,
        ua_packs=0.55,
        ua_payload=0.4,
        coupling=3.6,
        pack_share=0.1,
    )
    return PassiveBox(design, packs_c=-20.0, payload_c=5.0)


def _dry_ice(*, exhausted: bool) -> PassiveBox:
    kilograms = 8.0 if exhausted else 46.0
    design = BoxDesign(
        payload_j_k=6.0 * 2000.0,
        pack_solid_j_k=kilograms * 900.0,
        pack_liquid_j_k=9_000.0,  # what remains is the liner
        latent_j=kilograms * DRY_ICE_SUBLIMATION_J_KG,
        melts_at_c=DRY_ICE_C,
        ua_packs=0.62,
        ua_payload=0.08,
        coupling=1.8,
    )
    return PassiveBox(design, packs_c=DRY_ICE_C, payload_c=-75.0, melted=0.02)
