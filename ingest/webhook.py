"""Messages over HTTP: the same pipeline, one commit per request."""

from coldchain.domain.message import Envelope, Receipt
from coldchain.errors import InvalidValue, NotFound
from ingest import quarantine
from ingest.identity import restricted
from ingest.pipeline import Pipeline
from sensors.carriers.mapped import Mapped

_CREATED = frozenset({"efento"})


def accept(
    pipeline: Pipeline, source: str, body: bytes, content_type: str | None, user: str | None, received_at_ms: int,
    only: frozenset[str] | None = None,
) -> list[Receipt]:  # fmt: skip
    """Commit what one request carries; its receipts, after the commit.

    Args:
        pipeline: the road into the journal.
        source: the last part of `/ingest/{source}`; `auto` lets the carriers recognise the body.
        body: as received.
        content_type: as received.
        user: the logger that the caller is known to be, None for a caller that may speak for several.
        received_at_ms: when the request arrived.
        only: the loggers for whom alone the caller may speak; None: for any.

    Raises:
        NotFound: no carrier has this source.
        InvalidValue: the body has more than 4 MiB.
        TransientError: nothing was stored; the caller has to send again.
    """
    if source != "auto" and not _answered(pipeline, source):
        raise NotFound(f"source {source[:40]!r} is none of {', '.join(sources(pipeline))} or auto")
    if len(body) > quarantine.LARGEST:
        raise InvalidValue(f"the body has {len(body)} bytes: at most {quarantine.LARGEST} are read")
    if only is not None and len(only) == 1:  # as if this logger had signed in: a gateway speaks for its own
        [user] = only
        only = None
    envelope = Envelope("http", source, body, received_at_ms, content_type=content_type, user=user)
    if only is None:
        [receipts] = pipeline.submit([envelope])
        return receipts
    made = pipeline.commit(restricted(pipeline.arrival(envelope), only))
    return [receipt for receipts in made for receipt in receipts]


def status_of(source: str) -> int:
    """The HTTP status that senders of this source take for "stored": 202, or 201 where they repeat until it comes."""
    return 201 if source in _CREATED else 202


def sources(pipeline: Pipeline) -> list[str]:
    """What may stand for `{source}`: the carriers', and those of connections that somebody configured."""
    own = {webhook for carrier in pipeline.carriers if isinstance(carrier, Mapped) for webhook in carrier.webhooks}
    return sorted(own | {carrier.source for carrier in pipeline.carriers if _answered(pipeline, carrier.source)})


def _answered(pipeline: Pipeline, source: str) -> bool:
    """Whether a carrier, or a connection that somebody configured, answers for this source."""
    asked = Envelope("http", source, b"", 0)
    return any(carrier.claims(asked) for carrier in pipeline.carriers)
