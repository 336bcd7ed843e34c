"""`python -m benchmarks decide`: Decide under load, and an empty call under the same load."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import click

from benchmarks.decide import rules as load
from benchmarks.decide.evaluate import evaluation_us
from benchmarks.decide.server import Server, running
from benchmarks.mesh.usage import machine_busy_s

TENANT = "benchmark"
_WARM_S = 2.0
_QUANTILES = ("p50", "p99", "p999", "max")


async def measure(
    rules: int, rps: int, seconds: float, rounds: int, *, new_cluster: bool
) -> dict[str, Any]:
    """Rounds of both by turns; medians over the rounds."""
    document = load.document(rules)
    found: dict[str, list[dict[str, Any]]] = {"decide": [], "empty": []}
    async with running(TENANT, document, new_cluster=new_cluster) as server:
        await asyncio.to_thread(_generate, server, "decide", rules, rps / 4, _WARM_S, 0)
        for number in range(rounds):
            for method in ("empty", "decide"):
                before, began_s, busy_s = server.cpu_s(), time.monotonic(), machine_busy_s()
                result = await asyncio.to_thread(
                    _generate, server, method, rules, rps, seconds, number + 1
                )
                if result["failed"]:
                    raise click.ClickException(f"{result['failed']} calls of {method} failed")
                took = {name: after - before[name] for name, after in server.cpu_s().items()}
                took["generator"] = result["cpu_s"]
                result["cpu_us"] = {
                    name: spent / (rps * seconds) * 1e6 for name, spent in took.items()
                }
                # What nobody here took, some other program did: then latencies say little.
                others_s = machine_busy_s() - busy_s - sum(took.values())
                result["cores"] = {
                    "all": os.cpu_count() or 1,
                    "foreign": max(0.0, others_s / (time.monotonic() - began_s)),
                    **{name: spent / seconds for name, spent in took.items()},
                }
                found[method].append(result)
                click.echo(f"round {number + 1} {method}: {result}", err=True)

    decide, empty = _Medians(found["decide"]), _Medians(found["empty"])
    return {
        "rps": statistics.median(one["rps"] for one in found["decide"]),
        "p99_ms": decide.of("ms", "p99"),
        "empty_rpc_p99_ms": empty.of("ms", "p99"),
        "rules": rules,
        "new_cluster": new_cluster,
        "decide_ms": {name: decide.of("ms", name) for name in _QUANTILES},
        "empty_rpc_ms": {name: empty.of("ms", name) for name in _QUANTILES},
        "generator_late_p99_ms": decide.of("late_ms", "p99"),
        "cpu_us_per_decision": decide.of("cpu_us", "service"),
        "cpu_us_per_empty_rpc": empty.of("cpu_us", "service"),
        "decide_cpu_us": decide.all("cpu_us"),
        "empty_rpc_cpu_us": empty.all("cpu_us"),
        "decide_cores": decide.all("cores"),
        "empty_rpc_cores": empty.all("cores"),
        "evaluation_us": evaluation_us(document),
        "rounds": rounds,
    }


class _Medians:
    """Over the rounds of one kind."""

    def __init__(self, rounds: list[dict[str, Any]]) -> None:
        self._rounds = rounds

    def of(self, group: str, name: str) -> float:
        """The median of a figure."""
        values: list[float] = [one[group][name] for one in self._rounds]
        return round(statistics.median(values), 2)

    def all(self, group: str) -> dict[str, float]:
        """The medians of a group's figures."""
        return {name: self.of(group, name) for name in self._rounds[0][group]}


def _generate(
    server: Server, method: str, rules: int, rps: float, seconds: float, seed: int
) -> dict[str, Any]:
    plan = {
        "address": server.address, "token": server.token, "method": method, "tenant": TENANT,
        "rules": rules, "rps": rps, "seconds": seconds, "seed": seed,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.decide.generator"],
        input=json.dumps(plan), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise click.ClickException(f"the generator ended with {done.returncode}: {done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@click.command("decide")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
@click.option("--rules", default=100, show_default=True, help="Rules of the policy.")
@click.option("--rps", default=2_000, show_default=True, help="Calls a second, open loop.")
@click.option("--seconds", default=10.0, show_default=True, help="Of each round.")
@click.option("--rounds", default=3, show_default=True, help="Of both; medians are quoted.")
@click.option(
    "--new-cluster",
    is_flag=True,
    help="PostgreSQL as initdb leaves it: each 16 MB of its log are made while somebody waits.",
)
def command(
    as_json: bool, rules: int, rps: int, seconds: float, rounds: int, new_cluster: bool
) -> None:
    """Measure Decide beside an empty call, from a process of its own."""
    result = asyncio.run(measure(rules, rps, seconds, rounds, new_cluster=new_cluster))
    for name, value in result.items():
        click.echo(f"{name:24} {value}", err=True)
    if as_json:
        click.echo(json.dumps(result))
