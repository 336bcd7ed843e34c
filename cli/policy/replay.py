"""`sentientiq policy replay`: stored decisions, made again."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import mesh
from cli.errors import CliError
from cli.policy.documents import json_option

if TYPE_CHECKING:
    from services.intervention.deciding.replaying import Replayed


@click.command()
@click.option("--tenant", default="", help="Of one tenant only.")
@click.option("--limit", type=click.IntRange(0), default=10_000, show_default=True,
              help="The newest so many; 0: all.")  # fmt: skip
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=mesh.DEFAULT_DATA,
    show_default=True,
    help="Folder of the running mesh, where SIQ_POSTGRES_URL is not set.",
)
@json_option
def replay(tenant: str, limit: int, data: Path, as_json: bool) -> None:
    """Make stored decisions again and compare every byte. Ends with 1 if one differs."""
    import asyncpg

    url = os.environ.get("SIQ_POSTGRES_URL") or mesh.require(data).env["SIQ_POSTGRES_URL"]
    try:
        result = asyncio.run(_replay(url, tenant, limit))
    except (OSError, asyncpg.PostgresError, ValueError) as error:
        raise CliError(f"PostgreSQL did not do it: {error}; is SIQ_POSTGRES_URL right?") from error
    if as_json:
        click.echo(json.dumps(result.as_dict()))
    else:
        click.echo(
            f"{result.decisions} decisions: {result.identical} identical,"
            f" {result.differing} different, {sum(result.not_replayable.values())} not replayable"
        )
        for reason, count in result.not_replayable.items():
            click.echo(f"  {reason}: {count}")
        for id_ in result.different:
            click.echo(f"  different: {id_}")
    if result.differing:
        sys.exit(1)


async def _replay(url: str, tenant: str, limit: int) -> Replayed:
    from services.common import postgres
    from services.intervention.deciding.replaying import replay
    from services.intervention.service import SCHEMA

    pool = await postgres.connect(url, schema=SCHEMA, max_size=1)
    try:
        return await replay(pool, tenant_id=tenant, limit=limit)
    finally:
        await pool.close()
