"""`python -m benchmarks edge`: what a frame costs the edge, by stage, at several rates."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from benchmarks.edge.sampler import VARIABLE
from benchmarks.edge.spent import Spent, spent_between
from benchmarks.mesh.report import Figures, report
from benchmarks.mesh.run import Load, play, provisioned
from cli.smoke.private import private_mesh
from cli.up.plan import python_path

if TYPE_CHECKING:
    from collections.abc import Callable

_HOOK: Final = Path(__file__).parent / "hook"
_WITNESSES: Final = 10


@dataclass(frozen=True, slots=True)
class Rate:
    """One run."""

    frames_per_s: int
    us_per_frame: dict[str, float]
    """By stage; `threads` is what gRPC's own take, `all` the process."""
    kernel_share: float
    cores: dict[str, float]
    ack_ms: dict[str, float]
    doubts: list[str]


@click.command("edge")
@click.option("--sessions", default=10_000, show_default=True, help="Live sessions.")
@click.option(
    "--rate",
    "rates",
    multiple=True,
    type=float,
    default=(2_500, 5_000, 10_000),
    show_default=True,
    help="Frames a second; may be given several times.",
)
@click.option("--events", default=10, show_default=True, help="Events a frame.")
@click.option("--seconds", default=20.0, show_default=True, help="Measured time a rate.")
@click.option("--warm", "warm_s", default=5.0, show_default=True, help="Seconds dropped before.")
@click.option("--generators", default=2, show_default=True, help="Processes that make the load.")
@click.option("--plain", is_flag=True, help="Sample nothing: only `all` is told.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
def command(rates: tuple[float, ...], plain: bool, as_json: bool, **rest: float) -> None:
    """Measure what a frame costs the edge, by stage, on a private mesh for each rate."""
    began = time.monotonic()

    def say(message: str) -> None:
        click.secho(f"{time.monotonic() - began:6.1f} s  {message}", err=True, dim=True)

    found: list[Rate] = []
    for rate in rates:
        load = Load(
            sessions=int(rest["sessions"]),
            active=1.0,
            rate=rate,
            events=int(rest["events"]),
            seconds=rest["seconds"],
            warm_s=rest["warm_s"],
            witnesses=_WITNESSES,
            generators=int(rest["generators"]),
            edge_workers=1,
            seed=1,
            read_back=False,
        )
        found.append(asyncio.run(_measure(load, say, sampled=not plain)))
        for why in found[-1].doubts:
            click.secho(f"  {why}", err=True, fg="yellow")
    _show(found)
    if as_json:
        click.echo(json.dumps({"rates": [asdict(each) for each in found]}))


async def _measure(load: Load, say: Callable[[str], None], *, sampled: bool) -> Rate:
    with tempfile.TemporaryDirectory(prefix="siq-edge-") as folder:
        samples = Path(folder) / "samples"
        async with private_mesh("--leftover", env=_env(samples) if sampled else {}) as (data, _):
            found, timeline = await play(await provisioned(data), load, say)
        spent = spent_between(samples, timeline.start, timeline.start + load.seconds)
    return _rate(report(found), spent, load.seconds)


def _env(samples: Path) -> dict[str, str]:
    given = (*python_path().values(), os.environ.get("PYTHONPATH", ""))
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_HOOK), *given))),
        VARIABLE: str(samples),
    }


def _rate(figures: Figures, spent: Spent | None, seconds: float) -> Rate:
    frames = max(figures.frames_per_s * seconds, 1)
    stages = {} if spent is None else {name: s / frames * 1e6 for name, s in spent.stages_s.items()}
    return Rate(
        frames_per_s=figures.frames_per_s,
        us_per_frame={
            **{name: round(us, 2) for name, us in stages.items()},
            "all": figures.cpu_us_per_frame or 0.0,
        },
        kernel_share=0.0 if spent is None else round(spent.kernel_share, 3),
        cores=figures.cores,
        ack_ms=figures.ack_ms,
        doubts=figures.doubts(),
    )


def _show(found: list[Rate]) -> None:
    """A row a stage, a column a rate."""
    click.echo(f"{'us a frame at':16}" + "".join(f"{each.frames_per_s:>9,}" for each in found))
    for name in found[0].us_per_frame:
        row = "".join(f"{each.us_per_frame.get(name, 0.0):9.1f}" for each in found)
        click.echo(f"{name:16}{row}")
    click.echo(f"{'in the kernel':16}" + "".join(f"{each.kernel_share:9.0%}" for each in found))
    for name in found[0].cores:
        row = "".join(f"{each.cores.get(name, 0.0):9.3f}" for each in found)
        click.echo(f"{name:16}{row}")
