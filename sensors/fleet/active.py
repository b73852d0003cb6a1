"""Compartments with a cooling unit: reefers, vans, fridges, freezers, cold rooms and heated-and-cooled zones."""

from dataclasses import dataclass

from sensors.fleet.physics import AIR_J_M3_K, TwoNode, relative_humidity_pct, relax, saturation_hpa


@dataclass(frozen=True, slots=True)
class CompartmentDesign:
    """What a compartment and its unit are. Conductances W/K, capacities J/K, powers W (net, at the air), times s.

    `air_j_k` is the air with the lining that follows it at once; `door_m3_s` the air that an open door exchanges
    (0.1 for a fridge's, 0.3 … 0.5 for a trailer's, by the stack effect); `defrost_w` what a defrost adds to the air.
    """

    volume_m3: float
    air_j_k: float
    product_j_k: float
    ua_wall: float
    ua_product: float
    set_c: float
    band_c: float
    cooling_w: float
    heating_w: float = 0.0
    door_m3_s: float = 0.3
    defrost_every_s: float = 0.0
    defrost_s: float = 0.0
    defrost_w: float = 0.0
    coil_below_c: float = 6.0
    # The thermostat looks this often; between two looks its unit runs or rests, and the solution is exact.
    poll_s: float = 120.0

    @property
    def door_ua(self) -> float:
        """Conductance of the open door: the heat that one kelvin carries in with the exchanged air, W/K."""
        return self.door_m3_s * AIR_J_M3_K

    def closed(self) -> TwoNode:
        """Air and product behind a closed door."""
        return TwoNode(c1=self.air_j_k, c2=self.product_j_k, g1=self.ua_wall, g2=0.0, g12=self.ua_product)

    def opened(self) -> TwoNode:
        """Air and product with the door open."""
        wall = self.ua_wall + self.door_ua
        return TwoNode(c1=self.air_j_k, c2=self.product_j_k, g1=wall, g2=0.0, g12=self.ua_product)


class Compartment:
    """The state of one compartment: air, product, water vapour, and whether its unit cools, heats or rests."""

    def __init__(self, design: CompartmentDesign, *, air_c: float, product_c: float) -> None:
        self.design = design
        self.air_c = air_c
        self.product_c = product_c
        self.vapour_hpa = 0.65 * saturation_hpa(air_c)
        self.set_c = design.set_c
        self.mode = 0  # −1 cools, 0 rests, +1 heats
        self._closed = design.closed()
        self._opened = design.opened()

    @property
    def humidity_pct(self) -> float:
        """Relative humidity of the air, %."""
        return relative_humidity_pct(self.vapour_hpa, self.air_c)

    def advance(
        self,
        dt_s: float,
        ambient_c: float,
        ambient_hpa: float,
        *,
        door_open: bool = False,
        failed: bool = False,
        defrosting: bool = False,
    ) -> None:
        """Move on by `dt_s` (at most `poll_s`, or the thermostat reacts late) under constant conditions."""
        self.mode = 0 if failed or defrosting else self._decide()
        heat_w = self._heat_w(defrosting=defrosting and not failed)
        network = self._opened if door_open else self._closed
        self.air_c, self.product_c = network.step(self.air_c, self.product_c, ambient_c, heat_w, dt_s)
        self._exchange_vapour(dt_s, ambient_hpa, door_open=door_open)

    def _decide(self) -> int:
        d = self.design
        off = self.air_c - self.set_c
        if self.mode < 0:
            return -1 if off > -d.band_c / 2.0 else 0
        if self.mode > 0:
            return 1 if off < 0.0 else 0
        if off > d.band_c / 2.0:
            return -1
        return 1 if d.heating_w and off < -d.band_c else 0

    def _heat_w(self, *, defrosting: bool) -> float:
        if defrosting:
            return self.design.defrost_w
        return -self.design.cooling_w if self.mode < 0 else self.design.heating_w if self.mode > 0 else 0.0

    def _exchange_vapour(self, dt_s: float, ambient_hpa: float, *, door_open: bool) -> None:
        """Leaks bring ambient vapour in, an open door much more; a cold coil dries the air towards its own frost."""
        d = self.design
        leak = (d.door_m3_s if door_open else 2e-5 * d.volume_m3) / d.volume_m3
        self.vapour_hpa = relax(self.vapour_hpa, ambient_hpa, leak, dt_s)
        if self.mode < 0:
            frost = saturation_hpa(min(self.air_c, self.set_c) - d.coil_below_c)
            if self.vapour_hpa > frost:
                self.vapour_hpa = relax(self.vapour_hpa, frost, 1.0 / (60.0 + 10.0 * d.volume_m3), dt_s)
        self.vapour_hpa = min(self.vapour_hpa, saturation_hpa(self.air_c))
