"""PostgreSQL: a pool, and plain SQL migrations under an advisory lock.

Each service owns one schema, named after it, and the files `migrations/NNNN_title.sql` beside its
code. Migrations only go forward; a changed file is refused by its checksum.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import asyncpg

from services.common import logs

_log = logs.get(__name__)
_LOCK = 7305_0001


class MigrationError(Exception):
    """A migration that was applied has changed since, or has vanished."""


async def connect(url: str, *, schema: str, max_size: int = 8) -> Any:
    """Open a pool whose connections see `schema` first."""
    return await asyncpg.create_pool(
        url, min_size=1, max_size=max_size, server_settings={"search_path": schema}
    )


def _read_files(folder: Path) -> list[tuple[str, str]]:
    return [(path.name, path.read_text()) for path in sorted(folder.glob("*.sql"))]


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
        known = {row["name"]: row["checksum"] for row in rows}
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
