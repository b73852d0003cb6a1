"""Registered loggers: what they are, how they prove who they are, and how well they measure."""

import hmac
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, update

from coldchain.domain.identity import logger_id
from coldchain.domain.quantity import iso
from coldchain.domain.shipment import FactKind
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import device_profiles, facts, passwords
from coldchain.registry.changes import changed
from coldchain.registry.people import checked_text
from coldchain.registry.schema import calibration, fact, logger
from coldchain.registry.scope import loggers_of
from coldchain.registry.store import new_id
from coldchain.registry.viewer import Viewer

_SHORTEST_INTERVAL_MS, _LONGEST_INTERVAL_MS = 1000, 7 * 24 * 3_600_000


class Logger(NamedTuple):
    """A registered logger."""

    id: str
    device_profile: str | None
    model: str | None
    serial: str | None
    note: str | None
    has_password: bool
    created_ms: int
    retired_ms: int | None
    gateway: bool = False
    gateway_for: list[str] | None = None  # the loggers that a gateway speaks for; None: any
    zone: str | None = None  # IANA, of the local times that it writes


class Calibration(NamedTuple):
    """One calibration, with the body as its certificate says it."""

    id: str
    logger: str
    certificate: str
    laboratory: str | None
    calibrated_ms: int
    due_ms: int
    body: dict[str, Any]
    recorded_ms: int
    who: str


class NewCalibration(NamedTuple):
    """What a person records of a certificate."""

    certificate: str
    calibrated_ms: int
    due_ms: int
    laboratory: str | None = None
    body: dict[str, Any] = {}  # noqa: RUF012  never written to


def register(
    connection: Connection,
    id: str,  # noqa: A002
    *,
    who: str,
    now_ms: int,
    device_profile: str | None = None,
    model: str | None = None,
    serial: str | None = None,
    note: str | None = None,
    interval_ms: int | None = None,
) -> None:
    """Register a logger, or complete one that a binding registered by its id alone; `new_password` gives it one.

    Raises:
        InvalidValue: names the field, the value and the remedy.
    """
    plain = logger_id(id)
    known = get(connection, plain)
    if known is not None and (known.has_password or any((known.device_profile, known.model, known.serial, known.note))):
        raise InvalidValue(f"logger: {plain!r} is registered already; record its calibration or interval instead")
    about = {"device_profile": device_profile, "model": model, "serial": serial, "note": note}
    about = {field: None if text is None else checked_text(field, text, 500) for field, text in about.items()}
    if known is None:
        connection.execute(logger.insert().values(id=plain, created_ms=now_ms, **about))
    else:
        connection.execute(update(logger).where(logger.c.id == plain).values(**about))
    device_profiles.touch(connection)
    changed(connection, who=who, now_ms=now_ms, action="logger registered", kind="logger", id=plain, new=about)
    if interval_ms is not None:
        declare_interval(connection, plain, interval_ms, who=who, now_ms=now_ms)


def new_password(connection: Connection, id: str, *, who: str, now_ms: int) -> str:  # noqa: A002
    """Give a registered logger a fresh MQTT password (32 random bytes); the old one stops working.

    Raises:
        NotFound: not registered.
    """
    secret = passwords.token()
    row = update(logger).where(logger.c.id == id).values(mqtt_password_hash=passwords.digest(secret))
    if connection.execute(row).rowcount == 0:
        raise NotFound(f"no registered logger {id!r}")
    changed(connection, who=who, now_ms=now_ms, action="logger password made", kind="logger", id=id)
    return secret


def password_is(connection: Connection, id: str, secret: str) -> bool:  # noqa: A002
    """Whether a logger that is registered and not retired has this MQTT password."""
    query = select(logger.c.mqtt_password_hash).where(logger.c.id == id, logger.c.retired_ms.is_(None))
    stored = connection.execute(query).scalar_one_or_none()
    return stored is not None and hmac.compare_digest(stored, passwords.digest(secret))


def declare_interval(
    connection: Connection,
    id: str,  # noqa: A002
    interval_ms: int,
    *,
    who: str,
    now_ms: int,
    reason: str | None = None,
    from_ms: int = 0,
) -> None:
    """Say how often a logger reports, from a moment on or (0) ever since; what it serves is judged again.

    Raises:
        InvalidValue: not within a second and a week.
    """
    if not _SHORTEST_INTERVAL_MS <= interval_ms <= _LONGEST_INTERVAL_MS:
        raise InvalidValue(f"interval_s: {interval_ms / 1000:g} is not within 1 second and 7 days")
    body = {"interval_ms": interval_ms, "source": "declared"}
    known = facts.known(connection, loggers=[id], kinds=[FactKind.INTERVAL])
    replaced = [item for item in known if item.valid_from_ms >= from_ms]
    for later in replaced[1:]:
        facts.withdraw(connection, later.id, who=who, reason=reason or "declared otherwise", now_ms=now_ms)
    if replaced:
        facts.supersede(
            connection, replaced[0].id, body=body, valid_from_ms=from_ms, who=who, reason=reason or "declared",
            now_ms=now_ms,
        )  # fmt: skip
    else:
        facts.add(
            connection, kind=FactKind.INTERVAL, body=body, valid_from_ms=from_ms, logger=id, who=who, reason=reason,
            now_ms=now_ms,
        )  # fmt: skip


