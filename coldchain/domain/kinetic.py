"""Mean kinetic temperatures of several stretches as one: pooled over their known time, never an average of degrees.

A stretch of known time t with mean kinetic temperature T stands for the area t · exp(−ΔH/(R·T)), so that
T_pool = (ΔH/R) / −ln(Σ tᵢ · exp(−ΔH/(R·Tᵢ)) / Σ tᵢ) is what one trapezoid over all of their readings would give. Rates
are taken relative to 273.15 K and kept as whole numbers × 10⁴⁰, so that sums are exact in any order.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal

METHOD_ID = "mkt.pooled/1"
DIGITS = 40
_D = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ZERO_K = Decimal("273.15")


def rate(ratio: Decimal, celsius: float) -> int:
    """exp(ΔH/R · (1/T₀ − 1/T)) × 10⁴⁰ of a temperature; `ratio` is ΔH/R in kelvin."""
    kelvin = _D.add(Decimal(celsius), _ZERO_K)
    exponent = _D.multiply(ratio, _D.subtract(_D.divide(Decimal(1), _ZERO_K), _D.divide(Decimal(1), kelvin)))
    return int(_D.scaleb(_D.exp(exponent), DIGITS).to_integral_value(ROUND_HALF_EVEN))


def temperature(ratio: Decimal, total: int, weight: int) -> Decimal:
    """The mean kinetic temperature in °C of Σ weight × rate = `total` and Σ weight = `weight`, which is above zero."""
    mean = _D.divide(_D.scaleb(Decimal(total), -DIGITS), Decimal(weight))
    inverse = _D.subtract(_D.divide(ratio, _ZERO_K), _D.ln(mean))
    return _D.subtract(_D.divide(ratio, inverse), _ZERO_K)
