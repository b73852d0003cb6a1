"""Figures lose no extreme, cross no gap, and say what they show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldchain.domain.reading import Reading
from coldchain.domain.track import ABSENT, Track
from dashboard.figures.envelope import drawn, envelope, pieces
from dashboard.figures.fleet_map import TRACES, fleet_map
from dashboard.figures.map_style import style
from dashboard.figures.palette import DARK, LIGHT
from dashboard.figures.route import Mark, Stop, part_of, route, thinned, way
from dashboard.figures.series import Interval, Outside, Series, chart, zoomed
from dashboard.figures.ticks import zone_ticks
from dashboard.parts.graph import CONFIG
from dashboard.parts.text import zone_of

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
DAWN = 1_767_600_000_000


def track(*samples: tuple[int, int | None], logger: str = "TL-1") -> Track:
    """A track of (minute, milli-degrees); None is a fault."""
    return Track.of(logger, "probe", [
        Reading(logger, "probe", DAWN + minute * MINUTE, DAWN, "device", temperature_mc=value,
                fault="probe_open" if value is None else None, latitude_e7=480_000_000 + minute * 1000,
                longitude_e7=110_000_000)
        for minute, value in samples
    ])  # fmt: skip


def long_track(count: int, **odd: int) -> Track:
    """`count` samples of 5 °C, one a minute; `at_<minute>` sets one of them."""
    values = dict.fromkeys(range(count), 5000) | {int(name[3:]): value for name, value in odd.items()}
    return track(*values.items())


@settings(deadline=None)
@given(
    st.lists(st.integers(-40_000, 60_000), min_size=1, max_size=400), st.integers(4, 60)
)  # fmt: skip
def test_thinning_keeps_the_highest_and_the_lowest_value_and_both_ends(values: list[int], most: int) -> None:
    column = np.array(values)
    kept = envelope(column, most)
    assert column[kept].max() == column.max()
    assert column[kept].min() == column.min()
    assert {0, len(values) - 1} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()


def test_a_spike_of_one_sample_survives_beside_a_deeper_one_of_the_other_side() -> None:
    values = np.full(200_000, 5000)
    values[123_400], values[123_440] = 9000, -10_000
    kept = envelope(values, 2000)
    assert len(kept) <= 2004
    assert {123_400, 123_440} <= set(kept.tolist())


def test_what_is_left_over_of_a_long_series_is_thinned_no_harder_than_the_rest() -> None:
    values = np.array([i % 7 for i in range(4354)], dtype=np.int64)
    widest = int(np.diff(envelope(values, 2000)).max())
    assert widest <= 2 * 5


def test_humidity_is_drawn_below_the_temperature_and_only_where_it_was_measured() -> None:
    dry = chart(Series((long_track(50),), 2000, 8000, 600_000))
    assert "yaxis2" not in dry.figure["layout"]
    one = long_track(50)
    damp = Track(**{name: getattr(one, name) for name in one.__slots__} | {"humidity_mpct": np.full(50, 45_500)})
    drawn_ = chart(Series((damp,), 2000, 8000, 600_000))
    [line] = [trace for trace in drawn_.figure["data"] if trace["meta"] == "humidity"]
    assert (set(line["y"]), line["yaxis"]) == ({45.5}, "y2")
    assert drawn_.figure["layout"]["yaxis"]["domain"][0] > drawn_.figure["layout"]["yaxis2"]["domain"][1]
    assert drawn_.height > dry.height


def test_a_line_breaks_at_a_gap_and_at_a_fault_but_not_between_regular_samples() -> None:
    one = track((0, 5000), (10, 5000), (50, 5000), (60, None), (70, 5000), (80, 5000))
    assert pieces(one, 20 * MINUTE) == [slice(0, 2), slice(2, 3), slice(4, 6)]
    assert drawn(one, 20 * MINUTE, 2000).indices.tolist() == [0, 1, -1, 2, -1, 4, 5]


def test_no_bucket_of_a_long_series_spans_a_gap() -> None:
    first, second = range(30_000), range(60_000, 90_000)
    one = track(*((minute, 5000 + minute % 7) for minute in [*first, *second]))
    chosen = drawn(one, 2 * MINUTE, 2000)
    where = chosen.indices.tolist()
    assert chosen.total == 60_000
    assert chosen.kept < 2100
    assert where.index(-1) == max(i for i, index in enumerate(where) if 0 <= index < 30_000) + 1


def chart_of(one: Track, **more: object) -> dict[str, dict[str, object]]:
    figure = chart(Series((one,), 2000, 8000, 10 * MINUTE, **more)).figure  # type: ignore[arg-type]
    return {trace["meta"]: trace for trace in figure["data"]} | {"layout": figure["layout"]}


def test_an_excursion_is_a_trace_of_its_own_from_crossing_to_crossing() -> None:
    one = track((0, 5000), (10, 9000), (20, 9500), (30, 5000))
    found = Outside("TL-1", "probe", "high", DAWN + 8 * MINUTE, DAWN + 23 * MINUTE, DAWN + 20 * MINUTE, 9500, 8000)
    shown = chart_of(one, outside=(found,))
    assert shown["outside"]["x"] == [DAWN + m * MINUTE for m in (8, 10, 20, 23)] + [None]
    assert shown["outside"]["y"] == [8.0, 9.0, 9.5, 8.0, None]
    assert shown["peaks"]["x"] == [DAWN + 20 * MINUTE]


def test_limits_stay_on_the_screen_when_every_sample_is_between_them() -> None:
    low, high = chart_of(track((0, 5000), (10, 5100)))["layout"]["yaxis"]["range"]  # type: ignore[index]
    assert low < 2
    assert high > 8


def test_a_gap_is_one_filled_trace_and_a_fault_is_marked() -> None:
    gap = Interval(DAWN + 10 * MINUTE, DAWN + 50 * MINUTE)
    shown = chart_of(track((0, 5000), (10, 5000), (50, 5000), (60, None)), gaps=(gap,))
    assert shown["gaps"]["x"][0] == gap.start_ms  # type: ignore[index]
    assert shown["gaps"]["fill"] == "toself"
    assert shown["faults"]["x"] == [DAWN + 60 * MINUTE]


def test_the_note_says_how_much_of_the_data_is_drawn() -> None:
    note = chart(Series((long_track(10_000),), 2000, 8000, MINUTE)).note
    assert note.endswith("of 10,000 samples drawn; the extremes of every stretch are kept")
    assert chart(Series((long_track(10),), 2000, 8000, MINUTE)).note == "10 of 10 samples drawn"


def test_zooming_draws_more_of_what_is_in_view() -> None:
    one = long_track(20_000)
    part = (DAWN, DAWN + 500 * MINUTE)
    assert chart(Series((one,), 2000, 8000, MINUTE), zoom=part).note.startswith("502 of 502")


@pytest.mark.parametrize(
    ("relayout", "asked"),
    [
        ({"xaxis.range[0]": "2026-01-05 08:00", "xaxis.range[1]": "2026-01-05 09:00:00.5"},
         (1_767_600_000_000, 1_767_603_600_500)),
        ({"xaxis.range": [1, 5]}, (1, 5)),
        ({"xaxis.autorange": True}, "all"),
        ({"autosize": True}, None),
        ({"xaxis.range[0]": "'; drop", "xaxis.range[1]": None}, None),
        ({"xaxis.range": [5, 1]}, None),
        ("x", None),
    ],
)  # fmt: skip
def test_what_a_client_says_of_its_zoom_is_believed_only_if_it_is_one(relayout: object, asked: object) -> None:
    assert zoomed(relayout) == asked


def test_the_hour_that_comes_twice_says_its_offset() -> None:
    start = 1_792_875_600_000  # 2026-10-24T21:00Z, the night of the change
    ticks = zone_ticks(start, start + 8 * HOUR, zone_of("Europe/Berlin"))
    assert [text.split("<br>")[0] for text in ticks.texts][3:6] == ["02:00", "02:00 UTC+01:00", "03:00"]
    assert "Europe/Berlin (UTC+02:00, then UTC+01:00)" in ticks.title


def test_days_begin_at_local_midnight_also_where_they_have_23_hours() -> None:
    start = 1_774_652_400_000  # 2026-03-27T23:00Z is midnight in Berlin; the change is on the 29th
    ticks = zone_ticks(start, start + 4 * DAY, zone_of("Europe/Berlin"), most=6)
    assert [b - a for a, b in zip(ticks.at_ms, ticks.at_ms[1:], strict=False)][:3] == [24 * HOUR, 23 * HOUR, 24 * HOUR]


def test_utc_is_named_on_the_axis() -> None:
    assert zone_ticks(DAWN, DAWN + DAY, zone_of(None)).title == "Time, UTC"


def test_every_excursion_has_a_mark_on_the_route_even_without_a_position_of_its_own() -> None:
    one = track(*((minute, 5000) for minute in range(0, 100, 10)))
    path = way([one], one, 20 * MINUTE)
    marks = [Mark("a", "/a", "", DAWN + 40 * MINUTE), Mark("b", "/b", "", 0, latitude=1.0, longitude=2.0)]
    drawn_marks = next(t for t in route(path, marks, [], (2000, 8000))["data"] if t["meta"] == "mark")
    assert drawn_marks["lat"] == [48.004, 1.0]
    assert drawn_marks["marker"]["allowoverlap"] is True


def test_the_way_is_drawn_in_parts_by_the_temperature_on_it() -> None:
    one = track((0, 5000), (10, 5000), (20, 9000), (30, 1000), (40, 5000))
    data = {t["meta"]: t for t in route(way([one], one, 20 * MINUTE), [], [], (2000, 8000))["data"]}
    assert [at for at in data["above"]["customdata"] if at] == [DAWN + 10 * MINUTE, DAWN + 20 * MINUTE]
    assert [at for at in data["below"]["customdata"] if at] == [DAWN + 20 * MINUTE, DAWN + 30 * MINUTE]
    assert part_of(ABSENT, 2000, 8000) == "unknown"


def test_thinning_a_way_keeps_its_one_hot_position() -> None:
    one = long_track(50_000, at_31415=12_000)
    short = thinned(way([one], one, 2 * MINUTE))
    assert len(short.time_ms) < 3000
    assert short.temperature_mc.max() == 12_000


def test_a_way_without_positions_and_with_one_stop_is_still_a_map() -> None:
    figure = route(way([], None, MINUTE), [], [Stop("Munich", 48.1, 11.6)], (None, None), scheme="dark")
    assert figure["layout"]["map"]["style"].endswith("style-dark.json")


def test_no_figure_can_be_sent_to_anybody() -> None:
    assert CONFIG["showSendToCloud"] is False
    assert CONFIG["plotlyServerURL"] == ""
    assert CONFIG["displaylogo"] is False


def test_the_map_asks_for_nothing_outside_and_names_its_sprite_absolutely() -> None:
    for scheme in ("light", "dark"):
        document = style(scheme, "http://127.0.0.1:8050/")
        assert document["sprite"] == "http://127.0.0.1:8050/assets/map/sprite"
        assert "glyphs" not in document
        addresses = [source["data"] for source in document["sources"].values()]
        assert all(address.startswith("http://127.0.0.1:8050/assets/map/") for address in addresses)


def test_every_symbol_of_a_map_is_in_our_own_sprite_and_never_hidden_by_another() -> None:
    for trace in fleet_map()["data"]:
        symbol = trace["marker"].get("symbol")
        assert symbol is None or (symbol.startswith("coldchain-") and trace["marker"]["allowoverlap"])


def test_only_shipments_in_range_are_clustered() -> None:
    assert [t["meta"] for t in fleet_map()["data"] if "cluster" in t] == ["in_range"]
    assert [name for name, *_ in TRACES][-1] == "mark"


def test_tiles_lie_below_the_marks_and_only_where_they_are_configured() -> None:
    assert fleet_map()["layout"]["map"]["layers"] == []
    [layer] = fleet_map("https://tiles.example.org/{z}/{x}/{y}.png")["layout"]["map"]["layers"]
    assert layer["below"] == "traces"


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_marks_stand_out_from_the_land_they_lie_on(palette: object) -> None:
    for name in ("in_range", "at_risk", "excursion", "unknown"):
        a, b = luminance(getattr(palette, name)), luminance(palette.land)  # type: ignore[attr-defined]
        assert (max(a, b) + 0.05) / (min(a, b) + 0.05) >= 2.9, name
