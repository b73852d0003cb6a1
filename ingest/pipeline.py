"""From an envelope to a receipt: decode > check > time > commit; whoever holds the receipt may acknowledge."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from coldchain import metrics
from coldchain.clock import Clock
from coldchain.domain.message import Arrival, Envelope, Outcome, Receipt
from coldchain.errors import TransientError
from coldchain.journal.port import Journal
from ingest import quarantine
from ingest.claimants import Claimants
from ingest.commands import Commands
from ingest.identity import Gateways, nobody, sender, vouched
from ingest.memory import CarrierMemory, Forgetful, MemoryStore
from ingest.timing import timed
from sensors.carriers.native import Native
from sensors.carriers.port import Addressed, Carrier, Context, NoProfiles, Profiles

_log = structlog.get_logger(__name__)

_NAMED, _OTHER = 1000, "other"  # loggers that a metric names, and what it calls the others
_NOBODYS = "none@1"  # the adapter of a message that no carrier claims
_NOTHING_KEPT = Receipt(Outcome.NO_READING, None, 0)  # of a canary


class Pipeline:
    """The only road into the journal. Safe to use from several threads; the journal orders their commits."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        tenant: str = "main",
        carriers: Sequence[Carrier] | None = None,
        profiles: Callable[[], Profiles] = NoProfiles,
        memory: MemoryStore | None = None,
        gateways: Gateways = nobody,
        pass_canary: Callable[[str, int], None] = lambda _road, _sent_ms: None,
        heard: Callable[[Sequence[Receipt]], None] = lambda _receipts: None,
    ) -> None:
        """Speak for `tenant` with `carriers`, the native one alone by default; the first that claims decodes.

        Args:
            journal: where messages go.
            clock: times arrivals and commands.
            tenant: second level of the topics `cc/v1/{tenant}/…`.
            carriers: who decodes.
            profiles: gives the device profiles as they are now: they change without a restart.
            memory: where carriers' memory outlives the process; only one process may hear sessions, so only its
                pipeline has one.
            gateways: gives the loggers that may speak for others, as they are now.
            pass_canary: commits the mark of a canary, given its road and when it set out.
            heard: told of every receipt.
        """
        self.journal = journal
        self.clock = clock
        self.tenant = tenant
        self.carriers: tuple[Carrier, ...] = (Native(tenant),) if carriers is None else tuple(carriers)
        self._claimants = Claimants(self.carriers)
        self.profiles = profiles
        self.commands = Commands(clock)
        self._oversized: set[str] = set()
        self._gateways = gateways
        self._pass_canary = pass_canary
        self._heard = heard
        self._memory = CarrierMemory(memory or Forgetful())
        self._turn = threading.RLock()  # what one message makes a carrier remember, the next is read with

    def arrival(
        self, envelope: Envelope, context: Context | None = None, memory: CarrierMemory | None = None
    ) -> Arrival:
        """What `envelope` says, judged by the clock of its arrival. Changes nothing.

        Args:
            envelope: as it arrived.
            context: what holds for several envelopes, to be looked up once.
            memory: what carriers remember; by default what they remember now.

        Raises:
            TransientError: what carriers or gateways need to know cannot be read now.
        """
        envelope = quarantine.bounded(envelope)
        if envelope.length is not None:
            return self._oversize(envelope)
        try:
            said = self._decoded(envelope, context or self._context(), memory or self._memory)
            arrival = vouched(said, self._gateways)
            at_ms, retained = envelope.received_at_ms, envelope.retain
            messages = tuple([timed(message, at_ms, retained=retained) for message in arrival.messages])
        except TransientError:
            raise
        except Exception as error:  # noqa: BLE001 - a carrier's bug must not stop intake: its message is kept aside
            metrics.ADAPTER_ERRORS.inc()
            _log.error("carrier_failed", source=envelope.source, error=quarantine.where(error))
            return quarantine.broken(envelope, "its carrier", error)
        # Mostly nothing had to be moved, and making an equal value again would cost as much as reading the message.
        same = arrival.envelope is envelope and messages == arrival.messages
        return arrival if same else arrival._replace(envelope=envelope, messages=messages)

    def rereading(self) -> Callable[[Envelope], Arrival]:
        """Reads kept messages, each with what those before it declared and not with what is declared now.

        Give it the messages in the order of their arrival. It changes nothing.
        """
        memory = CarrierMemory(Forgetful())

        def read(envelope: Envelope) -> Arrival:
            arrival = self.arrival(envelope, memory=memory)
            if arrival.memory:
                memory.stage(arrival)
            return arrival

        return read

    def submit(self, envelopes: Sequence[Envelope]) -> list[list[Receipt]]:
        """Commit what `envelopes` say; the receipts of each, at least one, after the commit.

        Raises:
            TransientError: nothing was stored and nothing may be acknowledged.
        """
        with self._remembering():
            context = self._context()
            arrivals = []
            for envelope in envelopes:
                arrival = self.arrival(envelope, context)
                if arrival.memory:
                    self._memory.stage(arrival)
                arrivals.append(arrival)
            return self._committed(arrivals)

    def commit(self, arrivals: Sequence[Arrival]) -> list[list[Receipt]]:
        """Commit arrivals that were judged already.

        Raises:
            TransientError: nothing was stored and nothing may be acknowledged.
        """
        with self._remembering():
            for arrival in arrivals:
                if arrival.memory:
                    self._memory.stage(arrival)
            return self._committed(arrivals)

    def _committed(self, arrivals: Sequence[Arrival]) -> list[list[Receipt]]:
        """Commit, write down what was staged, and only then pass on what carriers ask for."""
        with metrics.COMMIT_SECONDS.time():
            kept = [arrival for arrival in arrivals if arrival.mark is None]
            receipts = self.journal.append(kept)
            for arrival in arrivals:
                if arrival.mark is not None:
                    self._pass_canary(*arrival.mark)
        self._memory.keep()
        for arrival in arrivals:
            if arrival.commands:
                self.commands.post(arrival.commands)
        metrics.COMMIT_MESSAGES.observe(len(receipts))
        _count(receipts)
        self._heard(receipts)
        self._count_oversize(arrivals)
        remaining = iter(receipts)
        return [
            [_NOTHING_KEPT] if arrival.mark is not None else
            [next(remaining) for _ in range(max(1, len(arrival.messages)))]
            for arrival in arrivals
        ]  # fmt: skip

    def _decoded(self, envelope: Envelope, context: Context, memory: CarrierMemory) -> Arrival:
        if envelope.transport == "http" and envelope.source == "auto":
            for carrier in self.carriers:
                if carrier.recognises(envelope):
                    return _read(carrier, envelope, context, memory)
            return quarantine.unknown_source(envelope)
        claimant = self._claimants.of(envelope)
        return quarantine.unknown_source(envelope) if claimant is None else _read(claimant, envelope, context, memory)

    def _oversize(self, envelope: Envelope) -> Arrival:
        logger, adapter = sender(envelope), _NOBODYS
        claimant = self._claimants.of(envelope)
        if claimant is not None:
            adapter = claimant.name
            if isinstance(claimant, Addressed):
                logger = claimant.speaker(envelope) or logger
        return vouched(quarantine.oversize(envelope, logger, adapter), self._gateways)

    def _count_oversize(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            if arrival.envelope.length is not None:
                logger = arrival.messages[0].logger if arrival.messages else _OTHER
                known = logger in self._oversized or len(self._oversized) < _NAMED
                self._oversized.add(logger if known else _OTHER)
                metrics.OVERSIZE.labels(logger if known else _OTHER).inc()

    @contextmanager
    def _remembering(self) -> Iterator[None]:
        """One thread at a time; what was staged is taken back if nothing comes of it."""
        with self._turn:
            try:
                yield
            except BaseException:
                self._memory.take_back()
                raise

    def _context(self) -> Context:
        return Context(self.profiles())


def _read(carrier: Carrier, envelope: Envelope, context: Context, memory: CarrierMemory) -> Arrival:
    remembered = memory.of(carrier.source)
    arrival = carrier.decode(envelope, context._replace(memory=remembered) if remembered else context)
    return arrival._replace(carrier=carrier.source) if arrival.memory else arrival


def _count(receipts: Sequence[Receipt]) -> None:
    for outcome, count in Counter(receipt.outcome for receipt in receipts).items():
        metrics.MESSAGES.labels(outcome.value).inc(count)
    metrics.READINGS.inc(sum(len(receipt.stored) for receipt in receipts))
