"""What a sink has taken already, so that a message repeated in the log is one row.

Each memory also learns from rows that were stored before this process began.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify

from services.common.dedupe import Dedupe
from services.pipeline.arrow import compute
from services.pipeline.decode import Frame

# Rows that are Python objects at the same time.
_AT_ONCE = 10_000
M_contra = TypeVar("M_contra", contravariant=True)
M = TypeVar("M")


class Seen(Protocol[M_contra]):
    """A memory of messages."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What `reduced` needs of the rows."""
        ...

    def reduced(self, rows: Any) -> Any:
        """What `recall` takes of an Arrow table of stored rows: far less than all of it."""
        ...

    def is_new(self, message: M_contra) -> bool:
        """Tell whether the message is the first of its kind, and remember it."""
        ...

    def recall(self, reduced: Any, *, all_known: bool) -> None:
        """Remember stored rows; `all_known`: there are no rows before those that are told."""
        ...


class _SeenSequence:
    columns: tuple[str, ...] = ("tenant_id", "session_id", "stream_id", "seq")

    def __init__(self) -> None:
        self._dedupe = Dedupe()

    def reduced(self, rows: Any) -> Any:
        """A row a stream, with a list of what it has of `seq`."""
        rows = rows.filter(compute.not_equal(rows["seq"], 0))
        return rows.group_by(list(self.columns[:3])).aggregate([("seq", "distinct")])

    def recall(self, reduced: Any, *, all_known: bool) -> None:
        for batch in reduced.to_batches(_AT_ONCE):
            streams = zip(*(batch[name].to_pylist() for name in self.columns[:3]), strict=True)
            lists = batch["seq_distinct"]
            numbers = lists.values.to_numpy(zero_copy_only=False)
            offsets = lists.offsets.to_pylist()
            for (tenant, session, stream), (first, end) in zip(
                streams, pairwise(offsets), strict=True
            ):
                # Numbers of one stream at a time: a batch may have hundreds of each.
                seqs = numbers[first:end].tolist()
                self._dedupe.recall(tenant, session, stream, seqs, all_known=all_known)


class SeenFrames(_SeenSequence):
    """Frames, by stream and seq."""

    def is_new(self, message: Frame) -> bool:
        tenant_id, session_id, stream_id, seq, *_ = message
        return self._dedupe.is_new(tenant_id, session_id, stream_id, seq)


class SeenIdentifies(_SeenSequence):
    """Identifies, by stream and seq."""

    def is_new(self, message: SealedIdentify) -> bool:
        return self._dedupe.is_new(
            message.tenant_id, message.session_id, message.stream_id, message.seq
        )


class SeenIds(Generic[M]):
    """Messages that carry an id, the last `capacity` of them."""

    def __init__(
        self, columns: tuple[str, ...], key: Callable[[M], tuple[Any, ...]], capacity: int = 100_000
    ) -> None:
        self.columns = columns
        self._key = key
        self._capacity = capacity
        self._seen: OrderedDict[tuple[Any, ...], None] = OrderedDict()

    def is_new(self, message: M) -> bool:
        return self._add(self._key(message))

    def reduced(self, rows: Any) -> Any:
        """As it is."""
        return rows

    def recall(self, reduced: Any, *, all_known: bool) -> None:
        for batch in reduced.to_batches(_AT_ONCE):
            for row in batch.to_pylist():
                self._add(tuple(row[column] for column in self.columns))

    def _add(self, key: tuple[Any, ...]) -> bool:
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return True
