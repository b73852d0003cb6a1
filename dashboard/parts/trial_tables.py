"""What a trial read, as tables: the readings of one message with every refusal, and twenty messages compared."""

from collections.abc import Sequence
from typing import Any

from dash import html

from coldchain.domain.message import Refusal
from coldchain.domain.reading import Reading, flag_names
from dashboard.parts import text
from dashboard.parts.arriving import name
from dashboard.parts.elements import Column, moment, table, tag
from dashboard.parts.readings import values
from dashboard.parts.states import empty
from dashboard.parts.trial import Tried

_MOST = 60


def trial_table(found: Sequence[Tried]) -> Any:
    """Each message with what it would become."""
    columns = (Column("Arrived"), Column("Would become"), Column("Refused", numeric=True))
    rows = [(moment(one.received_at_ms, "second"), became(one), str(len(one.refusals)) if one.refusals else text.ABSENT)
            for one in found]  # fmt: skip
    return table(columns, rows, "What the newest messages would become")


def became(one: Tried) -> Any:
    """The readings of one message in a line."""
    if not one.understood:
        return html.Span(name(one.refusals[0].reason) if one.refusals else "nothing", className="status",
                         **{"data-status": "at_risk"})  # fmt: skip
    if not one.readings:
        told = ", ".join(f"{key} {value}" for key, value in one.status.items())
        return f"no reading{': ' + told if told else ''}"
    return html.Span([part for reading in one.readings[:8] for part in (_brief(reading), " ")])


def _brief(reading: Reading) -> html.Span:
    shown = reading.fault.replace("_", " ") if reading.fault else values(reading)
    return tag(f"{reading.channel}: {shown}")


def readings_table(one: Tried) -> Any:
    """The readings of one message, row by row."""
    if not one.readings:
        if one.status:
            told = ", ".join(f"{key} {value}" for key, value in one.status.items())
            return empty("No reading", html.Span(f"Only the logger's state: {told}"))
        return empty("No reading yet", html.Span("Click a field of the message and say what it is."))
    columns = (Column("Channel"), Column("Measured at"), Column("Clock"), Column("Values"), Column("Remarks"))
    rows = [
        (reading.channel, moment(reading.event_time_ms, "second"), reading.time_source, values(reading),
         html.Span([*_fault(reading), *(tag(flag) for flag in flag_names(reading.flags)),
                    *([tag("historical")] if reading.historical else [])]))
        for reading in one.readings[:_MOST]
    ]  # fmt: skip
    return table(columns, rows, "Readings of this message")


def _fault(reading: Reading) -> list[Any]:
    if reading.fault is None:
        return []
    return [html.Span(reading.fault.replace("_", " "), className="status", **{"data-status": "at_risk"}), " "]


def refusal_list(found: Sequence[Refusal]) -> Any:
    """Every refusal, in words."""
    if not found:
        return html.P("Nothing is refused.", className="note")
    return html.Ul([html.Li(name(one.reason)) for one in found[:_MOST]], className="refusals")
