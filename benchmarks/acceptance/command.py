"""`python -m benchmarks acceptance`: is what was asked of capacity and fairness kept?"""

from __future__ import annotations

import asyncio
import importlib
import json
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
import uvloop

from benchmarks.acceptance.given import SHORT_S, SHORT_SHARE, Given
from benchmarks.acceptance.table import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.acceptance.check import Result


class Scenario(NamedTuple):
    """A row of the acceptance table."""

    module: str
    """It has a `run`."""
    title: str
    start: Callable[[Any], Any] = asyncio.run
    """What runs a coroutine."""


SCENARIOS: Final = {
    "AT-10": Scenario("detection", "Detection under load"),
    "AT-11": Scenario("help_in_page", "Help in the page, near and over a bad network"),
    "AT-13": Scenario(
        "shards",
        "50,000 events/s into detection over a few streams",
        uvloop.run,  # as the edge, whose part it plays; it starts no process groups
    ),
    "AT-20": Scenario("memory", "What ten thousand sessions cost"),
    "AT-21": Scenario("soak", "An hour: nothing grows"),
    "AT-22": Scenario("slow_readers", "One client in a hundred reads nothing"),
    "AT-23": Scenario("overload", "Three times too much"),
    "AT-24": Scenario("hot_tenant", "One tenant sends a hundred times its quota"),
}


@click.command("acceptance")
@click.argument(
    "names", nargs=-1, metavar="[AT-…]...", type=click.Choice(list(SCENARIOS), case_sensitive=False)
)
@click.option("--short", is_flag=True, help=f"A tenth of the load, {SHORT_S:.0f} s a run.")
@click.option("--load", "share", type=click.FloatRange(0.001, 10), help="Share of the load asked.")
@click.option("--seconds", type=click.FloatRange(5), help="Measured time of each run.")
@click.option("--minutes", default=60.0, show_default=True, help="Of AT-21.")
@click.option("--most", default=0.0, help="AT-23: the most frames/s taken, if it is known.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
def command(
    names: tuple[str, ...],
    short: bool,
    share: float | None,
    seconds: float | None,
    minutes: float,
    most: float,
    as_json: bool,
) -> None:
    """Run acceptance tests of capacity and fairness, all of them unless some are named.

    Each starts meshes of its own and prints what is asked, what was measured, and whether it was
    kept; exits with 1 if anything was missed. What each does: benchmarks/README.md.

    \b
    AT-10  Detection under load                        20 min
    AT-11  Help in the page, near and far               3 min
    AT-13  50,000 events/s into detection               1 min
    AT-20  What ten thousand sessions cost              2 min
    AT-21  An hour: nothing grows                      60 min
    AT-22  One client in a hundred reads nothing        6 min
    AT-23  Three times too much                         5 min
    AT-24  One tenant sends 100 times its quota         6 min
    """
    began = time.monotonic()

    def say(message: str) -> None:
        click.secho(f"{time.monotonic() - began:6.1f} s  {message}", err=True, dim=True)

    given = Given(say, share or (SHORT_SHARE if short else 1.0), seconds, minutes, short, most)
    found: dict[str, Result] = {}
    for name in names or SCENARIOS:
        say(f"{name}: {SCENARIOS[name].title}")
        module = importlib.import_module(f"benchmarks.acceptance.{SCENARIOS[name].module}")
        found[name] = SCENARIOS[name].start(module.run(given))
        show(name, SCENARIOS[name].title, found[name])
    if as_json:
        told = {
            name: {"title": SCENARIOS[name].title, **result.as_json()}
            for name, result in found.items()
        }
        click.echo(json.dumps({"short": short, "load": given.share, **told}))
    raise SystemExit(0 if all(result.kept for result in found.values()) else 1)
