"""The product profiles that come with the program: proposals, one TOML file each."""

import tomllib
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from coldchain.domain.profile import ProductProfile
from coldchain.domain.profile_format import profile_from, profile_from_toml
from coldchain.errors import InvalidValue


def shipped_bodies() -> list[dict[str, Any]]:
    """The shipped profiles in the parsed format, by id."""
    folder = files("compliance") / "product_profiles"
    found = [item for item in folder.iterdir() if item.name.endswith(".toml")]
    return [tomllib.loads(item.read_text(encoding="utf-8"), parse_float=Decimal) for item in sorted(found, key=str)]


def shipped_profile(profile_id: str) -> ProductProfile:
    """One shipped profile.

    Raises:
        InvalidValue: no such profile; the text names those that there are.
    """
    profiles = _profiles()
    if profile_id not in profiles:
        raise InvalidValue(
            f"profile = {profile_id!r} is not shipped: choose one of {', '.join(profiles)}, or a TOML file"
        )
    return profiles[profile_id]


@cache
def _profiles() -> dict[str, ProductProfile]:
    return {body["id"]: profile_from(body) for body in shipped_bodies()}


def profile_named(name: str) -> ProductProfile:
    """A shipped profile by id, or one from a TOML file by its path.

    Raises:
        InvalidValue: neither exists, or the file breaks the format.
    """
    if not name.endswith(".toml"):
        return shipped_profile(name)
    try:
        return profile_from_toml(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"profile = {name!r} cannot be read: {error}") from error
