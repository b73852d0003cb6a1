"""What ships is what the documentation says, and every shipped device profile holds what it promises."""

import json
from collections import Counter
from pathlib import Path

import pytest

from sensors.device_profiles.library import shipped
from sensors.device_profiles.supported import page, recorded

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "devices"
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


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"the recordings are not at {RECORDINGS}")
def test_the_page_counts_the_recorded_messages_that_there_are() -> None:
    vectors = [one for path in RECORDINGS.glob("*.json") for one in json.loads(path.read_text("utf-8"))["vectors"]]
    assert Counter(one["format"] for one in vectors if one["transport"]["kind"] != "tcp") == recorded()
