"""`python -m benchmarks identity`: what Resolve costs, and whether it grows with the identities."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import click
import numpy as np

from benchmarks.identity.caller import EMPTY, KEPT, STORE, Plan
from benchmarks.identity.fill import TENANT, fill
from benchmarks.identity.serving import Serving, serving
from services.identity.pii import Pii
from services.identity.privacy.keks import open_keks
from services.identity.privacy.vault import Vault
from services.identity.sealing import load_sealing_key

_driver: Any = asyncpg  # without stubs
_SIZES = (10_000, 100_000, 1_000_000)


async def _fill(served: Serving, begin: int, end: int) -> None:
    connection = await _driver.connect(
        served.postgres_url, server_settings={"search_path": "identity"}
    )
    try:
        if begin == 0:
            await connection.execute(
                "INSERT INTO tenants (tenant_id, name, identity_secret, emotions_to_page)"
                " VALUES ($1, '', ''::bytea, false)",
                TENANT,
            )
        secret = load_sealing_key(served.sealing_key_file).secret
        vault = Vault(open_keks(secret, "", ""), Pii(secret))
        await fill(connection, vault, begin, end)
    finally:
        await connection.close()


def _call(plan: Plan) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.identity.caller"],
        input=json.dumps(asdict(plan)) + "\n",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException("the caller failed; see above")
    return dict(json.loads(done.stdout))


def _figures(plan: Plan, called: dict[str, Any]) -> dict[str, float]:
    figures: dict[str, float] = {"identities": plan.identities, "resolve_rps": plan.rps}
    for kind, name in ((EMPTY, "empty_rpc"), (KEPT, "resolve"), (STORE, "first_resolve")):
        found = called[kind]
        p50, p99 = np.percentile(found["latency_ms"], (50, 99))
        figures[f"{name}_p50_ms"] = round(float(p50), 2)
        figures[f"{name}_p99_ms"] = round(float(p99), 2)
        figures[f"{name}_cpu_us"] = round(found["cpu_s"] / found["calls"] * 1e6, 1)
        if found["failed"]:
            raise click.ClickException(f"{found['failed']} calls failed; see above")
    figures["cpu_ratio"] = round(figures["resolve_cpu_us"] / figures["empty_rpc_cpu_us"], 2)
    return figures


@click.command()
@click.option("--most", default=_SIZES[-1], show_default=True, help="Identities of the last step.")
@click.option("--live", default=10_000, show_default=True, help="Sessions that are asked for.")
@click.option("--rps", default=2_000.0, show_default=True, help="Calls a second.")
@click.option("--seconds", default=3.0, show_default=True, help="Of each kind of call, a round.")
@click.option("--rounds", default=5, show_default=True, help="Turns of the kinds of call.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
def command(most: int, live: int, rps: float, seconds: float, rounds: int, as_json: bool) -> None:
    """Measure Resolve beside an empty call, with ten thousand to a million identities."""
    steps: list[dict[str, float]] = []
    with serving() as served:
        begin = 0
        for size in sorted({min(size, most) for size in _SIZES}):
            click.echo(f"{size:,} identities …", err=True)
            asyncio.run(_fill(served, begin, size))
            begin = size
            plan = Plan(served.address, served.secret, served.pid, size, live, rps, seconds, rounds)
            steps.append(_figures(plan, _call(plan)))
            for name, value in steps[-1].items():
                click.echo(f"{name:<24} {value:>12,}")
    if as_json:
        click.echo(json.dumps({**steps[-1], "steps": steps}))
