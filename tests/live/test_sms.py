"""The SMS channel against a server that answers like the provider's public API."""

import base64
import time
from dataclasses import replace

import pytest
from mail_servers import SmsServer
from server_process import PATIENCE

from alerts.channels.port import Deferred, Message, Refused
from alerts.channels.sms import SmsChannel, SmsSettings
from coldchain.errors import ConfigError

MESSAGE = Message("n1", "+4915100000001", "CRITICAL SHP-42: 12.4 C & rising = bad")


def channel(server: SmsServer, **more: object) -> SmsChannel:
    settings = SmsSettings(
        server.url, server.account, server.token, "+4930000000", "https://cold.example.org/api/v1/callbacks/sms"
    )
    return SmsChannel(replace(settings, **more))


def answer(status: int, document: dict[str, object], **headers: str) -> tuple[int, dict[str, str], dict[str, object]]:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, document


def test_a_message_goes_out_as_the_provider_wants_it_and_its_id_is_kept(sms_server: SmsServer) -> None:
    sent = channel(sms_server).send(MESSAGE)
    assert sent.provider_id == "SM" + "1".zfill(32)
    assert sms_server.forms == [
        {
            "To": "+4915100000001",
            "From": "+4930000000",
            "Body": "CRITICAL SHP-42: 12.4 C & rising = bad",
            "StatusCallback": "https://cold.example.org/api/v1/callbacks/sms?notification=n1",
        }
    ]
    [headers] = sms_server.headers
    assert headers["path"] == f"/2010-04-01/Accounts/{sms_server.account}/Messages.json"
    assert base64.b64decode(headers["Authorization"].split()[1]).decode() == f"{sms_server.account}:secret-token"


def test_without_an_address_for_receipts_none_are_asked_for(sms_server: SmsServer) -> None:
    channel(sms_server, callback_url=None).send(MESSAGE)
    assert "StatusCallback" not in sms_server.forms[0]


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_a_refused_message_is_refused_for_good_with_the_providers_code(sms_server: SmsServer, status: int) -> None:
    sms_server.script = [answer(status, {"code": 21211, "message": "Invalid 'To' Phone Number", "status": status})]
    with pytest.raises(Refused, match="Invalid 'To' Phone Number") as refused:
        channel(sms_server).send(MESSAGE)
    assert refused.value.code == "21211"


def test_taken_but_failed_is_not_taken(sms_server: SmsServer) -> None:
    sms_server.script = [answer(201, {"sid": "SM1", "status": "failed", "error_code": 30006})]
    with pytest.raises(Refused) as refused:
        channel(sms_server).send(MESSAGE)
    assert refused.value.code == "30006"


@pytest.mark.parametrize("status", [401, 403, 429])
def test_refusals_of_ourselves_are_tried_again_and_are_not_in_doubt(sms_server: SmsServer, status: int) -> None:
    sms_server.script = [answer(status, {"code": 20003, "message": "Authenticate"})]
    with pytest.raises(Deferred) as deferred:
        channel(sms_server).send(MESSAGE)
    assert deferred.value.ambiguous is False


def test_too_many_requests_says_how_long_to_wait(sms_server: SmsServer) -> None:
    sms_server.script = [answer(429, {"code": 20429, "message": "Too Many Requests"}, Retry_After="17")]
    with pytest.raises(Deferred) as deferred:
        channel(sms_server).send(MESSAGE)
    assert deferred.value.retry_after_s == 17.0


@pytest.mark.parametrize("header", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "٣"])
def test_a_wait_that_is_no_number_of_seconds_is_ignored(sms_server: SmsServer, header: str) -> None:
    sms_server.script = [answer(429, {}, Retry_After=header.encode("utf-8").decode("latin-1"))]
    with pytest.raises(Deferred) as deferred:
        channel(sms_server).send(MESSAGE)
    assert deferred.value.retry_after_s is None


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_leaves_the_message_in_doubt(sms_server: SmsServer, status: int) -> None:
    sms_server.script = [answer(status, {})]
    with pytest.raises(Deferred) as deferred:
        channel(sms_server).send(MESSAGE)
    assert deferred.value.ambiguous is True


@pytest.mark.parametrize("document", [{}, {"sid": ""}, {"sid": 7}])
def test_taken_without_an_id_is_in_doubt(sms_server: SmsServer, document: dict[str, object]) -> None:
    sms_server.script = [answer(201, document)]
    with pytest.raises(Deferred) as deferred:
        channel(sms_server).send(MESSAGE)
    assert deferred.value.ambiguous is True


def test_a_provider_that_hangs_is_left_at_the_deadline_and_the_message_is_in_doubt(sms_server: SmsServer) -> None:
    sms_server.script = ["hang"]
    began = time.monotonic()
    with pytest.raises(Deferred) as deferred:
        channel(sms_server, deadline_s=0.5).send(MESSAGE)
    assert time.monotonic() - began < 5 * PATIENCE
    assert (deferred.value.code, deferred.value.ambiguous) == ("timeout", True)


def test_a_connection_that_ends_without_an_answer_leaves_it_in_doubt(sms_server: SmsServer) -> None:
    sms_server.script = ["drop"]
    with pytest.raises(Deferred) as deferred:
        channel(sms_server).send(MESSAGE)
    assert deferred.value.ambiguous is True


def test_a_provider_that_is_not_there_is_tried_again_without_doubt(sms_server: SmsServer) -> None:
    sms_server.stop()
    with pytest.raises(Deferred) as deferred:
        channel(sms_server).send(MESSAGE)
    assert deferred.value.ambiguous is False


@pytest.mark.parametrize("url", ["http://api.example.org", "ftp://x", "api.example.org", ""])
def test_an_address_that_would_leak_the_token_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        SmsChannel(SmsSettings(url, "AC1", "token", "+49"))


def test_settings_do_not_print_their_token() -> None:
    assert "hush" not in repr(SmsSettings("https://x", "AC1", "hush", "+49"))
