"""The rules by which people are told, as they are on record: policies, rotas with who stands in, and routes.

Read once per transaction and only as far as somebody asks. What is on record was checked when it was written; what
cannot be read nevertheless counts as absent, and `problems` says so: then everybody on call hears.
"""

import json
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, select

from alerts.policy import Known, Policy, policy_from
from alerts.rota import Duty, Override, Rota, on_duty
from alerts.rota_format import rota_from
from alerts.routing import Routing, routing_from
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import contacts, rotas, routes
from coldchain.registry.endpoints import channel_of
from coldchain.registry.policies import POLICIES
from coldchain.registry.rotas import ROTAS
from coldchain.registry.schema import person
from coldchain.registry.schema_people import endpoint

Rule = TypeVar("Rule")


class Rulebook:
    """All of it, inside one transaction."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        """`now_ms` decides whose access has ended."""
        self._connection = connection
        self._now_ms = now_ms
        self._policies: dict[tuple[str, int | None], Policy | None] = {}
        self._rotas: dict[str, Rota | None] = {}
        self._overrides: dict[str, tuple[Override, ...]] = {}
        self.problems: list[str] = []

    @cached_property
    def routing(self) -> Routing:
        """The routes that count."""
        stored = routes.newest(self._connection)
        if stored is None:
            return Routing()
        return self._readable(lambda: _routing(stored.version, _text(stored.body))) or Routing(stored.version)

    @cached_property
    def gone(self) -> frozenset[str]:
        """People whose access has ended."""
        return contacts.gone(self._connection, self._now_ms)

    def policy(self, id_: str, version: int | None = None) -> Policy | None:
        """A policy, its newest version by default; None if there is none that can be read."""
        key = (id_, version)
        if key not in self._policies:
            self._policies[key] = self._readable(lambda: self._policy(id_, version))
        return self._policies[key]

    def rota(self, id_: str) -> Rota | None:
        """The newest version of a rota; who is on duty now is never a matter of an old one."""
        if id_ not in self._rotas:
            self._rotas[id_] = self._readable(lambda: self._rota(id_))
        return self._rotas[id_]

    def overrides(self, rota: str) -> tuple[Override, ...]:
        """Who stands in for whom in this rota."""
        if rota not in self._overrides:
            self._overrides[rota] = tuple(map(override_of, rotas.overrides(self._connection, rota)))
        return self._overrides[rota]

    def duty(self, rota: str, layer: str, at_ms: int) -> Duty:
        """Who is on duty in one layer; `why` is no_rota or no_layer where there is no such thing any more."""
        found = self.rota(rota)
        if found is None:
            return Duty(None, "no_rota")
        return on_duty(found, self.overrides(rota), at_ms, self.gone).get(layer, Duty(None, "no_layer"))

    def known(self) -> Known:
        """What a policy, rota or route written now may name."""
        people = self._connection.execute(select(person.c.id)).scalars()
        layers = {one.id: _layers(one.body) for one in ROTAS.listed(self._connection)}
        there = select(endpoint.c.id, endpoint.c.url).where(endpoint.c.disabled_ms.is_(None))
        programs = {row.id: channel_of(row.url) for row in self._connection.execute(there)}
        in_use = frozenset(one.id for one in POLICIES.listed(self._connection))
        return Known(frozenset(people), layers, programs, in_use)

    def in_use(self) -> dict[str, Policy]:
        """The newest version of every policy that is not retired."""
        found = {one.id: self.policy(one.id) for one in POLICIES.listed(self._connection)}
        return {id_: one for id_, one in found.items() if one is not None}

    def _policy(self, id_: str, version: int | None) -> Policy:
        stored = POLICIES.get(self._connection, id_, version)
        return _policy(id_, stored.version, _text(stored.body))

    def _rota(self, id_: str) -> Rota:
        stored = ROTAS.get(self._connection, id_)
        return _rota(id_, stored.version, _text(stored.body))

    def _readable(self, read: Callable[[], Rule]) -> Rule | None:
        try:
            return read()
        except (InvalidValue, NotFound) as error:
            self.problems.append(str(error))
            return None


def override_of(row: Row[Any]) -> Override:
    """An override as the registry keeps it."""
    return Override(row.id, row.layer, row.person, row.replaces, row.from_ms, row.to_ms, row.swap)


def _layers(body: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(layer["name"] for layer in body["layers"])


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True)


# Few rules are read again and again: what a body says is remembered by its text.
@lru_cache(maxsize=512)
def _policy(id_: str, version: int, body: str) -> Policy:
    return policy_from(id_, version, json.loads(body))


@lru_cache(maxsize=64)
def _rota(id_: str, version: int, body: str) -> Rota:
    return rota_from(id_, version, json.loads(body))


@lru_cache(maxsize=16)
def _routing(version: int, body: str) -> Routing:
    return routing_from(version, json.loads(body))
