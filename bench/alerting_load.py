"""The load of `bench.alerting`: readings at an even pace from many loggers, and now and then one to be told of."""

import json
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from coldchain.domain.quantity import iso

_CLIENTS, _TURN_S = 10, 0.05


def main() -> None:
    port, seconds, rate, shots_per_s, bound, registered = map(int, sys.argv[1:])
    clients = []
    for number in range(_CLIENTS):
        client = mqtt.Client(CallbackAPIVersion.VERSION2, f"load-{number}")
        client.max_queued_messages_set(0)
        client.max_inflight_messages_set(2000)
        client.connect("127.0.0.1", port)
        client.loop_start()
        clients.append(client)
    shots: dict[str, float] = {}
    for number in range(registered):  # once each: a logger that was never heard is news to everybody
        _publish(clients[number % _CLIENTS], number, 0, (5.0,))
        if number % 100 == 0:
            time.sleep(100 / rate)
    print(json.dumps("warm"), flush=True)
    sys.stdin.readline()
    sent, began = 0, time.time()
    while (past := time.time() - began) < seconds:
        while sent < past * rate:
            _publish(clients[sent % _CLIENTS], bound + sent % (registered - bound), sent + 1, (5.0,))
            sent += 1
        if len(shots) < min(past * shots_per_s, bound):
            number = len(shots)
            shots[f"lg-{number:05d}"] = time.time()
            _publish(clients[number % _CLIENTS], number, sent + 1, (5.0, 17.0, 18.0))
        time.sleep(_TURN_S)
    took = time.time() - began
    for client in clients:
        client.disconnect()
        client.loop_stop()
    print(json.dumps({"shots": shots, "rate": sent / took}), flush=True)


def _publish(client: mqtt.Client, logger: int, seq: int, values: tuple[float, ...]) -> None:
    """One message with the newest reading now and the others a second apart before it."""
    now_ms = int(time.time() * 1000)
    rows = [
        {"ts": iso(now_ms - 1000 * (len(values) - 1 - place)), "values": {"temperature_c": value}}
        for place, value in enumerate(values)
    ]
    body = {"v": 1, "device": f"LG-{logger:05d}", "boot": 1, "seq": seq, "readings": rows}
    client.publish(f"cc/LG-{logger:05d}/up", json.dumps(body), qos=1)


if __name__ == "__main__":
    main()
