"""What people say of device profiles: the versions that they saved, and which one a logger has."""

from collections.abc import Mapping
from typing import NamedTuple


class Assignment(NamedTuple):
    """What a person said of one logger."""

    device_profile: str | None  # id, or id@version
    zone: str | None = None  # IANA, of the local times that it writes


class Kept(NamedTuple):
    """Everything that people saved: the texts of profiles that are not retired, and the assignments."""

    texts: tuple[str, ...] = ()
    assignments: Mapping[str, Assignment] = {}
