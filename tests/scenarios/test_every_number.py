"""Every number that a page of compliance prints leads to its derivation; what may stand without one is named here."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import flask
import pytest
from dash import html
from dash.development.base_component import Component
from engine_house import STEP_MS, House, sample
from judging import DAWN

from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.quantity import iso
from coldchain.errors import InvalidValue, NotFound
from coldchain.registry import excursion_views, facts, stays, stores
from coldchain.registry.batches import BatchKey
from coldchain.registry.shipments import NewMilestone, add_milestone, change
from coldchain.registry.viewer import SYSTEM, Viewer
from compliance.calendar import Unit
from dashboard.pages import batch, batches, compliance, excursion, shipment, store
from dashboard.pages import stores as store_list
from dashboard.parts import as_known_block, derivation, judged_by, security, window_blocks
from dashboard.services import Services
from ingest.pipeline import Pipeline

BATCH = ("A4711", "04012345678901")
HOUR = 12 * STEP_MS

# Numbers that are no figures: what a thing is called, when something was, what somebody stated, how a picture is drawn.
NAMES = {
    "label": "the name of a figure", "kept-figure": "an earlier result: its document is linked in the row",
     "tag": "a name", "crumb": "a name", "mono": "a name or a hash",
    "visually-hidden": "words for who does not see the page", "season-head": "the axis of the seasons",
}  # fmt: skip
TAGS = (html.A, html.Time, html.Th, html.H1, html.H2, html.Caption, html.Summary, html.Button)
STATED = tuple(re.compile(words) for words in (
    r"^(above|below) −?[\d.]+ °C$",  # the limit of the label range, as the product profile states it
    r"^[ (]*(up to |from )?−?[\d.]+( … −?[\d.]+)? °C\)?$",  # a range that the product profile states
    r"^(above|below) −?[\d.]+ °C: |^(Above|Below) −?[\d.]+ °C(: began)?$",
    r"^\d{4}-(W\d\d|\d\d(-\d\d)?)$",  # the name of a day, a week, a month
    r" carried the batch at the same time: ",  # names of its shipments and stays
    r"^mkt\.trapezoid/1, ΔH $",  # the name of a method
    r"samples drawn$", r"positions reported\.$",  # how the picture was thinned
    r"\(\d+ times\)",  # lines of the timeline that were folded into one
    r" alarm raised: (above|below) ", r"^ · GTIN \d+$", r"^\d{14}$", r" \(\d{4}-W?\d\d\)$", r"^Most in \d{4}-W?\d\d: $",
    r" per 100 shipments\.$", r"^\d+h$",  # the name of a window
    r"\d–\d+ °C(, freeze-sensitive)?(: at most )?$",  # the name of a product profile
    r"^v?\d+(\.\d+)* · \d", r"Natural Earth",
))  # fmt: skip


class Printed(NamedTuple):
    """A text with a digit, and the components that it stands in, the innermost last."""

    text: str
    path: tuple[Component, ...]

    @property
    def about(self) -> str:
        inside = [f"{type(one).__name__}.{getattr(one, 'className', '')}" for one in self.path[-4:]]
        return f"{' > '.join(inside)}: {self.text!r}"


def printed(node: Any, path: tuple[Component, ...] = ()) -> Iterator[Printed]:
    """Every text with a digit below a component."""
    if isinstance(node, Component):
        yield from printed(getattr(node, "children", None), (*path, node))
    elif isinstance(node, list | tuple):
        for one in node:
            yield from printed(one, path)
    elif node is not None and re.search(r"\d", str(node)):
        yield Printed(str(node), path)


def derivations(node: Any) -> Iterator[str]:
    """What each number below a component asks for when it is pressed."""
    if isinstance(node, Component):
        asked = getattr(node, "data-derive", None)
        if asked:
            yield asked
        yield from derivations(getattr(node, "children", None))
    elif isinstance(node, list | tuple):
        for one in node:
            yield from derivations(one)


def led(one: Printed) -> bool:
    """Whether a text is no figure, or leads to its derivation or to what it counts."""
    classes = {word for part in one.path for word in str(getattr(part, "className", "") or "").split()}
    if classes & NAMES.keys() or any(isinstance(part, TAGS) for part in one.path):
        return True
    return any(words.search(one.text) for words in STATED)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture
def goods(house: House) -> tuple[str, str]:
    """A batch that was too warm on its way, with a gap, and lay in a cold room whose door stood open; their ids."""
    now = house.clock.now_ms()
    with house.registry.write() as connection:
        room = stores.create(connection, name="Cold room 2", kind="cold_room", zone="UTC", site="Puurs", who="test",
                             now_ms=now)  # fmt: skip
        held = Subject(SubjectKind.STORE, room)
        facts.assign_profile(connection, held, "refrigerated-2-8", 1, who="test", now_ms=now)
        facts.bind(connection, held, "LG-S", from_ms=DAWN, who="test", now_ms=now)
    subject = house.shipment(
        "SHP-1", "LG-1", "cct-2-8", batches=[BATCH], customer="Aurelia", carrier="Blue Lane", lane="MUC → LIS",
        origin={"name": "Munich", "zone": "Europe/Berlin"},
    )  # fmt: skip
    house.shipment("SHP-2", "LG-2", "refrigerated-2-8", carrier="Blue Lane", lane="MUC → LIS")
    with house.registry.write() as connection:
        for kind, name, step in (("departure", "Departed", 0), ("leg", "Took off", 30)):
            mark = NewMilestone(kind, name, custodian="Blue Lane", happened_ms=DAWN + step * STEP_MS)
            add_milestone(connection, subject.id, mark, by=SYSTEM, now_ms=now)
        change(connection, subject.id, {"state": "in_transit", "departed_ms": DAWN}, version=None, by=SYSTEM,
               now_ms=now)  # fmt: skip
    house.clock.set(DAWN + 30 * HOUR)
    house.send(*(sample(k, 12.0 if 20 <= k < 40 or k >= 355 else 5.0 + k % 7 / 10, humidity_mpct=45_000 + k)
                 for k in range(360) if not 60 < k < 72))  # fmt: skip
    house.send(*(sample(k, 9.1 if 200 <= k < 215 else 4.8, "LG-S") for k in range(360)))
    house.send(*(sample(k, 5.0, "LG-2") for k in range(100)))
    house.settle()
    with house.registry.write() as connection:
        stays.put(connection, BatchKey.of(*BATCH, None).id, room, DAWN + 190 * STEP_MS, DAWN + 230 * STEP_MS,
                  reason="put away", by=SYSTEM, now_ms=house.clock.now_ms())  # fmt: skip
        facts.assign_profile(connection, held, "refrigerated-2-8-freeze-sensitive", 1, who="test", reason="vaccine",
                             now_ms=house.clock.now_ms())  # fmt: skip
    house.settle()
    return subject.id, room


def pages(services: Services, shipment_id: str, room: str) -> Iterator[tuple[str, Any]]:
    """The body of each page of compliance, by its name."""
    asked = compliance.asked(
        {**dict.fromkeys(compliance.CONTROLS), "days": "7", "zone": "UTC"}, services.clock.now_ms()
    )
    yield "compliance", compliance.page_body(services, asked, "light")
    yield "compliance by week", compliance.page_body(services, asked._replace(by=("week", "lane")), "light")
    yield "shipment", shipment.page_body(services, shipment_id, "light", "UTC")
    yield "batches", batches.listing(services, SYSTEM, None)
    yield "batch", batch.page_body(services, SYSTEM, BatchKey.of(*BATCH, None).id, "light", "UTC")
    yield "stores", store_list.listing(services, SYSTEM)
    yield "store", store.page_body(services, room, "light", "UTC")
    for unit in Unit:
        yield f"store by {unit}", window_blocks.windows_table(services, SYSTEM, room, unit)
    for kind, id_ in (("shipment", shipment_id), ("store", room)):
        yield f"judged by, {kind}", judged_by.results(judged_by.load(services, SYSTEM, kind, id_))
    yield "as known then", as_known_block.beside(services, SYSTEM, shipment_id, iso(DAWN + 25 * HOUR)[:16])
    with services.registry.read() as connection:
        found = excursion_views.listed(connection, SYSTEM).items
    for one in found:
        yield "excursion", excursion.page_body(services, one["id"], "light", "UTC")


def test_every_number_leads_to_its_derivation_and_each_derivation_agrees(house: House, goods: tuple[str, str]) -> None:
    services = Services(
        house.registry, house.journal, house.history, house.history, Pipeline(house.journal, house.clock), house.clock
    )
    environ = {security.VIEWER_KEY: SYSTEM}
    astray: list[str] = []
    asked: dict[str, str] = {}
    without = set()
    server = flask.Flask("test")
    security.keep_services(server, services)
    with server.test_request_context(environ_overrides=environ):
        for name, body in pages(services, *goods):
            astray += [f"{name}: {one.about}" for one in printed(body) if not led(one)]
            queries = set(derivations(body))
            asked |= dict.fromkeys(queries, name)
            without |= set() if queries else {name}
        assert not astray, "\n".join(astray)
        for query, name in asked.items():
            said = derivation.found(services, query)
            assert said["agrees"], (name, query, said["printed"], said["stated"])
            assert derivation.content(said, query)
    assert len(asked) > 150, "the pages show next to nothing"
    assert without == {"judged by, shipment"}, "only who was never judged otherwise has nothing to tell apart"


def test_the_walk_sees_a_number_that_leads_nowhere() -> None:
    page = html.Div([html.P(["Outside for ", html.Button("3 min", className="derive"), " of 8 h"]), html.Td("12 %")])
    assert [one.text for one in printed(page) if not led(one)] == [" of 8 h", "12 %"]


def test_figures_as_known_then_stand_beside_those_of_now_and_a_moment_to_come_is_refused(
    house: House, goods: tuple[str, str]
) -> None:
    services = Services(
        house.registry, house.journal, house.history, house.history, Pipeline(house.journal, house.clock), house.clock
    )
    for wrong, words in (("", "choose a day"), ("soon", "choose a day"), ("2031-01-01T00:00", "still to come")):
        with pytest.raises(InvalidValue, match=f"^At: .*{words}"):
            as_known_block.beside(services, SYSTEM, goods[0], wrong)
    with pytest.raises(NotFound, match="choose a later time"):
        as_known_block.beside(services, SYSTEM, goods[0], "2001-01-01T00:00")
    with pytest.raises(NotFound):
        as_known_block.beside(services, Viewer("x", "X", "viewer", customer="Other"), goods[0], iso(DAWN + HOUR)[:16])
    shown = str(as_known_block.beside(services, SYSTEM, goods[0], iso(house.clock.now_ms() - 60_000)[:16]))
    assert "As known then" in shown
    assert "known_as_of=" in shown
