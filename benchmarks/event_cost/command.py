"""`python -m benchmarks event-cost`: what an event costs at several sizes; what breaks first."""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks.event_cost.growing import Cost, grow
from benchmarks.event_cost.projection import LIMITS, at, breaks_at
from cli.engines import LogValkey, SocketFolder
from services.common.log import open_log

_FAR = 100_000_000


async def _measure(folder: Path, sizes: list[int]) -> list[Cost]:
    sockets = SocketFolder.of(folder)
    engine = LogValkey(folder / "log", sockets.create())
    log = open_log(engine.start())
    try:
        costs: list[Cost] = []
        async for cost in grow(log, engine, folder, sizes):
            click.echo(f"{cost}", err=True)
            costs.append(cost)
        return costs
    finally:
        await log.close()
        engine.stop()
        sockets.remove()


def summary(costs: list[Cost]) -> dict[str, Any]:
    """What was measured, what follows for 100 million, and the order in which things break."""
    reached = {limit.name: breaks_at(costs, limit) for limit in LIMITS}
    order = sorted((events, name) for name, events in reached.items() if events is not None)
    return {
        "sizes": [asdict(cost) for cost in costs],
        "at_100m": {
            "cpu_s": round(costs[-1].cpu_us_per_event * _FAR / 1e6),
            "analytics_gb": round(costs[-1].analytics_bytes_per_event * _FAR / 1e9, 2),
            "archive_gb": round(costs[-1].archive_bytes_per_event * _FAR / 1e9, 2),
            "count_day_s": round(at(costs, lambda cost: cost.count_day_s, _FAR), 1),
            "slowest_report_ms": round(at(costs, lambda cost: cost.slowest_report_ms, _FAR)),
            "peak_rss_mb": round(at(costs, lambda cost: cost.peak_rss_mb, _FAR)),
        },
        "breaks": [{"what": name, "at_events": round(events)} for events, name in order],
    }


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or sizes != sorted(set(sizes)) or sizes[0] < 1:
        raise click.BadParameter("expected growing numbers, as 1000000,3000000,10000000")
    return sizes


@click.command("event-cost")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
@click.option(
    "--events",
    default="1000000,3000000,10000000",
    show_default=True,
    help="Sizes of the stores, one after the other.",
)
def command(as_json: bool, events: str) -> None:
    """Measure the cost of an event as the stores grow, and project it to 100 million.

    All events are of one day and one tenant: what counting and asking takes is then the most.
    """
    with tempfile.TemporaryDirectory(prefix="siq-bench-") as name:
        result = summary(asyncio.run(_measure(Path(name), _sizes(events))))
    for broken in result["breaks"]:
        limit = next(limit for limit in LIMITS if limit.name == broken["what"])
        click.echo(f"{broken['at_events']:>16,} events: {limit.what}. Mend: {limit.mend}", err=True)
    if as_json:
        click.echo(json.dumps(result))
