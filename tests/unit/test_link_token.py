"""A link's token says what it was made of to whom it was made for, and to nobody else."""

import pytest

from alerts.link_token import seal, unseal

KEY, PURPOSE, BODY = b"k" * 32, "tests.greeting/1", bytes(range(26))
TOKEN = seal(KEY, PURPOSE, BODY)


def test_a_token_comes_back_as_what_it_was_made_of() -> None:
    assert unseal(KEY, PURPOSE, TOKEN) == BODY
    assert TOKEN.replace("-", "").replace("_", "").isalnum()


def test_no_bit_of_a_token_can_be_changed() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place, letter in enumerate(TOKEN[:-1]):  # the last letter has bits that mean nothing
        other = letters[letters.index(letter) ^ 1]
        assert unseal(KEY, PURPOSE, TOKEN[:place] + other + TOKEN[place + 1 :]) == b""


@pytest.mark.parametrize("token", ["", "A", "AAAA", "a b", "ä", TOKEN[:-4], TOKEN[4:], f"{TOKEN}!", f"{TOKEN}AAAA"])
def test_what_is_no_token_says_nothing(token: str) -> None:
    assert unseal(KEY, PURPOSE, token) == b""


def test_a_token_for_one_purpose_is_none_for_another() -> None:
    assert unseal(KEY, "tests.farewell/1", TOKEN) == b""


def test_a_token_of_another_installation_says_nothing() -> None:
    assert unseal(b"l" * 32, PURPOSE, TOKEN) == b""


def test_without_a_key_no_token_is_genuine() -> None:
    assert unseal(b"", PURPOSE, seal(b"", PURPOSE, BODY)) == b""
