"""What a device profile would read: kept messages through the very code of the intake, without storing anything."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from coldchain.domain.device_profile import Assignment
from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from coldchain.domain.reading import Reading
from coldchain.journal.port import StoredMessage
from dashboard.parts.logger_forms import catalogue_of
from dashboard.services import Services
from ingest.pipeline import Pipeline
from ingest.registered import RegistryMemory
from sensors.carriers.mapped import Mapped
from sensors.carriers.port import NOTHING, Carrier, Context, Extract
from sensors.device_profiles.catalogue import Entry, Snapshot
from sensors.device_profiles.profile import Profile
from sensors.faults import Limits


class Fields(NamedTuple):
    """The model's own fields in a message, as its carrier hands them to a device profile."""

    carrier: str
    logger: str
    hints: Mapping[str, str]
    tree: Any
    recalled: bool = False  # read with what its carrier remembers of earlier messages


class Tried(NamedTuple):
    """What one kept message would become."""

    offset: int
    received_at_ms: int
    readings: tuple[Reading, ...]
    refusals: tuple[Refusal, ...]
    logger: str | None
    status: Mapping[str, Any]
    understood: bool


class _Catcher:
    """A device profile, and the catalogue that gives it to everybody, that only look at what they are asked."""

    label, counts, codec, interval_ms = "trial@1", True, None, None
    limits: Mapping[str, Limits] = {}

    def __init__(self) -> None:
        self.asked: tuple[str, Mapping[str, str]] | None = None
        self.tree: Any = None

    def of(self, logger: str, hints: Mapping[str, str]) -> "_Catcher":
        self.asked = (logger, dict(hints))
        return self

    def read(self, tree: Any) -> Extract:
        self.tree = tree
        return Extract()


Remembered = Mapping[str, Mapping[str, Any]]  # by carrier: what the intake's carriers remember


def remembered(services: Services) -> Remembered:
    """What the carriers of the intake remember now, such as the births of Sparkplug's nodes; only read."""
    return RegistryMemory(services.registry, services.clock).load()


def fields_of(carriers: Sequence[Carrier], envelope: Envelope, memory: Remembered = NOTHING) -> Fields | None:
    """The fields of the message's model, if a carrier answers for it and asks for a device profile."""
    auto = envelope.transport == "http" and envelope.source == "auto"
    for carrier in carriers:
        if carrier.recognises(envelope) if auto else carrier.claims(envelope):
            catcher = _Catcher()
            carrier.decode(envelope, Context(catcher, memory.get(carrier.source, NOTHING)))
            if catcher.asked is None or catcher.tree is None:
                return None
            return Fields(carrier.name, *catcher.asked, catcher.tree, carrier.source in memory)
    return None


def tried(
    services: Services, messages: Sequence[StoredMessage], draft: Profile | None, assigned: Mapping[str, str] = NOTHING
) -> list[Tried]:
    """What these messages would become with `draft` among the saved profiles and given to the `assigned` loggers.

    Args:
        services: of the installation; nothing of it is changed.
        messages: as kept.
        draft: a profile that nobody saved; None: the profiles as they are.
        assigned: by logger, the label of the profile that it would have.
    """
    catalogue = catalogue_of(services)
    if draft is not None or assigned:
        entries = [*catalogue.entries, *([Entry(draft, "saved")] if draft is not None else [])]
        said = {logger: Assignment(label, _zone(catalogue, logger)) for logger, label in assigned.items()}
        catalogue = Snapshot(entries, {**catalogue.assignments, **said})
    pipeline = services.pipeline
    carriers = [_with(carrier, catalogue) for carrier in pipeline.carriers]
    # Nothing is written into this memory: only committing would.
    memory = RegistryMemory(services.registry, services.clock)
    trial = Pipeline(pipeline.journal, pipeline.clock, pipeline.tenant, carriers, lambda: catalogue, memory)
    return [_reading(message, trial.arrival(message.envelope)) for message in messages]


def _with(carrier: Carrier, catalogue: Snapshot) -> Carrier:
    """The carrier; one of connections by configuration knows those of the trial's catalogue."""
    if isinstance(carrier, Mapped):
        return Mapped(lambda: catalogue, own=carrier.source == "mapped")
    return carrier


def _zone(catalogue: Snapshot, logger: str) -> str | None:
    known = catalogue.assignments.get(logger)
    return None if known is None else known.zone


def _reading(message: StoredMessage, arrival: Arrival) -> Tried:
    decoded: tuple[Decoded, ...] = arrival.messages
    bare = () if arrival.refusal is None else (arrival.refusal,)
    status = {name: value for one in decoded for name, value in (one.status or {}).items()}
    return Tried(
        message.offset,
        message.envelope.received_at_ms,
        tuple(reading for one in decoded for reading in one.readings),
        (*bare, *(refusal for one in decoded for refusal in one.refusals)),
        decoded[0].logger if decoded else message.logger,
        status,
        bool(decoded) and not any(one.undecoded for one in decoded),
    )
