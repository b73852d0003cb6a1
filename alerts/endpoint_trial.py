"""Trying an endpoint out: one test event now, and what it answered."""

import ssl
from typing import NamedTuple

from alerts.channels.apprise import AppriseChannel
from alerts.channels.port import Channel, Deferred, Refused
from alerts.channels.webhook import Target, WebhookChannel
from alerts.messages_event import test_event, test_note
from coldchain.clock import Clock
from coldchain.registry import endpoints
from coldchain.registry.store import Registry, new_id


class Trial(NamedTuple):
    """What the endpoint of this name answered, and whether it took the event."""

    name: str
    taken: bool
    code: str
    detail: str


def try_out(
    registry: Registry, clock: Clock, endpoint: str, public_url: str, context: ssl.SSLContext | None = None
) -> Trial:
    """Send a test event, outside any transaction; an endpoint that took it is on record as one that answers.

    Args:
        registry: where it is known, and where its answer is written down.
        clock: the time.
        endpoint: its id; one that is switched off is tried as well.
        public_url: of this installation, which is the event's source.
        context: overrides the certificate authorities.

    Raises:
        NotFound: there is no such endpoint.
    """
    now_ms = clock.now_ms()
    with registry.read() as connection:
        known = endpoints.get(connection, endpoint)
    target = Target(known.url, known.secrets, known.private)
    channel: Channel
    if known.channel == "apprise":
        channel, message = AppriseChannel(lambda _: target), test_note(endpoint, new_id(), public_url)
    else:
        channel = WebhookChannel(lambda _: target, clock, context)
        message = test_event(endpoint, new_id(), public_url, now_ms)
    try:
        sent = channel.send(message)
    except (Deferred, Refused) as error:
        return Trial(known.name, taken=False, code=error.code, detail=str(error))
    with registry.write() as connection:
        endpoints.answered(connection, endpoint, now_ms)
    return Trial(known.name, taken=True, code=sent.code, detail=sent.detail)
