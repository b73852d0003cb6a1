"""Real MQTT clients against the built-in listener, with a SQLite journal behind it."""

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from intake import DAWN_MS, integrity, journal_at, listening, logger_at, native, publish_all, rows_of, written
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from servers import wait_until

from coldchain.domain.message import Outcome
from coldchain.errors import TransientError
from coldchain.journal.sqlite import SqliteJournal
from ingest.downlink import Downlink
from ingest.listener import Listener
from ingest.listener.session import Session
from ingest.pipeline import Pipeline


def requests(journal: SqliteJournal) -> int:
    """How often the only hole of LG-1 was asked for, as the journal counts it."""
    with journal.database.read() as session:
        [(asked,)] = session.rows("SELECT asked FROM logger WHERE name = 'LG-1'")
    return json.loads(asked)[0][1] if asked else 0


VERSIONS = [mqtt.MQTTv311, mqtt.MQTTv5]


class Passwords:
    """Each logger's password is its own name backwards."""

    def check(self, user: str, password: str) -> str | None:
        return user if password == user[::-1] else None


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    with journal_at(tmp_path / "journal.db") as journal:
        yield journal


@pytest.fixture
def listener(journal: SqliteJournal) -> Iterator[Listener]:
    with written(journal) as writer, listening(writer, credentials=Passwords()) as listener:
        yield listener


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_acknowledged_is_stored(listener: Listener, journal: SqliteJournal, version: int) -> None:
    with logger_at(listener.port, "LG-1", version, "1-GL") as client:
        publish_all(client, "cc/LG-1/up", [native("LG-1", seq) for seq in range(300)])
        assert rows_of(journal) == [("LG-1", "internal", DAWN_MS + seq * 60_000) for seq in range(300)]


def test_a_message_without_acknowledgement_is_stored_too(listener: Listener, journal: SqliteJournal) -> None:
    with logger_at(listener.port, "LG-1", password="1-GL") as client:
        client.publish("cc/LG-1/up", native("LG-1", 0), qos=0)
        wait_until(lambda: len(rows_of(journal)) == 1, what="the row")


@pytest.mark.parametrize(("user", "password"), [("LG-1", "wrong"), ("LG-1", None), ("", "")])
def test_without_the_right_password_nobody_comes_in(listener: Listener, user: str, password: str | None) -> None:
    refused: list[ReasonCode] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
    client.on_connect = lambda _client, _data, _flags, code, _said: refused.append(code)
    if user:
        client.username_pw_set(user, password)
    client.connect("127.0.0.1", listener.port)
    client.loop_start()
    wait_until(lambda: bool(refused), what="an answer")
    client.loop_stop()
    assert refused[0].is_failure


def test_a_logger_publishes_and_hears_for_itself_only(listener: Listener, journal: SqliteJournal) -> None:
    codes: list[ReasonCode] = []
    with logger_at(listener.port, "LG-1", mqtt.MQTTv5, "1-GL") as client:
        client.on_publish = lambda _client, _data, _mid, code, _said: codes.append(code)
        client.on_subscribe = lambda _client, _data, _mid, granted, _said: codes.extend(granted)
        for topic in ("cc/LG-1/up", "cc/LG-2/up", "cc/LG-1/down", "factory/oven"):
            publish_all(client, topic, [native("LG-1", len(codes))])
        client.subscribe([("cc/LG-1/down", 1), ("cc/LG-2/down", 1), ("#", 1), ("cc/+/down", 0)])
        wait_until(lambda: len(codes) == 8, what="all answers")
    assert [code.value for code in codes] == [0, 0x87, 0x87, 0, 1, 0x87, 0x87, 0x87]
    assert len(rows_of(journal)) == 1
    refused = journal.refused(Outcome.QUARANTINED, None, 10)
    assert [stored.envelope.source for stored in refused] == ["cc/LG-1/down", "cc/LG-2/up"]
    assert "LG-1" in refused[1].refusals[0].reason
    [unknown] = journal.refused(Outcome.UNDECODED, None, 10)
    assert unknown.envelope.source == "factory/oven"


def test_a_second_connection_of_a_user_ends_the_first_whatever_its_client_id(listener: Listener) -> None:
    ended: list[ReasonCode] = []
    with logger_at(listener.port, "LG-1", mqtt.MQTTv5, "1-GL") as first:
        first.on_disconnect = lambda _client, _data, _flags, code, _said: ended.append(code)
        first.reconnect_delay_set(60, 60)
        other = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="something-else")
        other.username_pw_set("LG-1", "1-GL")
        other.connect("127.0.0.1", listener.port)
        other.loop_start()
        wait_until(lambda: bool(ended), what="the end of the first")
        wait_until(other.is_connected, what="the second connection")
        other.disconnect()
        other.loop_stop()
    assert ended[0] == ReasonCode(PacketTypes.DISCONNECT, "Session taken over")


