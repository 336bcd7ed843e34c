"""Manifests: NDJSON, a line a file and one at the end. Older versions left out some fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from services.pipeline.archive.errors import ArchiveError

SCHEMA = 1
"""Of the rows' columns. Raised when readers of the present one would misread them."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One Parquet file."""

    path: str
    """Relative to the topic's folder: tenant=…/date=…/hour=…/name."""
    rows: int
    sha256: str
    offsets: Mapping[int, tuple[int, int]]
    """First and last log offset of each partition."""
    size: int = 0
    """In bytes; 0 if an older version did not say."""
    roll: int = 0
    """The newest roll of which it has rows."""
    writer: str = ""
    """Who staged it; empty if an older version did."""
    stored_ms: int = 0
    """When the newest of its rows was stored, Unix epoch; 0 if an older version did not say."""

    @property
    def tenant(self) -> str:
        """Whose rows they are."""
        return unquote(self.path.partition("/")[0].removeprefix("tenant="))

    @property
    def day(self) -> str:
        """tenant=…/date=…, as paths begin and day manifests are named."""
        return "/".join(self.path.split("/")[:2])

    @property
    def hour(self) -> str:
        """2026-01-31T14, UTC."""
        _, date, hour, _ = self.path.split("/")
        return f"{date.removeprefix('date=')}T{hour.removeprefix('hour=')}"


@dataclass(frozen=True, slots=True)
class Roll:
    """A committed roll. `through` is the last archived offset of every partition."""

    number: int
    files: tuple[ArchiveFile, ...]
    through: Mapping[int, int]
    writer: str = ""
    """Whose it is; empty if an older version wrote it."""


@dataclass(frozen=True, slots=True)
class Day:
    """What there is of a tenant and date, in place of what rolls up to a number say of it."""

    key: str
    """tenant=…/date=…"""
    files: tuple[ArchiveFile, ...]
    rolls_through: int


def roll_lines(roll: Roll) -> bytes:
    """A roll's manifest."""
    through = {str(partition): offset for partition, offset in roll.through.items()}
    end = {"roll": roll.number, "through": through, "writer": roll.writer, "schema": SCHEMA}
    return _lines(roll.files, end)


def day_lines(day: Day) -> bytes:
    """A day's manifest."""
    end = {"day": day.key, "rolls_through": day.rolls_through, "schema": SCHEMA}
    return _lines(day.files, end)


def read_roll(name: str, blob: bytes) -> Roll:
    """Parse a roll's manifest.

    Raises:
        ArchiveError: it is damaged, or of a newer version.
    """
    try:
        files, end = _read(name, blob)
        through = {int(partition): offset for partition, offset in end["through"].items()}
        number = int(end["roll"])
        listed = tuple(_file(line, number) for line in files)
        return Roll(number, listed, through, end.get("writer", ""))
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(name, error) from error


def read_day(name: str, blob: bytes) -> Day:
    """Parse a day's manifest.

    Raises:
        ArchiveError: it is damaged, or of a newer version.
    """
    try:
        files, end = _read(name, blob)
        through = int(end["rolls_through"])
        return Day(end["day"], tuple(_file(line, through) for line in files), through)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(name, error) from error


def _lines(files: Sequence[ArchiveFile], end: Mapping[str, Any]) -> bytes:
    lines = [
        json.dumps(
            {
                "file": file.path,
                "rows": file.rows,
                "bytes": file.size,
                "roll": file.roll,
                "writer": file.writer,
                "stored_ms": file.stored_ms,
                "sha256": file.sha256,
                "offsets": {str(key): list(span) for key, span in file.offsets.items()},
            }
        )
        for file in files
    ]
    return ("\n".join([*lines, json.dumps(end)]) + "\n").encode()


def _read(name: str, blob: bytes) -> tuple[list[Any], Any]:
    *files, end = [json.loads(line) for line in blob.decode().splitlines()]
    if end.get("schema", 1) > SCHEMA:
        raise ArchiveError(
            f"{name} is of schema {end['schema']}, this version reads up to {SCHEMA}: update it"
        )
    return files, end


def _file(line: Any, roll: int) -> ArchiveFile:
    return ArchiveFile(
        line["file"],
        line["rows"],
        line["sha256"],
        {int(key): (span[0], span[1]) for key, span in line["offsets"].items()},
        line.get("bytes", 0),
        line.get("roll", roll),
        line.get("writer", ""),
        line.get("stored_ms", 0),
    )


def _damaged(name: str, error: Exception) -> ArchiveError:
    return ArchiveError(f"{name} is damaged ({error}): restore it, or remove it with its files")
