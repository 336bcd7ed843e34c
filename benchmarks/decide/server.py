"""Intervention and identity as processes of their own, on real engines."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import grpc.aio

from benchmarks.mesh.usage import cpu_s
from cli.engines import LogValkey, Postgres, StateValkey
from cli.engines.folders import SocketFolder
from cli.tenants import open_tenants
from cli.up.ports import free_address
from services.common.auth import make_token
from services.common.channels import connect

_START_S = 30
_PIECES = 40
"""Of PostgreSQL's own log, 16 MB each: more than a run writes."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask, and what it costs there."""

    address: str
    token: str
    pids: dict[str, int]
    """By name: the service, PostgreSQL (its backends are its children), the log."""

    def cpu_s(self) -> dict[str, float]:
        """Processor time of each so far, all threads and children."""
        return {name: cpu_s(pid) for name, pid in self.pids.items()}


@asynccontextmanager
async def running(
    tenant: str, policy: bytes, *, new_cluster: bool = False
) -> AsyncGenerator[Server]:
    """Run both until the block ends, with the tenant and its policy in force.

    Args:
        new_cluster: PostgreSQL has just been made, and makes each piece of its log as it comes
            to it; after its first checkpoints it has them, and writes them anew.
    """
    with tempfile.TemporaryDirectory(prefix="siq-bench-") as name:
        folder = Path(name)
        sockets = SocketFolder.of(folder)
        path = sockets.create()
        engines = (
            Postgres(folder / "postgres", path),
            StateValkey(folder / "state", path),
            LogValkey(folder / "log", path),
        )
        secret, identity, own = secrets.token_urlsafe(32), free_address(), free_address()
        env = {
            **os.environ,
            "SIQ_MESH_SECRET": secret,
            "SIQ_SEALING_KEY_FILE": str(folder / "sealing.key"),
            "SIQ_IDENTITY_ADDR": identity,
            "SIQ_HTTP_LISTEN": free_address(),
            "SIQ_LOG_LEVEL": "ERROR",
        }
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for variable, engine in zip(
                ("SIQ_POSTGRES_URL", "SIQ_STATE_URL", "SIQ_LOG_URL"), engines, strict=True
            ):
                env[variable] = engine.start()
            for module, address in (
                ("services.identity", identity), ("services.intervention", own),
            ):  # fmt: skip
                # Nothing else runs on this loop yet.
                process = subprocess.Popen(  # noqa: ASYNC220
                    [sys.executable, "-m", module],
                    env={**env, "SIQ_LISTEN": address},
                    start_new_session=True,  # as `sentientiq up` does
                )
                processes.append(process)
                await _ready(address, make_token(secret, subject="benchmark"))
            if not new_cluster:
                await _lay_out_log(env["SIQ_POSTGRES_URL"])
            async with open_tenants(identity, secret) as tenants:
                await tenants.put_tenant(tenant, "Benchmark", identity_secret="")
                await tenants.put_config(tenant, "policy", policy)
            pids = {"service": processes[-1].pid}
            pids |= {engine.name: engine.pid for engine in engines if engine.pid is not None}
            yield Server(own, make_token(secret, subject="benchmark"), pids)
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(25)
            for engine in engines:
                engine.stop()
            sockets.remove()


async def _lay_out_log(url: str) -> None:
    """Have PostgreSQL make the pieces of its log and keep them, as a while of service does."""
    driver: Any = asyncpg
    connection = await driver.connect(url)
    try:
        await connection.execute(f"ALTER SYSTEM SET min_wal_size = '{_PIECES * 16}MB'")
        await connection.execute("SELECT pg_reload_conf()")
        for _ in range(_PIECES):
            await connection.execute("SELECT pg_logical_emit_message(false, 'benchmark', '')")
            await connection.execute("SELECT pg_switch_wal()")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _ready(address: str, token: str) -> None:
    async with asyncio.timeout(_START_S), connect(address, token) as channel:
        await _channel_ready(channel)


async def _channel_ready(channel: grpc.aio.Channel) -> None:
    await channel.channel_ready()
