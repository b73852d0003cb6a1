"""Cases of the domain that people quote: the limit, a tenth above it, and versions from before severity matrices."""

from typing import Any

import pytest
from judging import judged, profile, rule

from coldchain.domain.profile_format import as_json, profile_from
from compliance.shipped import shipped_bodies, shipped_profile


@pytest.mark.parametrize(
    ("celsius", "excursions", "outside_s"), [(8.0, 0, 0), (8.001, 1, 3000), (8.1, 1, 3000), (2.0, 0, 0), (1.9, 1, 3000)]
)
def test_the_label_limit_is_in_and_a_tenth_more_is_out(celsius: float, excursions: int, outside_s: float) -> None:
    shipped = shipped_profile("refrigerated-2-8")
    samples = [(10.0 * k, celsius) for k in range(6)]
    found = judged(*samples, by=shipped)
    assert len(found.excursions) == excursions
    document: dict[str, Any] = found.document
    seen = document["temperature"]
    assert seen["time_above_s"] + seen["time_below_s"] == outside_s


def test_a_version_without_a_matrix_goes_by_its_rules_alone_and_keeps_its_hash() -> None:
    samples = [(10.0 * k, 12.0 if 3 <= k < 40 else 5.0) for k in range(60)]
    old = profile(rule(hold_min=30))
    assert old.severity_matrix == ()
    [excursion] = judged(*samples, by=old).excursions
    assert (excursion.severity.word, excursion.basis.matrix) == ("major", None)
    silent = profile()
    [excursion] = judged(*samples, by=silent).excursions
    assert (excursion.severity.word, excursion.basis.rules, excursion.basis.matrix) == ("info", None, None)


def test_a_shipped_profile_read_without_its_matrix_is_still_the_profile_that_it_was() -> None:
    """What an installation stored before there were matrices is read as it was written, and judged by what it says."""
    for body in shipped_bodies():
        before = {name: value for name, value in as_json(body).items() if name != "severity_matrix"}
        read = profile_from(before)
        assert read.severity_matrix == ()
        assert as_json(before).get("severity_matrix") is None
        assert read.rules == profile_from(body).rules
