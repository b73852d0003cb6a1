"""Every carrier beside the native one, and the subscriber with a mixed fleet beside itself with a native one.

One message in turns, read to its readings as ingest reads it, without storing: messages a second of processor time.
Those ratios are for information, because other formats hold more than the native one (gateways, models, radio) and say
less of what it means. Held is the fleet's: fifty loggers of ten formats through a real Mosquitto, stored durably,
beside as many that speak the native format. By the subscriber's own processor time it is told once more: what the
ratio comes to where other work leaves it no core for the broker's side.
"""

import time

from bench.listener import LOGGERS
from bench.processes import scratch, server
from bench.subscriber import drained
from bench.table import Anchor, absent, per_second, rates
from coldchain.domain.message import Envelope
from sensors.carriers.port import Carrier, Context
from sensors.carriers.shipped import carriers

TURNS, ROUNDS = 5, 400
MIXED = "subscriber: mixed fleet / native"


def measure(scale: float) -> list[Anchor]:
    return [*_decoders(max(20, round(ROUNDS * scale))), *_mixed(max(20, round(400 * scale)))]


def _decoders(rounds: int) -> list[Anchor]:
    """Each carrier and the native one in turns: a busy machine slows both."""
    from carrier_examples import EXAMPLES, PROFILES

    known = {carrier.source: carrier for carrier in carriers("main", lambda: PROFILES)}
    context = Context(PROFILES)
    native = EXAMPLES["native"][0]
    anchors = []
    for name, envelopes in EXAMPLES.items():
        ours, theirs = [], []
        for _ in range(TURNS):
            ours.append(_rate(known[name], envelopes[0], context, rounds))
            theirs.append(_rate(known["native"], native, context, rounds))
        rate, beside, ratio = rates(ours, theirs)
        found = known[name].decode(envelopes[0], context)
        said = f"{len(envelopes[0].payload)} bytes, {sum(len(one.readings) for one in found.messages)} readings"
        anchors.append(Anchor(f"{name} / native, decoded", per_second(rate), per_second(beside), ratio, "", said))
    return anchors


def _rate(carrier: Carrier, envelope: Envelope, context: Context, rounds: int) -> float:
    began = time.thread_time()
    for _ in range(rounds):
        carrier.decode(envelope, context)
    return rounds / (time.thread_time() - began)


def _mixed(each: int) -> list[Anchor]:
    import servers

    mixed: list[tuple[float, float]] = []
    native: list[tuple[float, float]] = []
    with scratch() as folder:
        for turn in range(3):
            for load, rates_ in (("mixed", mixed), ("publish", native)):
                place = folder / f"{turn}-{load}"
                place.mkdir()
                broker = server(servers.mosquitto_server, place)
                if isinstance(broker, str):
                    return [absent(MIXED, broker, ">= 0.5")]
                try:
                    rates_.append(drained(broker, place / "journal.db", each, load, "--all-carriers"))
                finally:
                    if isinstance(broker, servers.Process):
                        broker.kill()
    ours, theirs, ratio = rates([one for one, _ in mixed], [one for one, _ in native])
    spent, beside, share = rates([one for _, one in mixed], [one for _, one in native])
    return [
        Anchor(MIXED, per_second(ours), per_second(theirs), ratio, ">= 0.5", f"{LOGGERS} loggers, durable"),
        Anchor(f"{MIXED}, by processor time", per_second(spent), per_second(beside), share, "", "where cores are busy"),
    ]
