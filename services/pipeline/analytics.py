"""Analytics: one port, and its adapter on the embedded ClickHouse engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeVar

from services.pipeline.arrow import pa

T = TypeVar("T")
# chDB has no types: Any keeps its unknowns out of the rest.
_chdb: Any = import_module("chdb.session")
# ClickHouse reads a bound value as one field of TSV: what has a meaning there would not arrive as
# it is, and the value `a\x62` would name the tenant "ab".
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})
_SCHEMA = Path(__file__).with_name("schema.sql")


class AnalyticsError(Exception):
    """The engine did not take a block or answer a query; `code` is ClickHouse's, 0 if unknown."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Analytics(Protocol):
    """What an adapter does. Every method raises AnalyticsError when the engine refuses."""

    async def migrate(self) -> None:
        """Apply schema.sql."""
        ...

    async def insert(self, table: str, rows: Any) -> None:
        """Store an Arrow table durably, in one block."""
        ...

    async def query(self, sql: str, parameters: Mapping[str, str]) -> bytes:
        """Answer with an Arrow IPC stream; parameters are bound, never formatted."""
        ...

    async def close(self) -> None:
        """Let go of the engine."""
        ...


def statements(sql: str) -> list[str]:
    """Split a file whose statements end with ";" at the end of a line."""
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--")]
    parts = "\n".join(lines).split(";\n")
    return [part.strip().removesuffix(";") for part in parts if part.strip()]


class EmbeddedAnalytics:
    """chDB on a folder. One process may open it; here one thread writes and one reads, so that a
    slow report holds up no insert, and neither holds up the loop (chDB lets go of the GIL)."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._writing = ThreadPoolExecutor(1, "analytics-write")
        self._reading = ThreadPoolExecutor(1, "analytics-read")
        self._writer: Any = None
        self._reader: Any = None

    async def migrate(self) -> None:
        await self._in(self._writing, self._migrate)

    async def insert(self, table: str, rows: Any) -> None:
        await self._in(self._writing, lambda: self._insert(table, rows))

    async def query(self, sql: str, parameters: Mapping[str, str]) -> bytes:
        return await self._in(self._reading, lambda: self._query(sql, parameters))

    async def close(self) -> None:
        # A statement under way is waited for: the folder must not be left with half a block.
        for pool, session in ((self._reading, self._reader), (self._writing, self._writer)):
            await asyncio.to_thread(pool.shutdown)
            if session is not None:
                session.close()
        self._reader = self._writer = None

    def _open(self) -> Any:
        return _chdb.Session(str(self._folder))

    def _migrate(self) -> None:
        self._writer = self._writer or self._open()
        for statement in statements(_SCHEMA.read_text()):
            self._writer.query(statement)

    def _insert(self, table: str, rows: Any) -> None:
        self._writer = self._writer or self._open()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_table(rows)
        columns = ", ".join(rows.column_names)
        insert = self._writer.send_insert(
            # One block may hold many days (a replay of recordings): take it whole. Merges replace
            # what is repeated and FINAL hides it till then: not worth half of an insert's cost.
            f"INSERT INTO sentientiq.{table} ({columns})"
            " SETTINGS max_partitions_per_insert_block = 0, optimize_on_insert = 0",
            "ArrowStream",
        )
        with insert:
            insert.append(memoryview(sink.getvalue()))
            insert.finish()

    def _query(self, sql: str, parameters: Mapping[str, str]) -> bytes:
        self._reader = self._reader or self._open()
        bound = {name: value.translate(_ESCAPES) for name, value in parameters.items()}
        result = self._reader.query(sql, "ArrowStream", params=bound)
        return bytes(result.bytes())

    async def _in(self, pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, call)
        except RuntimeError as error:  # chDB's errors are RuntimeErrors with ClickHouse's text
            raise AnalyticsError(str(error), _code(str(error))) from error


def _code(message: str) -> int:
    _, found, rest = message.partition("Code: ")
    digits = rest.partition(".")[0]
    return int(digits) if found and digits.isdigit() else 0


def open_analytics(url: str) -> Analytics:
    """Open the adapter for a URL: chdb:///folder.

    Raises:
        ValueError: the URL names no engine known here.
    """
    scheme, _, path = url.partition("://")
    if scheme == "chdb" and path.startswith("/"):
        return EmbeddedAnalytics(Path(path))
    raise ValueError(f"SIQ_ANALYTICS_URL={url!r}: expected chdb:///absolute/folder")
