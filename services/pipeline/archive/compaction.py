"""Compaction: the small files of an hour become few, each sorted by session.

The pipeline rolls every minute, so an hour of a tenant is sixty small files, and every roll has a
manifest. A compaction writes merged files, then a day's manifest that takes the place of what rolls
said of that tenant and date, then removes what was merged; at the end, manifests of rolls that days
have taken over. Whoever reads in between sees the rows once, from either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.pipeline.archive.errors import Damaged
from services.pipeline.archive.manifest import ArchiveFile, Day
from services.pipeline.archive.rows import joined
from services.pipeline.archive.skipping import Skipping
from services.pipeline.archive.store import Archive
from services.pipeline.arrow import pa

TARGET_BYTES = 16 * 1024 * 1024
_MOST_ROWS = 1_000_000
"""Of a merged file: its rows are in memory while they are sorted."""
SESSION_ORDER = ("session_id", "stream_id", "seq", "edge_offset", "idx")
"""Of events, which come to the archive sorted and have no order of their own there."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What became of one tenant and date of a topic."""

    topic: str
    day: str
    rows: int
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int


def compact(
    archive: Archive, topic: str, order: Sequence[str], *, target_bytes: int = TARGET_BYTES
) -> Iterator[Compacted]:
    """Compact what has come to a topic since the last time, a tenant and date at a time.

    Raises:
        Damaged: a file is; its day was left as it is, the others are done.
        ArchiveError: the store is away; what was done is done.
    """
    with archive.rewriting:
        archive.settle(topic)
        through, days = archive.days(topic)
        skipping = Skipping(archive, topic)
        for day, fresh in days:
            if fresh:
                with skipping.day(day.key, fresh):
                    yield _day(archive, topic, order, day, fresh, through, target_bytes)
        archive.forget_rolls(topic, skipping.forgettable(through))
    skipping.tell()


def _day(
    archive: Archive, topic: str, order: Sequence[str], day: Day, fresh: Sequence[ArchiveFile],
    through: int, target_bytes: int,
) -> Compacted:  # fmt: skip
    before = [*day.files, *fresh]
    keep: list[ArchiveFile] = []
    groups: list[list[ArchiveFile]] = []
    hours: dict[str, list[ArchiveFile]] = {}
    for file in before:
        hours.setdefault(file.hour, []).append(file)
    for files in hours.values():
        for group in _groups(files, target_bytes):
            if len(group) > 1:
                groups.append(group)
            else:
                keep += group
    # One after the other: a busy tenant's day has many, and each may have a million rows.
    tables = (
        (_name(group, f"{through}m{number}"), _merged(archive, topic, group, order))
        for number, group in enumerate(groups)
    )
    drop = [file.path for group in groups for file in group]
    after = archive.replace(topic, day.key, keep, tables, drop, through)
    return Compacted(
        topic,
        day.key,
        sum(file.rows for file in after.files),
        len(before),
        len(after.files),
        sum(file.size for file in before),
        sum(file.size for file in after.files),
    )


def _groups(files: Sequence[ArchiveFile], target_bytes: int) -> Iterator[list[ArchiveFile]]:
    """Files that become one: small ones, together not much above the target."""
    group: list[ArchiveFile] = []
    size = rows = 0
    for file in sorted(files, key=lambda file: (file.roll, file.path)):
        if file.size > target_bytes // 2 or file.rows > _MOST_ROWS // 2:
            yield [file]
            continue
        if group and (size + file.size > target_bytes or rows + file.rows > _MOST_ROWS):
            yield group
            group, size, rows = [], 0, 0
        group.append(file)
        size, rows = size + file.size, rows + file.rows
    if group:
        yield group


def _name(group: Sequence[ArchiveFile], mark: str) -> str:
    """Where the merged file goes: named as rolls' files are, by its first place in the log."""
    partition, (offset, _) = min(
        (partition, span) for file in group for partition, span in file.offsets.items()
    )
    folder = group[0].path.rpartition("/")[0]
    return f"{folder}/part-{partition:02d}-{offset:012d}-{mark}.parquet"


def _merged(
    archive: Archive, topic: str, group: Sequence[ArchiveFile], order: Sequence[str]
) -> Any:
    tables = [archive.read(topic, file) for file in group]
    try:
        table = joined(tables)
    except pa.ArrowException as error:
        raise Damaged(f"{topic}/{group[0].day}: files do not fit: {error}") from error
    if table.num_rows != sum(file.rows for file in group):
        raise Damaged(f"{topic}/{group[0].day}: manifests and files differ in rows")
    by = order or SESSION_ORDER
    try:
        return table.sort_by([(column, "ascending") for column in by])
    except pa.ArrowException as error:
        raise Damaged(f"{topic}/{group[0].day} does not sort by {by}: {error}") from error
