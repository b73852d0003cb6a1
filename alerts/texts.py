"""The wording of messages, one data file per language."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

DEFAULT = "en"
LANGUAGES = ("en", "de")


class Texts:
    """One language's wording."""

    def __init__(self, language: str, entries: dict[str, str]) -> None:
        self.language = language
        self.entries = entries

    def __call__(self, key: str, **values: object) -> str:
        """The text of `key` ("headline.high.active") with its names filled in; a missing key is an error of ours."""
        return self.entries[key].format(**values)

    def choice(self, group: str, name: str, *rest: str) -> str:
        """The key `group.name[.rest]`, or that of `other` where the wording does not know `name`."""
        key = ".".join((group, name, *rest))
        return key if key in self.entries else ".".join((group, "other", *rest))


@cache
def texts(language: str) -> Texts:
    """The wording in `language`, English for one that is not prepared."""
    chosen = language if language in LANGUAGES else DEFAULT
    content = (files("alerts") / "language" / f"{chosen}.toml").read_text(encoding="utf-8")
    return Texts(chosen, dict(_flat(tomllib.loads(content))))


def _flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        found.extend(_flat(value, f"{key}.") if isinstance(value, dict) else [(key, str(value))])
    return found
