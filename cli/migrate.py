"""Apply every service's migrations to one PostgreSQL."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def schemas() -> dict[str, Path]:
    """Each service that owns a schema, with the folder of its migrations."""
    spec = importlib.util.find_spec("services")
    roots = [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []
    return {
        folder.parent.name: folder
        for root in roots
        for folder in sorted(root.glob("*/migrations"))
        if any(folder.glob("*.sql"))
    }


async def migrate_all(url: str) -> dict[str, list[str]]:
    """Apply what is missing, service by service. Returns the files applied.

    Raises:
        services.common.postgres.MigrationError: an applied file has changed.
        OSError, asyncpg.PostgresError: the database cannot be reached, or refuses a statement.
    """
    from services.common.postgres import migrate

    return {name: await migrate(url, name, folder) for name, folder in schemas().items()}
