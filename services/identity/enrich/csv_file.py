"""A CSV file in the tenant's folder, kept in memory and read again when it changes."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from services.identity.enrich.port import NOTHING, EnricherError, Enrichment, read_fields
from services.identity.enrich.spec import FIELDS, CsvSpec

_MOST_BYTES = 64 * 1024 * 1024
_MOST_ROWS = 500_000
_LOOK_EVERY_S = 1.0

_Stamp = tuple[int, int]


class CsvFile:
    """Rows by their key; the first row of a key counts."""

    def __init__(
        self, spec: CsvSpec, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = folder / spec.file
        self._columns = {name: spec.columns.get(name, name) for name in ("key", *FIELDS)}
        self._clock = clock
        self._rows: Mapping[str, Enrichment] = {}
        self._stamp: _Stamp | None = None
        self._looked_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def look_up(self, key: str) -> Enrichment:
        """Return the row of a key; see `Enricher`."""
        if self._reading is None and self._clock() - self._looked_at >= _LOOK_EVERY_S:
            self._reading = asyncio.create_task(asyncio.to_thread(self._read_again))
            self._reading.add_done_callback(self._has_read)
        if self._reading is not None:
            # One reading for all who ask; it goes on when one of them runs out of time.
            await asyncio.shield(self._reading)
        return self._rows.get(key.lower(), NOTHING)

    async def close(self) -> None:
        """Forget the rows."""
        self._rows = {}

    def _has_read(self, reading: asyncio.Task[None]) -> None:
        self._reading = None
        # After a failure the next who asks reads again; nobody may have waited for this one.
        if not reading.cancelled() and reading.exception() is None:
            self._looked_at = self._clock()

    def _read_again(self) -> None:
        try:
            state = self._path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if stamp == self._stamp:
                return
            if state.st_size > _MOST_BYTES:
                raise EnricherError(f"the file is larger than {_MOST_BYTES >> 20} MiB")
            self._rows = self._read()
            self._stamp = stamp
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise EnricherError(f"cannot read the file: {type(error).__name__}") from error

    def _read(self) -> dict[str, Enrichment]:
        rows: dict[str, Enrichment] = {}
        with self._path.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened, strict=True)
            if self._columns["key"] not in (reader.fieldnames or ()):
                raise EnricherError(f"the file has no column {self._columns['key']!r}")
            for row in reader:
                if len(rows) >= _MOST_ROWS:
                    raise EnricherError(f"the file has more than {_MOST_ROWS} rows")
                key = (row[self._columns["key"]] or "").strip().lower()
                if key:
                    told = {name: row.get(self._columns[name]) for name in FIELDS}
                    rows.setdefault(key, read_fields(told))
        return rows
