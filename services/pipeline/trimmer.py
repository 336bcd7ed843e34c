"""Trim the log behind its slowest reader, and say how full it is.

A topic is left alone until every group that must read it has committed once: a reader that has not
started yet must find everything. What all have read stays until the next trim, for those who follow
the log without a group: tails, and whoever checks what was acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from google.protobuf.message import DecodeError
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch

from services.common import logs
from services.common.log import (
    BEHAVIOR,
    DECISION,
    EMOTION,
    IDENTITY,
    OUTCOME,
    Entry,
    EventLog,
    LogUnavailable,
)

_log = logs.get(__name__)
_FULL = 0.8  # above this the edge stops acknowledging (docs/contracts.md)
# Above this nothing is kept that every reader has, and detection's snapshots, are through with.
_TIGHT = 0.6
_OWN = ("analytics", "archive")

# The readers of docs/contracts.md, 4.7, by the names of their groups.
EXPECTED_GROUPS: Mapping[str, frozenset[str]] = {
    BEHAVIOR: frozenset({*_OWN, "detection"}),
    IDENTITY: frozenset({*_OWN, "identity"}),
    EMOTION: frozenset({*_OWN, "intervention"}),
    DECISION: frozenset({*_OWN, "accountability", "intervention-threads"}),
    OUTCOME: frozenset({*_OWN, "accountability", "intervention-shown", "intervention-observed"}),
}


class Trimmer:
    """Trims all topics when told to. `fullness` is the log's, 0 to 1, as of the last trim."""

    def __init__(
        self, log: EventLog, *, keep_behavior_s: float, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._log = log
        self._keep_behavior_ns = round(keep_behavior_s * 1e9)
        self._now_ns = now_ns
        self._passed: dict[str, dict[int, int]] = {}
        """What every reader had read at the last trim, by topic and partition."""
        self._trimmed: dict[str, dict[int, int]] = {topic: {} for topic in EXPECTED_GROUPS}
        self.fullness = 0.0
        self.entries = 0
        self.lag = {
            (topic, group): 0 for topic, groups in EXPECTED_GROUPS.items() for group in groups
        }
        """Entries that a group has not committed, by topic and group, as of the last trim."""

    async def trim(self) -> None:
        """Trim every topic once."""
        before = self.entries
        for topic in EXPECTED_GROUPS:
            through = await self._through(topic)
            passed, self._passed[topic] = self._passed.get(topic, {}), through
            if through and self.fullness <= _TIGHT:
                if topic == BEHAVIOR:
                    through = await self._older_than_kept(through)
                else:
                    through = passed
            known = self._trimmed[topic]
            further = {key: end for key, end in through.items() if end > known.get(key, 0)}
            if further:
                self.entries += await self._log.trim(topic, further)
                known.update(further)
        self.fullness = await self._log.fullness()
        if self.entries > before:
            _log.info(
                "log trimmed", entries=self.entries - before, fullness=round(self.fullness, 3)
            )
        if self.fullness > _FULL:
            _log.warning(
                "the log is filling up: a reader is behind, or maxmemory is too small",
                fullness=round(self.fullness, 3),
            )

    async def _through(self, topic: str) -> dict[int, int]:
        groups = await self._log.groups(topic)
        places = {group: await self._log.committed(group, topic) for group in groups}
        # After the places: what comes in between counts as not read, never as less than nothing.
        ends = await self._log.ends(topic)
        for group, place in places.items():
            self.lag[topic, group] = sum(
                max(0, end - place.get(key, 0)) for key, end in ends.items()
            )
        if not EXPECTED_GROUPS[topic].issubset(groups):
            return {}
        return {
            partition: slowest
            for partition in ends
            if (slowest := min(place.get(partition, 0) for place in places.values())) > 0
        }

    async def _older_than_kept(self, through: Mapping[int, int]) -> dict[int, int]:
        """The last offset of each partition that is older than what must stay, by bisection.

        Entries tell their age themselves, so nothing has to be remembered over a restart. All
        partitions take a step together: one round trip.
        """
        cutoff_ns = self._now_ns() - self._keep_behavior_ns
        known = self._trimmed[BEHAVIOR]
        low = {partition: known.get(partition, 0) for partition in through}  # old, or gone
        high = {partition: end + 1 for partition, end in through.items()}  # not known to be old
        while middles := {
            key: (low[key] + high[key]) // 2 for key in low if high[key] - low[key] > 1
        }:
            found = {
                entry.partition: entry
                for entry in await self._log.read(
                    BEHAVIOR, {key: middle - 1 for key, middle in middles.items()}, limit=1
                )
            }
            for partition, middle in middles.items():
                entry = found.get(partition)
                # An entry behind the middle means that the middle itself is gone: old.
                if entry is not None and (
                    entry.offset > middle or _received_at_ns(entry) < cutoff_ns
                ):
                    low[partition] = middle
                else:
                    high[partition] = middle
        return low


def _received_at_ns(entry: Entry) -> int:
    """When the edge received what the entry holds; unreadable ones are of no age."""
    newest = 0
    for record in entry.records:
        try:
            batch = BehaviorBatch.FromString(record.value)
        except DecodeError:
            continue
        newest = max(newest, batch.received_at_ns or batch.t0_ms * 1_000_000)
    return newest


async def run_trimmer(trimmer: Trimmer, interval_s: float) -> None:
    """Trim until cancelled."""
    while True:
        try:
            await trimmer.trim()
        except LogUnavailable as error:
            _log.warning("trimming waits for the log", error=str(error))
        await asyncio.sleep(interval_s)
