"""The columns of many batches as numpy arrays: one each, over all events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotpath.fields import Column
from hotpath.joined import join_columns

_U2, _U4, _F4, _I8 = (np.dtype(name) for name in ("<u2", "<u4", "<f4", "<i8"))
_INDEXES = tuple(column for column in Column if column < Column.A)
_NUMBERS = tuple(column for column in Column if column >= Column.A)


class JoinedColumns(NamedTuple):
    """All events of some batches, in order. Index 0 means none, as NaN does."""

    lengths: NDArray[np.int64]
    """Events of each batch."""
    kind: NDArray[np.uint8]
    dt: NDArray[np.uint32]
    indexes: dict[Column, NDArray[np.uint16]]
    numbers: dict[Column, NDArray[np.float32]]


def read_columns(blobs: Sequence[bytes]) -> JoinedColumns:
    """Join the columns of batches.

    Raises:
        hotpath.columns.ColumnsError: a blob is no batch of columns.
    """
    lengths, kinds, dts, indexes, numbers = join_columns(blobs)
    return JoinedColumns(
        np.frombuffer(lengths, _I8),
        np.frombuffer(kinds, np.uint8),
        np.frombuffer(dts, _U4),
        {name: np.frombuffer(data, _U2) for name, data in zip(_INDEXES, indexes, strict=True)},
        {name: np.frombuffer(data, _F4) for name, data in zip(_NUMBERS, numbers, strict=True)},
    )
