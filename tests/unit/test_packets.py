"""MQTT packets: what is read, and that no bytes make the reader do anything but answer or refuse."""

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldchain.domain.reading import shard_of
from ingest.listener import answers, packets
from ingest.listener.access import may_hear, may_publish
from ingest.listener.packets import Malformed


def field(value: bytes) -> bytes:
    return struct.pack("!H", len(value)) + value


def connect_311(flags: int = 2, keep_alive: int = 60, *fields: bytes) -> bytes:
    return b"\0\4MQTT\4" + bytes((flags,)) + struct.pack("!H", keep_alive) + b"".join(map(field, fields))


def test_a_connect_of_311_is_read() -> None:
    asked = packets.connect(connect_311(0xC2, 30, b"c", b"user", b"secret"))
    assert asked == packets.Connect(
        packets.V311, "c", clean=True, keep_alive_s=30, user="user", password="secret", receive_maximum=65_535
    )


def test_a_connect_of_5_is_read_with_will_and_properties() -> None:
    wishes = b"\x11\0\0\0\x10\x21\0\x14\x26" + field(b"a") + field(b"b")
    body = b"\0\4MQTT\5\xc6\0\x0a" + bytes((len(wishes),)) + wishes + field(b"c")
    body += b"\0" + field(b"will/topic") + field(b"gone") + field(b"user") + field(b"pw")
    asked = packets.connect(body)
    assert (asked.level, asked.client_id, asked.user, asked.password, asked.receive_maximum) == (
        5,
        "c",
        "user",
        "pw",
        20,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\6MQIsdp\3\2\0\x3c\0\0",
        b"\0\4MQTT\6\2\0\x3c\0\0",
        connect_311(0x03, 60, b"c"),
        connect_311(0x1C, 60, b"c"),
        connect_311(0x08, 60, b"c"),
        connect_311(0x42, 60, b"c", b"pw"),
        connect_311(0x82, 60, b"c"),
        connect_311(0x02, 60, b"c", b"more"),
        connect_311(0x02, 60, b"\xff"),
        connect_311(0x02, 60, b"a\0b"),
        b"\0\4MQTT\5\2\0\x3c\x03\x21\0\0\0\0",
        b"\0\4MQTT\5\2\0\x3c\x06\x21\0\1\x21\0\1\0\0",
        b"\0\4MQTT\5\2\0\x3c\x02\x7f\0\0\0",
    ],
)
def test_a_connect_that_contradicts_itself_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        packets.connect(body)


def test_the_head_of_a_publish_is_found_with_and_without_properties() -> None:
    plain = field(b"cc/a/up") + b"\0\7payload"
    assert packets.publish(plain, 0, len(plain), qos=1, level=4) == packets.Publish(b"cc/a/up", 7, 11)
    five = field(b"cc/a/up") + b"\0\7" + b"\x02\x01\x01" + b"payload"
    assert packets.publish(five, 0, len(five), qos=1, level=5) == packets.Publish(b"cc/a/up", 7, 14)


def test_a_topic_alias_is_refused_because_none_was_offered() -> None:
    body = field(b"") + b"\0\7" + b"\x03\x23\0\1"
    with pytest.raises(Malformed) as refused:
        packets.publish(body, 0, len(body), qos=1, level=5)
    assert refused.value.code == packets.NO_TOPIC_ALIAS


@given(st.integers(0, 268_435_455))
def test_every_length_is_read_as_it_was_written(length: int) -> None:
    encoded = answers._length(length)
    assert packets.remaining_length(encoded, 0) == (length, len(encoded))
    assert all(packets.remaining_length(encoded[:cut], 0) is None for cut in range(len(encoded)))


@settings(max_examples=500)
@given(st.binary(max_size=60), st.sampled_from([packets.V311, packets.V5]), st.integers(0, 1))
def test_no_bytes_do_anything_but_parse_or_be_refused(body: bytes, level: int, qos: int) -> None:
    for read in (
        lambda: packets.connect(b"\0\4MQTT" + body),
        lambda: packets.publish(body, 0, len(body), qos=qos, level=level),
        lambda: packets.subscribe(body, level),
        lambda: packets.unsubscribe(body, level),
        lambda: packets.properties(body, 0),
    ):
        with contextlib.suppress(Malformed):
            read()


TOPICS = ["cc/{}/up", "cc/v1/main/3/{}/up", "cc/{}/down", "cc/v1/other/3/{}/up"]


@pytest.mark.parametrize("user", ["LG-1", "LG-2", "AABBCCDDEEFF"])
@pytest.mark.parametrize("name", ["LG-1", "LG-2", "aa:bb:cc:dd:ee:ff", "+", ""])
def test_below_cc_only_the_own_up_topics_may_be_published_to(user: str, name: str) -> None:
    own = name == user or (name, user) == ("aa:bb:cc:dd:ee:ff", "AABBCCDDEEFF")
    assert [may_publish(user, topic.format(name), "main") for topic in TOPICS] == [own, own, False, False]


def test_topics_of_the_broker_itself_are_nobodys_and_those_of_other_formats_are_judged_when_decoded() -> None:
    assert not may_publish("LG-1", "$SYS/broker/uptime", "main")
    assert may_publish("LG-1", "tele/LG-1/SENSOR", "main")


def test_only_the_own_down_topics_may_be_heard() -> None:
    shard = shard_of("LG-1")
    allowed = ["cc/LG-1/down", f"cc/v1/main/{shard}/LG-1/down"]
    assert [may_hear("LG-1", topic, "main") for topic in allowed] == ["LG-1", "LG-1"]
    for topic in (
        "cc/LG-2/down",
        "cc/+/down",
        "#",
        "cc/LG-1/up",
        f"cc/v1/main/{shard + 1}/LG-1/down",
        "cc/v1/x/1/LG-1/down",
    ):
        assert may_hear("LG-1", topic, "main") is None
    assert may_hear(None, "cc/LG-2/down", "main") == "LG-2"
