"""Heat and moisture in lumps: the exact solutions that every simulated box, trailer and fridge is made of.

Units: temperatures °C, conductances W/K, heat capacities J/K, heat flows W, times s, vapour pressures hPa.
"""

import math

# Dry air at 5 °C and 1013 hPa: density 1.27 kg/m³ (ideal gas law), specific heat 1005 J/(kg·K).
AIR_J_M3_K = 1.27 * 1005.0
# Latent heat of fusion of water 334 kJ/kg, specific heats 4186 (liquid) and 2100 J/(kg·K) (ice at −10 °C).
WATER_FUSION_J_KG = 334_000.0
WATER_J_KG_K = 4186.0
ICE_J_KG_K = 2100.0
# Organic phase-change material for 2–8 °C (n-tetradecane blends): melts at about 5 °C, 200–215 kJ/kg, 2.1 kJ/(kg·K).
PCM_FUSION_J_KG = 205_000.0
PCM_J_KG_K = 2100.0
# Dry ice sublimes at −78.5 °C under one atmosphere and takes 571 kJ/kg to do so.
DRY_ICE_C = -78.5
DRY_ICE_SUBLIMATION_J_KG = 571_000.0

_REMEMBERED_STEPS = 4096


def relax(start: float, target: float, rate_per_s: float, dt_s: float) -> float:
    """Where y' = rate·(target − y) stands after `dt_s`: target + (start − target)·exp(−rate·dt)."""
    return target + (start - target) * math.exp(-rate_per_s * dt_s)


def saturation_hpa(celsius: float) -> float:
    """Saturation vapour pressure over water, hPa: Magnus formula, 6.112·exp(17.62·t/(243.12 + t)) (WMO-No. 8).

    Below 0 °C this is the pressure over supercooled water, to which humidity sensors are calibrated.
    """
    bounded = max(celsius, -95.0)
    return 6.112 * math.exp(17.62 * bounded / (243.12 + bounded))


def relative_humidity_pct(vapour_hpa: float, celsius: float) -> float:
    """Relative humidity of air that holds `vapour_hpa`, 0 … 100 %: what is beyond has condensed."""
    return min(100.0, max(0.0, 100.0 * vapour_hpa / saturation_hpa(celsius)))


class TwoNode:
    """Two heat capacities, each coupled to the surroundings and to each other, solved exactly.

    C₁·dT₁/dt = G₁·(Tₐ − T₁) + G₁₂·(T₂ − T₁) + Q₁
    C₂·dT₂/dt = G₂·(Tₐ − T₂) + G₁₂·(T₁ − T₂)

    With Tₐ and Q₁ constant during a step, T(t) = T∞ + exp(A·t)·(T(0) − T∞); A is similar to a symmetric matrix, so
    its two eigenvalues are real, and negative as long as one of G₁, G₂ is not zero.
    """

    __slots__ = ("_matrix", "_per_watt", "_steps")

    def __init__(self, *, c1: float, c2: float, g1: float, g2: float, g12: float) -> None:
        if min(c1, c2, g12) <= 0.0 or min(g1, g2) < 0.0 or g1 + g2 <= 0.0:
            raise ValueError("heat capacities, the coupling and one of the two conductances outwards must be positive")
        self._matrix = (-(g1 + g12) / c1, g12 / c1, g12 / c2, -(g2 + g12) / c2)
        first = 1.0 / (g1 + g12 - g12 * g12 / (g2 + g12))
        self._per_watt = (first, first * g12 / (g2 + g12))
        self._steps: dict[float, tuple[float, float, float, float]] = {}

    def settled(self, ambient_c: float, heat_w: float) -> tuple[float, float]:
        """Both temperatures after a very long time under constant `ambient_c` and heat into node 1."""
        return ambient_c + heat_w * self._per_watt[0], ambient_c + heat_w * self._per_watt[1]

    def step(self, t1: float, t2: float, ambient_c: float, heat_w: float, dt_s: float) -> tuple[float, float]:
        """Both temperatures `dt_s` seconds later; exact for constant conditions."""
        a, b, c, d = self._steps.get(dt_s) or self._transition(dt_s)
        end1, end2 = self.settled(ambient_c, heat_w)
        off1, off2 = t1 - end1, t2 - end2
        return end1 + a * off1 + b * off2, end2 + c * off1 + d * off2

    def time_constants(self) -> tuple[float, float]:
        """The slow and the fast time constant, seconds."""
        slow, fast = self._eigenvalues()
        return -1.0 / slow, -1.0 / fast

    def _eigenvalues(self) -> tuple[float, float]:
        a, b, c, d = self._matrix
        mean, spread = (a + d) / 2.0, math.sqrt(((a - d) / 2.0) ** 2 + b * c)
        return mean + spread, mean - spread

    def _transition(self, dt_s: float) -> tuple[float, float, float, float]:
        """exp(A·dt) = (e^λ₁dt·(A − λ₂) − e^λ₂dt·(A − λ₁)) / (λ₁ − λ₂); remembered, since steps repeat."""
        a, b, c, d = self._matrix
        slow, fast = self._eigenvalues()
        e_slow, e_fast, apart = math.exp(slow * dt_s), math.exp(fast * dt_s), slow - fast
        across = (e_slow - e_fast) / apart
        found = (
            (e_slow * (a - fast) - e_fast * (a - slow)) / apart,
            b * across,
            c * across,
            (e_slow * (d - fast) - e_fast * (d - slow)) / apart,
        )
        if len(self._steps) >= _REMEMBERED_STEPS:
            self._steps.clear()
        self._steps[dt_s] = found
        return found
