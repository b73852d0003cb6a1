"""The device profiles that the documentation shows are read as it says."""

import re
from pathlib import Path

import pytest

from sensors.device_profiles.format import parse
from sensors.device_profiles.read import channels_of

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^( *)```toml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[str]:
    """The page's TOML, without the indentation of the list that it stands in."""
    found = _BLOCK.findall((DOCS / page).read_text("utf-8"))
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


@pytest.mark.parametrize("page", ["reference/device-profiles.md", "guide/connecting-a-logger.md"])
def test_the_first_profile_of_a_page_holds_its_examples(page: str) -> None:
    profile = parse(blocks(page)[0])
    assert profile.examples


def test_the_pieces_of_the_reference_fit_into_a_profile() -> None:
    _, shortest, pivot, source = blocks("reference/device-profiles.md")
    assert list(channels_of(parse(shortest))) == ["internal"]
    head = 'id = "x"\nname = "X"\n'
    assert parse(head + pivot).records[1].name is not None
    assert parse(f'{head}channels.internal.temperature_c = "t"\n{source}').source is not None
