"""Which alarm goes by which policy, and whom beside it informs: the first route that matches decides. All pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alerts.policy import ROLES, Known
from coldchain.domain.finding import Severity
from coldchain.domain.shipment import Stage
from coldchain.domain.tables import TableReader

INFORMED = ("consignor", "consignee")
_WORDS = ("product", "lane", "customer", "carrier", "site", "cause")
_SEVERITIES = tuple(severity.word for severity in Severity)
_MOST = 500


@dataclass(frozen=True, slots=True)
class AlarmFor:
    """What routes look at. `parties` names the shipment's consignor, consignee, customer and carrier by role."""

    severity: Severity
    cause: str
    product: str = ""
    lane: str = ""
    customer: str = ""
    carrier: str = ""
    site: str = ""
    stage: str = ""
    consignor: str = ""
    consignee: str = ""

    def party(self, role: str) -> str:
        """The party in this role; empty where there is none."""
        return str(getattr(self, role)) if role in ROLES else ""


@dataclass(frozen=True, slots=True)
class Match:
    """Every word that is given must be that of the alarm; no severities mean any."""

    words: tuple[tuple[str, str], ...] = ()
    severities: tuple[Severity, ...] = ()

    def fits(self, alarm: AlarmFor) -> bool:
        """Whether the alarm has all of it; upper and lower case are the same."""
        if self.severities and alarm.severity not in self.severities:
            return False
        return all(str(getattr(alarm, name)).casefold() == word.casefold() for name, word in self.words)


@dataclass(frozen=True, slots=True)
class Route:
    """Alarms that match go by `policy` (None: to everybody on call) and `inform` these parties of the shipment."""

    match: Match
    policy: str | None
    inform: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picked:
    """What routing says of one alarm; `route` is the number of the route from 0, None where none matched."""

    policy: str | None
    route: int | None
    inform: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True)
class Routing:
    """One version of all routes; version 0 is that of an installation without any."""

    version: int = 0
    routes: tuple[Route, ...] = ()
    otherwise: str | None = None

    def pick(self, alarm: AlarmFor) -> Picked:
        """The first route that matches, else `otherwise`."""
        for number, route in enumerate(self.routes):
            if route.match.fits(alarm):
                return Picked(route.policy, number, route.inform, self.version)
        return Picked(self.otherwise, None, (), self.version)


def routing_from(version: int, body: Mapping[str, Any], known: Known | None = None) -> Routing:
    """Read the routes; with `known` every policy that they name must exist.

    Raises:
        InvalidTable: names every mistake with its key, value and remedy.
    """
    reader = TableReader(body)
    routes = tuple(_route(table, known) for table in reader.tables("routes"))
    if len(routes) > _MOST:
        reader.fail("routes", f"has {len(routes)} entries: at most {_MOST} are looked through")
    otherwise = _policy(reader, "otherwise", known)
    reader.finish()
    reader.raise_problems("routing")
    return Routing(version, routes, otherwise)


def _route(reader: TableReader, known: Known | None) -> Route:
    table = reader.table("match")
    match = Match() if table is None else _match(table)
    policy = _policy(reader, "policy", known)
    inform = reader.texts("inform", INFORMED)
    reader.finish()
    return Route(match, policy, inform)


def _policy(reader: TableReader, name: str, known: Known | None) -> str | None:
    given = reader.raw(name)
    if given is None:
        return None
    if not isinstance(given, str) or not given:
        reader.fail(name, f"= {given!r} is no policy: write its id, or null for everybody on call")
        return None
    if known is not None and given not in known.policies:
        there = ", ".join(sorted(known.policies)) or "there are none yet"
        reader.fail(name, f"= {given!r} is no policy in use: {there}")
    return given


def _match(reader: TableReader) -> Match:
    words = [(name, reader.text(name)) for name in _WORDS if reader.has(name)]
    if reader.has("stage"):
        words.append(("stage", reader.choice("stage", tuple(stage.value for stage in Stage))))
    severities = tuple(Severity[word.upper()] for word in reader.texts("severity", _SEVERITIES))
    reader.finish()
    return Match(tuple(words), severities)
