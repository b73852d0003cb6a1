"""What the workbench makes: credentials that work and are shown once, and topics that are listened to."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from web_cast import Web, installed

from coldchain.errors import Forbidden, InvalidValue, NotFound
from coldchain.registry import api_keys, loggers, topic_filters
from coldchain.registry.viewer import SYSTEM, Permission, Viewer
from dashboard.parts import bench, credentials
from dashboard.services import Services


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as web:
        yield web


@pytest.fixture
def services(web: Web) -> Services:
    settings = replace(web.services.settings, mqtt="127.0.0.1:1883", broker="mqtt://broker.example.org:1883")
    return replace(web.services, settings=settings)


def words(component: Any) -> str:
    """Everything that a piece of markup says, as JSON."""
    return json.dumps(component, default=lambda one: one.to_plotly_json())


def test_credentials_that_are_shown_are_those_that_work(web: Web, services: Services) -> None:
    shown = words(credentials.make_logger(services, SYSTEM, " fridge-7 ", "600", again=False))
    [secret] = re.findall(r'"children": "([\w-]{43})", "id": "mqtt-secret"', shown)
    with web.registry.read() as connection:
        assert loggers.password_is(connection, "fridge-7", secret)
        assert loggers.declared_interval(connection, "fridge-7") == 600_000


def test_a_password_is_replaced_only_by_who_says_so(web: Web, services: Services) -> None:
    credentials.make_logger(services, SYSTEM, "fridge-7", "", again=False)
    with pytest.raises(InvalidValue, match="has a password already"):
        credentials.make_logger(services, SYSTEM, "fridge-7", "", again=False)
    credentials.make_logger(services, SYSTEM, "fridge-7", "", again=True)


@pytest.mark.parametrize(("name", "interval"), [("", ""), ("a/b", ""), ("x", "often"), ("x", "-1"), (None, None)])
def test_what_is_no_logger_or_no_interval_is_named(services: Services, name: object, interval: object) -> None:
    if name is None:
        with pytest.raises(InvalidValue):
            credentials.make_logger(services, SYSTEM, {"a": 1}, interval, again=False)
        return
    with pytest.raises(InvalidValue):
        credentials.make_logger(services, SYSTEM, name, interval, again=False)


def test_a_key_of_the_page_can_send_and_nothing_else(web: Web, services: Services) -> None:
    shown = words(credentials.make_key(services, SYSTEM, "the vendor", "auto"))
    [key] = set(re.findall(r"cck_[\w-]{43}", shown))
    with web.registry.read() as connection:
        found = api_keys.look_up(connection, key)
    assert found is not None
    assert [one for one in Permission if found[1].may(one)] == [Permission.INGEST]
    with pytest.raises(InvalidValue, match="Source"):
        credentials.make_key(services, SYSTEM, "x", "no-such-source")


def test_topics_are_listened_to_until_somebody_ends_it(web: Web, services: Services) -> None:
    credentials.listen(services, SYSTEM, " barn/+/climate ")
    assert "barn/+/climate" in words(credentials.topic_list(services, may=True))
    with web.registry.read() as connection:
        assert topic_filters.wanted(connection) == ["barn/+/climate"]
    credentials.unlisten(services, SYSTEM, "barn/+/climate")
    assert "No other topic" in words(credentials.topic_list(services, may=True))
    with pytest.raises(NotFound):
        credentials.unlisten(services, SYSTEM, "barn/+/climate")
    with pytest.raises(InvalidValue):
        credentials.listen(services, SYSTEM, "barn/#/x")


def test_who_may_not_administer_is_offered_nothing_to_make(services: Services) -> None:
    offered = words(credentials.offer(services, Viewer("p", "Jon", "operator")))
    assert "made by an administrator" in offered
    assert "mqtt-make" not in offered
    assert "topic-add" not in offered
    assert "topic-add" in words(credentials.offer(services, SYSTEM))


def test_what_nobody_owns_yet_is_not_for_one_customers_eyes() -> None:
    with pytest.raises(Forbidden):
        bench.whole(Viewer("p", "Vera", "operator", customer="Nordvax"))
