"""The subscriber, durable, beside itself with storing off: both drain what a real broker has queued for them."""

from pathlib import Path

from bench.listener import LOGGERS, process_of
from bench.processes import process, says, scratch, server
from bench.table import Anchor, absent, per_second, rates


def measure(scale: float) -> list[Anchor]:
    import servers

    each = round(400 * scale)
    durable: list[float] = []
    idle: list[float] = []
    with scratch() as folder:
        for turn in range(3):
            for journal, rates_ in ((str(folder / f"{turn}.db"), durable), ("none", idle)):
                place = folder / f"{turn}-{len(rates_)}-{journal == 'none'}"
                place.mkdir()
                broker = server(servers.mosquitto_server, place)
                if isinstance(broker, str):
                    return [absent("subscriber: durable / storing off", broker, ">= 0.6")]
                try:
                    rates_.append(drain(broker, journal, each))
                finally:
                    if isinstance(broker, servers.Process):
                        broker.kill()
    ours, theirs, ratio = rates(durable, idle)
    return [Anchor("subscriber: durable / storing off", per_second(ours), per_second(theirs), ratio, ">= 0.6")]


def drain(broker: object, journal: str | Path, each: int) -> float:
    """Messages per second from connecting until the last of the queued ones is committed."""
    return drained(broker, journal, each, "publish")[0]


def drained(broker: object, journal: str | Path, each: int, load: str, *serving: str) -> tuple[float, float]:
    """As `drain`, and messages per second of the subscriber's processor time.

    `load` is a role of `bench.load`, `serving` further arguments of `bench.serve`.
    """
    url, port = broker.url, broker.port  # type: ignore[attr-defined]
    with process("serve", "subscriber", "none", "--url", url, *serving) as first:
        says(first)  # the session exists from now on
    with process_of(load, port, each) as publishing:
        says(publishing)
    count = LOGGERS * each
    with process("serve", "subscriber", journal, "--url", url, "--count", count, *serving) as draining:
        said = says(draining)
        return count / (said["ended"] - said["began"]), count / said["spent"]