def test_the_watermark_comes_after_subscribing_as_retained_and_then_at_most_once_a_second(listener: Listener) -> None:
    with logger_at(listener.port, "LG-1", mqtt.MQTTv5, "1-GL") as client:
        heard: list[tuple[str, bytes, bool]] = client.user_data_get()
        publish_all(client, "cc/LG-1/up", [native("LG-1", 0), native("LG-1", 1)])
        client.subscribe("cc/LG-1/down", 1)
        wait_until(lambda: len(heard) == 1, what="the first down message")
        assert json.loads(heard[0][1]) == {"v": 1, "committed_through": {"boot": 1, "seq": 1}, "resend": []}
        assert heard[0][2] is True
        began_s = time.monotonic()
        for seq in range(2, 42):
            publish_all(client, "cc/LG-1/up", [native("LG-1", seq)])
        wait_until(lambda: json.loads(heard[-1][1])["committed_through"]["seq"] == 41, what="the last watermark")
        assert len(heard) - 1 <= time.monotonic() - began_s + 1
        assert heard[-1][2] is False


def test_a_hole_is_asked_for(listener: Listener) -> None:
    with logger_at(listener.port, "LG-1", password="1-GL") as client:
        heard: list[tuple[str, bytes, bool]] = client.user_data_get()
        client.subscribe("cc/LG-1/down", 1)
        publish_all(client, "cc/LG-1/up", [native("LG-1", 0), native("LG-1", 4)])
        wait_until(lambda: bool(heard), what="a down message")
        wait_until(lambda: bool(json.loads(heard[-1][1])["resend"]), what="the request")
        assert json.loads(heard[-1][1])["resend"] == [{"boot": 1, "from": 1, "to": 3}]


def test_a_hole_that_three_requests_did_not_fill_is_given_up(listener: Listener, journal: SqliteJournal) -> None:
    with logger_at(listener.port, "LG-1", password="1-GL") as client:
        heard: list[tuple[str, bytes, bool]] = client.user_data_get()
        publish_all(client, "cc/LG-1/up", [native("LG-1", 0), native("LG-1", 2)])
        client.subscribe("cc/LG-1/down", 1)
        for seq in range(3, 6):
            asked = seq - 2
            wait_until(lambda asked=asked: len(heard) == asked, what="a request")  # type: ignore[misc]
            assert json.loads(heard[-1][1])["resend"] == [{"boot": 1, "from": 1, "to": 1}]
            wait_until(lambda asked=asked: requests(journal) == asked, what="the request to count")  # type: ignore[misc]
            publish_all(client, "cc/LG-1/up", [native("LG-1", seq)])
        wait_until(lambda: journal.watermark("LG-1").committed_through == (1, 5), what="the mark to move on")
        assert [(g.boot, g.first_seq, g.last_seq) for g in journal.gaps()] == [(1, 1, 1)]
        wait_until(lambda: json.loads(heard[-1][1])["resend"] == [], what="the word that it is over")
        assert json.loads(heard[-1][1])["committed_through"] == {"boot": 1, "seq": 5}


def test_a_message_beyond_the_limit_is_kept_as_beginning_length_and_hash(
    listener: Listener, journal: SqliteJournal
) -> None:
    sizes = [65_537, 131_000, 200_000, 4 * 1024 * 1024]
    with logger_at(listener.port, "LG-1", password="1-GL") as client:
        publish_all(client, "cc/LG-1/up", [native("LG-1", 0), *(b"x" * size for size in sizes), native("LG-1", 1)])
    assert len(rows_of(journal)) == 2
    refused = journal.refused(Outcome.QUARANTINED, None, 10)
    assert sorted(stored.envelope.length or 0 for stored in refused) == sizes
    assert {len(stored.envelope.payload) for stored in refused} == {65_536}
    assert "4194304" in refused[0].refusals[0].reason


def test_a_message_beyond_four_megabytes_ends_the_connection(listener: Listener, journal: SqliteJournal) -> None:
    with raw(listener.port, "LG-1") as wire:
        wire.sendall(b"\x32\xff\xff\xff\x7f" + b"\0\x0acc/LG-1/up\0\x01")
        assert closed(wire)
    assert journal.head() == 0


