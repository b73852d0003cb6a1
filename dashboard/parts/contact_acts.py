"""What people do about contacts: prove an address, send a drill, enter whom to inform and what program to tell."""

from typing import Any

from alerts import drills, proofs
from alerts.endpoint_entry import enter
from alerts.endpoint_trial import try_out
from coldchain.errors import Forbidden, InvalidValue
from coldchain.registry import endpoints, parties
from coldchain.registry.viewer import Permission, Viewer
from dashboard.services import Services

Told = tuple[str, str]


def demand_admin(viewer: Viewer) -> None:
    """Nothing, if the viewer may change contacts.

    Raises:
        Forbidden: it may not.
    """
    if viewer.scoped or not viewer.may(Permission.ADMINISTER):
        raise Forbidden(f"the role {viewer.role} may not change contacts; an administrator does")


def do(services: Services, viewer: Viewer, what: str) -> Told:
    """Do `proof:person:channel`, `drill:person:channel`, `party:id:prove|end` or `endpoint:id:test|on|off`.

    Raises:
        Forbidden: not the viewer's to do; an own address anybody may prove.
        InvalidValue, NotFound: as the act says.
    """
    kind, id_, detail = (*what.split(":"), "", "", "")[:3]
    if not (kind == "proof" and id_ == viewer.id):
        demand_admin(viewer)
    if kind == "endpoint":
        return _endpoint(services, viewer, id_, detail)
    now_ms = services.clock.now_ms()
    with services.registry.write() as connection:
        match kind:
            case "proof":
                asked = proofs.ask(connection, id_, detail, who=viewer.id, now_ms=now_ms)
                return "Sent", f"A link and a code are on their way to {asked.address}."
            case "drill":
                drills.send_to(connection, id_, detail, who=viewer.id, now_ms=now_ms)
                return "Drill sent", "Its answer is due within a day, in working hours."
            case "party" if detail == "prove":
                asked = proofs.ask_party(connection, id_, who=viewer.id, now_ms=now_ms)
                return "Sent", f"A link is on its way to {asked.address}."
            case "party":
                parties.end(connection, id_, who=viewer.id, now_ms=now_ms)
                return "Removed", "This contact is informed no more."
    raise InvalidValue("contact: there is no such act")


def _endpoint(services: Services, viewer: Viewer, id_: str, detail: str) -> Told:
    if detail == "test":
        tried = try_out(services.registry, services.clock, id_, services.settings.public_url)
        return ("Taken", f"{tried.name} answered {tried.code}.") if tried.taken else ("Not taken", tried.detail)
    now_ms = services.clock.now_ms()
    with services.registry.write() as connection:
        endpoints.switch(connection, id_, on=detail == "on", who=viewer.id, now_ms=now_ms)
    return ("Switched on", "It is told again.") if detail == "on" else ("Switched off", "It is told no more.")


def by_code(services: Services, viewer: Viewer, code: str) -> Told:
    """Prove an own address by the code that came to it.

    Raises:
        InvalidValue: it is wrong, too old, or was tried too often.
    """
    with services.registry.write() as connection:
        proved = proofs.by_code(connection, viewer.id, code, now_ms=services.clock.now_ms())
    # Refused outside the transaction: that a wrong code was tried has to be kept.
    if not proved:
        raise InvalidValue("code: is wrong, too old, or was tried too often; ask for a new one")
    return "Verified", "Alarms reach you there."


def add_party(services: Services, viewer: Viewer, said: dict[str, Any]) -> Told:
    """Enter a contact of a party.

    Raises:
        Forbidden: not the viewer's to do.
        InvalidValue: names the field, the value and the remedy.
    """
    demand_admin(viewer)
    with services.registry.write() as connection:
        parties.create(connection, **said, who=viewer.id, now_ms=services.clock.now_ms())
    return "Entered", "It is informed where a route says so."


def add_endpoint(services: Services, viewer: Viewer, kind: str, name: str, url: str, *, private: bool) -> str | None:
    """Enter an endpoint; of a webhook the secret that its events are signed with, which is never shown again.

    Raises:
        Forbidden: not the viewer's to do.
        InvalidValue: names the field, the value and the remedy.
    """
    demand_admin(viewer)
    _, secret = enter(
        services.registry, kind=kind, name=name, url=url, private=private, who=viewer.id,
        now_ms=services.clock.now_ms(),
    )  # fmt: skip
    return secret
