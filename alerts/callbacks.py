"""What the SMS provider reports later: signed callbacks, in any order, late, repeated, or forged by somebody else."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Connection, select

from alerts.failover import Failover
from alerts.outbox import fault_of
from coldchain.registry import alarm_rows, outbox, signals
from coldchain.registry.schema import outbox as outbox_table

_FINAL = {"delivered": "delivered", "undelivered": "failed_permanent", "failed": "failed_permanent"}


class Receipt(StrEnum):
    """What a callback changed."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    NOTHING_NEW = "nothing_new"
    UNKNOWN = "unknown_message"
    FORGED = "forged"


def signature(token: str, url: str, params: Mapping[str, str]) -> str:
    """The provider's signature: base64 of HMAC-SHA1 over the URL and every parameter's name and value, sorted."""
    text = url + "".join(name + params[name] for name in sorted(params))
    # SHA-1 is the provider's choice; inside HMAC its collisions do not help a forger.
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Called(NamedTuple):
    """One call of the provider: the whole address, the form, its signature, and where it came from."""

    url: str
    params: Mapping[str, str]
    signed: str
    address: str


def genuine(connection: Connection, called: Called, token: str, *, what: str, now_ms: int) -> bool:
    """Whether the provider itself made this call; a forged one, of `what`, is told as a security event."""
    if token and hmac.compare_digest(signature(token, called.url, called.params).encode(), called.signed.encode()):
        return True
    detail = f"{what} with a wrong signature came from {called.address or 'an unknown address'}"
    signals.report_event(connection, role="web", kind="security", detail=detail[:200], now_ms=now_ms)
    return False


def accept_sms_status(
    connection: Connection,
    *,
    url: str,
    params: Mapping[str, str],
    signed: str,
    token: str,
    now_ms: int,
    address: str = "",
    failover: Failover | None = None,
) -> Receipt:
    """Apply one status callback inside a writing transaction.

    Args:
        connection: a writing transaction.
        url: the whole address that was called, as the provider knows it (public URL, path and query).
        params: the form.
        signed: the header `X-Twilio-Signature`.
        token: the account's secret.
        now_ms: the time.
        address: of the caller, for the record of a forgery.
        failover: moves what was not delivered to the recipient's next channel.

    Returns:
        What it changed; for `FORGED` the answer is 403, for everything else 204.
    """
    called = Called(url, params, signed, address)
    if not genuine(connection, called, token, what="an SMS receipt", now_ms=now_ms):
        return Receipt.FORGED
    id_ = (parse_qs(urlsplit(url).query).get("notification") or [""])[0]
    status = params.get("MessageStatus") or params.get("SmsStatus") or ""
    row = connection.execute(select(outbox_table).where(outbox_table.c.id == id_)).one_or_none()
    if row is None or row.channel != "sms":
        return Receipt.UNKNOWN
    if status not in _FINAL:
        return Receipt.NOTHING_NEW
    code = params.get("ErrorCode", "")
    changed = outbox.receipt(
        connection, id_, state=_FINAL[status], provider_id=params.get("MessageSid", ""), code=code or status,
        detail=f"receipt: {status} {code}".strip(), now_ms=now_ms,
    )  # fmt: skip
    if not changed:
        return Receipt.NOTHING_NEW
    if status == "delivered":
        return Receipt.DELIVERED
    body = {"person": row.recipient, "channel": "sms", "code": code, "detail": f"receipt: {status}"}
    for alarm in sorted({one.alarm for one in changed}):
        alarm_rows.note(connection, alarm, at_ms=now_ms, kind="delivery_failed", who=None, body=body)
    fault = fault_of("sms", row.content)
    signals.report(connection, role="notifier", kind="contact_fault", detail=fault, now_ms=now_ms)
    if failover is not None:
        failover.failed(connection, [one.id for one in changed], now_ms)
    return Receipt.UNDELIVERED