class raw:  # noqa: N801 (reads like a function)
    """A bare TCP connection that is signed in."""

    def __init__(self, port: int, user: str) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=10)
        fields = b"".join(struct.pack("!H", len(part)) + part for part in (b"c", user.encode(), user[::-1].encode()))
        body = b"\0\4MQTT\4\xc2\0\x3c" + fields
        self.wire.sendall(bytes((0x10, len(body))) + body)
        assert self.wire.recv(4) == b"\x20\x02\0\0"

    def __enter__(self) -> socket.socket:
        return self.wire

    def __exit__(self, *_: object) -> None:
        self.wire.close()


def closed(wire: socket.socket) -> bool:
    try:
        while wire.recv(4096):
            continue
    except ConnectionResetError:
        return True
    return True


@pytest.mark.parametrize(
    "bad",
    [
        b"\x34\x0f\0\x0acc/LG-1/up\0\x01x",  # QoS 2
        b"\x36\x0f\0\x0acc/LG-1/up\0\x01x",  # QoS 3
        b"\x32\x03\0\x0ac",  # breaks off
        b"\x32\x0e\0\x0acc/LG-1/up\0\0",  # packet id 0
        b"\x30\x04\0\x02\xff\xfe",  # a topic that is not UTF-8
        b"\x30\x0a\0\x08cc/+/up\0",  # a filter, and U+0000
        b"\x80\x02\0\x01",  # SUBSCRIBE with wrong flags
        b"\x82\x02\0\x01",  # SUBSCRIBE to nothing
        b"\x10\x02\0\x00",  # CONNECT again
        b"\xf0\x00",
        b"\x00\x00",
        b"\x30\xff\xff\xff\xff\xff",
    ],
)
def test_bytes_that_no_client_may_send_end_the_connection_and_nothing_else(
    listener: Listener, journal: SqliteJournal, bad: bytes
) -> None:
    good = native("LG-1", 0)
    publish = b"\0\x0acc/LG-1/up" + b"\0\x07" + good
    with raw(listener.port, "LG-1") as wire:
        wire.sendall(b"\x32" + bytes((len(publish) & 127 | 128, len(publish) >> 7)) + publish + bad)
        assert closed(wire)
    wait_until(lambda: len(rows_of(journal)) == 1, what="what came before")
    with logger_at(listener.port, "LG-2", password="2-GL") as client:
        publish_all(client, "cc/LG-2/up", [native("LG-2", 0)])
    assert len(rows_of(journal)) == 2


def test_packets_that_arrive_byte_by_byte_are_understood(listener: Listener, journal: SqliteJournal) -> None:
    body = b"\0\x0acc/LG-1/up" + b"\0\x07" + native("LG-1", 0)
    with raw(listener.port, "LG-1") as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"\x32" + bytes((len(body) & 127 | 128, len(body) >> 7)) + body + b"\xc0\0":
            wire.sendall(bytes((byte,)))
        answer = b""
        while len(answer) < 6:
            answer += wire.recv(6)
    assert sorted((answer[:2], answer[2:4], answer[4:])) in (
        sorted((b"\xd0\0", b"\x40\x02", b"\0\x07")), sorted((b"\x40\x02", b"\0\x07", b"\xd0\0")),
    )  # fmt: skip
    assert len(rows_of(journal)) == 1


def test_a_connection_that_is_cut_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    total, cuts = 3000, 8
    with (
        journal_at(tmp_path / "journal.db") as journal,
        written(journal) as writer,
        listening(writer, anonymous=True) as listener,
    ):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="LG-1", clean_session=False)
        client.max_inflight_messages_set(200)
        client.reconnect_delay_set(1, 1)
        acknowledged: list[int] = []
        connections: list[int] = []
        client.on_connect = lambda _client, _data, _flags, code, _said: connections.append(code.value)
        client.on_publish = lambda _client, _data, mid, _code, _said: acknowledged.append(mid)
        client.connect("127.0.0.1", listener.port)
        client.loop_start()
        for seq in range(total):
            client.publish("cc/LG-1/up", native("LG-1", seq), qos=1)
            if seq % (total // cuts) == total // cuts // 2:
                cut = seq // (total // cuts)
                wait_until(lambda cut=cut: len(connections) > cut, what="the next connection")
                wire = client.socket()
                assert wire is not None
                wire.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: len(acknowledged) >= total, 60, "every acknowledgement")
        client.disconnect()
        client.loop_stop()
        assert sorted(rows_of(journal)) == [("LG-1", "internal", DAWN_MS + seq * 60_000) for seq in range(total)]
    assert integrity(tmp_path / "journal.db") == "ok"


