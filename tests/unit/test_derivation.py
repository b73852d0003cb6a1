"""Derivations: the steps that are shown give the figure that is printed, for every figure, on histories with gaps."""

import random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import BOX, MINUTE, at, track

from coldchain.errors import NotFound
from compliance.calendar import Window
from compliance.derivation import derive, figures_of, value_at
from compliance.derived import printed
from compliance.engine import findings
from compliance.inputs import Bound, Inputs, Span
from compliance.schemas_published import schema_of
from compliance.shipped import shipped_profile
from compliance.twin import TwinChannel
from compliance.twin import printed as twin_printed
from compliance.windows_of import figures_over

PROFILES = ("cct-2-8", "crt-20-25", "refrigerated-2-8-freeze-sensitive", "frozen-25-15", "below-25")


def history(seed: int, profile: str) -> tuple[Inputs, int]:
    """A hundred samples at five minutes with holes; some minutes in the middle are not judged."""
    chance = random.Random(seed)
    middle = {"crt-20-25": 22.0, "frozen-25-15": -18.0, "below-25": 23.0}.get(profile, 5.0)
    minute, level, samples = 0, middle, []
    for _ in range(100):
        level = max(middle - 8, min(middle + 8, level + chance.choice((-1.3, -0.3, 0, 0.3, 1.1))))
        samples.append((minute, round(level, 3)))
        minute += chance.choice((5, 5, 5, 5, 5, 45))
    judged = (Span(at(-chance.choice((0, 60))), at(200)), Span(at(260), None))
    bound = Bound(track(*samples), judged, interval_ms=5 * MINUTE)
    return Inputs(BOX, shipped_profile(profile), (bound,)), at(minute + chance.choice((0, 100)))


def channel_of(inputs: Inputs, now: int) -> dict[str, Any]:
    document: dict[str, Any] = findings(inputs, now).document
    return dict(document["channels"][0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(PROFILES))
def test_the_steps_of_every_figure_give_what_the_document_prints(seed: int, profile: str) -> None:
    inputs, now = history(seed, profile)
    channel = channel_of(inputs, now)
    for figure in figures_of(channel):
        said = derive(inputs, now, channel, figure)
        assert (figure, said["printed"]) == (figure, printed(value_at(channel, figure)))
        assert said["agrees"]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(PROFILES))
def test_a_derivation_gives_the_figures_of_the_decimal_twin(seed: int, profile: str) -> None:
    inputs, now = history(seed, profile)
    channel = channel_of(inputs, now)
    twin = {name: ours for name, _, ours in TwinChannel(inputs.profile, inputs.bounds[0], channel, None).pairs()}
    for name in ("min_c", "max_c", "mean_c", "time_in_range_s", "time_above_s", "time_below_s", "time_unknown_s"):
        assert derive(inputs, now, channel, f"temperature.{name}")["printed"] == twin_printed(twin[name])
    assert derive(inputs, now, channel, "coverage_pct")["printed"] == twin_printed(twin["coverage_pct"])
    for name, figure in (("mkt", "value_c"), ("mkt lower", "lower_c"), ("mkt upper", "upper_c")):
        if name in twin:
            assert derive(inputs, now, channel, f"mkt.{figure}")["printed"] == twin_printed(twin[name])


def test_a_derivation_names_method_inputs_profile_and_version() -> None:
    inputs, now = history(1, "cct-2-8")
    channel = channel_of(inputs, now)
    said = derive(inputs, now, channel, "mkt.value_c")
    assert said["method_id"] == channel["mkt"]["method_id"]
    assert said["inputs"]["readings"] > 50
    assert said["inputs"]["offsets"] is not None
    assert said["profile"] == {"id": "cct-2-8", "version": 1}
    assert said["engine"]["config_hash"] == inputs.profile.config_hash
    assert said["table"]["left_out"] == said["table"]["rows"] - 18
    assert len(said["table"]["head"]) == 12


def test_a_crossing_is_shown_with_its_numbers() -> None:
    bound = Bound(track((0, 7), (10, 8.2), (20, 7)), (Span(at(0), None),), interval_ms=10 * MINUTE)
    inputs = Inputs(BOX, shipped_profile("refrigerated-2-8"), (bound,))
    channel = channel_of(inputs, at(20))
    said = derive(inputs, at(20), channel, "excursions.0.onset")
    assert said["printed"] == "2026-01-05T00:08:20.000Z"
    assert said["numbers"] == "2026-01-05T00:10:00.000Z + -600 s · (8.2 °C − 8 °C) / (8.2 °C − 7 °C)"
    assert derive(inputs, at(20), channel, "temperature.time_above_s")["printed"] == "200.00"
    by_id = f"excursions.{channel['excursions'][0]['id']}.duration_s"
    assert derive(inputs, at(20), channel, by_id)["exact"] == "200"


def test_what_has_no_figure_says_why() -> None:
    inputs, now = history(3, "frozen-25-15")
    channel = channel_of(inputs, now)
    said = derive(inputs, now, channel, "mkt.value_c")
    assert (said["printed"], said["reason"]) == (None, "not applicable: frozen goods have no mean kinetic temperature")


@pytest.mark.parametrize("figure", ["nothing", "mkt", "excursions.999.peak_c", "temperature.min_c.more", "profile.id"])
def test_an_unknown_figure_is_refused(figure: str) -> None:
    inputs, now = history(4, "cct-2-8")
    with pytest.raises(NotFound):
        derive(inputs, now, channel_of(inputs, now), figure)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(PROFILES), st.integers(0, 300), st.integers(20, 400))
def test_the_steps_of_every_figure_of_a_part_give_what_its_document_prints(
    seed: int, profile: str, start: int, length: int
) -> None:
    inputs, now = history(seed, profile)
    window = Window("part", at(start), min(at(start + length), now))
    channel = figures_over(inputs, [window], now)["windows"][0]["channels"][0]
    for figure in figures_of(channel):
        said = derive(inputs, now, channel, figure, Span(window.start_ms, window.end_ms))
        assert (figure, said["printed"]) == (figure, printed(value_at(channel, figure)))
    jsonschema.validate(said, schema_of("coldchain.derivation/1"))


def test_every_number_of_a_document_has_a_derivation() -> None:
    inputs, now = history(3, "cct-2-8")
    channel = channel_of(inputs, now)
    assert channel["gaps"]
    assert channel["mkt"]["windows"]
    numbers = set(leaves(channel, ""))
    assert len(numbers) > 60
    assert numbers - set(figures_of(channel)) == set()


def leaves(part: Any, at_: str) -> list[str]:
    if isinstance(part, dict):
        return [one for name, value in part.items() for one in leaves(value, f"{at_}.{name}".strip("."))]
    if isinstance(part, list):
        return [one for place, value in enumerate(part) for one in leaves(value, f"{at_}.{place}")]
    return [at_] if isinstance(part, int | float) and not isinstance(part, bool) else []
