"""The device-profile format: every mistake is named with its key, its value and what to do, all of them together."""

import json

import pytest

from coldchain.errors import InvalidValue
from sensors.device_profiles.format import parse, tables_of

HEAD = 'id = "x"\nname = "X"\n'
PLAIN = HEAD + 'channels.internal.temperature_c = "t"\n'


def said(text: str) -> str:
    with pytest.raises(InvalidValue) as error:
        parse(text)
    return str(error.value)


def test_the_least_profile_is_a_name_and_a_path() -> None:
    profile = parse(PLAIN)
    assert (profile.label, profile.status, profile.maker, profile.examples) == ("x@1", "untested", "", ())


def test_all_mistakes_of_a_file_are_reported_together() -> None:
    told = said(
        'id = "A b"\ncolour = "red"\nstatus = "perfect"\n[time]\npath = "ts"\nformat = "%q"\nzone = "Mars"\n'
        '[channels.internal]\ntemperature_c = { path = "a b", unit = "X", scale = "q", sentinels = { bad = [1] } }\n'
        "[range]\ntemperature_c = [5, 1]\nlux = [1, 2]\n"
    )
    for part in (
        "id = 'A b'", "colour is not a known key", "status = 'perfect'", "time.format = '%q'",
        "time.zone = 'Mars'", "temperature_c.path = 'a b' is no JMESPath", "unit = 'X'", "scale = 'q'", "sentinels.bad",
        "range.temperature_c", "range.lux",
    ):  # fmt: skip
        assert part in told, part


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("id = [", "cannot be read"),
        ('channels.device.temperature_c = "t"', "no name of a channel"),
        ('channels."a/b".temperature_c = "t"', "no name of a channel"),
        ('channels.internal.temperature_c = { path = "to_number(t)" }', "calls to_number()"),
        ('channels.internal.temperature_c = { path = "avg([a, b])" }', "calls avg()"),
        ('channels.internal.temperature_c = { path = "t", missing = "absent" }', "missing = 'absent'"),
        ('channels.internal.temperature_c = { path = "t", range = [5, 5] }', "range"),
        ('channels.internal.temperature_c = { path = "t", sentinels = [true] }', "neither a number nor a text"),
        ('channels.internal.temperature_c = { path = "t", sentinels = 5 }', "neither a list"),
        ('channels.internal.temperature_c = { path = "t", fault_when = { path = "e", is = { odd = "x" } } }', "is.odd"),
        ('channels.internal.co2 = "c"', "co2 is not a known key"),
        ('channels."p{n}".temperature_c = "t{n}"\nchannels."p{n}".numbers = [3, 1]', "numbers = [3, 1]"),
        ('channels.internal.numbers = [1, 2]\nchannels.internal.temperature_c = "t"', "numbers is for families"),
        ('door_open = { path = "d", open = ["x"], closed = ["x"] }', "share x"),
        ('clock = "untrusted"\nrecords = [{ path = "h[]", time = { path = "t" } }]', "nothing says when"),
        ('records = [{ path = "h[]" }]', "records[0].time is missing"),
        ('records = [{ path = "h[]", name = "n", time = { path = "t" } }]', "go together"),
        ('match = ["x"]', "match is not a list of tables"),
        ('match = [{ "tts.model_id" = 5 }]', "match[0].tts.model_id"),
        ('status = "supported"', "needs `proof`"),
        ("[position]\nlatitude = \"a\"", "position.longitude is missing"),
        ("[accuracy]\ntemperature_c = -1", "accuracy.temperature_c"),
        ("[[examples]]\nout = { internal = 5 }", "examples[0].in is missing"),
        ("[[examples]]\nin = '{'", "give a table, or a text with JSON"),
        ("[[examples]]\nin = { t = 5 }\nout = { internal = { co2 = 5 } }", "asks for co2"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_key_and_what_to_do(line: str, part: str) -> None:
    above = not line.startswith("[")
    assert part in said(line + "\n" + PLAIN if above and "channels.internal" not in line else HEAD + line), line


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ('device = "d"', "topics and `webhook` are missing"),
        ('topics = ["a/+"]', "device is missing"),
        ('topics = ["cc/+/up"]\ndevice = "d"', "speak for themselves"),
        ('topics = ["#"]\ndevice = "d"', "name the first level"),
        ('topics = ["a/#/b"]\ndevice = "d"', "# stands alone and at the end"),
        ('topics = ["a/b+"]\ndevice = "d"', "+ stands alone"),
        ('topics = [""]\ndevice = "d"', "is empty"),
        ('webhook = "auto"\ndevice = "d"', "webhook = 'auto'"),
        ('webhook = "Acme!"\ndevice = "d"', "webhook = 'Acme!'"),
        ('webhook = "acme"\ndevice = "topic[1]"', "a webhook has no topic"),
    ],
)
def test_a_source_that_cannot_work_is_refused(source: str, part: str) -> None:
    assert part in said(f"{PLAIN}[source]\n{source}")


@pytest.mark.parametrize(
    ("example", "part"),
    [
        ('in = { t = 5 }\nout = { internal = 6 }', "internal.temperature_c is 5.0 and should be 6"),
        ('in = { t = 5 }\nout = { probe-1 = 5 }', "channel probe-1 should come out and does not"),
        ('in = { t = 5 }', "channel internal at 2026-01-05T10:00:00.000Z comes out and is not asked for"),
        ('in = { t = "warm" }', "1 values are refused and 0 should be (t warm is not a number"),
        ('in = { other = 5 }\nout = { internal = 5 }', "the profile knows none of its fields"),
        ('in = { t = 5, battery = 3 }\nout = { internal = 5 }\nstatus = { battery_v = 3 }', "battery_v is nothing"),
    ],
)  # fmt: skip
def test_an_example_that_does_not_hold_refuses_the_file_and_says_what_differs(example: str, part: str) -> None:
    assert part in said(f"{PLAIN}[[examples]]\n{example}")


def test_the_same_profile_as_json_is_the_same_profile() -> None:
    toml = PLAIN + "range.temperature_c = [-40, 85.5]\n"
    as_json = json.dumps(tables_of(toml), default=float)
    made, other = parse(toml), parse(as_json)
    assert (made.limits, made.label) == (other.limits, other.label)
    assert made.limits["temperature_c"].high == 85_500


def test_an_empty_document_is_no_profile() -> None:
    assert "id is missing" in said("{}")
    assert "id is missing" in said("")
