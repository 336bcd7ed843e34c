"""`sentientiq migrate`: bring PostgreSQL and ClickHouse to the schemas of this version."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from cli import mesh
from cli.errors import CliError


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=mesh.DEFAULT_DATA,
    show_default=True,
    help="Folder of the running mesh, where SIQ_POSTGRES_URL is not set.",
)
def command(data: Path) -> None:
    """Apply every service's migrations to PostgreSQL, and those of analytics to ClickHouse.

    To SIQ_POSTGRES_URL, else to the mesh that runs on this machine; to SIQ_ANALYTICS_URL where it
    is set. Safe to repeat and to run from several places at once.
    """
    import asyncpg

    from cli.migrate import migrate_all, migrate_analytics
    from services.common.postgres import MigrationError
    from services.pipeline.analytics import AnalyticsError

    url = os.environ.get("SIQ_POSTGRES_URL") or mesh.require(data).env["SIQ_POSTGRES_URL"]
    try:
        applied = asyncio.run(migrate_all(url))
    except MigrationError as error:
        raise CliError(str(error)) from error
    except (OSError, asyncpg.PostgresError, ValueError) as error:
        raise CliError(f"PostgreSQL did not do it: {error}; is SIQ_POSTGRES_URL right?") from error
    if analytics := os.environ.get("SIQ_ANALYTICS_URL"):
        try:
            applied["analytics"] = asyncio.run(migrate_analytics(analytics))
        except (AnalyticsError, ValueError) as error:
            raise CliError(f"analytics did not do it: {error}{_mend(analytics)}") from error
    for schema, names in applied.items():
        click.echo(f"{schema}: {', '.join(names) if names else 'nothing to do'}")


def _mend(url: str) -> str:
    if url.startswith("chdb:"):
        return "\none process may open this folder: if a pipeline runs on it, that has migrated it"
    return "\nis SIQ_ANALYTICS_URL right, and may its user create tables?"
