"""Four eyes on product profiles: who may approve a version, and what to do where nobody else is there to do it."""

from sqlalchemy import Connection, func, select

from coldchain.errors import Forbidden
from coldchain.registry.schema import person
from coldchain.registry.viewer import PERMISSIONS, Permission


def demand_another(connection: Connection, name: str, author: str, approver: str, now_ms: int) -> None:
    """Nothing, if `approver` did not write the version `name`. What Coldchain ships has no author among people.

    Raises:
        Forbidden: it is the author's own; says who could, or that there is nobody and how to get one.
    """
    if author != approver:
        return
    others = _others(connection, approver, now_ms)
    if others:
        words = f"{', '.join(others[:5])} may approve it"
    else:
        words = (
            "nobody else of this installation may: add a second person with the role quality and a password "
            "(coldchain user create, or POST /people)"
        )
    raise Forbidden(f"{name} was written by you, and a version is approved by a second person; {words}")


def _others(connection: Connection, approver: str, now_ms: int) -> list[str]:
    """The names of the other people who see the whole installation, may assess, and can give their password."""
    roles = [role for role, may in PERMISSIONS.items() if Permission.ASSESS in may]
    query = select(person.c.name).where(
        person.c.id != approver,
        person.c.role.in_(roles),
        person.c.password_hash.is_not(None),
        person.c.disabled_ms.is_(None),
        func.coalesce(person.c.expires_ms, now_ms + 1) > now_ms,
        person.c.scope_customer.is_(None),
        person.c.scope_carrier.is_(None),
    )
    return list(connection.execute(query.order_by(person.c.name)).scalars())
