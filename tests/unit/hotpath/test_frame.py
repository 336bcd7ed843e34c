"""Frames against protobuf's own parser."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch, Target

from hotpath.columns import ColumnsError, from_wire, validate
from hotpath.frame import read_frame

TABLE = {1: ("button#buy", 2), 2: ("ß" * 40, 1 << 20)}


def batch(seq: int = 1, presses: int = 3, pointer: int = 0) -> BehaviorBatch:
    events: list[list[object]] = [[3, 90, 5, 5, 1 + i % 2] for i in range(presses)]
    columns = from_wire([*events, [21, 1, "Paid"]], TABLE)
    return BehaviorBatch(
        tenant_id="acme",
        session_id="s1",
        stream_id="p1",
        seq=seq,
        t0_ms=1_700_000_000_000,
        page="/shop",
        pointer=pointer,
        count=columns.count,
        columns=columns.blob,
        strings=columns.strings,
        targets=[Target(descriptor=name, flags=flags) for name, flags in columns.targets],
        received_at_ns=1_700_000_000_123_456_789,
    )


def expected(blob: bytes) -> tuple[object, ...]:
    theirs = BehaviorBatch.FromString(blob)
    events = validate(theirs.columns, len(theirs.targets), len(theirs.strings))
    return (
        theirs.tenant_id,
        theirs.session_id,
        theirs.stream_id,
        theirs.seq,
        theirs.t0_ms,
        theirs.page,
        min(theirs.pointer, 255),
        theirs.received_at_ns,
        events,
        theirs.columns,
        [target.descriptor for target in theirs.targets],
        [target.flags for target in theirs.targets],
        list(theirs.strings),
    )


@pytest.mark.parametrize("pointer", [0, 2, 255, 1 << 31])
def test_a_frame_is_read_as_protobuf_reads_it(pointer: int):
    blob = batch(seq=(1 << 32) - 1, pointer=pointer).SerializeToString()
    assert read_frame(blob) == expected(blob)


@settings(deadline=None)
@given(st.data())
def test_damaged_frames_are_read_as_protobuf_reads_them(data: st.DataObject):
    blob = bytearray(batch(presses=data.draw(st.integers(0, 3))).SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(blob) - 1))
        how = data.draw(st.integers(0, 2))
        if how == 0:
            blob[at] = data.draw(st.integers(0, 255))
        elif how == 1:
            del blob[at : at + data.draw(st.integers(1, 9))]
        else:
            blob[at:at] = data.draw(st.binary(min_size=1, max_size=9))
        if not blob:
            break
    try:
        theirs = expected(bytes(blob))
    except (DecodeError, ColumnsError):
        theirs = None
    try:
        ours = read_frame(bytes(blob))
    except ValueError:
        return  # groups, which protobuf skips, are refused as well
    assert ours == theirs


def test_what_is_no_frame_is_refused_by_name():
    with pytest.raises(ValueError, match="BehaviorBatch"):
        read_frame(batch().SerializeToString()[:-1])
    with pytest.raises(ColumnsError):
        read_frame(BehaviorBatch(tenant_id="acme", columns=b"x").SerializeToString())
    crowded = BehaviorBatch(strings=["x"] * 1_001)
    with pytest.raises(ValueError, match="more targets or strings"):
        read_frame(crowded.SerializeToString())
