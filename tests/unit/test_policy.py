"""Escalation policies and routes: what they say, and what is refused with field, value and remedy."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from alerts.policy import Known, Mode, TargetKind, policy_from
from alerts.routing import AlarmFor, routing_from
from coldchain.domain.finding import Severity
from coldchain.domain.tables import InvalidTable

KNOWN = Known(
    frozenset({"ann", "ben"}), {"lab": ("primary", "deputy")}, {"hook": "webhook", "chat": "apprise"},
    frozenset({"p", "q"}),
)  # fmt: skip
BODY: dict[str, Any] = {
    "name": "Critical",
    "steps": [
        {"after_min": 0, "targets": [{"kind": "rota", "id": "lab", "layer": "primary"}], "channel_mode": "first"},
        {"after_min": 10, "targets": [{"kind": "person", "id": "ann"}], "channels": ["sms", "email"]},
        {"after_min": 20, "targets": [{"kind": "endpoint", "id": "hook"}], "channels": ["webhook"]},
    ],
    "repeat_last_min": 10,
}


def test_a_policy_says_who_when_by_what_and_how_often_again() -> None:
    policy = policy_from("p", 3, BODY, KNOWN)
    assert [step.after_ms for step in policy.steps] == [0, 600_000, 1_200_000]
    assert (policy.last, policy.repeat_last_ms, policy.version) == (2, 600_000, 3)
    first, second, third = policy.steps
    assert (first.mode, first.channels) == (Mode.FIRST, ("email", "sms"))
    assert second.channels == ("sms", "email")
    assert third.targets[0].kind is TargetKind.ENDPOINT


@pytest.mark.parametrize(
    ("where", "value", "names"),
    [
        ("steps", [], ["steps", "empty"]),
        ("repeat_last_min", None, ["repeat_last_min", "None", "1"]),
        ("repeat_last_min", 0, ["repeat_last_min", "0"]),
        ("steps.0.after_min", 5, ["steps[0].after_min", "5", "begin with 0"]),
        ("steps.2.after_min", 10, ["steps[2].after_min", "10", "more than 10"]),
        ("steps.2.after_min", 600, ["steps[2].after_min", "600", "at most 250"]),
        ("steps.0.targets", [], ["steps[0].targets", "empty"]),
        ("steps.0.targets.0.kind", "pigeon", ["steps[0].targets[0].kind", "pigeon", "endpoint"]),
        ("steps.0.targets.0.id", "night", ["steps[0].targets[0].id", "night", "lab"]),
        ("steps.0.targets.0.layer", "x", ["steps[0].targets[0].layer", "'x'", "primary, deputy"]),
        ("steps.1.targets.0.id", "zed", ["steps[1].targets[0].id", "zed", "add it first"]),
        ("steps.2.targets.0.id", "zed", ["steps[2].targets[0].id", "zed"]),
        ("steps.1.channels", ["fax"], ["steps[1].channels", "fax", "email"]),
        ("steps.1.channels", ["email", "email"], ["steps[1].channels", "twice"]),
        ("steps.1.channels", ["webhook"], ["steps[1].targets[0]", "person", "email"]),
        ("steps.2.channels", ["email"], ["steps[2].targets[0]", "endpoint", "webhook"]),
        ("steps.1.channels", ["email", "webhook"], ["steps[1].channels", "webhook", "take it out"]),
        ("steps.2.channels", ["apprise"], ["steps[2].targets[0]", "apprise reach none", 'add "webhook"']),
        ("steps.2.targets.0.id", "chat", ["steps[2].targets[0]", "webhook reach none", 'add "apprise"']),
        ("steps.0.channel_mode", "some", ["steps[0].channel_mode", "some", "first"]),
        ("steps.0.chanels", ["sms"], ["steps[0].chanels", "known key"]),
        ("name", "", ["name", "''"]),
    ],
    ids=str,
)
def test_a_mistake_in_a_policy_names_field_value_and_remedy(where: str, value: Any, names: list[str]) -> None:
    body = deepcopy(BODY)
    *way, last = where.split(".")
    place: Any = body
    for key in way:
        place = place[int(key)] if key.isdigit() else place[key]
    place[last] = value
    with pytest.raises(InvalidTable) as refused:
        policy_from("p", 1, body, KNOWN)
    assert all(name in str(refused.value) for name in names), str(refused.value)


def test_a_policy_without_a_repeating_last_step_is_refused() -> None:
    body = {name: value for name, value in BODY.items() if name != "repeat_last_min"}
    with pytest.raises(InvalidTable, match="repeat_last_min is missing: the last step must repeat"):
        policy_from("p", 1, body, KNOWN)


def test_an_id_of_a_policy_can_stand_in_an_address() -> None:
    with pytest.raises(InvalidTable, match="'Night shift'"):
        policy_from("Night shift", 1, BODY, KNOWN)


ALARM = AlarmFor(Severity.CRITICAL, "high", product="mabs", customer="Helvetia Pharma", site="Visp", stage="transit")
ROUTES: dict[str, Any] = {
    "routes": [
        {"match": {"customer": "Helvetia pharma", "severity": ["critical"]}, "policy": "p", "inform": ["consignor"]},
        {"match": {"site": "Visp", "cause": "high"}, "policy": None},
    ],
    "otherwise": "q",
}


def test_the_first_route_that_matches_decides() -> None:
    routing = routing_from(4, ROUTES, KNOWN)
    assert routing.pick(ALARM).policy == "p"
    assert routing.pick(ALARM).inform == ("consignor",)
    major = routing.pick(replace(ALARM, severity=Severity.MAJOR))
    assert (major.policy, major.route) == (None, 1)
    other = routing.pick(replace(ALARM, customer="", site="Basel"))
    assert (other.policy, other.route, other.version) == ("q", None, 4)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"otherwise": "zed"}, ["otherwise", "zed", "p, q"]),
        ({"routes": [{"policy": "zed"}]}, ["routes[0].policy", "zed"]),
        ({"routes": [{"policy": 5}]}, ["routes[0].policy", "5", "null"]),
        ({"routes": [{"policy": "p", "inform": ["carrier"]}]}, ["routes[0].inform", "carrier", "consignee"]),
        ({"routes": [{"policy": "p", "match": {"severity": ["bad"]}}]}, ["routes[0].match.severity", "bad", "major"]),
        ({"routes": [{"policy": "p", "match": {"stage": "moon"}}]}, ["routes[0].match.stage", "moon"]),
        ({"routes": [{"policy": "p", "match": {"colour": "red"}}]}, ["routes[0].match.colour", "known key"]),
        ({"routes": "p"}, ["routes", "'p'"]),
    ],
    ids=str,
)
def test_a_mistake_in_the_routes_names_field_value_and_remedy(change: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(InvalidTable) as refused:
        routing_from(1, ROUTES | change, KNOWN)
    assert all(name in str(refused.value) for name in names), str(refused.value)
