"""The pool, and what asyncpg raises told apart: PostgreSQL is away, or one statement was bad."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from services.common.errors import Unavailable

# asyncpg has no stubs: Any keeps its unknowns out of what is checked.
_driver: Any = asyncpg

# Being away, restarting, out of connections, or a transaction that lost to another.
_AWAY: tuple[type[Exception], ...] = (
    OSError,  # TimeoutError is one
    _driver.PostgresConnectionError,
    _driver.InterfaceError,
    # Said of a connection that broke while a statement was under way.
    _driver.InternalClientError,
    _driver.OperatorInterventionError,
    _driver.InsufficientResourcesError,
    _driver.TransactionRollbackError,
)
FAILURES: tuple[type[Exception], ...] = (*_AWAY, _driver.PostgresError)
"""Everything that talking to PostgreSQL may raise."""
OUTRUN: type[Exception] = _driver.SerializationError
"""Another writer changed what this one had read; nothing was written."""
TWICE: Any = _driver.UniqueViolationError
"""A row stands already under this key."""


# Stands in a WHERE clause: this transaction's commit does not wait for the disk. Only a crash of
# PostgreSQL itself could lose it. For what would then be found and done again with the same effect;
# never for a promise to a caller, or for a claim before something is sent.
LAZILY = "set_config('synchronous_commit', 'off', true) = 'off'"


@asynccontextmanager
async def briefly(pool: Any, seconds: float) -> AsyncGenerator[Any]:
    """Lend a connection for so long.

    One that is still at work then is torn down: a server that hangs does not confirm that a
    statement was cancelled either, and the driver would wait for that.

    Raises:
        TimeoutError: the time is over.
    """
    async with asyncio.timeout(seconds):
        connection = await pool.acquire()
        try:
            yield connection
        except asyncio.CancelledError:
            connection.terminate()
            raise
        finally:
            await pool.release(connection)


@asynccontextmanager
async def transaction(connection: Any) -> AsyncGenerator[None]:
    """A transaction that stays open where the block is cancelled: tear the connection down then.

    The driver's own would roll back first, and a server that hangs does not answer that either.
    """
    under_way = connection.transaction()
    await under_way.start()
    try:
        yield
    except Exception:
        await under_way.rollback()
        raise
    await under_way.commit()


class Clash(Exception):
    """An id that is a function of its subject stands under another subject."""


def is_away(error: Exception) -> bool:
    """Tell whether the same statement may succeed later."""
    # asyncpg says InterfaceError, and at once ValueError, for an argument it cannot encode.
    return isinstance(error, _AWAY) and not isinstance(error, ValueError)


@contextmanager
def needed() -> Generator[None, None, None]:
    """Turn PostgreSQL's absence into Unavailable, for callers over the network."""
    try:
        yield
    except FAILURES as error:
        if not is_away(error):
            raise
        raise Unavailable("PostgreSQL is away, try again") from error
