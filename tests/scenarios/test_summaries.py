"""Compliance summaries and derivations over the API: sums that are exact, scopes that hold, figures that derive."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from engine_house import House, sample
from judging import DAWN
from sqlalchemy import text
from web_cast import HOUR, MINUTE, NOON, NORTH, Web, installed

from coldchain.registry import summary
from coldchain.registry.migrations import migrate
from coldchain.registry.schema import shipment_figures, subject_state
from coldchain.registry.summary_members import members
from coldchain.registry.viewer import SYSTEM, Viewer
from compliance import derivation_groups, derivation_record
from compliance.derivation import figures_of
from compliance.derivation_record import Asked
from compliance.schemas_published import schema_of

DAY = 24 * HOUR


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with installed(tmp_path) as made:
        yield made


def document(in_range: float, above: float, mkt: float | None, **more: Any) -> dict[str, Any]:
    return {
        "profile": {"id": "refrigerated-2-8", "version": 1}, "governing_logger": "L1", "governing_channel": "internal",
        "coverage_pct": 100,
        "temperature": {"time_in_range_s": in_range, "time_above_s": above, "time_below_s": 0.0,
                        "time_unknown_s": 0.0, "min_c": 4.0, "max_c": 9.0},
        "mkt": {"value_c": mkt, "delta_h_kj_mol": 83.144, "gas_constant": 0.0083144},
        "stability_budget": {"bands": [{"allowed_s": 36_000.0, "used_s": above}]}, **more,
    }  # fmt: skip


@pytest.fixture
def fleet(web: Web) -> list[str]:
    """Three shipments: 18 h at 5 °C, 6 h at 15 °C, and one that nobody has judged."""
    made = [web.shipment(f"S-{n}", carrier=("Blue", "Red")[n % 2], origin={"name": "Puurs", "zone": "Asia/Tokyo"},
                         destination={"name": ("Hamburg", "Lisbon")[n % 2]}) for n in range(3)]  # fmt: skip
    web.judged(made[0], document=document(18 * 3600.0, 0.0, 5.0))
    web.judged(made[1], document=document(0.0, 6 * 3600.0, 15.0))
    web.excursion(made[1])
    web.alarm(made[1], acknowledged_ms=None)
    web.clock.advance(MINUTE)
    return made


def test_mean_kinetic_temperatures_are_pooled_over_time_and_not_averaged(web: Web, fleet: list[str]) -> None:
    total = web.as_role("viewer").get("/api/v1/summary").json()["total"]
    # 18 h at 5 °C and 6 h at 15 °C: the published vector, not (5 + 15) / 2 and not 7.5.
    assert total["mkt_pooled_c"] == pytest.approx(8.785926208, abs=1e-9)
    assert (total["mkt_worst_c"], total["mkt_worst_shipment"]) == (15.0, fleet[1])
    assert (total["shipments"], total["judged"], total["without_excursion"]) == (3, 2, 1)
    assert (total["in_range_pct"], total["excursions_per_100"]) == (75.0, pytest.approx(100 / 3))
    assert (total["budget_worst_pct"], total["budget_exceeded"]) == (60.0, 0)
    assert total["unacknowledged_s"] == pytest.approx((web.clock.now_ms() - NOON) / 1000)


def test_shipments_of_different_activation_energies_are_not_pooled(web: Web) -> None:
    for n, energy in enumerate((83.144, 100.0)):
        found = document(3600.0, 0.0, 5.0)
        found["mkt"]["delta_h_kj_mol"] = energy
        web.judged(web.shipment(f"S-{n}"), document=found)
    web.clock.advance(MINUTE)
    total = web.as_role("viewer").get("/api/v1/summary").json()["total"]
    assert (total["mkt_pooled_c"], total["mkt_pooled_reason"]) == (None, summary.MIXED)


def test_groups_by_two_filters_and_weeks_of_a_zone(web: Web, fleet: list[str]) -> None:
    viewer = web.as_role("viewer")
    rows = viewer.get("/api/v1/summary?by=carrier&by=site").json()["items"]
    assert [(row["carrier"], row["site"], row["shipments"]) for row in rows] == [
        ("Red", "Puurs", 1),
        ("Blue", "Puurs", 2),
    ]
    [only] = viewer.get("/api/v1/summary?by=lane&carrier=Red").json()["items"]
    assert (only["lane"], only["excursions_major"]) == ("Puurs → Lisbon", 1)
    # 2026-11-22 is a Sunday: at noon in UTC it is already Monday on Kiritimati.
    assert [viewer.get(f"/api/v1/summary?by=week&zone={zone}").json()["items"][0]["week"]
            for zone in ("UTC", "Pacific/Kiritimati")] == ["2026-W47", "2026-W48"]  # fmt: skip
    assert viewer.get("/api/v1/summary?zone=Moon").status_code == 422


def test_a_scoped_viewer_sees_only_its_own_in_every_summary(web: Web, fleet: list[str]) -> None:
    web.judged(web.shipment("X-1", customer="Elsewhere"), document=document(60.0, 0.0, 5.0))
    own = web.signed_in(web.person("viewer", scope_customer=NORTH))
    assert own.get("/api/v1/summary").json()["total"]["shipments"] == 3
    assert {row["customer"] for row in own.get("/api/v1/summary/shipments").json()["items"]} == {NORTH}
    assert own.get("/api/v1/summary?customer=Elsewhere").json()["items"] == []
    foreign = web.signed_in(web.person("viewer", email="else@example.org", scope_customer="Elsewhere"))
    assert foreign.get("/api/v1/summary/offenders").json()["items"] == []
    assert foreign.get("/api/v1/summary/seasons").json()["items"] == []
    assert foreign.get(f"/api/v1/shipments/{fleet[1]}/derivation?figure=mkt.value_c").status_code == 404


def test_repeat_offenders_and_the_hours_of_the_day(web: Web, fleet: list[str]) -> None:
    viewer = web.as_role("viewer")
    [logger] = viewer.get("/api/v1/summary/offenders").json()["items"]
    assert (logger["name"], logger["excursions"], logger["with_excursions"]) == ("L1", 1, 1)
    [carrier] = viewer.get("/api/v1/summary/offenders?kind=carrier").json()["items"]
    assert (carrier["name"], carrier["excursions_per_100"]) == ("Red", 100.0)
    [own] = viewer.get("/api/v1/summary/seasons").json()["items"]
    [cell] = viewer.get("/api/v1/summary/seasons?zone=Europe/Berlin").json()["items"]
    assert own["hour"] == 20  # by the clock of the site that it left from
    assert cell == {"month": "2026-11", "hour": 12, "excursions": 1, "outside_s": 600.0, "worst": "major"}


@pytest.mark.parametrize("path", ["", "/shipments", "/offenders", "/seasons"])
def test_every_summary_comes_as_csv_with_its_hash(web: Web, fleet: list[str], path: str) -> None:
    lines = web.as_role("viewer").get(f"/api/v1/summary{path}?format=csv").text.split("\r\n")
    assert lines[-2].startswith(f"# rows={len(lines) - 3} sha256=")


def test_every_figure_of_a_summary_row_derives_to_itself(web: Web, fleet: list[str]) -> None:
    viewer = web.as_role("viewer")
    total = viewer.get("/api/v1/summary").json()["total"]
    named = {"mkt_pooled_reason", "mkt_worst_shipment", "budget_worst_shipment"}
    for figure in total.keys() - named:
        said = viewer.get(f"/api/v1/summary/derivation?figure={figure}").json()
        assert (figure, said["agrees"], said["stated"]) == (figure, True, total[figure])
        assert said["method_id"], figure
    assert viewer.get("/api/v1/summary/derivation?figure=mkt_worst_shipment").status_code == 404
    assert viewer.get("/api/v1/summary/derivation?figure=moon").status_code == 404


def test_every_figure_of_an_offending_logger_and_of_an_hour_derives_to_itself(web: Web, fleet: list[str]) -> None:
    viewer, at = web.as_role("viewer"), "/api/v1/summary/derivation"
    [logger] = viewer.get("/api/v1/summary/offenders").json()["items"]
    for figure in logger.keys() - {"name"}:
        said = viewer.get(at, params={"figure": figure, "logger": "L1"}).json()
        assert (figure, said["agrees"], said["stated"]) == (figure, True, logger[figure])
        jsonschema.validate(said, schema_of("coldchain.derivation-1"))
    assert said["shipments"], "each part leads to its shipment"
    for more, zone in (({}, None), ({"zone": "Europe/Berlin"}, "Europe/Berlin")):
        [cell] = viewer.get("/api/v1/summary/seasons", params=more).json()["items"]
        for figure in ("excursions", "outside_s"):
            asked = {"figure": figure, "month": cell["month"], "hour": cell["hour"], **more}
            said = viewer.get(at, params=asked).json()
            assert (said["agrees"], said["stated"], said["table"]["rows"]) == (True, cell[figure], 1)
            assert (zone or "site") in said["remarks"][0]
            jsonschema.validate(said, schema_of("coldchain.derivation-1"))
    for wrong in ({"figure": "excursions", "logger": "L-none"}, {"figure": "moon", "logger": "L1"},
                  {"figure": "excursions", "month": "1999-01", "hour": 3},
                  {"figure": "moon", "month": own_month(viewer), "hour": 20}):  # fmt: skip
        assert viewer.get(at, params=wrong).status_code == 404, wrong
    foreign = web.signed_in(web.person("viewer", email="else@example.org", scope_customer="Elsewhere"))
    assert foreign.get(at, params={"figure": "excursions", "logger": "L1"}).status_code == 404


def own_month(viewer: Any) -> str:
    return str(viewer.get("/api/v1/summary/seasons").json()["items"][0]["month"])


# --- from real readings ---------------------------------------------------------------------------------------------


def lived(house: House) -> str:
    subject = house.shipment("S-1", "LG-1", customer="Acme")
    house.clock.set(DAWN + 12 * HOUR)
    house.send(*[sample(k, 9.5 if 40 <= k < 60 else 5.0 + k % 3 / 10) for k in range(140) if not 80 <= k < 90])
    house.settle()
    return subject.id


def test_every_figure_of_a_stored_document_derives_to_itself(house: House) -> None:
    shipment = lived(house)
    with house.registry.read() as connection:
        stored = connection.execute(subject_state.select().where(subject_state.c.subject_id == shipment)).one().document
        for figure in figures_of(stored["channels"][0]):
            said = derivation_record.of_shipment(connection, house.history, SYSTEM, shipment, Asked(figure))
            assert (figure, said["agrees"]) == (figure, True)
        assert said["readings"] == f"/api/v1/readings?shipment={shipment}&logger=LG-1&channel=internal&format=csv"


def test_the_row_of_a_shipment_says_what_its_document_says(house: House) -> None:
    shipment = lived(house)
    acme, other = (Viewer("v", "v", "viewer", customer=name) for name in ("Acme", "Other"))
    whenever = summary.Period(0, DAWN * 2)
    with house.registry.read() as connection:
        stored = connection.execute(subject_state.select().where(subject_state.c.subject_id == shipment)).one().document
        [one] = members(connection, acme, whenever)
        assert members(connection, other, whenever) == []
    assert one.in_range_ms == stored["temperature"]["time_in_range_s"] * 1000
    assert (one.above_ms, one.unknown_ms) == tuple(
        stored["temperature"][f"time_{name}_s"] * 1000 for name in ("above", "unknown")
    )
    assert (one.mkt_c, one.excursion_count, one.channel) == (stored["mkt"]["value_c"], 1, "internal")
    # One shipment pooled is that shipment.
    value, _ = summary.pooled([one])
    assert value == pytest.approx(stored["mkt"]["value_c"], abs=1e-12)
    assert derivation_groups.derive([one], "mkt_pooled_c", DAWN)["agrees"]


def test_a_registry_from_before_gets_the_figures_of_its_documents(house: House) -> None:
    shipment = lived(house)
    with house.registry.write() as connection:
        before = connection.execute(shipment_figures.select()).one()
        connection.execute(shipment_figures.delete())
        connection.execute(text("update alembic_version set version_num = '0004'"))
    migrate(house.registry)
    with house.registry.read() as connection:
        assert connection.execute(shipment_figures.select()).one() == before
    assert before.shipment == shipment
