"""The bell between the journal's writers and its readers."""

import threading
from pathlib import Path

from coldchain.journal.bell import LoopbackBell


def test_every_reader_hears_the_newest_head(tmp_path: Path) -> None:
    first, second, writer = (LoopbackBell(tmp_path / "bell") for _ in range(3))
    first.listen()
    second.listen()
    for head in (1, 2, 3):
        writer.ring(head)
    assert (first.wait(5), second.wait(5)) == (3, 3)
    assert first.wait(0.01) is None
    first.close()
    second.close()


def test_ringing_wakes_a_reader_that_waits(tmp_path: Path) -> None:
    reader, writer = LoopbackBell(tmp_path / "bell"), LoopbackBell(tmp_path / "bell")
    reader.listen()
    heard: list[int | None] = []
    waiting = threading.Thread(target=lambda: heard.append(reader.wait(30)))
    waiting.start()
    writer.ring(17)
    waiting.join(30)
    reader.close()
    assert heard == [17]


def test_ringing_without_readers_or_folder_is_no_failure(tmp_path: Path) -> None:
    LoopbackBell(tmp_path / "nowhere").ring(1)


def test_a_reader_that_died_without_a_word_is_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "bell"
    reader, writer = LoopbackBell(folder), LoopbackBell(folder)
    reader.listen()
    [mark] = folder.iterdir()
    reader.close()
    mark.touch()
    writer.ring(1)
    assert list(folder.iterdir()) == []


def test_a_foreign_datagram_is_no_ring(tmp_path: Path) -> None:
    import socket

    reader = LoopbackBell(tmp_path / "bell")
    reader.listen()
    [mark] = (tmp_path / "bell").iterdir()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"hello", ("127.0.0.1", int(mark.name)))
    assert reader.wait(0.05) is None
    reader.close()
