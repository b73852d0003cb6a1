"""Light, door and shock on the page of a shipment or a store: what was opened when, and what the temperature did."""

from typing import Any

from dash import html

from coldchain.domain.finding import Subject
from coldchain.domain.shipment import Stage
from compliance.openings_record import openings_of
from dashboard.parts import text
from dashboard.parts.elements import Column, card, link, moment, table
from dashboard.parts.stage_blocks import STAGE_WORDS
from dashboard.services import Services

Json = dict[str, Any]
_WORDS = {"light": "Light", "door": "Door open", "shock": "Shock"}
SHOWN = 60


def openings_card(services: Services, subject: Subject, from_ms: int, to_ms: int) -> list[html.Section]:
    """The card, the newest first; none where no logger of the subject tells any of it."""
    with services.registry.read() as connection:
        found = openings_of(connection, services.history, subject, from_ms, to_ms)
    items = found["items"]
    if not items:
        return []
    columns = (
        Column("What"), Column("From"), Column("For", numeric=True), Column("Peak", numeric=True), Column("Stage"),
        Column("Logger"), Column("Excursions beside it"), Column("Back after", numeric=True),
    )  # fmt: skip
    rows = [_row(one) for one in reversed(items[-SHOWN:])]
    limits = f"light from {found['light_from_lux']:g} lux under way, shock from {found['shock_from_g']:g} g"
    words = f"Context only: {limits}. No rule is muted by it, and no excursion excused."
    return [card("Openings, light and shock", table(columns, rows, "Openings, light and shock"),
                 html.P(words, className="chart-note"),
                 right=html.Span(text.count(len(items), "event"), className="dim small"))]  # fmt: skip


def _row(one: Json) -> tuple[Any, ...]:
    peak = text.ABSENT if one["peak"] is None else f"{text.fixed(one['peak'], 1)} {one['unit']}"
    beside = [part for number, id_ in enumerate(one["excursions"], 1)
              for part in (", ", link(f"excursion {number}", f"/excursions/{id_}"))][1:]  # fmt: skip
    return (
        _WORDS[one["kind"]], moment(one["from"]),
        "goes on" if one["duration_s"] is None else text.duration(one["duration_s"]), peak,
        STAGE_WORDS[Stage(one["stage"])] if one["stage"] else text.ABSENT,
        link(one["logger"], f"/loggers/{one['logger']}"),
        html.Span(beside) if beside else text.ABSENT,
        text.ABSENT if one["recovery_s"] is None else text.duration(one["recovery_s"]),
    )  # fmt: skip
