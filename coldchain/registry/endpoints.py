"""Programs that are told: by signed webhook, or by apprise, of whose address all but the scheme is secret."""

import base64
import secrets as chance
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select, update

from coldchain.errors import InvalidValue, NotFound
from coldchain.registry.changes import changed
from coldchain.registry.people import checked_text
from coldchain.registry.schema_people import endpoint
from coldchain.registry.store import new_id

_PREFIX = "whsec_"


class Endpoint(NamedTuple):
    """A program that is told.

    `secrets` of a webhook sign what it gets: the newest first, two while one is being changed. The one of apprise is
    its address, of which `url` shows the scheme.
    """

    id: str
    name: str
    url: str
    secrets: tuple[str, ...]
    private: bool
    verified_ms: int | None
    created_ms: int
    disabled_ms: int | None

    @property
    def channel(self) -> str:
        """By what it is told: webhook or apprise."""
        return channel_of(self.url)


def channel_of(url: str) -> str:
    """By what an endpoint is told, which its address as it is shown says."""
    return "webhook" if url.startswith("https://") else "apprise"


def create(connection: Connection, *, name: str, url: str, private: bool, who: str, now_ms: int) -> tuple[str, str]:
    """Add a webhook; (id, secret). The caller has checked the address (`alerts.channels.webhook.checked_url`).

    Raises:
        InvalidValue: the name is empty or taken.
    """
    plain = _free(connection, name)
    return _entered(connection, plain, url, _secret(), private=private, who=who, now_ms=now_ms)


def create_apprise(
    connection: Connection, *, name: str, address: str, shown: str, private: bool, who: str, now_ms: int
) -> str:
    """Add an endpoint of apprise; its id. The caller has checked `address` (`alerts.channels.apprise`).

    Raises:
        InvalidValue: the name is empty or taken.
    """
    plain = _free(connection, name)
    return _entered(connection, plain, shown, address, private=private, who=who, now_ms=now_ms)[0]


def _free(connection: Connection, name: str) -> str:
    plain = checked_text("name", name, 100)
    if connection.execute(select(endpoint.c.id).where(endpoint.c.name == plain)).first() is not None:
        raise InvalidValue(f"name: {plain} is taken; choose another")
    return plain


def _entered(
    connection: Connection, plain: str, url: str, secret: str, *, private: bool, who: str, now_ms: int
) -> tuple[str, str]:
    id_ = new_id()
    connection.execute(
        endpoint.insert().values(id=id_, name=plain, url=url, secret=secret, private=private, created_ms=now_ms)
    )
    new = {"name": plain, "url": url, "private": private}
    changed(connection, who=who, now_ms=now_ms, action="endpoint created", kind="endpoint", id=id_, new=new)
    return id_, secret


def get(connection: Connection, id: str) -> Endpoint:  # noqa: A002
    """One endpoint.

    Raises:
        NotFound: there is none of this id.
    """
    row = connection.execute(select(endpoint).where(endpoint.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(f"no endpoint {id}")
    return _endpoint(row)


def listed(connection: Connection) -> list[Endpoint]:
    """Every endpoint by name, those that are switched off as well."""
    return [_endpoint(row) for row in connection.execute(select(endpoint).order_by(func.lower(endpoint.c.name)))]


def rotate(connection: Connection, id: str, *, who: str, now_ms: int) -> str:  # noqa: A002
    """A new secret beside the present one: both sign until `retire`; one that was still older ends now.

    Raises:
        NotFound: as `get`.
        InvalidValue: nothing that it gets is signed.
    """
    known, secret = _signed(connection, id), _secret()
    _set(connection, id, secret=f"{secret} {known.secrets[0]}")
    changed(connection, who=who, now_ms=now_ms, action="endpoint secret added", kind="endpoint", id=id, new={})
    return secret


def retire(connection: Connection, id: str, *, who: str, now_ms: int) -> None:  # noqa: A002
    """Sign with the newest secret only.

    Raises:
        NotFound: as `get`.
        InvalidValue: nothing that it gets is signed.
    """
    _set(connection, id, secret=_signed(connection, id).secrets[0])
    changed(connection, who=who, now_ms=now_ms, action="endpoint secret retired", kind="endpoint", id=id, new={})


def switch(connection: Connection, id: str, *, on: bool, who: str, now_ms: int) -> None:  # noqa: A002
    """Switch an endpoint off, or on again.

    Raises:
        NotFound: as `get`.
    """
    get(connection, id)
    _set(connection, id, disabled_ms=None if on else now_ms)
    action = "endpoint switched on" if on else "endpoint switched off"
    changed(connection, who=who, now_ms=now_ms, action=action, kind="endpoint", id=id, new={})


def answered(connection: Connection, id: str, now_ms: int) -> None:  # noqa: A002
    """Write down that it took an event."""
    _set(connection, id, verified_ms=now_ms)


def _signed(connection: Connection, id_: str) -> Endpoint:
    known = get(connection, id_)
    if known.channel != "webhook":
        raise InvalidValue(
            f"endpoint: {known.name} is told by {known.channel} and has no secret to change; enter it anew"
        )
    return known


def _set(connection: Connection, id_: str, **values: Any) -> None:
    connection.execute(update(endpoint).where(endpoint.c.id == id_).values(**values))


def _secret() -> str:
    return _PREFIX + base64.b64encode(chance.token_bytes(32)).decode()


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        row.id, row.name, row.url, tuple(row.secret.split()), row.private, row.verified_ms, row.created_ms,
        row.disabled_ms,
    )  # fmt: skip
