"""A person confirms an act with the own password once more: the same way over the API and on a page."""

from coldchain.errors import Forbidden
from coldchain.registry import passwords, people, throttle
from coldchain.registry.viewer import Viewer
from dashboard.problems import Problem
from dashboard.services import Services


def confirmed(services: Services, viewer: Viewer, password: str, address: str | None) -> None:
    """Nothing, if the password is the viewer's own.

    Args:
        services: of the application.
        viewer: who acts.
        password: as typed.
        address: whence, for the brake on guessing.

    Raises:
        Forbidden: it is not, or the caller is a program.
        Problem: too many wrong ones; wait.
    """
    with services.registry.write() as connection:
        someone = people.get(connection, viewer.id)
        if someone is None:
            raise Forbidden("an API key cannot confirm with a password; a person has to do this")
        now_ms = services.clock.now_ms()
        attempt = throttle.begin(connection, email=someone.email, address=address, now_ms=now_ms)
        known = people.password_hash(connection, viewer.id)
    if attempt.id is None:
        raise Problem(429, f"too many wrong passwords; try again in {attempt.wait_ms // 1000 + 1} s")
    if known is None:
        raise Forbidden("you have no password, only links: ask an administrator to give you one; nothing was changed")
    if not passwords.matches(password, known):
        raise Forbidden("the password is not yours; nothing was changed")
    with services.registry.write() as connection:
        throttle.succeeded(connection, attempt.id)
