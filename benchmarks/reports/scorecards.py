"""Scorecards of a team with very many recommendations, beside an empty call of the same process."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import click
import grpc
import grpc.aio
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sentientiq.accountability.v1 import accountability_service_pb2 as pb
from sentientiq.accountability.v1 import accountability_service_pb2_grpc as rpc

from benchmarks.reports.fill import TENANT
from cli.engines.folders import SocketFolder
from cli.engines.postgres import Postgres
from cli.engines.valkey import LogValkey
from cli.up.ports import free_address
from services.common.auth import make_token
from services.common.channels import connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_driver: Any = asyncpg  # without stubs
_START_S: Final = 30
_PEOPLE: Final = 20
_DAY_MS: Final = 86_400_000
_ROWS: Final = """
INSERT INTO recommendations (tenant_id, decision_id, session_id, person_id, company,
    value_currency, value_minor, decided_at_ms, due_at_ms, state, time_to_act_ms)
SELECT $1, md5(n::text), md5('s' || n), 'p' || n % $3, 'c' || n % 500 || '.example', 'USD',
    n % 10000000, at_ms, at_ms + 600000, state,
    CASE WHEN state IN (4, 5) THEN n % 900000 END
FROM (SELECT n, $4::bigint - (n::bigint * 7919 % 364) * 86400000 - n % 86400000 AS at_ms,
    (ARRAY[4, 4, 4, 5, 6, 7, 7, 8])[n % 8 + 1] AS state
    FROM generate_series(1, $2::int) AS n) AS made
ON CONFLICT DO NOTHING
"""


def measure(recommendations: int, calls: int) -> dict[str, float]:
    """All kinds in turn, so that whatever else the machine does is done to each."""
    with tempfile.TemporaryDirectory(prefix="siq-bench-") as name:
        folder = Path(name)
        sockets = SocketFolder.of(folder)
        path = sockets.create()
        postgres = Postgres(folder / "postgres", path, durable=False)
        log = LogValkey(folder / "log", path)
        address, secret = free_address(), secrets.token_urlsafe(32)
        env = {
            **os.environ,
            "SIQ_MESH_SECRET": secret,
            "SIQ_POSTGRES_URL": postgres.start(),
            "SIQ_LOG_URL": log.start(),
            "SIQ_LISTEN": address,
            "SIQ_LOG_LEVEL": "ERROR",
        }
        process = subprocess.Popen([sys.executable, "-m", "services.accountability"], env=env)
        try:
            token = make_token(secret, subject="bench")
            return asyncio.run(
                _measured(address, token, process, postgres.url, recommendations, calls)
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(25)
            log.stop()
            postgres.stop()
            sockets.remove()


async def _measured(
    address: str,
    token: str,
    process: subprocess.Popen[bytes],
    postgres_url: str,
    recommendations: int,
    calls: int,
) -> dict[str, float]:
    async with connect(address, token) as channel:
        await _ready(channel, process)
        await _fill(postgres_url, recommendations)
        return await _call(channel, calls)


async def _ready(channel: grpc.aio.Channel, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            await _health(channel).Check(health_pb2.HealthCheckRequest())
            return
        except grpc.aio.AioRpcError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException("accountability did not start; see above") from None
            await asyncio.sleep(0.05)


async def _fill(url: str, recommendations: int) -> None:
    connection = await _driver.connect(url, server_settings={"search_path": "accountability"})
    try:
        await connection.execute(_ROWS, TENANT, recommendations, _PEOPLE, _now_ms())
        await connection.execute("VACUUM ANALYZE recommendations")
    finally:
        await connection.close()


async def _call(channel: grpc.aio.Channel, calls: int) -> dict[str, float]:
    stub, health = rpc.AccountabilityServiceStub(channel), _health(channel)
    chance = random.Random(1)

    async def scorecard(person: str) -> None:
        request = pb.GetScorecardRequest(
            tenant_id=TENANT, person_id=person, since_ms=_now_ms() - 28 * _DAY_MS
        )
        await stub.GetScorecard(request)

    kinds: dict[str, Callable[[], Awaitable[Any]]] = {
        "empty_rpc": lambda: health.Check(health_pb2.HealthCheckRequest()),
        "scorecard": lambda: scorecard(f"p{chance.randrange(_PEOPLE)}"),
        "team_scorecard": lambda: scorecard(""),
    }
    took: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(calls):
        for name, call in kinds.items():
            began = time.perf_counter()
            await call()
            took[name].append((time.perf_counter() - began) * 1000)
    return {
        f"{name}_{part}_ms": round(float(np.percentile(values, rank)), 2)
        for name, values in took.items()
        for part, rank in (("p50", 50), ("p99", 99))
    }


def _health(channel: grpc.aio.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
