"""Our channels in Home Assistant: told to it by MQTT discovery, with the newest value of each, for assigned loggers."""

import json
import re
import zlib
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import structlog

from coldchain.clock import Clock
from coldchain.domain.message import Command
from coldchain.domain.quantity import iso
from coldchain.domain.reading import Reading, reading_json
from coldchain.errors import TransientError
from coldchain.journal.port import Journal

_log = structlog.get_logger(__name__)

_TURN_S, _LOOK_S = 1.0, 10.0
_BATCH = 2000
_ODD = re.compile(r"[^A-Za-z0-9_-]")


class _Quantity(NamedTuple):
    name: str
    unit: str
    device_class: str | None


_QUANTITIES = {
    "temperature_c": _Quantity("temperature", "°C", "temperature"),
    "humidity_pct": _Quantity("humidity", "%", "humidity"),
    "pressure_hpa": _Quantity("pressure", "hPa", "atmospheric_pressure"),
    "light_lux": _Quantity("light", "lx", "illuminance"),
    "battery_pct": _Quantity("battery", "%", "battery"),
    "battery_v": _Quantity("battery voltage", "V", "voltage"),
}


class HomeAssistant:
    """Follows the journal, once a second, and says what has to be published.

    A channel's sensors are announced with its first reading after the start, its newest reading is its state, and both
    are retained. What arrives late changes no state. A logger that is assigned to nothing any more is taken back.
    """

    def __init__(self, journal: Journal, clock: Clock, assigned: Callable[[], AbstractSet[str]], prefix: str) -> None:
        """Announce under the topic `prefix`, as it is set in Home Assistant; `assigned` gives the loggers in use."""
        self._journal, self._clock, self._assigned, self._prefix = journal, clock, assigned, prefix
        self._after: int | None = None
        self._due_s = self._looked_s = float("-inf")
        self._loggers: AbstractSet[str] = frozenset()
        self._announced: dict[tuple[str, str], frozenset[str]] = {}
        self._newest_ms: dict[tuple[str, str], int] = {}

    def begin(self) -> None:
        """Another connection, perhaps to a broker that forgot everything: announce everything again."""
        self._announced.clear()
        self._newest_ms.clear()

    def due(self) -> list[Command]:
        """What has to be published now. Never raises: what cannot be read now is told later."""
        now_s = self._clock.monotonic_s()
        if now_s < self._due_s:
            return []
        try:
            if self._after is None:
                self._after = max(0, self._journal.head() - _BATCH)  # so that a restart shows what was there just now
            if now_s >= self._looked_s + _LOOK_S:
                self._loggers, self._looked_s = self._assigned(), now_s
            rows = self._journal.read(self._after, _BATCH)
        except TransientError as error:
            _log.warning("home_assistant_waits", reason=str(error))
            rows = []
        self._due_s = now_s + (0 if len(rows) == _BATCH else _TURN_S)
        if rows:
            self._after = rows[-1].offset
        return [*self._withdrawn(), *self._told(rows)]

    def _told(self, rows: list[Reading]) -> Iterator[Command]:
        newest: dict[tuple[str, str], Reading] = {}
        for row in rows:
            known = newest.get((row.logger, row.channel))
            if row.logger in self._loggers and (known is None or known.event_time_ms <= row.event_time_ms):
                newest[row.logger, row.channel] = row
        for place, row in newest.items():
            if row.event_time_ms < self._newest_ms.get(place, 0):
                continue
            self._newest_ms[place] = row.event_time_ms
            values = reading_json(row)
            measured = frozenset(name for name in _QUANTITIES if name in values)
            known_names = self._announced.get(place, frozenset())
            for name in sorted(measured - known_names):
                yield self._config(row, name)
            names = known_names | measured
            if not names:
                continue  # a place or a fault of something that Home Assistant was never told of
            self._announced[place] = names
            state = {name: values.get(name) for name in sorted(names)}
            state |= {"event_time": iso(row.event_time_ms), "fault": row.fault}
            yield Command(_state_topic(*place), json.dumps(state).encode(), qos=1, retain=True)

    def _config(self, row: Reading, name: str) -> Command:
        quantity, own = _QUANTITIES[name], f"coldchain_{_slug(row.logger)}"
        config: dict[str, Any] = {
            "name": f"{row.channel} {quantity.name}", "unique_id": f"{own}_{_slug(row.channel)}_{name}",
            "state_topic": _state_topic(row.logger, row.channel), "value_template": f"{{{{ value_json.{name} }}}}",
            "json_attributes_topic": _state_topic(row.logger, row.channel), "unit_of_measurement": quantity.unit,
            "device_class": quantity.device_class, "state_class": "measurement",
            "device": {"identifiers": [own], "name": row.logger},
            "origin": {"name": "Coldchain"},
        }  # fmt: skip
        return Command(self._topic(row.logger, row.channel, name), json.dumps(config).encode(), qos=1, retain=True)

    def _withdrawn(self) -> Iterator[Command]:
        """Empty retained messages take back what was announced of loggers that serve nothing any more."""
        for place in [place for place in self._announced if place[0] not in self._loggers]:
            for name in sorted(self._announced.pop(place)):
                yield Command(self._topic(*place, name), b"", qos=1, retain=True)
            self._newest_ms.pop(place, None)
            yield Command(_state_topic(*place), b"", qos=1, retain=True)

    def _topic(self, logger: str, channel: str, name: str) -> str:
        return f"{self._prefix}/sensor/coldchain_{_slug(logger)}/{_slug(channel)}_{name}/config"


def _state_topic(logger: str, channel: str) -> str:
    return f"coldchain/{_slug(logger)}/{_slug(channel)}/state"


def _slug(text: str) -> str:
    """`text` in the letters that discovery allows; two texts never share one."""
    plain = _ODD.sub("_", text)
    return plain if plain == text else f"{plain}-{zlib.crc32(text.encode()):08x}"
