"""Batches against protobuf's own serializer, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch, Target

from hotpath.batch import encode_batch, encode_sender

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
UINT32 = st.integers(0, 2**32 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)


@given(
    names=st.tuples(TEXT, TEXT, TEXT),
    seq=st.integers(0, 2**64 - 1),
    t0_ms=INT64,
    page=TEXT,
    pointer=UINT32,
    count=UINT32,
    columns=st.binary(max_size=20_000),
    targets=st.lists(st.tuples(TEXT, UINT32), max_size=20),
    strings=st.lists(TEXT, max_size=20),
    received_at_ns=INT64,
)
def test_the_bytes_are_protobuf_s(
    names: tuple[str, str, str],
    seq: int,
    t0_ms: int,
    page: str,
    pointer: int,
    count: int,
    columns: bytes,
    targets: list[tuple[str, int]],
    strings: list[str],
    received_at_ns: int,
):
    ours = encode_batch(
        encode_sender(*names),
        *(seq, t0_ms, page, pointer, count, columns, targets, strings, received_at_ns),
    )
    tenant, session, stream = names
    assert ours == BehaviorBatch(
        tenant_id=tenant,
        session_id=session,
        stream_id=stream,
        seq=seq,
        t0_ms=t0_ms,
        page=page,
        pointer=pointer,
        count=count,
        columns=columns,
        targets=[Target(descriptor=name, flags=flags) for name, flags in targets],
        strings=strings,
        received_at_ns=received_at_ns,
    ).SerializeToString(deterministic=True)


def test_what_is_out_of_range_is_refused():
    sender = encode_sender("acme", "s1", "p1")
    with pytest.raises(OverflowError):
        encode_batch(sender, 2**64, 0, "", 0, 0, b"", [], [], 0)
    with pytest.raises(OverflowError):
        encode_batch(sender, 1, 0, "", 0, 0, b"", [("a", 2**32)], [], 0)
    with pytest.raises(UnicodeEncodeError):
        encode_batch(sender, 1, 0, "\ud800", 0, 0, b"", [], [], 0)
