"""`python -m benchmarks mesh`: latency and cost of the whole mesh under many live sessions."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.mesh.report import Figures, report
from benchmarks.mesh.run import Load, Target, play, provisioned
from cli.smoke.private import private_mesh

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.mesh.run import Timeline


@click.command("mesh")
@click.option("--sessions", default=10_000, show_default=True, help="Live sessions.")
@click.option(
    "--active",
    default=0.25,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of them that visit; the others only stay.",
)
@click.option(
    "--flat",
    "rate",
    default=0.0,
    help="Frames a second in all, evenly over all sessions, instead of simulated visitors.",
)
@click.option("--events", default=10, show_default=True, help="Events a frame, with --flat.")
@click.option("--seconds", default=60.0, show_default=True, help="Measured time.")
@click.option("--warm", "warm_s", default=10.0, show_default=True, help="Seconds dropped before.")
@click.option(
    "--witnesses",
    default=100,
    show_default=True,
    help="Visitors in rage whose owners get a text: help, alerts, losses, repeats.",
)
@click.option("--generators", default=2, show_default=True, help="Processes that make the load.")
@click.option("--edge-workers", default=1, show_default=True, help="Edge processes.")
@click.option("--seed", default=1, show_default=True, help="Of visitors and mix.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Measure the mesh that runs on this folder, instead of a private one.",
)
@click.option("--url", help="Measure any edge, ws://host:port; only what a page sees. Needs --key.")
@click.option("--key", default="", help="Publishable key for --url; its tenant shows emotions.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write a chart as PNG."
)
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
def command(
    rate: float,
    active: float,
    data: Path | None,
    url: str | None,
    key: str,
    plot: Path | None,
    as_json: bool,
    **rest: float,
) -> None:
    """Measure the whole mesh, each process of its own, under an open-loop load.

    Latency counts from the moment a frame was meant to go out, so a mesh that falls behind cannot
    hide it. What each figure means: benchmarks/README.md.
    """
    load = Load(
        active=1.0 if rate else active,
        rate=rate,
        sessions=int(rest["sessions"]),
        events=int(rest["events"]),
        seconds=rest["seconds"],
        warm_s=rest["warm_s"],
        witnesses=int(rest["witnesses"]),
        generators=int(rest["generators"]),
        edge_workers=int(rest["edge_workers"]),
        seed=int(rest["seed"]),
    )
    began = time.monotonic()

    def say(message: str) -> None:
        click.secho(f"{time.monotonic() - began:6.1f} s  {message}", err=True, dim=True)

    measuring = measure(load, say, data=data, url=url, key=key)
    figures, timeline = asyncio.run(measuring)
    for name, value in asdict(figures).items():
        click.echo(f"{name:28} {value}", err=True)
    for why in figures.doubts():
        click.secho(f"do not quote these figures: {why}", err=True, fg="yellow")
    if plot is not None:
        from benchmarks.mesh.plot import draw

        draw(timeline, figures, plot)
    if as_json:
        click.echo(json.dumps(asdict(figures)))


async def measure(
    load: Load,
    say: Callable[[str], None],
    *,
    data: Path | None,
    url: str | None,
    key: str,
) -> tuple[Figures, Timeline]:
    """Run once and return the figures."""
    if url is not None:
        found, timeline = await play(Target(url, key), load, say)
    elif data is not None:
        found, timeline = await play(await provisioned(data), load, say)
    else:
        options = ("--leftover", "--edge-workers", str(load.edge_workers))
        async with private_mesh(*options) as (folder, running):
            say(f"private mesh up, {len(running.processes)} processes")
            found, timeline = await play(await provisioned(folder), load, say)
    return report(found), timeline
