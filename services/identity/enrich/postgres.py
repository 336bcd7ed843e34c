"""The tenant's own PostgreSQL: one SELECT with one argument, in a transaction that cannot write."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from services.identity.enrich.port import NOTHING, EnricherError, Enrichment, read_fields
from services.identity.enrich.spec import PostgresSpec

_MOST_CONNECTIONS = 2
_IDLE_S = 60.0
_CLOSE_S = 2.0
_driver: Any = asyncpg  # without stubs


class Postgres:
    """Connects when first asked, and lets go of connections that idle."""

    def __init__(self, spec: PostgresSpec, folder: Path) -> None:
        self._spec = spec
        self._url = folder / spec.source
        self._timeout_s = spec.timeout_ms / 1000
        self._pool: Any = None
        self._connecting = asyncio.Lock()

    async def look_up(self, key: str) -> Enrichment:
        """Return the first row for a key; see `Enricher`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                pool = await self._connected()
                # readonly: not even a query that asks for it can go back to writing.
                async with pool.acquire() as connection, connection.transaction(readonly=True):
                    row: Any = await connection.fetchrow(self._spec.query, key)
        except (OSError, ValueError, _driver.PostgresError, _driver.InterfaceError) as error:
            # TimeoutError is an OSError. The server's own words may quote the key.
            raise EnricherError(f"the database failed: {type(error).__name__}") from error
        return NOTHING if row is None else read_fields(dict(row))

    async def close(self) -> None:
        """Close connections, by force if the server no longer answers."""
        if self._pool is not None:
            try:
                async with asyncio.timeout(_CLOSE_S):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._pool is None:
                self._pool = await _driver.create_pool(
                    self._url.read_text(encoding="utf-8").strip(),
                    min_size=0,
                    max_size=_MOST_CONNECTIONS,
                    max_inactive_connection_lifetime=_IDLE_S,
                    timeout=self._timeout_s,
                    server_settings={
                        "application_name": "sentientiq-enrichment",
                        "default_transaction_read_only": "on",
                        "statement_timeout": str(self._spec.timeout_ms),
                    },
                )
        return self._pool
