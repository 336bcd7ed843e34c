"""`python -m benchmarks scorecard`: GetScorecard over a full ledger, beside an empty call."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sentientiq.accountability.v1 import accountability_service_pb2 as pb
from sentientiq.accountability.v1.accountability_service_pb2_grpc import AccountabilityServiceStub

from benchmarks.mesh.usage import cpu_s
from benchmarks.scorecard.fill import PEOPLE, TEAMS, fill
from cli.engines.folders import SocketFolder
from cli.engines.postgres import Postgres
from cli.engines.valkey import LogValkey
from cli.up.ports import free_address
from services.accountability.sums import DAY_MS
from services.common.auth import make_token
from services.common.channels import connect

_TENANT = "bench"
_QUANTILES = {"p50": 50.0, "p99": 99.0, "p999": 99.9, "max": 100.0}
_READY_S = 30.0
_EMPTY = "empty_rpc"


@click.command()
@click.option("--recommendations", default=100_000, show_default=True)
@click.option("--days", default=90, show_default=True, help="Over which they are spread.")
@click.option("--calls", default=200, show_default=True, help="Of each kind, a round.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
def command(recommendations: int, days: int, calls: int, rounds: int, as_json: bool) -> None:
    """Measure scorecards beside an empty call of the same process, one call at a time."""
    with tempfile.TemporaryDirectory(prefix="siq-bench-") as name:
        folder = Path(name)
        sockets = SocketFolder.of(folder)
        path = sockets.create()
        engines = (
            Postgres(folder / "postgres", path, durable=False),
            LogValkey(folder / "log", path),
        )
        try:
            postgres_url, log_url = (engine.start() for engine in engines)
            end_ms = time.time_ns() // 1_000_000 // DAY_MS * DAY_MS + DAY_MS
            click.echo(f"{recommendations:,} recommendations …", err=True)
            asyncio.run(
                fill(postgres_url, tenant=_TENANT, count=recommendations, days=days, end_ms=end_ms)
            )
            figures = _measured(postgres_url, log_url, end_ms, days, calls, rounds)
        finally:
            for engine in engines:
                engine.stop()
            sockets.remove()
    result: dict[str, Any] = {"recommendations": recommendations, "days": days, **figures}
    for name, value in result.items():
        click.echo(f"{name:<36} {value}")
    if as_json:
        click.echo(json.dumps(result))


def _measured(
    postgres_url: str, log_url: str, end_ms: int, days: int, calls: int, rounds: int
) -> dict[str, Any]:
    address, secret = free_address(), secrets.token_urlsafe(32)
    env = {
        **os.environ,
        "SIQ_MESH_SECRET": secret,
        "SIQ_POSTGRES_URL": postgres_url,
        "SIQ_LOG_URL": log_url,
        "SIQ_LISTEN": address,
        "SIQ_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen([sys.executable, "-m", "services.accountability"], env=env)
    try:
        token = make_token(secret, subject="bench", tenant_id=_TENANT, role="team")
        return asyncio.run(_ask(address, token, process.pid, end_ms, days, calls, rounds))
    finally:
        process.terminate()
        process.wait(25)


def _requests(end_ms: int, days: int) -> dict[str, pb.GetScorecardRequest]:
    """Kinds of card: whose, and over how long. Each comes with that of the period before."""
    since = end_ms - days // 2 * DAY_MS

    def card(
        since_ms: int, until_ms: int = end_ms, person: str = "", team: str = ""
    ) -> pb.GetScorecardRequest:
        return pb.GetScorecardRequest(
            tenant_id=_TENANT, since_ms=since_ms, until_ms=until_ms, person_id=person, team=team
        )

    return {
        "person": card(since, person=PEOPLE[3]),
        "team": card(since, team=TEAMS[1]),
        "tenant": card(since),
        "tenant_week": card(end_ms - 7 * DAY_MS),
        "tenant_parts_of_days": card(since + DAY_MS // 3, end_ms - DAY_MS // 3),
    }


async def _ask(
    address: str, token: str, pid: int, end_ms: int, days: int, calls: int, rounds: int
) -> dict[str, Any]:
    channel = connect(address, token)
    stub: Any = AccountabilityServiceStub(channel)
    health: Any = health_pb2_grpc.HealthStub(channel)
    empty = health_pb2.HealthCheckRequest()
    kinds: dict[str, Callable[[], Awaitable[Any]]] = {
        name: partial(stub.GetScorecard, request)
        for name, request in _requests(end_ms, days).items()
    }
    kinds[_EMPTY] = partial(health.Check, empty)
    await health.Check(empty, wait_for_ready=True, timeout=_READY_S)
    found: dict[str, list[float]] = {name: [] for name in kinds}
    spent: dict[str, float] = dict.fromkeys(kinds, 0.0)
    for call in list(kinds.values()) * 10:  # statements are planned anew the first few times
        await call()
    for _ in range(rounds):
        for name, call in kinds.items():
            before = cpu_s(pid)
            for _ in range(calls):
                began = time.perf_counter()
                await call()
                found[name].append((time.perf_counter() - began) * 1e3)
            spent[name] += cpu_s(pid) - before
    await channel.close()
    figures: dict[str, Any] = {}
    for name, taken in found.items():
        quantiles = np.percentile(taken, list(_QUANTILES.values()))
        figures[f"{name}_ms"] = {
            word: round(float(value), 2) for word, value in zip(_QUANTILES, quantiles, strict=True)
        }
        figures[f"{name}_cpu_us"] = round(spent[name] / len(taken) * 1e6)
    worst = max(figures[f"{name}_ms"]["p99"] for name in kinds if name != _EMPTY)
    figures["scorecard_p99_ms"] = worst
    figures["empty_rpc_p99_ms"] = figures[f"{_EMPTY}_ms"]["p99"]
    figures["over_empty_p99_ms"] = round(worst - figures["empty_rpc_p99_ms"], 2)
    return figures
