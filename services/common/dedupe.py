"""The one deduplication of everything that the edge appends.

The edge may append a frame twice: the client resends what was never acknowledged, and the ack may
be what was lost. Within a stream `seq` grows, but not without gaps: a stream's messages are spread
over topics, and what could not be read comes back as a replayed dead letter when the stream has
long gone on. So what a stream has is one number, and the gaps below it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

ONE_MESSAGE = "segment."
"""How streams of a single message begin (docs/segment.md). They come by the thousand and have a
memory to themselves, so that they push no page's stream out."""
_MOST_GAPS = 64
"""Of a stream. With more of them the lowest counts as filled: better a letter that stays dead than
an effect that happens twice."""

Key = tuple[str, str, str]


class Dedupe:
    """Remembers which `seq` of each stream it was shown, for the `capacity` streams seen last."""

    def __init__(self, capacity: int = 100_000) -> None:
        self._highest: OrderedDict[Key, int] = OrderedDict()
        self._once: OrderedDict[Key, int] = OrderedDict()
        self._gaps: dict[Key, list[tuple[int, int]]] = {}
        """What is missing below the highest seq: first and last of each gap, ascending."""
        self._capacity = capacity
        self.duplicates = 0

    def is_new(self, tenant: str, session: str, stream: str, seq: int) -> bool:
        """Tell whether the message is the first of its seq, and remember it.

        seq 0 marks what no client sent (clock ticks): always new.
        """
        if seq == 0:
            return True
        key = (tenant, session, stream)
        seen = self._once if stream.startswith(ONE_MESSAGE) else self._highest
        last = seen.get(key, 0)
        if seq <= last:
            if self._fills(key, seq):
                return True
            self.duplicates += 1
            return False
        seen[key] = seq
        seen.move_to_end(key)
        if seq > last + 1:
            self._open(key, last + 1, seq - 1)
        if len(seen) > self._capacity:
            forgotten, _ = seen.popitem(last=False)
            self._gaps.pop(forgotten, None)
        return True

    def recall(
        self, tenant: str, session: str, stream: str, seqs: Iterable[int], *, all_known: bool
    ) -> None:
        """Remember what a stream had before this process began.

        Unless `all_known`, what lies below the lowest of a stream not known yet may have been seen
        as well, and counts as seen.
        """
        key = (tenant, session, stream)
        unknown = key not in self._highest and key not in self._once
        for seq in sorted(filter(None, seqs)):
            self.is_new(tenant, session, stream, seq)
            if unknown and not all_known:
                self._gaps.pop(key, None)
            unknown = False

    def _open(self, key: Key, first: int, last: int) -> None:
        gaps = self._gaps.setdefault(key, [])
        gaps.append((first, last))
        if len(gaps) > _MOST_GAPS:
            del gaps[0]

    def _fills(self, key: Key, seq: int) -> bool:
        """Whether the seq is missing; from now on it is not."""
        gaps = self._gaps.get(key, ())
        for place, (first, last) in enumerate(gaps):
            if first <= seq <= last:
                left = [gap for gap in ((first, seq - 1), (seq + 1, last)) if gap[0] <= gap[1]]
                self._gaps[key] = [*gaps[:place], *left, *gaps[place + 1 :]][-_MOST_GAPS:]
                if not self._gaps[key]:
                    del self._gaps[key]
                return True
        return False
