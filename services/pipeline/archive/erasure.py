"""Erasure: files that have rows of a session are written anew without them.

Rows have no key of their own that could be shredded: they carry no address and no name, and are
found by the session that `ExportSubject` names. What is replaced is removed at once.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from services.pipeline.archive.errors import Damaged
from services.pipeline.archive.manifest import ArchiveFile, Day
from services.pipeline.archive.parts import ARROW_ERRORS
from services.pipeline.archive.skipping import Skipping
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
        Damaged: a file is; its day was left as it is, the others are done.
        ArchiveError: the store is away; what was done is done.
    """
    wanted = pa.array(sorted(sessions), pa.string())
    with archive.rewriting:
        archive.settle(topic)
        through, days = archive.days(topic, tenant)
        skipping = Skipping(archive, topic)
        for day, fresh in days:
            with skipping.day(day.key, fresh):
                if (done := _day(archive, topic, day, fresh, through, wanted)) is not None:
                    yield done
    skipping.tell()


def _day(
    archive: Archive, topic: str, day: Day, fresh: Sequence[ArchiveFile], through: int, wanted: Any
) -> Erased | None:
    files = [*day.files, *fresh]
    changed = [file for file in files if _has(archive, topic, file, wanted)]
    if not changed:
        return None
    keep = [file for file in files if file not in changed]
    left = ((file.path, _without(archive, topic, file, wanted)) for file in changed)
    # A file at a time is in memory, and one of which nothing is left is not written.
    tables = (
        (path.removesuffix(".parquet") + "e.parquet", table)
        for path, table in left
        if table.num_rows
    )
    drop = [file.path for file in changed]
    after = archive.replace(topic, day.key, keep, tables, drop, through)
    rows = sum(file.rows for file in files) - sum(file.rows for file in after.files)
    return Erased(topic, day.key, rows, len(changed))


def _has(archive: Archive, topic: str, file: ArchiveFile, sessions: Any) -> bool:
    with _readable(topic, file):
        column = archive.read(topic, file, ["session_id"])["session_id"]
        return bool(compute.any(compute.is_in(column, sessions)).as_py())


def _without(archive: Archive, topic: str, file: ArchiveFile, sessions: Any) -> Any:
    """A file's rows of other sessions."""
    with _readable(topic, file):
        table = archive.read(topic, file)
        return table.filter(compute.invert(compute.is_in(table["session_id"], sessions)))


@contextmanager
def _readable(topic: str, file: ArchiveFile) -> Generator[None]:
    try:
        yield
    except ARROW_ERRORS as error:
        raise Damaged(f"{topic}/{file.path} is not as it should be: {error}") from error
