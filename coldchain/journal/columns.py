"""Columns of integers in few bytes: differences or offsets at the narrowest width, byte by byte, for zlib to finish.

One column becomes a fixed entry (how to read it) and a run of bytes. Every integer comes back exactly.
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coldchain.domain.track import ABSENT, Column

# kind, width in bytes, first value, smallest step, common factor of the steps
ENTRY = struct.Struct("<BBqqq")

_ABSENT, _PLAIN, _STEPS, _HOLES = 0, 1, 2, 4
_WIDTHS = (0, 1, 2, 4, 8)
_HALF = 1 << 63


def encode(values: Sequence[int | None]) -> tuple[bytes, bytes]:
    """A column as its entry and its bytes."""
    if all(value is None for value in values):
        return ENTRY.pack(_ABSENT, 0, 0, 0, 1), b""
    if None not in values:
        return _encode_full(np.array(values, dtype=np.int64), 0)
    valid = np.array([value is not None for value in values])
    known = np.array([value for value in values if value is not None], dtype=np.int64)
    entry, data = _encode_full(known, _HOLES)
    return entry, np.packbits(valid).tobytes() + data


def _encode_full(values: Column, holes: int) -> tuple[bytes, bytes]:
    span = int(values.max()) - int(values.min())
    if span >= _HALF:  # differences would not fit: eight bytes each, as they are
        return ENTRY.pack(_PLAIN | holes, 8, 0, 0, 1), _planes(values, 8)
    plain = _narrow(values - values.min())
    best = ENTRY.pack(_PLAIN | holes, plain[0], int(values.min()), 0, plain[1]), plain[2]
    if plain[0] == 0 or len(values) < 2 or span >= _HALF // 2:
        return best
    steps = np.diff(values)
    least = int(steps.min())
    narrow = _narrow(steps - least)
    if len(zlib.compress(narrow[2], 1)) < len(zlib.compress(plain[2], 1)):
        return ENTRY.pack(_STEPS | holes, narrow[0], int(values[0]), least, narrow[1]), narrow[2]
    return best


def _narrow(values: Column) -> tuple[int, int, bytes]:
    """Values ≥ 0 as (width, common factor, bytes with all low bytes first)."""
    factor = int(np.gcd.reduce(values)) or 1
    small = values // factor
    top = int(small.max()) if len(small) else 0
    width = next(width for width in _WIDTHS if top < 1 << (8 * width) or width == 8)
    if width == 0:
        return 0, factor, b""
    return width, factor, _planes(small, width)


def _planes(values: Column, width: int) -> bytes:
    return values.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T.tobytes()


def size(entry: tuple[int, int, int, int, int], count: int) -> int:
    """How many bytes a column of `count` rows takes; the number of holes is not known here, so without it."""
    kind, width = entry[0], entry[1]
    return width * max(0, count - 1 if kind & _STEPS else count)


def decode(entry: tuple[int, int, int, int, int], data: memoryview, count: int) -> Column | None:
    """The column again, `ABSENT` where a value was missing; None when all of it was."""
    kind, width, first, least, factor = entry
    if kind == _ABSENT:
        return None
    if not kind & _HOLES:
        return _decode_full(kind, width, first, least, factor, data, count)
    bitmap = (count + 7) // 8
    valid = np.unpackbits(np.frombuffer(data[:bitmap], dtype=np.uint8), count=count).astype(bool)
    column = np.full(count, ABSENT, dtype=np.int64)
    column[valid] = _decode_full(kind, width, first, least, factor, data[bitmap:], int(valid.sum()))
    return column


def _decode_full(kind: int, width: int, first: int, least: int, factor: int, data: memoryview, count: int) -> Column:
    if kind & _STEPS:
        column = np.empty(count, dtype=np.int64)
        column[0] = first
        steps = column[1:]
        steps[:] = least
        if width:
            steps += _widen(data, width, count - 1, factor)
        return np.cumsum(column, out=column)
    if width == 0:
        return np.full(count, first, dtype=np.int64)
    column = _widen(data, width, count, factor)
    column += first
    return column


def _widen(data: memoryview, width: int, count: int, factor: int) -> Column:
    planes: NDArray[np.uint8] = np.frombuffer(data, dtype=np.uint8, count=width * count)
    if width == 1:
        column = planes.astype(np.int64)
    else:
        column = np.ascontiguousarray(planes.reshape(width, count).T).view(f"<u{width}").ravel().astype(np.int64)
    if factor != 1:
        column *= factor
    return column
