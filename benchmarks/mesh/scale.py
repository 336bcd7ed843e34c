"""`python -m benchmarks scale`: how latency and cost grow with sessions."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, replace

import click

from benchmarks.mesh.command import measure
from benchmarks.mesh.report import Figures
from benchmarks.mesh.run import Load

SESSIONS = (1_000, 2_000, 5_000, 10_000, 20_000)


@click.command("scale")
@click.option("--active", default=0.25, show_default=True, type=click.FloatRange(0, 1))
@click.option("--flat", "per_session", default=0.0, help="Frames a second and session, instead.")
@click.option("--seconds", default=20.0, show_default=True, help="Measured time of each step.")
@click.option("--most", default=SESSIONS[-1], show_default=True, help="Sessions of the last step.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
def command(active: float, per_session: float, seconds: float, most: int, as_json: bool) -> None:
    """Measure the mesh at 1,000 to 20,000 sessions, each step on a fresh one."""
    began = time.monotonic()

    def say(message: str) -> None:
        click.secho(f"{time.monotonic() - began:6.1f} s  {message}", err=True, dim=True)

    load = Load(
        sessions=0, active=1.0 if per_session else active, rate=0.0, events=10, seconds=seconds,
        warm_s=10.0, witnesses=20, generators=2, edge_workers=1, seed=1,
    )  # fmt: skip
    steps: list[dict[str, object]] = []
    click.echo(f"{'sessions':>9}{'frames/s':>10}{'ack p99':>9}{'detect p99':>12}{'edge cores':>12}"
               f"{'µs/frame':>10}{'KiB/session':>13}", err=True)  # fmt: skip
    for sessions in [count for count in SESSIONS if count <= most]:
        step = replace(
            load,
            sessions=sessions,
            rate=per_session * sessions,
            # 20,000 open files a process is a usual bound.
            edge_workers=1 + sessions // 20_000,
            generators=2 + sessions // 20_000,
        )
        figures, _ = asyncio.run(measure(step, say, data=None, url=None, key=""))
        steps.append(asdict(figures))
        click.echo(_row(figures), err=True)
        for why in figures.doubts():
            click.secho(f"do not quote this step: {why}", err=True, fg="yellow")
    if as_json:
        click.echo(json.dumps({"steps": steps}))


def _row(figures: Figures) -> str:
    each = figures.edge_bytes_per_session
    kib = f"{each / 1024:.1f}" if each is not None else "None"
    return (
        f"{figures.sessions:>9,}{figures.frames_per_s:>10,}{figures.ack_ms['p99']:>9}"
        f"{figures.detect_ms['p99']:>12}{figures.edge_cores:>12.2f}"
        f"{figures.cpu_us_per_frame!s:>10}{kib:>13}"
    )
