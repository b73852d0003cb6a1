"""Who answers for a topic: the first that claims it; connections by configuration come and go."""

from carrier_examples import CONNECTION, EXAMPLES

from coldchain.domain.message import Envelope
from ingest.claimants import Claimants
from sensors.carriers.shipped import carriers
from sensors.device_profiles.catalogue import Entry, Snapshot
from sensors.device_profiles.format import parse

ACME = EXAMPLES["mapped"][0]
SHELF: list[Entry] = []
KNOWN = carriers("main", lambda: Snapshot(SHELF))


def test_the_carrier_is_the_one_that_a_search_through_all_of_them_finds() -> None:
    found = Claimants(KNOWN)
    for envelopes in EXAMPLES.values():
        for one in (*envelopes, *envelopes):
            assert found.of(one) is next((carrier for carrier in KNOWN if carrier.claims(one)), None)


def test_a_connection_counts_from_the_message_after_it_was_made_until_it_is_gone() -> None:
    found = Claimants(KNOWN)
    assert found.of(ACME) is None
    SHELF.append(Entry(parse(CONNECTION), "folder"))
    mapped = found.of(ACME)
    assert mapped is not None
    assert mapped.source == "mapped"
    SHELF.clear()
    assert found.of(ACME) is None


def test_a_customers_connection_goes_before_a_carrier_of_the_program() -> None:
    found = Claimants(KNOWN)
    asked = Envelope("mqtt", "zigbee2mqtt/fridge", b"{}", 0)
    before = found.of(asked)
    SHELF.append(Entry(parse(CONNECTION.replace("acme/+/telemetry", "zigbee2mqtt/fridge")), "folder"))
    after = found.of(asked)
    SHELF.clear()
    assert [one and one.source for one in (before, after)] == ["zigbee2mqtt", "mapped"]


def test_topics_without_end_do_not_fill_the_memory() -> None:
    found = Claimants(KNOWN)
    for number in range(25_000):
        found.of(Envelope("mqtt", f"made/up/{number}", b"", 0))
    assert len(found._places) <= 20_000
