"""A partition's fold: the order of delivery changes nothing."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch, Target

from hotpath.columns import from_wire
from hotpath.detector import Detector, Emission
from services.detection.fold import Fold
from services.detection.snapshots import Snapshot, decode, encode

BUTTON = {1: ("button#pay", 2)}


def press(session: str, seq: int, at_ms: int) -> bytes:
    columns = from_wire([[3, 0, 100, 100, 1, 0, 1]], BUTTON)
    return BehaviorBatch(
        tenant_id="t",
        session_id=session,
        stream_id="p",
        seq=seq,
        t0_ms=1_700_000_000_000 + at_ms,
        page="/",
        count=1,
        columns=columns.blob,
        targets=[Target(descriptor=name, flags=flags) for name, flags in columns.targets],
        strings=columns.strings,
    ).SerializeToString()


ENTRIES = [
    (offset, [press("a" if offset % 2 else "b", offset, 130 * offset)]) for offset in range(1, 17)
]


def run(entries: list[tuple[int, list[bytes]]]) -> tuple[int, list[Emission]]:
    fold = Fold(0, 1, Detector(), live=True)
    emissions: list[Emission] = []
    for offset, batches in entries:
        fold.offer(offset, batches, now=0.0)
        emissions += fold.drain()
    return fold.applied, emissions


EXPECTED = run(ENTRIES)


def test_the_reference_run_is_not_empty():
    assert EXPECTED[0] == 16
    assert {emission.session for emission in EXPECTED[1]} == {"a", "b"}


@settings(max_examples=100)
@given(st.randoms(use_true_random=False), st.integers(0, 10))
def test_order_and_repetition_of_delivery_change_nothing(shuffle: random.Random, repeats: int):
    entries = ENTRIES + shuffle.choices(ENTRIES, k=repeats)
    shuffle.shuffle(entries)
    assert run(entries) == EXPECTED


@given(st.integers(0, 15))
def test_a_takeover_at_any_entry_says_the_same(cut: int):
    before = Fold(0, 1, Detector(), live=True)
    emissions: list[Emission] = []
    for offset, batches in ENTRIES[:cut]:
        before.offer(offset, batches, now=0.0)
        emissions += before.drain()
    snapshot = decode(encode(Snapshot(before.applied, before.detector.snapshot())))
    assert snapshot is not None
    after = Fold(0, 2, Detector(), applied=snapshot.offset)
    after.detector.restore(snapshot.state)
    for offset, batches in ENTRIES:  # the log's tail may start earlier than needed
        after.catch_up(offset, batches, now=0.0)
        emissions += after.drain()
    assert (after.applied, emissions) == EXPECTED


def test_nothing_is_applied_before_the_tail_is_replayed():
    fold = Fold(0, 1, Detector())
    fold.offer(*ENTRIES[0], now=0.0)
    assert fold.applied == 0


def test_a_gap_is_noticed_when_it_lasts():
    fold = Fold(0, 1, Detector(), live=True)
    fold.offer(*ENTRIES[1], now=10.0)
    assert not fold.gap(10.02, patience_s=0.05)
    assert fold.gap(10.06, patience_s=0.05)
    fold.offer(*ENTRIES[0], now=10.07)
    assert not fold.gap(11.0, patience_s=0.05)
    assert fold.applied == 2


def test_a_corrupt_batch_is_counted_and_the_partition_moves_on():
    fold = Fold(0, 1, Detector(), live=True)
    broken = BehaviorBatch.FromString(press("a", 1, 0))
    broken.columns = b"\xff" * 7
    fold.offer(1, [broken.SerializeToString(), b"no batch"], now=0.0)
    fold.offer(*ENTRIES[1], now=0.0)
    assert (fold.applied, fold.corrupt) == (2, 2)


def test_a_snapshot_of_another_version_is_no_snapshot():
    blob = encode(Snapshot(7, b"state"))
    assert decode(blob) == Snapshot(7, b"state")
    assert decode(b"\x63\x00" + blob[2:]) is None
    assert decode(b"") is None
