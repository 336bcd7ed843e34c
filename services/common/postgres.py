"""PostgreSQL: a pool, and plain SQL migrations under an advisory lock.

Each service owns one schema, named after it, and the files `migrations/NNNN_title.sql` beside its
code. Migrations only go forward; a changed file is refused by its checksum. While a mesh is
upgraded two versions run on one schema: what an older one finds that is newer than all of its own
it lets be, and a newer one waits a moment only for what the older one holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import asyncpg

from services.common import logs

_log = logs.get(__name__)
_LOCK = 7305_0001
_LOCK_TIMEOUT_S = 10
_OPEN = 4
"""Connections that are there before anybody needs them, and stay."""
_ARRAYS = (
    "SELECT NULL::bigint[], NULL::integer[], NULL::smallint[], NULL::boolean[], NULL::bytea[],"
    " NULL::date[], NULL::double precision[]"
)


class MigrationError(Exception):
    """A migration that was applied has changed since, or one before ours is not ours."""


async def connect(url: str, *, schema: str, max_size: int = 8) -> Any:
    """Open a pool whose connections see `schema` first.

    Connections keep no state between borrowers (no session locks, settings or cursors), so none is
    reset on return: that round trip would double the cost of most statements here.
    """
    return await asyncpg.create_pool(
        url,
        min_size=min(_OPEN, max_size),
        max_size=max_size,
        init=_learn,
        reset=_keep,
        server_settings={"search_path": schema},
    )


async def _learn(connection: Any) -> None:
    """Let the driver ask about arrays at once: it asks for each type that a connection first meets,
    which takes the server ten milliseconds, and somebody would wait for them."""
    try:
        await connection.fetch(_ARRAYS)
    except BaseException:
        # A server that hangs confirms no cancelling either, and the pool would wait for that.
        connection.terminate()
        raise


async def _keep(_connection: Any) -> None:
    pass


def _read_files(folder: Path) -> list[tuple[str, str]]:
    return [(path.name, path.read_text()) for path in sorted(folder.glob("*.sql"))]


def _check_order(schema: str, known: Iterable[str], ours: list[str]) -> None:
    """What was applied is what we have, as far as it goes, or newer than all of it."""
    last = max(ours, default="")
    strange = sorted(name for name in known if name not in ours and name < last)
    if strange:
        raise MigrationError(
            f"{schema}/{strange[0]} was applied and is not among ours, though {last} comes after "
            "it: another line of development made this schema; use the version that did"
        )


async def migrate(url: str, schema: str, folder: Path) -> list[str]:
    """Apply what is missing, in order, one transaction a file. Returns the names applied."""
    files = _read_files(folder)
    connection: Any = await cast("Any", asyncpg).connect(url)
    applied: list[str] = []
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        await connection.execute(f'SET search_path TO "{schema}"')
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, checksum text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = await connection.fetch("SELECT name, checksum FROM migrations")
        known: dict[str, str] = {row["name"]: row["checksum"] for row in rows}
        _check_order(schema, known, [name for name, _ in files])
        # What waits for a table makes all who come after it wait too, those that only read.
        await connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT_S}s'")
        for name, text in files:
            checksum = sha256(text.encode()).hexdigest()
            if name in known:
                if known[name] != checksum:
                    raise MigrationError(
                        f"{schema}/{name} was applied with other content; "
                        "migrations only go forward: restore it and add a new file"
                    )
                continue
            async with connection.transaction():
                await connection.execute(text)
                await connection.execute(
                    "INSERT INTO migrations (name, checksum) VALUES ($1, $2)", name, checksum
                )
            applied.append(name)
            _log.info("migration applied", schema=schema, name=name)
    finally:
        await connection.close()
    return applied
