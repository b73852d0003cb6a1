"""Who may speak for whom: a signed-in logger for itself, a gateway for the loggers that it is registered for."""

from collections.abc import Callable, Mapping

from coldchain.domain.identity import logger_id
from coldchain.domain.message import Arrival, Decoded, Envelope, Refusal
from coldchain.errors import InvalidValue
from coldchain.journal.port import Journal
from coldchain.telemetry.port import Telemetry

# Every gateway with the loggers for which it speaks, None for any.
Gateways = Callable[[], Mapping[str, frozenset[str] | None]]


def nobody() -> Mapping[str, frozenset[str] | None]:
    """No gateway is registered."""
    return {}


def vouched(arrival: Arrival, gateways: Gateways) -> Arrival:
    """`arrival` without what its signed-in sender may not say for another logger.

    Such a message is kept under its sender, with both names, and nothing that it would make us do is done.
    """
    user = arrival.envelope.user
    if user is None or all(message.logger == user for message in arrival.messages):
        return arrival
    own = sender(arrival.envelope) or user
    allowed = gateways().get(own, frozenset((own,)))
    if allowed is None:
        return arrival
    foreign = [message for message in arrival.messages if message.logger != own and message.logger not in allowed]
    if not foreign:
        return arrival
    messages = [_kept_aside(message, own) if message in foreign else message for message in arrival.messages]
    return arrival._replace(messages=tuple(messages), memory=(), commands=())


def restricted(arrival: Arrival, only: frozenset[str]) -> list[Arrival]:
    """What a sender that may speak for the loggers `only` said for them, and what it said for others, kept aside."""
    foreign = [message for message in arrival.messages if message.logger not in only]
    if not foreign:
        return [arrival]
    some = ", ".join(sorted(only)[:5]) + (f" and {len(only) - 5} more" if len(only) > 5 else "")
    own = tuple(message for message in arrival.messages if message.logger in only)
    aside = [_not_its_own(arrival.envelope, message, some) for message in foreign]
    return [*([arrival._replace(messages=own, memory=(), commands=())] if own else []), *aside]


def _not_its_own(envelope: Envelope, message: Decoded, some: str) -> Arrival:
    reason = f"the key that sent this may speak for {some}, not for {message.logger}: make a key that may"
    refusal = Refusal(reason, "logger", message.logger)
    return Arrival(envelope._replace(payload=message.payload), refusal=refusal)


def sender(envelope: Envelope) -> str | None:
    """The logger that signed in to send this, in its one spelling; None where nobody did, or it can be no logger."""
    if envelope.user is None:
        return None
    try:
        return logger_id(envelope.user)
    except InvalidValue:
        return None


def sent_by(history: Telemetry, journal: Journal) -> Callable[[str, int], str | None]:
    """Who signed in to send what another logger had measured at a moment (ms), by the journal; None for nobody."""

    def asked(logger: str, at_ms: int) -> str | None:
        for reading in history.readings(logger, at_ms, at_ms + 1):
            message = journal.message(reading.message)
            if message is not None and (name := sender(message.envelope)) not in (None, logger):
                return name
        return None

    return asked


def _kept_aside(message: Decoded, user: str) -> Decoded:
    """Under its sender and by its content: it must not take a number that the other logger may use one day."""
    reason = (
        f"logger {message.logger} is not {user}, which sent this: register {user} as a gateway that speaks for "
        f"{message.logger}, or let {message.logger} sign in itself"
    )
    return Decoded(user, "", message.payload, message.adapter, refusals=(Refusal(reason, "user", message.logger),))
