"""One logger that sends without pause, in messages of QoS 0: `hostile_publisher.py PORT RATE SECONDS`."""

import json
import socket
import sys
import time

from coldchain.domain.quantity import iso


def text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def packet(first: int, body: bytes) -> bytes:
    length, size = len(body), bytearray()
    while True:
        length, low = divmod(length, 128)
        size.append(low | (128 if length else 0))
        if not length:
            return bytes([first]) + bytes(size) + body


def main() -> None:
    port, rate, seconds = map(int, sys.argv[1:])
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.sendall(packet(0x10, text("MQTT") + b"\x04\x02\x00\x3c" + text("loud")))
        wire.recv(4)
        began, sent = time.monotonic(), 0
        start_ms = int(time.time() * 1000) - 3_600_000
        while (past := time.monotonic() - began) < seconds:
            chunk = b""
            while sent < past * rate:
                reading = {"ts": iso(start_ms + sent), "values": {"temperature_c": 5.0}}
                body = {"v": 1, "device": "LOUD-1", "boot": 1, "seq": sent, "readings": [reading]}
                chunk += packet(0x30, text("cc/LOUD-1/up") + json.dumps(body).encode())
                sent += 1
            wire.sendall(chunk)
            time.sleep(0.01)
        sys.stdout.write(f"{sent}\n")


if __name__ == "__main__":
    main()
