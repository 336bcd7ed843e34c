"""Commands that read and write intervention's tables directly: they work while it is down."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from cli import mesh
from cli.errors import CliError

T = TypeVar("T")


def ask(data: Path, work: Callable[[Any], Awaitable[T]]) -> T:
    """Do something with a pool on SIQ_POSTGRES_URL, else of the mesh that runs on this machine.

    Raises:
        CliError: PostgreSQL did not do it.
    """
    from services.common import postgres
    from services.intervention.database import FAILURES
    from services.intervention.service import SCHEMA

    url = os.environ.get("SIQ_POSTGRES_URL") or mesh.require(data).env["SIQ_POSTGRES_URL"]

    async def connected() -> T:
        pool = await postgres.connect(url, schema=SCHEMA, max_size=1)
        try:
            return await work(pool)
        finally:
            await pool.close()

    try:
        return asyncio.run(connected())
    except FAILURES as error:
        raise CliError(f"PostgreSQL did not do it: {error}; is SIQ_POSTGRES_URL right?") from error
