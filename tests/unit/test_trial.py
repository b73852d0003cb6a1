"""What the workbench shows of a message is what the intake would make of it, with what its carriers remember."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sparkplug_payloads import INT64, bd, metric, payload
from web_cast import NOON, Web, installed

from coldchain.domain.message import Envelope, Outcome, Receipt
from coldchain.registry.viewer import SYSTEM
from dashboard.parts import bench
from dashboard.parts.profile_draft import Said, with_field
from dashboard.services import Services
from ingest.pipeline import Pipeline
from ingest.registered import RegistryMemory
from sensors.carriers.shipped import carriers
from sensors.device_profiles.library import Library


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as web:
        yield web


@pytest.fixture
def services(web: Web) -> Services:
    library = Library()
    pipeline = Pipeline(web.journal, web.clock, "main", carriers("main", library.now), library.now)
    return replace(web.services, pipeline=pipeline, library=library)


def heard(services: Services, kind: str, body: bytes) -> Receipt:
    """A message of the edge node reaches the intake's own process, which remembers births."""
    memory = RegistryMemory(services.registry, services.clock)
    library = Library()
    intake = Pipeline(services.journal, services.clock, "main", carriers("main", library.now), library.now, memory)
    [[receipt]] = intake.submit([Envelope("mqtt", f"spBv1.0/plant/{kind}/cooler", body, services.clock.now_ms(), 0)])
    return receipt


def test_a_sparkplug_message_that_names_its_metrics_by_alias_is_read_by_the_birth_that_the_intake_knows(
    services: Services,
) -> None:
    birth = payload(bd(1), metric("T1", 4.5, alias=7), metric("Serial", 12, alias=8, datatype=INT64), at_ms=NOON, seq=0)
    assert heard(services, "NBIRTH", birth).outcome is Outcome.UNDECODED  # it declares no unit
    data = heard(services, "NDATA", payload(metric(None, 5.5, alias=7, typed=False), at_ms=NOON + 1000, seq=1)).message
    before = RegistryMemory(services.registry, services.clock).load()
    found = bench.load(services, SYSTEM, str(data))
    assert (found.carrier, found.logger, found.recalled) == ("sparkplug@1", "plant:cooler", True)
    assert found.tree == {"T1": 5.5}
    draft = bench.first_draft(services, found, None)
    draft = with_field(draft, Said("T1", "temperature_c", unit="C", channel="internal"))
    one = next(one for one in bench.preview(services, found, bench.profile_of(draft)) if one.offset == data)
    assert [row.temperature_mc for row in one.readings] == [5_500]
    assert RegistryMemory(services.registry, services.clock).load() == before


def test_without_a_birth_the_refusal_says_what_is_missing(services: Services) -> None:
    heard(services, "NDATA", payload(metric(None, 5.5, alias=7, typed=False), at_ms=NOON, seq=1))
    [data] = services.journal.alike("mqtt", "spBv1.0/plant/NDATA/cooler", "plant:cooler", 5)
    assert "before the NBIRTH of this session" in data.refusals[0].reason
