"""What ships is what the documentation says, and every shipped device profile holds what it promises."""

from pathlib import Path

import pytest

from sensors.device_profiles.library import shipped
from sensors.device_profiles.supported import page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_what_is_read_is_up_to_date() -> None:
    told = "run `coldchain device-profile supported > docs/SUPPORTED.md`"
    assert (DOCS / "SUPPORTED.md").read_text("utf-8") == page(), told


@pytest.mark.parametrize("entry", shipped(), ids=lambda entry: entry.profile.id)
def test_a_shipped_profile_stands_in_the_file_of_its_name_and_says_what_proves_it(entry: object) -> None:
    profile = next(one.profile for one in shipped() if one is entry)
    file = Path(__file__).parents[2] / "sensors" / "profiles" / f"{profile.id}.toml"
    assert file.read_text("utf-8") == profile.text
    assert profile.status == "untested" or (profile.proof and profile.examples)


def test_no_two_shipped_profiles_have_the_same_name_and_version() -> None:
    labels = [entry.profile.label for entry in shipped()]
    assert len(set(labels)) == len(labels)
