"""`sentientiq replay`."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cli import mesh
from cli.errors import CliError


class _Speed(click.ParamType[Any]):
    name = "FACTOR|max"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        if value is None or value == "max":
            return None
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not 0.01 <= speed <= 1000:
            self.fail("expected a factor from 0.01 to 1000, or max", param, ctx)
        return speed


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--speed",
    type=_Speed(),
    default="1.0",
    show_default=True,
    help="1.0 plays in real time; max as fast as acks and rate limits allow.",
)
@click.option("--sessions", type=click.IntRange(1), default=100, show_default=True, help="At once.")
@click.option("--url", help="WebSocket of the edge; default: the mesh that runs here.")
@click.option("--key", help="Publishable key; default: the demo tenant's.")
@click.option("--origin", help="Origin header; default: the demo shop's.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=mesh.DEFAULT_DATA,
    show_default=True,
    help="Folder of the running mesh.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the totals as one JSON line, last.")
def command(
    files: tuple[str, ...],
    speed: float | None,
    sessions: int,
    url: str | None,
    key: str | None,
    origin: str | None,
    data: Path,
    as_json: bool,
) -> None:
    """Play recordings (NDJSON, also .gz) through a running mesh.

    Each session starts when its turn comes and keeps its own times; each of its streams is one
    WebSocket connection. Exits with 1 when something sent was never acknowledged.
    """
    from cli.replay.frames import read_sessions
    from cli.replay.player import Where
    from hotpath.recording import RecordingError

    where = Where(*_door(data, url, key, origin))
    try:
        recorded = read_sessions(list(files))
    except RecordingError as error:
        raise CliError(str(error)) from error
    began = time.monotonic()
    totals = asyncio.run(_play_all(recorded, where, speed, sessions))
    result = {
        "sessions": len(recorded),
        **asdict(totals),
        "errors": dict(totals.errors),
        "emotions": dict(totals.emotions),
        "seconds": round(time.monotonic() - began, 2),
    }
    if as_json:
        click.echo(json.dumps(result))
    else:
        for name, value in result.items():
            click.echo(f"{name:>14}  {json.dumps(value) if isinstance(value, dict) else value}")
    if totals.lost:
        raise SystemExit(1)


def _door(
    data: Path, url: str | None, key: str | None, origin: str | None
) -> tuple[str, str, str | None]:
    if url and key:
        return url, key, origin
    running = mesh.require(data)
    if key is None:
        try:
            key = str(json.loads((data / "demo.json").read_text())["key"])
        except (OSError, ValueError, KeyError) as error:
            raise CliError(
                "the mesh has no demo tenant: name a key with --key "
                "(`sentientiq keys create TENANT --origin '*'` makes one)"
            ) from error
        origin = origin or running.urls.get("shop")
    return url or running.urls["ws"], key, origin


async def _play_all(recorded: list[Any], where: Any, speed: float | None, at_once: int) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from cli.replay.player import Player, Totals

    totals = Totals()
    total = sum(max(len(frame.events), 1) for session in recorded for frame in session.frames)
    slots = asyncio.Semaphore(at_once)
    with Progress(
        TextColumn("replay"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("events"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task("replay", total=total)

        async def play(session: Any) -> None:
            async with slots:
                player = Player(
                    session,
                    where,
                    totals,
                    speed=speed,
                    advance=lambda count: progress.advance(task, count),
                )
                await player.play()

        await asyncio.gather(*(play(session) for session in recorded))
    return totals
