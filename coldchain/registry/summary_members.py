"""What a summary is made of: each shipment of a period with its figures, its excursions and its alarms, in one look."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, select

from coldchain.domain.finding import Severity, SubjectKind
from coldchain.registry.schema import alarm, excursion, fact, shipment, shipment_figures
from coldchain.registry.scope import shipments_of
from coldchain.registry.viewer import Viewer

_IS_SHIPMENT = SubjectKind.SHIPMENT.value
# When a shipment belongs to a period: its departure, as it happened, else as it was planned, else when it was made.
WHEN = func.coalesce(shipment.c.departed_ms, shipment.c.planned_departure_ms, shipment.c.created_ms)
SITE = shipment.c.origin["name"].as_string()
_ASSIGNED = (
    select(fact.c.body["id"].as_string())
    .where(fact.c.subject_kind == _IS_SHIPMENT, fact.c.subject_id == shipment.c.id, fact.c.kind == "profile")
    .where(fact.c.superseded_ms.is_(None))
    .order_by(fact.c.id.desc())
    .limit(1)
    .correlate(shipment)
    .scalar_subquery()
)
# The profile that judged it; one that was never judged counts with the profile that it was given.
PROFILE = func.coalesce(shipment_figures.c.profile, _ASSIGNED)


class Period(NamedTuple):
    """Shipments that departed in [from_ms, to_ms)."""

    from_ms: int
    to_ms: int


class Which(NamedTuple):
    """Which shipments; None leaves a field open. A site is where a shipment left from."""

    product_profile: str | None = None
    lane: str | None = None
    carrier: str | None = None
    site: str | None = None
    customer: str | None = None


class Wait(NamedTuple):
    """A major or critical alarm: when it was raised, and when somebody took it in hand."""

    raised_ms: int
    acknowledged_ms: int | None


class Member(NamedTuple):
    """One shipment. Its figures are None until it was judged; times are milliseconds, temperatures thousandths."""

    id: str
    reference: str
    state: str
    when_ms: int
    product_profile: str | None
    profile_version: int | None
    lane: str | None
    carrier: str | None
    customer: str | None
    site: str | None
    logger: str | None
    channel: str | None
    in_range_ms: int | None
    above_ms: int | None
    below_ms: int | None
    unknown_ms: int | None
    min_mc: int | None
    max_mc: int | None
    mkt_c: float | None
    mkt_ratio: str | None
    mkt_rate: str | None  # a whole number: `kinetic.rate` of the mean kinetic temperature
    budget_used_ms: int | None
    budget_allowed_ms: int | None
    tier: int | None
    excursions: tuple[int, ...] = (0, 0, 0, 0)  # info, minor, major, critical
    alarms: tuple[Wait, ...] = ()

    @property
    def known_ms(self) -> int:
        """Time that was judged."""
        return (self.in_range_ms or 0) + self.outside_ms

    @property
    def outside_ms(self) -> int:
        """Time above and below the label range."""
        return (self.above_ms or 0) + (self.below_ms or 0)

    @property
    def excursion_count(self) -> int:
        """Excursions of every severity."""
        return sum(self.excursions)


def members(connection: Connection, viewer: Viewer, period: Period, which: Which = Which()) -> list[Member]:  # noqa: B008  immutable
    """The shipments of the period that exist for `viewer` and that `which` leaves, in the order of their references."""
    wanted = conditions(viewer, period, which)
    excursions = _excursions(connection, wanted)
    alarms = _alarms(connection, wanted)
    query = select(*_COLUMNS).select_from(_JOINED).where(*wanted).order_by(shipment.c.reference)
    calm = (0, 0, 0, 0)
    rows: Iterable[Any] = connection.execute(query)
    return [Member(*(*row, excursions.get(row[0], calm), alarms.get(row[0], ()))) for row in rows]


def _column(name: str) -> Any:
    if name in _NAMED:
        return _NAMED[name]
    return shipment.c[name] if name in shipment.c else shipment_figures.c[name]


_NAMED = {"when_ms": WHEN, "product_profile": PROFILE, "site": SITE}
# In the order of a member's fields: ten thousand rows are too many to go by name.
_COLUMNS = tuple(_column(name) for name in Member._fields[:-2])
_JOINED = shipment.outerjoin(shipment_figures, shipment_figures.c.shipment == shipment.c.id)


def conditions(viewer: Viewer, period: Period, which: Which) -> list[Any]:
    """The conditions on `shipment` (with its figures joined) under which it belongs to a summary."""
    found = [shipments_of(viewer), period.from_ms <= WHEN, period.to_ms > WHEN]
    columns = {"product_profile": PROFILE, "lane": shipment.c.lane, "carrier": shipment.c.carrier, "site": SITE,
               "customer": shipment.c.customer}  # fmt: skip
    return found + [columns[name] == value for name, value in which._asdict().items() if value is not None]


def current_excursions() -> Any:
    """The condition on `excursion` for those that stand on record now, and are a shipment's."""
    of_shipment = and_(excursion.c.subject_kind == _IS_SHIPMENT, excursion.c.subject_id == shipment.c.id)
    return and_(
        of_shipment, ~excursion.c.superseded, excursion.c.withdrawn.is_(False), excursion.c.merged_into.is_(None)
    )


def _excursions(connection: Connection, wanted: list[Any]) -> dict[str, tuple[int, ...]]:
    query = (
        select(shipment.c.id, excursion.c.severity, func.count().label("number"))
        .select_from(_JOINED.join(excursion, current_excursions()))
        .where(*wanted)
        .group_by(shipment.c.id, excursion.c.severity)
    )
    found: dict[str, list[int]] = {}
    for id_, severity, number in connection.execute(query):
        found.setdefault(id_, [0, 0, 0, 0])[severity] = number
    return {id_: tuple(numbers) for id_, numbers in found.items()}


def _alarms(connection: Connection, wanted: list[Any]) -> dict[str, tuple[Wait, ...]]:
    of = and_(alarm.c.subject_kind == _IS_SHIPMENT, alarm.c.subject_id == shipment.c.id)
    query = (
        select(shipment.c.id, alarm.c.raised_ms, alarm.c.acknowledged_ms)
        .select_from(_JOINED.join(alarm, of))
        .where(*wanted)
        .where(alarm.c.severity >= Severity.MAJOR.value, alarm.c.merged_into.is_(None), alarm.c.condition != "pending")
        .order_by(alarm.c.raised_ms, alarm.c.id)
    )
    found: dict[str, list[Wait]] = {}
    rows: Iterable[Any] = connection.execute(query)
    for id_, raised_ms, acknowledged_ms in rows:
        found.setdefault(id_, []).append(Wait(raised_ms, acknowledged_ms))
    return {id_: tuple(waits) for id_, waits in found.items()}
