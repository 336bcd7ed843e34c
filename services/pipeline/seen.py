"""What a sink has taken already, so that a message repeated in the log is one row.

Each memory also learns from rows that were stored before this process began.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify

from services.common.dedupe import Dedupe
from services.pipeline.decode import Frame

M_contra = TypeVar("M_contra", contravariant=True)
M = TypeVar("M")


class Seen(Protocol[M_contra]):
    """A memory of messages."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What `recall` needs of the rows."""
        ...

    def is_new(self, message: M_contra) -> bool:
        """Tell whether the message is the first of its kind, and remember it."""
        ...

    def recall(self, rows: Any, *, all_known: bool) -> None:
        """Remember an Arrow table of stored rows; `all_known`: there are no rows before those that
        are told."""
        ...


class _SeenSequence:
    columns: tuple[str, ...] = ("tenant_id", "session_id", "stream_id", "seq")

    def __init__(self) -> None:
        self._dedupe = Dedupe()

    def recall(self, rows: Any, *, all_known: bool) -> None:
        streams = rows.group_by(list(self.columns[:3])).aggregate([("seq", "distinct")])
        for row in streams.to_pylist():
            key = (row["tenant_id"], row["session_id"], row["stream_id"])
            self._dedupe.recall(*key, row["seq_distinct"], all_known=all_known)


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

    def recall(self, rows: Any, *, all_known: bool) -> None:
        for row in rows.to_pylist():
            self._add(tuple(row[column] for column in self.columns))

    def _add(self, key: tuple[Any, ...]) -> bool:
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return True
