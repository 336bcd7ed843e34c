"""The archive: Parquet files in a folder or on S3, and manifests that say which of them count.

    {topic}/tenant=acme/date=2026-01-31/hour=14/part-07-000000000123-42.parquet
    {topic}/_manifest/000000000042.ndjson                  a roll: what one write added
    {topic}/_manifest/tenant=acme/date=2026-01-31.ndjson   a day: what compaction made of rolls

docs/archive.md has the format.
"""

from services.pipeline.archive.errors import (
    ArchiveError,
    ArchiveUnavailable,
    Damaged,
    Missing,
    Superseded,
)
from services.pipeline.archive.manifest import ArchiveFile, Day, Roll
from services.pipeline.archive.opening import open_archive
from services.pipeline.archive.store import Archive

__all__ = [
    "Archive",
    "ArchiveError",
    "ArchiveFile",
    "ArchiveUnavailable",
    "Damaged",
    "Day",
    "Missing",
    "Roll",
    "Superseded",
    "open_archive",
]
