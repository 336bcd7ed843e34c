"""What the log still has, as the archive should have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from cli.log.reading import entries, everything
from services.common.consumer import Delivery
from services.common.log import Entry, EventLog
from services.common.schema import schema_of, why_not_ours
from services.pipeline.archive import ArchiveFile
from services.pipeline.fingerprints import row_hashes
from services.pipeline.split import split_by_hour
from services.pipeline.topics import Topic

_AT_ONCE = 2_000
Hashes = NDArray[np.uint64]


@dataclass(slots=True)
class Logged:
    """A topic's rows that are still in the log, each message once."""

    ends: dict[int, int]
    first: dict[int, int] = field(default_factory=dict[int, int])
    """The oldest offset of each partition that has any."""
    records: int = 0
    rows: dict[tuple[str, str], list[Hashes]] = field(
        default_factory=dict[tuple[str, str], list[Hashes]]
    )
    """Their hashes, by tenant and hour."""

    def of(self, tenant: str, hour: str) -> Hashes:
        """The hashes of an hour's rows."""
        return np.concatenate([np.empty(0, np.uint64), *self.rows.get((tenant, hour), [])])

    def covers(self, table: Any) -> NDArray[np.bool_]:
        """Which rows of the archive must be in the log still."""
        partitions = np.asarray(table["log_partition"], np.int64)
        offsets = np.asarray(table["log_offset"], np.int64)
        first = np.full(256, np.iinfo(np.int64).max)
        last = np.zeros(256, np.int64)
        for partition, offset in self.first.items():
            first[partition], last[partition] = offset, self.ends[partition]
        return (offsets >= first[partitions]) & (offsets <= last[partitions])


async def logged(
    log: EventLog, topic: Topic[Any], tenant: str, say: Callable[[int], None]
) -> Logged:
    """Read a topic from what is oldest to where it ends now.

    Raises:
        LogUnavailable: the log is away.
    """
    found = Logged(await log.ends(topic.name))
    seen = topic.seen()
    waiting: list[Delivery[Any]] = []
    async for entry in entries(log, topic.name, everything()):
        found.first.setdefault(entry.partition, entry.offset)
        messages = _messages(topic, entry)
        waiting += [one for one in messages if seen.is_new(one.message)]
        found.records += len(entry.records)
        if len(waiting) >= _AT_ONCE:
            _add(found, topic, waiting, tenant)
            waiting = []
            say(found.records)
    if waiting:
        _add(found, topic, waiting, tenant)
    say(found.records)
    return found


def _messages(topic: Topic[Any], entry: Entry) -> list[Delivery[Any]]:
    """What readers can apply; the rest is a dead letter."""
    found: list[Delivery[Any]] = []
    ours = schema_of(topic.name)
    for record in entry.records:
        schema = record.headers.get("schema", ours)
        if "unreadable" in record.headers or (schema != ours and why_not_ours(topic.name, schema)):
            continue
        try:
            message = topic.decode(record.value)
        except (DecodeError, ValueError):
            continue
        found.append(Delivery(message, entry.partition, entry.offset, record))
    return found


def _add(found: Logged, topic: Topic[Any], deliveries: list[Delivery[Any]], tenant: str) -> None:
    for path, table in split_by_hour(topic.rows(deliveries, 0), (), 0).items():
        file = ArchiveFile(path, 0, "", {})
        if not tenant or file.tenant == tenant:
            key = (file.tenant, file.hour)
            found.rows.setdefault(key, []).append(row_hashes(topic.table, table))