def test_nothing_is_acknowledged_while_the_journal_cannot_be_written(tmp_path: Path) -> None:
    refusing = threading.Event()
    refusing.set()

    class Sometimes(SqliteJournal):
        def append(self, arrivals):
            if refusing.is_set():
                raise TransientError("the disk is full")
            return super().append(arrivals)

    journal = Sometimes(tmp_path / "journal.db")
    with written(journal) as writer, listening(writer, anonymous=True) as listener, logger_at(listener.port) as client:
        message = client.publish("cc/LG-1/up", native("LG-1", 0), qos=1)
        wait_until(lambda: writer.trouble == "the disk is full", what="trouble")
        assert not message.is_published()
        refusing.clear()
        message.wait_for_publish(10)
        assert message.is_published()
        assert writer.trouble is None
        assert len(rows_of(journal)) == 1
    journal.close()


def test_who_never_finishes_saying_who_it_is_is_cut(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.listener.server._CONNECT_S", 1.0)
    with socket.create_connection(("127.0.0.1", listener.port)) as wire:
        wire.sendall(b"\x10\x40")
        began_s = time.monotonic()
        wire.settimeout(0.2)
        while time.monotonic() - began_s < 10:
            try:
                wire.sendall(b"\x00")
                if wire.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - began_s < 5


def test_a_silent_client_is_cut_after_its_keep_alive(listener: Listener) -> None:
    wire = socket.create_connection(("127.0.0.1", listener.port), timeout=10)
    fields = b"".join(struct.pack("!H", len(part)) + part for part in (b"c", b"LG-1", b"1-GL"))
    body = b"\0\4MQTT\5\xc2\0\x01\0" + fields
    wire.sendall(bytes((0x10, len(body))) + body)
    assert wire.recv(100)[0] == 0x20
    assert wire.recv(100) == b"\xe0\x01\x8d"
    wire.close()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, secret


def test_a_logger_may_come_over_tls(journal: SqliteJournal, tmp_path: Path) -> None:
    pem, secret = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, secret)
    with written(journal) as writer, listening(writer, anonymous=True, tls=context) as listener:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="LG-1", protocol=mqtt.MQTTv5)
        client.tls_set(ca_certs=str(pem))
        client.connect("127.0.0.1", listener.port)
        client.loop_start()
        wait_until(client.is_connected, what="the connection")
        publish_all(client, "cc/LG-1/up", [*(native("LG-1", seq) for seq in range(200)), b"x" * 300_000])
        client.disconnect()
        client.loop_stop()
    assert len(rows_of(journal)) == 200
    assert [m.envelope.length for m in journal.refused(Outcome.QUARANTINED, None, 5)] == [300_000]


def test_more_connections_than_allowed_are_turned_away_and_the_others_stay(journal: SqliteJournal) -> None:
    with (
        written(journal) as writer,
        listening(writer, credentials=Passwords(), connections=2) as listener,
        raw(listener.port, "LG-1") as first,
        raw(listener.port, "LG-2"),
        socket.create_connection(("127.0.0.1", listener.port), timeout=10) as third,
    ):
        assert closed(third)
        first.sendall(b"\xc0\0")
        assert first.recv(2) == b"\xd0\0"


