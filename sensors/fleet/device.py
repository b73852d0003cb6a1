"""A logger's own behaviour: clock, battery, noise, memory, and the two-way talk of the canonical payload."""

import random
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from coldchain.domain.quantity import iso
from sensors.fleet.journey import Sample

# A GNSS receiver with a clear sky: some metres of scatter in each direction.
_GNSS_M = 6.0
_METRES_PER_DEGREE = 111_195.0


@dataclass(frozen=True, slots=True)
class Model:
    """What a make of logger can do. `memory` counts messages; `noise_c` is one standard deviation."""

    name: str
    interval_s: int
    samples_per_message: int
    memory: int
    decimals: int
    noise_c: float
    humidity: bool = True
    position: bool = True
    door: bool = False
    newest_first: bool = False
    long_topic: bool = False
    drift_ppm: float = 4.0


class Kept(NamedTuple):
    """A message in the logger's memory, as the bytes it will always be sent as.

    They are made once: a message repeated with other bytes under the same number would be a conflict.
    """

    boot: int
    seq: int
    payload: bytes


class Device:
    """One logger: takes samples, makes messages, keeps each until it is told that it is stored.

    A message leaves memory when a down message's `committed_through` covers it, or when memory is full and it is the
    oldest: then `oldest` in later messages tells the receiver that it is gone.
    """

    def __init__(self, logger: str, model: Model, channels: tuple[str, ...], seed: int) -> None:
        self.logger = logger
        self.model = model
        self.channels = channels
        self.boot = 0
        self.seq = 0
        self.memory: list[Kept] = []
        self.lost = 0
        self._draw = random.Random(f"{seed}/{logger}/device")  # noqa: S311 - a simulation, not a secret
        self._offset_c = {channel: self._draw.gauss(0.0, 0.06) for channel in channels}
        self._offset_rh = self._draw.gauss(0.0, 0.8)
        self._drift = self._draw.gauss(0.0, model.drift_ppm) * 1e-6
        self._battery_pct = 100.0
        self._synchronised_ms = 0
        self._last_ms = 0
        self._unset_from_ms: int | None = None
        self._waiting: list[Sample] = []

    def switch_on(self, time_ms: int, *, battery_pct: float | None = None) -> None:
        """Start a new boot: sequence from 0, clock set; what memory holds stays there."""
        self.boot, self.seq = self.boot + 1, 0
        self._synchronised_ms = self._last_ms = time_ms
        self._unset_from_ms = None
        self._waiting = []
        self._battery_pct = battery_pct if battery_pct is not None else self._draw.uniform(86.0, 100.0)

    def reboot(self, *, by: int = 1) -> None:
        """Start a new boot while running, `by` numbers higher: what waits becomes a message of the old one."""
        self.finish()
        self.boot, self.seq = self.boot + by, 0

    def lose_power(self, time_ms: int) -> None:
        """A brown-out: the clock starts again at 1970 and stays wrong until `synchronise`."""
        self.reboot()
        self._unset_from_ms = time_ms

    def synchronise(self, time_ms: int) -> None:
        """Set the clock by the network."""
        self.finish()
        self._synchronised_ms, self._unset_from_ms = time_ms, None

    @property
    def clock_is_set(self) -> bool:
        """Whether the clock has been set since power was last lost."""
        return self._unset_from_ms is None

    def clock_ms(self, time_ms: int) -> int:
        """What the logger's own clock shows at the true moment `time_ms`, in whole seconds as it is sent."""
        if self._unset_from_ms is not None:
            return (time_ms - self._unset_from_ms) // 1000 * 1000
        shown = time_ms + (time_ms - self._synchronised_ms) * self._drift
        return int(shown + 500) // 1000 * 1000

    def take(self, sample: Sample) -> bool:
        """Keep a sample; True if a message was completed."""
        self._drain_battery(sample)
        self._waiting.append(sample)
        if len(self._waiting) < self.model.samples_per_message:
            return False
        self.finish()
        return True

    def finish(self) -> None:
        """Make a message of what waits, if anything does."""
        if not self._waiting:
            return
        if len(self.memory) >= self.model.memory:
            self.memory.pop(0)
            self.lost += 1
        self.memory.append(Kept(self.boot, self.seq, msgspec.json.encode(self._message())))
        self.seq += 1
        self._waiting = []

    def unsent_in_order(self) -> list[Kept]:
        """What memory holds, in the order in which this model sends it."""
        return self.memory[::-1] if self.model.newest_first else self.memory[:]

    def forget_through(self, boot: int, seq: int) -> None:
        """Everything up to (boot, seq) is stored: it may go."""
        self.memory = [kept for kept in self.memory if (kept.boot, kept.seq) > (boot, seq)]

    def heard(self, payload: bytes | bytearray) -> list[Kept]:
        """Act on a down message: forget what is committed, return what is asked for again (and still held).

        Ignored, as a logger must: what is no down message, and one that confirms what was never sent (it was meant for
        another logger of this name, or kept by a broker from another life).
        """
        try:
            down = msgspec.json.decode(payload, type=_Down)
        except msgspec.MsgspecError:
            return []
        if down.committed_through is not None:
            if (down.committed_through.boot, down.committed_through.seq) >= (self.boot, self.seq):
                return []
            self.forget_through(down.committed_through.boot, down.committed_through.seq)
        return [
            kept
            for kept in self.memory
            for wanted in down.resend
            if kept.boot == wanted.boot and wanted.first <= kept.seq <= wanted.last
        ]

    def _drain_battery(self, sample: Sample) -> None:
        """Half a per cent a day at room temperature, twice that at −20 °C, plus what each sample costs."""
        days = max(0, sample.time_ms - self._last_ms) / 86_400_000
        cold = 1.0 + max(0.0, 20.0 - sample.internal_c) / 40.0
        drain = 6.0 if "battery_low" in sample.going_on else 0.5
        self._battery_pct = max(1.0, self._battery_pct - days * drain * cold - 0.0006)
        self._last_ms = sample.time_ms

    def _message(self) -> dict[str, Any]:
        newest = self._waiting[-1]
        oldest = self.memory[0] if self.memory else Kept(self.boot, self.seq, b"")
        body: dict[str, Any] = {
            "v": 1,
            "device": self.logger,
            "boot": self.boot,
            "seq": self.seq,
            "oldest": {"boot": oldest.boot, "seq": oldest.seq},
            "readings": [reading for sample in self._waiting for reading in self._readings(sample)],
        }
        if newest.point is not None and self.model.position:
            body["position"] = self._position(newest)
        body["battery"] = {"pct": round(self._battery_pct)}
        if self.model.door:
            body["state"] = {"door_open": newest.door_open, "light_lux": round(newest.light_lux)}
        return body

    def _readings(self, sample: Sample) -> list[dict[str, Any]]:
        stamp = iso(self.clock_ms(sample.time_ms))[:19] + "Z"
        found = []
        for channel in self.channels:
            true_c = sample.internal_c if channel == "internal" else sample.probe_c
            reading: dict[str, Any] = {"ts": stamp}
            if channel != "internal":
                reading["channel"] = channel
            if channel != "internal" and "probe_fault" in sample.going_on:
                reading |= {"values": {"temperature_c": None}, "fault": "probe_open"}
            else:
                measured = true_c + self._offset_c[channel] + self._draw.gauss(0.0, self.model.noise_c)
                values = {"temperature_c": round(measured, self.model.decimals)}
                if channel == "internal" and self.model.humidity:
                    humidity = sample.humidity_pct + self._offset_rh + self._draw.gauss(0.0, 0.3)
                    values["humidity_pct"] = round(min(100.0, max(0.0, humidity)), 1)
                reading["values"] = values
            found.append(reading)
        return found

    def _position(self, sample: Sample) -> dict[str, Any]:
        """A fix taken with the newest sample: scatter of some metres, and the receiver's own guess of it."""
        point = sample.point
        if point is None:
            return {}
        accuracy_m = max(3.0, self._draw.gauss(_GNSS_M + 2.0, 2.0))
        north = self._draw.gauss(0.0, _GNSS_M / 2) / _METRES_PER_DEGREE
        east = self._draw.gauss(0.0, _GNSS_M / 2) / _METRES_PER_DEGREE
        return {
            "lat": round(point.latitude + north, 6),
            "lon": round(point.longitude + east, 6),
            "acc_m": round(accuracy_m, 1),
            "ts": iso(self.clock_ms(sample.time_ms))[:19] + "Z",
            "source": "gnss",
        }


def bundle(messages: list[Kept]) -> bytes:
    """The payload for one publish: the message itself, or a JSON array of several, each byte for byte as alone."""
    if len(messages) == 1:
        return messages[0].payload
    return b"[" + b",".join(kept.payload for kept in messages) + b"]"


class _Mark(msgspec.Struct):
    boot: int
    seq: int


class _Range(msgspec.Struct, rename={"first": "from", "last": "to"}):
    boot: int
    first: int
    last: int


class _Down(msgspec.Struct):
    committed_through: _Mark | None = None
    resend: list[_Range] = []
