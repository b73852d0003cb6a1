"""From an envelope to a receipt: decode > check > time > commit; whoever holds the receipt may acknowledge."""

from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from coldchain import metrics
from coldchain.clock import Clock
from coldchain.domain.message import Arrival, Envelope, Receipt
from coldchain.journal.port import Journal
from ingest import quarantine
from ingest.timing import timed
from sensors.carriers.native import Native
from sensors.carriers.port import Carrier, Context, NoProfiles, Profiles

_log = structlog.get_logger(__name__)


class Pipeline:
    """The only road into the journal. Safe to use from several threads; the journal orders their commits."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        tenant: str = "main",
        carriers: Sequence[Carrier] | None = None,
        profiles: Callable[[], Profiles] = NoProfiles,
    ) -> None:
        """Speak for `tenant` with `carriers`, the native one alone by default; the first that claims decodes.

        `profiles` gives the device profiles as they are now: they change without a restart.
        """
        self.journal = journal
        self.clock = clock
        self.tenant = tenant
        self.carriers: tuple[Carrier, ...] = (Native(tenant),) if carriers is None else tuple(carriers)
        self.profiles = profiles

    def arrival(self, envelope: Envelope) -> Arrival:
        """What `envelope` says, judged by the clock of its arrival. Pure; never raises."""
        envelope = quarantine.bounded(envelope)
        if envelope.length is not None:
            return quarantine.oversize(envelope)
        try:
            arrival = self._decoded(envelope)
            at_ms, retained = envelope.received_at_ms, envelope.retain
            messages = tuple([timed(message, at_ms, retained=retained) for message in arrival.messages])
        except Exception as error:  # noqa: BLE001 - a carrier's bug must not stop intake: its message is kept aside
            _log.error("carrier_failed", source=envelope.source, error=quarantine.where(error))
            return quarantine.broken(envelope, "its carrier", error)
        return arrival._replace(envelope=envelope, messages=messages)

    def submit(self, envelopes: Sequence[Envelope]) -> list[list[Receipt]]:
        """Commit what `envelopes` say; the receipts of each, at least one, after the commit.

        Raises:
            TransientError: nothing was stored and nothing may be acknowledged.
        """
        return self.commit([self.arrival(envelope) for envelope in envelopes])

    def commit(self, arrivals: Sequence[Arrival]) -> list[list[Receipt]]:
        """Commit arrivals that were judged already.

        Raises:
            TransientError: nothing was stored and nothing may be acknowledged.
        """
        with metrics.COMMIT_SECONDS.time():
            receipts = self.journal.append(arrivals)
        metrics.COMMIT_MESSAGES.observe(len(receipts))
        _count(receipts)
        remaining = iter(receipts)
        return [[next(remaining) for _ in range(max(1, len(arrival.messages)))] for arrival in arrivals]

    def _decoded(self, envelope: Envelope) -> Arrival:
        if envelope.transport == "http" and envelope.source == "auto":
            for carrier in self.carriers:
                if carrier.recognises(envelope):
                    return carrier.decode(envelope, self._context())
            return quarantine.unknown_source(envelope)
        for carrier in self.carriers:
            if carrier.claims(envelope):
                return carrier.decode(envelope, self._context())
        return quarantine.unknown_source(envelope)

    def _context(self) -> Context:
        return Context(self.profiles())


def _count(receipts: Sequence[Receipt]) -> None:
    for outcome, count in Counter(receipt.outcome for receipt in receipts).items():
        metrics.MESSAGES.labels(outcome.value).inc(count)
    metrics.READINGS.inc(sum(len(receipt.stored) for receipt in receipts))
