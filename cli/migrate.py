"""Apply every service's migrations to one PostgreSQL, and those of analytics to ClickHouse."""

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


async def migrate_analytics(url: str) -> list[str]:
    """Apply what is missing to analytics. Returns the migrations applied.

    Raises:
        services.pipeline.analytics.AnalyticsError: the engine is away or refuses, or an applied
            file has changed.
        ValueError: the URL names no engine.
    """
    from services.pipeline.analytics import open_analytics

    analytics = open_analytics(url)
    try:
        return await analytics.migrate()
    finally:
        await analytics.close()
