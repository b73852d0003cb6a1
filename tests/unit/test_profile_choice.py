"""Which device profile is a logger's: what was told counts, names of fields only where they tell models apart."""

from typing import Any

import pytest

from sensors.device_profiles.catalogue import Entry, Origin, Snapshot
from sensors.device_profiles.format import parse


def entry(id_: str, match: str, origin: Origin = "shipped") -> Entry:
    text = f'''
id = "{id_}"
version = 1
status = "supported"
proof = "made for this test"
name = "{id_}"
match = [{match}]
channels.internal.temperature_c = "t"
[[examples]]
in = {{ t = 1.5 }}
out = {{ internal = 1.5 }}
'''
    return Entry(parse(text), origin)


MAKER = entry("maker", '{ logger = "A84041*" }')
MODEL = entry("model", '{ "tts.model_id" = "duo*" }')
NAMES = entry("names", '{ fields = ["TempC_SHT", "Hum_SHT"] }')
MORE = entry("more", '{ fields = ["TempC_SHT", "Hum_SHT", "TempC_DS"] }')
MINE = entry("mine", '{ logger = "A84041000181000?" }', "folder")
TWIN = entry("twin", '{ fields = ["Hum_SHT", "TempC_SHT"] }')


@pytest.mark.parametrize(
    ("known", "hints", "chosen"),
    [
        ([MAKER], {"logger": "A840410001810001"}, "maker@1"),
        ([MAKER], {"logger": "24E124136B502217"}, None),
        ([NAMES], {"fields": "BatV\nHum_SHT\nTempC_SHT"}, "names@1"),
        ([NAMES], {"fields": "BatV\nTempC_SHT"}, None),
        ([NAMES, MORE], {"fields": "Hum_SHT\nTempC_DS\nTempC_SHT"}, "more@1"),
        ([NAMES, MODEL], {"tts.model_id": "duo-2", "fields": "Hum_SHT\nTempC_SHT"}, "model@1"),
        ([MINE, MODEL, NAMES], {"logger": "A840410001810001", "tts.model_id": "duo-2-of-a-very-long-name"}, "mine@1"),
        ([MINE, MODEL, NAMES], {"logger": "A840410001820001", "tts.model_id": "duo-2"}, "model@1"),
        ([NAMES, TWIN], {"fields": "Hum_SHT\nTempC_SHT"}, None),
    ],
)
def test_what_is_told_of_the_model_decides_before_names_of_fields_and_nothing_is_guessed(
    known: list[Any], hints: dict[str, str], chosen: str | None
) -> None:
    found = Snapshot(known).of("LG-1", hints)
    assert (None if found is None else found.label) == chosen


WRITTEN = 'id = "bare"\nversion = 1\nmatch = [{ logger = "LG-1" }]\n{status}\nchannels.internal.temperature_c = "t"\n'


@pytest.mark.parametrize(
    ("origin", "status", "counts"),
    [
        ("folder", "", True),  # who runs the program put the file there
        ("folder", 'status = "untested"', False),
        ("saved", "", False),
        ("shipped", "", False),
    ],
)
def test_what_somebody_wrote_into_the_folder_counts_unless_it_says_that_it_is_untested(
    origin: Origin, status: str, counts: bool
) -> None:
    found = Snapshot([Entry(parse(WRITTEN.replace("{status}", status)), origin)]).of("LG-1", {"logger": "LG-1"})
    assert found is not None
    assert (found.label, found.counts) == ("bare@1", counts)
