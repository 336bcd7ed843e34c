# pyright: reportPrivateUsage=false
"""Defects made on purpose, to see that the simulation finds them.

Each breaks the product in one place, as a slip of the pen would.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest import mock

from sentientiq.detection.v1.detection_service_pb2 import Wake

import services.common.ownership
from edge.session import Session
from edge.streams import StreamMemory, StreamRecord
from edge.ticks import Ticker
from edge.writer import LogWriter
from services.common.dedupe import Dedupe
from services.detection.fold import Fold
from services.detection.snapshots import Snapshot, SnapshotStore

Defect = Callable[[], AbstractContextManager[None]]


@contextmanager
def acks_before_the_append() -> Generator[None]:
    """A message is acknowledged as soon as it is queued."""
    put = LogWriter.put

    def eager(self: LogWriter, *args: Any, seq: int, stream: StreamRecord, **rest: Any) -> None:
        put(self, *args, seq=seq, stream=stream, **rest)
        stream.appended(seq)

    with mock.patch.object(LogWriter, "put", eager):
        yield


@contextmanager
def resumes_from_what_was_accepted() -> Generator[None]:
    """A welcome promises what the worker took, not what the log has."""
    record = StreamMemory.record

    def generous(self: StreamMemory, *key: str) -> StreamRecord:
        found = record(self, *key)
        found.acked = found.accepted
        return found

    with mock.patch.object(StreamMemory, "record", generous):
        yield


@contextmanager
def epochs_fall() -> Generator[None]:
    """An emptied store grants the caller what it says it holds."""
    with _script("math.max(held + 1, now_us)", "held > 0 and held or now_us"):
        yield


@contextmanager
def _script(old: str, new: str) -> Generator[None]:
    script = services.common.ownership._ACQUIRE
    assert old in script
    with mock.patch.object(services.common.ownership, "_ACQUIRE", script.replace(old, new)):
        yield


@contextmanager
def folds_skip_gaps() -> Generator[None]:
    """An entry is applied although the one before it has not come."""
    offer = Fold.offer

    def hasty(self: Fold, offset: int, batches: Any, now: float) -> None:
        if self.live and offset > self.applied:
            self.applied = offset - 1
        offer(self, offset, batches, now)

    with mock.patch.object(Fold, "offer", hasty):
        yield


@contextmanager
def snapshots_claim_too_much() -> Generator[None]:
    """A snapshot says that it covers an entry more than it does."""
    save = SnapshotStore.save

    async def boastful(self: SnapshotStore, partition: int, snapshot: Snapshot) -> None:
        await save(self, partition, Snapshot(snapshot.offset + 1, snapshot.state))

    with mock.patch.object(SnapshotStore, "save", boastful):
        yield


@contextmanager
def takeovers_keep_the_epoch() -> Generator[None]:
    """A new holder is granted its predecessor's epoch."""
    with _script("math.max(tonumber(last_epoch) + 1, epoch)", "tonumber(last_epoch)"):
        yield


@contextmanager
def stale_workers_know_better() -> Generator[None]:
    """A worker that missed the last of a stream does not take the page's word for it."""
    expects = Session._next

    def stubborn(self: Session, seq: int) -> Any:
        self._numbered = self.record.accepted > 0
        return expects(self, seq)

    with mock.patch.object(Session, "_next", stubborn):
        yield


@contextmanager
def a_stream_has_one_tick_at_a_time() -> Generator[None]:
    """A timer that is named while another of its stream is pending is not noted."""
    ask = Ticker.ask

    def busy(self: Ticker, wakes: Iterable[Wake]) -> None:
        noted: Any = self
        pending = set(noted._asked)
        ask(self, [w for w in wakes if (w.tenant_id, w.session_id, w.stream_id) not in pending])

    with mock.patch.object(Ticker, "ask", busy):
        yield


@contextmanager
def duplicates_count() -> Generator[None]:
    """What was appended twice is counted twice."""

    def gullible(self: Dedupe, *message: Any) -> bool:
        return True

    with mock.patch.object(Dedupe, "is_new", gullible):
        yield


DEFECTS: Mapping[str, tuple[Defect, str]] = {
    defect.__name__: (defect, trace)
    for defect, trace in (
        (acks_before_the_append, "not in the log"),
        (resumes_from_what_was_accepted, "not in the log"),
        (epochs_fall, "the epoch of"),
        (folds_skip_gaps, "undisturbed"),
        (snapshots_claim_too_much, "undisturbed"),
        (takeovers_keep_the_epoch, "two holders"),
        (stale_workers_know_better, "closed with 4400"),
        (a_stream_has_one_tick_at_a_time, "is forgotten"),
        (duplicates_count, "counts"),
    )
}
"""Each with words of the violation that gives it away."""
