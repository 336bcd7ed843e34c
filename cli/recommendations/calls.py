"""Accountability as the commands use it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from cli import mesh
from cli.errors import CliError

T = TypeVar("T")
_VARIABLE = "SIQ_ACCOUNTABILITY_ADDR"


def ask(data: Path, call: Callable[[Any], Awaitable[T]]) -> T:
    """Call AccountabilityService at SIQ_ACCOUNTABILITY_ADDR, else of the mesh on a data folder.

    Raises:
        CliError: there is none, or the call failed.
    """
    from sentientiq.accountability.v1.accountability_service_pb2_grpc import (
        AccountabilityServiceStub,
    )

    from cli.tenants import open_channel

    address = os.environ.get(_VARIABLE) or mesh.require(data).env[_VARIABLE]
    secret = mesh.mesh_secret(data)

    async def talk() -> T:
        async with open_channel(address, secret, "accountability") as channel:
            return await call(AccountabilityServiceStub(channel))

    return asyncio.run(talk())


def rebuild(data: Path, *, drop: bool) -> Any:
    """Make the ledger again from the log. Returns what was done.

    Raises:
        CliError: an engine did not do it, or the log has been trimmed.
    """
    from services.accountability.rebuild import LogTrimmed, rebuild
    from services.accountability.store import AWAY, SCHEMA
    from services.accountability.timers import HeardUntil
    from services.common import postgres
    from services.common.log import LogUnavailable, open_log

    env = os.environ
    named = {
        name: env.get(name) or mesh.require(data).env[name]
        for name in ("SIQ_POSTGRES_URL", "SIQ_LOG_URL")
    }

    async def work() -> Any:
        log = open_log(named["SIQ_LOG_URL"])
        try:
            pool = await postgres.connect(named["SIQ_POSTGRES_URL"], schema=SCHEMA, max_size=2)
            try:
                heard_until = HeardUntil(log, "accountability", 2_000)
                await heard_until.advance()
                return await rebuild(pool, log, heard_until, drop=drop)
            finally:
                await pool.close()
        finally:
            await log.close()

    try:
        return asyncio.run(work())
    except LogTrimmed as error:
        raise CliError(f"{error}: leave out --drop") from error
    except LogUnavailable as error:
        raise CliError(f"{error}; is SIQ_LOG_URL right, and its server up?") from error
    except AWAY as error:
        raise CliError(f"PostgreSQL did not do it: {error}; is SIQ_POSTGRES_URL right?") from error
