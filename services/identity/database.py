"""Connections of the pool, with what goes wrong told apart: away, or our mistake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from services.common import logs
from services.common.errors import NotFound, Unavailable

_ACQUIRE_S = 5
# Nothing here takes long: what does is waiting for a server that is gone.
_MOST_S = 10
_log = logs.get(__name__)

# asyncpg has no stubs: Any keeps its unknowns out of what is checked.
_driver: Any = asyncpg

AWAY: tuple[type[Exception], ...] = (
    OSError,  # TimeoutError is one
    _driver.PostgresConnectionError,
    _driver.CannotConnectNowError,
    _driver.AdminShutdownError,
    _driver.CrashShutdownError,
    _driver.TooManyConnectionsError,
    _driver.InterfaceError,
    # What a pool's connection says when the server ends right after its answer.
    _driver.InternalClientError,
)


async def connect_alone(url: str, timeout_s: float) -> Any:
    """Open a connection outside the pool; raises one of AWAY."""
    return await _driver.connect(url, timeout=timeout_s)


class Database:
    """The pool of the identity schema."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Any, None]:
        """Lend a connection.

        Raises:
            Unavailable: PostgreSQL is away or has no connection free.
            NotFound: what was written names a tenant that does not exist.
        """
        try:
            async with (
                asyncio.timeout(_MOST_S),
                self._pool.acquire(timeout=_ACQUIRE_S) as connection,
            ):
                yield connection
        except AWAY as error:
            # asyncpg says InterfaceError for a connection just lost, and (as a ValueError) for an
            # argument it cannot encode: that one is a mistake of ours.
            if isinstance(error, ValueError):
                raise
            _log.warning("postgresql away", error=type(error).__name__)
            raise Unavailable("PostgreSQL does not answer, try again") from error
        except _driver.DeadlockDetectedError as error:
            _log.warning("deadlock", error=str(error))
            raise Unavailable("another change was in the way, try again") from error
        except _driver.ForeignKeyViolationError as error:
            # Every foreign key of this schema points at a tenant.
            raise NotFound("tenant_id: no such tenant; create it with PutTenant") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Any, None]:
        """Lend a connection in a transaction; raises as `connection` does."""
        async with self.connection() as connection, connection.transaction():
            yield connection
