"""The mail channel against real SMTP servers, friendly and hostile."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail_servers import SmtpServer, certificate, raw_server
from server_process import PATIENCE

from alerts.channels.port import Deferred, Message, Refused
from alerts.channels.smtp import SmtpChannel, SmtpSettings, _mail, parse_smtp_url
from coldchain.errors import ConfigError

SENDER = "Coldchain <alerts@cold.example.org>"
MESSAGE = Message(
    "n1", "alice@example.org", "CRITICAL: 12.4 °C\n.leading dot\n", "CRITICAL: Łódź 12.4 °C", "<p>12.4 °C</p>",
    {"Message-ID": "<n1@cold.example.org>", "Date": "Sun, 22 Nov 2026 12:00:00 GMT"},
)  # fmt: skip


def channel(server: SmtpServer, *, starttls: str = "off", user: str = "", deadline_s: float = 30.0) -> SmtpChannel:
    settings = replace(parse_smtp_url(server.url(starttls, user)), deadline_s=deadline_s)
    return SmtpChannel(settings, SENDER)


def to(recipient: str) -> Message:
    return replace(MESSAGE, to=recipient)


def test_a_mail_arrives_whole_in_both_forms(smtp_server: SmtpServer) -> None:
    sent = channel(smtp_server).send(MESSAGE)
    assert (sent.code, sent.detail) == ("250", "250 2.0.0 kept")
    [(recipient, content)] = smtp_server.mails
    assert recipient == "alice@example.org"
    mail = message_from_bytes(content, policy=default)
    assert mail["Subject"] == "CRITICAL: Łódź 12.4 °C"
    assert mail["Message-ID"] == "<n1@cold.example.org>"
    assert len(mail.get_all("Message-ID")) == len(mail.get_all("Date")) == 1
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().splitlines() == ["CRITICAL: 12.4 °C", ".leading dot"]
    assert html.get_content().strip() == "<p>12.4 °C</p>"


@given(
    text=st.text(alphabet=" \tab.=\n\r°é日😀-_?<>", max_size=400), html=st.text(alphabet=" a.=\n°日<p>/", max_size=400),
    subject=st.text(alphabet=" ab=?_°日😀:", min_size=1, max_size=90).map(str.strip).filter(bool),
)  # fmt: skip
def test_whatever_a_mail_says_is_read_as_if_a_mail_library_had_written_it(text: str, html: str, subject: str) -> None:
    ours = _mail(replace(MESSAGE, text=text, html=html, subject=subject), "Coldchain <alerts@cold.example.org>")
    theirs = EmailMessage(policy=SMTP)
    theirs["Subject"] = subject
    theirs.set_content(text, cte="quoted-printable")
    if html:
        theirs.add_alternative(html, subtype="html", cte="quoted-printable")
    read, wanted = (message_from_bytes(one, policy=default) for one in (ours, theirs.as_bytes()))
    assert read["Subject"] == wanted["Subject"]
    assert [part.get_content_type() for part in read.walk()] == [part.get_content_type() for part in wanted.walk()]
    assert [_said(part) for part in read.walk()] == [_said(part) for part in wanted.walk()]
    assert not any(part.defects for part in read.walk())
    assert all(len(line) <= 100 and b"\r" not in line and b"\n" not in line for line in ours.split(b"\r\n"))


@pytest.mark.parametrize("subject", ["a\r\nBcc: x@example.org", "a\nb", "a\rb"])
def test_no_line_break_gets_into_a_header(subject: str) -> None:
    with pytest.raises(ValueError, match="may not contain"):
        _mail(replace(MESSAGE, subject=subject), "alerts@cold.example.org")


def _said(part: EmailMessage) -> list[str]:
    return [] if part.is_multipart() else str(part.get_content()).splitlines()


@pytest.mark.parametrize("step", ["RCPT bob@example.org", "DATA bob@example.org"])
def test_a_refused_recipient_is_refused_for_good_with_the_servers_words(smtp_server: SmtpServer, step: str) -> None:
    smtp_server.answers[step] = "550 5.1.1 no such user"
    with pytest.raises(Refused, match=r"550 5\.1\.1 no such user") as refused:
        channel(smtp_server).send(to("bob@example.org"))
    assert refused.value.code == "550"
    channel(smtp_server).send(to("alice@example.org"))
    assert smtp_server.recipients() == ["alice@example.org"]


@pytest.mark.parametrize("answer", ["421 4.3.2 going down", "451 4.7.1 greylisted", "452 4.2.2 mailbox full"])
@pytest.mark.parametrize("step", ["MAIL", "RCPT bob@example.org", "DATA bob@example.org"])
def test_not_now_is_tried_again_and_is_not_in_doubt(smtp_server: SmtpServer, step: str, answer: str) -> None:
    smtp_server.answers[step] = answer
    with pytest.raises(Deferred) as deferred:
        channel(smtp_server).send(to("bob@example.org"))
    assert (deferred.value.code, deferred.value.ambiguous) == (answer[:3], False)


def test_a_refused_sender_is_our_fault_and_not_the_recipients(smtp_server: SmtpServer) -> None:
    smtp_server.answers["MAIL"] = "550 5.7.1 sender rejected"
    with pytest.raises(Deferred) as deferred:
        channel(smtp_server).send(MESSAGE)
    assert deferred.value.code == "550"


def test_a_connection_cut_after_the_mail_went_out_leaves_it_in_doubt(smtp_server: SmtpServer) -> None:
    smtp_server.answers["DATA alice@example.org"] = "cut"
    with pytest.raises(Deferred) as deferred:
        channel(smtp_server).send(MESSAGE)
    assert deferred.value.ambiguous is True
    assert len(smtp_server.mails) == 1


def test_gibberish_after_the_mail_leaves_it_in_doubt_and_the_server_hears_a_farewell() -> None:
    said: list[bytes] = []
    replies = {b"MAIL": b"250 OK", b"RCPT": b"250 OK", b"DATA": b"354 go on", b".\r\n": b"what?"}

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 test\r\n")
        for line in connection.makefile("rb"):
            said.append(line)
            reply = b"250 test" if line[:4].upper() == b"EHLO" else replies.get(line[:4].upper())
            if reply is not None:
                connection.sendall(reply + b"\r\n")

    with raw_server(talk) as port:
        with pytest.raises(Deferred) as deferred:
            SmtpChannel(SmtpSettings("127.0.0.1", port, starttls="off"), SENDER).send(MESSAGE)
        assert deferred.value.ambiguous is True
    assert said[-1] == b"quit\r\n"


@pytest.mark.parametrize(("step", "doubt"), [("RCPT slow@example.org", False), ("DATA slow@example.org", True)])
def test_a_server_that_falls_silent_is_left_at_the_deadline(smtp_server: SmtpServer, step: str, doubt: bool) -> None:
    smtp_server.answers[step] = "hang"
    began = time.monotonic()
    with pytest.raises(Deferred) as deferred:
        channel(smtp_server, deadline_s=0.5).send(to("slow@example.org"))
    assert time.monotonic() - began < 5 * PATIENCE
    assert (deferred.value.code, deferred.value.ambiguous) == ("timeout", doubt)


def test_a_server_that_answers_byte_by_byte_cannot_stretch_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        for _ in range(200):
            connection.sendall(b"2")
            time.sleep(0.05)  # a peer's slowness is what is tested, nothing is waited for here

    with raw_server(drip) as port:
        began = time.monotonic()
        with pytest.raises(Deferred) as deferred:
            SmtpChannel(SmtpSettings("127.0.0.1", port, starttls="off", deadline_s=0.5), SENDER).send(MESSAGE)
        assert time.monotonic() - began < 4 * PATIENCE
        assert deferred.value.code == "timeout"


@pytest.mark.parametrize("flood", [b"2" * 1_000_000, b"220-welcome\r\n" * 100_000])
def test_a_banner_without_end_is_cut_short(flood: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        for _ in range(10):
            connection.sendall(flood)

    with raw_server(talk) as port:
        began = time.monotonic()
        with pytest.raises(Deferred) as deferred:
            SmtpChannel(SmtpSettings("127.0.0.1", port, starttls="off"), SENDER).send(MESSAGE)
        assert time.monotonic() - began < 5 * PATIENCE
        assert deferred.value.ambiguous is False


def test_a_server_that_is_not_there_is_tried_again(smtp_server: SmtpServer) -> None:
    smtp_server.pause()
    with pytest.raises(Deferred) as deferred:
        channel(smtp_server).send(MESSAGE)
    assert (deferred.value.code, deferred.value.ambiguous) == ("connection", False)
    smtp_server.resume()
    channel(smtp_server).send(MESSAGE)
    assert len(smtp_server.mails) == 1


def test_an_address_that_mail_cannot_carry_is_refused_before_anything_is_said(smtp_server: SmtpServer) -> None:
    for address in ("nobody", "a b@example.org", "a@b\r\nRCPT TO:<eve@x>", "ä@example.org", "<a@b>@c d"):
        with pytest.raises(Refused):
            channel(smtp_server).send(to(address))
    assert smtp_server.connections == 0


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[SmtpServer, SmtpChannel]]:
    server_side, client_side = certificate(tmp_path)
    server = SmtpServer(server_side)
    yield server, SmtpChannel(parse_smtp_url(server.url("required")), SENDER, client_side)
    server.stop()


def test_required_tls_is_used(tls_server: tuple[SmtpServer, SmtpChannel]) -> None:
    server, client = tls_server
    client.send(MESSAGE)
    assert server.recipients() == ["alice@example.org"]


def test_a_stripped_starttls_stops_the_mail_and_never_falls_back_to_plaintext(smtp_server: SmtpServer) -> None:
    with pytest.raises(Deferred, match="STARTTLS") as deferred:
        channel(smtp_server, starttls="required").send(MESSAGE)
    assert deferred.value.code == "tls"
    assert smtp_server.mails == []


def test_optional_tls_falls_back_only_where_none_is_offered(smtp_server: SmtpServer, tmp_path: Path) -> None:
    channel(smtp_server, starttls="optional").send(MESSAGE)
    assert len(smtp_server.mails) == 1
    server_side, _ = certificate(tmp_path)
    offering = SmtpServer(server_side)
    try:
        with pytest.raises(Deferred, match="TLS failed"):
            channel(offering, starttls="optional").send(MESSAGE)
        assert offering.mails == []
    finally:
        offering.stop()


@pytest.mark.parametrize(("name", "days"), [("127.0.0.1", -1), ("mail.example.org", 30)])
def test_an_expired_or_misnamed_certificate_stops_the_mail(tmp_path: Path, name: str, days: int) -> None:
    server_side, client_side = certificate(tmp_path, name=name, days=days)
    server = SmtpServer(server_side)
    try:
        with pytest.raises(Deferred) as deferred:
            SmtpChannel(parse_smtp_url(server.url("required")), SENDER, client_side).send(MESSAGE)
        assert deferred.value.code == "tls"
        assert server.mails == []
    finally:
        server.stop()


def test_a_wrong_password_is_tried_again_after_somebody_repairs_it() -> None:
    server = SmtpServer(login=("cold", "right"))
    try:
        with pytest.raises(Deferred) as deferred:
            channel(server, user="cold:wrong@").send(MESSAGE)
        assert deferred.value.code == "535"
        channel(server, user="cold:right@").send(MESSAGE)
        assert len(server.mails) == 1
    finally:
        server.stop()


def test_a_password_is_never_sent_in_the_clear_unless_somebody_said_so() -> None:
    server = SmtpServer(login=("cold", "right"))
    try:
        with pytest.raises(Deferred, match="in the clear"):
            channel(server, starttls="optional", user="cold:right@").send(MESSAGE)
    finally:
        server.stop()


def test_parallel_sends_do_not_mix(smtp_server: SmtpServer) -> None:
    sender = channel(smtp_server)
    people = [f"p{n}@example.org" for n in range(20)]
    threads = [threading.Thread(target=sender.send, args=(to(person),)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(smtp_server.recipients()) == sorted(people)


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("smtp://mail.example.org", SmtpSettings("mail.example.org", 587)),
        ("smtps://mail.example.org", SmtpSettings("mail.example.org", 465, tls=True)),
        ("smtp://u%40x:p%2Fw@h:25?starttls=off", SmtpSettings("h", 25, "u@x", "p/w", starttls="off")),
        ("smtp://[::1]:2525?starttls=optional", SmtpSettings("::1", 2525, starttls="optional")),
    ],
)
def test_a_mail_url_is_read(url: str, settings: SmtpSettings) -> None:
    assert parse_smtp_url(url) == settings


@pytest.mark.parametrize(
    "url",
    ["", "http://h:25", "smtp://", "smtp://h:port", "smtp://h:70000", "smtp://h?starttls=maybe", "smtp://h?tls=on",
     "smtp://h:0", "smtp://user:hush@h:25/path"],
)  # fmt: skip
def test_a_mail_url_with_a_typo_is_refused_without_showing_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_smtp_url(url)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("sender", ["", "Coldchain", "Coldchain <nowhere>"])
def test_a_sender_that_is_no_address_is_refused_before_the_first_alarm(sender: str) -> None:
    with pytest.raises(ConfigError, match="sender"):
        SmtpChannel(parse_smtp_url("smtp://h:25"), sender)


def test_settings_do_not_print_their_password() -> None:
    assert "hush" not in repr(parse_smtp_url("smtp://user:hush@h:25"))
