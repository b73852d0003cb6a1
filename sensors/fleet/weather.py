"""The weather of the simulated world: plausible by latitude, season and hour, repeatable from a seed."""

import math
import random

from sensors.fleet.physics import saturation_hpa

_DAY_MS = 86_400_000
_YEAR_DAYS = 365.2425
# Days from the epoch to a northern hottest day (25 July 1970) and to a summer solstice (21 June 1970).
_HOTTEST_DAY = 205.0
_SOLSTICE_DAY = 171.0


class Weather:
    """Outdoor air and sun as a pure function of place and time; nothing is stored, any moment can be asked."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(f"{seed}/weather")  # noqa: S311 - a simulation, not a secret
        # Passing highs and lows: waves of 2 to 11 days that travel eastwards, about 900 km long per day of period.
        self._waves = [
            (
                2 * math.pi / (days * _DAY_MS),
                draw.uniform(0, 2 * math.pi),
                draw.uniform(0.10, 0.22),
                draw.gauss(0, 0.05),
            )
            for days in (2.3, 3.7, 5.2, 7.9, 11.0)
        ]

    def outdoor_c(self, latitude: float, longitude: float, time_ms: int) -> float:
        """Air temperature in the shade, °C: climate of the latitude + season + time of day + passing weather."""
        hour = (time_ms / _DAY_MS + longitude / 360.0) % 1.0 * 24.0  # mean solar time
        daily = (2.6 + 0.03 * abs(latitude)) * math.cos(2 * math.pi * (hour - 15.0) / 24.0)
        return self._seasonal_c(latitude, time_ms) + daily + self._passing_k(latitude, longitude, time_ms)

    def vapour_hpa(self, latitude: float, longitude: float, time_ms: int) -> float:
        """Water vapour outdoors, hPa: the dew point lies some 5 K under the season's mean and follows the weather."""
        return saturation_hpa(
            self._seasonal_c(latitude, time_ms) - 5.0 + 0.6 * self._passing_k(latitude, longitude, time_ms)
        )

    def sun_w_m2(self, latitude: float, longitude: float, time_ms: int) -> float:
        """Sunshine on a flat roof, W/m²: 950 × sine of the sun's elevation, less the clouds of the passing lows."""
        days = time_ms / _DAY_MS
        declination = math.radians(23.44) * math.cos(2 * math.pi * (days - _SOLSTICE_DAY) / _YEAR_DAYS)
        angle = math.radians(((days + longitude / 360.0) % 1.0 - 0.5) * 360.0)
        phi = math.radians(latitude)
        height = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(angle)
        clouds = min(0.85, max(0.05, 0.45 - 0.1 * self._passing_k(latitude, longitude, time_ms)))
        return max(0.0, height) * 950.0 * (1.0 - 0.75 * clouds)

    def _seasonal_c(self, latitude: float, time_ms: int) -> float:
        """The season's mean: 27 °C at the equator, 12 at 48° and 6 at 56° over the year."""
        north = 1.0 if latitude >= 0 else -1.0
        yearly = math.cos(2 * math.pi * (time_ms / _DAY_MS - _HOTTEST_DAY) / _YEAR_DAYS)
        return 27.5 - 0.0068 * latitude * latitude + 0.19 * abs(latitude) * north * yearly

    def _passing_k(self, latitude: float, longitude: float, time_ms: int) -> float:
        reach = 1.0 + 0.14 * abs(latitude)  # the tropics are even, the westerlies are not
        return reach * sum(
            share * math.sin(omega * time_ms + phase - 0.12 * longitude + lean * latitude)
            for omega, phase, share, lean in self._waves
        )
