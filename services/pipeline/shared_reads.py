"""One read of the log for all readers of a topic.

Analytics and archive want the same entries, mostly within the same tenth of a second, and decoding
costs them as much as what they do with it: whoever comes second finds what the first has read.
A reader that is behind, or alone, reads from the log as if there were no other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from services.common.log import Entry, EventLog


class _Window:
    """The newest entries of a partition that anybody has read; none is missing between them."""

    __slots__ = ("end", "entries", "floor")

    def __init__(self, floor: int) -> None:
        self.floor = self.end = floor
        self.entries: deque[Entry] = deque()

    def add(self, entry: Entry, most: int) -> None:
        self.entries.append(entry)
        self.end = entry.offset
        if len(self.entries) > most:
            self.floor = self.entries.popleft().offset

    def after(self, offset: int, limit: int) -> list[Entry]:
        return [entry for entry in self.entries if entry.offset > offset][:limit]


class SharedReads:
    """Of one topic. `most` entries of a partition stay for whoever comes next."""

    def __init__(self, log: EventLog, topic: str, *, most: int = 64) -> None:
        self._log = log
        self._topic = topic
        self._most = most
        self._windows: dict[int, _Window] = {}

    async def read(
        self, after: Mapping[int, int], *, limit: int, block_ms: int | None
    ) -> list[Entry]:
        """As `EventLog.read`, of the topic.

        Raises:
            LogUnavailable: what was not read yet cannot be.
        """
        if found := self._known(after, limit):
            return found
        entries = await self._log.read(self._topic, after, limit=limit, block_ms=block_ms)
        for partition, offset in after.items():
            window = self._windows.get(partition)
            if window is None or window.end < offset:
                self._windows[partition] = _Window(offset)
        # Another reader may have been here meanwhile: an entry is taken once, where it fits.
        place = dict(after)
        for entry in entries:
            window = self._windows[entry.partition]
            if window.end == place[entry.partition]:
                window.add(entry, self._most)
            place[entry.partition] = entry.offset
        return entries

    def _known(self, after: Mapping[int, int], limit: int) -> list[Entry]:
        """What follows in memory; nothing, if any partition has to be asked of the log."""
        found: list[Entry] = []
        for partition, offset in after.items():
            window = self._windows.get(partition)
            if window is None or offset < window.floor:
                return []
            if offset < window.end:
                found += window.after(offset, limit)
        return found
