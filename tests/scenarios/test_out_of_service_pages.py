"""Out of service from the pages: who may do it, what it says beside which field, and where the badge stands."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from web_cast import HOUR, NOON, NORTH, Web, installed

from alerts import maintenance as outage
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.reading import flag_bits, flag_names
from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry import bindings, loggers, maintenance, spans
from coldchain.registry.shipments import subject
from coldchain.registry.viewer import Viewer
from dashboard.pages.tower import background
from dashboard.parts import service_acts
from dashboard.parts.field_errors import beside

QUALITY = Viewer("q", "Quinn", "quality")
SAID = {"subject": "", "channel": "", "work_order": "WO-7", "reason": "defrost", "until": "2026-11-22T18:00"}


@pytest.fixture
def web(tmp_path: Path):
    with installed(tmp_path) as web:
        yield web


def a_logger(web: Web, id_: str = "L1") -> str:
    with web.registry.write() as connection:
        loggers.register(connection, id_, who="test", now_ms=NOON)
    return id_


def words(part: Any) -> str:
    return str(part.to_plotly_json()) if hasattr(part, "to_plotly_json") else str(part)


def test_a_shipment_goes_out_of_service_from_its_page_and_comes_back(web: Web) -> None:
    shipment = web.shipment("SHP-1")
    service_acts.take_out(web.services, QUALITY, "shipment", shipment, SAID)
    shown = words(service_acts.page_list(web.services, QUALITY, "shipment", shipment))
    assert all(one in shown for one in ("WO-7", "defrost", "SHP-1", "out of service until", "data-service-end"))
    assert "data-service-end" not in words(service_acts.page_list(web.services, Viewer("v", "V", "viewer"), "", ""))
    assert background(web.services, QUALITY)["out_of_service"] == [shipment]
    with web.registry.read() as connection:
        [row] = service_acts.of(connection, "shipment", shipment, NOON)
    service_acts.put_back(web.services, QUALITY, row.id)
    assert "Nothing is out of service" in words(service_acts.page_list(web.services, QUALITY, "", ""))
    assert background(web.services, QUALITY)["out_of_service"] == []


def test_of_the_list_of_everything_a_channel_can_be_chosen(web: Web) -> None:
    logger = a_logger(web)
    with web.registry.read() as connection:
        assert {"value": f"logger:{logger}", "label": f"logger {logger}"} in service_acts.subjects(connection)
    service_acts.take_out(web.services, QUALITY, "", "", {**SAID, "subject": f"logger:{logger}", "channel": "probe"})
    assert f"{logger}/probe" in words(service_acts.page_list(web.services, QUALITY, "", ""))
    listed = web.as_role("viewer").get("/api/v1/maintenance?now=true").json()["items"]
    assert [(one["logger"], one["channel"]) for one in listed] == [(logger, "probe")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"work_order": ""}, "work_order"),
        ({"reason": ""}, "reason"),
        ({"until": ""}, "until"),
        ({"until": "2026-11-21T18:00"}, "until"),
        ({"channel": "probe"}, "channel"),
        ({"subject": "logger:nobody"}, "subject"),
        ({"subject": ""}, "subject"),
        ({"subject": "person:p"}, "subject"),
    ],
    ids=str,
)
def test_each_mistake_is_said_beside_its_field(web: Web, change: dict[str, str], field: str) -> None:
    shipment = web.shipment("SHP-1")
    with pytest.raises(InvalidValue) as caught:
        service_acts.take_out(web.services, QUALITY, "", "", {**SAID, "subject": f"shipment:{shipment}"} | change)
    wrong, rest = service_acts.mistakes(str(caught.value), service_acts.ANY)
    assert (list(wrong), rest) == ([field], "")


def test_on_a_page_of_its_own_a_mistake_about_the_subject_is_said_in_full() -> None:
    words = "logger: 'L9' is not registered"
    assert service_acts.mistakes(words, service_acts.LOGGER) == ({}, words)
    assert beside("working_hours.mon: ends early", ("working_hours",)) == ({"working_hours": "Mon: ends early"}, "")


@pytest.mark.parametrize("viewer", [Viewer("o", "O", "operator"), Viewer("s", "S", "quality", customer=NORTH)])
def test_nobody_else_takes_anything_out_of_service_or_back(web: Web, viewer: Viewer) -> None:
    shipment = web.shipment("SHP-1")
    with pytest.raises(Forbidden):
        service_acts.take_out(web.services, viewer, "shipment", shipment, SAID)
    with pytest.raises(Forbidden):
        service_acts.put_back(web.services, viewer, "x")


def test_readings_of_the_work_carry_its_flag_in_what_is_exported(web: Web) -> None:
    shipment, logger = web.shipment("SHP-1"), a_logger(web)
    with web.registry.write() as connection:
        new = bindings.NewBinding(logger, NOON - HOUR, reason="no certificate yet")
        bindings.bind(connection, subject(shipment), new, who="t", now_ms=NOON)
        work = {"work_order": "WO", "reason": "x", "who": "t", "now_ms": NOON}
        probe = outage.take_out(connection, logger=logger, channel="probe", until_ms=NOON + HOUR, **work)
        outage.put_back(connection, probe.id, who="t", reason=None, now_ms=NOON + HOUR // 2)
        whole = Subject(SubjectKind.SHIPMENT, shipment)
        outage.take_out(connection, subject=whole, from_ms=NOON + 2 * HOUR, until_ms=NOON + 3 * HOUR, **work)
    with web.registry.read() as connection:
        [of_shipment] = spans.of_shipment(connection, QUALITY, shipment)
        [of_logger] = spans.of_loggers(connection, QUALITY, [logger])
        assert maintenance.of_subject(maintenance.listed(connection), logger="other") is None

    def served(span: spans.Span) -> list[bool]:
        asked = [("probe", NOON - 1), ("probe", NOON), ("internal", NOON), ("probe", NOON + HOUR // 2)]
        return [span.in_service(*one) for one in [*asked, ("probe", NOON + 2 * HOUR), ("probe", NOON + 3 * HOUR)]]

    assert served(of_shipment) == [True, False, True, True, False, True]
    assert served(of_logger) == [True, False, True, True, True, True]
    assert flag_names(flag_bits("out_of_service", "excluded")) == ["excluded", "out_of_service"]


def test_the_csv_of_excursions_says_which_fell_into_work_on_their_channel(web: Web) -> None:
    logger, shipment = a_logger(web), web.shipment("SHP-2")
    ended = {"end_ms": NOON - HOUR // 2}
    before = web.excursion(shipment, onset_ms=NOON - 9 * HOUR, onset_sample_ms=NOON - 9 * HOUR, end_ms=NOON - 8 * HOUR)
    during, elsewhere = web.excursion(shipment, **ended), web.excursion(shipment, channel="outer", **ended)
    given = {"work_order": "WO-7", "reason": "defrost", "who": "test"}
    with web.registry.write() as connection:
        id_ = maintenance.begin(
            connection, subject=None, logger=logger, channel="internal", from_ms=NOON - 2 * HOUR, until_ms=NOON + HOUR,
            now_ms=NOON - 2 * HOUR, **given,
        )  # fmt: skip
    rows = csv.DictReader(io.StringIO(web.as_role("quality").get("/api/v1/excursions?format=csv").text))
    said = {row["id"]: row["out_of_service"] for row in rows if row["out_of_service"]}
    assert said == {before: "false", during: "true", elsewhere: "false"}
    assert id_
