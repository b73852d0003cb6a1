"""MQTT clients that cost next to nothing: many publishers with a window of QoS 1 messages, and one consumer.

Run as processes of their own, so that what is measured has a core for itself. Times are of the machine's monotonic
clock, which all processes share.
"""

import argparse
import asyncio
import json
import struct
import time
from collections.abc import Iterator, Sequence
from functools import partial

from bench.mixed import said
from bench.readings import fleet, payload
from coldchain.domain.reading import Reading

WINDOW = 200


def packet(kind: int, body: bytes) -> bytes:
    """A control packet with its length."""
    length, head = len(body), bytearray([kind])
    while True:
        length, digit = length >> 7, length & 0x7F
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def text(words: str) -> bytes:
    return struct.pack(">H", len(words.encode())) + words.encode()


def connect(client: str) -> bytes:
    return packet(0x10, text("MQTT") + bytes([4, 2]) + struct.pack(">H", 600) + text(client))


class Publisher(asyncio.Protocol):
    """Sends its packets with at most `WINDOW` unacknowledged; the answers are CONNACK and PUBACKs of 4 bytes each."""

    def __init__(
        self, client: str, packets: list[bytes], done: "asyncio.Future[None]", each_s: float | None = None
    ) -> None:
        """Send as fast as the window allows, or at most `each_s` messages a second."""
        self.client, self.packets, self.done, self.each_s = client, packets, done, each_s
        self.sent, self.received = 0, 0
        self.began = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(connect(self.client))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        acknowledged = self.received // 4 - 1
        if acknowledged == len(self.packets) and not self.done.done():
            self.done.set_result(None)
        if self.each_s is None:
            self._send(acknowledged)
        elif self.sent == 0:
            self._paced()

    def _paced(self) -> None:
        due = min(int((time.monotonic() - self.began) * (self.each_s or 0)), len(self.packets))
        self.transport.write(b"".join(self.packets[self.sent : due]))  # type: ignore[attr-defined]
        self.sent = due
        if due < len(self.packets):
            asyncio.get_running_loop().call_later(0.02, self._paced)

    def _send(self, acknowledged: int) -> None:
        upto = min(acknowledged + WINDOW, len(self.packets))
        if upto - self.sent >= WINDOW // 4 or (upto == len(self.packets) and upto > self.sent):
            self.transport.write(b"".join(self.packets[self.sent : upto]))  # type: ignore[attr-defined]
            self.sent = upto

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))


def packets_of(readings: Sequence[Reading], together: int = 1) -> dict[str, list[bytes]]:
    """PUBLISH packets by logger; each message carries `together` readings, and the messages are numbered from 1."""
    by_logger: dict[str, list[Reading]] = {}
    for reading in readings:
        by_logger.setdefault(reading.logger, []).append(reading)
    return {logger: list(_packets(logger, some, together)) for logger, some in by_logger.items()}


def _packets(logger: str, readings: Sequence[Reading], together: int) -> Iterator[bytes]:
    topic = text(f"cc/{logger}/up")
    for number, first in enumerate(range(0, len(readings), together)):
        packet_id = struct.pack(">H", number % 65_535 + 1)
        yield packet(0x32, topic + packet_id + payload(readings[first : first + together]))


def mixed(loggers: int, each: int) -> dict[str, list[bytes]]:
    """PUBLISH packets by logger, each logger in a format of its own."""
    found: dict[str, list[bytes]] = {}
    for place, reading in enumerate(fleet(loggers, each)):
        topic, body = said(place % loggers, reading)
        of_logger = found.setdefault(reading.logger, [])
        of_logger.append(packet(0x32, text(topic) + struct.pack(">H", len(of_logger) % 65_535 + 1) + body))
    return found


async def publish(port: int, packets: dict[str, list[bytes]], each_s: float | None = None) -> dict[str, float]:
    """Publish, each logger on a connection of its own; when that began, and when all was acknowledged.

    `each_s` are the messages a second of each logger, None for as many as possible.
    """
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[None]] = [loop.create_future() for _ in packets]
    began = time.monotonic()
    for future, (logger, one) in zip(waiting, packets.items(), strict=True):
        await loop.create_connection(partial(Publisher, logger, one, future, each_s), "127.0.0.1", port)
    await asyncio.gather(*waiting)
    return {"began": began, "ended": time.monotonic(), "messages": sum(map(len, packets.values()))}


class Consumer(asyncio.Protocol):
    """Subscribes to everything at QoS 1, acknowledges, and counts."""

    def __init__(self, count: int, done: "asyncio.Future[None]") -> None:
        self.left, self.done, self.rest = count, done, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        subscribe = packet(0x82, struct.pack(">H", 1) + text("cc/#") + b"\x01")
        transport.write(connect("consumer") + subscribe)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        data, at, answers = self.rest + data, 0, []
        while (found := _frame(data, at)) is not None:
            start, end = found
            if data[at] >> 4 == 3:
                topic = struct.unpack_from(">H", data, start)[0]
                answers.append(b"\x40\x02" + data[start + 2 + topic : start + 4 + topic])
            elif data[at] >> 4 == 9:
                print("subscribed", flush=True)
            at = end
        self.rest = data[at:]
        self.transport.write(b"".join(answers))  # type: ignore[attr-defined]
        self.left -= len(answers)
        if self.left <= 0 and not self.done.done():
            self.done.set_result(None)


def _frame(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at `at` begins and ends; None while it is incomplete."""
    length = shift = 0
    for place in range(at + 1, min(at + 5, len(data))):
        length |= (data[place] & 0x7F) << shift
        shift += 7
        if not data[place] & 0x80:
            end = place + 1 + length
            return (place + 1, end) if end <= len(data) else None
    return None


async def consume(port: int, count: int) -> None:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    await loop.create_connection(lambda: Consumer(count, done), "127.0.0.1", port)
    await done
    print(json.dumps({"ended": time.monotonic()}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["publish", "mixed", "consume"])
    parser.add_argument("port", type=int)
    parser.add_argument("loggers", type=int)
    parser.add_argument("each", type=int)
    parser.add_argument("--each-s", type=float)
    args = parser.parse_args()
    if args.role != "consume":
        native = args.role == "publish"
        packets = packets_of(fleet(args.loggers, args.each)) if native else mixed(args.loggers, args.each)
        print(json.dumps(asyncio.run(publish(args.port, packets, args.each_s))), flush=True)
    else:
        asyncio.run(consume(args.port, args.loggers * args.each))


if __name__ == "__main__":
    main()
