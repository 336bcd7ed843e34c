"""Serialized batches say what their parts say, however they are mixed, cut, crowded or damaged."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch, Target

from hotpath.columns import ColumnsError, from_wire
from hotpath.detector import Detector, Emission
from tests import visits

T0 = 1_700_000_000_000
TABLE = {1: ("button#buy", 1 << 1), 2: ("größe", 1 << 2)}


class Said(NamedTuple):
    """What a detector has to say for itself."""

    emissions: list[Emission]
    wakes: list[tuple[str, str, str, int]]
    counters: dict[str, int]
    streams: int


def _apply(detector: Detector, blob: bytes) -> str:
    """Take a batch apart and apply the parts; return why it is refused, if it is."""
    b = BehaviorBatch.FromString(blob)
    try:
        detector.apply(
            b.tenant_id, b.session_id, b.stream_id, b.seq, b.t0_ms, min(b.pointer, 255), b.page,
            b.columns, [(t.descriptor, t.flags) for t in b.targets], b.strings,
        )  # fmt: skip
    except ColumnsError as error:
        return str(error)
    return ""


def _said(detector: Detector) -> Said:
    return Said(detector.drain(), detector.wakes(), detector.counters, len(detector))


@pytest.mark.parametrize("capacity", [4096, 5])
@pytest.mark.parametrize("together", [1, 2, 7, 50, 100_000])
def test_serialized_batches_say_what_their_parts_say(capacity: int, together: int) -> None:
    whole, parts = Detector(capacity), Detector(capacity)
    blobs = visits.mixed(visits.labelled())
    for detector in (whole, parts):
        detector.configure("t1", {"rage": 70}, ["button#save"])
    for start in range(0, len(blobs), together):
        assert whole.apply_encoded(blobs[start : start + together]) == []
    for blob in blobs:
        assert _apply(parts, blob) == ""
    assert _said(whole) == _said(parts)


def test_what_is_refused_is_named_and_changes_nothing() -> None:
    c = from_wire([[3, 0, 1, 1, 1]], TABLE)
    good = BehaviorBatch(
        tenant_id="t", session_id="s", stream_id="p", seq=1, t0_ms=T0, columns=c.blob,
        targets=[Target(descriptor=d, flags=f) for d, f in c.targets],
    )  # fmt: skip
    blob = good.SerializeToString()
    crowded = BehaviorBatch(session_id="other", targets=[Target()] * 5000).SerializeToString()
    stray = BehaviorBatch(session_id="xx", t0_ms=T0, columns=c.blob, targets=good.targets)
    latin = stray.SerializeToString().replace(b"xx", b"\xe9\xe9")
    detector = Detector()
    refused = detector.apply_encoded([blob[:-1], crowded, blob, latin, b"\x07", b""])
    assert [place for place, _ in refused] == [0, 1, 3, 4, 5]
    reasons = [reason for _, reason in refused]
    assert reasons[0] == reasons[3] == "not a BehaviorBatch"
    assert "more targets" in reasons[1]
    assert "not UTF-8" in reasons[2]
    assert "shorter than its header" in reasons[4]
    assert (len(detector), detector.counters["batches"]) == (1, 1)


def _varint(number: int, size: int) -> bytes:
    """Return a number in so many bytes, more than it needs."""
    return bytes(
        number >> 7 * i & 0x7F | (0x80 if i + 1 < size else 0) for i in range(size)
    )  # fmt: skip


@pytest.mark.parametrize("after", [b"", bytes([0x60, 0x01]), bytes([0x62, 0x09]) + bytes(9)])
@pytest.mark.parametrize("size", range(1, 13))
def test_numbers_of_every_length_are_read_as_protobuf_reads_them(size: int, after: bytes) -> None:
    head = BehaviorBatch(session_id="s", seq=7).SerializeToString()
    for number in (0, 1, (1 << 7 * min(size, 9)) - 1, 1 << 7 * min(size - 1, 8), T0, (1 << 64) - 1):
        blob = head + b"\x28" + _varint(number, size) + after
        refused = Detector().apply_encoded([blob])
        try:
            why = _apply(Detector(), blob)
        except DecodeError:
            why = "not a BehaviorBatch"
        assert refused == [(0, why)]


def test_only_bytes_are_taken() -> None:
    detector = Detector()
    with pytest.raises(TypeError, match="list of bytes"):
        detector.apply_encoded([b"", "text"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    assert detector.counters["batches"] == 0


@st.composite
def _damaged(draw: st.DrawFn) -> list[bytes]:
    """Batches some of whose bytes are other bytes, or gone, or twice there."""
    blobs: list[bytes] = []
    for seq in range(1, draw(st.integers(1, 5)) + 1):
        presses = draw(st.integers(0, 4))
        events: list[list[object]] = [[3, 90, 5, 5, 1 + i % 2] for i in range(presses)]
        c = from_wire([*events, [21, 1, "x"]], TABLE)
        blob = bytearray(
            BehaviorBatch(
                tenant_id="tenant", session_id=draw(st.sampled_from(["s", "ß" * 9, ""])),
                stream_id="p", seq=seq, t0_ms=T0 + 1000 * seq, page="/shop", columns=c.blob,
                pointer=draw(st.sampled_from([0, 1, 1 << 31])), strings=c.strings,
                targets=[Target(descriptor=d, flags=f) for d, f in c.targets],
            ).SerializeToString()
        )  # fmt: skip
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(blob) - 1))
            how = draw(st.integers(0, 3))
            if how == 0:
                blob[at] = draw(st.integers(0, 255))
            elif how == 1:
                del blob[at : at + draw(st.integers(1, 9))]
            elif how == 2:
                blob[at:at] = draw(st.binary(min_size=1, max_size=9))
            else:
                blob += blob[at:]
            if not blob:
                break
        blobs.append(bytes(blob))
    return blobs


@settings(deadline=None)
@given(_damaged())
def test_damaged_batches_are_read_as_protobuf_reads_them(blobs: list[bytes]) -> None:
    whole, parts = Detector(), Detector()
    for blob in blobs:
        refused = whole.apply_encoded([blob])
        try:
            why = _apply(parts, blob)
        except DecodeError:
            if refused:
                continue
            return  # what is wrong with it is where nobody looks: a string that is not UTF-8
        if refused == [(0, "not a BehaviorBatch")]:
            assert any(byte & 7 in (3, 4) for byte in blob), "protobuf reads it, without groups"
            return
        assert bool(refused) == bool(why), (refused, why)
        first, second = _said(whole), _said(parts)
        assert first.emissions == second.emissions
        assert first.counters == second.counters
