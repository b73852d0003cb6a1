"""What the quality unit does with a product profile: approve a version, with the password, or take it out of use."""

from typing import NamedTuple

import flask

from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry import profiles
from coldchain.registry.viewer import Permission, Viewer
from dashboard.confirm import confirmed
from dashboard.security import client_address
from dashboard.services import Services


def demand_quality(viewer: Viewer) -> None:
    """Nothing, if the viewer may change product profiles, which all customers share.

    Raises:
        Forbidden: it may not.
    """
    if viewer.scoped or not viewer.may(Permission.ASSESS):
        raise Forbidden("Product profiles are changed by the quality unit of the whole installation.")


class Words(NamedTuple):
    """What a person gives with an act: why, and the password once more where the act asks for it."""

    reason: str
    password: str = ""


def typed(value: object) -> str:
    """A password as a client sent it; anything else counts as none."""
    return value[:1000] if isinstance(value, str) else ""


def approve(services: Services, viewer: Viewer, profile_id: str, version: int | None, words: Words) -> None:
    """Approve the version that is shown.

    Raises:
        Forbidden, NotFound, InvalidValue: as the registry says, or the password is not the viewer's.
        Problem: too many wrong passwords; wait.
    """
    demand_quality(viewer)
    if not words.reason:
        raise InvalidValue("Reason: say on what the approval rests, such as the change control's number.")
    headers = {name.lower(): value for name, value in flask.request.headers.items()}
    confirmed(services, viewer, words.password, client_address(services.settings, headers, flask.request.remote_addr))
    with services.registry.write() as connection:
        shown = profiles.get(connection, profile_id, version)
        profiles.approve(connection, profile_id, shown.profile.version, who=viewer.id, reason=words.reason,
                         now_ms=services.clock.now_ms())  # fmt: skip


def retire(services: Services, viewer: Viewer, profile_id: str, _version: int | None, words: Words) -> None:
    """Take the profile out of use.

    Raises:
        Forbidden, NotFound, InvalidValue: as the registry says.
    """
    demand_quality(viewer)
    if not words.reason:
        raise InvalidValue("Reason: say why it goes out of use.")
    with services.registry.write() as connection:
        profiles.retire(connection, profile_id, who=viewer.id, reason=words.reason, now_ms=services.clock.now_ms())
