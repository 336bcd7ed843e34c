"""The ClickHouse engine in this process: chDB."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from services.pipeline.analytics.errors import AnalyticsError
from services.pipeline.analytics.port import INSERT_SETTINGS, NOTHING, Analytics
from services.pipeline.arrow import pa
from services.pipeline.threads import Threads

T = TypeVar("T")
# chDB has no types: Any keeps its unknowns out of the rest.
_chdb: Any = import_module("chdb.session")
# ClickHouse reads a bound value as one field of TSV: what has a meaning there would not arrive as
# it is, and the value `a\x62` would name the tenant "ab".
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})
# Counts and whatever only reads; blocks go on.
_STOP = (
    "KILL QUERY WHERE query LIKE 'INSERT INTO sentientiq.%daily%'"
    " OR query ILIKE 'SELECT%' OR query ILIKE 'WITH%' ASYNC"
)


class EmbeddedAnalytics(Analytics):
    """chDB on a folder. One process may open it; here one thread inserts, one counts and one reads,
    so that neither a slow report nor a slow count holds up a block, and none of them the loop (chDB
    lets go of the GIL)."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._inserting, self._executing, self._reading = (
            _Lane(folder, f"analytics-{what}") for what in ("insert", "execute", "read")
        )

    async def insert(self, table: str, rows: Any) -> None:
        await self._inserting.run(lambda session: _insert(session, table, rows))

    async def execute(
        self,
        sql: str,
        parameters: Mapping[str, str] = NOTHING,
        settings: Mapping[str, int] = NOTHING,
    ) -> None:
        full = f"{sql}\n{_settings(settings)}" if settings else sql
        await self._executing.run(lambda session: session.query(full, params=_bound(parameters)))

    async def query(self, sql: str, parameters: Mapping[str, str]) -> bytes:
        return await self._reading.run(
            lambda session: bytes(
                session.query(sql, "ArrowStream", params=_bound(parameters)).bytes()
            )
        )

    async def close(self) -> None:
        # A block under way is waited for: the folder must not be left with half of it. A count or
        # an answer may take minutes, and the next process does it again.
        if self._executing.busy or self._reading.busy:
            stopping = _Lane(self._folder, "analytics-stop")
            await stopping.run(lambda session: session.query(_STOP))
            await stopping.close()
        for lane in (self._reading, self._executing, self._inserting):
            await lane.close()


class _Lane:
    """A session of chDB and the one thread that uses it; opened when first used."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, name)
        self._session: Any = None
        self.busy = 0
        """Statements under way or waiting."""

    async def run(self, call: Callable[[Any], T]) -> T:
        self.busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._with, call)
        except RuntimeError as error:  # chDB's errors are RuntimeErrors with ClickHouse's text
            raise AnalyticsError(str(error), _code(str(error))) from error
        finally:
            self.busy -= 1

    async def close(self) -> None:
        closing = Threads(1, "analytics-close")
        closed = closing.submit(self._let_go)
        closing.shutdown(wait=False)
        await asyncio.wrap_future(closed)

    def _let_go(self) -> None:
        """With its last session the engine ends, which waits for what it does by itself."""
        self._thread.shutdown(cancel_futures=True)
        if self._session is not None:
            self._session.close()
            self._session = None

    def _with(self, call: Callable[[Any], T]) -> T:
        if self._session is None:
            self._session = _chdb.Session(str(self._folder))
        return call(self._session)


def _insert(session: Any, table: str, rows: Any) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    columns = ", ".join(rows.column_names)
    insert = session.send_insert(
        f"INSERT INTO sentientiq.{table} ({columns}) {_settings(INSERT_SETTINGS)}",
        "ArrowStream",
    )
    with insert:
        insert.append(memoryview(sink.getvalue()))
        insert.finish()


def _settings(settings: Mapping[str, int]) -> str:
    return "SETTINGS " + ", ".join(f"{name} = {value}" for name, value in settings.items())


def _bound(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: value.translate(_ESCAPES) for name, value in parameters.items()}


def _code(message: str) -> int:
    _, found, rest = message.partition("Code: ")
    digits = rest.partition(".")[0]
    return int(digits) if found and digits.isdigit() else 0
