"""The answer of a simulation as a page shows it: one line for all of whom the same is said at the same moment."""

import json
from typing import Any

from dashboard.parts.rule_words import Called
from dashboard.parts.simulation_blocks import timeline

KNOWN = Called({}, {}, {}, {}, {})


def message(name: str, *, after_s: int = 1800, verified: bool = True, **more: Any) -> dict[str, Any]:
    return {"after_s": after_s, "recipient": name, "name": name, "channel": "email", "round": 0, "step": 1,
            "target": {"kind": "on_call"}, "duty": None, "verified": verified, "only_if": None, **more}  # fmt: skip


def lines(*messages: dict[str, Any]) -> list[str]:
    shown = timeline(messages, KNOWN)
    said = [json.dumps(item.to_plotly_json(), default=lambda part: part.to_plotly_json()) for item in shown.children]
    return [text for text in said if text]


def test_twenty_people_who_hear_alike_are_one_line_with_every_name() -> None:
    found = lines(*(message(f"P{n}") for n in range(20)))
    assert len(found) == 1
    assert all(f"P{n}" in found[0] for n in range(20))


def test_whose_address_is_not_verified_or_who_hears_later_has_a_line_of_its_own() -> None:
    found = lines(message("A"), message("B", verified=False), message("C", after_s=3600))
    assert ["not verified" in line for line in found] == [False, True, False]
