"""BehaviorBatch.columns as numpy arrays over its own bytes; nothing is copied."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotpath.columns import validate
from hotpath.fields import Column

_HEADER_BYTES = 4
_SECTIONS = tuple((column, column < Column.A) for column in Column)
_U2, _U4, _F4 = np.dtype("<u2"), np.dtype("<u4"), np.dtype("<f4")


class ColumnArrays(NamedTuple):
    """One batch. `indexes` and `numbers` lack the sections that the blob leaves out."""

    kind: NDArray[np.uint8]
    dt: NDArray[np.uint32]
    indexes: dict[Column, NDArray[np.uint16]]
    numbers: dict[Column, NDArray[np.float32]]


def read_columns(blob: bytes, targets: int, strings: int) -> ColumnArrays:
    """View the sections of a blob, whose layout hotpath/columns.pxd documents.

    Raises:
        hotpath.columns.ColumnsError: it is not a batch of columns over tables of these sizes.
    """
    count = validate(blob, targets, strings)
    mask = int.from_bytes(blob[2:_HEADER_BYTES], "little")
    at = _HEADER_BYTES
    kind = np.frombuffer(blob, np.uint8, count, at)
    at += count
    dt = np.frombuffer(blob, _U4, count, at)
    at += 4 * count
    arrays = ColumnArrays(kind, dt, {}, {})
    for column, is_index in _SECTIONS:
        if not mask >> column & 1:
            continue
        if is_index:
            arrays.indexes[column] = np.frombuffer(blob, _U2, count, at)
            at += 2 * count
        else:
            arrays.numbers[column] = np.frombuffer(blob, _F4, count, at)
            at += 4 * count
    return arrays
