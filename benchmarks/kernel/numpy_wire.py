"""Batches as protobuf's bytes into arrays and rows of the state, by NumPy.

All batches of a pass at once: one step for each field, whatever the number of batches. It knows the
fields that the load writes, in the order in which protobuf writes them, and refuses others up to
the columns; what comes after them is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_TENANT, _SESSION, _STREAM, _SEQ, _T0, _PAGE, _COUNT, _COLUMNS = (
    *(0x0A, 0x12, 0x1A, 0x20, 0x28, 0x32, 0x40, 0x4A),
)
_LAST_OF_VARINT: Final = np.uint64(0x8080_8080_8080_8080)
_PAST: Final = b"\0" * 8
_INDEXES, _NUMBERS = 3, 2
"""Sections of u16 that come before `a`, and how many of the numbers are read: `a` and `b`."""


class WireError(ValueError):
    """Bytes that are no batch of the load's."""


@dataclass(frozen=True, slots=True)
class Round:
    """A batch of each of some sessions: (batches,) and (batches, events)."""

    who: Ints
    """Row of the state."""
    t0: Ints
    kind: Bytes
    dt: npt.NDArray[np.uint32]
    a: Floats
    b: Floats


def name_of(session: str, stream: str) -> bytes:
    """Return the part of a batch's bytes that names its stream."""
    s, p = session.encode(), stream.encode()
    return bytes((_SESSION, len(s))) + s + bytes((_STREAM, len(p))) + p


def read(batches: Sequence[bytes], rows: dict[bytes, int]) -> Round:
    """Decode batches of one size and look their streams up.

    Args:
        batches: `BehaviorBatch` as bytes, none of them twice of one stream.
        rows: row of the state by `name_of`.

    Raises:
        WireError: not what the load writes.
        KeyError: a stream that `rows` has not.
    """
    joined = b"".join([*batches, _PAST])
    data = np.frombuffer(joined, np.uint8)
    longs = np.ndarray(len(joined) - 7, "<u8", joined, strides=(1,))
    words = np.ndarray(len(joined) - 3, "<u4", joined, strides=(1,))
    singles = np.ndarray(len(joined) - 3, "<f4", joined, strides=(1,))
    shorts = np.ndarray(len(joined) - 1, "<u2", joined, strides=(1,))
    at = np.zeros(len(batches), np.int64)
    np.cumsum(np.fromiter(map(len, batches[:-1]), np.int64, len(batches) - 1), out=at[1:])

    named = at = _after_text(data, at, _TENANT)
    at = _after_text(data, at, _SESSION)
    at = _after_text(data, at, _STREAM)
    names = zip(named.tolist(), at.tolist(), strict=True)
    who = np.array([rows[joined[begin:end]] for begin, end in names], np.int64)
    _, at = _varint(data, longs, at, _SEQ)
    t0, at = _varint(data, longs, at, _T0)
    at = _after_text(data, at, _PAGE)
    counts, at = _varint(data, longs, at, _COUNT)
    _, at = _varint(data, longs, at, _COLUMNS)
    count = int(counts[0])
    if not (counts == count).all():
        raise WireError("batches of several sizes")

    mask, at = shorts[at + 2].astype(np.int64), at + 4
    places = np.arange(count)
    kind = data[at[:, None] + places]
    at = at + count
    dt = words[at[:, None] + 4 * places]
    at = at + 4 * count + 2 * count * np.bitwise_count(mask & ((1 << _INDEXES) - 1))
    numbers: list[Floats] = []
    for section in range(_INDEXES, _INDEXES + _NUMBERS):
        held = (mask >> section & 1).astype(bool)
        column = np.full((len(at), count), np.nan, np.float32)
        column[held] = singles[at[held, None] + 4 * places]
        at = at + 4 * count * held
        numbers.append(column)
    return Round(who, t0, kind, dt, *numbers)


def _after_text(data: Bytes, at: Ints, tag: int) -> Ints:
    """Return where short text or bytes end."""
    if not (data[at] == tag).all():
        raise WireError(f"a batch without field {tag >> 3}, or with another before it")
    if (data[at + 1] >= 128).any():
        raise WireError(f"field {tag >> 3} is longer than the load's")
    return at + 2 + data[at + 1]


def _varint(data: Bytes, longs: npt.NDArray[np.uint64], at: Ints, tag: int) -> tuple[Ints, Ints]:
    """Return numbers of up to eight bytes, and where they end."""
    if not (data[at] == tag).all():
        raise WireError(f"a batch without field {tag >> 3}, or with another before it")
    raw = longs[at + 1]
    stop = ~raw & _LAST_OF_VARINT
    if not stop.all():
        raise WireError(f"field {tag >> 3} is more than eight bytes")
    below = (stop & -stop) - np.uint64(1)
    size = (np.bitwise_count(below) >> 3).astype(np.int64) + 1
    raw &= below
    value = np.zeros(len(at), np.int64)
    for byte in range(int(size.max())):
        value |= (raw >> np.uint64(8 * byte) & np.uint64(0x7F)).astype(np.int64) << 7 * byte
    return value, at + 1 + size
