"""What the page behind a mail's link says of an alarm."""

from dashboard.parts.link_words import link_facts

COLD = {
    "reference": "SHP-2026-0117", "logger": "LG-7", "channel": "internal", "cause": "low", "condition": "returned",
    "value_c": 3.1, "peak_c": -1.06, "limit_c": 2.0, "onset": "2026-11-22T20:25:07.000Z",
    "end": "2026-11-22T20:31:27.000Z",
}  # fmt: skip


def test_it_speaks_as_people_do() -> None:
    assert link_facts(COLD) == [
        ("Shipment or store", "SHP-2026-0117"), ("What", "below 2 °C"), ("State", "over"), ("Now", "3.1 °C"),
        ("Lowest", "−1.1 °C"), ("Since", "22 Nov 2026 20:25 UTC"), ("Until", "22 Nov 2026 20:31 UTC"),
        ("Logger", "LG-7 / internal"),
    ]  # fmt: skip


def test_what_is_not_known_is_left_out() -> None:
    silent = {"logger": "LG-7", "cause": "silence", "condition": "active", "onset": "2026-11-22T20:25:07.000Z"}
    assert link_facts(silent) == [
        ("What", "silent"), ("State", "going on"), ("Since", "22 Nov 2026 20:25 UTC"), ("Logger", "LG-7"),
    ]  # fmt: skip
