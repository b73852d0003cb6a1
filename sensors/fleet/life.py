"""A logger's life: switched on, sampling, in and out of reach; and what of it arrives at the receiver, and when."""

import heapq
import random
from collections.abc import Iterator
from typing import NamedTuple

from coldchain.domain.reading import shard_of
from sensors.fleet.device import Device, Kept, bundle
from sensors.fleet.journey import Journey, Sample

# Backfill goes out in arrays of this many messages, a little more than a second apart.
_MESSAGES_PER_ARRAY = 20
_LOST_ACKNOWLEDGEMENTS = 0.004


class Sent(NamedTuple):
    """One MQTT publish as it reaches the receiver."""

    arrival_ms: int
    logger: str
    topic: str
    payload: bytes


class Event(NamedTuple):
    """One step of a logger's life: `sample` is None when it is switched on or off."""

    kind: str  # on | sample | off
    time_ms: int
    sample: Sample | None = None


def events(journeys: list[Journey]) -> Iterator[Event]:
    """The whole life of a logger, journey after journey, in order of time; a dead logger has no samples."""
    for journey in journeys:
        yield Event("on", journey.setup.from_ms)
        for sample in journey.samples():
            if "silent" not in sample.going_on:
                yield Event("sample", sample.time_ms, sample)
        yield Event("off", journey.setup.to_ms)


def live(device: Device, event: Event) -> bool:
    """Apply one event to the device; True if it now tries to send."""
    if event.sample is None:
        if event.kind == "on":
            device.switch_on(event.time_ms)
            return False
        device.finish()
        return bool(device.memory)
    sample = event.sample
    resetting = "clock_reset" in sample.going_on
    if resetting and device.clock_is_set:
        device.lose_power(sample.time_ms)
    elif not resetting and not device.clock_is_set:
        device.synchronise(sample.time_ms)
    return device.take(sample) and sample.radio


def topic_of(device: Device, tenant: str) -> str:
    """Where this logger publishes: models differ in whether they know their tenant and shard."""
    if device.model.long_topic:
        return f"cc/v1/{tenant}/{shard_of(device.logger)}/{device.logger}/up"
    return f"cc/{device.logger}/up"


def down_topic_of(device: Device, tenant: str) -> str:
    """Where this logger listens for its watermark."""
    return topic_of(device, tenant).removesuffix("/up") + "/down"


def arrivals(device: Device, journeys: list[Journey], *, seed: int, tenant: str) -> Iterator[Sent]:
    """What arrives of a logger's life, in order of arrival: prompt in reach, in a burst after a dead zone.

    Each message is delivered and committed as soon as it is sent; now and then the acknowledgement is lost and the
    same bytes come a second time.
    """
    draw = random.Random(f"{seed}/{device.logger}/radio")  # noqa: S311 - a simulation, not a secret
    topic = topic_of(device, tenant)
    in_flight: list[Sent] = []
    for event in events(journeys):
        while in_flight and in_flight[0].arrival_ms < event.time_ms:
            yield heapq.heappop(in_flight)
        if not live(device, event):
            continue
        at_ms = event.time_ms
        for parcel in parcels(device.unsent_in_order()):
            at_ms += draw.randint(700, 2400)
            sent = Sent(at_ms, device.logger, topic, bundle(parcel))
            heapq.heappush(in_flight, sent)
            if draw.random() < _LOST_ACKNOWLEDGEMENTS:
                heapq.heappush(in_flight, sent._replace(arrival_ms=at_ms + draw.randint(8_000, 40_000)))
        device.forget_through(device.boot, device.seq)
    while in_flight:
        yield heapq.heappop(in_flight)


def parcels(messages: list[Kept]) -> Iterator[list[Kept]]:
    """Messages in the portions in which they are published: one alone, a backlog in arrays."""
    if len(messages) <= 2:
        yield from ([kept] for kept in messages)
        return
    for start in range(0, len(messages), _MESSAGES_PER_ARRAY):
        yield messages[start : start + _MESSAGES_PER_ARRAY]
