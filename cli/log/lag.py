"""How far each reader of each topic is behind."""

from __future__ import annotations

from typing import NamedTuple

from services.common.log import TOPICS, EventLog
from services.pipeline.trimmer import EXPECTED_GROUPS


class Lag(NamedTuple):
    """One reader of one topic."""

    topic: str
    group: str
    entries: int
    """Not read yet, over all partitions."""
    worst: int
    """Of them, in the partition that is furthest behind."""
    started: bool
    """Whether it ever committed: the log is not trimmed before every expected reader has."""


async def lags(log: EventLog) -> list[Lag]:
    """Every reader that there is or should be.

    Raises:
        LogUnavailable: the log is away.
    """
    found: list[Lag] = []
    for topic in TOPICS:
        groups = await log.groups(topic)
        # Places first: entries that come meanwhile count as unread, never as less than none.
        places = {
            group: await log.committed(group, topic)
            for group in sorted({*groups, *EXPECTED_GROUPS[topic]})
        }
        ends = await log.ends(topic)
        for group, place in places.items():
            behind = [max(0, end - place.get(partition, 0)) for partition, end in ends.items()]
            found.append(Lag(topic, group, sum(behind), max(behind), group in groups))
    return found
