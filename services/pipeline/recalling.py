"""What a sink had stored before this process began, as far back as the log may repeat it.

A page sends a message again until it was acknowledged, and a visit lasts no longer than a day: what
was stored before that comes back only as a dead letter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.common.partition import PARTITIONS
from services.pipeline.analytics import Analytics
from services.pipeline.archive import Archive
from services.pipeline.arrow import pa

WINDOW_MS: Final = 25 * 3_600_000
# Streams or ids, several times as many as a memory holds; one may be in several files.
_MOST = 400_000
# Analytics is asked for a while at a time, so that an answer fits in memory.
_STEPS_MS: Final = (300_000, 900_000, 3_600_000, *(3 * 3_600_000,) * 8)


class Recalled(NamedTuple):
    """Reduced rows, the newest first, and whether there are none but these."""

    tables: list[Any]
    all_known: bool

    @property
    def rows(self) -> int:
        """How many are to be remembered."""
        return sum(table.num_rows for table in self.tables)


def from_archive(
    archive: Archive,
    topic: str,
    columns: Sequence[str],
    reduced: Callable[[Any], Any],
    since_ms: int,
) -> Recalled:
    """What the archive has of a topic. It blocks.

    Raises:
        Missing: a compaction came in between, ask again.
        ArchiveError: a file is damaged, or the archive away.
    """
    tables: list[Any] = []
    rows, all_known = 0, True
    for file in archive.newest(topic, since_ms):
        if file is None or rows >= _MOST:
            all_known = False
            continue
        tables.append(reduced(archive.read(topic, file, columns)))
        rows += tables[-1].num_rows
    return Recalled(tables, all_known)


async def from_analytics(
    analytics: Analytics,
    table: str,
    columns: Sequence[str],
    committed: Mapping[int, int],
    now_ms: int,
) -> Recalled:
    """What a table has of what was committed to the log.

    Not of what came after: a block that was cut off may be there by half. What is missed does no
    harm, for a table has one row a key: what is not told counts as never stored.

    Raises:
        AnalyticsError: the engine does not answer.
    """
    sql = recent(table, columns)
    through = ",".join(str(committed.get(partition, 0)) for partition in range(PARTITIONS))
    found = Recalled([], True)
    until_ms = now_ms + 60_000  # a clock may have been set back
    for step_ms in _STEPS_MS:
        if found.rows >= _MOST:
            break
        answer = await analytics.query(
            sql,
            {
                "from": str(until_ms - step_ms),
                "until": str(until_ms),
                "day": str(now_ms - WINDOW_MS),
                "through": f"[{through}]",
            },
        )
        found.tables.append(pa.ipc.open_stream(answer).read_all())
        until_ms -= step_ms
    return found


def recent(table: str, columns: Sequence[str]) -> str:
    """The query of what a table got within a while, reduced as `Seen.recall` takes it."""
    *key, last = columns
    if last == "seq":
        group = ", ".join(key)
        return _RECENT.format(
            what=f"{group}, groupUniqArray(seq) AS seq_distinct", table=table, group=group
        )
    group = ", ".join(columns)
    return _RECENT.format(what=group, table=table, group=group)


# `t` only tells which days to look at; what is stored with an older one is not recalled.
_RECENT: Final = (
    "SELECT {what} FROM sentientiq.{table} WHERE t >= fromUnixTimestamp64Milli({{day:Int64}})"
    " AND stored_at >= fromUnixTimestamp64Milli({{from:Int64}})"
    " AND stored_at < fromUnixTimestamp64Milli({{until:Int64}})"
    " AND log_offset <= {{through:Array(UInt64)}}[log_partition + 1] GROUP BY {group}"
)
