"""Analytics from the archive: rows go in again as they were archived.

Idempotent: tables hold one row a key, and `stored_at` stays, so that what analytics had to forget
by its age is not kept anew. Reports are right at every moment of it, for the rows that are in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from services.common import logs
from services.pipeline.analytics import Analytics, Daily
from services.pipeline.archive import Archive, ArchiveFile, Missing
from services.pipeline.archive.rows import by_hour
from services.pipeline.arrow import pa
from services.pipeline.threads import in_thread
from services.pipeline.topics import TOPICS

_log = logs.get(__name__)
# Rows of a block: bounds what the engine and this process hold of it.
_BLOCK_ROWS = 100_000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Filled:
    """One tenant's hour of a topic, and how far it all is."""

    topic: str
    tenant: str
    hour: str
    rows: int
    rows_in_all: int


async def backfill(
    archive: Archive,
    analytics: Analytics,
    daily: Daily | None = None,
    *,
    tenant: str = "",
    first: str = "",
    before: str = "~",
) -> AsyncIterator[Filled]:
    """Store the rows of a tenant (all, if empty) from an hour up to another one.

    Raises:
        ArchiveError: a file is damaged, or the archive away; what was stored is stored.
        AnalyticsError: the engine refused.
    """
    work = [
        (topic, hour, files)
        for topic in TOPICS
        for hour, files in by_hour(
            await in_thread(
                archive.files, topic.name, tenant=tenant, first=first[:10], last=before[:10]
            )
        ).items()
        if first <= hour[0] < before
    ]
    in_all = sum(file.rows for _, _, files in work for file in files)
    done = 0
    for topic, (hour, owner), files in work:
        await _hour(archive, analytics, daily, topic.name, topic.table, files)
        done += sum(file.rows for file in files)
        yield Filled(topic.name, owner, hour, done, in_all)
    _log.info("analytics filled from the archive", rows=done, tenant=tenant)


async def _hour(
    archive: Archive,
    analytics: Analytics,
    daily: Daily | None,
    topic: str,
    table: str,
    files: list[ArchiveFile],
) -> None:
    first = files[0]
    date = first.hour.partition("T")[0]
    for left in reversed(range(_TRIES)):
        try:
            for file in files:
                rows = await in_thread(archive.read, topic, file)
                for start in range(0, rows.num_rows, _BLOCK_ROWS):
                    await analytics.insert(table, _plain(rows.slice(start, _BLOCK_ROWS)))
                if daily is not None:
                    daily.touch(table, rows)
            return
        except Missing:  # compaction has replaced it meanwhile: again, from what there is now
            if not left:
                raise
            fresh = await in_thread(
                archive.files, topic, tenant=first.tenant, first=date, last=date
            )
            files = [file for file in fresh if file.hour == first.hour]


def _plain(rows: Any) -> Any:
    """The rows without dictionaries, which ClickHouse takes only with each word once."""
    schema = pa.schema(
        [pa.field(field.name, _plain_type(field.type), field.nullable) for field in rows.schema]
    )
    return rows.cast(schema)


def _plain_type(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