def test_who_knocks_without_end_does_not_fill_the_log(listener: Listener, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as wire:
            wire.sendall(b"\xc0\x00")
            with contextlib.suppress(ConnectionError):
                assert wire.recv(1) == b""
    said = capsys.readouterr()
    assert 1 <= (said.out + said.err).count("connection_cut") <= 30


def test_while_the_journal_is_stuck_a_flood_fills_the_network_and_not_our_memory(tmp_path: Path) -> None:
    stuck = threading.Event()

    class Stuck(SqliteJournal):
        def append(self, arrivals):
            stuck.wait(60)
            return super().append(arrivals)

    journal = Stuck(tmp_path / "journal.db")
    body = b"\0\x0acc/LG-1/up\0\1" + b"x" * 1000
    packet = b"\x32" + bytes((len(body) & 127 | 128, len(body) >> 7)) + body
    with (
        written(journal, capacity=2000) as writer,
        listening(writer, credentials=Passwords()) as listener,
        raw(listener.port, "LG-1") as flood,
    ):
        flood.settimeout(0)
        sent = 0
        while select.select([], [flood], [], 1)[1]:  # until the kernel's buffers have been full for a second
            sent += flood.send(packet * 500)
        assert writer._waiting <= 2000 + 1000
        [session] = listener._sessions
        assert session._unsettled_bytes < 1_500_000
        assert not session.reading
        assert sent > session._unsettled_bytes
        stuck.set()
        wait_until(lambda: len(journal.refused(Outcome.QUARANTINED, None, 10)) == 1, 30, "the end of it")
    journal.close()


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        (Session, "_publish"),
        (Session, "_dispatch"),
        (Session, "acknowledge"),
        (Session, "tell"),
        (Listener, "settled"),
        (Listener, "_flush"),
        (Listener, "joined"),
        (Listener, "admitted"),
        (Downlink, "due"),
        (Downlink, "note"),
        (Pipeline, "arrival"),
        (Pipeline, "_committed"),
    ],
)
def test_a_bug_in_any_step_does_not_stop_intake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, step: str
) -> None:
    original, failed = getattr(owner, step), threading.Event()

    def once(self, *arguments, **named):
        if not failed.is_set():
            failed.set()
            raise RuntimeError(f"a bug in {step}")
        return original(self, *arguments, **named)

    monkeypatch.setattr(owner, step, once)
    with (
        journal_at(tmp_path / "journal.db") as journal,
        written(journal) as writer,
        listening(writer, anonymous=True) as listener,
    ):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="LG-1", clean_session=False)
        client.reconnect_delay_set(1, 1)
        acknowledged: list[int] = []
        client.on_publish = lambda _client, _data, mid, _code, _said: acknowledged.append(mid)
        client.on_connect = lambda *_: client.subscribe("cc/LG-1/down", 1)
        client.connect_async("127.0.0.1", listener.port)
        client.loop_start()
        for seq in range(40):
            client.publish("cc/LG-1/up", native("LG-1", seq), qos=1)
        wait_until(lambda: failed.is_set() and len(set(acknowledged)) == 40, 15, "every acknowledgement")
        client.disconnect()
        client.loop_stop()
        assert writer.alive
        assert {row[2] for row in rows_of(journal)} == {DAWN_MS + seq * 60_000 for seq in range(40)}


def test_acknowledgements_come_in_the_order_of_the_messages(listener: Listener) -> None:
    sent = [7, 3, 65_535, 1, 500, 2, *range(1000, 1400)]
    packets = bytearray()
    for seq, packet_id in enumerate(sent):
        body = b"\0\x0acc/LG-1/up" + struct.pack("!H", packet_id) + native("LG-1", seq)
        packets += b"\x32" + bytes((len(body) & 127 | 128, len(body) >> 7)) + body
    with raw(listener.port, "LG-1") as wire:
        wire.sendall(packets)
        answer = b""
        while len(answer) < 4 * len(sent):
            answer += wire.recv(65_536)
    assert [struct.unpack_from("!H", answer, at + 2)[0] for at in range(0, len(answer), 4)] == sent


def test_a_message_that_asks_to_be_retained_is_live_here(listener: Listener, journal: SqliteJournal) -> None:
    with logger_at(listener.port, "LG-1", password="1-GL") as client:
        timeless = json.dumps({"device": "LG-1", "boot": 1, "seq": 0, "readings": [{"values": {"temperature_c": 5}}]})
        client.publish("cc/LG-1/up", timeless.encode(), qos=1, retain=True).wait_for_publish(10)
    assert [(row.time_source, row.flags) for row in journal.read(0, 10)] == [("arrival", 0)]


def test_a_quarantined_message_counts_as_committed(listener: Listener, journal: SqliteJournal) -> None:
    bad = native("LG-1", 1).replace(b'"temperature_c": 4', b'"temperature_c": 999')
    with logger_at(listener.port, "LG-1", password="1-GL") as client:
        heard: list[tuple[str, bytes, bool]] = client.user_data_get()
        publish_all(client, "cc/LG-1/up", [native("LG-1", 0), bad, native("LG-1", 2)])
        client.subscribe("cc/LG-1/down", 1)
        wait_until(lambda: bool(heard), what="the watermark")
    assert json.loads(heard[0][1]) == {"v": 1, "committed_through": {"boot": 1, "seq": 2}, "resend": []}
    assert len(rows_of(journal)) == 2
    assert "999" in journal.refused(Outcome.QUARANTINED, None, 10)[0].refusals[0].reason
