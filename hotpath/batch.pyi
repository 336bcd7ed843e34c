# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Batches: one BehaviorBatch written in protobuf's encoding, without an object of protobuf's."""

from collections.abc import Sequence

def encode_sender(tenant: str, session: str, stream: str) -> bytes:
    """Return the fields that say whose batch it is: the same for all batches of a stream."""

def encode_batch(
    sender: bytes,
    seq: int,
    t0_ms: int,
    page: str,
    pointer: int,
    count: int,
    columns: bytes,
    targets: Sequence[tuple[str, int]],
    strings: Sequence[str],
    received_at_ns: int,
) -> bytes:
    """Return a BehaviorBatch, serialized.

    Args:
        sender: of `encode_sender`.
        seq: dense per stream from 1; 0: the edge's own. Below 2^64.
        t0_ms: epoch ms of the first event, on the server's clock.
        page: path of the page at the first event.
        pointer: 0 mouse, 1 touch, 2 pen, 3 none: a server sends it.
        count: events in `columns`.
        columns: as `Columns.blob`.
        targets: (descriptor, flags below 2^32) of the targets that events name.
        strings: those that events name.
        received_at_ns: epoch ns; 0: not a live frame.

    Raises:
        OverflowError: a number is out of its range.
        UnicodeEncodeError: a lone surrogate.
    """
