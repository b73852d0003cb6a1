"""What the SMS provider reports and passes on: what became of a message, and what people answer. Signed by it."""

from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from alerts import callbacks, replies
from alerts.fallback import ChannelFallback
from dashboard import security
from dashboard.api.request import Web
from dashboard.policy import API, PUBLIC, Endpoint
from dashboard.problems import Problem
from dashboard.services import Services

_NOTHING_TO_SAY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


async def sms(request: Request, web: Web) -> Response:
    """A status of a message that we sent, or an SMS that somebody sent to us (`ACK 1234`). Signed by the provider."""
    params = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{web.settings.public_url}{request.url.path}{query}"
    signed = request.headers.get("x-twilio-signature", "")
    peer = request.client.host if request.client else None
    address = security.client_address(web.settings, request.headers, peer) or ""
    if "Body" in params and "MessageStatus" not in params:
        taken = await run_in_threadpool(_take_reply, web, url, params, signed, address)
        if taken is replies.Answer.FORGED:
            raise Problem(403, "the signature is not the provider's")
        return Response(_NOTHING_TO_SAY, media_type="text/xml")
    receipt = await run_in_threadpool(_take_status, web, url, params, signed, address)
    if receipt is callbacks.Receipt.FORGED:
        raise Problem(403, "the signature is not the provider's")
    return Response(status_code=204)


def _take_status(web: Services, url: str, params: dict[str, str], signed: str, address: str) -> callbacks.Receipt:
    with web.registry.write() as connection:
        return callbacks.accept_sms_status(
            connection, url=url, params=params, signed=signed, token=web.settings.sms_callback_token or "",
            now_ms=web.clock.now_ms(), address=address, failover=ChannelFallback(),
        )  # fmt: skip


def _take_reply(web: Services, url: str, params: dict[str, str], signed: str, address: str) -> replies.Answer:
    with web.registry.write() as connection:
        return replies.accept_sms_reply(
            connection, url=url, params=params, signed=signed, token=web.settings.sms_callback_token or "",
            now_ms=web.clock.now_ms(), address=address,
        )  # fmt: skip


ENDPOINTS = (
    Endpoint("POST", f"{API}/callbacks/sms", sms, PUBLIC,
             {"status_code": 204, "responses": {204: {"description": "Taken"}}}),
)  # fmt: skip