def declared_interval(connection: Connection, id: str) -> int | None:  # noqa: A002
    """The reporting interval in milliseconds that is on record for a logger, declared or estimated."""
    known = facts.known(connection, loggers=[id], kinds=[FactKind.INTERVAL])
    return int(known[-1].body["interval_ms"]) if known else None


def declared_intervals(connection: Connection, only: Sequence[str] | None = None) -> dict[str, int]:
    """As `declared_interval`, of every logger (or of `only` these) that has one."""
    known = facts.known(connection, loggers=only, kinds=[FactKind.INTERVAL])
    return {fact.logger: int(fact.body["interval_ms"]) for fact in known if fact.logger is not None}


def calibrate(connection: Connection, id: str, new: NewCalibration, *, who: str, now_ms: int) -> str:  # noqa: A002
    """Record a calibration certificate; return its id.

    Raises:
        NotFound: the logger is not registered.
        InvalidValue: names the field, the value and the remedy.
    """
    if get(connection, id) is None:
        raise NotFound(f"no registered logger {id!r}")
    if new.due_ms <= new.calibrated_ms:
        raise InvalidValue(f"calibration.due: {iso(new.due_ms)} is not after {iso(new.calibrated_ms)}")
    id_ = new_id()
    row = new._asdict() | {"certificate": checked_text("calibration.certificate", new.certificate, 200)}
    connection.execute(calibration.insert().values(id=id_, logger=id, recorded_ms=now_ms, who=who, **row))
    body = {"certificate": row["certificate"], "calibration": id_}
    facts.add(
        connection, kind=FactKind.CALIBRATION, body=body, valid_from_ms=new.calibrated_ms, valid_to_ms=new.due_ms,
        logger=id, who=who, now_ms=now_ms,
    )  # fmt: skip
    public = body | {"calibrated": iso(new.calibrated_ms), "due": iso(new.due_ms)}
    changed(connection, who=who, now_ms=now_ms, action="calibration recorded", kind="logger", id=id, new=public)
    return id_


def calibrations(connection: Connection, id: str) -> list[Calibration]:  # noqa: A002
    """A logger's calibrations, newest first."""
    query = select(calibration).where(calibration.c.logger == id).order_by(calibration.c.calibrated_ms.desc())
    return [Calibration(*row) for row in connection.execute(query)]


def calibrated(connection: Connection, id: str, at_ms: int) -> bool:  # noqa: A002
    """Whether a calibration of this logger is valid at a moment."""
    return any(c.calibrated_ms <= at_ms < c.due_ms for c in calibrations(connection, id))


def latest_calibrations(connection: Connection, only: Sequence[str] | None = None) -> dict[str, Calibration]:
    """The newest calibration of every logger (or of `only` these) that has one."""
    query = select(calibration).order_by(calibration.c.calibrated_ms)
    if only is not None:
        query = query.where(calibration.c.logger.in_(only))
    return {row.logger: Calibration(*row) for row in connection.execute(query)}


def get(connection: Connection, id: str) -> Logger | None:  # noqa: A002
    """One registered logger."""
    row = connection.execute(select(logger).where(logger.c.id == id)).one_or_none()
    return None if row is None else _logger(row)


def listed(connection: Connection, viewer: Viewer, only: Sequence[str] | None = None) -> list[Logger]:
    """The registered loggers (or `only` these) that exist for `viewer`, by id."""
    query = select(logger).where(loggers_of(viewer, logger.c.id)).order_by(logger.c.id)
    if only is not None:
        query = query.where(logger.c.id.in_(only))
    return [_logger(row) for row in connection.execute(query)]


def ids(connection: Connection, viewer: Viewer) -> list[str]:
    """The ids of `listed`."""
    return list(connection.execute(select(logger.c.id).where(loggers_of(viewer, logger.c.id))).scalars())


def visible(connection: Connection, viewer: Viewer, ids: list[str]) -> set[str]:
    """Which of these loggers, registered or only heard of, exist for `viewer`."""
    if not viewer.scoped:
        return set(ids)
    query = select(fact.c.logger).distinct().where(loggers_of(viewer, fact.c.logger))
    return set(ids) & set(connection.execute(query).scalars())


def _logger(row: Row[Any]) -> Logger:
    fields = {name: getattr(row, name) for name in Logger._fields if name != "has_password"}
    return Logger(**fields, has_password=row.mqtt_password_hash is not None)
