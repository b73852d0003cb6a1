"""One device has one name, however it is written."""

import pytest

from coldchain.domain.identity import logger_id
from coldchain.errors import InvalidValue


@pytest.mark.parametrize(
    ("written", "known_as"),
    [
        ("24e124136b502217", "24E124136B502217"),
        ("24-e1-24-13-6b-50-22-17", "24E124136B502217"),
        ("aa:bb:cc:dd:ee:ff", "AABBCCDDEEFF"),
        ("aabb.ccdd.eeff", "AABBCCDDEEFF"),
        ("35-209900-176148-1", "352099001761481"),
        ("352099001761481", "352099001761481"),
        ("130500109088", "130500109088"),
        ("LG-0042", "LG-0042"),
        ("truck 7 · left", "truck 7 · left"),
        ("e\u0301", "\u00e9"),
        ("aa:bb-cc:dd:ee:ff", "aa:bb-cc:dd:ee:ff"),
    ],
)
def test_hardware_ids_lose_case_and_separators_and_other_names_stay(written: str, known_as: str) -> None:
    assert logger_id(written) == known_as


@pytest.mark.parametrize("hostile", ["", "x" * 65, "a/b", "+", "#", "a\nb", "a\x00", "\u202egnp", "\ud800"])
def test_a_name_that_cannot_stand_in_a_topic_or_on_a_page_is_refused(hostile: str) -> None:
    with pytest.raises(InvalidValue, match="logger id"):
        logger_id(hostile)
