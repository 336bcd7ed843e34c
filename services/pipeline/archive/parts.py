"""A part file: from an Arrow table to Parquet, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from services.pipeline.archive.errors import ArchiveError, Damaged
from services.pipeline.archive.manifest import ArchiveFile
from services.pipeline.arrow import compute, pa, parquet

# What Arrow raises of bytes that are no Parquet, or not of the columns that were asked for.
ARROW_ERRORS: tuple[type[Exception], ...] = (pa.ArrowException, OSError, KeyError)


def written(path: str, table: Any, roll: int, writer: str) -> tuple[bytes, ArchiveFile]:
    """The bytes of a table, and what manifests say of them.

    Raises:
        ArchiveError: Parquet does not take it.
    """
    sink = pa.BufferOutputStream()
    try:
        parquet.write_table(table, sink, compression="zstd")
    except pa.ArrowException as error:
        raise ArchiveError(f"{path} does not become Parquet: {error}") from error
    blob = sink.getvalue().to_pybytes()
    digest, places = sha256(blob).hexdigest(), _offsets(table)
    file = ArchiveFile(
        path, table.num_rows, digest, places, len(blob), roll, writer, _newest_ms(table)
    )
    return blob, file


def table_of(name: str, blob: bytes, columns: Sequence[str] | None) -> Any:
    """The table of a file's bytes, or columns of it.

    Raises:
        Damaged: they are no Parquet, or of other columns.
    """
    names = None if columns is None else list(columns)
    try:
        return parquet.read_table(pa.BufferReader(blob), columns=names, use_threads=False)
    except ARROW_ERRORS as error:
        raise Damaged(f"{name} cannot be read as Parquet: {error}") from error


def stored_ms(file: ArchiveFile) -> int:
    """When its newest row was stored; of older versions, which did not say, the end of its hour."""
    if file.stored_ms:
        return file.stored_ms
    return round(datetime.fromisoformat(f"{file.hour}:00+00:00").timestamp() + 3_600) * 1_000


def _newest_ms(table: Any) -> int:
    newest = compute.max(table["stored_at"]).cast(pa.int64()).as_py()
    return int(newest or 0)


def _offsets(table: Any) -> dict[int, tuple[int, int]]:
    spans = table.group_by("log_partition").aggregate(
        [("log_offset", "min"), ("log_offset", "max")]
    )
    return {
        row["log_partition"]: (row["log_offset_min"], row["log_offset_max"])
        for row in spans.sort_by("log_partition").to_pylist()
    }
