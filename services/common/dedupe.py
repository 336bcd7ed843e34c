"""The one deduplication of everything that the edge appends.

The edge may append a frame twice: the client resends what was never acknowledged, and the ack may
be what was lost. Within a stream `seq` only grows, so one number a stream is enough.
"""

from __future__ import annotations

from collections import OrderedDict

ONE_MESSAGE = "segment."
"""How streams of a single message begin (docs/segment.md). They come by the thousand and have a
memory to themselves, so that they push no page's stream out."""


class Dedupe:
    """Remembers the highest `seq` of each stream, for the `capacity` streams seen last."""

    def __init__(self, capacity: int = 100_000) -> None:
        self._seen: OrderedDict[tuple[str, str, str], int] = OrderedDict()
        self._once: OrderedDict[tuple[str, str, str], int] = OrderedDict()
        self._capacity = capacity
        self.duplicates = 0

    def is_new(self, tenant: str, session: str, stream: str, seq: int) -> bool:
        """Tell whether the message is the first of its seq, and remember it.

        seq 0 marks what no client sent (clock ticks): always new.
        """
        if seq == 0:
            return True
        key = (tenant, session, stream)
        seen = self._once if stream.startswith(ONE_MESSAGE) else self._seen
        last = seen.get(key, 0)
        if seq <= last:
            self.duplicates += 1
            return False
        seen[key] = seq
        seen.move_to_end(key)
        if len(seen) > self._capacity:
            seen.popitem(last=False)
        return True
