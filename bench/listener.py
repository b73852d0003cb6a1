"""The built-in listener, durable, beside Mosquitto that only relays, and beside itself with storing off."""

import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from bench.processes import process, rss_mib, says, scratch, server
from bench.table import Anchor, absent, per_second, rates

LOGGERS = 50


def measure(scale: float) -> list[Anchor]:
    each = round(600 * scale)
    durable, idle, relay, memory = [], [], [], 0.0
    with scratch() as folder:
        for turn in range(3):
            rate, memory = listener(folder / f"{turn}.db", each)
            durable.append(rate)
            idle.append(listener("none", each)[0])
            found = mosquitto(folder / f"broker-{turn}", each)
            if isinstance(found, str):
                return [absent("durable listener / Mosquitto relay", found, ">= 1")]
            relay.append(found)
    ours, theirs, ratio = rates(durable, relay)
    anchors = [Anchor("durable listener / Mosquitto relay", per_second(ours), per_second(theirs), ratio, ">= 1")]
    ours, theirs, ratio = rates(durable, idle)
    anchors.append(Anchor("listener: durable / storing off", per_second(ours), per_second(theirs), ratio, ">= 0.4"))
    count = LOGGERS * each
    note = f"after {count} messages"
    return [*anchors, Anchor("listener: resident memory", f"{memory:.0f} MiB", "", None, "", note)]


def listener(journal: Path | str, each: int) -> tuple[float, float]:
    """Messages per second until the last PUBACK, and the listener's memory in MiB afterwards."""
    with process("serve", "listener", journal) as serving, process_of("publish", says(serving), each) as publishing:
        said = says(publishing)
        return said["messages"] / (said["ended"] - said["began"]), rss_mib(serving.pid)


def mosquitto(folder: Path, each: int) -> float | str:
    """Messages per second from the first publisher's connection to the consumer's last message."""
    import servers

    folder.mkdir()
    broker = server(servers.mosquitto_server, folder)
    if isinstance(broker, str):
        return broker
    try:
        with process_of("consume", broker.port, each) as consuming:
            assert consuming.stdout is not None
            consuming.stdout.readline()
            with process_of("publish", broker.port, each) as publishing:
                began = says(publishing)["began"]
                return LOGGERS * each / (says(consuming)["ended"] - began)
    finally:
        if isinstance(broker, servers.Process):
            broker.kill()


def process_of(role: str, port: int, each: int) -> AbstractContextManager[subprocess.Popen[str]]:
    return process("load", role, port, LOGGERS, each)
