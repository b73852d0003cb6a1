"""Nothing that is printed escapes the decimal twin: whichever single number is changed, it says so."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from judging import BOX, MINUTE, at, profile, rule, track

from coldchain.domain.finding import Subject, SubjectKind
from compliance.calendar import Window
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.ledger import Part, ledger
from compliance.ledger_document import ledger_json
from compliance.ledger_twin import ledger_differences
from compliance.twin import differences
from compliance.twin_windows import window_differences
from compliance.windows_of import figures_over

Json = dict[str, Any]
BUDGET = [{"low_c": 8, "high_c": 15, "allowed_h": 24}, {"low_c": 0, "high_c": 2, "allowed_h": 1}]
GOODS = profile(rule(hold_min=10), stability_budget=BUDGET, mkt_windows=[{"id": "24h", "length_h": 24, "limit_c": 8}])
SAMPLES = [(0, 5.0), (10, 7.0), (20, 9.5), (30, 11.0), (40, 7.0), (50, 5.0), (90, 5.2), (100, 1.0), (110, 3.0)]


def inputs(subject: Subject = BOX) -> Inputs:
    made = track(*SAMPLES)
    bound = Bound(made, (Span(at(0), None),), interval_ms=10 * MINUTE)
    return Inputs(subject, GOODS, (bound,), silence=False)


def numbers(part: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(part, dict | list):
        pairs = part.items() if isinstance(part, dict) else enumerate(part)
        return [one for name, value in pairs for one in numbers(value, (*way, name))]
    return [way] if isinstance(part, int | float) and not isinstance(part, bool) else []


def unseen(document: Json, twin: Callable[[Json], list[str]]) -> set[str]:
    """The numbers that may be changed without the twin's saying so."""
    plain: Json = json.loads(json.dumps(document))
    assert twin(plain) == []
    found = set()
    for way in numbers(plain):
        other = copy.deepcopy(plain)
        here: Any = other
        for step in way[:-1]:
            here = here[step]
        here[way[-1]] += 1
        if not twin(other):
            found.add(".".join(map(str, way)))
    return found


def test_of_a_compliance_document() -> None:
    subject = inputs()
    document = findings(subject, at(110)).document
    assert len(numbers(document)) > 110
    assert unseen(document, lambda other: differences(subject, other)) == set()


def test_of_figures_over_parts_of_the_time() -> None:
    subject = inputs()
    document = figures_over(subject, [Window("a", at(0), at(25)), Window("b", at(25), at(105))], at(110))
    assert unseen(document, lambda other: window_differences(subject, other)) == {"profile.version"}


def test_of_the_ledger_of_a_batch() -> None:
    subject = inputs(Subject(SubjectKind.SHIPMENT, "s1"))
    newest = {"LG-1/internal": {"event_time": "2026-01-05T00:30:00.000Z", "temperature_c": 11.0}}
    part = Part("shipment", "s1", "S-1", findings(subject, at(110)).document, live=True, last=newest)
    document = ledger_json(ledger([part], GOODS, at(120)))
    assert document["time_left"] is not None
    seen = unseen(document, lambda other: ledger_differences([subject], other))
    assert {one for one in seen if not one.endswith(".version")} == set()


def test_another_governing_channel_on_top_is_seen() -> None:
    subject = inputs()
    document = copy.deepcopy(findings(subject, at(110)).document)
    document["governing_channel"] = "probe-2"
    assert differences(subject, document) == ["governing channel: ('LG-1', 'probe-2'), by the twin LG-1/internal"]


@pytest.mark.parametrize("celsius", [5.0, 9.0, 20.0, -1.0])
def test_the_tier_is_found_again(celsius: float) -> None:
    made = track(*((10 * k, celsius if k > 3 else 5.0) for k in range(20)))
    subject = Inputs(BOX, GOODS, (Bound(made, (Span(at(0), None),), interval_ms=10 * MINUTE),), silence=False)
    assert differences(subject, findings(subject, at(190)).document) == []
