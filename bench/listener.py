"""The built-in listener, durable, beside Mosquitto that only relays, and beside itself with storing off.

The listener reads and checks every message, looks for it among what was stored, commits it and only then acknowledges;
Mosquitto acknowledges what it holds in memory and hands it on, without reading it and without a disk. Ours is one
Python process, which works on one message at a time: where the ratio stays below 1, the note tells by how much more CPU
a message costs. Fifty publishers send messages of one reading with a window of 200.
"""

import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from bench.processes import cpu_s, process, rss_mib, says, scratch, server
from bench.table import Anchor, Took, absent, beside

LOGGERS, TURNS = 50, 3


def measure(scale: float) -> list[Anchor]:
    each = round(600 * scale)
    durable, idle, relay = [], [], []
    with scratch() as folder:
        for turn in range(TURNS):
            durable.append(listener(folder / f"{turn}.db", each))
            idle.append(listener("none", each))
            found = mosquitto(folder / f"broker-{turn}", each)
            if isinstance(found, str):
                return [absent("durable listener / Mosquitto relay", found, ">= 1")]
            relay.append(found)
    memory, note = f"{durable[-1].memory_mib:.0f} MiB", f"after {LOGGERS * each} messages"
    return [
        beside("durable listener / Mosquitto relay", durable, relay, ">= 1"),
        beside("listener: durable / storing off", durable, idle, ">= 0.4"),
        Anchor("listener: resident memory", memory, "", None, "", note),
    ]


def listener(journal: Path | str, each: int) -> Took:
    """Until the last PUBACK."""
    with process("serve", "listener", journal) as serving:
        port, before_s = says(serving), cpu_s(serving.pid)
        with process_of("publish", port, each) as publishing:
            said = says(publishing)
            used_s = cpu_s(serving.pid) - before_s
            rate = said["messages"] / (said["ended"] - said["began"])
            return Took(rate, used_s / said["messages"], rss_mib(serving.pid))


def mosquitto(folder: Path, each: int) -> Took | str:
    """From the first publisher's connection to the consumer's last message."""
    import servers

    folder.mkdir()
    broker = server(servers.mosquitto_server, folder)
    if isinstance(broker, str):
        return broker
    count = LOGGERS * each
    try:
        with process_of("consume", broker.port, each) as consuming:
            assert consuming.stdout is not None
            consuming.stdout.readline()
            with process_of("publish", broker.port, each) as publishing:
                began = says(publishing)["began"]
                rate = count / (says(consuming)["ended"] - began)
                return Took(rate, cpu_s(broker.pid) / count if broker.pid else 0.0)
    finally:
        if isinstance(broker, servers.Process):
            broker.kill()


def process_of(role: str, port: int, each: int, *more: object) -> AbstractContextManager[subprocess.Popen[str]]:
    return process("load", role, port, LOGGERS, each, *more)
