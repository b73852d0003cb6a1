"""The product's own carrier believes everything that the fleet sends, arrays and faults included."""

from collections import Counter

from coldchain.domain.message import Envelope
from sensors.carriers.native import Native
from sensors.fleet.fleet import Fleet

END_MS = 1_795_363_200_000


def test_every_payload_is_understood_without_a_refusal() -> None:
    fleet = Fleet.of(7, END_MS, days=20)
    carrier = Native("main")
    seen: Counter[str] = Counter()
    for sent in fleet.messages(fleet.start_ms, END_MS):
        arrival = carrier.decode(Envelope("mqtt", sent.topic, sent.payload, sent.arrival_ms, qos=1))
        assert arrival.refusal is None
        for message in arrival.messages:
            assert message.refusals == ()
            assert message.logger == sent.logger
            assert message.oldest is not None
            assert message.oldest <= (message.boot, message.seq)
            seen["messages"] += 1
            seen["positions"] += any(reading.latitude_e7 is not None for reading in message.readings)
            seen["faults"] += any(reading.fault == "probe_open" for reading in message.readings)
        seen["arrays"] += len(arrival.messages) > 1
    assert seen["messages"] > 10_000
    assert seen["positions"] > 2_000
    assert seen["faults"] > 3
    assert seen["arrays"] > 20
