"""A device profile that nobody has confirmed reads nothing that counts, by whatever road a message comes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from carrier_examples import EXAMPLES, PROFILES
from roads import roads_at

from coldchain.clock import HandClock
from coldchain.domain.device_profile import Assignment
from coldchain.domain.message import Arrival, Envelope
from coldchain.journal.sqlite import SqliteJournal
from dashboard.parts.field_tree import leaves
from dashboard.parts.trial import Fields, fields_of
from ingest.again import look
from ingest.open_decisions import Request
from ingest.pipeline import Pipeline
from sensors.carriers.shipped import carriers
from sensors.device_profiles.catalogue import Entry, Origin, Snapshot
from sensors.device_profiles.format import parse

NOW = 1_767_607_200_000


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(tmp_path / "journal.db")
    yield opened
    opened.close()


def read(journal: SqliteJournal, envelope: Envelope, catalogue: Snapshot) -> Arrival:
    pipeline = Pipeline(
        journal, HandClock(NOW), carriers=carriers("main", lambda: catalogue), profiles=lambda: catalogue
    )
    return pipeline.rereading()(envelope)


def asking(envelope: Envelope) -> Fields | None:
    """What the carrier of this message hands to a device profile, if it asks for one."""
    return fields_of(carriers("main", lambda: PROFILES), envelope)


# The others say everything themselves, and no device profile is asked.
ASKED = {
    f"{name}-{place}": envelope
    for name, envelopes in EXAMPLES.items()
    for place, envelope in enumerate(envelopes)
    if asking(envelope) is not None
}


def untested(found: Fields, more: str = "") -> str:
    """A profile that fits exactly this logger, reads its first number, and says that nobody has tried it."""
    path = next((path for path, value in leaves(found.tree) if isinstance(value, int | float)), "nothing")
    return (
        f'id = "hold"\nversion = 1\nname = "Hold"\nstatus = "untested"\nmatch = [{{ logger = "{found.logger}" }}]\n'
        f"{more}\n[channels.internal]\nlight_lux = {{ path = '{path}', unit = 'lux' }}\n"
    )


def labels(arrival: Arrival) -> set[str]:
    return {row.device_profile for message in arrival.messages for row in message.readings}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("origin", ["shipped", "saved", "folder"])
def test_what_fits_by_itself_asks_before_it_counts_on_every_road(
    journal: SqliteJournal, name: str, origin: Origin
) -> None:
    found = asking(ASKED[name])
    assert found is not None
    entry = Entry(parse(untested(found)), origin)
    held = read(journal, ASKED[name], Snapshot([*PROFILES.entries, entry]))
    assert "hold@1" not in labels(held)
    for message in held.messages:
        if message.device_profile == "hold@1" and not message.readings:
            assert message.undecoded
            assert "is untested: confirm it for logger" in message.refusals[0].reason


def test_the_roads_that_ask_for_a_profile_are_among_those_above() -> None:
    asked = {name.rpartition("-")[0] for name in ASKED}
    assert {"chirpstack", "things-stack", "zigbee2mqtt", "tasmota", "esphome", "sigfox"} <= asked


@pytest.mark.parametrize("origin", ["folder", "saved"])
@pytest.mark.parametrize("road", ["topic", "webhook"])
def test_a_connection_that_says_itself_that_it_is_untested_asks_too(
    journal: SqliteJournal, origin: Origin, road: str
) -> None:
    source = """
[source]
topics = ["yard/+/up"]
webhook = "yard"
device = "id"
"""
    text = untested(Fields("", "Y-1", {}, {"t": 4.5})) + source
    body = b'{"id": "Y-1", "t": 4.5}'
    envelope = Envelope("mqtt", "yard/a/up", body, NOW) if road == "topic" else Envelope("http", "yard", body, NOW)
    entries = [Entry(parse(text), origin)]
    [message] = read(journal, envelope, Snapshot(entries)).messages
    assert message.undecoded
    assert "hold@1 is untested" in message.refusals[0].reason
    assert labels(read(journal, envelope, Snapshot(entries, {"Y-1": Assignment("hold")}))) == {"hold@1"}
    plain = [Entry(parse(text.replace('status = "untested"', "")), origin)]
    assert labels(read(journal, envelope, Snapshot(plain))) == {"hold@1"}  # made for this topic, and put there


def test_frames_in_a_codec_wait_for_the_confirmation_as_well(journal: SqliteJournal) -> None:
    envelope = EXAMPLES["loriot"][0]
    found = asking(envelope) or Fields("loriot", "24E124136B00CAFE", {}, None)
    text = (
        f'id = "hold"\nversion = 1\nname = "Hold"\nstatus = "untested"\ncodec = "cayenne-lpp"\n'
        f'match = [{{ logger = "{found.logger}" }}]\n'
    )
    entries = [Entry(parse(text), "saved")]
    [message] = read(journal, envelope, Snapshot(entries)).messages
    assert message.readings == ()
    assert message.undecoded
    confirmed = read(journal, envelope, Snapshot(entries, {found.logger: Assignment("hold")}))
    assert labels(confirmed) == {"hold@1"}


def test_decoding_again_counts_nothing_of_a_profile_that_still_asks(tmp_path: Path) -> None:
    envelope = EXAMPLES["zigbee2mqtt"][0]
    body: Any = Envelope("mqtt", "zigbee2mqtt/other", b'{"weird": 4.5}', NOW)
    with roads_at(tmp_path) as roads:
        found = asking(body)
        assert found is not None
        catalogue = Snapshot([Entry(parse(untested(found)), "saved")])
        pipeline = Pipeline(
            roads.journal, roads.clock, carriers=carriers("main", lambda: catalogue), profiles=lambda: catalogue
        )
        pipeline.submit([body, envelope])
        assert look(pipeline, Request(found.logger)).changed == 0
        assert list(roads.history.readings(found.logger, 0, NOW * 2)) == []
