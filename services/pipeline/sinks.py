"""The two readers of every topic: one fills analytics, one the archive.

They are separate groups of the log, so that either may be away or behind without the other. Both
apply a batch whole before the consumer commits it, and take a message that the log repeats once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from services.common import logs
from services.common.consumer import Delivery
from services.pipeline.analytics import Analytics, AnalyticsError, Daily
from services.pipeline.archive import (
    Archive,
    ArchiveError,
    ArchiveUnavailable,
    Missing,
    Roll,
    Superseded,
)
from services.pipeline.recalling import Recalled, from_analytics, from_archive
from services.pipeline.seen import Seen
from services.pipeline.split import split_by_hour
from services.pipeline.threads import in_thread
from services.pipeline.topics import Topic

M = TypeVar("M")
T = TypeVar("T")
_log = logs.get(__name__)
_RETRY_S = (0.1, 0.5, 1.0, 2.0, 5.0)


def wall_ms() -> int:
    """Unix epoch in milliseconds."""
    return time.time_ns() // 1_000_000


async def _patiently(
    what: str,
    call: Callable[[], Awaitable[T]],
    errors: tuple[type[Exception], ...] = (AnalyticsError, ArchiveError),
) -> T:
    """Try until it works. Not left to the consumer, whose retry would call the handler again and
    find every message of the batch already seen.

    Raises:
        Superseded: to try again would be refused again; the process starts over from what the
            other has written.
    """
    attempt = 0
    while True:
        try:
            return await call()
        except Superseded:
            raise
        except errors as error:
            pause = _RETRY_S[min(attempt, len(_RETRY_S) - 1)]
            attempt += 1
            _log.warning("storing failed, will retry", what=what, pause_s=pause, error=str(error))
            await asyncio.sleep(pause)


def _remember(seen: Seen[Any], recalled: Recalled) -> None:
    for table in reversed(recalled.tables):  # the memory keeps what it was told last
        seen.recall(table, all_known=recalled.all_known)


class AnalyticsSink(Generic[M]):
    """Inserts a topic's messages into its table."""

    def __init__(self, topic: Topic[M], analytics: Analytics, daily: Daily | None = None) -> None:
        self._topic = topic
        self._analytics = analytics
        self._daily = daily
        self._seen = topic.seen()
        self.rows = 0
        self.duplicates = 0

    @property
    def topic(self) -> str:
        """The topic's name."""
        return self._topic.name

    async def recover(self, committed: Mapping[int, int]) -> None:
        """Take up what the last process had seen, so that the first of what the log repeats stays.

        A repeated row would replace the one that is there, and its time may be another, which the
        archive does not have. `committed` is what this group has committed to the log.
        """
        table, columns = self._topic.table, self._seen.columns
        recalled = await _patiently(
            table,
            lambda: from_analytics(self._analytics, table, columns, committed, wall_ms()),
        )
        await in_thread(_remember, self._seen, recalled)

    async def handle(self, deliveries: list[Delivery[M]]) -> None:
        """Store a batch as one block."""
        fresh = [item for item in deliveries if self._seen.is_new(item.message)]
        self.duplicates += len(deliveries) - len(fresh)
        if not fresh:
            return
        rows = await asyncio.to_thread(self._topic.rows, fresh, wall_ms())
        if rows.num_rows:
            table = self._topic.table
            await _patiently(table, lambda: self._analytics.insert(table, rows))
            if self._daily is not None:
                self._daily.touch(table, rows)
            self.rows += rows.num_rows


class ArchiveSink(Generic[M]):
    """Adds a topic's messages to the archive, one roll a batch."""

    def __init__(self, topic: Topic[M], archive: Archive) -> None:
        self._topic = topic
        self._archive = archive
        self._seen = topic.seen()
        self._roll: Roll | None = None
        self.rows = 0
        self.duplicates = 0

    @property
    def topic(self) -> str:
        """The topic's name."""
        return self._topic.name

    async def recover(self, ends: Mapping[int, int]) -> None:
        """Take up where the last process stopped: its place, and what it had seen.

        `ends` are the topic's last offsets in the log. Waits for an archive that is away.
        """
        name = self._topic.name
        roll = await _patiently(
            f"{name} archive",
            lambda: in_thread(self._archive.recover, name),
            (ArchiveUnavailable,),
        )
        if roll and any(offset > ends.get(key, 0) for key, offset in roll.through.items()):
            # Offsets mean nothing in another log; what was archived stays known by its ids.
            _log.warning("the log is younger than the archive", topic=self._topic.name)
            roll = replace(roll, through={})
        self._roll = roll
        # A compaction may forget a roll meanwhile: then its rows are in a day.
        recalled = await _patiently(
            f"{name} archive",
            lambda: in_thread(
                from_archive, self._archive, name, self._seen.columns, self._seen.reduced, wall_ms()
            ),
            (ArchiveUnavailable, Missing),
        )
        await in_thread(_remember, self._seen, recalled)
        if recalled.tables:
            _log.info("archive resumed", topic=name, recalled_rows=recalled.rows)

    async def handle(self, deliveries: list[Delivery[M]]) -> None:
        """Store a batch as one roll."""
        archived: Mapping[int, int] = self._roll.through if self._roll else {}
        waiting = [item for item in deliveries if item.offset > archived.get(item.partition, 0)]
        fresh = [item for item in waiting if self._seen.is_new(item.message)]
        self.duplicates += len(deliveries) - len(fresh)
        if not fresh:
            return
        rows = await asyncio.to_thread(self._topic.rows, fresh, wall_ms())
        if not rows.num_rows:
            return
        through: dict[int, int] = {}
        for item in waiting:
            through[item.partition] = max(through.get(item.partition, 0), item.offset)
        previous = self._roll
        number = previous.number + 1 if previous else 1
        files = await asyncio.to_thread(split_by_hour, rows, self._topic.order, number)
        self._roll = await _patiently(
            f"{self._topic.name} archive",
            lambda: in_thread(self._archive.write, self._topic.name, files, through, previous),
        )
        self.rows += rows.num_rows
