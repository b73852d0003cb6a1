"""What is around a box or a trailer at a moment: temperature and moisture by setting, weather and sun."""

from typing import NamedTuple

from sensors.fleet.itinerary import Itinerary, Stage
from sensors.fleet.weather import Weather

# Weather changes slowly, and slower yet indoors.
_REFRESH_MS = 600_000
_REFRESH_INDOORS_MS = 1_800_000


class Air(NamedTuple):
    """The air outside the packaging: °C as the wall feels it (sun included), and water vapour in hPa."""

    celsius: float
    vapour_hpa: float
    valid_until_ms: int


class Surroundings:
    """The air around one shipment (or store), asked for in order of time; renewed every ten minutes.

    `sheltered` packaging (a parcel) rides in a heated and cooled GDP vehicle at 15 … 25 °C; a compartment's own wall
    faces the weather. `sun_factor` raises the effect of sunshine on a ramp.
    """

    def __init__(self, itinerary: Itinerary, weather: Weather, *, sheltered: bool, sun_factor: float = 1.0) -> None:
        self._itinerary = itinerary
        self._weather = weather
        self._sheltered = sheltered
        self._sun_factor = sun_factor

    def at(self, time_ms: int) -> Air:
        """The air at a moment, and until when it may be used."""
        stage = self._itinerary.stage_at(time_ms)
        until = time_ms + (_REFRESH_INDOORS_MS if stage.setting == "indoors" else _REFRESH_MS)
        if stage.from_ms <= time_ms < stage.to_ms:
            until = min(until, stage.to_ms)
        celsius, vapour_hpa = self._air(stage, time_ms)
        return Air(celsius, vapour_hpa, until)

    def _air(self, stage: Stage, time_ms: int) -> tuple[float, float]:
        if stage.setting == "hold":  # a lower deck is kept at 10 … 18 °C; cabin altitude dries it
            return 14.0, 4.0
        where = stage.at(time_ms)
        outdoor = self._weather.outdoor_c(where.latitude, where.longitude, time_ms)
        vapour = self._weather.vapour_hpa(where.latitude, where.longitude, time_ms)
        if stage.setting == "indoors":
            return 20.5 + 0.05 * (outdoor - 18.0), min(vapour, 13.0)
        if stage.setting == "dock":  # pharma halls are tempered; an open dock door in the heat is as warm as outside
            tempered = 18.0 + 0.25 * (outdoor - 18.0)
            return tempered if self._sheltered else max(tempered, outdoor + 1.0), vapour
        if stage.setting == "vehicle" and self._sheltered:
            return 18.5 + 0.12 * (outdoor - 18.0), min(vapour, 14.0)
        sun = self._weather.sun_w_m2(where.latitude, where.longitude, time_ms)
        # Sol-air temperature: absorbed sunshine over the outer heat transfer of 20 … 25 W/(m²·K). A reflective cover
        # absorbs a quarter; black foil (`sun_factor` 4) nearly all.
        per_w_m2 = 0.012 * self._sun_factor if stage.setting == "ramp" else 0.006
        return outdoor + per_w_m2 * sun, vapour
