"""What a worker remembers of a stream across its connections."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol


class AckSink(Protocol):
    """Whoever tells the client that its messages are safe."""

    def acknowledged(self, seq: int) -> None:
        """Everything up to `seq` is in the log."""
        ...


@dataclass(slots=True)
class StreamRecord:
    """One page instance. Outlives its connection, so that a resume needs no guessing."""

    offset_ms: float | None = None
    """Server clock minus client clock, fixed by the first hello of the stream."""
    accepted: int = 0
    """Last seq handed to the log writer; 0: none yet."""
    acked: int = 0
    """Last seq that the log has."""
    front_at_ms: float | None = None
    """When its page last came to the front; 0: it is behind others; None: it never said."""
    connection: AckSink | None = field(default=None, repr=False)

    def appended(self, seq: int) -> None:
        """Note that the log has everything up to `seq`, and tell the client."""
        if seq > self.acked:
            self.acked = seq
            if self.connection is not None:
                self.connection.acknowledged(seq)


class StreamMemory:
    """The streams seen last, by (tenant, session, stream)."""

    def __init__(self, capacity: int = 50_000) -> None:
        self._records: OrderedDict[tuple[str, str, str], StreamRecord] = OrderedDict()
        self._capacity = capacity

    def record(self, tenant: str, session: str, stream: str) -> StreamRecord:
        """The stream's record, made if it is new; unconnected ones fall out first come."""
        key = (tenant, session, stream)
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = StreamRecord()
            if len(self._records) > self._capacity:
                self._records.popitem(last=False)
        else:
            self._records.move_to_end(key)
        return record
