"""Passive packaging: a payload in an insulated box, kept by packs that melt (or dry ice that sublimes) and run out."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sensors.fleet.physics import TwoNode, relative_humidity_pct, saturation_hpa

_BISECTIONS = 40
_MOVED_J = 1e-6


@dataclass(frozen=True, slots=True)
class BoxDesign:
    """What a box is made of. Conductances in W/K, capacities in J/K, `latent_j` in J.

    The packs line the walls, so most of the leak reaches them first (`ua_packs`); edges and lid let some of it pass
    straight to the payload (`ua_payload`). `pack_share` is the weight of the packs in what a logger beside the
    payload feels.
    """

    payload_j_k: float
    pack_solid_j_k: float
    pack_liquid_j_k: float
    latent_j: float
    melts_at_c: float
    ua_packs: float
    ua_payload: float
    coupling: float
    pack_share: float = 0.15

    def hold_over_s(self, ambient_c: float) -> float:
        """How long fully frozen packs last at constant ambient, once the payload has settled: L/Q, seconds.

        Q = G₁·(Tₐ − Tₘ) + G₂·G₁₂/(G₂ + G₁₂)·(Tₐ − Tₘ): the direct leak into the packs and, in series, the leak
        through the payload.
        """
        conductance = self.ua_packs + self.ua_payload * self.coupling / (self.ua_payload + self.coupling)
        return self.latent_j / (conductance * (ambient_c - self.melts_at_c))


class PassiveBox:
    """The state of one box: temperatures of packs and payload, and how much of the packs' latent heat is spent."""

    def __init__(self, design: BoxDesign, *, packs_c: float, payload_c: float, melted: float = 0.0) -> None:
        self.design = design
        self.packs_c = packs_c
        self.product_c = payload_c
        self.melted_j = melted * design.latent_j
        self._vapour_hpa = saturation_hpa(payload_c) * 0.55
        self._solid = self._network(design.pack_solid_j_k)
        self._liquid = self._network(design.pack_liquid_j_k)

    @property
    def air_c(self) -> float:
        """What a logger beside the payload feels."""
        share = self.design.pack_share
        return share * self.packs_c + (1.0 - share) * self.product_c

    @property
    def humidity_pct(self) -> float:
        """The box is closed: its vapour pressure stays, so humidity follows temperature alone."""
        return relative_humidity_pct(self._vapour_hpa, self.air_c)

    @property
    def phase(self) -> Literal["solid", "melting", "liquid"]:
        """What the packs are doing; of dry ice, "liquid" means gone."""
        if self.melted_j <= 0.0 and self.packs_c < self.design.melts_at_c:
            return "solid"
        if self.melted_j >= self.design.latent_j and self.packs_c >= self.design.melts_at_c:
            return "liquid"
        return "melting"

    def open_lid(self, vapour_hpa: float) -> None:
        """Exchange the box's air with air of `vapour_hpa`."""
        self._vapour_hpa = vapour_hpa

    def advance(self, dt_s: float, ambient_c: float) -> None:
        """Move on by `dt_s` at constant ambient; changes of phase are found inside the step."""
        left = dt_s
        while left > 1e-9:
            left -= self._melt(left, ambient_c) if self.phase == "melting" else self._warm(left, ambient_c)

    def _network(self, pack_j_k: float) -> TwoNode:
        d = self.design
        return TwoNode(c1=pack_j_k, c2=d.payload_j_k, g1=d.ua_packs, g2=d.ua_payload, g12=d.coupling)

    def _warm(self, dt_s: float, ambient_c: float) -> float:
        """Packs of one phase: both temperatures move, until the packs reach the melting point. Returns time used."""
        solid = self.phase == "solid"
        network, melts = (self._solid if solid else self._liquid), self.design.melts_at_c

        def crossed(at_s: float) -> bool:
            packs, _ = network.step(self.packs_c, self.product_c, ambient_c, 0.0, at_s)
            return packs >= melts if solid else packs < melts

        used = _first(crossed, dt_s)
        if used < 1e-6 and crossed(dt_s):  # already at the brink: only the phase changes
            self._enter_melting(solid=solid)
            return used
        self.packs_c, self.product_c = network.step(self.packs_c, self.product_c, ambient_c, 0.0, used)
        if used < dt_s:
            self._enter_melting(solid=solid)
        return used

    def _enter_melting(self, *, solid: bool) -> None:
        self.packs_c = self.design.melts_at_c
        self.melted_j = _MOVED_J if solid else self.design.latent_j - _MOVED_J

    def _melt(self, dt_s: float, ambient_c: float) -> float:
        """Packs stay at the melting point while heat melts them (or the cold freezes them). Returns time used."""
        d = self.design
        outwards = d.ua_payload + d.coupling
        settles = (d.ua_payload * ambient_c + d.coupling * d.melts_at_c) / outwards
        rate = outwards / d.payload_j_k
        steady_w = d.ua_packs * (ambient_c - d.melts_at_c) + d.coupling * (settles - d.melts_at_c)
        start = self.product_c

        def melted(at_s: float) -> float:
            swing = (start - settles) * (1.0 - math.exp(-rate * at_s)) / rate
            return self.melted_j + steady_w * at_s + d.coupling * swing

        used = _first(lambda at_s: not 0.0 < melted(at_s) < d.latent_j, dt_s)
        after = melted(used)
        self.packs_c = d.melts_at_c
        self.product_c = settles + (start - settles) * math.exp(-rate * used)
        if used < dt_s:
            frozen = after < d.latent_j / 2.0
            self.melted_j = 0.0 if frozen else d.latent_j
            self.packs_c = d.melts_at_c - (1e-9 if frozen else 0.0)
        else:
            self.melted_j = after
        return used


def _first(happened: Callable[[float], bool], dt_s: float) -> float:
    """The first moment at which `happened`, to 1e-9 of the step; the whole step if it does not happen by its end."""
    if not happened(dt_s):
        return dt_s
    low, high = 0.0, dt_s
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if happened(middle) else (middle, high)
    return high
