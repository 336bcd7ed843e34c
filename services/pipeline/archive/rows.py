"""Archived rows: whole hours of them, while compaction may move them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from services.pipeline.archive.errors import Missing
from services.pipeline.archive.manifest import ArchiveFile
from services.pipeline.archive.store import Archive
from services.pipeline.arrow import pa

T = TypeVar("T")
_TRIES = 5


def joined(tables: Sequence[Any]) -> Any:
    """One table of several; those of older versions may lack columns."""
    table = pa.concat_tables(tables, promote_options="default")
    # Sorting takes one dictionary a column, not one a file.
    return table.unify_dictionaries().combine_chunks()


def by_hour(files: Sequence[ArchiveFile]) -> dict[tuple[str, str], list[ArchiveFile]]:
    """Files by hour and tenant, in order."""
    found: dict[tuple[str, str], list[ArchiveFile]] = {}
    for file in sorted(files, key=lambda file: (file.hour, file.path)):
        found.setdefault((file.hour, file.tenant), []).append(file)
    return found


def fold_hour(
    archive: Archive, topic: str, files: Sequence[ArchiveFile], fold: Callable[[Iterator[Any]], T]
) -> T:
    """What `fold` makes of the tables of one tenant's hour.

    It begins anew when compaction replaced files while they were read.

    Raises:
        Missing: a file that counts is not there.
        ArchiveError: one is damaged, or the store away.
    """
    for _ in range(_TRIES):
        with suppress(Missing):
            return fold(archive.read(topic, file) for file in files)
        (first, *_) = files
        date = first.hour.partition("T")[0]
        fresh = archive.files(topic, tenant=first.tenant, first=date, last=date)
        files = [file for file in fresh if file.hour == first.hour]
    return fold(archive.read(topic, file) for file in files)
