"""A segment: all readings of one logger's day, column by column, with every column of the table `reading` kept."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from coldchain.domain.quantity import iso
from coldchain.domain.track import ABSENT, Column
from coldchain.journal import columns
from coldchain.journal.database import Row
from coldchain.journal.tables import READING_COLUMNS

DAY_MS = 86_400_000

_PLACE = {name: place for place, name in enumerate(READING_COLUMNS)}
_POSITION, _SERIES, _EVENT = _PLACE["position"], _PLACE["series"], _PLACE["event_time"]
_RECORD, _DEVICE, _MESSAGE = _PLACE["record_time"], _PLACE["device_time"], _PLACE["message"]
_BOOT, _SEQ, _TEMPERATURE = _PLACE["boot"], _PLACE["seq"], _PLACE["temperature_mc"]
_COUNT = len(READING_COLUMNS)

# rows, bytes of the texts after the columns, then per column its length in bytes and its entry
_HEAD = struct.Struct("<II")
_DIRECTORY = struct.Struct("<" + "IBBqqq" * _COUNT)

# How the device wrote the event time; only other texts are kept letter by letter.
_NO_TEXT, _SECONDS, _MILLIS, _OTHER = 0, 1, 2, 3


def day_of(time_ms: int) -> int:
    """The UTC day of a time, in days since 1970."""
    return time_ms // DAY_MS


def order(row: Sequence[Any]) -> tuple[int, int, int, int, int, int]:
    """The order of rows in a segment: by series, then as a track is ordered."""
    temperature = row[_TEMPERATURE]
    return (
        row[_SERIES], row[_EVENT], row[_BOOT] or 0, row[_SEQ] or 0, ABSENT if temperature is None else temperature,
        row[_POSITION],
    )  # fmt: skip


def pack_rows(rows: Iterable[Row]) -> bytes:
    """Rows of the table `reading`, in any order, as a segment's body."""
    ordered = sorted(rows, key=order)
    stripes: list[Sequence[Any]] = list(zip(*ordered, strict=True))
    texts: list[str] = []
    stripes[_DEVICE] = [_text_code(row[_DEVICE], row[_EVENT], texts) for row in ordered]
    stripes[_RECORD] = [row[_RECORD] - row[_EVENT] for row in ordered]
    stripes[_MESSAGE] = [row[_POSITION] - row[_MESSAGE] for row in ordered]
    directory: list[int] = []
    data: list[bytes] = []
    for stripe in stripes:
        entry, some = columns.encode(stripe)
        directory += [len(some), *columns.ENTRY.unpack(entry)]
        data.append(some)
    tail = "\0".join(texts).encode()
    head = _HEAD.pack(len(ordered), len(tail)) + _DIRECTORY.pack(*directory)
    return zlib.compress(head + b"".join(data) + tail, 6)


def _text_code(text: str | None, event_time: int, texts: list[str]) -> int:
    if text is None:
        return _NO_TEXT
    full = iso(event_time)
    if text == full:
        return _MILLIS
    if event_time % 1000 == 0 and text == full[:-5] + "Z":
        return _SECONDS
    texts.append(text)
    return _OTHER


class Segment:
    """A segment's columns, each decoded when it is asked for."""

    __slots__ = ("_data", "_directory", "_starts", "_texts", "count")

    def __init__(self, body: bytes) -> None:
        data = memoryview(zlib.decompress(body))
        self.count, texts = _HEAD.unpack_from(data)
        self._directory = _DIRECTORY.unpack_from(data, _HEAD.size)
        self._starts = _HEAD.size + _DIRECTORY.size
        self._texts = texts
        self._data = data

    def column(self, name: str) -> Column | None:
        """One column of the table `reading` but `device_time`; `ABSENT` where empty, None when all of it is."""
        return self._column(_PLACE[name])

    def _column(self, place: int) -> Column | None:
        directory = self._directory
        kind, width, first, least, factor = directory[place * 6 + 1 : place * 6 + 6]
        start = self._starts + sum(directory[0 : place * 6 : 6])
        found = columns.decode((kind, width, first, least, factor), self._data[start:], self.count)
        if place == _RECORD and found is not None:
            return found + self._whole(_EVENT)
        if place == _MESSAGE and found is not None:
            return self._whole(_POSITION) - found
        return found

    def _whole(self, place: int) -> Column:
        found = self._column(place)
        assert found is not None, "a column that is never empty"
        return found

    def rows(self, chosen: Column | None = None) -> list[Row]:
        """Rows of the table `reading`: all of them in the segment's order, or those at the indexes `chosen`."""
        stripes: list[Sequence[Any]] = []
        count = self.count if chosen is None else len(chosen)
        for place in range(_COUNT):
            if place == _DEVICE:
                texts = self._device_times()
                stripes.append(texts if chosen is None else [texts[index] for index in chosen.tolist()])
                continue
            column = self._column(place)
            if column is None:
                stripes.append([None] * count)
                continue
            picked = column if chosen is None else column[chosen]
            values = picked.tolist()
            if (picked == ABSENT).any():
                values = [None if value == ABSENT else value for value in values]
            stripes.append(values)
        return list(zip(*stripes, strict=True))

    def _device_times(self) -> list[str | None]:
        codes = self._whole(_DEVICE).tolist()
        if not any(codes):
            return [None] * self.count
        data = bytes(self._data[len(self._data) - self._texts :]).decode() if self._texts else ""
        others = iter(data.split("\0"))
        texts: list[str | None] = []
        for code, event_time in zip(codes, self._whole(_EVENT).tolist(), strict=True):
            if code == _OTHER:
                texts.append(next(others))
            elif code == _NO_TEXT:
                texts.append(None)
            else:
                full = iso(event_time)
                texts.append(full if code == _MILLIS else full[:-5] + "Z")
        return texts

    def rows_at(self, keys: set[tuple[int, int]]) -> list[Row]:
        """The rows of these (event time, series)."""
        times = self._whole(_EVENT)
        wanted = np.array(sorted({time for time, _ in keys}), dtype=np.int64)
        found = np.flatnonzero(np.isin(times, wanted))
        if not len(found):
            return []
        return [row for row in self.rows(found) if (row[_EVENT], row[_SERIES]) in keys]
