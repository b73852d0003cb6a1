"""Policies, routes and simulated alarms in words: whom a step is aimed at, and a ladder that anybody can read."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from coldchain.registry.people import names
from coldchain.registry.policies import POLICIES
from coldchain.registry.rotas import ROTAS
from coldchain.registry.schema import person
from coldchain.registry.schema_people import endpoint
from dashboard.parts.alarm_amounts import cause_words

Json = dict[str, Any]
CHANNELS = {"email": "mail", "sms": "SMS", "webhook": "webhook", "apprise": "apprise"}
MATCHED = {"product": "product", "lane": "lane", "customer": "customer", "carrier": "carrier", "site": "site",
           "stage": "stage", "cause": "cause"}  # fmt: skip
EVERYBODY = "everybody on call"


class Called(NamedTuple):
    """What ids are called: people, rotas, endpoints and policies that are in use."""

    people: Mapping[str, str]
    rotas: Mapping[str, str]
    layers: Mapping[str, tuple[str, ...]]
    endpoints: Mapping[str, str]
    policies: Mapping[str, str]


def called(connection: Connection) -> Called:
    """The names of everything that rules may name."""
    rotas = ROTAS.listed(connection)
    ids = set(connection.execute(select(person.c.id)).scalars())
    programs = connection.execute(select(endpoint.c.id, endpoint.c.name).where(endpoint.c.disabled_ms.is_(None)))
    return Called(
        names(connection, ids), {one.id: one.name for one in rotas},
        {one.id: tuple(str(layer["name"]) for layer in one.body["layers"]) for one in rotas},
        {row.id: row.name for row in programs}, {one.id: one.name for one in POLICIES.listed(connection)},
    )  # fmt: skip


def target_words(target: Mapping[str, Any], known: Called) -> str:
    """One addressee: who is on duty in a layer, a person, everybody on call, a program, a party."""
    match target.get("kind"):
        case "rota":
            id_ = str(target.get("id"))
            return f"on duty: {known.rotas.get(id_, id_)}, {target.get('layer')}"
        case "person":
            return known.people.get(str(target.get("id")), str(target.get("id")))
        case "endpoint":
            return known.endpoints.get(str(target.get("id")), str(target.get("id")))
        case "party" | "inform":
            return f"the shipment's {target.get('role')}"
        case _:
            return EVERYBODY


def after_words(minutes: float) -> str:
    """When a step is taken."""
    return "at once" if not minutes else f"after {minutes:g} min"


def channel_words(channel: str) -> str:
    """A channel inside a sentence."""
    return CHANNELS.get(channel, channel)


def channels_words(step: Mapping[str, Any]) -> str:
    """By what people hear."""
    found = [channel_words(one) for one in step.get("channels") or ("email", "sms")]
    if step.get("channel_mode") == "first" and len(found) > 1:
        return f"{found[0]}, if that fails {', then '.join(found[1:])}"
    return " and ".join(found)


def ladder(body: Mapping[str, Any], known: Called) -> list[tuple[str, str, str]]:
    """(when, who, by what) of each step, and of the repeats."""
    rows = [
        (after_words(step["after_min"]), "; ".join(target_words(one, known) for one in step["targets"]),
         channels_words(step))
        for step in body["steps"]
    ]  # fmt: skip
    return [*rows, (f"then every {body['repeat_last_min']} min", "the last step again", "until somebody answers")]


def lines(body: Mapping[str, Any], known: Called) -> list[str]:
    """A policy as lines of text, for comparing two versions."""
    *steps, repeat = ladder(body, known)
    climbed = [f"{when}: {who}, by {how}" for when, who, how in steps]
    return [f"Name: {body['name']}", *climbed, f"{repeat[0]}: {repeat[1]}, {repeat[2]}"]


def match_words(match: Mapping[str, Any] | None) -> str:
    """What a route looks for."""
    found = [f"{words} {match[name]}" for name, words in MATCHED.items() if match and name in match and name != "cause"]
    if match and match.get("severity"):
        found.insert(0, " or ".join(match["severity"]))
    if match and match.get("cause"):
        found.append(cause_words({"cause": match["cause"]}))
    return ", ".join(found) or "every alarm"


def policy_words(id_: str | None, known: Called) -> str:
    """A policy by its name; none is everybody on call."""
    return EVERYBODY if id_ is None else known.policies.get(id_, id_)


def inform_words(roles: Sequence[str]) -> str:
    """Whom a route informs beside its policy."""
    return " and ".join(roles)
