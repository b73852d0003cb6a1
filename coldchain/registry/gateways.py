"""Loggers that are gateways: they speak for the tags around them, of a list or any."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, null, select, update

from coldchain.domain.identity import logger_id
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry.changes import changed
from coldchain.registry.schema import logger

_MOST = 10_000  # loggers of one list

Gateways = Mapping[str, frozenset[str] | None]


def declare(
    connection: Connection,
    id: str,  # noqa: A002
    *,
    gateway: bool,
    gateway_for: Sequence[str] | None = None,
    who: str,
    now_ms: int,
) -> None:
    """Say whether a registered logger is a gateway, and for which loggers it speaks (None: any).

    Raises:
        NotFound: the logger is not registered.
        InvalidValue: a list without a gateway, or one with something that is no logger id.
    """
    if gateway_for is not None and not gateway:
        raise InvalidValue("gateway_for: only a gateway speaks for others; set gateway as well")
    if gateway_for is not None and len(gateway_for) > _MOST:
        raise InvalidValue(f"gateway_for: {len(gateway_for)} loggers; at most {_MOST}, or leave it out for any")
    listed = None if gateway_for is None else sorted({logger_id(one) for one in gateway_for})
    values = {"gateway": gateway, "gateway_for": null() if listed is None else listed}
    if connection.execute(update(logger).where(logger.c.id == id).values(values)).rowcount == 0:
        raise NotFound(f"no registered logger {id!r}")
    said = {"gateway": gateway, "gateway_for": listed}
    changed(connection, who=who, now_ms=now_ms, action="gateway declared", kind="logger", id=id, new=said)


def known(connection: Connection) -> dict[str, frozenset[str] | None]:
    """Every gateway that is not retired, with the loggers for which it speaks; None: for any."""
    query = select(logger.c.id, logger.c.gateway_for).where(logger.c.gateway, logger.c.retired_ms.is_(None))
    rows = connection.execute(query)
    return {row.id: None if row.gateway_for is None else frozenset(row.gateway_for) for row in rows}
