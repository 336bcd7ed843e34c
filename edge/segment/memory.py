"""Messages taken lately: one that comes again is not written again.

Bounded, and lost with the worker. Beyond it the log's readers drop the repeat: a message is a
stream of its own, `segment.` and a hash of its id, of which seq 1 counts once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from edge.streams import StreamRecord

CAPACITY = 100_000


class Receipt:
    """Tells when the log has everything that one request brought."""

    def __init__(self) -> None:
        self.record = StreamRecord(connection=self)
        self._done = asyncio.Event()

    def acknowledged(self, seq: int) -> None:
        """The log has the first `seq` records."""
        if seq >= self.record.accepted:
            self._done.set()

    async def wait(self) -> None:
        """Wait until the log has all of it."""
        if self.record.acked < self.record.accepted:
            await self._done.wait()


class Memory:
    """Who brought which message, the last ones."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._receipts: OrderedDict[tuple[str, str], Receipt] = OrderedDict()
        self._capacity = capacity

    def find(self, tenant: str, stream: str) -> Receipt | None:
        """The request that brought it first; None: it is new, or long ago."""
        return self._receipts.get((tenant, stream))

    def keep(self, tenant: str, stream: str, receipt: Receipt) -> None:
        """Remember a message."""
        self._receipts[tenant, stream] = receipt
        if len(self._receipts) > self._capacity:
            self._receipts.popitem(last=False)
