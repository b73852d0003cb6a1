"""The makes of logger in the fleet (fictional), and the stock from which shipments are served again and again."""

import random
from dataclasses import dataclass, field

from sensors.fleet.describe import LoggerPlan
from sensors.fleet.device import Model
from sensors.fleet.itinerary import HOUR_MS

_DAY_MS = 24 * HOUR_MS

# Air at the top of the load and a probe in a vial of glycol: what a vehicle's own recorder has.
TRUCK = Model("Nordlog T2", 300, 1, 4096, 2, 0.03, door=True, long_topic=True)
# A single-use tracker for parcels: coarse, and after a flight it sends the newest message first.
PARCEL = Model("Parcel Sentry 4", 600, 1, 4096, 1, 0.05, newest_first=True, drift_ppm=12.0)
DRY_ICE = Model("Sentry Ultra", 600, 1, 4096, 1, 0.12, humidity=False, drift_ppm=15.0)
# A container's logger: half-hourly, and with too little memory for an ocean.
SEA = Model("Searider C", 1800, 1, 256, 1, 0.04)
SECOND = Model("Nordlog Mini", 600, 1, 1024, 1, 0.05, drift_ppm=8.0)
STORE = Model("StoreGuard", 600, 1, 20_000, 2, 0.02, position=False, door=True, long_topic=True)


@dataclass
class Stock:
    """Loggers by model; one that has come back and been read out serves the next shipment."""

    seed: int
    anchor_ms: int
    _free: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    plans: dict[str, LoggerPlan] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)

    def take(self, model: Model, channels: tuple[str, ...], from_ms: int, to_ms: int) -> str:
        """A logger of this model that is free from `from_ms` on, or a new one; busy until 14 hours after `to_ms`."""
        shelf = self._free.setdefault(f"{model.name}/{len(channels)}", [])
        index = next((i for i, (free_ms, _) in enumerate(shelf) if free_ms <= from_ms), None)
        logger = shelf.pop(index)[1] if index is not None else self._register(model, channels)
        shelf.append((to_ms + 14 * HOUR_MS, logger))
        return logger

    def _register(self, model: Model, channels: tuple[str, ...]) -> str:
        number = len(self.plans) + 1
        logger = f"LG-{number:04d}"
        draw = random.Random(f"{self.seed}/{logger}/certificate")  # noqa: S311 - a simulation, not a secret
        calibrated_ms = self.anchor_ms - draw.randint(40, 330) * _DAY_MS
        points = (-20.0, 0.0, 25.0) if model is not DRY_ICE else (-80.0, -60.0, 0.0)
        self.models[logger] = model
        self.plans[logger] = LoggerPlan(
            id=logger,
            model=model.name,
            serial=f"{draw.randint(10**9, 10**10 - 1)}",
            channels=channels,
            interval_s=model.interval_s,
            report_s=model.interval_s * model.samples_per_message,
            certificate=f"K-{26_000 + number}",
            laboratory="Thermolab Kalibrierdienst",
            calibrated_ms=calibrated_ms,
            due_ms=calibrated_ms + 365 * _DAY_MS,
            calibration={
                "method": "comparison in a stirred bath",
                "points_c": list(points),
                "as_left_c": [round(draw.gauss(0.0, 0.06), 2) for _ in points],
                "uncertainty_c": 0.1,
                "coverage_k": 2,
            },
        )
        return logger
