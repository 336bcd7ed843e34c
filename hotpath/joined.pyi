# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Joined: the columns of many batches, one after the other, each column whole."""

from collections.abc import Sequence

def join_columns(blobs: Sequence[bytes]) -> tuple[bytes, bytes, bytes, list[bytes], list[bytes]]:
    """Join the columns of batches, for whoever works on many at once.

    Args:
        blobs: values of BehaviorBatch.columns, each passed by `columns.validate`.

    Returns:
        Little-endian arrays: events of each blob (int64); kinds (uint8) and dt (uint32) of all
        events; the three index columns (uint16; 0: none) and the five number columns (float32;
        NaN: none) in the order of `fields.Column`.

    Raises:
        columns.ColumnsError: a blob is no batch of columns.
    """
