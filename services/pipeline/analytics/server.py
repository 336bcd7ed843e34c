"""A ClickHouse server, by its native protocol: clickhouse-driver."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, TypeVar

from services.pipeline.analytics.errors import AnalyticsError, AnalyticsUnfit
from services.pipeline.analytics.port import INSERT_SETTINGS, NOTHING, Analytics
from services.pipeline.arrow import compute, pa
from services.pipeline.threads import Threads

T = TypeVar("T")
# The driver has no types, as chDB has none.
_driver: Any = import_module("clickhouse_driver")
_errors: Any = import_module("clickhouse_driver.errors")
# It writes the trace of every connection that fails; whoever asked says so once, and tries again.
logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)
# Of the protocol: ClickHouse 22.8, the first that binds parameters.
_OLDEST = 54459
# What a fallen connection looks like, next to the driver's own errors.
_AWAY = (EOFError, OSError)
# How long the end of the process waits for an answer, and then for a thread to notice that there
# will be none: far less together than the 25 s after SIGTERM.
_CLOSE_S = 5.0
_HANG_UP_S = 1.0


class ServerAnalytics(Analytics):
    """A connection that inserts, one that counts and one that reads, each with a thread of its own,
    as the driver wants it; they are opened when first used, and anew after an error."""

    insert_settings: Mapping[str, int] = INSERT_SETTINGS

    def __init__(self, url: str) -> None:
        self._inserting, self._executing, self._reading = (
            _Connection(url, f"analytics-{what}") for what in ("insert", "execute", "read")
        )

    async def migrate(self) -> list[str]:
        version = await self._executing.run(_version_if_old)
        if version:
            raise AnalyticsUnfit(
                f"this is ClickHouse {version}, which cannot bind parameters: use 22.8 or newer"
            )
        return await super().migrate()

    async def insert(self, table: str, rows: Any) -> None:
        names = ", ".join(rows.column_names)
        sql = f"INSERT INTO sentientiq.{table} ({names}) VALUES"
        await self._inserting.run(
            lambda client: client.execute(
                sql,
                [_values(column) for column in rows.itercolumns()],
                columnar=True,
                settings=dict(self.insert_settings),
            )
        )

    async def execute(
        self,
        sql: str,
        parameters: Mapping[str, str] = NOTHING,
        settings: Mapping[str, int] = NOTHING,
    ) -> None:
        await self._executing.run(
            lambda client: client.execute(sql, dict(parameters), settings=dict(settings))
        )

    async def query(self, sql: str, parameters: Mapping[str, str]) -> bytes:
        return await self._reading.run(lambda client: _answer(client, sql, dict(parameters)))

    async def close(self) -> None:
        # A count may take minutes, and the next process does it again. A block is waited for a
        # while: what is not answered is not committed to the log, and comes again.
        self._executing.hang_up()
        await asyncio.gather(
            *(
                connection.close(_CLOSE_S)
                for connection in (self._reading, self._executing, self._inserting)
            )
        )


class _Connection:
    """A client of the driver and the one thread that may use it."""

    def __init__(self, url: str, name: str) -> None:
        self._thread = Threads(1, name)
        self._client = _driver.Client.from_url(url)
        # Values are bound by the server. What the driver would write into the statement by itself
        # begins with %, which is a sign like any other in SQL.
        self._client.client_settings["server_side_params"] = True

    async def run(self, call: Callable[[Any], T]) -> T:
        try:
            return await asyncio.wrap_future(self._thread.submit(call, self._client))
        except _errors.Error as error:
            # A server adds the trace of its stack, which helps nobody here.
            words = str(error.message).partition("Stack trace:")[0].strip()
            raise AnalyticsError(words, int(error.code or 0)) from error
        except _AWAY as error:
            raise AnalyticsError(f"the connection to ClickHouse is gone: {error}") from error

    def hang_up(self) -> None:
        """End what is under way: whoever waits for an answer is told that there is none."""
        line = self._client.connection.socket
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    async def close(self, within_s: float) -> None:
        """After what is under way; nothing more is begun. Who waits longer is told that the
        connection is gone, and a thread that does not hear even that, as it connects, is left."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if not await self._thread.ended(within_s):
            self.hang_up()
            if not await self._thread.ended(_HANG_UP_S):
                return  # it alone may use the client
        self._client.disconnect()


def _version_if_old(client: Any) -> str | None:
    """The server's version, if it is too old for us."""
    client.execute("SELECT 1")  # connects
    server = client.connection.server_info
    old = server.used_revision < _OLDEST
    return ".".join(map(str, server.version_tuple())) if old else None


def _values(column: Any) -> list[Any]:
    """A column as the driver takes it: a moment as the number that it is on the wire."""
    if pa.types.is_timestamp(column.type):
        return list(column.cast(pa.int64()).to_pylist())
    if pa.types.is_dictionary(column.type):
        return list(compute.cast(column, column.type.value_type).to_pylist())
    return list(column.to_pylist())


def _answer(client: Any, sql: str, parameters: dict[str, str]) -> bytes:
    table = client.query_arrow(sql, parameters, field_metadata=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())
