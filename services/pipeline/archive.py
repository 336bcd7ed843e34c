"""The archive: Parquet files, and a manifest for each roll that says which files are in it.

    {topic}/tenant=acme/date=2026-01-31/hour=14/part-07-000000000123-42.parquet
    {topic}/_manifest/000000000042.ndjson

A roll is what one write adds: all its files, or none. Its manifest also says through which log
offset of each partition the topic is archived, so a roll and the reader's place move together, and
a process that is killed anywhere neither loses a row nor writes one twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from services.pipeline.arrow import pa, parquet


class ArchiveError(Exception):
    """The archive did not take a roll or cannot be read; the message says what to look at."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One Parquet file. `path` is relative to the topic's folder; `offsets` are the first and last
    of each partition."""

    path: str
    rows: int
    sha256: str
    offsets: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Roll:
    """A committed roll. `through` is the last archived offset of every partition."""

    number: int
    files: tuple[ArchiveFile, ...]
    through: Mapping[int, int]


class Archive(Protocol):
    """What an adapter does, for any number of topics with one writer each. It blocks."""

    def recover(self, topic: str) -> Roll | None:
        """Finish or undo what a killed process left, and return the newest roll."""
        ...

    def write(
        self, topic: str, files: Mapping[str, Any], through: Mapping[int, int], after: Roll | None
    ) -> Roll:
        """Add a roll of Arrow tables, by path, next to `after`."""
        ...

    def newest(self, topic: str, columns: Sequence[str]) -> Iterator[Any]:
        """Read columns of the archived rows as Arrow tables, the newest roll first."""
        ...


class FolderArchive:
    """An archive in a folder.

    Files are written into `_staging`, the manifest is renamed into its place, then the files are.
    Once the manifest stands the roll counts, and `recover` moves what is still in `_staging`;
    before that it does not, and `recover` removes them. Nobody who globs for part files ever
    sees one that does not count.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recover(self, topic: str) -> Roll | None:
        numbers = self._roll_numbers(topic)
        newest = self._read_manifest(topic, numbers[-1]) if numbers else None
        if newest is not None:
            self._publish(topic, newest)
        for left in self._staging(topic).glob("*"):
            left.unlink()
        return newest

    def write(
        self, topic: str, files: Mapping[str, Any], through: Mapping[int, int], after: Roll | None
    ) -> Roll:
        number = after.number + 1 if after else 1
        try:
            entries = tuple(self._stage(topic, path, table) for path, table in files.items())
            merged = {**(after.through if after else {}), **through}
            roll = Roll(number, entries, merged)
            self._write_manifest(topic, roll)
            self._publish(topic, roll)
        except (OSError, pa.ArrowException) as error:
            raise ArchiveError(f"{self._folder} did not take roll {number}: {error}") from error
        return roll

    def newest(self, topic: str, columns: Sequence[str]) -> Iterator[Any]:
        for number in reversed(self._roll_numbers(topic)):
            for file in self._read_manifest(topic, number).files:
                path = self._folder / topic / file.path
                if path.exists():  # retention may have removed it
                    yield parquet.read_table(path, columns=list(columns), partitioning=None)

    def _staging(self, topic: str) -> Path:
        return self._folder / "_staging" / topic

    def _staged(self, topic: str, path: str) -> Path:
        return self._staging(topic) / path.replace("/", "%")

    def _stage(self, topic: str, path: str, table: Any) -> ArchiveFile:
        sink = pa.BufferOutputStream()
        parquet.write_table(table, sink, compression="zstd")
        blob = sink.getvalue().to_pybytes()
        _write_durably(self._staged(topic, path), blob)
        return ArchiveFile(path, table.num_rows, sha256(blob).hexdigest(), _offsets(table))

    def _publish(self, topic: str, roll: Roll) -> None:
        touched: set[Path] = set()
        for file in roll.files:
            staged, final = self._staged(topic, file.path), self._folder / topic / file.path
            if not staged.exists():
                continue
            touched.update(_make_folder(final.parent))
            os.replace(staged, final)
            touched.add(final.parent)
        for folder in touched:
            _sync_folder(folder)

    def _manifests(self, topic: str) -> Path:
        return self._folder / topic / "_manifest"

    def _roll_numbers(self, topic: str) -> list[int]:
        return sorted(int(path.stem) for path in self._manifests(topic).glob("*.ndjson"))

    def _write_manifest(self, topic: str, roll: Roll) -> None:
        lines = [
            json.dumps(
                {
                    "file": file.path,
                    "rows": file.rows,
                    "sha256": file.sha256,
                    "offsets": {str(key): list(span) for key, span in file.offsets.items()},
                }
            )
            for file in roll.files
        ]
        through = {str(partition): offset for partition, offset in roll.through.items()}
        lines.append(json.dumps({"roll": roll.number, "through": through}))
        folder = self._manifests(topic)
        temporary = self._staging(topic) / "manifest"
        _write_durably(temporary, ("\n".join(lines) + "\n").encode())
        created = _make_folder(folder)
        os.replace(temporary, folder / f"{roll.number:012d}.ndjson")
        for made in {*created, folder}:
            _sync_folder(made)

    def _read_manifest(self, topic: str, number: int) -> Roll:
        path = self._manifests(topic) / f"{number:012d}.ndjson"
        try:
            *files, end = [json.loads(line) for line in path.read_text().splitlines()]
            return Roll(
                end["roll"],
                tuple(
                    ArchiveFile(
                        file["file"],
                        file["rows"],
                        file["sha256"],
                        {int(key): (span[0], span[1]) for key, span in file["offsets"].items()},
                    )
                    for file in files
                ),
                {int(partition): offset for partition, offset in end["through"].items()},
            )
        except (OSError, ValueError, KeyError) as error:
            raise ArchiveError(
                f"{path} is damaged ({error}): restore it, or remove it with its files"
            ) from error


def _offsets(table: Any) -> dict[int, tuple[int, int]]:
    spans = table.group_by("log_partition").aggregate(
        [("log_offset", "min"), ("log_offset", "max")]
    )
    return {
        row["log_partition"]: (row["log_offset_min"], row["log_offset_max"])
        for row in spans.sort_by("log_partition").to_pylist()
    }


def _write_durably(path: Path, blob: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path) -> set[Path]:
    """Create a folder; return those whose entries changed, for syncing."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return {path.parent for path in missing}


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_archive(url: str) -> Archive:
    """Open the adapter for a URL: file:///folder.

    Raises:
        ValueError: the URL names no archive known here.
    """
    scheme, _, path = url.partition("://")
    if scheme == "file" and path.startswith("/"):
        return FolderArchive(Path(path))
    raise ValueError(f"SIQ_ARCHIVE_URL={url!r}: expected file:///absolute/folder")
