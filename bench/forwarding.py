"""The whole way from a broker's queue into InfluxDB 2: our subscriber and projector beside Telegraf and Node-RED.

Each drains the same messages of a persistent session from a Mosquitto of its own; the clock runs from its first step
until InfluxDB holds every reading. Ours stores each message durably on the way, judges it and gives it an offset.
"""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

from bench.listener import LOGGERS, process_of
from bench.load import packets_of, publish
from bench.processes import says, scratch, server, until
from bench.readings import fleet
from bench.roads import NodeRed, Ours, Road, Telegraf, missing
from bench.table import Anchor, Took, absent, beside

TURNS = 3
KILLS = 4
DRAINED_EACH = 400  # messages of each logger
KILLED_EACH, SENT_EACH_S = 600, 60  # and of those that are sent while processes are killed; a second
HOLDS: dict[type[Road], str] = {Telegraf: ">= 1", NodeRed: ">= 1.2"}


def measure(scale: float) -> list[Anchor]:
    import servers

    anchors = [
        absent(f"into InfluxDB: ours / {peer.name}", why, hold)
        for peer, hold in HOLDS.items()
        if (why := missing(peer))
    ]
    roads: list[type[Road]] = [Ours, *[peer for peer in HOLDS if missing(peer) is None]]
    with scratch() as folder:
        influx = server(servers.influx2_server, _made(folder / "influx"))
        if isinstance(influx, str):
            return [absent(f"into InfluxDB: ours / {peer.name}", influx, hold) for peer, hold in HOLDS.items()]
        try:
            took: dict[type[Road], list[Took]] = {road: [] for road in roads}
            for turn in range(TURNS):
                for road in roads:
                    took[road].append(
                        Run(road, _made(folder / f"{turn}-{road.name}"), influx).drain(round(DRAINED_EACH * scale))
                    )
            lost = {
                road: Run(road, _made(folder / f"kills-{road.name}"), influx).survive(round(KILLED_EACH * scale))
                for road in roads
            }
        finally:
            influx.kill()
    anchors += [beside(f"into InfluxDB: ours / {peer.name}", took[Ours], took[peer], HOLDS[peer]) for peer in roads[1:]]
    note = f"{KILLS} kills while {LOGGERS * round(KILLED_EACH * scale)} messages came, {LOGGERS * SENT_EACH_S} a second"
    anchors += [
        Anchor(f"kill -9: ours / {peer.name}", f"{lost[Ours]} lost", f"{lost[peer]} lost", None, "", note)
        for peer in roads[1:]
    ]
    anchors.append(Anchor("kill -9: messages that we lost", f"{lost[Ours]}", "", float(lost[Ours]), "<= 0"))
    return anchors


class Run:
    """One road with a broker and a bucket of its own."""

    def __init__(self, road: type[Road], folder: Path, influx: Any) -> None:
        import servers

        influx.fresh_bucket()
        self._influx = influx
        self._broker = servers.mosquitto_server(_made(folder / "broker"))
        self._road = road(folder, self._broker.url, influx)
        self._road.prepare()

    def drain(self, each: int) -> Took:
        """From the queue into InfluxDB."""
        try:
            self._queue(each)
            began, before_s = time.monotonic(), self._road.cpu_s()
            self._road.signal(signal.SIGCONT)
            until(lambda: self._held() >= LOGGERS * each, "all in InfluxDB", 60)
            took_s = time.monotonic() - began
            return Took(LOGGERS * each / took_s, (self._road.cpu_s() - before_s) / (LOGGERS * each))
        finally:
            self._end()

    def survive(self, each: int) -> int:
        """How many messages never come to InfluxDB when a process is killed now and then while they are sent."""
        count = LOGGERS * each
        try:
            self._begin()
            with process_of("publish", self._broker.port, each, "--each-s", SENT_EACH_S) as publishing:
                for _ in range(KILLS):
                    time.sleep(each / SENT_EACH_S / (KILLS + 1))
                    self._road.kill_one()
                says(publishing)
            self._until_it_rests(count)
            return count - self._held()
        finally:
            self._end()

    def _queue(self, each: int) -> None:
        """Let the road stand still with a queue of messages before it."""
        self._begin()
        self._road.signal(signal.SIGSTOP)
        with process_of("publish", self._broker.port, each) as publishing:
            says(publishing)

    def _begin(self) -> None:
        """Start the road, and wait until something passes it."""
        self._road.start()
        probe = packets_of([one._replace(logger="probe") for one in fleet(1, 1)])

        def passes() -> bool:
            asyncio.run(publish(self._broker.port, probe))
            return self._held("probe") > 0

        until(passes, "a message through to InfluxDB", 30, 0.1)

    def _held(self, logger: str = "LG-.*") -> int:
        rows = self._influx.rows(f"SELECT count(temperature_c) FROM reading WHERE logger =~ /^{logger}$/")
        return int(rows[0]["count"]) if rows else 0

    def _until_it_rests(self, enough: int, rest_s: float = 8.0) -> None:
        """Wait until InfluxDB holds so many, or nothing has come for a while."""
        held, since_s = self._held(), time.monotonic()
        while held < enough and time.monotonic() - since_s < rest_s:
            time.sleep(0.05)
            now = self._held()
            if now != held:
                held, since_s = now, time.monotonic()

    def _end(self) -> None:
        self._road.stop()
        self._broker.kill()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
