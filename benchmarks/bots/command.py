"""`python -m benchmarks bots`."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import click
import numpy as np
from playwright.async_api import async_playwright

from benchmarks.accuracy.verdicts import run
from benchmarks.bots import shop, visits
from benchmarks.chromium import find_chromium
from benchmarks.visitors import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.accuracy.verdicts import Verdict

MOVE: Final = b'"type": "pointer_move"'


async def record(
    sessions: int, *, seed: int, seconds: float, together: int
) -> dict[str, list[bytes]]:
    """Return the recordings of so many visits of each kind, by name.

    Raises:
        click.ClickException: there is no Chromium, or the SDK and our edge did not agree.
    """
    path = find_chromium()
    room = asyncio.Semaphore(together)
    names = [f"{kind}-{n:03}" for n in range(sessions) for kind in visits.KINDS]
    async with shop.open_shop() as opened, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )

        async def one(place: int, name: str) -> None:
            async with room:
                rng = np.random.default_rng([seed, place])
                await visits.visit(browser, opened, name, rng, seconds)
                if place % 20 == 19:
                    click.echo(f"about {place + 1} of {len(names)}", err=True)

        try:
            async with asyncio.TaskGroup() as group:
                for place, name in enumerate(names):
                    group.create_task(one(place, name))
        finally:
            await browser.close()
        if opened.refused:
            raise click.ClickException(f"our edge refused our SDK: {opened.refused[:3]}")
        return dict(opened.lines)


def report(
    recordings: Mapping[str, list[bytes]], verdicts: Mapping[str, Verdict]
) -> dict[str, object]:
    """Return what became of each kind of visit."""
    found: dict[str, object] = {}
    for kind in visits.KINDS:
        names = [name for name in recordings if name.startswith(kind)]
        # Whatever was said counts, taken back or not.
        felt = Counter(
            emotion for n in names for emotion in {said for _, said, _ in verdicts[n].alarms}
        )
        found[kind] = {
            "sessions": len(names),
            "automated": sum(verdicts[name].automated for name in names),
            "sessions_with_an_emission": {emotion: felt[emotion] for emotion in EMOTIONS},
            "moves_median": median(sum(MOVE in line for line in recordings[n]) for n in names),
        }
    return found


@click.command("bots")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--sessions",
    default=200,
    show_default=True,
    type=click.IntRange(1),
    help="Visits of each kind.",
)
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--seconds",
    default=14.0,
    show_default=True,
    type=click.FloatRange(1, 60),
    help="How long a visit looks around before it presses the dead button.",
)
@click.option(
    "--together",
    default=12,
    show_default=True,
    type=click.IntRange(1),
    help="Visits at a time; too many for the machine, and the mouse falls behind.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the recordings (NDJSON), for `sentientiq detect`.",
)
def command(
    as_json: bool, sessions: int, seed: int, seconds: float, together: int, out: Path | None
) -> None:  # fmt: skip
    """Whether somebody at Playwright's mouse is taken for a program, hand-like or straight."""
    recordings = asyncio.run(record(sessions, seed=seed, seconds=seconds, together=together))
    if out is not None:
        out.write_bytes(b"".join(b"".join(lines) for lines in recordings.values()))
    verdicts = run((line for lines in recordings.values() for line in lines), "bots")
    result = {"seed": seed, "seconds": seconds, **report(recordings, verdicts)}
    if as_json:
        click.echo(json.dumps(result))
        return
    for name, value in result.items():
        click.echo(f"{name}: {value}")
