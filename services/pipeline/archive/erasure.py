"""Erasure: files that have rows of a session are written anew without them.

Rows have no key of their own that could be shredded: they carry no address and no name, and are
found by the session that `ExportSubject` names. What is replaced is removed at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from services.pipeline.archive.manifest import ArchiveFile
from services.pipeline.archive.store import Archive
from services.pipeline.arrow import compute, pa


@dataclass(frozen=True, slots=True)
class Erased:
    """What went from one date of a topic."""

    topic: str
    day: str
    rows: int
    files: int


def erase(archive: Archive, topic: str, tenant: str, sessions: Collection[str]) -> Iterator[Erased]:
    """Remove the rows of a tenant's sessions from a topic.

    Raises:
        ArchiveError: a file is damaged or the store away; what was done is done.
    """
    wanted = pa.array(sorted(sessions), pa.string())
    with archive.rewriting:
        archive.settle(topic)
        through, days = archive.days(topic, tenant)
        for day, fresh in days:
            files = [*day.files, *fresh]
            left_of = {file.path: _without(archive, topic, file, wanted) for file in files}
            changed = {path: left for path, left in left_of.items() if left is not None}
            if changed:
                tables = {
                    path.removesuffix(".parquet") + "e.parquet": left
                    for path, left in changed.items()
                    if left.num_rows
                }
                keep = [file for file in files if file.path not in changed]
                archive.replace(topic, day.key, keep, tables, list(changed), through)
                before = sum(file.rows for file in files if file.path in changed)
                after = sum(left.num_rows for left in changed.values())
                yield Erased(topic, day.key, before - after, len(changed))


def _without(archive: Archive, topic: str, file: ArchiveFile, sessions: Any) -> Any:
    """A file's rows of other sessions; None if it has none of these."""
    table = archive.read(topic, file)
    of_these = compute.is_in(table["session_id"], sessions)
    if not compute.any(of_these).as_py():
        return None
    return table.filter(compute.invert(of_these))
