"""What NumPy reads of a batch's bytes, beside what the batch was made of."""

from __future__ import annotations

import numpy as np
import pytest
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch

from benchmarks.kernel import load, numpy_twin, numpy_wire
from hotpath.columns import from_wire
from hotpath.events import EventKind

_SEED = 5
_SESSIONS = 40


def _plan() -> tuple[list[bytes], dict[bytes, int]]:
    pool, names = load.batches(_SEED), load.names(_SESSIONS)
    order = np.random.default_rng(_SEED).permutation(_SESSIONS)
    rows = {numpy_wire.name_of(*name): row for row, name in enumerate(names)}
    return load.turn(pool, names, order, 3)[:_SESSIONS], rows


def test_reads_what_was_encoded() -> None:
    plan, rows = _plan()
    found = numpy_wire.read(plan, rows)
    wire = {from_wire(events, load.TARGETS).blob: events for events in load.wire_batches(_SEED)}
    for place, one in enumerate(map(BehaviorBatch.FromString, plan)):
        events = wire[one.columns]
        assert rows[numpy_wire.name_of(one.session_id, one.stream_id)] == found.who[place]
        assert found.t0[place] == one.t0_ms
        assert found.kind[place].tolist() == [event[0] for event in events]
        assert found.dt[place].tolist() == [event[1] for event in events]
        for event, a, b in zip(events, found.a[place], found.b[place], strict=True):
            if event[0] in (EventKind.POINTER_MOVE, EventKind.CLICK):
                assert [a, b] == event[2:4]


def test_counts_each_session_once_a_pass() -> None:
    plan, rows = _plan()
    kernel = numpy_twin.NumpyKernel(_SESSIONS)
    found = numpy_wire.read(plan, rows)
    kernel.run(found)
    ends = found.t0 + found.dt.sum(axis=1)
    assert kernel.clock[found.who].tolist() == ends.tolist()
    assert sorted(found.who.tolist()) == list(range(_SESSIONS))


@pytest.mark.parametrize("what", ["pointer", "sizes"])
def test_refuses_what_the_load_does_not_write(what: str) -> None:
    plan, rows = _plan()
    other = BehaviorBatch.FromString(plan[1])
    if what == "pointer":
        other.pointer = 1
    else:
        other.count = 9
    with pytest.raises(numpy_wire.WireError):
        numpy_wire.read([plan[0], other.SerializeToString()], rows)
