"""`python -m benchmarks reports`: every report over very many events, and scorecards."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import click

from benchmarks.reports.fill import TENANT, fill
from benchmarks.reports.scorecards import measure
from benchmarks.reports.waited_for import PROOF
from services.pipeline.analytics import EmbeddedAnalytics
from services.pipeline.report_files import load_reports
from services.pipeline.reports import Reports

_MARGIN_MS: Final = 20.0
_SLOWEST_MS: Final = 300.0


async def _reports(events: int, runs: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="siq-bench-") as name:
        engine = EmbeddedAnalytics(Path(name))
        await engine.migrate()
        try:
            await fill(engine, events)
            return await _timed(Reports(engine), runs)
        finally:
            await engine.close()


async def _timed(reports: Reports, runs: int) -> dict[str, dict[str, float]]:
    wall: dict[str, list[float]] = {name: [] for name in load_reports()}
    cpu: dict[str, list[float]] = {name: [] for name in wall}
    rows: dict[str, int] = {}
    for _ in range(runs):
        # In turn, so that a moment in which the machine is busy is not one report's alone.
        for name in wall:
            began, spent = time.perf_counter(), sum(os.times()[:2])
            rows[name] = (await reports.run(TENANT, name, {})).rows
            wall[name].append((time.perf_counter() - began) * 1000)
            cpu[name].append((sum(os.times()[:2]) - spent) * 1000)
    return {
        name: {
            "ms": round(statistics.median(wall[name]), 1),
            "cpu_ms": round(statistics.median(cpu[name]), 1),
            "rows": rows[name],
        }
        for name in wall
    }


@click.command()
@click.option("--events", default=10_000_000, show_default=True, help="Of one tenant, in 30 days.")
@click.option("--runs", default=7, show_default=True, help="Of each report; the median counts.")
@click.option(
    "--recommendations", default=100_000, show_default=True, help="Of 20 people, in a year."
)
@click.option("--calls", default=500, show_default=True, help="Of each kind.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
def command(events: int, runs: int, recommendations: int, calls: int, as_json: bool) -> None:
    """Run every report with its defaults: over all days there are."""
    click.echo(f"{events:,} events …", err=True)
    reports = asyncio.run(_reports(events, runs))
    for name, found in sorted(reports.items(), key=lambda item: -item[1]["ms"]):
        click.echo(
            f"{name:<26} {found['ms']:>9,.1f} ms {found['cpu_ms']:>9,.1f} ms of processors"
            f" {found['rows']:>7,.0f} rows"
        )
    click.echo(f"{recommendations:,} recommendations …", err=True)
    cards = measure(recommendations, calls)
    for name, value in cards.items():
        click.echo(f"{name:<26} {value:>9,.2f}")
    proof = reports.pop(PROOF)
    slowest = max(found["ms"] for found in reports.values())
    over = cards["scorecard_p99_ms"] - cards["empty_rpc_p99_ms"]
    click.echo(f"slowest report {slowest:,.1f} ms (at most {_SLOWEST_MS:g})")
    click.echo(f"a scorecard's p99 is {over:.1f} ms over an empty call's (at most {_MARGIN_MS:g})")
    if as_json:
        click.echo(
            json.dumps(
                {
                    "events": events,
                    "slowest_report_ms": slowest,
                    "row_hashes_ms": proof["ms"],
                    **cards,
                    "reports": reports,
                }
            )
        )
