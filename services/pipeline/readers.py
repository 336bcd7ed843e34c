"""The readers of a topic: analytics and archive, side by side over one read of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

from services.common import logs
from services.common.consumer import Consumer
from services.common.log import EventLog, LogUnavailable
from services.pipeline.shared_reads import SharedReads
from services.pipeline.topics import Topic

_log = logs.get(__name__)
_RETRY_S = 0.5
# Entries of a block or roll at most: bounds its memory. Enough for an interval at ten thousand
# frames a second, since small blocks cost ClickHouse more by the row.
_MOST = 32_768
# Entries a partition and read, of which the log serves one at a time.
_LIMIT = 32

# Messages that are decoded once for both readers, which are some tenths of a second apart.
_DECODED = 8_192


async def ends_of(log: EventLog, topic: str) -> dict[int, int]:
    """Where a topic ends; waits for a log that is away, as readers do."""
    return await _patiently(topic, lambda: log.ends(topic))


async def place_of(log: EventLog, group: str, topic: str) -> dict[int, int]:
    """What a group has committed; waits likewise."""
    return await _patiently(topic, lambda: log.committed(group, topic))


async def _patiently(topic: str, ask: Callable[[], Awaitable[dict[int, int]]]) -> dict[int, int]:
    while True:
        try:
            return await ask()
        except LogUnavailable as error:
            _log.warning("log away, waiting", topic=topic, error=str(error))
            await asyncio.sleep(_RETRY_S)


def readers_of(
    log: EventLog, topic: Topic[Any], **readers: tuple[Any, float]
) -> list[Consumer[Any]]:
    """One a group; `readers` have a handler and the seconds between its batches."""
    read = SharedReads(log, topic.name).read
    decode = lru_cache(_DECODED)(topic.decode)
    return [
        Consumer(
            log,
            group=group,
            topic=topic.name,
            decode=decode,
            handle=handle,
            limit=_LIMIT,
            most=_MOST,
            linger_s=linger_s,
            read=read,
            # A sink waits by itself for a store that is away. Anything else is a defect, and what
            # it had marked as seen was not stored: the process starts over from its place.
            retryable=(),
        )
        for group, (handle, linger_s) in readers.items()
    ]
