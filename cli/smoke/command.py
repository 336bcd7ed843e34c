"""`sentientiq smoke`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import mesh
from cli.errors import CliError

if TYPE_CHECKING:
    from cli.smoke.verdict import Verdict

_SHOWN = 10


@click.command()
@click.option("--start", is_flag=True, help="Start a private mesh for the run and stop it after.")
@click.option("--visitors", type=click.IntRange(1, 2_000), default=200, show_default=True)
@click.option(
    "--slow-provider",
    is_flag=True,
    help="The provider takes 1 s, and fails once for each text; texts may then take 3 s.",
)
@click.option("--json", "as_json", is_flag=True, help="Only the JSON line on standard output.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=mesh.DEFAULT_DATA,
    show_default=True,
    help="Folder of the running mesh.",
)
def command(start: bool, visitors: int, slow_provider: bool, as_json: bool, data: Path) -> None:
    """Check the whole line: visitors in rage are helped, owners get a text and act.

    Each visitor of a company of their own hammers a dead button at the checkout; the page must
    show help (p99 under 300 ms), the owner must get a text (p99 under 1 s), open it and send an
    offer, which must reach the page (p99 under 1 s), the visitor must take it, and the
    recommendation must end ACTED. The log is read back: nothing acknowledged may be lost, nothing
    may happen twice. Exits with 0 only then.
    """
    began = time.monotonic()

    def say(message: str) -> None:
        click.secho(f"{time.monotonic() - began:6.1f} s  {message}", err=True, dim=True)

    verdict = asyncio.run(
        _start_and_run(visitors, slow_provider, say)
        if start
        else _run(data, visitors, slow_provider, say)
    )
    if not as_json:
        _show(verdict)
    for kind in ("lost", "duplicated", "problems"):
        texts: list[str] = getattr(verdict, kind)
        for text in texts[:_SHOWN]:
            click.secho(f"{kind}: {text}", err=True, fg="red")
        if len(texts) > _SHOWN:
            click.secho(f"{kind}: and {len(texts) - _SHOWN} more", err=True, fg="red")
    if verdict.generator_was_late:
        click.secho(
            f"presses went out up to {verdict.late_ms['p99']:.0f} ms (p99) late: this machine was "
            "busy with other things, and the latencies count that in",
            err=True,
            fg="yellow",
        )
    click.echo(json.dumps({**verdict.as_json(), "seconds": round(time.monotonic() - began, 1)}))
    raise SystemExit(0 if verdict.holds else 1)


async def _start_and_run(visitors: int, slow: bool, say: Callable[[str], None]) -> Verdict:
    from cli.smoke.private import private_mesh

    async with private_mesh() as (data, running):
        say(f"private mesh up, {len(running.processes)} processes")
        return await _run(data, visitors, slow, say)


async def _run(data: Path, visitors: int, slow: bool, say: Callable[[str], None]) -> Verdict:
    from cli.smoke.run import Run

    running = mesh.require(data)
    if "sandbox" not in running.urls:
        raise CliError(
            "this mesh sends real text messages: run `sentientiq smoke --start` for a private one"
        )
    secret = mesh.mesh_secret(data)
    return await Run(running, secret, visitors, say, slow_provider=slow).play()


def _show(verdict: Verdict) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2))
    for title in ("ms", "p50", "p99", "p99.9", "max"):
        table.add_column(title, justify="right")
    for name, row in (
        ("help in the page", verdict.intervention_ms),
        ("text to the owner", verdict.alert_ms),
        ("act to the page", verdict.act_ms),
        ("generator late", verdict.late_ms),
    ):
        table.add_row(name, *(f"{row[key]:.1f}" for key in ("p50", "p99", "p999", "max")))
    console = Console(highlight=False)
    console.print(table)
    word = "[green]the line holds[/]" if verdict.holds else "[red]the line does not hold[/]"
    console.print(
        f"{word}: {verdict.interventions} helped, {verdict.acted} acted of {verdict.visitors},"
        f" {len(verdict.lost)} lost, {len(verdict.duplicated)} duplicated"
    )
